"""Records as they lie on the log."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ask0.schemas.events import Event
from ask0.schemas.records import Record, Reject, decode, encode, encode_each


def test_a_record_of_before_gpc_decodes() -> None:
    older = b'[1,"p",7,null,"203.0.113.0","agent",[],[]]'
    assert decode(older) == Record(project_id="p", received_at=7, ip="203.0.113.0", user_agent="agent", gpc=False)


def test_a_record_of_newer_code_decodes_here() -> None:
    record = Record(project_id="p", received_at=7, gpc=True)
    assert decode(encode(record)[:-1] + b',"of tomorrow"]') == record


# As each version of the program has written them: fields were added at the end, and a log may hold all of these.
SHAPES = {
    "the first": b'[1,"proj_1",1700000000000,null,"203.0.113.0","agent",[["track","m1",1700000000000,"Asked","u1","",'
    b'"","","c1",{"n":1},{}]],[["invalid_id","why",1,"m2","{}"]]]',
    "with gpc and unverified": b'[1,"proj_1",1700000000000,null,"203.0.113.0","agent",[["track","m1",1700000000000,'
    b'"Asked","u1","","","","c1",{"n":1},{},false]],[["invalid_id","why",1,"m2","{}"]],false]',
    "with ignored traits": b'[1,"proj_1",1700000000000,null,"203.0.113.0","agent",[["track","m1",1700000000000,'
    b'"Asked","u1","","","","c1",{"n":1},{},false,[]]],[["invalid_id","why",1,"m2","{}"]],false]',
}


@pytest.mark.parametrize("value", SHAPES.values(), ids=SHAPES)
def test_every_shape_that_was_ever_written_is_read(value: bytes) -> None:
    event = Event(
        type="track",
        message_id="m1",
        timestamp=1_700_000_000_000,
        event="Asked",
        user_id="u1",
        conversation_id="c1",
        properties=msgspec.Raw(b'{"n":1}'),
        context=msgspec.Raw(b"{}"),
    )
    read = decode(value)
    assert (read.project_id, read.received_at, read.user_agent, read.gpc) == (
        "proj_1",
        1_700_000_000_000,
        "agent",
        False,
    )
    assert read.events == (event,)
    assert read.rejects == (Reject("invalid_id", "why", 1, "m2", "{}"),)


def test_what_is_written_now_is_among_the_shapes() -> None:
    """Whoever adds a field adds its shape above."""
    newest = SHAPES["with ignored traits"]
    assert encode(decode(newest)) == newest


@given(
    text=st.text(max_size=20) | st.sampled_from(["[],[],", '",[],[],', "[]]"]),
    sizes=st.lists(st.integers(0, 2), max_size=3),
)
def test_a_record_around_each_group_is_the_record_with_that_group(text: str, sizes: list[int]) -> None:
    event = Event(type="track", message_id=text, timestamp=1, event=text, user_id=text)
    record = Record(project_id=text, received_at=7, ip=text, user_agent=text, gpc=True)
    groups = [(event,) * size for size in sizes]
    expected = [encode(msgspec.structs.replace(record, events=group)) for group in groups]
    assert encode_each(record, groups) == expected
