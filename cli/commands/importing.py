"""`ask0 import`: events from a file of JSON lines, through the gateway, resumable."""

import asyncio
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO
from uuid import NAMESPACE_URL, uuid5

import click
import msgspec
import orjson

from ask0.cli.datadir import write_private
from ask0.cli.environment import read_settings
from ask0.cli.errors import FAILED, Failure
from ask0.cli.jsonl import open_lines
from ask0.cli.output import echo_json
from ask0.cli.progress import Bar
from ask0.cli.sender import MAX_BATCH_BYTES, Answer, Item, Rejected, Sender, batched
from ask0.cli.target import find_target
from ask0.schemas.reasons import InvalidEvent, Reason


class Place(msgspec.Struct):
    """How far an import has come: every line up to `line` has its outcome. Kept beside the input."""

    source: str = ""  # which input this is: a hash of its name and first line
    line: int = 0
    accepted: int = 0
    rejected: int = 0


class Import:
    """One run over one input: numbers the lines, keeps the place, writes down what was refused."""

    def __init__(self, name: str, place: Place, keep_at: Path | None, refused: BinaryIO) -> None:
        self.place = place
        self._name = name
        self._keep_at = keep_at
        self._refused = refused
        self._waiting: list[tuple[int, Rejected, bytes]] = []  # refused here; the batch before them is not through yet

    def items(self, lines: Iterator[bytes]) -> Iterator[Item]:
        for number, line in enumerate(lines, 1):
            if number == 1:
                self._recognise(line)
            if number <= self.place.line or not line.strip():
                continue
            try:
                yield Item(number, _event(line, f"{self.place.source}:{number}"))
            except InvalidEvent as error:
                self._waiting.append((number, Rejected(0, error.reason, error.message), line.rstrip()))

    def land(self, batch: list[Item], answer: Answer) -> None:
        """The batch is through: first write down what was refused up to its end, then the place."""
        last = batch[-1].line
        refused = [(batch[one.index].line, one, batch[one.index].body) for one in answer.rejected]
        refused += [entry for entry in self._waiting if entry[0] <= last]
        self._waiting = [entry for entry in self._waiting if entry[0] > last]
        self.place.accepted += len(batch) - len(answer.rejected)
        self._settle(refused, last)

    def finish(self) -> None:
        if self._waiting:
            self._settle(self._waiting, self._waiting[-1][0])

    def _recognise(self, first_line: bytes) -> None:
        source = blake2b(self._name.encode() + b"\n" + first_line, digest_size=16).hexdigest()
        if self.place.source not in ("", source):
            raise Failure(
                f"{self._keep_at} keeps the place in another file; --restart begins this one at its first line"
            )
        self.place.source = source

    def _settle(self, refused: list[tuple[int, Rejected, bytes]], line: int) -> None:
        for number, why, raw in sorted(refused, key=lambda entry: entry[0]):
            event = raw.decode("utf-8", "replace")
            entry = {"line": number, "code": why.code, "message": why.message, "event": event}
            self._refused.write(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))
        self._refused.flush()
        self.place.rejected += len(refused)
        self.place.line = line
        if self._keep_at:
            write_private(self._keep_at, msgspec.json.encode(self.place))


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--url", help="Address of the gateway.  [default: the server running on this data folder]")
@click.option("--write-key", help="Key of the project.  [default: the oldest one in the catalog]")
@click.option("--parallel", type=click.IntRange(1, 64), default=4, show_default=True, help="Batches in flight.")
@click.option("--patience", type=click.FloatRange(0), default=300, show_default=True, metavar="SECONDS",
              help="How long to go on trying while the gateway is away or busy.")  # fmt: skip
@click.option("--restart", is_flag=True, help="Begin at the first line, even if an earlier run got further.")
@click.option("--json", "as_json", is_flag=True, help="Print the totals as JSON.")
def command(
    file: str, url: str | None, write_key: str | None, parallel: int, patience: float, restart: bool, as_json: bool
) -> None:
    """Send the events in FILE, one JSON object a line, through the gateway.

    FILE may be plain, gzip or zstd, or - for standard input. Events keep their timestamps. One without a messageId
    gets one made from the file's name and first line, the line's number and its text, so that sending a file again
    changes nothing. An import that was interrupted goes on where it stopped: FILE.progress.json keeps the place. What
    is refused goes to FILE.rejected.jsonl with line number and reason, and makes the exit code 1.

    \b
    Example:
      ask0 import events.jsonl.gz
      zcat old/*.gz | ask0 import - --url https://ask0.example.com --write-key wk_…
    """
    target = find_target(read_settings(), url, write_key)
    name = "stdin" if file == "-" else file
    keep_at = None if file == "-" else Path(f"{file}.progress.json")
    place = Place() if restart or keep_at is None else _read_place(keep_at)
    if place.line:
        click.echo(f"Going on after line {place.line:,}; --restart begins at the first.", err=True)
    refused_at = Path(f"{name}.rejected.jsonl")
    with (
        open_lines(file) as lines,
        open(refused_at, "ab" if place.line else "wb") as refused,
        Bar("import", lines.size) as bar,
    ):
        run = Import(Path(name).name, place, keep_at, refused)

        def landed(batch: list[Item], answer: Answer) -> None:
            run.land(batch, answer)
            bar.move(len(batch), lines.position)

        async def send() -> None:
            async with Sender(target.url, target.write_key, parallel=parallel, patience_seconds=patience) as sender:
                await sender.send_all(batched(run.items(iter(lines))), landed)

        asyncio.run(send())
        run.finish()
    if not place.rejected:
        refused_at.unlink()
    _tell(place, bar, refused_at, as_json)
    if place.rejected:
        raise click.exceptions.Exit(FAILED)


def _read_place(path: Path) -> Place:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Place)
    except FileNotFoundError:
        return Place()
    except msgspec.DecodeError as error:
        raise Failure(f"{path} cannot be read ({error}); remove it, or use --restart") from error


def _event(line: bytes, position: str) -> bytes:
    """The event as JSON, with a messageId. Raises InvalidEvent."""
    if len(line) > MAX_BATCH_BYTES:
        raise InvalidEvent(Reason.TOO_LARGE, "longer than any event may be")
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InvalidEvent(Reason.NOT_AN_OBJECT, f"the line is not JSON: {error}") from error
    if not isinstance(event, dict):
        raise InvalidEvent(Reason.NOT_AN_OBJECT, "an event is a JSON object")
    if event.get("messageId") in (None, ""):
        event["messageId"] = str(uuid5(NAMESPACE_URL, f"ask0:{position}:{line.decode().strip()}"))
    return orjson.dumps(event)


def _tell(place: Place, bar: Bar, refused_at: Path, as_json: bool) -> None:
    if as_json:
        echo_json(
            {
                "lines": place.line,
                "accepted": place.accepted,
                "rejected": place.rejected,
                "sent": bar.events,
                "seconds": round(bar.seconds, 3),
            }
        )
        return
    rate = bar.events / max(bar.seconds, 0.001)
    click.echo(f"Sent {bar.events:,} events in {bar.seconds:.1f} s ({rate:,.0f}/s).")
    click.echo(f"The file so far: {place.line:,} lines, {place.accepted:,} accepted, {place.rejected:,} rejected.")
    if place.rejected:
        click.echo(f"What was rejected, and why: {refused_at}")
