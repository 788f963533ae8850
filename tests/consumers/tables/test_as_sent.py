"""What is accepted can be read as it was sent: any JSON, of many users, in any order."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ask0.schemas.events import Event
from ask0.schemas.reasons import InvalidEvent
from ask0.schemas.traits import STANDARD
from ask0.warehouse.connect import Warehouse
from tests.consumers.beacons import NOW, chunk, event, record, store

KEYS = (
    "a.b",
    "a%2Eb",
    "a%252Eb",
    "a%25252Eb",
    "a%2eb",
    "A.b",
    "a",
    "b",
    ".",
    "%2E",
    "",
    " ",
    "%",
    "%25",
    "2E",
    "..",
    "^a",
)
keys = st.sampled_from(KEYS) | st.text(max_size=6)
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(("", "x", "a%2Eb", "2020-01-01", "2020-01-01T00:00:00Z", "1", "true", "null", "{}"))
    | st.text(max_size=6)
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=10
)
objects = st.dictionaries(keys, values, max_size=5)


def read_again(value: Any) -> Any:
    """As JSON, in which whole numbers and others are alike."""
    return json.loads(orjson.dumps(value))


def as_column(value: Any) -> Any:
    """What a JSON column says: null and an object without anything in it are as absent."""
    if isinstance(value, dict):
        parts = {key: as_column(item) for key, item in value.items()}
        return {key: part for key, part in parts.items() if part is not None and part != {}}
    return [as_column(item) for item in value] if isinstance(value, list) else value


def alike(a: Any, b: Any) -> bool:
    """Equal, where a truth value is no number, and a double is itself with or without its exponent."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    return float(a) == b if isinstance(b, float) and isinstance(a, int) else bool(a == b)


def accepted(**wire: Any) -> Event | None:
    try:
        return event(**wire)
    except InvalidEvent:
        return None


def check(column: str, sent: str, expected: dict[str, Any], name: str) -> None:
    if sent:
        assert alike(json.loads(sent), read_again(expected)), name
    else:
        assert alike(json.loads(column), as_column(read_again(expected))), name


def lines(warehouse: Warehouse, sql: str) -> list[Any]:
    return [json.loads(line) for line in warehouse.raw(sql, "JSONCompactEachRow").splitlines()]


@pytest.mark.apart
def test_any_properties_context_and_traits_are_read_as_they_were_sent(embedded: Warehouse) -> None:
    number = iter(range(10**9))

    @settings(max_examples=60, phases=(Phase.explicit, Phase.generate))  # to shrink takes minutes
    @given(st.lists(st.tuples(st.integers(0, 3), objects, objects), min_size=1, max_size=40), st.randoms())
    def read_what_was_sent(said: list[tuple[int, dict[str, Any], dict[str, Any]]], chance: Any) -> None:
        project, records = f"p{next(number)}", []
        traits: dict[str, dict[str, Any]] = {}
        sent: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
        for at, (user, told, context) in enumerate(said):
            identify = accepted(
                type="identify", userId=f"u{user}", messageId=f"i{at}", timestamp=NOW - 60_000 + at, traits=told
            )
            track = accepted(event="x", userId=f"u{user}", messageId=f"t{at}", properties=told, context=context)
            for one, with_context in ((identify, {}), (track, context)):
                if one is not None:
                    records.append(record(one, project=project))
                    sent[one.message_id] = told, with_context
            if identify is not None:
                own = {name: value for name, value in told.items() if value is not None}
                traits[f"u{user}"] = traits.get(f"u{user}", {}) | own
        chance.shuffle(records)
        half = len(records) // 2
        for part in (records[:half], records[half:]):
            if part:
                assert not store(embedded, chunk(*part, lo=next(number), log=project)).quarantined
        where = f"WHERE project_id = '{project}'"
        select = "SELECT message_id, toString(properties), sent_properties, toString(context), sent_context FROM events"
        found = lines(embedded, f"{select} {where}")
        assert {row[0] for row in found} == sent.keys()
        for message_id, properties, sent_properties, context, sent_context in found:
            check(properties, sent_properties, sent[message_id][0], "properties")
            check(context, sent_context, sent[message_id][1], "context")
        for id, column, sent_traits in lines(embedded, f"SELECT id, toString(traits), sent_traits FROM users {where}"):
            own = {name: value for name, value in traits.get(id, {}).items() if name not in STANDARD.values()}
            check(column, sent_traits, own, "traits")

    read_what_was_sent()
