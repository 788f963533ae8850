"""What the gateway accepts, shape by shape, and that nothing else ever comes out of a JSON value."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ask0.schemas import records
from ask0.schemas.events import MAX_TIMESTAMP, TYPES, Event, parse_event, parse_time
from ask0.schemas.reasons import InvalidEvent, Reason

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
VALID = sorted((EXAMPLES / "valid").glob("*.json"))
INVALID = sorted((EXAMPLES / "invalid").glob("*/*.json"))
REFUSED_BY_SHAPE = [path for path in INVALID if "verification" not in json.loads(path.read_text())]  # of any project
RECEIVED_AT = 1_700_000_000_000


def parse(raw: object, kind: str | None = None) -> Event:
    return parse_event(raw, kind=kind, received_at=RECEIVED_AT, new_id=lambda: "assigned")


def as_dict(event: Event) -> dict[str, Any]:
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    assert not fields.pop("unverified")  # the gateway's to say, which knows the project
    assert not fields.pop("ignored")  # likewise
    return fields | {"properties": json.loads(bytes(event.properties)), "context": json.loads(bytes(event.context))}


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_an_accepted_shape_becomes_its_canonical_event(path: Path) -> None:
    example = json.loads(path.read_text())
    assert as_dict(parse(example["input"], example["kind"])) == example["event"]


@pytest.mark.parametrize("path", REFUSED_BY_SHAPE, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_refused_shape_gives_its_reason_and_says_why(path: Path) -> None:
    example = json.loads(path.read_text())
    with pytest.raises(InvalidEvent) as refusal:
        parse(example["input"], example["kind"])
    assert refusal.value.reason == path.parent.name
    assert len(refusal.value.message) > 10


def test_every_reason_of_the_gateway_has_an_example() -> None:
    elsewhere = {
        Reason.WRONG_KEY,
        Reason.UNREADABLE_RECORD,
        Reason.REFUSED_BY_CLICKHOUSE,
        Reason.FACTS_REFUSED,
        Reason.ROW_NOT_WRITTEN,
        Reason.MERGE_REFUSED,
    }
    assert {path.parent.name for path in INVALID} == {reason.value for reason in Reason} - elsewhere


text = st.text(st.characters(), max_size=8) | st.text(st.characters(categories=["Cs", "Lu"]), max_size=3)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)
keys = st.sampled_from(
    (
        "type",
        "event",
        "userId",
        "anonymousId",
        "messageId",
        "timestamp",
        "sentAt",
        "properties",
        "traits",
        "context",
        "id",
    )
    + ("name", "category", "groupId", "previousId", "customAttributes", "originalTimestamp", "conversationId")
)
likely = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(sorted(TYPES)) | values,
        "event": text,
        "id": text | st.integers(),
        "userId": text | st.integers() | st.none(),
        "anonymousId": text,
        "timestamp": st.datetimes().map(lambda when: when.isoformat()) | st.integers() | values,
        "properties": st.dictionaries(text, values, max_size=4),
        "traits": st.dictionaries(text, values, max_size=4),
        "context": st.dictionaries(text, values, max_size=2),
    },
)


@given(values | st.dictionaries(keys | text, values, max_size=8) | likely, st.none() | st.sampled_from(sorted(TYPES)))
def test_any_json_is_a_canonical_event_that_survives_the_log_or_has_one_reason(raw: object, kind: str | None) -> None:
    try:
        event = parse(raw, kind)
    except InvalidEvent as refusal:
        assert refusal.reason in Reason  # noqa: PT017 - either outcome is fine, and there is no third
        return
    record = records.Record(project_id="proj_1", received_at=RECEIVED_AT, events=(event,))
    value = records.encode(record)
    assert records.decode(value) == record
    assert records.partition_key("proj_1", event)
    assert 0 <= event.timestamp < MAX_TIMESTAMP
    assert isinstance(orjson.loads(bytes(event.properties)), dict)
    assert isinstance(orjson.loads(bytes(event.context)), dict)


@given(likely)
def test_an_accepted_event_says_the_same_when_it_is_sent_again_in_canonical_form(raw: dict[str, Any]) -> None:
    try:
        event = parse(raw)
    except InvalidEvent:
        return
    payload = "traits" if event.type in ("identify", "group") else "properties"
    again: dict[str, Any] = {
        "type": event.type,
        "messageId": event.message_id,
        "userId": event.user_id,
        "anonymousId": event.anonymous_id,
        "timestamp": event.timestamp,
        "name" if event.type in ("page", "screen") else "event": event.event,
        "previousId": event.previous_id or None,
        "groupId": event.group_id or None,
        payload: orjson.loads(bytes(event.properties)),
        "context": orjson.loads(bytes(event.context)),
    }
    assert as_dict(parse(again)) == as_dict(event)


@pytest.mark.parametrize("depth", [10_000, 100_000])
def test_a_bottomless_value_is_too_deep_and_does_not_exhaust_the_stack(depth: int) -> None:
    value: object = 1
    for _ in range(depth):
        value = [value]
    with pytest.raises(InvalidEvent) as refusal:
        parse({"event": "x", "userId": "u1", "properties": {"a": value}})
    assert refusal.value.reason == Reason.TOO_DEEP
    while isinstance(value, list):  # unwind by hand: freeing it recursively is what the stack would pay for
        value = value.pop()


@given(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2099, 1, 1)))
def test_a_time_keeps_its_millisecond(when: datetime) -> None:
    expected = when.replace(tzinfo=UTC)
    ms = parse_time(expected.isoformat())
    assert ms is not None
    assert abs(ms - expected.timestamp() * 1000) <= 1
    assert parse_time(ms) == ms


def test_a_record_of_before_its_last_fields_is_read() -> None:
    event = parse({"event": "A", "userId": "u", "messageId": "m"})
    record = records.Record(project_id="proj_1", received_at=1, events=(event,))
    old = json.loads(records.encode(record))
    assert (old[6][0].pop(), old[6][0].pop()) == ([], False)
    assert records.decode(json.dumps(old[:8]).encode()) == record


@pytest.mark.parametrize("call", ["identify", "track", "page", "group", "alias"])
def test_a_token_is_in_no_part_of_an_event(call: str) -> None:
    holder = {"n": 1, "userToken": "eyJ"}
    forms: list[dict[str, Any]] = [{"traits": holder, "properties": holder}, {"customAttributes": holder}, {"n": 1}]
    for form in forms:
        raw = {"event": "A", "userId": "u", "previousId": "p", "groupId": "g", "userToken": "eyJ", **form}
        event = parse({**raw, "context": {"locale": "en", "userToken": "eyJ"}}, call)
        stored = records.encode(records.Record(project_id="p", received_at=1, events=(event,)))
        assert b'"locale":"en"' in stored
        assert b"eyJ" not in stored


def test_a_record_of_a_later_version_is_not_read_as_this_one() -> None:
    value = records.encode(records.Record(version=2, project_id="proj_1", received_at=1))
    with pytest.raises(msgspec.ValidationError, match="version 2"):
        records.decode(value)
