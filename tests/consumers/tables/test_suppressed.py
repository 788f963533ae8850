"""What comes of people who are erased is as if it had never come: later, again, and whatever else is in the round."""

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from ask0.schemas.erasure import TALK, Pack, hash_id
from ask0.schemas.ids import guest_id
from ask0.schemas.records import Record, Reject, encode
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.suppressions import copy
from tests.consumers.beacons import NOW, chunk, event, merge, record, store, tables
from tests.thoroughness import SEEDS

KEY = "key of the project"
USERS, GUESTS = ("ann", "bob", "cyd"), ("a1", "b1", "c1")
QUESTION = {"conversationId": "talk", "text": "?"}


def suppress(warehouse: Warehouse, *ids: str, until: int | None = None, project: str = "p") -> None:
    hashes = tuple(hash_id(KEY, id) for id in ids)
    ends = {} if until is None else dict.fromkeys(hashes, until)
    version = 1 + warehouse.query("SELECT max(_version) FROM suppressions")[0][0]
    copy(warehouse, Pack(project_id=project, place=0, key=KEY, hashes=hashes, until=ends), version)


def stored(warehouse: Warehouse, project: str = "p") -> list[str]:
    return column(warehouse, "SELECT message_id FROM events", project)


def column(warehouse: Warehouse, sql: str, project: str = "p") -> list[Any]:
    """The first column, in order."""
    rows = warehouse.query(f"{sql} WHERE project_id = {{project:String}} ORDER BY 1", {"project": project})
    return [row[0] for row in rows]


def test_events_of_an_erased_user_and_their_guests_are_dropped_and_counted(warehouse: Warehouse) -> None:
    suppress(warehouse, "ann", guest_id("a1"))
    applied = store(
        warehouse,
        chunk(
            record(event(userId="ann", event="x", messageId="1"), event(anonymousId="a1", event="x", messageId="2")),
            record(event(type="identify", userId="ann", anonymousId="new", traits={"x": 1}, messageId="3")),
            record(event(userId="bob", event="x", messageId="4")),
        ),
    )
    assert (applied.stored, applied.erased, applied.duplicates) == (1, 3, 0)
    assert stored(warehouse) == ["4"]
    assert column(warehouse, "SELECT id FROM users") == ["bob"]
    assert column(warehouse, "SELECT guest_id FROM identities") == []


def test_another_user_at_the_same_browser_is_stored_without_the_guest(warehouse: Warehouse) -> None:
    suppress(warehouse, "ann", guest_id("a1"))
    store(
        warehouse,
        chunk(record(event(type="identify", userId="bob", anonymousId="a1", messageId="1"))),
        chunk(record(event(type="alias", userId="bob", previousId="ann", messageId="2")), lo=1),
    )
    assert column(warehouse, "SELECT (id, anonymous_ids) FROM users") == [("bob", [])]
    assert column(warehouse, "SELECT guest_id FROM identities") == []


def test_in_another_project_they_are_as_everybody(warehouse: Warehouse) -> None:
    suppress(warehouse, "ann")
    store(warehouse, chunk(record(event(userId="ann", event="x", messageId="1"), project="other")))
    assert stored(warehouse, "other") == ["1"]


def test_what_was_received_before_they_were_let_in_stays_dropped(warehouse: Warehouse) -> None:
    suppress(warehouse, "ann")
    suppress(warehouse, "ann", until=NOW)
    for place, received_at in enumerate((NOW - 1, NOW, NOW + 1)):
        one = event(userId="ann", event="x", messageId=str(place))
        store(warehouse, chunk(record(one, received_at=received_at), lo=place))
    assert stored(warehouse) == ["2"]


def test_conversations_that_were_deleted_do_not_come_back_and_may_go_on(warehouse: Warehouse) -> None:
    suppress(warehouse, TALK + "ann", until=NOW)
    for place, received_at in enumerate((NOW, NOW + 1)):
        said = event(userId="ann", event="Question Asked", properties=QUESTION, messageId=str(place))
        done = event(userId="ann", event="x", messageId=f"done {place}")
        store(warehouse, chunk(record(said, done, received_at=received_at), lo=place))
    assert stored(warehouse) == ["1", "done 0", "done 1"]
    assert column(warehouse, "SELECT questions FROM conversations") == [1]


def test_a_merge_with_one_who_is_erased_is_dropped(warehouse: Warehouse) -> None:
    store(warehouse, chunk(record(event(userId="bob", event="x", messageId="1"))))
    suppress(warehouse, "ann")
    store(warehouse, chunk(record(merge("ann", "bob")), lo=1))
    assert warehouse.query("SELECT count() FROM user_merges") == [(0,)]


def test_what_the_gateway_refused_of_them_does_not_come_into_the_quarantine(warehouse: Warehouse) -> None:
    suppress(warehouse, "ann", guest_id("a1"))
    sent = ({"userId": "ann"}, {"anonymousId": "a1"}, {"userId": "bob"}, "no JSON")
    rejects = tuple(
        Reject(
            index=place,
            reason="not_an_object",
            message="",
            message_id="",
            raw=json.dumps(one) if one != "no JSON" else one,
        )
        for place, one in enumerate(sent)
    )
    applied = store(warehouse, chunk(encode(Record(project_id="p", received_at=NOW, rejects=rejects))))
    assert applied.erased == 2
    assert column(warehouse, "SELECT raw FROM quarantine") == ["no JSON", '{"userId": "bob"}']


def life(chance: random.Random, number: int) -> dict[str, Any]:
    """Something that one of the users did, at a browser of their own."""
    person = chance.randrange(len(USERS))
    user, guest = USERS[person], GUESTS[person]
    kinds: list[dict[str, Any]] = [
        {"anonymousId": guest, "event": "x"},
        {"userId": user, "event": "x", "anonymousId": chance.choice((guest, ""))},
        {"type": "identify", "userId": user, "anonymousId": guest, "traits": {"plan": str(number)}},
        {"userId": user, "event": "Question Asked", "properties": {**QUESTION, "conversationId": f"of {user}"}},
    ]
    return {**chance.choice(kinds), "messageId": str(number), "timestamp": NOW - 60_000 + number}


@pytest.mark.parametrize("seed", SEEDS)
def test_everybody_else_is_as_if_they_had_never_been(embedded: Warehouse, seed: int) -> None:
    """In any chunks, some of which come again: project p has erased some, project q has never heard of these."""
    chance = random.Random(seed)
    erased = chance.sample(range(len(USERS)), chance.randint(1, 2))
    gone = {name for person in erased for name in (USERS[person], GUESTS[person])}
    suppress(embedded, *(USERS[person] for person in erased), *(guest_id(GUESTS[person]) for person in erased))
    lives = [life(chance, number) for number in range(40)]
    for project in ("p", "q"):
        own = [one for one in lives if project == "p" or gone.isdisjoint((one.get("userId"), one.get("anonymousId")))]
        records = [record(event(**one), project=project) for one in own]
        for lo in range(0, len(records), size := chance.randint(1, 7)):
            some = chunk(*records[lo : lo + size], lo=lo, log=project)
            store(embedded, some)
            if chance.random() < 0.3:
                store(embedded, replace(some, repeated=True))
    assert tables(embedded, "p") == tables(embedded, "q")
    assert gone.isdisjoint(column(embedded, "SELECT id FROM users"))
