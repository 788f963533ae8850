"""An Idempotency-Key of a document's write: sent again it is carried out once, with another body it is a mistake."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest
from msgspec.structs import replace

from ask0.catalog.replica import Replica
from ask0.eventlog.open import open_control
from ask0.schemas import changes
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import PROJECT, SECRET, Running

BASE = "/v1/projects/-"


def call(gateway: Running, method: str, path: str, body: Any, key: str, **headers: str) -> httpx.Response:
    sent = {"authorization": f"Bearer {SECRET}", "idempotency-key": key, "if-match": "*", **headers}
    return gateway.client.request(method, BASE + path, json=body, headers=sent)


def segment(gateway: Running, key: str, **body: Any) -> httpx.Response:
    return call(gateway, "POST", "/segments", {"name": "Keys", "filter": {"tag": "doc-keys"}, **body}, key)


def is_reused(answer: httpx.Response) -> bool:
    return (answer.status_code, answer.json().get("code")) == (422, "key_reused")


def test_another_segment_under_the_same_key_is_refused(gateway: Running) -> None:
    made = segment(gateway, "doc-create")
    assert made.status_code == 201
    assert segment(gateway, "doc-create").json() == made.json()
    assert is_reused(segment(gateway, "doc-create", name="Other"))
    assert is_reused(segment(gateway, "doc-create", filter={"tag": "other"}))
    assert segment(gateway, "doc-create").json() == made.json()


def test_another_edit_under_the_same_key_is_refused_and_the_same_is_not_whatever_happened_since(
    gateway: Running,
) -> None:
    path = f"/segments/{segment(gateway, 'doc-edit').json()['id']}"
    assert call(gateway, "PATCH", path, {"name": "First"}, "doc-edit-1").json()["name"] == "First"
    assert call(gateway, "PATCH", path, {"filter": {"tag": "since"}}, "doc-edit-2").status_code == 200
    again = call(gateway, "PATCH", path, {"name": "First"}, "doc-edit-1")
    assert (again.status_code, again.json()["filter"]) == (200, {"tag": "since"})
    assert is_reused(call(gateway, "PATCH", path, {"name": "Second"}, "doc-edit-1"))
    assert is_reused(call(gateway, "PATCH", path, {"name": "First", "description": "x"}, "doc-edit-1"))


def test_a_key_whose_change_was_refused_is_taken_too(gateway: Running) -> None:
    path = f"/segments/{segment(gateway, 'doc-refused').json()['id']}"
    stale = {"if-match": '"1"'}
    assert call(gateway, "PATCH", path, {"name": "A"}, "doc-refused-1", **stale).status_code == 412
    assert is_reused(call(gateway, "PATCH", path, {"name": "B"}, "doc-refused-1", **stale))


def test_of_two_at_once_under_one_key_one_stands_and_the_other_is_told(gateway: Running) -> None:
    async def both() -> list[httpx.Response]:
        headers = {"authorization": f"Bearer {SECRET}", "idempotency-key": "doc-at-once"}
        async with httpx.AsyncClient(base_url=gateway.url, headers=headers, timeout=60) as client:
            bodies = ({"name": name, "filter": {"tag": "x"}} for name in ("one", "other"))
            return await asyncio.gather(*(client.post(f"{BASE}/segments", json=body) for body in bodies))

    answers = sorted(asyncio.run(both()), key=lambda answer: answer.status_code)
    assert answers[0].status_code == 201
    assert is_reused(answers[1])


def test_other_properties_under_the_same_key_are_refused(gateway: Running) -> None:
    def put(name: str) -> httpx.Response:
        return call(gateway, "PUT", "/properties", {"properties": [{"name": name, "type": "text"}]}, "doc-properties")

    first = put("docKeyOne")
    assert first.status_code == 200
    assert put("docKeyOne").json() == first.json()
    assert is_reused(put("docKeyOther"))


def test_another_reason_under_the_same_key_is_refused(gateway: Running, clickhouse: Warehouse) -> None:
    row = {"project_id": PROJECT, "id": "doc-keys-1", "status": "Active", "merged_into": "", "_version": 1}
    clickhouse.insert("user_rows", {name: [value] for name, value in row.items()}, token=uuid4().hex)
    path = "/users/doc-keys-1/deactivate"
    told = [call(gateway, "POST", path, {"reason": reason}, "doc-reason") for reason in ("spam", "spam", "other")]
    assert [answer.status_code for answer in told] == [200, 200, 422]
    assert is_reused(told[2])


def test_an_outcome_of_before_there_were_digests_passes(gateway: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = changes.encode
    with monkeypatch.context() as older:
        older.setattr(changes, "encode", lambda change: whole(replace(change, digest="")))
        made = segment(gateway, "doc-older")
    assert segment(gateway, "doc-older").json() == made.json()
    assert segment(gateway, "doc-older", name="Other").json() == made.json()


def test_the_digest_travels_with_the_change(gateway: Running) -> None:
    segment(gateway, "doc-travels")

    async def digests() -> list[str]:
        replica = Replica(open_control(gateway.log_dsn))
        await replica.start()
        await replica.close()
        return [outcome.digest for outcome in replica.state.outcomes.values()]

    assert len(asyncio.run(digests())[-1]) == 24
