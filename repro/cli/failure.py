"""How a command ends that has failed."""

from __future__ import annotations

from typing import Any

import click


class Failure(click.ClickException):
    """Ends the command with one message on stderr and exit status 1."""

    def show(self, file: Any = None) -> None:
        """Print the message."""
        click.echo(f"repro: {self.format_message()}", err=True)


class BadInput(Failure):
    """Exit status 2."""

    exit_code = 2


class Interrupted(Failure):
    """Exit status 130, as of a process that SIGINT has ended."""

    exit_code = 130
