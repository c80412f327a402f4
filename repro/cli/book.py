"""`repro book` and `repro claims`."""

from __future__ import annotations

from contextlib import chdir

import click

from repro.cli.failure import Failure
from repro.cli.interrupt import interruptible
from repro.errors import InputError
from repro.files.project import project_root


@click.command()
@click.option("--edition", default="quick", show_default=True, help="A file of book/editions, without .yml.")
@click.option("--only", metavar="PAGE", help="Execute this page alone, e.g. 05-1-width.")
@click.option("-p", "given", metavar="NAME=VALUE", multiple=True, help="Set a parameter, e.g. -p widths='[8,16]'.")
@click.option("--fresh", is_flag=True, help="Execute pages that have not changed, too.")
@click.option("--no-execute", is_flag=True, help="Make the HTML from the notebooks as they were last executed.")
def book(edition: str, only: str | None, given: tuple[str, ...], fresh: bool, no_execute: bool) -> None:
    """Execute the notebooks and make the HTML, in _build/EDITION.

    What they need is trained first. On a CPU they are executed side by side, on a GPU one after the other.

    Pages that have not changed since they were last executed are not executed again. A parameter set with -p goes to
    every page that has it, or to the page of --only. With --only the book shows the other pages as they were last
    executed; those that never were are left out.
    """
    from repro.build.book import build, render
    from repro.build.pages import BuildError
    from repro.build.parameters import parse_assignment

    if no_execute and (only or given or fresh):
        raise InputError("--no-execute executes nothing: it goes without --only, -p and --fresh")
    root = project_root()
    try:
        with interruptible():
            if no_execute:
                index = render(root, edition)
            else:
                index = build(root, edition, only, [parse_assignment(text) for text in given], fresh)
    except BuildError as error:
        raise Failure(str(error)) from error
    click.echo(f"The book: {index}")


@click.command()
@click.option("--edition", default="quick", show_default=True, help="A file of book/editions, without .yml.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: every value, interval, criterion and run key.")
def claims(edition: str, as_json: bool) -> None:
    """Print the claims ledger from the runs that the store has; nothing is trained."""
    import json

    from repro.analysis import ledger
    from repro.analysis.evidence import Evidence
    from repro.edition import open_edition
    from repro.store.store import Store
    from repro.sweep.available import available

    root = project_root()
    chosen = open_edition(edition, root)
    with chdir(root):  # which the folders of the recordings are relative to
        evidence = Evidence(chosen, tuple(available(chosen.experiments(), Store.default())))
    if as_json:
        click.echo(json.dumps(ledger.as_json(evidence), indent=1, ensure_ascii=False, allow_nan=False))
    else:
        click.echo(ledger.as_text(evidence))
