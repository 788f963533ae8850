"""What a commit left behind, and the chunks that follow from it."""

import pytest
from aiokafka import ConsumerRecord

from ask0.eventlog.kafka_share import Share, note, resume
from ask0.eventlog.log import LogUnavailable


def fetch(share: Share, *offsets: int, events: int = 1) -> None:
    headers = [("n", b"%d" % events)]
    share.records += [ConsumerRecord("t", 0, at, 0, 0, b"k", b"%d" % at, None, 1, 1, headers) for at in offsets]
    share.next = offsets[-1] + 1


def bounds(share: Share) -> tuple[int, int, bool] | None:
    chunk = share.cut("log", 0)
    return (chunk.lo, chunk.hi, chunk.repeated) if chunk else None


def test_without_a_commit_it_begins_at_the_first_record() -> None:
    assert resume("log", 7, -1, "") == Share(done=7, next=7)


def test_a_commit_for_another_log_does_not_count() -> None:
    assert resume("log", 0, 100, note("older", 100, 120)) == Share(done=0, next=0)


def test_an_offset_set_by_an_operator_counts() -> None:
    assert resume("log", 0, 50, "") == Share(done=50, next=50)


def test_after_a_finished_chunk_the_next_one_begins() -> None:
    share = resume("log", 0, 10, note("log", 10, 10))
    assert bounds(share) is None
    fetch(share, 10, 11)
    assert bounds(share) == (10, 12, False)


def test_an_unfinished_chunk_comes_first_when_all_of_it_is_there() -> None:
    share = resume("log", 0, 10, note("log", 10, 13))
    fetch(share, 10, 11)
    assert (share.hungry, bounds(share)) == (True, None)
    fetch(share, 12, 13)
    assert bounds(share) == (10, 13, True)
    share.done = 13
    assert bounds(share) == (13, 14, False)


def test_an_unfinished_chunk_keeps_its_bounds_when_its_records_have_expired() -> None:
    share = resume("log", 20, 10, note("log", 10, 13))
    assert bounds(share) == (10, 13, True)


def test_a_chunk_ends_before_the_record_that_makes_it_too_large() -> None:
    share = Share(done=0, next=0)
    fetch(share, 0, 1, 2, events=20_000)
    assert bounds(share) == (0, 2, False)


def test_a_commit_of_a_newer_version_is_not_guessed_at() -> None:
    with pytest.raises(LogUnavailable, match="newer"):
        resume("log", 0, 10, "v2:log:10:13")
