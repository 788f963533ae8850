"""`ask0 group`: who reads the log, how far each is, and how one is dropped."""

import asyncio

import click

from ask0.cli.environment import read_settings
from ask0.cli.errors import Failure
from ask0.cli.output import echo_json, echo_table, show_time
from ask0.eventlog.open import drop_group, list_groups


@click.group("group")
def command() -> None:
    """List and drop the groups that read the log. A SQLite log keeps its records until every group has done them.

    \b
    Example:
      ask0 group list
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the groups as JSON.")
def list_all(as_json: bool) -> None:
    """List the groups, and how many records wait for each.

    \b
    Example:
      ask0 group list --json
    """
    groups = asyncio.run(list_groups(read_settings().log_dsn))
    if as_json:
        echo_json([group._asdict() for group in groups])
        return
    rows = [(group.name, f"{group.lag:,}", "yes" if group.live else "no", _time(group.seen)) for group in groups]
    echo_table(("group", "records waiting", "reads now", "last seen"), rows, "Nobody has read the log yet.")


@command.command("drop")
@click.argument("name")
def drop(name: str) -> None:
    """Forget the place of group NAME on the log. If somebody reads in its name again, they begin anew.

    \b
    Example:
      ask0 group drop export
    """
    settings = read_settings()
    if name == settings.kafka_group:
        raise Failure(f"{name} are the workers that make rows: without their place they would read everything again")
    try:
        dropped = asyncio.run(drop_group(settings.log_dsn, name))
    except ValueError as error:
        raise Failure(str(error)) from error
    if not dropped:
        raise Failure(f"there is no group {name!r}; `ask0 group list` shows them")
    click.echo(f"{name} is dropped.")


def _time(seconds: float | None) -> str:
    return "" if seconds is None else show_time(int(seconds * 1000))
