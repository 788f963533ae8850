"""Decoding: any bytes become events or rows of the quarantine, and times are corrected."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ask0.consumers.folds.events import event_columns, id_columns
from ask0.consumers.folds.quarantine import quarantine_columns, refused
from ask0.consumers.folds.records import read
from ask0.schemas.events import parse_event
from ask0.schemas.ids import message_key
from ask0.schemas.reasons import InvalidEvent
from ask0.schemas.user_changes import CHANGE
from tests.consumers.beacons import NOW, change, chunk, event, fit_all, history, record

HOUR = 3_600_000
RECORDS = history(2, 20)


@pytest.mark.parametrize(
    ("timestamp", "sent_at", "occurred_at"),
    [
        (NOW - HOUR, None, NOW - HOUR),
        (NOW - HOUR, NOW - 60_000, NOW - HOUR),
        (NOW - HOUR, NOW - 60_001, NOW - HOUR + 60_001),
        (NOW + HOUR, NOW + HOUR, NOW),
        (NOW + HOUR, None, NOW + 60_000),
        (0, NOW + HOUR, 0),
    ],
    ids=["as sent", "a minute off", "more", "ahead", "ahead by who knows how much", "before 1970"],
)
def test_a_clock_that_is_more_than_a_minute_off_is_corrected(
    timestamp: int, sent_at: int | None, occurred_at: int
) -> None:
    value = record(event(userId="u", event="x", timestamp=timestamp), sent_at=sent_at)
    (placed,) = read([chunk(value)]).events
    assert placed.occurred_at == occurred_at
    assert placed.event.timestamp == timestamp


@given(st.lists(st.binary() | st.sampled_from(RECORDS), max_size=5), st.data())
def test_any_bytes_become_events_or_quarantine(values: list[bytes], data: st.DataObject) -> None:
    for number, value in enumerate(values):
        if value in RECORDS and data.draw(st.booleans()):
            at = data.draw(st.integers(0, len(value) - 1))
            values[number] = value[:at] + data.draw(st.binary(max_size=3)) + value[at + 1 :]
    decoded = read([chunk(*values)])
    offsets = {placed.offset for placed in decoded.events} | {row.offset for row in decoded.quarantined}
    assert offsets == set(range(len(values)))
    event_columns(decoded.events, {}, fit_all)
    id_columns(decoded.events, [message_key(placed.event.message_id) for placed in decoded.events])
    quarantine_columns(decoded.quarantined)


def test_rows_name_their_place_on_the_log() -> None:
    value = record(event(userId="u", event="x"), event(userId="u", event="y"))
    columns = event_columns(read([chunk(value, value, lo=7, partition=3)]).events, {}, fit_all)
    places = zip(columns["_log"], columns["_partition"], columns["_off"], columns["_idx"], strict=True)
    assert list(places) == [("log", 3, 7, 0), ("log", 3, 7, 1), ("log", 3, 8, 0), ("log", 3, 8, 1)]


def test_a_refused_event_is_kept_as_the_gateway_would_take_it_again() -> None:
    for placed in read([chunk(*RECORDS)]).events:
        if placed.event.type == CHANGE:
            continue
        raw = msgspec.json.decode(refused(placed, "why").raw)
        again = parse_event(raw, kind=None, received_at=NOW, new_id=lambda: "made")
        assert again == placed.event


def test_a_change_is_no_event_that_a_sender_can_send() -> None:
    (placed,) = read([chunk(record(change("u", traits={"plan": "pro"})))]).events
    raw = msgspec.json.decode(refused(placed, "why").raw)
    with pytest.raises(InvalidEvent, match="not 'change'"):
        parse_event(raw, kind=None, received_at=NOW, new_id=lambda: "made")
