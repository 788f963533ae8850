"""Facts are a semilattice: any order, any cut, any number of times, the same sum."""

from collections.abc import Mapping
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ask0.consumers.folds import conversations, identities, users
from ask0.consumers.folds.records import Placed, read
from ask0.schemas.ids import short_key
from tests.consumers.beacons import NOW, chunk, event, history, record

EVENTS = read([chunk(*history(1, 80))]).events

subsets = st.lists(st.sampled_from(range(len(EVENTS))), max_size=40)


def merge(name: str, a: Any, b: Any) -> Any:
    """What ClickHouse's aggregates do: min and max, which pass over NULL, maxMap, union."""
    if a is None or b is None:
        return b if a is None else a
    if name in ("first_seen_at", "started_at", "confirmed_at"):
        return min(a, b)
    if name in ("last_active_at", "last_at", "nps", "gpc"):
        return max(a, b)
    if isinstance(a, dict):
        return {key: max(side[key] for side in (a, b) if key in side) for key in a | b}
    return sorted({*a, *b})


def merge_facts(a: Mapping[Any, Any], b: Mapping[Any, Any]) -> dict[Any, dict[str, Any]]:
    merged = {}
    for key in {**a, **b}:
        if key not in a or key not in b:
            merged[key] = flat(a.get(key) or b[key])
            continue
        left, right = flat(a[key]), flat(b[key])
        merged[key] = {name: merge(name, left[name], right[name]) for name in left}
    return merged


def flat(facts: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {**facts._asdict(), **facts.talk._asdict()}
    del fields["talk"]
    sets = ("anonymous_ids", "conversations", "questions", "answers", "answered")
    return {name: sorted(set(value)) if name in sets else value for name, value in fields.items()}


@given(subsets, subsets)
def test_facts_of_two_parts_add_up_to_the_facts_of_the_whole(a: list[int], b: list[int]) -> None:
    one, two = [EVENTS[n] for n in a], [EVENTS[n] for n in b]
    for fold in (users.fold, conversations.fold):
        whole = {key: flat(facts) for key, facts in fold([*two, *one, *two]).items()}
        assert merge_facts(fold(one), fold(two)) == whole


@given(subsets, st.randoms())
def test_the_first_link_received_wins_in_any_order(subset: list[int], chance: Any) -> None:
    events = [EVENTS[n] for n in subset]
    links = identities.fold(events)
    chance.shuffle(events)
    assert identities.fold(events + events[::-1]) == links


def one(**wire: Any) -> Placed:
    (placed,) = read([chunk(record(event(**wire)))]).events
    return placed


def test_of_equal_times_the_greater_value_stays_and_null_says_nothing() -> None:
    said = [one(userId="u", type="identify", traits={"plan": plan}) for plan in ("b", "a", None)]
    assert users.fold(said)["p", "u"].traits == {"plan": (NOW - 60_000, '"b"')}


def test_the_last_choice_of_each_category_stays_and_of_two_at_once_the_stricter() -> None:
    choices: list[tuple[int, dict[str, Any]]] = [
        (3, {"marketing": "granted"}),
        (2, {"marketing": "denied", "analytics": "pending"}),
        (1, {"categoryPreferences": {"Analytics": True, " Own Chat ": False}}),
        (3, {"marketing": "pending"}),
    ]
    said = [
        one(userId="u", event="x", timestamp=NOW - 60_000 + at, context={"consent": consent}) for at, consent in choices
    ]
    latest = {"marketing": (NOW - 59_997, 2), "analytics": (NOW - 59_998, 2), "own chat": (NOW - 59_999, 3)}
    for order in permutations(said):
        assert users.fold(order)["p", "u"].consent == latest


@pytest.mark.parametrize("type", ["identify", "track", "page", "screen", "group", "alias"])
def test_an_event_of_any_type_may_say_consent(type: str) -> None:
    said = one(type=type, event="x", groupId="g", userId="u", context={"consent": {"analytics": "granted"}})
    assert users.fold([said])["p", "u"].consent == {"analytics": (NOW - 60_000, 1)}


def test_to_permit_takes_the_user_and_to_restrict_anyone() -> None:
    consent = {"analytics": "granted", "marketing": "denied", "chat": "pending"}
    said = event(userId="u", event="x", context={"consent": consent})
    facts = users.fold(read([chunk(record(replace(said, unverified=True)))]).events)["p", "u"]
    assert facts.consent == {"marketing": (NOW - 60_000, 3), "chat": (NOW - 60_000, 2)}


def test_gpc_is_a_fact_of_the_user_beside_their_choices() -> None:
    sent = [event(userId="u", event="x", context={"consent": {"marketing": "granted"}}), event(userId="v", event="x")]
    facts = users.fold(read([chunk(record(*sent), record(event(userId="u", event="y"), gpc=True))]).events)
    assert (facts["p", "u"].gpc, facts["p", "v"].gpc) == (True, False)
    assert facts["p", "u"].consent == {"marketing": (NOW - 60_000, 1)}


def test_an_answer_counts_as_answered_unless_it_says_no() -> None:
    answers: list[dict[str, bool | None]] = [{}, {"answered": True}, {"answered": None}, {"answered": False}]
    said = [
        one(userId="u", messageId=f"m{n}", event="Answer Given", properties={"conversationId": "c", **extra})
        for n, extra in enumerate(answers)
    ]
    facts = users.fold(said)["p", "u"]
    assert len(facts.talk.answers) == 4
    assert set(facts.talk.answers) - set(facts.talk.answered) == {short_key("m3")}
    assert list(facts.conversations) == [short_key("c")]


def test_ratings_are_numbers_from_0_to_1_or_thumbs() -> None:
    given = [{"rating": 0.5}, {"rating": 7}, {"rating": -1}, {"thumbs": "up"}, {"thumbs": "down"}]
    given += [{"rating": "9"}, {"rating": True}, {"thumbs": ["up"]}, {}]
    said = [one(userId="u", messageId=f"m{n}", event="Feedback Given", properties=p) for n, p in enumerate(given)]
    ratings = users.fold(said)["p", "u"].talk.ratings
    assert [ratings.get(short_key(f"m{n}")) for n in range(len(given))] == [0.5, 1, 0, 1, 0, None, None, None, None]


def test_a_link_comes_from_both_ids_or_from_an_alias_and_not_to_oneself() -> None:
    def linked(**wire: Any) -> dict[Any, str]:
        return {guest: user for guest, (_, user, _) in identities.fold([one(**wire)]).items()}

    assert linked(userId="u", anonymousId="a", type="page") == {("p", "g-a"): "u"}
    assert linked(userId="u", anonymousId="g-a", type="page") == {("p", "g-a"): "u"}
    assert linked(userId="u", previousId="old", type="alias") == {("p", "g-old"): "u"}
    assert linked(userId="u", previousId="u", type="alias") == {}
    assert linked(userId="u", type="page") == {}
    assert linked(anonymousId="a", previousId="old", type="alias") == {}
