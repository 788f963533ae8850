"""What happens in the project of the tests of insights, drawn by chance: as plain objects, and as rows."""

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from ask0.warehouse.connect import Warehouse
from tests.gateway.api.rows import DAY, HOUR, act, get, store, talk
from tests.gateway.running import INSIGHT_PROJECT, INSIGHT_SECRET, OTHER_PROJECT, Running

BERLIN = ZoneInfo("Europe/Berlin")
LAST = date(2025, 11, 2)  # a Sunday; a week before, the clocks of Berlin went back
DAYS = 14
TOPICS = ("API", "Billing", "Ünïcode 🦊", "Rare", None, "")
WORDINGS = (
    *("How do I reset my password?", "how do i reset my  PASSWORD", "How can I reset my password?!"),
    *("What does it cost?", "what does it cost", "WHAT DOES IT COST ???", "What will it cost?"),
    *("Wie kündige ich?", "WIE KÜNDIGE ICH", "Is there an API?", "मूल्य क्या है?", "価格は？", "???", "x"),
)
QUESTION, ANSWER, FEEDBACK = "Question Asked", "Answer Given", "Feedback Given"


@dataclass
class Happening:
    at: int
    event: str
    user: str
    id: str
    talk: str = ""
    type: str = "track"
    said: dict[str, Any] = field(default_factory=dict)

    @property
    def is_question(self) -> bool:
        return (self.type, self.event) == ("track", QUESTION)

    @property
    def is_answer(self) -> bool:
        return (self.type, self.event) == ("track", ANSWER)


@dataclass
class World:
    happenings: list[Happening]
    people: dict[str, int]  # when each was first met
    talks: list[dict[str, Any]]  # the newest version of each


def midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


def bounds(zone: ZoneInfo, last: date = LAST, days: int = DAYS) -> tuple[int, int, int]:
    """Where the period before begins, where it ends and the period itself begins, and where that ends."""
    first = last - timedelta(days=days - 1)
    return tuple(midnight(day, zone) for day in (first - timedelta(days=days), first, last + timedelta(days=1)))  # type: ignore[return-value]


def local(at: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)


def draw(seed: int = 11) -> World:
    """Over 40 days, more in the later half; some stand exactly on a border."""
    chance = random.Random(seed)
    start, middle, end = bounds(BERLIN)
    people = {f"ins-{number:03}": chance.randrange(start - 9 * DAY, end + DAY) for number in range(150)}
    people["ins-000"], people["ins-001"], people["ins-002"] = start, middle, end
    happenings = [_happening(chance, number, people, (start, middle, end)) for number in range(3000)]
    for at in (start, start - 1, middle, middle - 1, end, end - 1):
        happenings.append(
            Happening(at, QUESTION, "ins-000", f"ins-on-{at}", f"ins-border-{at}", said={"text": "Is there an API?"})
        )
    talks = [_talk(chance, number, start - 9 * DAY, end + DAY) for number in range(400)]
    return World(happenings, people, talks)


def _happening(chance: random.Random, number: int, people: dict[str, int], at: Sequence[int]) -> Happening:
    start, middle, end = at
    moment = chance.randrange(*chance.choice([(start - 9 * DAY, end + 3 * DAY), (middle, end)]))
    if chance.random() < 0.1:
        moment = moment // HOUR * HOUR  # several at once, also in one conversation
    event = chance.choice((QUESTION, QUESTION, ANSWER, ANSWER, FEEDBACK, "Clicked", "Home", "Segment Entered"))
    kind = {"Home": "page", "Segment Entered": "segment"}.get(event, chance.choice(("track",) * 19 + ("page",)))
    found = Happening(moment, event, chance.choice(sorted(people)), f"ins-{number}", type=kind)
    found.talk = f"ins-talk-{chance.randrange(400)}" if chance.random() < 0.9 else ""
    if event == QUESTION:
        found.said = {"text": chance.choice(WORDINGS) if chance.random() < 0.95 else chance.choice((7, None))}
        found.said |= {"topic": chance.choice(TOPICS)}
    elif event == ANSWER:
        found.said = chance.choice(({}, {"answered": True}, {"answered": False}, {"answered": "no"}))
        if chance.random() < 0.3:
            found.said = {**found.said, "inReplyTo": f"ins-{chance.randrange(3000)}"}
    elif event == FEEDBACK:
        found.said = {"rating": chance.choice((0, 0.25, 1, 3, -1))} if chance.random() < 0.5 else {}
        found.said |= {"thumbs": chance.choice(("up", "down", "sideways", 1))}
    return found


def _talk(chance: random.Random, number: int, start: int, end: int) -> dict[str, Any]:
    questions = chance.randrange(5)
    began = chance.randrange(start, end)
    return talk(
        f"ins-talk-{number}",
        "ins-000",
        project_id=INSIGHT_PROJECT,
        topic=chance.choice(TOPICS),
        status=chance.choice(("open", "open", "resolved", "deleted")),
        started_at=began,
        last_at=began + HOUR,
        questions=questions,
        answers=chance.randrange(5),
        answered=chance.randrange(questions + 2),
        satisfaction=chance.choice((None, 0.0, 0.5, 0.75, 1.0)),
        _version=2,
    )


def store_world(clickhouse: Warehouse, world: World, project: str = INSIGHT_PROJECT) -> None:
    """With older versions, rows that were stored twice, people who were merged away, and another project's."""
    chance = random.Random(12)
    store(clickhouse, "events", [{**_row(chance, one), "project_id": project} for one in world.happenings])
    elsewhere = [_row(chance, one) for one in world.happenings[:200]]
    store(clickhouse, "events", [{**row, "project_id": OTHER_PROJECT} for row in elsewhere])
    people = [person(id, first, project_id=project) for id, first in world.people.items()]
    merged = [person(f"ins-gone-{number}", LATE, merged_into="ins-000", project_id=project) for number in range(20)]
    store(clickhouse, "user_rows", [{**row, "first_seen_at": LATE, "_version": 1} for row in people[::3]])
    store(clickhouse, "user_rows", [*people, *merged])
    store(clickhouse, "user_rows", people[:9])
    talks = [{**row, "project_id": project} for row in world.talks]
    store(clickhouse, "conversation_rows", [{**row, "topic": "Old", "_version": 1} for row in talks[::3]])
    store(clickhouse, "conversation_rows", talks)
    store(clickhouse, "conversation_rows", talks[:9])


LATE = bounds(BERLIN)[1] + HOUR


def person(id: str, first_seen_at: int, **more: Any) -> dict[str, Any]:
    given = {"project_id": INSIGHT_PROJECT, "id": id, "status": "Active", "merged_into": "", "_version": 2}
    return {**given, "first_seen_at": first_seen_at, **more}


def _row(chance: random.Random, one: Happening) -> dict[str, Any]:
    row = act(one.event, one.at, one.user, message_id=one.id, type=one.type, conversation_id=one.talk)
    row["received_at"] = one.at + chance.choice((-60_000, 0, 5, 40 * DAY))
    row["timestamp"] = one.at + chance.choice((0, -3 * DAY, HOUR))
    column = "sent_properties" if chance.random() < 0.2 else "properties"
    return {**row, column: json.dumps(one.said)}


def ask(gateway: Running, what: str, **query: Any) -> httpx.Response:
    return get(gateway, f"/insights/{what}", secret=INSIGHT_SECRET, **query)


def within(happenings: Iterable[Happening], start: int, end: int) -> list[Happening]:
    return [one for one in happenings if start <= one.at < end]
