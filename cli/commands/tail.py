"""`ask0 tail`: the accepted events as they come, from the log, before any worker has seen them."""

import asyncio
from collections.abc import Callable
from secrets import token_hex
from typing import get_args

import click
import msgspec
from prometheus_client import CollectorRegistry

from ask0.catalog.projects import find_project
from ask0.cli.documents import read_catalog
from ask0.cli.environment import read_settings
from ask0.cli.logs import configure_logs
from ask0.cli.output import show_time
from ask0.consumers.follow import Asked, Follow
from ask0.consumers.worker import Worker
from ask0.eventlog.open import drop_group, open_reader
from ask0.schemas.events import Event, EventType
from ask0.schemas.records import Record
from ask0.schemas.settings import Settings

MAX_SHOWN = 160  # characters of the properties, in text


@click.command("tail")
@click.option("--project", help="Id or name of a project.  [default: all]")
@click.option("--type", "types", type=click.Choice(get_args(EventType)), multiple=True, help="A type; may be repeated.")
@click.option("--event", "events", multiple=True, help="An event's name; may be repeated.")
@click.option("--user", default="", help="A userId or anonymousId.")
@click.option("--json", "as_json", is_flag=True, help="Print each event as one line of JSON.")
@click.option("--limit", type=click.IntRange(1), help="End after so many events.")
@click.option("--group", help="Keep the place on the log under this name, and go on from there the next time.")
@click.option("--from-start", is_flag=True, help="Begin with the first event on the log, not with the next.")
def command(
    project: str | None,
    types: tuple[str, ...],
    events: tuple[str, ...],
    user: str,
    as_json: bool,
    limit: int | None,
    group: str | None,
    from_start: bool,
) -> None:
    """Follow the accepted events, until Ctrl-C. They come from the log, so also while ClickHouse or workers are away.

    With --group, nothing is missed between two calls: a SQLite log keeps its records until the group has done them
    (`ask0 group drop NAME` ends that), Kafka for as long as its topic does. After a crash, some come twice.

    \b
    Example:
      ask0 tail --event "Question Asked"
      ask0 tail --json --group export | my-exporter
    """
    if group and limit:
        raise click.UsageError("--limit ends in the middle of what was read, so it cannot keep a place: omit --group.")
    settings = read_settings()
    configure_logs("warning")
    asked = Asked(_project_id(settings, project), types, events, user)
    try:
        asyncio.run(_follow(settings, asked, Printer(as_json, limit), group, at_end=not from_start))
    except KeyboardInterrupt:
        return


class Printer:
    """Prints events, and says when there were enough."""

    def __init__(self, as_json: bool, limit: int | None) -> None:
        self._line = as_line_of_json if as_json else as_text
        self._left = limit
        self.enough: Callable[[], object] = lambda: None

    def show(self, record: Record, event: Event) -> None:
        if self._left == 0:
            return
        click.echo(self._line(record, event))
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self.enough()


async def _follow(settings: Settings, asked: Asked, printer: Printer, group: str | None, *, at_end: bool) -> None:
    name = group or f"ask0-tail-{token_hex(4)}"
    reader = open_reader(settings.log_dsn, group=name, at_end=at_end, lasting=group is not None)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    printer.enough = lambda: loop.call_soon_threadsafe(stop.set)
    try:
        await Worker(reader, Follow(asked, printer.show), CollectorRegistry()).run(stop)
    finally:
        await reader.close()
        if group is None:
            await drop_group(settings.log_dsn, name)


def _project_id(settings: Settings, asked: str | None) -> str:
    return find_project(read_catalog(settings), asked).id if asked else ""


def as_line_of_json(record: Record, event: Event) -> bytes:
    """Fields as they are on the wire; without those that the event does not have."""
    fields = {
        "projectId": record.project_id,
        "receivedAt": record.received_at,
        "type": event.type,
        "event": event.event,
        "userId": event.user_id,
        "anonymousId": event.anonymous_id,
        "previousId": event.previous_id,
        "groupId": event.group_id,
        "conversationId": event.conversation_id,
        "messageId": event.message_id,
        "timestamp": event.timestamp,
        "traits" if event.type in ("identify", "group") else "properties": event.properties,
        "context": event.context,
    }
    return msgspec.json.encode({name: value for name, value in fields.items() if value != ""})


def as_text(record: Record, event: Event) -> str:
    """One line, whatever the sender put into it: a control character could write elsewhere on the terminal."""
    properties = bytes(event.properties).decode()
    shown = properties if len(properties) <= MAX_SHOWN else f"{properties[:MAX_SHOWN]}…"
    who = event.user_id or event.anonymous_id
    words = (show_time(record.received_at), record.project_id, event.type, event.event, who, shown)
    line = "  ".join(word for word in words if word)
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in line)
