"""What comes in as it comes in: whose, of what kind, for how long; and what was refused, listed and sent again."""

import asyncio
import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

import httpx
import pytest
from msgspec.structs import replace

from ask0.eventlog.open import list_groups
from ask0.gateway.live.shown import Line
from ask0.gateway.live.streams import MAX_WAITING_BYTES, Stream
from ask0.schemas.catalog import secret_key
from ask0.schemas.live import QuarantineList
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.running import (
    OTHER_KEY,
    PROJECT,
    SECRET,
    STRICT_KEY,
    STRICT_SECRET,
    Running,
    running,
    save,
    track,
    working,
)
from tests.gateway.sessions.people import person

Told = tuple[str, dict[str, Any]]


class Looking:
    """Somebody who looks at a stream. What comes is read in a thread of its own."""

    def __init__(self, gateway: Running, path: str, headers: dict[str, str]) -> None:
        self._told: queue.Queue[Told | None] = queue.Queue()
        self._client = httpx.Client(base_url=gateway.url, timeout=60)
        self._request = self._client.build_request("GET", path, headers=headers)
        self.answer = self._client.send(self._request, stream=True)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def next(self, kind: str) -> dict[str, Any]:
        """The next that is told, which is of this kind."""
        told = self._told.get(timeout=30)
        assert told, f"the stream has ended before a {kind}"
        assert told[0] == kind, told
        return told[1]

    def ended(self) -> bool:
        self._thread.join(30)
        return not self._thread.is_alive()

    def close(self) -> None:
        """At once: whoever reads would wait for the next line."""
        with suppress(OSError):
            self.answer.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._client.close()

    def _read(self) -> None:
        kind = ""
        with suppress(httpx.HTTPError, httpx.StreamError, RuntimeError, AttributeError):
            for line in self.answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                if name == "data":
                    self._told.put((kind, json.loads(value)))
        self._told.put(None)


@contextmanager
def looking(gateway: Running, query: str = "", key: str = SECRET, **headers: str) -> Iterator[Looking]:
    looker = Looking(gateway, f"/v1/projects/-/live{query}", {"authorization": f"Bearer {key}", **headers})
    try:
        assert looker.answer.status_code == 200, looker.answer.read()
        yield looker
    finally:
        looker.close()


@contextmanager
def ready(gateway: Running, query: str = "", key: str = SECRET, **headers: str) -> Iterator[Looking]:
    with looking(gateway, query, key, **headers) as looker:
        looker.next("ready")
        yield looker


def groups(gateway: Running) -> list[str]:
    found = asyncio.run(list_groups(gateway.log_dsn))
    return [group.name for group in found if group.name.startswith("ask0-live")]


def test_events_are_shown_as_they_come_in_and_nobody_elses(shared: Running) -> None:
    with ready(shared) as one, ready(shared, key=STRICT_SECRET) as other:
        assert len(groups(shared)) == 1
        event = track("Live Opened", userId="live-1", properties={"big": 1, "text": "<b>\n"})
        assert shared.post("/v1/track", event).status_code == 200
        shared.post("/v1/track", track("Of Another", userId="live-2"), key=OTHER_KEY)
        shared.post("/v1/track", track("Of Strict", userId="live-3"), key=STRICT_KEY)
        shared.post("/v1/track", track("Live Closed", userId="live-1"))
        shown = one.next("event")
        assert (shown["event"], shown["userId"], shown["type"]) == ("Live Opened", "live-1", "track")
        assert shown["properties"] == {"big": 1, "text": "<b>\n"}
        assert shown["receivedAt"].endswith("Z")
        assert one.next("event")["event"] == "Live Closed"
        assert other.next("event")["event"] == "Of Strict"
    wait_for(lambda: not groups(shared), "the tail to end with who looked last")


def test_a_stream_shows_what_its_filter_asks_for(shared: Running) -> None:
    with ready(shared, "?event=Wanted") as by_name, ready(shared, "?user=live-4") as by_user:
        for event, user in (("Else", "live-5"), ("Wanted", "live-5"), ("Else", "live-4")):
            shared.post("/v1/track", track(event, userId=user))
        assert by_name.next("event")["userId"] == "live-5"
        assert by_user.next("event")["event"] == "Else"
    refused = shared.client.get("/v1/projects/-/live?kind=x", headers={"authorization": f"Bearer {SECRET}"})
    assert refused.status_code == 400


def test_what_the_api_changes_and_tells_the_audit_log_is_not_shown(shared: Running) -> None:
    with ready(shared) as looker:
        headers = {"authorization": f"Bearer {SECRET}"}
        with suppress(httpx.ReadTimeout):  # no worker is there to apply it
            shared.client.put("/v1/projects/-/users/live-6", json={"name": "Changed"}, headers=headers, timeout=0.5)
        shared.post("/v1/track", track("After It", userId="live-6"))
        assert looker.next("event")["event"] == "After It"


def test_refused_events_are_shown_beside_the_others_with_the_reason(shared: Running) -> None:
    with ready(shared) as looker:
        shared.post("/v1/batch", {"batch": [{"type": "track", "userId": "live-7", "x": 1}]})
        shown = looker.next("rejected")
        assert (shown["reason"], json.loads(shown["raw"])["userId"]) == ("missing_event", "live-7")
        assert shown["id"].count(":") == 3


def test_of_who_denies_that_it_is_stored_nothing_is_shown(shared: Running, clickhouse: Warehouse) -> None:
    clickhouse.command(
        "INSERT INTO consent_standing (project_id, id, category, state)"
        f" VALUES ('{PROJECT}', 'live-denier', 'analytics', 3), ('{PROJECT}', 'g-live-denier', 'analytics', 3)"
    )
    with ready(shared) as looker:
        shared.post("/v1/track", track("Secret One", userId="live-denier"))
        shared.post("/v1/track", track("Secret Two", anonymousId="live-denier"))
        denied = {"consent": {"storeConversations": "denied"}}
        shared.post("/v1/track", track("Secret Three", userId="live-8", context=denied))
        shared.post("/v1/track", track("Open", userId="live-8"))
        for _ in range(3):
            shown = looker.next("event")
            assert "this person has not allowed it" in shown["withheld"]
            assert shown.keys() == {"messageId", "type", "receivedAt", "withheld"}
        assert looker.next("event")["event"] == "Open"


def test_who_comes_back_is_told_of_the_gap(shared: Running) -> None:
    with looking(shared, **{"last-event-id": "0-1-0"}) as looker:
        assert "while you were away" in looker.next("gap")["message"]
        looker.next("ready")


def test_a_reader_that_does_not_keep_up_is_told_what_it_missed() -> None:
    stream = Stream("proj")
    line = Line(b"x" * 1_000)
    stream.put([line] * 1_500)
    assert len(stream.take()) <= MAX_WAITING_BYTES
    assert stream.take_missed() == (500, "this reader does not keep up")
    stream.put([line])
    assert (stream.take(), stream.take_missed()[0]) == (line.text, 0)


def test_a_project_has_so_many_streams_at_most(shared: Running) -> None:
    with looking(shared), looking(shared), looking(shared), looking(shared):
        with looking(shared), looking(shared), looking(shared), looking(shared):
            refused = shared.client.get("/v1/projects/-/live", headers={"authorization": f"Bearer {SECRET}"})
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
            with looking(shared, key=STRICT_SECRET):
                pass
        wait_for(lambda: opens(shared), "places to be free again")


def opens(gateway: Running) -> bool:
    headers = {"authorization": f"Bearer {SECRET}"}
    with gateway.client.stream("GET", "/v1/projects/-/live", headers=headers) as answer:
        return answer.status_code == 200


def test_a_stream_ends_with_the_session_and_with_the_scope(
    clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> None:
    key = "sk_live_to_be_revoked"
    with running(tmp_path_factory.mktemp("live"), clickhouse, trusted_proxies="127.0.0.1") as gateway:
        stored = secret_key(key, PROJECT, 1, ("events:read",))
        asyncio.run(save(gateway.log_dsn, stored))
        member = person(gateway, "live@site.example", "analyst")
        wait_for(
            lambda: gateway.client.get("/v1/projects/-/me", headers={"authorization": f"Bearer {key}"}).is_success, "it"
        )
        cookies = {"cookie": member.cookie, **member.headers}
        looker = Looking(gateway, f"/v1/projects/{PROJECT}/live", cookies)
        with looking(gateway, key=key) as by_key:
            for one in (looker, by_key):
                one.next("ready")
            member.call("DELETE", "/v1/session")
            asyncio.run(save(gateway.log_dsn, replace(stored, revoked_at=2)))
            for one in (looker, by_key):
                assert "you may not" in one.next("end")["message"]
                assert one.ended()
        looker.close()
        last = Looking(gateway, "/v1/projects/-/live", {"authorization": f"Bearer {SECRET}"})
        last.next("ready")
    assert "the server ends" in last.next("end")["message"]
    assert last.ended()
    last.close()


def quarantine(gateway: Running, key: str = SECRET, **query: Any) -> QuarantineList:
    headers = {"authorization": f"Bearer {key}"}
    answer = gateway.client.get("/v1/projects/-/quarantine", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return QuarantineList.model_validate(answer.json())


def refuse(gateway: Running, *events: dict[str, Any]) -> None:
    gateway.post("/v1/batch", {"batch": [{"type": "track", **event} for event in events]})


def find(gateway: Running, user: str) -> Callable[[], bool]:
    return lambda: any(user in row.raw for row in quarantine(gateway, limit=50).quarantine)


def test_the_quarantine_is_listed_page_by_page_and_sent_again(shared: Running, clickhouse: Warehouse) -> None:
    user = f"live-{uuid4().hex}"
    with working(shared, clickhouse):
        refuse(shared, {"userId": user}, {"userId": f"{user}-b"}, {"userId": f"{user}-c", "event": 7, "timestamp": "x"})
        wait_for(find(shared, f"{user}-c"), "the quarantine to have them")
        first = quarantine(shared, limit=2, waiting=True)
        assert len(first.quarantine) == 2
        assert first.next
        second = quarantine(shared, limit=2, waiting=True, cursor=first.next)
        assert not {row.id for row in first.quarantine} & {row.id for row in second.quarantine}
        assert all(row.reason == "missing_event" for row in quarantine(shared, reason="missing_event").quarantine)
        assert user not in str(quarantine(shared, key=STRICT_SECRET))
        row = next(one for one in quarantine(shared, limit=50).quarantine if f'"{user}"' in one.raw)
        replay = f"/v1/projects/-/quarantine/{row.id}/replay"
        headers = {"authorization": f"Bearer {SECRET}"}
        again = shared.client.post(replay, headers=headers)
        assert (again.status_code, again.json()["code"]) == (422, "refused_again")
        assert again.json()["reason"] == "missing_event"
        other = shared.client.post(replay, headers={"authorization": f"Bearer {STRICT_SECRET}"})
        assert (other.status_code, other.json()["code"]) == (404, "unknown_row")
        mended = {**json.loads(row.raw), "event": "Mended", "writeKey": OTHER_KEY}
        done = shared.client.post(replay, json={"event": mended}, headers=headers)
        assert done.json()["accepted"] is True, done.text
        sql = "SELECT project_id, event FROM events WHERE user_id = {user:String}"
        wait_for(lambda: clickhouse.query(sql, {"user": user}) == [(PROJECT, "Mended")], "the event")
        row = next(one for one in quarantine(shared, limit=50).quarantine if one.id == row.id)
        assert row.replayed_at
        assert row.id not in {one.id for one in quarantine(shared, waiting=True, limit=50).quarantine}
