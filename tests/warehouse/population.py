"""Users of every odd sort, as the real path writes them, and what one query says of all of them."""

import random
from collections.abc import Sequence
from typing import Any

import orjson

from ask0.consumers.tables.rounds import Limits, apply
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.users import read_profile
from tests.consumers.beacons import NOW, change, chunk, event, record, untimed
from tests.schemas.filters.documents import CATEGORIES, DATES, EVENTS, ITEMS, KEYS, NO_DATES, NUMBERS, TAGS, TEXTS

NAMES = (*KEYS, *("email", "plan", "company", "name", "createdAt", "emailVerified"))
AGES = (0, 60_000, 36 * 3_600_000, 7 * 86_400_000)  # ms
STORED = """
SELECT user_id, event, toUnixTimestamp64Milli(occurred_at) AS occurredAt, properties, sent_properties
FROM events WHERE project_id = {project:String}
"""


def populate(warehouse: Warehouse, project: str, users: int, seed: int) -> None:
    """In one round."""
    chance = random.Random(seed)
    records = [record(*_said(chance, f"u{number}"), project=project) for number in range(users)]
    guests = [record(event(anonymousId=f"a{number}", event="Bought"), project=project) for number in range(3)]
    apply(warehouse, [chunk(*records, *guests, log=project)], Limits(), untimed)


def name_traits(warehouse: Warehouse, project: str, names: Sequence[str], inner: Sequence[str]) -> None:
    """Users who have a trait of each name, whose value is the name, or an object of the inner names; of some of them
    the column can say all of it."""
    flat = {name: name for name in names}
    deep = {name: {key: f"{name} → {key}" for key in inner} for name in inner}
    users = {"flat": flat, "deep": deep, "sent": {**flat, "mixed": [1, "a"]}, "sent-deep": {**deep, "mixed": [1, "a"]}}
    users["plain"] = {name: name for name in names if "%" not in name}
    said = [record(event(userId=id, type="identify", traits=traits), project=project) for id, traits in users.items()]
    apply(warehouse, [chunk(*said, log=project)], Limits(), untimed)


def profiles(warehouse: Warehouse, project: str) -> dict[str, dict[str, Any]]:
    ids = warehouse.query(
        "SELECT id FROM user_rows FINAL WHERE project_id = {project:String} AND merged_into = ''", {"project": project}
    )
    found = {id: read_profile(warehouse, project, id) for (id,) in ids}
    return {id: profile for id, profile in found.items() if profile is not None}


def acts(warehouse: Warehouse, project: str) -> dict[str, list[dict[str, Any]]]:
    """Events by user, as `happened` takes them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in warehouse.raw(STORED, "JSONEachRow", {"project": project}).splitlines():
        row = orjson.loads(line)
        row["properties"] = orjson.loads(row["sent_properties"]) if row["sent_properties"] else row["properties"]
        row["occurredAt"] = int(row["occurredAt"])
        found.setdefault(row["user_id"], []).append(row)
    return found


def _said(chance: random.Random, id: str) -> Sequence[Any]:
    at = NOW - chance.choice(AGES)
    consent = {category: chance.choice(("granted", "pending", "denied")) for category in CATEGORIES}
    said = [
        event(userId=id, type="page", name="Home", timestamp=at, context={"consent": consent}),
        event(userId=id, type="identify", timestamp=at, traits=_object(chance, NAMES, 8)),
    ]
    for _ in range(chance.randrange(4)):
        when = NOW - chance.choice(AGES)
        name = chance.choice(EVENTS)
        said.append(event(userId=id, event=name, properties=_object(chance, KEYS, 4), timestamp=when))
    if chance.random() < 0.3:
        said.append(event(userId=id, event="Survey Answered", properties={"nps": chance.randrange(11)}))
    if chance.random() < 0.5:
        said.append(change(id, tags={tag: chance.random() < 0.7 for tag in chance.sample(TAGS, 2)}))
    return said


def _object(chance: random.Random, names: Sequence[str], most: int, depth: int = 0) -> dict[str, Any]:
    chosen = chance.sample([*names, *names[:4], *names[:4]], chance.randrange(most + 1))
    return {name: _value(chance, depth) for name in chosen}


def _value(chance: random.Random, depth: int) -> Any:
    kind = chance.randrange(12)
    if kind < 7:
        return _scalar(chance)
    if kind == 7:
        return None
    if kind == 8:
        return {"lat": chance.choice((0, 52.5, 48.1, 91, "0")), "lon": chance.choice((0, 13.4, 180, -180.5))}
    if kind == 9 and depth < 2 and chance.random() < 0.4:
        return _object(chance, KEYS, 3, depth + 1)
    size = chance.randrange(4)
    if kind == 9:
        return [chance.choice(ITEMS) for _ in range(size + 1)]
    if kind == 10:
        return [chance.choice((*TEXTS, None)) for _ in range(size)]
    if chance.random() < 0.5:
        return [chance.choice(NUMBERS[:9]) for _ in range(size)]
    return [_value(chance, depth + 1) if chance.random() < 0.2 else _scalar(chance) for _ in range(size)]


def _scalar(chance: random.Random) -> Any:
    pool: Sequence[Any] = chance.choice((TEXTS, DATES, NO_DATES, NUMBERS, (True, False), (0, 1, 5)))
    value = chance.choice(pool)
    if type(value) is str and chance.random() < 0.1:
        return value + chr(chance.choice((0, 0x301, 0x3A3, 0x130, chance.randrange(0xD800))))
    return value
