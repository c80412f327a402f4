"""The `repro` command. Each command imports what it needs itself, so that `repro --help` answers at once."""

from __future__ import annotations

from typing import Any

import click

from repro import __version__
from repro.cli.book import book, claims
from repro.cli.data import data
from repro.cli.failure import BadInput, Interrupted
from repro.cli.model import model
from repro.cli.runs import runs
from repro.errors import InputError


class _Group(click.Group):
    """Turns the exceptions of all commands into messages and exit statuses."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise BadInput(str(error)) from error
        except KeyboardInterrupt as error:
            raise Interrupted("interrupted") from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="repro")
def main() -> None:
    """Re-executable edition of "Over-Parameterization and Generalization in Audio Classification"."""


for command in (book, claims, data, model, runs):
    main.add_command(command)
