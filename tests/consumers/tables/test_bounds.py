"""What a user, guest or conversation gathers has a bound: what is over it is left out and counted, the event stays."""

import json
from itertools import count
from typing import Any

import pytest

from ask0.consumers.tables import bounds, names, pages
from ask0.consumers.tables.rounds import Limits, apply
from ask0.schemas.reasons import LeftOut
from ask0.warehouse.connect import Warehouse
from tests.consumers.beacons import NOW, chunk, event, record, store, untimed

places = count(1_000)


def say(warehouse: Warehouse, *events: Any) -> dict[str, int]:
    """What one round leaves out."""
    return dict(store(warehouse, chunk(record(*events), lo=next(places))).left_out)


def identify(traits: dict[str, Any], **who: str) -> Any:
    return event(type="identify", traits=traits, timestamp=NOW - 60_000 + next(places), **(who or {"userId": "u"}))


def traits_of(warehouse: Warehouse, id: str = "u") -> dict[str, Any]:
    row = warehouse.raw("SELECT toString(traits) AS t FROM users WHERE id = {id:String}", "JSONEachRow", {"id": id})
    traits: dict[str, Any] = json.loads(json.loads(row)["t"])
    return traits


@pytest.mark.parametrize(
    ("who", "most"),
    [({"userId": "u"}, bounds.MAX_USER_TRAITS), ({"anonymousId": "g-u"}, bounds.MAX_GUEST_TRAITS)],
    ids=["user", "guest"],
)
def test_a_user_has_so_many_traits_and_a_guest_fewer(warehouse: Warehouse, who: dict[str, str], most: int) -> None:
    id = next(iter(who.values()))
    step = most // 4
    for lo in range(0, 2 * most, step):
        left_out = say(warehouse, identify({f"t{n}": n for n in range(lo, lo + step)}, **who))
        assert left_out == ({LeftOut.TOO_MANY_TRAITS: step} if lo >= most else {})
    assert traits_of(warehouse, id) == {f"t{n}": n for n in range(most)}
    assert say(warehouse, identify({"t0": "changed"}, **who)) == {}
    assert traits_of(warehouse, id)["t0"] == "changed"
    assert warehouse.query("SELECT count() FROM events") == [(9,)]


def test_one_round_adds_half_of_a_bound_at_the_most(warehouse: Warehouse) -> None:
    many = {f"t{n}": n for n in range(2_000)}
    assert say(warehouse, identify(many)) == {LeftOut.TOO_MANY_TRAITS: 1_500}
    assert len(traits_of(warehouse)) == bounds.MAX_USER_TRAITS // 2


@pytest.mark.apart
def test_the_traits_of_a_user_have_so_many_bytes(warehouse: Warehouse) -> None:
    for n in range(8):
        say(warehouse, identify({f"t{n}": "x" * 30_000}))
    assert 3 <= len(traits_of(warehouse)) <= bounds.MAX_USER_TRAIT_BYTES // 30_000
    assert say(warehouse, identify({"t0": "y" * 30_000})) == {}, "one that does not grow"
    assert say(warehouse, identify({"t0": "short"})) == {}
    assert traits_of(warehouse)["t0"] == "short"
    assert say(warehouse, identify({"t9": "z" * 29_000})) == {}, "there is room again"


def test_a_name_that_is_too_long_is_left_out_and_not_cut(warehouse: Warehouse) -> None:
    long = "n" * (bounds.MAX_TRAIT_NAME_CHARS + 1)
    assert say(warehouse, identify({long: 1, long[:-1]: 2})) == {LeftOut.NAME_TOO_LONG: 1}
    assert traits_of(warehouse) == {long[:-1]: 2}


@pytest.mark.apart
def test_what_guests_bring_along_does_not_go_over_the_bounds_of_a_user(warehouse: Warehouse) -> None:
    for lo in range(0, 24, 4):
        guests = [{"anonymousId": f"a{n}"} for n in range(lo, lo + 4)]
        say(warehouse, *(identify({f"{who['anonymousId']}-t{n}": n for n in range(50)}, **who) for who in guests))
        say(warehouse, *(event(userId="u", event="Logged In", **who) for who in guests))
    assert len(traits_of(warehouse)) == bounds.MAX_USER_TRAITS
    assert "a23-t49" in traits_of(warehouse), "the newest stay"


def test_so_many_guests_become_one_user(warehouse: Warehouse) -> None:
    step = bounds.MAX_USER_GUESTS // 4
    for lo in range(0, bounds.MAX_USER_GUESTS + 2 * step, step):
        left_out = say(warehouse, *(event(userId="u", anonymousId=f"a{n}", event="x") for n in range(lo, lo + step)))
        assert left_out == ({LeftOut.TOO_MANY_GUESTS: step} if lo >= bounds.MAX_USER_GUESTS else {})
    ((anonymous_ids,),) = warehouse.query("SELECT length(anonymous_ids) FROM users WHERE id = 'u'")
    assert anonymous_ids == bounds.MAX_USER_GUESTS
    assert warehouse.query("SELECT count() FROM identities") == [(bounds.MAX_USER_GUESTS,)]
    assert say(warehouse, event(userId="u", anonymousId="a0", event="x")) == {}, "one that is known"


def test_activity_is_counted_up_to_a_bound(warehouse: Warehouse) -> None:
    def ask(conversation: str, n: int) -> Any:
        talk = {"conversationId": conversation}
        return event(anonymousId="a", messageId=f"{conversation}-{n}", event="Question Asked", properties=talk)

    most = bounds.MAX_GUEST_ACTIVITY
    assert say(warehouse, *(ask("c", n) for n in range(most))) == {}
    assert say(warehouse, ask("c", most), ask("d", 0)) == {LeftOut.TOO_MUCH_ACTIVITY: 4}  # two of each fact
    assert warehouse.query("SELECT questions, conversations FROM users") == [(most, 1)]
    assert warehouse.query("SELECT id, questions FROM conversations ORDER BY id") == [("c", most + 1), ("d", 1)]
    assert warehouse.query("SELECT count() FROM events") == [(most + 2,)]


def test_a_conversation_counts_up_to_a_bound(embedded: Warehouse) -> None:
    def ask(n: int) -> Any:
        return event(userId=f"u{n % 7}", messageId=f"q{n}", event="Question Asked", properties={"conversationId": "c"})

    most = bounds.MAX_CONVERSATION_ACTIVITY
    assert say(embedded, *(ask(n) for n in range(most))) == {}
    assert say(embedded, ask(most)) == {LeftOut.TOO_MUCH_ACTIVITY: 1}
    assert embedded.query("SELECT questions FROM conversations") == [(most,)]


def test_a_project_uses_so_many_names_of_properties_and_the_rest_is_kept_as_sent(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "MAX_PROJECT_NAMES", 20)
    limits = Limits()

    def track(project: str, properties: dict[str, Any], **more: Any) -> dict[str, int]:
        said = event(userId="u", event="x", properties=properties, **more)
        applied = apply(warehouse, [chunk(record(said, project=project), lo=next(places))], limits, untimed)
        return dict(applied.left_out)

    assert track("p", {"plan": 1, "nested": {"a": 1, "b": 2}, "list": [{"k": 1}]}) == {}
    flood = {f"n{n}": n for n in range(30)}
    assert track("p", {"plan": 2, **flood}) == {LeftOut.TOO_MANY_NAMES: 17}
    assert track("p", {"plan": 3, "nested": {"c": 1}, "list": [{"other": 1}, {"k": 2}]}) == {LeftOut.TOO_MANY_NAMES: 2}
    assert track("q", {"plan": 4, "n29": 1}) == {}
    assert track("p", {"plan": 5}, context={"page": {"path": "/"}}) == {}
    select = "SELECT toString(properties), sent_properties FROM events WHERE project_id = 'p'"
    rows = warehouse.query(f"{select} ORDER BY properties.plan::Int64")
    columns = [json.loads(column) for column, _ in rows]
    sent = [json.loads(text) if text else None for _, text in rows]
    assert sent == [
        None,
        {"plan": 2, **flood},
        {"plan": 3, "nested": {"c": 1}, "list": [{"other": 1}, {"k": 2}]},
        None,
    ]
    assert columns[1] == {"plan": 2, **{f"n{n}": n for n in range(13)}}
    assert columns[2] == {"plan": 3, "list": [{}, {"k": 2}]}
    fresh = Limits()  # another worker, or this one after a restart
    more = event(userId="u", event="x", properties={"new": 1, "n0": 1})
    applied = apply(warehouse, [chunk(record(more), lo=next(places))], fresh, untimed)
    assert dict(applied.left_out) == {LeftOut.TOO_MANY_NAMES: 1}


@pytest.mark.apart
def test_the_longest_ids_fit_a_round_whatever_its_chunk_holds(embedded: Warehouse) -> None:
    """A full chunk of them: more bytes of keys than the table of a round's keys ever held at once."""
    wide = "\N{PILE OF POO}" * 249
    users = 9_000
    events = [
        event(type="identify", userId=f"{n:06}{wide}", anonymousId=f"{n:06}{wide[:247]}", messageId=f"{n:06}{wide}")
        for n in range(users)
    ]
    records = [record(*events[lo : lo + 100]) for lo in range(0, users, 100)]
    assert sum(map(len, records)) > 25_000_000
    applied = store(embedded, chunk(*records))
    assert (applied.stored, dict(applied.quarantined), dict(applied.left_out)) == (users, {}, {})
    assert embedded.query("SELECT count(), sum(length(anonymous_ids)) FROM users") == [(users, users)]
    assert embedded.query("SELECT count() FROM identities") == [(users,)]


def test_one_user_with_very_many_long_anonymous_ids_fits_a_round(embedded: Warehouse) -> None:
    wide = "a" * 240
    events = [event(event="x", userId="u", anonymousId=f"{n:06}{wide}", messageId=f"{n}") for n in range(40_000)]
    records = [record(*events[lo : lo + 500]) for lo in range(0, len(events), 500)]
    applied = store(embedded, chunk(*records))
    assert applied.stored == 40_000
    assert applied.left_out == {LeftOut.TOO_MANY_GUESTS: 40_000 - bounds.MAX_USER_GUESTS // 2}


def test_pages_keep_their_bounds_and_hold_everything_once() -> None:
    items = [("p", "x" * size) for size in (0, 1, pages.MAX_PAGE_BYTES, 1_000_000, 999_000, 3, 4)] + [
        ("p", "y")
    ] * 45_000
    cut = list(pages.pages(items, pages.key_bytes))
    assert [item for page in cut for item in page] == items
    for page in cut:
        assert len(page) == 1 or sum(map(pages.key_bytes, page)) <= pages.MAX_PAGE_BYTES
        assert len(page) <= pages.MAX_PAGE_KEYS
