"""HTTP as bytes: malformed heads are refused, and nothing a client does not send is waited for without end."""

import socket

import pytest

from ask0.gateway import server
from tests.gateway.running import KEY, Running, names

HEAD = b"POST /track HTTP/1.1\r\nX-Write-Key: %s\r\n" % KEY.encode()
BODY = b'{"event":"A","userId":"u"}'
SMUGGLED = b"POST /track?writeKey=%s HTTP/1.1\r\nHost: x\r\nContent-Length: 26\r\n\r\n%s" % (KEY.encode(), BODY)
LENGTH = b"Content-Length: 26\r\n"

REFUSED = {
    "two Hosts": HEAD + b"Host: a\r\nHost: b\r\n" + LENGTH + b"\r\n" + BODY,
    "101 headers": HEAD + b"Host: a\r\n" + b"A: b\r\n" * 98 + LENGTH + b"\r\n" + BODY,
    "20 KB of headers": HEAD + b"Host: a\r\nA: " + b"x" * 20_000 + b"\r\n" + LENGTH + b"\r\n" + BODY,
    "a head without end": HEAD + b"A: " + b"x" * 400_000,
    "headers without end": HEAD + b"A: b\r\n" * 100_000,
    "an address without end": b"GET /" + b"x" * 400_000,
    "length and chunks": HEAD + b"Host: a\r\nTransfer-Encoding: chunked\r\n" + LENGTH + b"\r\n0\r\n\r\n" + SMUGGLED,
    "two lengths": HEAD + b"Host: a\r\n" + LENGTH + b"Content-Length: 3\r\n\r\n" + BODY,
    "a negative length": HEAD + b"Host: a\r\nContent-Length: -1\r\n\r\n" + BODY,
    "a length that is none": HEAD + b"Host: a\r\nContent-Length: 0x1a\r\n\r\n" + BODY,
    "a chunk length that is none": HEAD + b"Host: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n" + BODY,
    "a space before the colon": HEAD + b"Host: a\r\nContent-Length : 26\r\n\r\n" + BODY,
    "a folded header": HEAD + b"Host: a\r\nA: b\r\n c\r\n" + LENGTH + b"\r\n" + BODY,
    "a NUL in a header": HEAD + b"Host: a\r\nA: \x00\r\n" + LENGTH + b"\r\n" + BODY,
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "an unknown method": b"BREW /track HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/2 without asking": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_malformed_request_is_refused_and_nothing_of_it_is_taken(gateway: Running, name: str) -> None:
    answer = gateway.raw(REFUSED[name])
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 405 ")), answer
    assert b'"code":' in answer
    assert b"access-control-allow-origin: *" in answer
    assert gateway.records() == []


def test_requests_behind_one_another_on_a_connection_are_all_taken(gateway: Running) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
        connection.sendall(SMUGGLED * 3)
        answer = b""
        while answer.count(b'"accepted":1') < 3:
            piece = connection.recv(65536)
            assert piece
            answer += piece
    assert names(gateway.events()) == ["A"] * 3


def test_a_client_that_waits_to_continue_is_told_to(gateway: Running) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
        connection.sendall(HEAD + b"Host: a\r\nExpect: 100-continue\r\n" + LENGTH + b"\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(BODY)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert names(gateway.events()) == ["A"]


def test_an_upgrade_is_not_taken_up(gateway: Running) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n"
    answer = gateway.raw(b"GET /health/live HTTP/1.1\r\nHost: a\r\n" + upgrade + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("sent", [b"", b"POST /tra", HEAD, HEAD + b"Host: a\r\n" + LENGTH + b"\r\n{"])
def test_a_request_that_does_not_come_is_not_waited_for(
    gateway: Running, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.05)
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
        connection.sendall(sent)
        answer = b""
        while piece := connection.recv(65536):  # ends when the gateway closes
            answer += piece
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert gateway.records() == []
