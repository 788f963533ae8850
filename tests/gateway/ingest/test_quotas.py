"""Token buckets: sustained rate, burst, debt; one project's do not touch another's."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from ask0.gateway.errors import QuotaExceeded, retry_header
from ask0.gateway.ingest.quotas import Quotas
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import KEY, OTHER_KEY, running, track


def test_a_burst_of_ten_seconds_passes_and_then_the_rate_holds() -> None:
    quotas = Quotas(10)
    for _ in range(100):
        quotas.check("p", 0)
        quotas.charge("p", 1, 0, 0)
    with pytest.raises(QuotaExceeded):
        quotas.check("p", 0)
    quotas.check("p", 0.2)
    quotas.check("other", 0)


def test_a_batch_beyond_the_burst_is_taken_once_and_waited_off() -> None:
    quotas = Quotas(10)
    quotas.check("p", 0)
    quotas.charge("p", 2_500, 0, 0)
    with pytest.raises(QuotaExceeded) as refusal:
        quotas.check("p", 1)
    assert 239 <= int(refusal.value.headers["retry-after"]) <= 300
    quotas.check("p", 241)


def test_bytes_have_a_quota_of_their_own() -> None:
    quotas = Quotas(0, 1_000)
    quotas.charge("p", 1, 10_001, 0)
    with pytest.raises(QuotaExceeded, match="1,000 bytes a second"):
        quotas.check("p", 0)
    quotas.check("p", 1)


def test_without_a_quota_nothing_is_counted() -> None:
    quotas = Quotas(0)
    quotas.charge("p", 10**9, 10**9, 0)
    quotas.check("p", 0)


def test_the_wait_is_whole_bounded_and_spread() -> None:
    waits = [int(retry_header(10)["retry-after"]) for _ in range(200)]
    assert min(waits) >= 10
    assert max(waits) <= 15
    assert len(set(waits)) > 1
    assert retry_header(10**9) == {"retry-after": "300"}
    assert int(retry_header(0)["retry-after"]) >= 1


def test_a_project_over_its_quota_is_told_when_to_come_back_and_its_neighbour_is_not_held_up(
    clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with running(tmp_path_factory.mktemp("quota"), clickhouse, quota_events_per_second=1) as gateway:
        assert gateway.post("/batch", [track()] * 50).status_code == 200
        answer = gateway.post("/batch", [track()])
        assert (answer.status_code, answer.json()["code"]) == (429, "quota_exceeded")
        assert 1 <= int(answer.headers["retry-after"]) <= 300
        assert answer.headers["access-control-expose-headers"] == "Retry-After"
        assert gateway.post("/batch", [track()], key=OTHER_KEY).status_code == 200
        assert gateway.metric("ask0_beacons_total", status="429") == 1
        assert len(gateway.events()) == 51
        rejected = gateway.post("/batch", [{"event": 7, "userId": "u"}, track()] * 20, key=OTHER_KEY)
        assert rejected.json()["accepted"] == 20
        assert gateway.post("/batch", [track()], key=OTHER_KEY).status_code == 429, "rejects count"
        body: Any = {"batch": [track()], "writeKey": KEY}
        assert gateway.post("/batch", body, key=None).status_code == 429, "wherever the key stands"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"no JSON" * 50_000, {}, 400),
        (gzip.compress(b"[" + b"1" * 3_000_000), {"Content-Encoding": "gzip"}, 413),
        (b"[" + b"1," * 2_500 + b"1]", {}, 413),
    ],
    ids=["no JSON", "too large after inflating", "too many events"],
)
def test_a_body_that_is_refused_is_paid_for_too(
    tmp_path: Path, clickhouse: Warehouse, body: bytes, headers: dict[str, str], status: int
) -> None:
    with running(tmp_path, clickhouse, quota_bytes_per_second=200) as gateway:
        statuses = [gateway.post("/batch", body, headers=headers).status_code for _ in range(3)]
        assert statuses == [status, 429, 429]
        assert gateway.post("/batch", [track()], key=OTHER_KEY).status_code == 200
