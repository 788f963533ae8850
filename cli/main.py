"""`ask0`: the group of all commands, and what a known failure looks like to the person who ran one."""

from importlib import import_module

import click

from ask0.catalog.errors import CatalogError, CatalogUnavailable, KeyTaken
from ask0.cli.errors import Failure, NotAvailable, WrongSetting
from ask0.eventlog.log import LogUnavailable
from ask0.schemas.settings import SettingsError
from ask0.warehouse.errors import QueryFailed, Refused, Unavailable

COMMANDS = {
    "serve": "ask0.cli.commands.serve",
    "gateway": "ask0.cli.commands.gateway",
    "worker": "ask0.cli.commands.worker",
    "migrate": "ask0.cli.commands.migrate",
    "doctor": "ask0.cli.commands.doctor",
    "project": "ask0.cli.commands.project",
    "key": "ask0.cli.commands.key",
    "member": "ask0.cli.commands.member",
    "verification": "ask0.cli.commands.verification",
    "user": "ask0.cli.commands.user",
    "job": "ask0.cli.commands.job",
    "segment": "ask0.cli.commands.segment",
    "retention": "ask0.cli.commands.retention",
    "import": "ask0.cli.commands.importing",
    "demo": "ask0.cli.commands.demo",
    "sql": "ask0.cli.commands.sql",
    "tail": "ask0.cli.commands.tail",
    "group": "ask0.cli.commands.group",
    "quarantine": "ask0.cli.commands.quarantine",
    "audit": "ask0.cli.commands.audit",
}


class Commands(click.Group):
    """Loads a command's module when it is asked for, so that `ask0 sql` does not wait for the web server's imports."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(COMMANDS[cmd_name]).command
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except Exception as error:
            failure = _explain(error)
            if failure is None:
                raise
            raise failure from error


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Settings are ASK0_* variables, or lines of a file named .env. Exit codes: 0 done, 1 failed, 2 wrong usage "
    "or setting, 3 unavailable or in use.",
)
@click.version_option(package_name="ask0", message="ask0 %(version)s")
def main() -> None:
    """Identify and track the people who talk to an AI assistant.

    \b
    Example:
      ask0 serve
    """


def _explain(error: Exception) -> Failure | None:
    """What a known error means to the person who ran the command; None for an error that is our own."""
    from ask0.warehouse.migrate import SchemaMismatch  # here, because it is slow to import

    match error:
        case SettingsError() | KeyTaken():
            return WrongSetting(str(error))
        case CatalogUnavailable():
            return NotAvailable(_one_line(error))
        case CatalogError():
            return Failure(str(error))
        case Unavailable() | LogUnavailable():
            return NotAvailable(_one_line(error))
        case QueryFailed(code=code):
            number = f" (code {code})" if code is not None else ""
            return Failure(f"ClickHouse refused the statement{number}: {_one_line(error)}")
        case Refused():
            return Failure(f"ClickHouse refused the data: {_one_line(error)}")
        case SchemaMismatch():
            return Failure(str(error))
    return None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


if __name__ == "__main__":
    main()
