"""`repro runs`: the run store."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from repro.cli.failure import Failure

if TYPE_CHECKING:
    from repro.experiment import Experiment
    from repro.store.record import Failure as FailedRun
    from repro.store.record import Record

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def runs() -> None:
    """Look into the run store, check it, tidy it, and take runs from one machine to another."""


@runs.command()
@_as_json
def ls(as_json: bool) -> None:
    """List the finished runs, those that failed, and those that cannot be read."""
    from repro.errors import InputError
    from repro.store.store import Store

    store = Store.default()
    rows: list[dict[str, Any]] = []
    for key in sorted({*store.finished(), *store.failed()}):
        try:
            rows.append(_summary(store.load(key) if key in store else store.failure(key)))
        except InputError as error:
            rows.append({"key": key, "state": "unreadable", "reason": str(error)})
    if as_json:
        click.echo(json.dumps(rows, indent=1, allow_nan=False))
        return
    for row in rows:
        click.echo(_line(row))


@runs.command()
@click.argument("key")
@_as_json
def show(key: str, as_json: bool) -> None:
    """Print all that is kept of the run KEY, or of the failure to train it."""
    from repro.store.store import Store

    store = Store.default()
    if key in store or not store.failure_path(key).is_file():
        record = store.load(key)
        content = _summary(record) | {
            "train_accuracy": record.train_accuracy,
            "scenes": list(record.scenes),
            "weights_kept": record.has_weights,
            "field_kept": store.has_field(key),
            "folder": str(record.folder),
        }
        tables = {
            "epochs": record.epochs,
            "layer_sparsity": record.layer_sparsity,
            "test_clips": record.test_clips.assign(
                **{
                    f"epoch {epoch}": [record.scenes[label] for label in labels]
                    for epoch, labels in zip(record.reported_epochs, record.predictions, strict=True)
                }
            ),
        }
    else:
        content, tables = _summary(store.failure(key)), {}
    if as_json:
        rows = {
            name: json.loads(table.to_json(orient="records", double_precision=15)) for name, table in tables.items()
        }
        click.echo(json.dumps(content | rows, indent=1, allow_nan=False))
        return
    for name, value in _flat(content):
        click.echo(f"{name}: {value}")
    for name, table in tables.items():
        if not table.empty:
            click.echo(f"\n{name}\n{table.to_string(index=False, na_rep='')}")


@runs.command()
def verify() -> None:
    """Read every file of the store again and compare it with its checksum; status 1 if there is any fault."""
    from repro.store.store import Store
    from repro.store.verify import faults, leftovers

    store = Store.default()
    count = 0
    for error in faults(store):
        count += 1
        click.echo(str(error))
    left = len(leftovers(store))
    kept = f"{len(store.finished())} runs, {len(store.failed())} failures"
    aside = f"; {left} leftovers of killed or working processes, which are no results" if left else ""
    if count:
        raise Failure(f"{kept}, {count} faults{aside}")
    click.echo(f"{kept}, no fault{aside}")


@runs.command()
@click.option("--yes", is_flag=True, help="Remove it.")
def gc(yes: bool) -> None:
    """List what no edition of this book needs, with its size; with --yes remove it.

    Runs that no edition asks for, damaged ones and those of earlier versions, failures, checkpoints of finished runs,
    what killed processes have left, and prepared recordings of neither a remaining run nor an edition.
    """
    from repro.build.book import find_root
    from repro.store.cleanup import garbage, remove
    from repro.store.store import Store

    store, needed = Store.default(), [run for runs in _editions().values() for run in runs]
    with chdir(find_root(Path.cwd())):  # what the paths of recordings are relative to
        found = garbage(store, needed)
    for item in found:
        click.echo(f"{item.size / 1e6:10.3f} MB  {item.path.relative_to(store.root)}  {item.why}")
    used = remove(store, found) if yes else []
    for item in used:
        click.echo(f"in use, left: {item.path.relative_to(store.root)}")
    size = sum(item.size for item in found) - sum(item.size for item in used)
    count = len(found) - len(used)
    click.echo(f"{count} things, {size / 1e6:.3f} MB, {'removed' if yes else 'can go: repro runs gc --yes'}")


@runs.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--edition", help="Only the runs that this edition of the book asks for.")
@click.option(
    "--weights", is_flag=True, help="With the networks' weights; without them no receptive field can be made."
)
def export(file: Path, edition: str | None, weights: bool) -> None:
    """Write runs and receptive fields to FILE, for another machine to import."""
    from repro.errors import InputError
    from repro.store.store import Store
    from repro.store.transfer import export_runs

    store = Store.default()
    wanted = _editions(edition)[edition] if edition else None
    keys = store.finished() if wanted is None else store.find(wanted)
    if not keys:
        raise InputError(f"{store.root} has no runs to export")
    export_runs(store, keys, file, weights)
    asked = "" if wanted is None else f"of the {len(wanted)} that edition '{edition}' asks for "
    click.echo(f"Exported: {len(keys)} runs {asked}to {file} ({file.stat().st_size / 1e6:.3f} MB)")


@runs.command("import")
@click.argument("file", type=click.Path(path_type=Path))
def import_(file: Path) -> None:
    """Add the runs of FILE, which `repro runs export` has written, to the store; those that it has stay as they are."""
    from repro.store.store import Store
    from repro.store.transfer import import_runs

    added, present = import_runs(Store.default(), file)
    click.echo(f"Imported: {added} runs; {present} were there already and stay as they are")


def _editions(only: str | None = None) -> dict[str, list[Experiment]]:
    """The runs that each edition of the book in the current folder asks for, or that one edition does."""
    from repro.build.book import find_root
    from repro.build.pages import read_pages
    from repro.build.parameters import read_edition, resolve
    from repro.editions import experiments_of, union

    root = find_root(Path.cwd())
    folder = root / "book" / "editions"
    pages = {name: page.parameters() for name, page in read_pages(root).items()}
    defaults = {name: {key: parameter.default for key, parameter in page.items()} for name, page in pages.items()}
    needed = {}
    for edition in [only] if only else sorted(path.stem for path in folder.glob("*.yml")):
        values = resolve(pages, read_edition(folder, edition), edition)
        needed[edition] = union(experiments_of({name: defaults[name] | values[name] for name in pages}).values()).runs
    return needed


def _summary(run: Record | FailedRun) -> dict[str, Any]:
    """What is told of a finished and of a failed run alike, and in one line."""
    from repro.analysis.accuracy import network_name
    from repro.store.record import Record

    summary = {"key": run.key, "experiment": run.experiment.canonical(), "data_fingerprint": run.data_fingerprint}
    if isinstance(run, Record):
        state = {"state": "finished", "network": network_name(run), "made_by_this_code": run.made_by_this_code}
    else:
        state = {"state": "failed", "kind": run.kind, "reason": run.reason}
    return summary | state | {"provenance": run.provenance}


def _line(row: dict[str, Any]) -> str:
    if row["state"] == "unreadable":
        return f"{row['key']}  UNREADABLE: {row['reason']}"
    if row["state"] == "failed":
        return f"{row['key']}  FAILED: {row['kind']}: {row['reason']}"
    recipe = row["experiment"]["recipe"]
    made = "" if row["made_by_this_code"] else "  by other code"
    return (
        f"{row['key']}  {row['network']:<32} {recipe['labels']} labels  seed {row['experiment']['seed']}  "
        f"{recipe['epochs']} epochs  {row['provenance']['seconds']:.0f} s  {row['provenance']['finished']}{made}"
    )


def _flat(content: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested values by dotted name."""
    lines: list[tuple[str, Any]] = []
    for name, value in content.items():
        lines += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]
    return lines
