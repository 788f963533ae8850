"""From the events of a beacon to entries of the log."""

from typing import Any

import pytest
from msgspec.structs import replace

from ask0.gateway.ingest.intake import (
    MAX_KEPT_REJECTS,
    MAX_RECORD_BYTES,
    REJECT_BYTES_PER_MINUTE,
    REJECTS_PER_MINUTE,
    Intake,
    KeptRejects,
)
from ask0.schemas import records
from ask0.schemas.events import Event, parse_event
from ask0.schemas.reasons import InvalidEvent, Reason
from ask0.schemas.records import Record

RECORD = Record(project_id="p", received_at=7, sent_at=None, ip="::", user_agent='a "b" [],[],false]')


def event(**raw: Any) -> Event:
    return parse_event({"event": "A", "userId": "u", **raw}, kind=None, received_at=7, new_id=lambda: "m")


@pytest.mark.parametrize("gpc", [False, True])
def test_a_record_encoded_around_its_events_is_the_record(gpc: bool) -> None:
    record = replace(RECORD, gpc=gpc)
    groups = [[event()], [event(userId="v", properties={"n": 1}), event(userId="v")]]
    expected = [records.encode(replace(record, events=tuple(group))) for group in groups]
    assert records.encode_each(record, groups) == expected


def test_every_entry_is_keyed_by_project_and_user_and_counts_what_is_in_it() -> None:
    intake = Intake(partitioned=True)
    for project, user in (("p", "u"), ("q", "u"), ("p", "v"), ("p", "u")):
        intake.accept(project, event(userId=user))
    intake.reject("q", 4, {"n": float("nan")}, InvalidEvent(Reason.MISSING_USER, "why"))
    intake.reject(None, 5, {}, InvalidEvent(Reason.WRONG_KEY, "why"))
    assert intake.counts == {"p": 3, "q": 2}
    entries = intake.take_entries(RECORD)
    assert [(entry.key, entry.events) for entry in entries] == [(b"p\0u", 2), (b"p\0v", 1), (b"q\0u", 1), (b"q", 1)]
    decoded = [records.decode(entry.value) for entry in entries]
    assert [record.project_id for record in decoded] == ["p", "p", "q", "q"]
    assert [reject.raw for reject in decoded[-1].rejects] == ['{"n":NaN}']


def test_a_log_of_one_partition_gets_one_entry_for_all_users_of_a_project() -> None:
    intake = Intake(partitioned=False)
    for project, user in (("p", "u"), ("q", "u"), ("p", "v"), ("p", "u")):
        intake.accept(project, event(userId=user))
    entries = intake.take_entries(RECORD)
    assert [entry.events for entry in entries] == [3, 1]
    decoded = [records.decode(entry.value) for entry in entries]
    assert [(record.project_id, [e.user_id for e in record.events]) for record in decoded] == [
        ("p", ["u", "v", "u"]),
        ("q", ["u"]),
    ]


def test_many_large_rejects_are_spread_over_records() -> None:
    intake = Intake(partitioned=True)
    for index in range(9):
        intake.reject("p", index, '"' * 60_000, InvalidEvent(Reason.TOO_LARGE, "why"))
    entries = intake.take_entries(RECORD)
    assert len(entries) > 1
    assert all(len(entry.value) <= MAX_RECORD_BYTES for entry in entries)
    found = [reject.index for entry in entries for reject in records.decode(entry.value).rejects]
    assert found == list(range(9))


def test_one_beacon_keeps_so_many_rejects_and_counts_the_rest() -> None:
    intake = Intake(partitioned=False)
    for index in range(MAX_KEPT_REJECTS + 7):
        intake.reject("p", index, {"n": index}, InvalidEvent(Reason.MISSING_USER, "why"))
    assert (len(intake.rejects), intake.not_kept) == (MAX_KEPT_REJECTS + 7, 7)
    (entry,) = intake.take_entries(RECORD)
    assert len(records.decode(entry.value).rejects) == MAX_KEPT_REJECTS


def test_a_project_keeps_so_many_rejects_a_minute_and_its_neighbour_as_many() -> None:
    now = 0.0
    kept = KeptRejects(clock=lambda: now)
    assert sum(kept.take("p", 10) for _ in range(2_000)) == REJECTS_PER_MINUTE
    assert kept.take("q", 10)
    now += 30
    assert sum(kept.take("p", 10) for _ in range(2_000)) == REJECTS_PER_MINUTE // 2
    now += 600
    assert sum(kept.take("p", 60_000) for _ in range(2_000)) == REJECT_BYTES_PER_MINUTE // 60_000


def test_what_a_kept_reject_takes_is_counted_in_bytes_and_not_in_characters() -> None:
    kept = KeptRejects(clock=lambda: 0.0)
    sizes = []
    for _ in range(20):
        intake = Intake(partitioned=False, kept=kept)
        intake.reject("p", 0, "\U0001f600" * 30_000, InvalidEvent(Reason.NOT_AN_OBJECT, "why"))
        for entry in intake.take_entries(RECORD):
            sizes += [len(reject.raw.encode()) for reject in records.decode(entry.value).rejects]
    assert REJECT_BYTES_PER_MINUTE <= sum(sizes) < REJECT_BYTES_PER_MINUTE + sizes[0]


def test_a_message_id_that_no_log_could_carry_is_mended() -> None:
    intake = Intake(partitioned=True)
    intake.reject("p", 0, {"messageId": "\ud800" + "x" * 300}, InvalidEvent(Reason.INVALID_TEXT, "why"))
    (entry,) = intake.take_entries(RECORD)
    (reject,) = records.decode(entry.value).rejects
    assert (reject.message_id[:3], len(reject.message_id)) == ("?xx", 255)
