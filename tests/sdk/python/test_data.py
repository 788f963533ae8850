"""What becomes of Python's values in an event: JSON where JSON has a word for it, else left out and told."""

import dataclasses
import enum
import json
import threading
import uuid
from collections import OrderedDict, UserDict, deque
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from ask0_sdk import Ask0, AsyncAsk0, NotJson, Refusal
from ask0_sdk.plain import TooLong, to_json
from hypothesis import given
from hypothesis import strategies as st

from ask0.schemas.events import parse_event


class Plan(enum.Enum):
    PRO = "pro"


@dataclasses.dataclass
class Place:
    city: str
    since: date


MEANT = {
    "a time in a zone": (datetime(2024, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))), "2024-01-02T01:00:00.000Z"),
    "a time to the microsecond": (datetime(2024, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC), "2024-01-02T03:04:05.678Z"),
    "a day": (date(2024, 1, 2), "2024-01-02"),
    "a time of day": (time(3, 4), "03:04:00"),
    "a duration": (timedelta(minutes=1.5), 90),
    "a whole decimal": (Decimal("499"), 499),
    "a decimal": (Decimal("499.95"), 499.95),
    "a fraction": (Fraction(1, 4), 0.25),
    "a UUID": (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "a set": ({"api"}, ["api"]),
    "a frozen set": (frozenset((1,)), [1]),
    "a tuple": ((1, (2,)), [1, [2]]),
    "a deque": (deque((1, 2)), [1, 2]),
    "a range": (range(3), [0, 1, 2]),
    "an enum": (Plan.PRO, "pro"),
    "a data class": (Place("Bonn", date(2024, 1, 2)), {"city": "Bonn", "since": "2024-01-02"}),
    "another mapping": (OrderedDict(a=UserDict(b=MappingProxyType({"c": 1}))), {"a": {"b": {"c": 1}}}),
    "keys that are no text": ({7: 1, None: 2, True: 3, Plan.PRO: 4}, {"7": 1, "null": 2, "true": 3, "pro": 4}),
    "a path": (PurePosixPath("a/b"), "a/b"),
    "64 bits": (2**64 - 1, 2**64 - 1),
    "more than 64 bits": (2**64, 2.0**64),
    "emoji": ("😀\x00", "😀\x00"),
    "nothing": (None, None),
    "an empty list": ([], []),
}


@pytest.mark.parametrize(("value", "meant"), MEANT.values(), ids=MEANT)
def test_a_value_becomes_what_it_means(value: object, meant: object) -> None:
    data, problems = to_json({"x": value}, 10_000)
    assert json.loads(data) == {"x": meant}
    assert problems == []


class Hostile:
    """Raises whenever it is looked at."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("do not look")


class Lying(dict[str, Any]):
    def items(self) -> Any:
        raise OSError("gone")


def circle() -> list[Any]:
    round: list[Any] = [1]
    round.append({"again": round})
    return round


LEFT_OUT = {
    "NaN": (float("nan"), "x: nan is no number in JSON"),
    "an infinity": (float("-inf"), "x: -inf is no number"),
    "a decimal that is no number": (Decimal("NaN"), "x: "),
    "a number beyond all": (10**400, "x: cannot be read: OverflowError"),
    "an object": (object(), "x: JSON has nothing for object"),
    "bytes": (b"abc", "x: JSON has nothing for bytes"),
    "a class": (dict, "x: JSON has nothing for type"),
    "a function": (len, "x: JSON has nothing for builtin"),
    "an iterator": (iter([1]), "x: JSON has nothing for list_iterator"),
    "an error in reading": (Lying(a=1), "x: cannot be read: OSError"),
    "an object that cannot be looked at": (Hostile(), "x: cannot be read: RuntimeError"),
    "a time before all zones": (datetime.min.replace(tzinfo=timezone(timedelta(hours=2))), "x: cannot be read"),
}


@pytest.mark.parametrize(("value", "problem"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_what_json_cannot_carry_is_left_out_and_named_and_all_else_stays(value: object, problem: str) -> None:
    data, problems = to_json({"before": 1, "x": value, "after": [value, 2]}, 10_000)
    assert json.loads(data) == {"before": 1, "after": [None, 2]}
    assert problems[0].startswith(problem)
    assert problems[1].startswith("after.0: ")


def test_what_holds_itself_is_cut_where_it_begins_again() -> None:
    shared = {"twice": "is no circle"}
    data, problems = to_json({"round": circle(), "a": shared, "b": shared}, 10_000)
    assert json.loads(data) == {"round": [1, {}], "a": shared, "b": shared}
    assert problems == ["round.1.again: it holds itself"]


def test_half_a_surrogate_pair_is_written_as_a_question_mark() -> None:
    data, problems = to_json({"x": "a\ud800b"}, 100)
    assert json.loads(data) == {"x": "a?b"}
    assert problems == ["x: half of a surrogate pair, written as ?"]


def test_what_is_nested_too_deep_is_cut_where_the_gateway_would_refuse_it() -> None:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    data, problems = to_json({"type": "track", "event": "e", "userId": "u", "properties": {"x": deep}}, 100_000)
    assert problems == ["properties.x" + ".0" * 63 + ": it is nested too deep"]
    parse_event(json.loads(data), kind=None, received_at=1, new_id=lambda: "m")


def test_a_value_without_end_is_not_read_to_its_end() -> None:
    class Endless(dict[str, Any]):
        def items(self) -> Iterator[tuple[str, Any]]:  # type: ignore[override]
            return iter([(str(n), n) for n in range(100_000)])

        def __len__(self) -> int:
            return 1

    for value in ("x" * 50_000, list(range(50_000)), range(10**15), Endless(), {"k" * 50_000: 1}):
        with pytest.raises(TooLong):
            to_json({"x": value}, 40_000)


def test_only_some_problems_are_named() -> None:
    _, problems = to_json([float("nan")] * 1_000, 10_000)
    assert len(problems) == 10


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals() | st.datetimes() | st.binary(),
    lambda inner: st.lists(inner) | st.sets(st.integers()) | st.dictionaries(st.text() | st.integers(), inner),
)


@given(anything)
def test_whatever_it_is_the_result_is_json_that_the_gateway_takes(value: Any) -> None:
    try:
        data, _ = to_json({"type": "track", "event": "e", "userId": "u", "properties": {"x": value}}, 30_000)
    except TooLong:
        return
    parse_event(json.loads(data), kind=None, received_at=1, new_id=lambda: "m")


def test_a_mapping_that_another_thread_writes_to_is_read_all_the_same() -> None:
    shared = {str(n): n for n in range(100)}
    done = threading.Event()

    def write() -> None:
        n = 0
        while not done.is_set():
            n += 1
            shared[f"k{n % 50}"] = n
            shared.pop(f"k{(n + 7) % 50}", None)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(300):
            data, problems = to_json(shared, 40_000)
            assert len(json.loads(data)) >= 100
            assert problems == []
    finally:
        done.set()
        writer.join()


BAD_EVENTS = [
    lambda c: c.track(object(), user_id=object()),
    lambda c: c.track("e", Hostile(), user_id="u"),
    lambda c: c.track("e", Lying(userId=1)),
    lambda c: c.track("e", {"x": float("nan")}, user_id="u", context=Hostile(), timestamp=Hostile()),
    lambda c: c.track("e", circle(), user_id=circle()),
    lambda c: c.track("e", {"x": "y" * 100_000}, user_id="u"),
    lambda c: c.identify(Lying(id="u")),
    lambda c: c.identify(Hostile(), Hostile()),
    lambda c: c.group(Hostile()),
    lambda c: c.alias(Hostile(), Hostile()),
    lambda c: c.page(Hostile(), Hostile(), category=Hostile()),
    lambda c: c.screen(1, 2, context=3),
    lambda c: c.batch([1, None, "x", Lying(), {"event": Hostile()}]),
    lambda c: c.batch(Hostile()),
    lambda c: c.batch(None),
]


@pytest.mark.parametrize("kind", [Ask0, AsyncAsk0])
@pytest.mark.parametrize("number", range(len(BAD_EVENTS)))
async def test_no_data_makes_a_call_raise_and_all_of_it_is_told(kind: Any, number: int) -> None:
    told: list[Any] = []
    sent: list[Any] = []

    def take(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(401, json={"code": "unknown_write_key", "message": "no"})

    client = kind(
        "sk_1",
        "http://127.0.0.1:1",
        transport=httpx.MockTransport(take),
        on_refused=told.append,
        on_error=told.append,
    )
    BAD_EVENTS[number](client)
    result = client.close()
    if result is not None:
        await result
    assert told
    assert all(isinstance(what, (Refusal, Exception)) for what in told)


def test_what_is_left_out_of_an_event_is_told_and_the_event_is_sent() -> None:
    told: list[Exception] = []
    bodies: list[bytes] = []

    def take(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        return httpx.Response(200, json={"success": True, "accepted": 1, "rejected": []})

    with Ask0("sk_1", "http://h", transport=httpx.MockTransport(take), on_error=told.append) as client:
        client.track("Paid", {"amount": float("nan"), "currency": "EUR"}, user_id="u")
    (error,) = told
    assert isinstance(error, NotJson)
    assert error.problems == ["properties.amount: nan is no number in JSON"]
    assert len(bodies) == 1
