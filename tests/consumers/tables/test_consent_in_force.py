"""What people deny is in force from where they say so on the log, for them alone, and decided alike however often."""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from ask0.consumers.tables.rounds import Applied, Limits, apply
from ask0.eventlog.log import Chunk
from ask0.schemas.consent import BEHAVIOUR, STATES
from ask0.schemas.events import Event
from ask0.schemas.ids import guest_id
from ask0.schemas.reasons import LeftOut
from ask0.schemas.records import decode
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import Unavailable
from tests.consumers.beacons import NOW, change, chunk, event, merge, record, untimed
from tests.consumers.tables.test_rounds import Crash, Crashing
from tests.thoroughness import SEEDS

STORE = "storeConversations"
TALK = {"conversationId": "c", "text": "My secret is 42", "topic": "billing"}


def judged(warehouse: Warehouse, *chunks: Chunk, off: str = "") -> Applied:
    """One round; consent is in force in all projects but `off`."""
    return apply(warehouse, chunks, Limits(enforces=lambda project_id: project_id != off), untimed)


def says(category: str, state: str, **more: Any) -> dict[str, Any]:
    return {"context": {"consent": {category: state}}, **more}


def denies(**more: Any) -> dict[str, Any]:
    return says("analytics", "denied", **{"type": "identify", **more})


def grants(**more: Any) -> dict[str, Any]:
    return says("analytics", "granted", **{"type": "identify", **more})


def stored(warehouse: Warehouse, project: str = "p") -> list[str]:
    sql = "SELECT message_id FROM events WHERE project_id = {project:String} ORDER BY message_id"
    return [id for (id,) in warehouse.query(sql, {"project": project})]


def one_by_one(warehouse: Warehouse, *wires: dict[str, Any] | Event, together: bool) -> Applied:
    """Each with its number as its messageId, in one chunk or in a chunk of its own."""
    records = [
        record(wire if isinstance(wire, Event) else event(**{"messageId": str(place), "event": "x", **wire}))
        for place, wire in enumerate(wires)
    ]
    if together:
        return judged(warehouse, chunk(*records))
    every = [judged(warehouse, chunk(one, lo=lo)) for lo, one in enumerate(records)]
    return every[-1]


@pytest.mark.parametrize("together", [True, False])
def test_what_somebody_does_is_dropped_from_their_denial_until_they_allow_it(
    warehouse: Warehouse, together: bool
) -> None:
    u = {"userId": "u"}
    one_by_one(
        warehouse,
        u,
        denies(**u, timestamp=NOW - 50_000),
        u,
        {**u, "type": "page", "name": "Home"},
        {**u, "type": "screen", "name": "Home"},
        {**u, "type": "identify", "traits": {"plan": "pro"}},
        {**u, "type": "group", "groupId": "g"},
        {"userId": "v"},
        grants(**u, timestamp=NOW - 40_000),
        u,
        together=together,
    )
    assert stored(warehouse) == ["0", "1", "5", "6", "7", "8", "9"]
    assert warehouse.query("SELECT plan, consent FROM users WHERE id = 'u'") == [("pro", {"analytics": "granted"})]


def test_they_are_counted_and_a_resend_of_them_is_one(warehouse: Warehouse) -> None:
    first = judged(warehouse, chunk(record(event(**denies(userId="u")), event(userId="u", event="x", messageId="m"))))
    assert (first.stored, first.denied, first.duplicates) == (1, 1, 0)
    allowed = event(**grants(userId="u", timestamp=NOW))
    again = judged(warehouse, chunk(record(allowed, event(userId="u", event="x", messageId="m")), lo=1))
    assert (again.stored, again.denied, again.duplicates) == (1, 0, 1)


def test_an_event_that_denies_itself_is_dropped_and_what_it_says_is_kept(warehouse: Warehouse) -> None:
    said = {"consent": {"categoryPreferences": {"Analytics": False, "Marketing": True}}}
    one = event(userId="u", anonymousId="a", event="x", context=said)
    applied = judged(warehouse, chunk(record(one)), chunk(record(event(anonymousId="a", event="y")), partition=1))
    assert (applied.stored, applied.denied) == (1, 1)
    judged(warehouse, chunk(record(event(anonymousId="a", event="z")), lo=1, partition=1))
    users = "SELECT id, consent, last_active_at FROM users ORDER BY id"
    ((id, consent, active),) = warehouse.query(users)
    assert (id, consent) == ("u", {"analytics": "denied", "marketing": "granted"})
    assert active  # of y, which came on another partition before this was known there
    assert warehouse.query("SELECT anonymous_id, user_id FROM identities") == [("a", "u")]
    assert warehouse.query("SELECT event FROM events") == [("y",)]


@pytest.mark.parametrize("together", [True, False])
def test_a_later_choice_that_arrives_first_stands(warehouse: Warehouse, together: bool) -> None:
    later, earlier = grants(userId="u", timestamp=NOW - 1), denies(userId="u", timestamp=NOW - 9_000)
    one_by_one(warehouse, later, earlier, {"userId": "u"}, together=together)
    assert stored(warehouse) == ["0", "1", "2"]


@pytest.mark.parametrize("together", [True, False])
def test_a_change_by_the_api_counts_as_the_persons_choice(warehouse: Warehouse, together: bool) -> None:
    choice = change("u", consent={"analytics": "denied"}, at=NOW - 70_000)
    one_by_one(warehouse, choice, {"userId": "u"}, together=together)
    assert stored(warehouse) == []


@pytest.mark.parametrize("together", [True, False])
def test_a_guests_denial_is_the_users_once_both_are_named_and_no_other_users(
    warehouse: Warehouse, together: bool
) -> None:
    one_by_one(
        warehouse,
        {"userId": "v", "anonymousId": "b", "type": "identify"},
        denies(anonymousId="a"),
        {"anonymousId": "a"},
        {"userId": "u"},
        {"userId": "u", "anonymousId": "a"},  # dropped, but who is who is kept
        {"userId": "u"},
        denies(anonymousId="b"),  # of v
        {"userId": "w", "anonymousId": "b"},  # who has borrowed v's browser
        {"userId": "w"},
        {"userId": "v"},
        together=together,
    )
    assert stored(warehouse) == ["0", "1", "3", "6", "7", "8"]
    links = warehouse.query("SELECT anonymous_id, user_id FROM identities ORDER BY anonymous_id")
    assert links == [("a", "u"), ("b", "v")]
    assert warehouse.query("SELECT consent FROM users WHERE id = 'u'") == [({"analytics": "denied"},)]


@pytest.mark.parametrize("undo", [False, True])
def test_users_who_are_merged_choose_for_each_other(warehouse: Warehouse, undo: bool) -> None:
    judged(warehouse, chunk(record(event(userId="u", type="identify"), event(**denies(userId="old")))))
    judged(warehouse, chunk(record(merge("old", "u")), lo=1))
    if undo:
        judged(warehouse, chunk(record(merge("old", "u", undo=True)), lo=2))
    both = record(event(userId="u", event="x"), event(userId="old", event="y"))
    applied = judged(warehouse, chunk(both, lo=3))
    assert applied.denied == (1 if undo else 2)


def test_who_proves_nothing_denies_for_their_guest_alone(warehouse: Warehouse) -> None:
    stranger = replace(event(**denies(userId="u", anonymousId="a", type="track", event="x")), unverified=True)
    own = record(event(userId="u", event="x", messageId="own"), event(anonymousId="a", event="x", messageId="guests"))
    applied = judged(warehouse, chunk(record(stranger), own))
    assert (stored(warehouse), applied.denied) == (["own"], 2)
    allow = replace(event(**grants(userId="u", anonymousId="a", timestamp=NOW)), unverified=True)
    assert judged(warehouse, chunk(record(allow), own, lo=2)).denied == 0  # of two duplicates
    assert judged(warehouse, chunk(record(event(anonymousId="a", event="x")), lo=4)).denied == 1


def test_a_project_that_has_it_off_keeps_all_and_knows_who_denied_once_it_is_on(warehouse: Warehouse) -> None:
    denial = record(event(**denies(userId="u")), event(userId="u", event="x"))
    assert judged(warehouse, chunk(denial), off="p").denied == 0
    assert judged(warehouse, chunk(record(event(userId="u", event="x")), lo=1)).denied == 1


def test_projects_know_nothing_of_each_other(warehouse: Warehouse) -> None:
    judged(warehouse, chunk(record(event(**denies(userId="u")))))
    assert judged(warehouse, chunk(record(event(userId="u", event="x"), project="q"), lo=1)).denied == 0


@pytest.mark.parametrize("together", [True, False])
def test_texts_of_who_does_not_want_them_stored_are_in_no_table(warehouse: Warehouse, together: bool) -> None:
    u = {"userId": "u", "properties": TALK | {"latencyMs": 7, "deep": {"text": "secret"}, "list": ["secret"]}}
    last = one_by_one(
        warehouse,
        says(STORE, "denied", userId="u", type="identify"),
        {**u, "event": "Conversation Started", "properties": {**TALK, "title": "A secret title"}},
        {**u, "event": "Question Asked"},
        {**u, "event": "Answer Given"},
        {**u, "event": "Feedback Given", "properties": {**TALK, "rating": 0.5, "comment": "secret"}},
        {**u, "event": "Site's own"},
        {"userId": "u", "event": "Survey Answered", "properties": {"nps": 9, "comment": "secret"}},
        {"userId": "u", "event": "Form Sent", "properties": {"note": "no conversation"}},
        together=together,
    )
    assert len(stored(warehouse)) == 8
    for table in ("events", "conversation_facts", "conversation_rows", "user_facts", "user_rows", "quarantine_rows"):
        assert b"secret" not in warehouse.raw(f"SELECT * FROM {table}", "JSONEachRow"), table
    (asked,) = warehouse.query("SELECT properties FROM events WHERE event = 'Question Asked'")
    assert asked == ({"conversationId": "c", "topic": "billing", "latencyMs": 7},)
    assert warehouse.query("SELECT questions, answers, satisfaction, nps FROM users") == [(1, 1, 0.5, 9)]
    assert warehouse.query("SELECT properties FROM events WHERE event = 'Form Sent'") == [
        ({"note": "no conversation"},)
    ]
    assert last.left_out[LeftOut.TEXT_DENIED] == (6 if together else 0)


def test_texts_are_left_out_where_analytics_is_not_in_force_too(warehouse: Warehouse) -> None:
    denial = event(**says(STORE, "denied", userId="u", type="identify"))
    judged(warehouse, chunk(record(denial, event(userId="u", event="Question Asked", properties=TALK))), off="p")
    assert b"secret" not in warehouse.raw("SELECT * FROM events", "JSONEachRow")


def test_a_round_in_which_nobody_has_denied_anything_writes_nothing(warehouse: Warehouse) -> None:
    judged(warehouse, chunk(record(event(**grants(userId="u")), event(userId="u", event="x"))))
    assert warehouse.query("SELECT count() FROM consent_standing") == [(0,)]


# Random histories against the facts themselves: at each event, all that was said before of whoever it is of.


def talk_of_few(seed: int, number: int) -> list[bytes]:
    """A record for each event, received one after the other, of few people who change their minds."""
    chance = random.Random(seed)
    records = []
    for place in range(number):
        ids: dict[str, str] = {}
        if chance.random() < 0.6:
            ids["userId"] = f"u{chance.randrange(4)}"
        if not ids or chance.random() < 0.5:
            ids["anonymousId"] = f"a{chance.randrange(6)}"
        wire: dict[str, Any] = {"type": chance.choice(("track", "page", "identify")), "event": "x", "name": "x"}
        if chance.random() < 0.3:
            wire |= says("analytics", chance.choice(("denied", "denied", "granted", "pending")))
        when = NOW + place - chance.choice((0, 0, 0, 500))
        records.append(record(event(messageId=str(place), timestamp=when, **ids, **wire), received_at=NOW + place))
    return records


def expected(records: Sequence[bytes]) -> set[str]:
    """Messages that are stored, by the plainest reading of consent.md."""
    links: dict[str, str] = {}
    said: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))  # by user, or guest, as the facts have it
    kept = set()
    for one in map(decode, records):
        (sent,) = one.events
        guest = guest_id(sent.anonymous_id) if sent.anonymous_id else ""
        if sent.user_id and guest:
            links.setdefault(guest, sent.user_id)
        key = sent.user_id or guest
        choice = msgspec.json.decode(sent.context).get("consent", {}).get("analytics")
        if choice:
            said[key] = max(said[key], (min(sent.timestamp, one.received_at), STATES[choice]))
        owner = links.get(key, key)
        family = {owner, *(one for one, user in links.items() if user == owner)}
        denied = max(said[one] for one in family)[1] == STATES["denied"]
        if not (denied and sent.type in BEHAVIOUR):
            kept.add(sent.message_id)
    return kept


def in_chunks(records: Sequence[bytes], chance: random.Random) -> Iterable[Chunk]:
    lo = 0
    while lo < len(records):
        size = chance.randint(1, 15)
        yield chunk(*records[lo : lo + size], lo=lo)
        lo += size


def again(one: Chunk) -> Chunk:
    return Chunk(one.log_id, one.partition, one.lo, one.hi, one.records, repeated=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_stored_follows_from_the_order_whatever_the_chunks_are_and_how_often_they_come(
    embedded: Warehouse, seed: int
) -> None:
    chance = random.Random(seed)
    records = talk_of_few(seed + 4, 120)
    for one in in_chunks(records, chance):
        first = judged(embedded, one)
        while chance.random() < 0.4:
            repeat = judged(embedded, again(one))
            assert (repeat.denied, repeat.stored) == (first.denied, first.stored)
    assert set(stored(embedded)) == expected(records)
    assert 0 < len(stored(embedded)) < len(records)


@pytest.mark.apart
@pytest.mark.parametrize("answered", [False, True], ids=["before a write", "after a write"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_crash_at_any_write_changes_no_decision(
    embedded: Warehouse, embedded_dsn: str, seed: int, answered: bool
) -> None:
    chance = random.Random(seed)
    records = talk_of_few(seed + 50, 120)
    crashes = 0
    for one in in_chunks(records, chance):
        with Crashing(embedded_dsn) as dying:
            dying.at, dying.answered = chance.randint(1, 14), answered
            try:
                judged(dying, one)
            except (Crash, Unavailable):
                crashes += 1
                judged(embedded, again(one))
    assert crashes > 3
    assert set(stored(embedded)) == expected(records)
