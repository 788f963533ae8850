"""Who signed up in a month, held against plain Python over the same users, events and changes."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from ask0.schemas.insights import Cohorts
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.insight_cohorts import months_of, read_cohorts
from tests.gateway.api.rows import DAY, act, store

PROJECT = "proj_cohorts"
NOW = datetime(2025, 11, 20, 15, tzinfo=UTC)
PLANS: tuple[Any, ...] = ("free", "Free", "trial", "pro", "enterprise", "", None, {"name": "pro"}, 7)
UNPAID = ("free", "Free", "trial", "Trial", "")


@dataclass
class Person:
    id: str
    signed_up: int
    plan: Any
    conversations: int
    acts: list[int] = field(default_factory=list)
    said: list[tuple[int, Any]] = field(default_factory=list)  # of their plan, by events and changes

    @property
    def is_guest(self) -> bool:
        return self.id.startswith("g-")


def text_of(plan: Any) -> str:
    if isinstance(plan, dict):
        return str(plan["name"])
    return "" if plan is None else plan if isinstance(plan, str) else str(plan)


def has_upgraded(one: Person) -> bool:
    said = sorted((at, text_of(plan)) for at, plan in one.said if text_of(plan))
    return bool(said) and text_of(one.plan) not in UNPAID and text_of(one.plan) != said[0][1]


def change_row(user: str, at: int, traits: dict[str, Any], number: int) -> dict[str, Any]:
    kept = {name: orjson.dumps(value).decode() for name, value in traits.items()}
    given = {"project_id": PROJECT, "user_id": user, "at": at, "id": f"change-{number}", "action": "user.updated"}
    return {**given, "traits": kept, "_off": number}


@pytest.fixture
def people(warehouse: Warehouse) -> list[Person]:
    """With older versions of rows, guests who became users, who was merged, values that never held, another project."""
    chance = random.Random(5)
    start, end = int(datetime(2024, 9, 20, tzinfo=UTC).timestamp() * 1000), int(NOW.timestamp() * 1000)
    people = list[Person]()
    events, changes, rows = list[dict[str, Any]](), list[dict[str, Any]](), list[dict[str, Any]]()
    for number in range(160):
        id = f"g-{number}" if number % 8 == 0 else f"user-{number}"
        one = Person(id, chance.randrange(start, end + DAY), chance.choice(PLANS), chance.randrange(9))
        people.append(one)
        one.acts = [chance.randrange(one.signed_up - 40 * DAY, end + DAY) for _ in range(chance.randrange(12))]
        events += [act("Clicked", at, id) for at in one.acts]
        events.append(act("Segment Entered", one.signed_up + 9 * DAY, id, type="segment"))
        merged, guest = f"merged-{number}", f"g-of-{number}"
        for _ in range(chance.randrange(4)):
            at, plan = one.signed_up + chance.randrange(5) * DAY, chance.choice(PLANS)
            one.said.append((at, plan))
            if chance.random() < 0.5:
                column = chance.choice(("properties", "sent_properties"))
                said = orjson.dumps({"plan": plan, "x": 1}).decode()
                events.append(act("", at, id, type="identify", **{"properties": {}, column: _as(column, said)}))
                one.acts.append(at)
            else:
                changes.append(change_row(chance.choice((id, merged, guest)), at, {"plan": plan}, len(changes)))
        if number % 5 == 0:  # a page claimed it, and may not
            at = one.signed_up - DAY
            events.append(act("", at, id, type="identify", ignored=["plan"], properties={"plan": "claimed"}))
            one.acts.append(at)
        rows += _rows(one, merged, guest)
    told = [{"ignored": [], **row, "project_id": PROJECT} for row in events]
    store(warehouse, "events", told)
    store(warehouse, "events", [{**row, "project_id": "other"} for row in told[:99]])
    store(warehouse, "user_changes", changes)
    store(warehouse, "user_rows", [{**row, "created_at": start, "plan": "pro", "_version": 1} for row in rows[::3]])
    store(warehouse, "user_rows", rows)
    return people


def _as(column: str, said: str) -> Any:
    return orjson.loads(said) if column == "properties" else said


def _rows(one: Person, merged: str, guest: str) -> list[dict[str, Any]]:
    given = {"project_id": PROJECT, "status": "Guest" if one.is_guest else "Active", "_version": 2, "created_at": None}
    own = {"first_seen_at": one.signed_up, "plan": text_of(one.plan) or None, "conversations": one.conversations}
    if not one.is_guest and one.conversations % 2:  # then it is a trait, else when they were first met
        own |= {"created_at": one.signed_up, "first_seen_at": one.signed_up - 50 * DAY}
    gone = {"first_seen_at": one.signed_up, "plan": "pro", "conversations": 50}
    return [
        {**given, **own, "id": one.id, "merged_into": ""},
        {**given, **gone, "id": merged, "merged_into": one.id},
        {**given, **gone, "id": guest, "status": "Guest", "merged_into": merged},
    ]


def begin(day: date, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, 1, tzinfo=zone).timestamp() * 1000)


def expected(people: Sequence[Person], starts: Sequence[int], until: int) -> list[dict[str, Any]]:
    spans = [*zip(starts, [*starts[1:], until], strict=True)]
    cohorts = []
    for number, (start, end) in enumerate(spans):
        came = [one for one in people if start <= one.signed_up < end and not one.is_guest]
        active = [sum(any(begun <= at < over for at in one.acts) for one in came) for begun, over in spans[number:]]
        upgraded = sum(map(has_upgraded, came))
        cohorts.append(
            {
                "users": len(came),
                "active": active,
                "shares": [one / len(came) for one in active] if came else [],
                "conversations": sum(one.conversations for one in came) / len(came) if came else None,
                "upgraded": upgraded,
                "upgradeRate": upgraded / len(came) if came else None,
            }
        )
    return cohorts


def test_a_cohort_is_who_signed_up_in_a_month(warehouse: Warehouse, people: list[Person]) -> None:
    for tz, months, last in (("UTC", 12, None), ("Pacific/Apia", 24, None), ("Europe/Berlin", 3, date(2025, 3, 31))):
        zone = ZoneInfo(tz)
        calendar = months_of(NOW, months, zone, last)
        answer = read_cohorts(warehouse, PROJECT, calendar)
        Cohorts.model_validate({"tz": tz, "from": "", "until": "", "asOf": "", **answer})
        end = (last or NOW.astimezone(zone).date()).replace(day=1)
        number = end.year * 12 + end.month - 1
        firsts = [date(one // 12, one % 12 + 1, 1) for one in range(number - months + 1, number + 2)]
        until = min(begin(firsts[-1], zone), int(NOW.timestamp() * 1000))
        assert [cohort.pop("month") for cohort in answer["cohorts"]] == [f"{day:%Y-%m}" for day in firsts[:-1]]
        assert answer["cohorts"] == expected(people, [begin(day, zone) for day in firsts[:-1]], until)
        assert calendar.until == until
    assert (
        sum(cohort["upgraded"] for cohort in read_cohorts(warehouse, PROJECT, months_of(NOW, 24, zone))["cohorts"]) > 5
    )
