"""`ask0 quarantine`: what could not be accepted or applied: list it, look at it, mend it and send it again."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import orjson

from ask0.catalog.keys import first_write_key
from ask0.cli.commands.parking import parked, resume
from ask0.cli.connection import open_tables
from ask0.cli.documents import read_catalog
from ask0.cli.environment import read_settings
from ask0.cli.errors import FAILED, Failure
from ask0.cli.output import echo_json, echo_table
from ask0.cli.sender import Item, Sender
from ask0.cli.target import find_url
from ask0.schemas.catalog import Catalog, hash_secret
from ask0.schemas.reasons import Reason
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.quarantine import Quarantined, list_quarantine, mark_replayed, ready_again, show

TIMES = ("received_at", "replayed_at")
REASONS = click.Choice([str(reason) for reason in Reason])


@click.group("quarantine")
def command() -> None:
    """List, look at and replay events that could not be accepted or applied; let parked projects go on.

    \b
    Example:
      ask0 quarantine list --reason invalid_timestamp
    """


command.add_command(parked)
command.add_command(resume)


@command.command("list")
@click.option("--project", default="", help="Only of the project with this id.")
@click.option("--reason", type=REASONS, default=None, help="Only with this reason.")
@click.option("--waiting", is_flag=True, help="Only what has not been replayed.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
def list_rows(project: str, reason: str | None, waiting: bool, limit: int, as_json: bool) -> None:
    """List the quarantine, the newest first.

    \b
    Example:
      ask0 quarantine list --waiting --json
    """
    with open_tables(read_settings()) as warehouse:
        found = list_quarantine(warehouse, project=project, reason=reason or "", replayed=not waiting, limit=limit)
    if as_json:
        echo_json([_described(row) for row in found])
        return
    rows = [
        (row.id, f"{row.received_at:%Y-%m-%d %H:%M:%S}", row.stage, row.reason, _replayed(row), row.message)
        for row in found
    ]
    echo_table(("id", "received", "stage", "reason", "replayed", "message"), rows, "The quarantine is empty.")


@command.command("show")
@click.argument("id")
@click.option("--json", "as_json", is_flag=True, help="Print the row as JSON.")
def show_row(id: str, as_json: bool) -> None:
    """Show one row with the event as it was sent.

    \b
    Example:
      ask0 quarantine show 0199…:0:41:0
    """
    with open_tables(read_settings()) as warehouse:
        row = _get(warehouse, id)
    if as_json:
        echo_json(_described(row))
        return
    for name, value in _described(row).items():
        if name != "raw":
            click.echo(f"{name:<12} {'' if value is None else value}")
    click.echo()
    click.echo(row.raw)


@command.command("replay")
@click.argument("ids", metavar="ID...", nargs=-1)
@click.option("--reason", type=REASONS, default=None, help="Everything with this reason that was not replayed yet.")
@click.option(
    "--set",
    "fixes",
    metavar="PATH=VALUE",
    multiple=True,
    help="Put a value into each event: JSON, or else text. PATH has dots: properties.price=9.5",
)
@click.option(
    "--edit",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="Send the JSON in FILE in place of the one event.",
)
@click.option(
    "--secret-key",
    metavar="KEY",
    help="Send with this secret key of the project: such events need no userToken.  [default: a write key]",
)
@click.option("--url", help="Address of the gateway.  [default: the server running on this data folder]")
@click.option("--json", "as_json", is_flag=True, help="Print what became of each event as JSON.")
def replay(
    ids: tuple[str, ...],
    reason: str | None,
    fixes: tuple[str, ...],
    edit: str | None,
    secret_key: str | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Send events from the quarantine again, mended if you say how. Exits 1 if one is refused again.

    The userToken of an event is not kept: where the project requires one, --set a new one, or vouch for the event
    yourself with --secret-key.

    \b
    Example:
      ask0 quarantine replay 0199…:0:41:0 --set timestamp=2026-01-31T12:00:00Z
      ask0 quarantine replay --reason wrong_key
    """
    if bool(ids) == bool(reason):
        raise click.UsageError("Name the ids to replay, or a --reason.")
    if edit and len(ids) != 1:
        raise click.UsageError("--edit takes the place of one event: name its id alone.")
    settings = read_settings()
    address = find_url(settings, url)
    with open_tables(settings) as warehouse:
        rows = [_get(warehouse, id) for id in ids] or _waiting(warehouse, reason or "")
        catalog = read_catalog(settings)
        replacement = Path(edit).read_bytes() if edit else None
        keys = {row.project_id: _key(catalog, row.project_id, secret_key) for row in rows}
        outcomes = asyncio.run(_send(address, keys, [(row, _mended(row, fixes, replacement)) for row in rows]))
        mark_replayed(warehouse, [id for id, refusal in outcomes.items() if not refusal])
    if as_json:
        echo_json([{"id": id, "accepted": not refusal, "message": refusal} for id, refusal in outcomes.items()])
    else:
        for id, refusal in outcomes.items():
            click.echo(f"{id}  {f'refused again: {refusal}' if refusal else 'accepted'}")
        if not outcomes:
            click.echo("There is nothing to replay.")
    if any(outcomes.values()):
        raise click.exceptions.Exit(FAILED)


def _key(catalog: Catalog, project_id: str, secret_key: str | None) -> str:
    """What to replay a project's events with. Raises Failure."""
    if secret_key:
        if catalog.project_of_secret(hash_secret(secret_key)) != project_id:
            raise Failure(f"this is no live secret key of {project_id}; `ask0 key create --secret` makes one")
        return secret_key
    project = catalog.projects.get(project_id)
    key = first_write_key(catalog, project) if project else ""
    if not key:
        raise Failure(f"{project_id} has no write key to replay with; `ask0 key create` makes one")
    return key


async def _send(url: str, keys: Mapping[str, str], events: list[tuple[Quarantined, bytes]]) -> dict[str, str]:
    """By row id, why the event was refused again; empty if it was accepted."""
    outcomes: dict[str, str] = {}
    for row, event in events:
        async with Sender(url, keys[row.project_id]) as sender:
            answer = await sender.send([Item(0, event)])
        outcomes[row.id] = answer.rejected[0].message if answer.rejected else ""
    return outcomes


def _mended(row: Quarantined, fixes: tuple[str, ...], replacement: bytes | None) -> bytes:
    try:
        event: Any = orjson.loads(replacement if replacement is not None else row.raw)
    except orjson.JSONDecodeError as error:
        raise Failure(f"{row.id} is not JSON ({error}); put a whole event in its place with --edit FILE") from error
    if fixes and not isinstance(event, dict):
        raise Failure(f"{row.id} is not an object to set something in; put an event in its place with --edit FILE")
    if isinstance(event, dict):
        ready_again(row, event)
    for fix in fixes:
        path, equals, value = fix.partition("=")
        if not equals or not path:
            raise click.BadParameter(f"{fix!r} is not PATH=VALUE", param_hint="--set")
        _put(event, path.split("."), _parsed(value), fix)
    if isinstance(event, dict):
        ready_again(row, event)
    return orjson.dumps(event)


def _put(event: dict[str, Any], path: list[str], value: object, fix: str) -> None:
    for name in path[:-1]:
        event = event.setdefault(name, {})
        if not isinstance(event, dict):
            raise click.BadParameter(f"{fix!r}: {name} is not an object", param_hint="--set")
    event[path[-1]] = value


def _parsed(value: str) -> object:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _get(warehouse: Warehouse, id: str) -> Quarantined:
    row = show(warehouse, id)
    if row is None:
        raise Failure(f"nothing in the quarantine has the id {id!r}; `ask0 quarantine list` shows the ids")
    return row


def _waiting(warehouse: Warehouse, reason: str) -> list[Quarantined]:
    return list_quarantine(warehouse, reason=reason, replayed=False, limit=10_000)


def _described(row: Quarantined) -> dict[str, str | None]:
    times = {name: None if (time := getattr(row, name)) is None else time.isoformat() for name in TIMES}
    return {**row._asdict(), **times}


def _replayed(row: Quarantined) -> str:
    return f"{row.replayed_at:%Y-%m-%d %H:%M:%S}" if row.replayed_at else ""
