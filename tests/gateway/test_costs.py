"""Whoever sends decides the content, never the cost: small requests that were made to be dear, and slow ones."""

import gzip
import json
import socket
import threading
from pathlib import Path
from select import select

import httpx
import pytest
import zstandard

from ask0.catalog.cache import CatalogCache
from ask0.gateway import bodies, strangers
from ask0.gateway.addresses import Addresses
from ask0.gateway.ingest.endpoint import MAX_BEACON_KEYS
from ask0.gateway.ingest.keys import MAX_QUERY_FIELDS
from ask0.gateway.ingest.verification import MAX_BEACON_TOKENS
from ask0.gateway.strangers import Strangers
from ask0.schemas.reasons import Reason
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import KEY, OTHER_KEY, STRICT_KEY, Running, running
from tests.gateway.tokens import sign

GOOD = {"event": "x", "userId": "u"}
DEAR = {
    "a deep list": ("gzip", gzip.compress(b"[" * 249_000 + b"]" * 249_000)),
    "many empty gzip members": ("gzip", gzip.compress(b"") * 24_900),
    "two full gzip members after many empty ones": ("gzip", gzip.compress(b"") * 20 + gzip.compress(b"[]")),
    "many empty zstd frames": ("zstd", zstandard.compress(b"") * 50_000),
    "half a megabyte of nothing": ("gzip", gzip.compress(b" " * 499_000)),
}


@pytest.mark.parametrize("name", DEAR)
@pytest.mark.parametrize("key", [KEY, None], ids=["with a key", "without a key"])
def test_a_body_that_was_made_to_be_dear_is_refused(gateway: Running, name: str, key: str | None) -> None:
    encoding, body = DEAR[name]
    answer = gateway.post("/v1/batch", body, key=key, headers={"Content-Encoding": encoding})
    assert answer.status_code == 400
    assert gateway.records() == []


def test_deep_json_with_few_levels_too_many_is_cut_and_its_neighbours_are_taken(gateway: Running) -> None:
    deep = b"[" * 10_000 + b"]" * 10_000
    body = b'[{"event":"a","userId":"u"},{"event":"b","userId":"u","properties":{"x":%s}}]' % deep
    answer = gateway.post("/v1/batch", body).json()
    assert (answer["accepted"], [reject["code"] for reject in answer["rejected"]]) == (1, [Reason.TOO_DEEP])


def test_nobody_waits_for_a_body_that_only_the_lenient_parser_reads(
    gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, parse = threading.Event(), bodies.parse_json
    monkeypatch.setattr(bodies, "parse_json", lambda body: goes_on.wait(60) and parse(body))
    statuses: list[int] = []
    odd = threading.Thread(
        target=lambda: statuses.append(
            httpx.post(
                f"{gateway.url}/v1/track?writeKey={KEY}", content=b'{"event":"x","userId":"u","n":NaN}'
            ).status_code
        )
    )
    odd.start()
    assert gateway.post("/v1/track", GOOD).status_code == 200, "a neighbour, meanwhile"
    assert statuses == []
    goes_on.set()
    odd.join(60)
    assert statuses == [400], "no event is usable, as NaN is no number"


def test_one_beacon_names_so_many_write_keys(gateway: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    look_up = CatalogCache.project_of_sender

    async def counted(self: CatalogCache, key: str) -> str:
        asked.append(key)
        return await look_up(self, key)

    monkeypatch.setattr(CatalogCache, "project_of_sender", counted)
    events = [{**GOOD, "writeKey": f"wk_unknown_{n % 1_000}"} for n in range(2_400)]
    answer = gateway.post("/v1/batch", [*events, {**GOOD, "writeKey": KEY}, GOOD])
    assert answer.json()["accepted"] == 2
    assert {reject["code"] for reject in answer.json()["rejected"]} == {Reason.WRONG_KEY}
    assert len(asked) == MAX_BEACON_KEYS
    answer = gateway.post("/v1/batch", [{**GOOD, "writeKey": key} for key in (KEY, OTHER_KEY, KEY)], key=None)
    assert answer.json()["accepted"] == 3


def test_so_many_tokens_of_one_beacon_are_checked(gateway: Running) -> None:
    events = [
        {"type": "identify", "userId": "u1", "messageId": f"{n}", "userToken": sign(n=n)}
        for n in range(MAX_BEACON_TOKENS + 5)
    ]
    answer = gateway.post("/v1/batch", events, key=STRICT_KEY).json()
    assert answer["accepted"] == MAX_BEACON_TOKENS
    assert [reject["code"] for reject in answer["rejected"]] == [Reason.TOKEN_INVALID] * 5
    assert "smaller batches" in answer["rejected"][0]["message"]
    same = sign()
    many = [{"type": "identify", "userId": "u1", "userToken": same} for _ in range(MAX_BEACON_TOKENS + 5)]
    assert gateway.post("/v1/batch", many, key=STRICT_KEY).json()["accepted"] == MAX_BEACON_TOKENS + 5


def test_a_query_with_very_many_fields_names_no_key(gateway: Running) -> None:
    fields = "&".join(f"a{n}=1" for n in range(MAX_QUERY_FIELDS + 1))
    assert gateway.post(f"/v1/track?{fields}&writeKey={KEY}", GOOD, key=None).status_code == 401
    assert gateway.post(f"/v1/track?a=1&writeKey={KEY}", GOOD, key=None).status_code == 200


def through_proxy(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


def test_an_address_without_a_known_key_may_ask_so_often(
    tmp_path: Path, clickhouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strangers, "BURST", 20)
    monkeypatch.setattr(strangers, "REQUESTS_PER_SECOND", 0.001)
    with running(tmp_path, clickhouse, trusted_proxies="127.0.0.1") as gateway:
        flood = through_proxy("203.0.113.7")
        statuses = [gateway.post("/v1/track", GOOD, key="wk_nobodys", headers=flood).status_code for _ in range(30)]
        assert statuses == [401] * 20 + [429] * 10
        refused = gateway.post("/v1/track", GOOD, key=None, headers=flood)
        assert (refused.status_code, refused.json()["code"]) == (429, "quota_exceeded")
        assert 1 <= int(refused.headers["retry-after"]) <= 300
        assert refused.headers["access-control-allow-origin"] == "*"
        assert gateway.post("/v1/user", {"anonymousId": "a"}, key=None, headers=flood).status_code == 429
        assert gateway.post("/v1/track", GOOD, headers=flood).status_code == 200, "its own key is known"
        neighbour = through_proxy("203.0.113.8")
        in_body = {**GOOD, "writeKey": KEY}
        assert [gateway.post("/v1/track", in_body, key=None, headers=neighbour).status_code for _ in range(30)] == [
            200
        ] * 30
        assert gateway.metric("ask0_strangers_refused_total") == 12


def test_a_large_body_without_a_key_costs_as_much_as_many_requests() -> None:
    doors = Strangers()
    stranger = doors.admit("203.0.113.7", 0)
    stranger.pay_for_body(strangers.BYTES_PER_REQUEST * strangers.BURST)
    with pytest.raises(Exception, match="without a known write key"):
        doors.admit("203.0.113.7", 0)
    doors.admit("203.0.113.8", 0)
    doors.admit("203.0.113.7", 1)


def test_so_many_addresses_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "MAX_ADDRESSES", 3)
    doors = Strangers()
    for n in range(10):
        doors.admit(f"203.0.113.{n}", 0)
    assert len(doors._buckets) == 3


def test_who_pays_is_an_address_or_a_network_of_ipv6_and_nobody_a_client_made_up() -> None:
    addresses = Addresses("drop", "10.0.0.0/8")

    def sender(peer: str, forwarded: str = "") -> str:
        headers = {b"x-forwarded-for": forwarded.encode()} if forwarded else {}
        return addresses.sender({"client": (peer, 1)}, headers)

    assert sender("203.0.113.7") == "203.0.113.7"
    assert sender("203.0.113.7", "198.51.100.1") == "203.0.113.7"
    assert sender("10.0.0.1", "198.51.100.1, 203.0.113.7") == "203.0.113.7"
    assert sender("2001:db8:1:2:3::4") == sender("2001:db8:1:2:ffff::5") == "2001:db8:1:2::"
    assert addresses.sender({"client": None}, {}) == ""


class Slow:
    """A body that arrives in pieces, from an address that a trusted proxy names."""

    def __init__(self, gateway: Running, address: str, length: int, head: str = f"X-Write-Key: {KEY}\r\n") -> None:
        self.socket = socket.create_connection(("127.0.0.1", gateway.port), timeout=30)
        head = f"POST /v1/track HTTP/1.1\r\nHost: x\r\n{head}X-Forwarded-For: {address}\r\n"
        self.socket.sendall(f"{head}Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert self.socket.recv(65_536).startswith(b"HTTP/1.1 100")

    def send(self, piece: bytes) -> None:
        self.socket.sendall(piece)

    def status(self) -> bytes:
        return self.socket.recv(65_536)[9:12]


def test_slow_bodies_cost_their_own_address_alone(
    tmp_path: Path, clickhouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MAX_ADDRESS_BYTES_IN_FLIGHT", 10_500)
    body = json.dumps({**GOOD, "text": "x" * 4_000}).encode()
    with running(tmp_path, clickhouse, trusted_proxies="127.0.0.1") as gateway:
        flood = [Slow(gateway, "203.0.113.7", len(body)) for _ in range(4)]
        for slow in flood:
            slow.send(body[:3_000])
        refused, _, _ = select([slow.socket for slow in flood], [], [], 60)
        assert [slow.status() for slow in flood if slow.socket in refused] == [b"503"], "they hold too much together"
        neighbour = Slow(gateway, "203.0.113.8", len(body))
        neighbour.send(body[:3_000])
        neighbour.send(body[3_000:])
        assert neighbour.status() == b"200"
        for slow in (slow for slow in flood if slow.socket not in refused):
            slow.send(body[3_000:])
            assert slow.status() == b"200"
        for connection in (*flood, neighbour):
            connection.socket.close()


def test_bodies_without_a_key_in_the_head_have_a_smaller_bound_of_their_own(
    gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MAX_KEYLESS_BYTES_IN_FLIGHT", 100)
    body = json.dumps({**GOOD, "writeKey": KEY, "text": "x" * 4_000}).encode()
    keyless, keyed = Slow(gateway, "", len(body), head=""), Slow(gateway, "", len(body))
    for slow in (keyless, keyed):
        slow.send(body[:3_000])
    assert keyless.status() == b"503"
    keyed.send(body[3_000:])
    assert keyed.status() == b"200"
    for slow in (keyless, keyed):
        slow.socket.close()
