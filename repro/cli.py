"""The `repro` command. Each command imports what it needs itself, so that `repro --help` answers at once."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path
from typing import Any

import click

from repro import __version__
from repro.errors import InputError


class _Failure(click.ClickException):
    """Ends the command with one message on stderr and exit status 1."""

    def show(self, file: Any = None) -> None:
        click.echo(f"repro: {self.format_message()}", err=True)


class _BadInput(_Failure):
    exit_code = 2


class _Interrupted(_Failure):
    exit_code = 130


class _Group(click.Group):
    """Turns the exceptions of all commands into messages and exit statuses."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise _BadInput(str(error)) from error
        except KeyboardInterrupt as error:
            raise _Interrupted("interrupted") from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="repro")
def main() -> None:
    """Re-executable edition of "Over-Parameterization and Generalization in Audio Classification"."""


@main.command()
@click.option("--edition", default="quick", show_default=True, help="A file of book/editions, without .yml.")
@click.option("--only", metavar="PAGE", help="Execute this page alone, e.g. 05-1-width.")
@click.option("-p", "given", metavar="NAME=VALUE", multiple=True, help="Set a parameter, e.g. -p widths='[8,16]'.")
@click.option("--fresh", is_flag=True, help="Execute pages that have not changed, too.")
@click.option("--no-execute", is_flag=True, help="Make the HTML from the notebooks as they were last executed.")
def book(edition: str, only: str | None, given: tuple[str, ...], fresh: bool, no_execute: bool) -> None:
    """Execute the notebooks and make the HTML, in _build/EDITION.

    Pages that have not changed since they were last executed are not executed again. A parameter set with -p goes to
    every page that has it, or to the page of --only. With --only the book shows the other pages as they were last
    executed; those that never were are left out.
    """
    from repro.book import build, find_root, render
    from repro.pages import BuildError
    from repro.parameters import parse_assignment

    if no_execute and (only or given or fresh):
        raise InputError("--no-execute executes nothing: it goes without --only, -p and --fresh")
    root = find_root(Path.cwd())
    try:
        if no_execute:
            index = render(root, edition)
        else:
            index = build(root, edition, only, [parse_assignment(text) for text in given], fresh)
    except BuildError as error:
        raise _Failure(str(error)) from error
    click.echo(f"The book: {index}")


@main.command()
@click.option("--edition", default="quick", show_default=True, help="A file of book/editions, without .yml.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: every value, interval, criterion and run key.")
def claims(edition: str, as_json: bool) -> None:
    """Print the claims ledger from the runs that the store has; nothing is trained."""
    import json

    from repro import ledger
    from repro.book import find_root
    from repro.evidence import gather
    from repro.pages import read_pages
    from repro.parameters import read_edition, resolve

    root = find_root(Path.cwd())
    parameters = {name: page.parameters() for name, page in read_pages(root).items()}
    if "claims" not in parameters:
        raise InputError("this book has no page 'claims', whose parameters the ledger needs")
    values = resolve(parameters, read_edition(root / "book" / "editions", edition), edition)["claims"]
    defaults = {name: parameter.default for name, parameter in parameters["claims"].items()}
    with chdir(root):  # where pages are executed
        evidence = gather(defaults | values, train=False)
    if as_json:
        click.echo(json.dumps(ledger.as_json(edition, evidence), indent=1, ensure_ascii=False, allow_nan=False))
    else:
        click.echo(ledger.as_text(edition, evidence))


@main.group()
def data() -> None:
    """Work with recordings."""


@data.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--clips", default=4, show_default=True, help="Clips that device a records of every scene in every city.")
@click.option("--seconds", default=10.0, show_default=True, help="Length of a clip.")
@click.option("--seed", default=0, show_default=True, help="The set is a function of it.")
def synthesize(folder: Path, clips: int, seconds: float, seed: int) -> None:
    """Write the synthetic set to FOLDER in the TAU set's own format: 44.1 kHz, 24 bit, with meta.csv."""
    from repro.config import DataConfig
    from repro.data.synthetic import write_tau_folder

    write_tau_folder(DataConfig(clips=clips, seed=seed, clip_seconds=seconds), folder, seconds=seconds)
    click.echo(f"Written: {folder.resolve()}")


@main.command()
@click.option("--width", default=32, show_default=True, help="W, channels of the first stage.")
@click.option("--depth", default=1, show_default=True, help="D, number of 3x3 blocks behind the last pooling.")
@click.option("--pointwise", default=1, show_default=True, help="K, number of 1x1 blocks.")
@click.option("--seconds", default=10.0, show_default=True, help="Length of a clip, for the arithmetic.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def model(width: int, depth: int, pointwise: int, seconds: float, as_json: bool) -> None:
    """Print a network's layers, weights, arithmetic and maximum receptive field.

    The damped network has the same numbers as the base network.
    """
    import json

    from repro.config import ModelConfig
    from repro.features import SAMPLE_RATE, frames
    from repro.model import LayerRow, layer_table
    from repro.receptive_field import maximum_receptive_field

    config = ModelConfig(width=width, depth=depth, pointwise=pointwise)
    rows = layer_table(config, frames(round(seconds * SAMPLE_RATE)))
    totals = {
        "weights": sum(row.weights for row in rows),
        "macs": sum(row.macs for row in rows),
        "maximum_receptive_field": maximum_receptive_field(config),
    }
    if as_json:
        click.echo(json.dumps(totals | {"layers": [row._asdict() for row in rows]}, indent=1, ensure_ascii=False))
        return
    table = [LayerRow._fields, *([str(value) for value in row] for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(LayerRow._fields))]
    for line in table:
        click.echo("  ".join(cell.rjust(size) for cell, size in zip(line, widths, strict=True)))
    click.echo(f"{totals['weights']:,} weights, {totals['macs'] / 1e9:.3f} GMAC a clip of {seconds:g} s, ", nl=False)
    click.echo(f"maximum receptive field {totals['maximum_receptive_field']} x {totals['maximum_receptive_field']}")


@main.group()
def runs() -> None:
    """Look into the run store."""


@runs.command()
def ls() -> None:
    """List the finished runs."""
    from repro.runs import Store
    from repro.stats import network_name

    store = Store.default()
    for key in store.finished():
        record = store.load(key)
        recipe = record.experiment.recipe
        click.echo(
            f"{key}  {network_name(record):<32} {recipe.labels} labels  seed {record.experiment.seed}  "
            f"{recipe.epochs} epochs  {record.provenance['seconds']:.0f} s  {record.provenance['finished']}"
        )
