"""Many connections: newcomers are taken at once, idle ones make room, and whoever finds none is told so."""

import asyncio
import errno
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from ask0.gateway import connections
from ask0.gateway.connections import Connections, Listener
from ask0.gateway.server import Protocol
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.running import KEY, Running, running

BEACON = b'{"event":"x","userId":"u"}'
REQUEST = b"POST /v1/track HTTP/1.1\r\nHost: x\r\nX-Write-Key: %s\r\nContent-Length: %d\r\n\r\n" % (
    KEY.encode(),
    len(BEACON),
)


class Visitor:
    """One connection."""

    def __init__(self, gateway: Running) -> None:
        self.socket = socket.create_connection(("127.0.0.1", gateway.port), timeout=30)

    def ask(self) -> bytes:
        self.socket.sendall(REQUEST + BEACON)
        return self.socket.recv(65_536)


def test_everybody_who_waits_is_taken(gateway: Running) -> None:
    visitors = [Visitor(gateway) for _ in range(300)]
    for visitor in visitors:
        visitor.socket.sendall(REQUEST + BEACON)
    assert all(visitor.socket.recv(65_536).startswith(b"HTTP/1.1 200") for visitor in visitors)
    assert gateway.metric("ask0_connections") >= 300
    for visitor in visitors:
        visitor.socket.close()
    wait_for(lambda: gateway.metric("ask0_connections") < 10, "the connections to be forgotten")


def test_the_longest_idle_connections_make_room_for_newcomers(tmp_path: Path, clickhouse: Warehouse) -> None:
    with running(tmp_path, clickhouse, max_connections=16) as gateway, ExitStack() as stack:
        visitors = []
        for _ in range(40):
            visitors.append(Visitor(gateway))
            stack.callback(visitors[-1].socket.close)
            assert visitors[-1].ask().startswith(b"HTTP/1.1 200")
        assert visitors[0].socket.recv(1) == b"", "it was closed"
        assert gateway.metric("ask0_connections_closed_idle_total") >= 16


def test_when_all_are_busy_a_newcomer_is_told_to_come_back(tmp_path: Path, clickhouse: Warehouse) -> None:
    with running(tmp_path, clickhouse, max_connections=16) as gateway, ExitStack() as stack:
        busy = [Visitor(gateway) for _ in range(16)]
        for visitor in busy:
            stack.callback(visitor.socket.close)
            visitor.socket.sendall(REQUEST[:-2] + b"Expect: 100-continue\r\n\r\n" + BEACON[:-1])
            assert visitor.socket.recv(65_536).startswith(b"HTTP/1.1 100")  # its body is waited for
        newcomers = [Visitor(gateway) for _ in range(3)]
        for newcomer in newcomers:
            stack.callback(newcomer.socket.close)
        answers = [newcomer.socket.recv(65_536) for newcomer in newcomers]
        for answer in answers:
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 503")
            assert b"retry-after: " in head
            assert b"access-control-allow-origin: *" in head
            assert body.startswith(b'{"code":"unavailable","message":')
        for visitor in busy:
            visitor.socket.sendall(BEACON[-1:])
            assert visitor.socket.recv(65_536).startswith(b"HTTP/1.1 200")
        assert gateway.metric("ask0_connections_refused_total", bound="all") == 3


def test_one_address_has_so_many_connections_and_a_trusted_proxy_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_ADDRESS_CONNECTIONS", 2)
    places = Connections(100, lambda address: address == "10.0.0.9", CollectorRegistry())
    for address in ("10.0.0.1", "10.0.0.9", "127.0.0.1", "::1"):
        assert [places.take_place(address) for _ in range(2)] == [True, True]
    addresses = ("10.0.0.1", "10.0.0.2", "10.0.0.9", "127.0.0.1", "::1")
    assert [places.take_place(address) for address in addresses] == [False, True, True, True, True]


def test_a_place_is_given_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_ADDRESS_CONNECTIONS", 1)
    places = Connections(100, lambda address: False, CollectorRegistry())
    one = cast(Protocol, object())
    assert places.take_place("10.0.0.1")
    places.add(one, "10.0.0.1")
    assert not places.take_place("10.0.0.1")
    places.remove(one)
    places.remove(one)
    assert places.take_place("10.0.0.1")
    assert not places.take_place("10.0.0.1")


async def test_a_process_without_descriptors_waits_before_it_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "NO_ROOM_SECONDS", 0.2)
    tries = 0

    class Full(socket.socket):
        def accept(self) -> Any:
            nonlocal tries
            tries += 1
            if tries < 3:
                raise OSError(errno.EMFILE, "Too many open files")
            return super().accept()

    made = asyncio.Event()

    class Echo(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            made.set()
            transport.close()

    with Full() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        listener = Listener(sock, lambda address: Echo(), Connections(100, lambda address: False, CollectorRegistry()))
        with socket.create_connection(sock.getsockname()):
            async with asyncio.timeout(60):
                await made.wait()
        listener.close()
        await listener.wait_closed()
    assert tries in (3, 4)
