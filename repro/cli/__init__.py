"""The `repro` command. Each command imports what it needs itself, so that `repro --help` answers at once."""

from __future__ import annotations

import errno
from typing import Any

import click
from click.exceptions import NoArgsIsHelpError

from repro import __version__
from repro.cli.book import book, claims
from repro.cli.data import data
from repro.cli.ending import BadInput, Interrupted
from repro.cli.model import model
from repro.cli.runs import runs
from repro.cli.sweep import sweep, train
from repro.errors import InputError


class _Group(click.Group):
    """Turns the exceptions of all commands into messages and exit statuses."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Parse the arguments; what is wrong with them is one line."""
        try:
            return super().make_context(*args, **options)
        except click.UsageError as error:
            raise _in_one_line(error) from error

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise _in_one_line(error) from error
        except InputError as error:
            raise BadInput(str(error)) from error
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG):
                raise
            raise BadInput(f"{error.filename} cannot be used ({error.strerror}): name another place") from error
        except KeyboardInterrupt as error:
            raise Interrupted("interrupted") from error


def _in_one_line(error: click.UsageError) -> click.ClickException:
    if isinstance(error, NoArgsIsHelpError):  # no error: the help that was not asked for
        return error
    command = error.ctx.command_path if error.ctx else "repro"
    return BadInput(f"{error.format_message().rstrip('.')}: see '{command} --help'")


@click.group("repro", cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="repro")
def main() -> None:
    """Re-executable edition of "Over-Parameterization and Generalization in Audio Classification"."""


for command in (book, claims, data, model, runs, sweep, train):
    main.add_command(command)
