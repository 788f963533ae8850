"""All that is stored of a person, page by page: each once, in an order that stays, and no page too large."""

import json
import time
from collections.abc import Iterator
from itertools import chain
from typing import Any
from uuid import uuid4

import orjson
import pytest

from ask0.schemas.events import write_time
from ask0.warehouse import user_export, user_statements
from ask0.warehouse.bounded_pages import MOST_ROWS, PAGE_BYTES
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.user_export import Everything, Page
from ask0.warehouse.whose import Person

DAY = 86_400_000
NOON = 1_760_011_200_000  # 2025-10-09T12:00:00Z
LATER = NOON + 1_000 * DAY
NOW = time.time_ns() // 1_000_000 - DAY  # what is old is not kept in the quarantine
ADA = Person("p", "ada")


@pytest.fixture
def everything(warehouse: Warehouse) -> Everything:
    store(warehouse, "user_rows", [person("ada", anonymous_ids=["g-x", "y"], merged_ids=["bob"])])
    return Everything(warehouse, ADA, LATER)


def store(warehouse: Warehouse, table: str, rows: list[dict[str, Any]]) -> None:
    warehouse.insert(table, {name: [row[name] for row in rows] for name in rows[0]}, token=uuid4().hex)


def person(id: str, **more: Any) -> dict[str, Any]:
    return {"project_id": "p", "id": id, "status": "Active", "merged_into": "", "_version": 1, **more}


def act(id: str, at: int, **more: Any) -> dict[str, Any]:
    own = {name: json.dumps(more.pop(name, {})) for name in ("properties", "context")}
    return {
        "project_id": "p",
        "type": "track",
        "event": "Clicked",
        "user_id": "ada",
        "sent_user_id": "ada",
        "anonymous_id": "",
        "message_id": id,
        "timestamp": at,
        "occurred_at": at,
        "received_at": at,
        "conversation_id": "",
        "sent_properties": "",
        "sent_context": "",
        "ignored": [],
        "_of_guest": False,
        **own,
        **more,
    }


def change(id: str, at: int, **more: Any) -> dict[str, Any]:
    row = {"project_id": "p", "user_id": "ada", "at": at, "id": id, "action": "user.put", "actor": "key:1"}
    return {**row, "traits": {}, "tags": {}, "consent": {}, **more}


def talk(id: str, **more: Any) -> dict[str, Any]:
    row = {"project_id": "p", "id": id, "user_id": "ada", "status": "open", "started_at": NOON, "last_at": NOON}
    return {**row, "title": None, "_version": 1, **more}


def reject(id: str, at: int, raw: str) -> dict[str, Any]:
    row = {"project_id": "p", "id": id, "received_at": at, "raw": raw, "stage": "gateway", "reason": "too_deep"}
    return {**row, "message": "no", "message_id": ""}


def flat(pages: Iterator[Page]) -> Page:
    return list(chain.from_iterable(pages))


def ids(pages: Iterator[Page], name: str = "messageId") -> list[str]:
    return [row[name] for row in flat(pages)]


def test_events_come_by_time_each_once_whatever_they_share(warehouse: Warehouse, everything: Everything) -> None:
    times = [NOON + number // 50 * DAY // 3 for number in range(MOST_ROWS * 2)]  # fifty at each
    rows = [act(f"{number:05}", at) for number, at in enumerate(times)]
    others = [act("other-user", NOON, user_id="eve"), act("other-project", NOON, project_id="q")]
    store(warehouse, "events", [*rows[::-1], *others])
    assert ids(everything.events()) == [f"{number:05}" for number in range(len(rows))]


def test_events_of_many_days_are_asked_for_in_spans(
    warehouse: Warehouse, everything: Everything, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_export, "EVENTS_AT_ONCE", 7)
    rows = [act(f"{number:05}", NOON + number * DAY // 4) for number in range(100)]
    rows.append(act("first", 0))
    store(warehouse, "events", rows)
    assert ids(everything.events()) == ["first", *(f"{number:05}" for number in range(100))]


def test_a_page_of_large_events_is_small(warehouse: Warehouse, everything: Everything) -> None:
    large = {"text": "x" * 30_000}
    rows = [act(f"a{number:04}", NOON + number, properties={"n": number}) for number in range(500)]
    rows += [act(f"b{number:04}", NOON + DAY + number, properties=large) for number in range(60)]
    rows += [act(f"c{number:04}", NOON + DAY + 100 + number, sent_context=json.dumps(large)) for number in range(60)]
    store(warehouse, "events", rows)
    pages = list(everything.events())
    assert [row["messageId"] for page in pages for row in page] == [row["message_id"] for row in rows]
    assert max(len(page) for page in pages) <= MOST_ROWS
    assert max(len(str(page)) for page in pages) < PAGE_BYTES + 300_000  # one row more, and the names of fields


def test_what_is_received_after_the_beginning_is_not_in_it(warehouse: Warehouse) -> None:
    store(warehouse, "user_rows", [person("ada")])
    store(warehouse, "events", [act("now", NOON), act("later", NOON, received_at=NOON + 1)])
    assert ids(Everything(warehouse, ADA, NOON).events()) == ["now"]


def test_what_was_sent_is_told_to_the_letter(warehouse: Warehouse, everything: Everything) -> None:
    store(warehouse, "events", [act("1", NOON, sent_properties='{"n": 123456789012345678901234567890}', ip="1.2.3.0")])
    (event,) = flat(everything.events())
    assert orjson.dumps(event["properties"]) == b'{"n": 123456789012345678901234567890}'
    assert event["ip"] == "1.2.3.0"


def test_conversations_are_those_that_are_theirs_now(warehouse: Warehouse, everything: Everything) -> None:
    rows = [talk(f"t{number:03}") for number in range(250)]
    rows += [talk("t000", _version=2, title="Newer"), talk("gone", _version=1), talk("gone", _version=2, user_id="eve")]
    store(warehouse, "conversation_rows", rows)
    found = flat(everything.conversations())
    assert [one["id"] for one in found] == [f"t{number:03}" for number in range(250)]
    assert found[0]["title"] == "Newer"


def test_messages_come_in_the_order_of_their_conversations(warehouse: Warehouse, everything: Everything) -> None:
    store(warehouse, "conversation_rows", [talk("b"), talk("a"), talk("Ä"), talk("theirs", user_id="eve")])
    said = [
        ("Question Asked", "b", 5),
        ("Answer Given", "b", 6),
        ("Question Asked", "a", 7),
        ("Question Asked", "Ä", 1),
    ]
    rows = [
        act(f"m{at}", NOON + at, event=event, conversation_id=id, properties={"text": f"{id}{at}"})
        for event, id, at in [*said, ("Question Asked", "theirs", 2), ("Clicked", "a", 8)]
    ]
    rows.append(act("m9", NOON + 9, event="Answer Given", conversation_id="a", user_id="eve"))  # said to them
    store(warehouse, "events", rows)
    told = [(one["conversationId"], one["id"], one["text"]) for one in flat(everything.messages())]
    assert told == [("a", "m7", "a7"), ("a", "m9", None), ("b", "m5", "b5"), ("b", "m6", "b6"), ("Ä", "m1", "Ä1")]
    assert [one["id"] for one in flat(everything.conversations())] == ["a", "b", "Ä"]


def test_identities_are_all_that_were_sent(warehouse: Warehouse, everything: Everything) -> None:
    links = [{"project_id": "p", "guest_id": "g-x", "link": (NOON, "ada", "g-x")}]
    store(warehouse, "identity_links", links)
    many = [f"guest-{number:03}" for number in range(250)]
    assert flat(everything.identities()) == [
        {"kind": "anonymous", "id": "g-x", "linkedAt": "2025-10-09T12:00:00.000Z"},
        {"kind": "anonymous", "id": "y", "linkedAt": None},
        {"kind": "user", "id": "bob", "linkedAt": None},
    ]
    store(warehouse, "user_rows", [person("ada", anonymous_ids=many, _version=2)])
    assert ids(everything.identities(), "id") == many


def test_the_history_is_what_became_of_each_name(warehouse: Warehouse, everything: Everything) -> None:
    def identify(id: str, at: int, traits: dict[str, Any], **more: Any) -> dict[str, Any]:
        return act(id, NOON + at, type="identify", event="", properties=traits, **more)

    store(
        warehouse,
        "events",
        [
            identify("1", 1, {"plan": "free", "admin": True, "a": {"b": 1, "c": [1]}}, ignored=["admin"]),
            identify("2", 2, {"plan": "free", "a": {"c": [1], "b": 1}}),
            act("3", NOON + 3, context={"consent": {"ads": "denied", "categoryPreferences": {"Email": True}}}),
            act("4", NOON + 5, context={"consent": {"ads": "granted"}}, _of_guest=True),  # names ada without proof
            identify("5", 4, {"plan": "pro"}, received_at=NOON + 4, occurred_at=NOON + 900),  # of a clock that is ahead
        ],
    )
    changes = [
        change("c1", NOON + 6, traits={"plan": "null", "n": "1"}, tags={"vip": 1}, consent={"ads": "denied"}),
        change("c2", NOON + 7, traits={"plan": '"pro"'}, tags={"vip": 0}, user_id="bob"),  # who was merged
        change("c3", NOON + 8, traits={"n": "2"}, user_id="eve"),
        change("c4", NOON + 9),
    ]
    store(warehouse, "user_changes", changes)
    found = flat(everything.history())
    assert [(one["id"], one["what"], one["name"], one["value"]) for one in found] == [
        ("1", "trait", "a", {"b": 1, "c": [1]}),
        ("1", "trait", "plan", "free"),
        ("3", "consent", "email", "granted"),
        ("3", "consent", "ads", "denied"),
        ("5", "trait", "plan", "pro"),
        ("c1", "trait", "plan", None),
        ("c1", "trait", "n", 1),
        ("c1", "tag", "vip", True),
        ("c2", "trait", "plan", "pro"),
        ("c2", "tag", "vip", False),
    ]
    assert (found[4]["at"], found[4]["source"], found[4]["actor"]) == ("2025-10-09T12:00:00.004Z", "event", None)
    assert (found[5]["action"], found[5]["source"], found[5]["actor"]) == ("user.put", "change", "key:1")


def test_choices_that_come_with_each_event_are_read_many_at_a_time(
    warehouse: Warehouse, everything: Everything, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_statements, "READ_AT_ONCE", 64)
    states = ["granted" if number % 300 < 200 else "denied" for number in range(900)]
    rows = [act(f"{at:04}", NOON + at, context={"consent": {"ads": state}}) for at, state in enumerate(states)]
    store(warehouse, "events", rows)
    told = [(one["id"], one["value"]) for one in flat(everything.history())]
    turns = [0, 200, 300, 500, 600, 800]
    assert told == [(f"{at:04}", states[at]) for at in turns]


def test_names_without_end_take_no_memory(
    warehouse: Warehouse, everything: Everything, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can send events can send as many as they like."""
    monkeypatch.setattr(user_statements, "MOST_KNOWN", 10)
    rows = [
        act(f"{at:04}", NOON + at, type="identify", properties={f"t{at % 30}": 1, "plan": "free"}) for at in range(60)
    ]
    store(warehouse, "events", rows)
    history = user_statements.History(warehouse, ADA, LATER)
    told = [one["name"] for one in chain.from_iterable(history.pages())]
    assert len(history._known) <= 10
    assert told.count("plan") == 1
    assert told.count("t3") == 2  # it was forgotten meanwhile


def test_the_quarantine_is_looked_through_for_whatever_names_them(warehouse: Warehouse, everything: Everything) -> None:
    raws = [
        '{"userId":"ada"}',
        '{"anonymousId":"y"}',
        '{"id":"ada"}',
        '{"user":"ada"}',
        '{"userId":"bob"}',
        '{"previousId":"g-x"}',
    ]
    raws += ['{"userId":"eve","event":"ada"}', "no JSON: ada", '{"userId":["ada"]}', "", '{"userId":null}']
    rows = [reject(f"log:0:{number}:0", NOW + number, raw) for number, raw in enumerate(raws)]
    rows += [rows[0] | {"project_id": "q"}, rows[0] | {"id": "later", "received_at": LATER + 1}]
    store(warehouse, "quarantine_rows", rows)
    store(warehouse, "quarantine_rows", [rows[1] | {"replayed_at": NOW + DAY, "_version": 5}])
    found = flat(everything.quarantine())
    assert [one["raw"] for one in found] == raws[5::-1]
    assert found[4]["replayedAt"] == write_time(NOW + DAY)
    assert everything.quarantine_since is None


def test_no_flood_of_rejects_makes_an_export_endless(
    warehouse: Warehouse, everything: Everything, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_export, "MOST_REJECTS", 30_000)
    warehouse.command(
        "INSERT INTO quarantine_rows (project_id, id, received_at, raw)"
        " SELECT 'p', toString(number), fromUnixTimestamp64Milli(toInt64({noon:Int64} + number), 'UTC'),"
        """ if(number IN (10, 45000, 15000), '{"userId":"ada"}', '{"userId":"eve"}') FROM numbers(50000)""",
        {"noon": NOW},
    )
    pages = list(everything.quarantine())
    assert [one["id"] for page in pages for one in page] == ["45000", "15000"]
    assert everything.quarantine_since == write_time(NOW + 10_000)
    monkeypatch.setattr(user_export, "MOST_REJECTS", 1_000_000)
    again = Everything(warehouse, ADA, LATER)
    assert ids(again.quarantine(), "id") == ["45000", "15000", "10"]
    assert again.quarantine_since is None


def test_somebody_of_whom_there_is_nothing_has_nothing(warehouse: Warehouse) -> None:
    nobody = Everything(warehouse, Person("p", "nobody' OR 1"), LATER)
    for part in ("identities", "history", "conversations", "messages", "events", "audit", "quarantine"):
        assert flat(getattr(nobody, part)()) == [], part
    assert nobody.ids() == ["nobody' OR 1"]
