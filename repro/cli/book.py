"""`repro book` and `repro claims`."""

from __future__ import annotations

from contextlib import chdir

import click

from repro.cli.ending import Failure, interruptible
from repro.errors import InputError
from repro.files.project import project_root

BUILT_FIRST = ("quick", "esc10")
"""The editions of the site, the one in front last: it shows the other's verdicts beside its own."""


@click.command()
@click.option(
    "--edition", help="A file of book/editions, without .yml.  [default: those of the site; quick with --only or -p]"
)
@click.option("--only", metavar="PAGE", help="Execute this page alone, e.g. 05-1-width.")
@click.option(
    "-p", "given", metavar="NAME=VALUE", multiple=True, help="Set a parameter or a setting, e.g. -p epochs=20."
)
@click.option("--fresh", is_flag=True, help="Execute pages that have not changed, too.")
@click.option("--no-execute", is_flag=True, help="Make the HTML from the notebooks as they were last executed.")
def book(edition: str | None, only: str | None, given: tuple[str, ...], fresh: bool, no_execute: bool) -> None:
    """Execute the notebooks and make the HTML, in _build/EDITION; without --edition the site of esc10 and quick.

    With --no-execute the site has every other edition, too, that was executed here or elsewhere.

    Missing runs are trained first, if the edition says so. Pages are executed side by side, on a GPU one after the
    other. Pages that have not changed since they were last executed are not executed again.

    With -p a parameter of the pages is set, or a setting of the edition: for all pages, or for the page of --only. With
    --only the book shows the other pages as they were last executed; those that never were are left out.
    """
    from repro.build.book import build, never_executed, render
    from repro.build.pages import BuildError
    from repro.build.parameters import parse_assignment
    from repro.build.site import assemble
    from repro.edition import editions, open_edition

    if no_execute and (only or given or fresh):
        raise InputError("--no-execute executes nothing: it goes without --only, -p and --fresh")
    root = project_root()
    if edition is None and (only or given):  # these change one edition
        edition = BUILT_FIRST[0]
    names = [edition] if edition else [name for name in BUILT_FIRST if name in editions(root)]
    if no_execute and edition is None:  # others come in front: they were executed elsewhere, to be shown
        for name in sorted({path.parent.name for path in root.glob("_build/*/source")} & {*editions(root)} - {*names}):
            if missing := never_executed(root, name):
                click.echo(f"Edition '{name}' is left out, never executed: {', '.join(missing)}")
            else:
                names.append(name)
    if not names:
        raise InputError(f"book/editions has neither of {' and '.join(BUILT_FIRST)}: name an edition with --edition")
    built = {}
    try:
        with interruptible():
            for name in names:
                if len(names) > 1:
                    click.echo(f"Edition '{name}'")
                if no_execute:
                    built[name] = render(root, name).parent
                else:
                    built[name] = build(root, name, only, [parse_assignment(text) for text in given], fresh).parent
    except BuildError as error:
        raise Failure(str(error)) from error
    if len(names) == 1:
        click.echo(f"The book: {built[names[0]] / 'index.html'}")
        return
    books = {name: built[name] for name in reversed(names)}
    titles = {name: open_edition(name, root).title for name in books}
    first = assemble(books, titles, root / "_build" / "site", root / "_build" / "site.zip")
    click.echo(f"The site: {first}")


@click.command()
@click.option("--edition", default="quick", show_default=True, help="A file of book/editions, without .yml.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: every value, interval, criterion and run key.")
def claims(edition: str, as_json: bool) -> None:
    """Print the claims ledger from the store's and the shipped runs; nothing is trained."""
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
