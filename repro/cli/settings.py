"""The option with which commands change settings of an edition."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from repro.edition import Edition

settings = click.option(
    "-p", "given", metavar="NAME=VALUE", multiple=True, help="Change a setting of the edition, e.g. -p widths='[8,16]'."
)


def changed(edition: str, given: Iterable[str] = ()) -> Edition:
    """The edition of this name, with what was given by `settings`."""
    from repro.build.parameters import parse_assignment
    from repro.edition import open_edition

    return open_edition(edition, None, **dict(map(parse_assignment, given)))
