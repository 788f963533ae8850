"""Conversations as servers read them: lists by time and kind, and what was said in one."""

import json
import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import pytest

from ask0.schemas.activity import ConversationList, WholeConversation
from ask0.schemas.listing import write_cursor
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.api.rows import MINUTE, NOON, act, digest_in, get, of_user, store, talk, user, walk
from tests.gateway.running import OTHER_PROJECT, STRICT_PROJECT, STRICT_SECRET, Running, running, working

ODD_IDS = ["act/1", "act-🦊", "act%2F", "act-" + "x" * 251, "act-a b?c#d", "act-\\'\"\t", "act-..", "act-{id}"]
RATINGS = (None, 0.0, 0.5, 1.0, 0.75)


@pytest.fixture(scope="module")
def gateway(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway and a worker."""
    with running(tmp_path_factory.mktemp("talks"), clickhouse) as gateway:
        gateway.post("/v1/track", {"userId": "act-nobody", "event": "First"})  # there is a log now
        with working(gateway, clickhouse):
            yield gateway


@pytest.fixture(scope="module", autouse=True)
def talks(clickhouse: Warehouse) -> list[dict[str, Any]]:
    """60 of one user, some with older versions too, and one of another project."""
    chance = random.Random(5)
    rows = [
        talk(
            f"act-talk-{number:02}",
            "act-ada",
            topic=chance.choice(("API", "Billing", None)),
            status=chance.choice(("open", "resolved")),
            started_at=NOON + chance.randrange(20) * MINUTE,
            last_at=NOON + chance.randrange(20, 30) * MINUTE,
            answered=chance.randrange(2),
            satisfaction=chance.choice(RATINGS),
            _version=2,
        )
        for number in range(60)
    ]
    store(clickhouse, "conversation_rows", [{**row, "topic": "Old", "_version": 1} for row in rows[::3]])
    store(clickhouse, "conversation_rows", rows)
    store(clickhouse, "conversation_rows", rows[:7])  # as after a crash: the same rows again
    elsewhere = talk("act-talk-elsewhere", "act-ada", project_id=OTHER_PROJECT)
    store(clickhouse, "conversation_rows", [elsewhere, talk("act-talk-ben", "act-ben")])
    for id in ("act-ada", "act-ben", "act-silent"):
        user(clickhouse, id)
    return rows


def ids(answer: Any) -> list[str]:
    return [conversation["id"] for conversation in answer]


@pytest.mark.parametrize(("sort", "time"), [("recent", "lastAt"), ("started", "startedAt")])
@pytest.mark.parametrize("limit", [7, 200])
def test_a_walk_meets_each_once_the_newest_first(
    gateway: Running, talks: list[dict[str, Any]], sort: str, time: str, limit: int
) -> None:
    met = list(walk(gateway, "/users/act-ada/conversations", "conversations", sort=sort, limit=limit))
    assert sorted(ids(met)) == [row["id"] for row in talks]
    assert all((one[time], one["id"]) > (other[time], other["id"]) for one, other in pairwise(met))


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        ({"status": "resolved"}, lambda row: row["status"] == "resolved"),
        ({"topic": "API"}, lambda row: row["topic"] == "API"),
        ({"topic": "Old"}, lambda row: False),
        ({"unanswered": "true"}, lambda row: not row["answered"]),
        ({"unanswered": "false", "topic": "API"}, lambda row: row["answered"] and row["topic"] == "API"),
        ({"rating": "positive"}, lambda row: (row["satisfaction"] or 0) > 0.5),
        ({"rating": "negative"}, lambda row: row["satisfaction"] == 0),
        ({"rating": "mixed"}, lambda row: row["satisfaction"] == 0.5),
        ({"rating": "none"}, lambda row: row["satisfaction"] is None),
    ],
)
def test_only_those_that_are_asked_for(
    gateway: Running, talks: list[dict[str, Any]], asked: dict[str, Any], holds: Any
) -> None:
    met = walk(gateway, "/users/act-ada/conversations", "conversations", limit=9, **asked)
    assert sorted(ids(met)) == [row["id"] for row in talks if holds(row)]


def test_a_project_lists_all_of_its_own(gateway: Running) -> None:
    met = ids(walk(gateway, "/conversations", "conversations", limit=200))
    assert {"act-talk-00", "act-talk-ben"} <= set(met)
    assert "act-talk-elsewhere" not in met
    assert get(gateway, "/conversations", project=OTHER_PROJECT).json()["code"] == "unknown_project"
    assert get(gateway, "/conversations", secret=STRICT_SECRET, project=STRICT_PROJECT).json()["conversations"] == []


def test_what_is_not_known_is_null(gateway: Running) -> None:
    answer = of_user(gateway, "act-ben", "conversations")
    assert answer.headers["cache-control"] == "no-store"
    assert ConversationList.model_validate(answer.json()).next is None
    assert answer.json()["conversations"] == [
        {
            "id": "act-talk-ben",
            "userId": "act-ben",
            **dict.fromkeys(("title", "channel", "topic", "satisfaction")),
            "status": "open",
            "startedAt": "2025-10-09T12:00:00.000Z",
            "lastAt": "2025-10-09T12:00:00.000Z",
            **{"questions": 1, "answers": 1, "answered": 1},
        }
    ]
    assert of_user(gateway, "act-silent", "conversations").json() == {"conversations": [], "next": None}


def test_who_moves_to_another_user_is_not_listed_under_the_first(gateway: Running, clickhouse: Warehouse) -> None:
    user(clickhouse, "act-moved")
    store(clickhouse, "conversation_rows", [talk("act-talk-moved", "g-act-guest")])
    store(clickhouse, "conversation_rows", [talk("act-talk-moved", "act-moved", _version=2)])
    user(clickhouse, "g-act-guest", merged_into="act-moved")
    for id in ("act-moved", "g-act-guest"):
        assert ids(of_user(gateway, id, "conversations").json()["conversations"]) == ["act-talk-moved"]


def test_a_conversation_is_shown_with_its_messages_in_order(gateway: Running, clickhouse: Warehouse) -> None:
    id = "act-talk-ben"
    question = {"text": "How do I 🦊?", "conversationId": id}
    reply = {"text": "Like this.", "inReplyTo": "act-m1", "latencyMs": 840, "answered": False}
    # More names than the project may have: all of it is beside the column.
    crowded = {"text": "And so.", "latencyMs": 1.5, "answered": True}
    rows = [
        act("Question Asked", NOON, "act-ben", message_id="act-m1", properties=question),
        act("Answer Given", NOON + 1, "act-ben", message_id="act-m2", properties=reply),
        act("Answer Given", NOON + 2, "act-ben", message_id="act-m3", sent_properties=json.dumps(crowded)),
        act("Feedback Given", NOON + 3, "act-ben", message_id="act-m4", properties={"thumbs": "up"}),
        act("Feedback Given", NOON + 4, "act-ben", message_id="act-m5", properties={"rating": 7}),
        act("Question Asked", NOON + 5, "act-ben", message_id="act-m6", properties={"text": ["no text"]}),
        act("Button Clicked", NOON + 6, "act-ben", message_id="act-m7"),
        act("Question Asked", NOON, "act-ben", message_id="act-m0", project_id=OTHER_PROJECT),
    ]
    store(clickhouse, "events", [{**row, "conversation_id": id} for row in reversed(rows)])
    answer = get(gateway, f"/conversations/{id}").json()
    shown = WholeConversation.model_validate(answer)
    assert [message.id for message in shown.messages] == [f"act-m{number}" for number in range(1, 7)]
    assert [message.kind for message in shown.messages] == ["question", *["answer"] * 2, *["feedback"] * 2, "question"]
    assert [message.text for message in shown.messages] == ["How do I 🦊?", "Like this.", "And so.", None, None, None]
    assert [message.answered for message in shown.messages] == [None, False, True, None, None, None]
    assert [message.latency_ms for message in shown.messages] == [None, 840, 1.5, None, None, None]
    assert [message.rating for message in shown.messages] == [None, None, None, 1, 1, None]
    assert shown.messages[1].in_reply_to == "act-m1"
    assert (shown.id, shown.user_id, shown.next) == (id, "act-ben", None)
    paged = walk(gateway, f"/conversations/{id}", "messages", limit=2)
    assert [message["id"] for message in paged] == [message.id for message in shown.messages]


@pytest.mark.parametrize("id", ODD_IDS)
def test_any_id_can_be_asked_for(gateway: Running, clickhouse: Warehouse, id: str) -> None:
    path = f"/conversations/{quote(id, safe='')}"
    assert get(gateway, path).json()["code"] == "unknown_conversation"
    assert of_user(gateway, id, "conversations").json()["code"] == "unknown_user"
    store(clickhouse, "conversation_rows", [talk(id, id)])
    user(clickhouse, id)
    assert get(gateway, path).json()["id"] == id
    assert ids(of_user(gateway, id, "conversations").json()["conversations"]) == [id]


def test_a_conversation_of_another_project_is_not_there(gateway: Running) -> None:
    for answer in (
        get(gateway, "/conversations/act-talk-elsewhere"),
        get(gateway, "/conversations/act-talk-ben", secret=STRICT_SECRET),
        get(gateway, "/conversations/no-such"),
        get(gateway, "/conversations/" + "x" * 5000),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_conversation")


def test_a_cursor_belongs_to_its_list(gateway: Running) -> None:
    path = "/users/act-ada/conversations"
    cursor = get(gateway, path, limit=3).json()["next"]
    assert get(gateway, path, limit=9, cursor=cursor).status_code == 200
    others: tuple[tuple[str, dict[str, str]], ...] = (
        (path, {"sort": "started"}),
        (path, {"topic": "API"}),
        ("/users/act-ben/conversations", {}),
        ("/conversations", {}),
        ("/conversations/act-talk-ben", {}),
    )
    for other, query in others:
        answer = get(gateway, other, cursor=cursor, **query)
        assert (answer.status_code, answer.json()["code"]) == (400, "wrong_cursor")


@pytest.mark.parametrize(
    "places", [[], [1], [1, 2], ["1", "a"], [None, "a"], [True, "a"], [1.5, "a"], [1, "a", 1], [1 << 64, "a"]]
)
def test_a_cursor_that_was_edited_is_refused(gateway: Running, places: list[Any]) -> None:
    cursor = get(gateway, "/conversations", limit=3).json()["next"]
    for text in (write_cursor(digest_in(cursor), places), cursor[:-3], "x" * 9000, "ü", ""):
        answer = get(gateway, "/conversations", cursor=text)
        assert (answer.status_code, answer.json()["code"]) == (400, "wrong_cursor"), text


@pytest.mark.parametrize(
    ("asked", "at"),
    [
        ({"sort": "oldest"}, "sort"),
        ({"status": "done"}, "status"),
        ({"unanswered": "perhaps"}, "unanswered"),
        ({"rating": "5"}, "rating"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1e9"}, "limit"),
        ({"topic": "x" * 256}, "topic"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(gateway: Running, asked: dict[str, str], at: str) -> None:
    for path in ("/conversations", "/users/act-ada/conversations"):
        answer = get(gateway, path, **asked)
        assert (answer.status_code, answer.json()["details"][0]["at"]) == (400, at)


def test_what_a_guest_said_is_read_as_the_users(gateway: Running, clickhouse: Warehouse) -> None:
    talk_id = "act-served"
    said: list[tuple[str, dict[str, Any]]] = [
        ("Question Asked", {"text": "What does it cost?", "topic": "Pricing"}),
        ("Answer Given", {"text": "Nothing.", "answered": True, "latencyMs": 12}),
        ("Feedback Given", {"rating": 0.8}),
    ]
    for number, (event, properties) in enumerate(said):
        sent = {**properties, "conversationId": talk_id}
        gateway.post(
            "/v1/track",
            {"anonymousId": "act-cleo", "event": event, "properties": sent, "timestamp": NOON + number},
        )
    gateway.post("/v1/identify", {"anonymousId": "act-cleo", "userId": "act-cleo-user"})
    wait_for(lambda: _talks_of(gateway, "act-cleo-user") == [talk_id], "the guest to become the user")
    assert _talks_of(gateway, "g-act-cleo") == [talk_id]
    shown = get(gateway, f"/conversations/{talk_id}").json()
    assert (shown["userId"], shown["topic"], shown["title"]) == ("act-cleo-user", "Pricing", "What does it cost?")
    assert [message["text"] for message in shown["messages"]] == ["What does it cost?", "Nothing.", None]
    assert [message["rating"] for message in shown["messages"]] == [None, None, 0.8]
    wait_for(lambda: _owners(gateway, talk_id) == {"act-cleo-user"}, "the events to follow")


def _talks_of(gateway: Running, id: str) -> list[str]:
    answer = of_user(gateway, id, "conversations")
    return ids(answer.json()["conversations"]) if answer.status_code == 200 else []


def _owners(gateway: Running, talk_id: str) -> set[str]:
    return {message["userId"] for message in get(gateway, f"/conversations/{talk_id}").json()["messages"]}
