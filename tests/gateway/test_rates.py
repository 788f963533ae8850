"""How often a key may call the API, and what it is told of that."""

from pathlib import Path

import pytest

from ask0.gateway.errors import QuotaExceeded
from ask0.gateway.rates import BYTES_PER_CALL, Rates
from ask0.gateway.responses import Headers
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import SECRET, STRICT_SECRET, running

USER = "/v1/projects/-/users/unheard-of"


def taken(rates: Rates, now: float, key: str = "a") -> str:
    """What is left then."""
    headers: Headers = []
    rates.take(key, now, headers)
    return dict(headers)[b"ratelimit"].decode()


def test_a_key_may_make_twice_as_many_calls_at_once_as_a_second() -> None:
    rates = Rates(2)
    assert [taken(rates, 0) for _ in range(4)] == [
        '"key";r=3;t=1',
        '"key";r=2;t=1',
        '"key";r=1;t=2',
        '"key";r=0;t=2',
    ]
    with pytest.raises(QuotaExceeded):
        taken(rates, 0.4)
    assert taken(rates, 0.5) == '"key";r=0;t=2'
    assert taken(rates, 100) == '"key";r=3;t=1'


def test_each_key_has_its_own_and_0_is_no_limit() -> None:
    rates, free = Rates(1), Rates()
    for _ in range(2):
        taken(rates, 0)
    assert taken(rates, 0, "b") == '"key";r=1;t=1'
    headers: Headers = []
    for _ in range(1_000):
        free.take("a", 0, headers)
    assert headers == []


def test_a_body_counts_as_further_calls_and_those_after_it_wait() -> None:
    rates = Rates(2)
    headers: Headers = []
    rates.take("a", 0, headers)
    rates.charge("a", BYTES_PER_CALL - 1, 0, headers)
    assert dict(headers)[b"ratelimit"] == b'"key";r=3;t=1'
    rates.charge("a", 5 * BYTES_PER_CALL, 0, headers)
    assert [value for name, value in headers if name == b"ratelimit"] == [b'"key";r=0;t=3']
    with pytest.raises(QuotaExceeded):
        taken(rates, 1.4)
    assert taken(rates, 1.5) == '"key";r=0;t=2'
    assert taken(rates, 1.5, "b") == '"key";r=3;t=1'
    free: Headers = []
    Rates().charge("a", 4_000_000, 0, free)
    assert free == []


def test_a_key_that_calls_too_often_is_told_when_to_come_back(tmp_path: Path, clickhouse: Warehouse) -> None:
    with running(tmp_path, clickhouse, api_requests_per_second=1) as gateway:
        answers = [gateway.client.get(USER, auth=(SECRET, "")) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [404, 404, 429]
        assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"key";q=2;w=2'}
        assert answers[0].headers["ratelimit"] == '"key";r=1;t=1'
        assert answers[2].json()["code"] == "quota_exceeded"
        assert int(answers[2].headers["retry-after"]) >= 1
        assert answers[2].headers["x-request-id"]
        assert gateway.client.get(USER, auth=(STRICT_SECRET, "")).status_code == 404
        stranger = gateway.client.get(USER, auth=("sk_unknown", ""))
        assert stranger.status_code == 401
        assert "ratelimit" not in stranger.headers


def test_a_body_is_not_waited_for_when_its_key_may_not_write(tmp_path: Path, clickhouse: Warehouse) -> None:
    with running(tmp_path, clickhouse) as gateway:
        lines = ("PUT /v1/projects/-/users/a HTTP/1.1", "host: a", "authorization: Bearer sk_no", "content-length: 9")
        assert gateway.raw("\r\n".join((*lines, "", "")).encode()).startswith(b"HTTP/1.1 401")
