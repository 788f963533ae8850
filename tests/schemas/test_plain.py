"""Plain events: read from their bytes at once, they are what `parse_event` makes of the same bytes."""

import json
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ask0.gateway.errors import GatewayError
from ask0.gateway.ingest.envelope import open_beacon
from ask0.schemas.events import MAX_EVENT_BYTES, Event, parse_event
from ask0.schemas.plain import PlainBeacon, read_plain, write_key_of
from ask0.schemas.reasons import InvalidEvent

EXAMPLES = sorted((Path(__file__).parents[2] / "schemas" / "examples" / "valid").glob("*.json"))
KEY = "wk_first"
EVENT = {"type": "track", "event": "Asked", "userId": "u1", "messageId": "m1", "timestamp": 1_700_000_000_000}

_events = msgspec.json.Decoder(list[Event])


def read(document: object, kind: str | None = None) -> PlainBeacon | None:
    return read_bytes(json.dumps(document).encode(), kind)


def read_bytes(body: bytes, kind: str | None) -> PlainBeacon | None:
    return read_plain(body, kind, KEY, 7, lambda received_at: "new")


def events_of(beacon: PlainBeacon) -> list[Event]:
    return _events.decode(b"[%b]" % b",".join(beacon.events))


def read_the_long_way(body: bytes, kind: str | None) -> tuple[list[Event], int | None]:
    """Raises whatever the long way does of a body that is refused, all of it or one event."""
    beacon = open_beacon(orjson.loads(body), kind)
    assert beacon.project_id is None
    assert beacon.write_key in (None, KEY)

    return [
        parse_event(raw, kind=beacon.kind, received_at=7, new_id=lambda: "new") for raw in beacon.events
    ], beacon.sent_at


texts = st.text(max_size=6) | st.sampled_from(
    ["", " ", " u1 ", "g-1", "g-2", "null", "undefined", "x" * 255, "x" * 256, "é", "\x00", "\u2028", "conv_1", "[["]
)
times: st.SearchStrategy[Any] = st.sampled_from(
    [
        *("2026-11-22T01:02:03.456Z", "2026-11-22 01:02:03Z", "2026-11-22T01:02:03.4565Z", "2026-11-22T01:02:03"),
        *("2026-11-22T01:02:03.4564999999Z", "2026-11-22T01:02:03.123456789+02:00", "1969-12-31T23:59:59.9996Z"),
        *("1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "2026-11-22t01:02:03z", "2026-11-22", "no time", ""),
        *(0, 1, 1_700_000_000_000, -1, 4_102_444_800_000, 1.5, True, None, [], {}),
    ]
)
scalars = st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats(allow_nan=True) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2), max_leaves=5
)
names = texts | st.sampled_from(["conversationId", "name", "userToken", "customAttributes", "category", "previousId"])
objects = st.dictionaries(names, values, max_size=3)
ids = texts | st.integers() | st.none()
usual = {
    "type": st.sampled_from(["track", "identify", "page", "screen"]),
    "messageId": st.sampled_from(["m1", "m2", " m3 "]),
    "timestamp": st.just(1_700_000_000_000) | times,
    "userId": st.sampled_from(["u1", "u2"]) | texts,
    "event": st.sampled_from(["Asked", "Answered"]) | texts,
}
sometimes = {
    "anonymousId": ids,
    "properties": objects | values,
    "traits": objects | values,
    "context": objects | values,
    "name": texts | values,
    "sentAt": times,
    "originalTimestamp": times,
    "integrations": values,
    "channel": texts,
    "writeKey": st.sampled_from([KEY]),
    **dict.fromkeys(("category", "customAttributes", "groupId", "id", "userToken", "extra", "batch"), values),
}
one_odd = st.one_of(*(st.fixed_dictionaries({key: value}) for key, value in sometimes.items()), st.just({}))
raw_events = st.builds(
    lambda event, missing, more, odd: {key: value for key, value in event.items() if key not in missing} | more | odd,
    st.fixed_dictionaries(usual),
    st.sets(st.sampled_from(sorted(usual)), max_size=1),
    st.fixed_dictionaries({}, optional={key: sometimes[key] for key in ("anonymousId", "properties", "traits")}),
    one_odd,
)
documents = st.one_of(
    st.tuples(raw_events, st.sampled_from(["track", "identify", "page", "screen", "group"])),
    st.tuples(st.builds(lambda events: {"batch": events}, st.lists(raw_events, max_size=3)), st.none()),
    st.tuples(st.builds(lambda event, at: {"batch": [event], "sentAt": at}, raw_events, times), st.none()),
)


@given(documents)
@example(({"batch": [{**EVENT, "type": ""}]}, None))
@example(({**EVENT, "name": "", "type": "track"}, "track"))
@example(({**EVENT, "properties": {"n": 2**64}}, "track"))
@example(({**EVENT, "timestamp": "2026-11-22T01:02:03.4564999999Z"}, "track"))
@example(({**EVENT, "properties": [[[[[]]]]], "type": "page"}, "page"))
@example(({"batch": [EVENT], "sentAt": "2026-11-22t01:02:03z"}, None))
@example(({**EVENT, "timestamp": "0001-01-01T00:00:00+10:00"}, "track"))
def test_what_is_read_at_once_is_what_the_long_way_makes_of_it(document: tuple[Any, str | None]) -> None:
    sent, kind = document
    body = json.dumps(sent).encode("utf-8", "surrogatepass")
    beacon = read_bytes(body, kind)
    if beacon is None:
        return
    expected, sent_at = read_the_long_way(body, kind)
    assert events_of(beacon) == expected
    assert beacon.users == [event.user_id or event.anonymous_id for event in expected]
    assert beacon.sent_at == sent_at


@given(st.binary(max_size=40))
def test_no_bytes_raise(body: bytes) -> None:
    for kind in (None, "track"):
        assert read_bytes(body, kind) is None
    write_key_of(body)


@pytest.mark.parametrize("name", ["segment-node", "rudderstack-js", "ask0", "widget"])
def test_what_sdks_send_is_plain(name: str) -> None:
    page = {"page": {"url": "https://example.com/", "referrer": None}, "screen": {"width": 1, "density": 1.5}}
    sent = {
        "segment-node": {**EVENT, "_metadata": {"nodeVersion": "20"}, "integrations": {}, "context": page},
        "rudderstack-js": {**EVENT, "channel": "web", "originalTimestamp": "2026-11-22T01:02:03Z", "context": page},
        "ask0": {**EVENT, "anonymousId": "g-1", "properties": {"items": [{"sku": "a", "tags": ["b"]}]}},
        "widget": {**EVENT, "type": "page", "context": page},
    }[name]
    beacon = read({"writeKey": KEY, "sentAt": 1_700_000_000_001, "batch": [sent]})
    assert beacon is not None
    assert beacon.sent_at == 1_700_000_000_001


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_its_canonical_event_or_not_plain(path: Path) -> None:
    shape = json.loads(path.read_text())
    beacon = read_bytes(json.dumps(shape["input"]).encode(), shape["kind"] or "track")
    if beacon:
        (event,) = events_of(beacon)
        assert event.user_id == shape["event"]["user_id"]
        assert json.loads(bytes(event.properties)) == shape["event"]["properties"]


def test_a_body_that_names_another_key_than_its_sender_is_not_plain() -> None:
    assert read({"batch": [EVENT], "writeKey": "wk_other"}) is None
    assert read({**EVENT, "writeKey": "wk_other"}, "track") is None
    assert read({"batch": [{**EVENT, "writeKey": KEY}]}) is None


def test_an_event_as_large_as_one_may_be_is_left_to_be_measured() -> None:
    assert read({**EVENT, "properties": {"text": "x" * (MAX_EVENT_BYTES - 200)}}, "track")
    assert read({**EVENT, "properties": {"text": "x" * MAX_EVENT_BYTES}}, "track") is None


def test_the_key_is_found_where_our_own_sdk_writes_it() -> None:
    assert write_key_of(b'{"writeKey":"wk_first","sentAt":7') == KEY
    for other in (b'{"batch":[]}', b'{ "writeKey":"wk_first"}', b'{"writeKey":7}', b'{"writeKey":"' + b"x" * 500):
        assert write_key_of(other) != KEY


def test_the_long_way_refuses_what_these_tests_send_it() -> None:
    """So that agreeing says something."""
    with pytest.raises(InvalidEvent):
        read_the_long_way(json.dumps({"batch": [{**EVENT, "event": ""}]}).encode(), None)
    with pytest.raises(GatewayError):
        read_the_long_way(b'{"batch": []}', None)
