"""How a command ends when it cannot do its work: one sentence for the person, one exit code for the script."""

from typing import IO, Any

import click

FAILED = 1
USAGE = 2  # click's own code too: a wrong option, argument or setting
UNAVAILABLE = 3


class Failure(click.ClickException):
    """The command did not do what it was asked. The message says what happened and what to do."""

    exit_code = FAILED

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"ask0: {self.format_message()}", file=file, err=file is None)


class WrongSetting(Failure):
    """An ASK0_* variable, or a combination of them, cannot work."""

    exit_code = USAGE


class NotAvailable(Failure):
    """Something the command needs is away or in use: the same command may work later."""

    exit_code = UNAVAILABLE
