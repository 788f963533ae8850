"""Rows for the tests of what users did. All ids begin with act-, as several files share the database."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx

from ask0.warehouse.connect import Warehouse
from tests.gateway.running import PROJECT, SECRET, Running

BASE = "/v1/projects/-"
NOON = 1_760_011_200_000  # 2025-10-09T12:00:00Z, a Thursday, in epoch ms
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def get(gateway: Running, path: str, *, secret: str = SECRET, project: str = "-", **query: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {secret}"}
    return gateway.client.get(f"/v1/projects/{project}{path}", params=query, headers=headers)


def of_user(gateway: Running, id: str, what: str, **query: Any) -> httpx.Response:
    return get(gateway, f"/users/{quote(id, safe='')}/{what}", **query)


def walk(gateway: Running, path: str, name: str, **query: Any) -> Iterator[dict[str, Any]]:
    cursor = None
    while True:
        answer = get(gateway, path, **query, **({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        yield from answer.json()[name]
        cursor = answer.json()["next"]
        if cursor is None:
            return


def digest_in(cursor: str) -> str:
    digest: str = json.loads(urlsafe_b64decode(cursor + "=="))[0]
    return digest


def user(clickhouse: Warehouse, id: str, **row: Any) -> None:
    given = {"project_id": PROJECT, "id": id, "status": "Active", "merged_into": "", "_version": 1, **row}
    clickhouse.insert("user_rows", {name: [value] for name, value in given.items()}, token=uuid4().hex)


def act(event: str, at: int, user_id: str, **more: Any) -> dict[str, Any]:
    """A row of `events`; `properties` as they are sent."""
    own = {name: more.pop(name) for name in ("properties", "context") if name in more}
    return {
        "project_id": PROJECT,
        "type": "track",
        "event": event,
        "user_id": user_id,
        "sent_user_id": user_id,
        "anonymous_id": "",
        "message_id": f"act-{uuid4().hex}",
        "timestamp": at,
        "occurred_at": at,
        "received_at": at,
        "conversation_id": "",
        "properties": json.dumps(own.get("properties", {})),
        "context": json.dumps(own.get("context", {})),
        "sent_properties": "",
        **more,
    }


def store(clickhouse: Warehouse, table: str, rows: Iterable[dict[str, Any]]) -> None:
    rows = list(rows)
    clickhouse.insert(table, {name: [row[name] for row in rows] for name in rows[0]}, token=uuid4().hex)


def talk(id: str, user_id: str, **more: Any) -> dict[str, Any]:
    """A row of `conversation_rows`."""
    return {
        "project_id": PROJECT,
        "id": id,
        "user_id": user_id,
        "title": None,
        "topic": None,
        "status": "open",
        "started_at": NOON,
        "last_at": NOON,
        "questions": 1,
        "answers": 1,
        "answered": 1,
        "satisfaction": None,
        "_version": 1,
        **more,
    }
