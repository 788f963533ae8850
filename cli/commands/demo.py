"""`ask0 demo`: real or scripted conversations, played through the gateway as a site would have sent them."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import click
import msgspec
import orjson

from ask0.cli.environment import read_settings
from ask0.cli.errors import FAILED, Failure
from ask0.cli.jsonl import open_lines
from ask0.cli.output import echo_json
from ask0.cli.progress import Bar
from ask0.cli.sender import Answer, Item, Sender, batched
from ask0.cli.target import find_target
from ask0.gateway.site.demo_script import Conversation, play, sample
from ask0.schemas.conversations import ANSWER, QUESTION, STARTED

ROUNDS_OF_THE_SAMPLE = 50


class Totals:
    """What was sent, counted as the tables should count it."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.users: set[str] = set()
        self.accepted = 0
        self.rejected = 0
        self.first_refusal = ""

    def as_dict(self, seconds: float) -> dict[str, int | float]:
        return {
            "conversations": self.events[STARTED],
            "users": len(self.users),
            "questions": self.events[QUESTION],
            "answers": self.events[ANSWER],
            "events": self.events.total(),
            "accepted": self.accepted,
            "rejected": self.rejected,
            "seconds": round(seconds, 3),
        }


@click.command("demo")
@click.option(
    "--conversations",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="JSON lines of {id, services, turns}, plain, gzip or zstd.  [default: a small built-in sample]",
)
@click.option("--users", type=click.IntRange(1), default=1000, show_default=True, help="How many people talk.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed plays the same events.")
@click.option("--until", help="When the last conversation ends, ISO 8601.  [default: now]")
@click.option("--url", help="Address of the gateway.  [default: the server running on this data folder]")
@click.option("--write-key", help="Key of the project.  [default: the oldest one in the catalog]")
@click.option("--parallel", type=click.IntRange(1, 64), default=4, show_default=True, help="Batches in flight.")
@click.option("--json", "as_json", is_flag=True, help="Print the totals as JSON.")
def command(
    conversations: str | None,
    users: int,
    seed: int,
    until: str | None,
    url: str | None,
    write_key: str | None,
    parallel: int,
    as_json: bool,
) -> None:
    """Play conversations through the gateway: people, their questions, the answers, feedback.

    They are spread over the 90 days before --until. Some people ask as guests first and log in later, so that their
    earlier events become theirs. Playing the same seed again changes nothing: every event keeps its messageId.

    \b
    Example:
      ask0 demo
      ask0 demo --conversations conversations.jsonl.gz --users 1000 --seed 1
    """
    target = find_target(read_settings(), url, write_key)
    cast = _read(conversations) if conversations else sample(ROUNDS_OF_THE_SAMPLE)
    totals = Totals()
    with Bar("demo", len(cast)) as bar:

        def landed(batch: list[Item], answer: Answer) -> None:
            totals.accepted += len(batch) - len(answer.rejected)
            totals.rejected += len(answer.rejected)
            if answer.rejected and not totals.first_refusal:
                totals.first_refusal = answer.rejected[0].message
            bar.move(len(batch), batch[-1].line)

        async def send() -> None:
            async with Sender(target.url, target.write_key, parallel=parallel) as sender:
                await sender.send_all(batched(_items(cast, users, seed, _epoch_ms(until), totals)), landed)

        asyncio.run(send())
    _tell(totals, bar.seconds, as_json)
    if totals.rejected:
        raise click.exceptions.Exit(FAILED)


def _items(cast: list[Conversation], users: int, seed: int, until: int, totals: Totals) -> Iterator[Item]:
    for number, events in enumerate(play(cast, users, seed, until), 1):
        for event in events:
            totals.events[event.get("event", "identify")] += 1
            if event["type"] == "identify":
                totals.users.add(event["userId"])
            yield Item(number, orjson.dumps(event))


def _read(path: str) -> list[Conversation]:
    cast = []
    decoder = msgspec.json.Decoder(Conversation)
    with open_lines(path) as lines:
        for number, line in enumerate(lines, 1):
            try:
                cast.append(decoder.decode(line))
            except msgspec.DecodeError as error:
                raise Failure(f"line {number} of {path} is not a conversation: {error}") from error
    if not cast:
        raise Failure(f"{path} holds no conversations")
    return cast


def _epoch_ms(until: str | None) -> int:
    try:
        when = datetime.fromisoformat(until) if until else datetime.now(UTC)
    except ValueError as error:
        raise click.BadParameter(f"{until!r} is not an ISO 8601 time", param_hint="--until") from error
    return int(when.replace(tzinfo=when.tzinfo or UTC).timestamp() * 1000)


def _tell(totals: Totals, seconds: float, as_json: bool) -> None:
    counts = totals.as_dict(seconds)
    if as_json:
        echo_json(counts)
        return
    click.echo(
        f"Played {counts['conversations']:,} conversations of {counts['users']:,} users: "
        f"{counts['questions']:,} questions, {counts['answers']:,} answers."
    )
    rate = totals.events.total() / max(seconds, 0.001)
    click.echo(f"{counts['events']:,} events in {seconds:.1f} s ({rate:,.0f}/s), {totals.accepted:,} accepted.")
    if totals.rejected:
        click.echo(f"{totals.rejected:,} rejected, the first one because: {totals.first_refusal}")
    click.echo('Look at them: ask0 sql "SELECT topic, count() FROM conversations GROUP BY topic ORDER BY 2 DESC"')
