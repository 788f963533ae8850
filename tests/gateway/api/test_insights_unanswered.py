"""Questions that nobody has answered, held against plain Python; and one that goes through a worker."""

import asyncio
import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ask0.schemas.catalog import Key, Project, secret_key
from ask0.schemas.events import write_time
from ask0.schemas.insights import Unanswered
from ask0.warehouse import unanswered
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.insights import Measure, compare, period_of
from ask0.warehouse.likeness import likeness, pieces_of
from bench.stack import wait_for
from tests.gateway.api.happenings import (
    ANSWER,
    BERLIN,
    DAYS,
    LAST,
    QUESTION,
    Happening,
    World,
    bounds,
    draw,
    local,
    store_world,
    within,
)
from tests.gateway.api.rows import DAY, act, get, store
from tests.gateway.running import Running, running, save, working

PERIOD: dict[str, Any] = {"until": LAST.isoformat(), "days": DAYS}
SECRET, WRITE_KEY, SERVED, SERVED_SECRET = "sk_unanswered", "wk_served", "proj_served", "sk_served"


@pytest.fixture(scope="module")
def world() -> World:
    return draw(seed=21)


@pytest.fixture(scope="module")
def project() -> str:
    return "proj_unanswered"


@pytest.fixture(scope="module")
def gateway(
    clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory, world: World, project: str
) -> Iterator[Running]:
    """With a project of its own, as the other has questions too."""
    store_world(clickhouse, world, project=project)
    documents = Project(id=project, name="Unanswered", created_at=1), secret_key(SECRET, project, 1)
    key = Key(id=WRITE_KEY, kind="write", project_id=SERVED, shown=WRITE_KEY, created_at=1)
    served = Project(id=SERVED, name="Served", created_at=1), key, secret_key(SERVED_SECRET, SERVED, 1)
    with running(tmp_path_factory.mktemp("unanswered"), clickhouse) as gateway:
        asyncio.run(save(gateway.log_dsn, *documents, *served))
        wait_for(lambda: find(gateway, **PERIOD) is not None, "the key")
        yield gateway


def find(gateway: Running, *, secret: str = SECRET, **query: Any) -> dict[str, Any] | None:
    answer = get(gateway, "/insights/unanswered", secret=secret, **query)
    found: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
    return found


def answered_of(said: Sequence[Happening]) -> set[str]:
    """Ids that an answer names; and of one that names none, the question before it in its conversation."""
    found: set[str] = set()
    last: dict[str, Happening] = {}
    for one in sorted(said, key=lambda one: (one.at, not one.is_question, one.id)):
        if one.is_question:
            last[one.talk] = one
        elif one.said.get("answered") is not False:
            named = one.said.get("inReplyTo")
            if named:
                found.add(named)
            elif one.talk and one.talk in last:
                found.add(last[one.talk].id)
    return found


def wording(text: Any) -> str:
    plain = unicodedata.normalize("NFKC", text if isinstance(text, str) else "").lower()
    kept = "".join(one if unicodedata.category(one)[0] in "LMN" else " " for one in plain)
    return re.sub(" +", " ", kept).strip()


def expected(world: World, start: int, middle: int, end: int, topic: str | None) -> dict[str, Any]:
    said = within((one for one in world.happenings if one.is_question or one.is_answer), start, end + DAY)
    answered = answered_of(said)
    asked = [one for one in within(said, start, end) if one.is_question]
    asked = [one for one in asked if topic is None or one.said.get("topic") == topic]
    left = [one for one in asked if one.id not in answered]
    by_wording: dict[str, list[Happening]] = {}
    for one in left:
        by_wording.setdefault(wording(one.said.get("text")), []).append(one)

    def order(name: str) -> tuple[int, int, str]:
        now = sum(one.at >= middle for one in by_wording[name])
        return -now, now - len(by_wording[name]), name

    groups: list[list[str]] = []
    for name in sorted(filter(None, by_wording), key=order):
        like = [likeness(pieces_of(name), pieces_of(group[0])) for group in groups]
        if like and max(like) >= 0.6:
            groups[like.index(max(like))].append(name)
        else:
            groups.append([name])
    groups = [group for group in groups if order(group[0])[0] < 0]
    told = [_group(group, by_wording, asked, answered, middle) for group in groups]
    return {
        "groups": sorted(told, key=lambda group: (-group["questions"]["value"], group["text"])),
        "count": len(groups),
        "questions": _compared(left, middle),
        "asked": sum(one.at >= middle for one in asked),
        "complete": True,
    }


def _group(
    names: list[str], by_wording: dict[str, list[Happening]], asked: list[Happening], answered: set[str], middle: int
) -> dict[str, Any]:
    of_each = [[one for one in by_wording[name] if one.at >= middle] for name in names]
    lasts = [max(ones, key=lambda one: (one.at, one.id)) for ones in of_each if ones]
    all_now = [one for ones in of_each for one in ones]
    last = max(all_now, key=lambda one: one.at)
    again = [one.at for one in asked if one.id in answered and wording(one.said.get("text")) in names]
    return {
        "text": lasts[0].said["text"],
        "questions": _compared([one for name in names for one in by_wording[name]], middle),
        "users": len({one.user for one in all_now}),
        "wordings": len(names),
        "examples": [one.said["text"] for one in lasts[:5]],
        "firstAskedAt": write_time(min(one.at for one in all_now)),
        "lastAskedAt": write_time(last.at),
        "answeredSince": write_time(max(again)) if again and max(again) > last.at else None,
    }


def _compared(ones: Sequence[Happening], middle: int) -> dict[str, Any]:
    now = sum(one.at >= middle for one in ones)
    return compare("count", Measure(len(ones) - now), Measure(now))


@pytest.mark.parametrize("tz", ["Europe/Berlin", "UTC", "Pacific/Apia"])
@pytest.mark.parametrize("topic", [None, "API", "Ünïcode 🦊"])
def test_they_are_grouped_by_likeness_with_who_asked_and_when(
    gateway: Running, world: World, tz: str, topic: str | None
) -> None:
    found = find(gateway, **PERIOD, tz=tz, limit=200, **({"topic": topic} if topic else {}))
    assert found
    shown = Unanswered.model_validate(found)
    wanted = expected(world, *bounds(ZoneInfo(tz)), topic)
    assert {name: found[name] for name in wanted if name != "groups"} == {
        name: wanted[name] for name in wanted if name != "groups"
    }
    for group, one in zip(found["groups"], wanted["groups"], strict=True):
        assert {name: group[name] for name in one} == one
    assert max(group.wordings for group in shown.groups) > 1
    limited = find(gateway, **PERIOD, tz=tz, limit=1, **({"topic": topic} if topic else {}))
    assert limited
    assert (limited["groups"], limited["count"]) == (found["groups"][:1], found["count"])


def test_some_of_them_were_answered_since(world: World) -> None:
    """Else the comparison would say nothing of it."""
    groups = expected(world, *bounds(BERLIN), None)["groups"]
    assert {group["answeredSince"] is None for group in groups} == {True, False}


def test_a_question_is_answered_by_the_answer_that_comes_the_next_day(gateway: Running, clickhouse: Warehouse) -> None:
    at = bounds(ZoneInfo("UTC"), LAST.replace(month=3), 1)[2] - 1000
    rows = [
        act(QUESTION, at, "ins-night", conversation_id="ins-night", properties={"text": "Who is awake?"}),
        act(ANSWER, at + 1500, "ins-night", conversation_id="ins-night", properties={"text": "I am."}),
        act(QUESTION, at, "ins-night", conversation_id="ins-day", properties={"text": "Who else?"}),
        act(ANSWER, at + DAY + 1001, "ins-night", conversation_id="ins-day", properties={"text": "Nobody."}),
    ]
    store(clickhouse, "events", [{**row, "project_id": SERVED} for row in rows])
    found = find(gateway, secret=SERVED_SECRET, until=LAST.replace(month=3), days=1)
    assert found
    assert [group["text"] for group in found["groups"]] == ["Who else?"]
    assert found["groups"][0]["lastConversationId"] == "ins-day"


def test_of_more_than_is_looked_at_the_newest_are_told(
    clickhouse: Warehouse, project: str, world: World, gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, middle, end = bounds(BERLIN)
    said = within((one for one in world.happenings if one.is_question or one.is_answer), start, end)
    most = 400
    assert most < len(within(said, middle, end))
    monkeypatch.setattr(unanswered, "MOST_SAID", most)
    monkeypatch.setattr(unanswered, "NEWEST", unanswered.NEWEST.replace("OFFSET 300000", f"OFFSET {most}"))
    period = period_of(local(end + DAY, BERLIN), DAYS, BERLIN, LAST)
    found = unanswered.read_unanswered(clickhouse, project, period, None, 200)
    oldest = sorted((one.at for one in said), reverse=True)[most]
    newest = World([one for one in world.happenings if one.at > oldest], {}, [])
    wanted = expected(newest, oldest + 1, middle, end, None)
    assert found["questions"]["value"] == wanted["questions"]["value"]
    assert (found["complete"], found["questions"]["before"], found["questions"]["direction"]) == (False, None, None)
    assert [group["users"] for group in found["groups"]] == [group["users"] for group in wanted["groups"]]


def test_of_more_wordings_than_are_compared_those_asked_most_are(
    clickhouse: Warehouse, project: str, gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unanswered, "MOST_WORDINGS", 3)
    end = bounds(BERLIN)[2]
    period = period_of(local(end + DAY, BERLIN), DAYS, BERLIN, LAST)
    found = unanswered.read_unanswered(clickhouse, project, period, None, 200)
    assert not found["complete"]
    assert sum(group["wordings"] for group in found["groups"]) <= 3


def test_what_pages_send_is_told_until_it_is_answered(gateway: Running, clickhouse: Warehouse) -> None:
    def send(event: str, **properties: Any) -> None:
        body = {"userId": "ins-sender", "event": event, "properties": {"conversationId": "ins-sent", **properties}}
        assert gateway.post("/v1/track", body, key=WRITE_KEY).status_code == 200

    def texts() -> list[str] | None:
        days, limit = next(others)
        found = find(gateway, secret=SERVED_SECRET, days=days, limit=limit)
        return [group["text"] for group in found["groups"]] if found else None

    others = product(range(2, 366), range(1, 201))  # another query has another answer, which is not kept yet
    with working(gateway, clickhouse):
        send(QUESTION, text="Where is my parcel?")
        wait_for(lambda: texts() == ["Where is my parcel?"], "the question to be told")
        send(ANSWER, text="On its way.")
        wait_for(lambda: texts() == [], "the answer to be known")
