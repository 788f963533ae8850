"""Files of users are taken in while they arrive, and every line that is refused is told."""

import gzip
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ask0.gateway import arrivals, uploads
from ask0.gateway.api import imports
from ask0.gateway.server import Protocol
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.running import SECRET, STRICT_SECRET, Running, nowhere, running, working

BASE = "/v1/projects/-"
BEARER = {"authorization": f"Bearer {SECRET}"}
CSV = {**BEARER, "content-type": "text/csv; charset=utf-8"}
JSONL = {**BEARER, "content-type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def served(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway and a worker."""
    with running(tmp_path_factory.mktemp("imports"), clickhouse) as gateway:
        gateway.post("/v1/track", {"userId": "nobody", "event": "First"})  # there is a log now
        with working(gateway, clickhouse):
            yield gateway


@pytest.fixture(autouse=True)
def patiently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals.Arrivals.wait, "__defaults__", (60.0,))
    monkeypatch.setattr(imports, "BATCH", 4)


def send(gateway: Running, content: Any, headers: dict[str, str] = CSV, **more: str) -> httpx.Response:
    sent = headers | {name.replace("_", "-"): value for name, value in more.items()}
    return gateway.client.post(f"{BASE}/import", content=content, headers=sent)


def user(gateway: Running, id: str) -> dict[str, Any]:
    found: dict[str, Any] = gateway.client.get(f"{BASE}/users/{id}", headers=BEARER).json()
    return found


def changes(clickhouse: Warehouse, prefix: str) -> int:
    sql = "SELECT uniqExact(id) FROM user_changes WHERE startsWith(user_id, {prefix:String})"
    return int(clickhouse.query(sql, {"prefix": prefix})[0][0])


def test_lines_of_csv_become_users(served: Running) -> None:
    lines = "\ufeffid,email,plan,traits.seats,tags\r\n" + "".join(
        f'i-csv-{n},u{n}@example.com,pro,{n},"a,b"\r\n' for n in range(11)
    )
    answer = send(served, lines.encode())
    assert (answer.status_code, answer.json()) == (200, {"accepted": 11, "pending": 0, "refused": 0, "lines": []})
    made = user(served, "i-csv-7")
    assert (made["email"], made["traits"], made["tags"]) == ("u7@example.com", {"seats": 7}, ["a", "b"])


def test_lines_of_json_become_users_whatever_the_type_says(served: Running) -> None:
    lines = [json.dumps({"id": f"i-json-{n}", "plan": "team", "consent": {"marketing": "denied"}}) for n in range(3)]
    for headers in (JSONL, BEARER):
        assert send(served, "\n".join(lines).encode(), headers).json()["accepted"] == 3
    assert user(served, "i-json-2")["consent"] == {"marketing": "denied"}


def test_every_refused_line_is_told_with_its_number(served: Running) -> None:
    lines = [
        b'{"id": "i-ref-1", "plan": "pro"}',
        b"{",
        b"",
        b"[1]",
        b'{"plan": "pro"}',
        b'{"id": "i-ref-6", "colour": "red"}',
        b'{"id": "i-ref-7", "traits": {"a": "' + b"x" * 40_000 + b'"}}',
        b'{"id": "' + b"y" * 2_000_000 + b'"}',
        b'{"id": "undefined"}',
        b'{"id": "i-ref-10", "plan": "\xff"}',
        b'{"id": "i-ref-11", "plan": "free"}',
    ]
    report = send(served, b"\n".join(lines), JSONL).json()
    assert (report["accepted"], report["refused"]) == (2, 8)
    assert [(line["line"], line["code"]) for line in report["lines"]] == [
        (2, "not_json"),
        (4, "not_an_object"),
        (5, "invalid_body"),
        (6, "invalid_body"),
        (7, "invalid_body"),
        (8, "not_json"),
        (9, "invalid_body"),
        (10, "not_json"),
    ]
    assert report["lines"][3]["id"] == "i-ref-6"
    assert user(served, "i-ref-11")["plan"] == "free"


def test_a_line_that_is_not_what_the_properties_say_is_refused(served: Running) -> None:
    defined = {"properties": [{"name": "seats", "type": "number"}]}
    strict = {"authorization": f"Bearer {STRICT_SECRET}"}
    assert served.client.put(f"{BASE}/properties", json=defined, headers={**strict, "if-match": "*"}).is_success
    report = send(served, b"id,traits.seats\na,5\nb,many\n", CSV | strict).json()
    assert (report["accepted"], [line["code"] for line in report["lines"]]) == (1, ["invalid_property"])


def test_only_so_many_refused_lines_are_listed(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MAX_LISTED", 5)
    report = send(served, b"[]\n" * 40, JSONL).json()
    assert (report["refused"], len(report["lines"])) == (40, 5)


def test_of_one_user_the_line_further_down_stands(served: Running) -> None:
    lines = b"id,plan\n" + b"".join(b"i-again,plan-%d\n" % number for number in range(30))
    assert send(served, lines).json()["accepted"] == 30
    assert user(served, "i-again")["plan"] == "plan-29"


def test_a_repeat_under_the_same_key_changes_nothing_more(served: Running, clickhouse: Warehouse) -> None:
    lines = b"id,plan\n" + b"".join(b"i-key-%d,pro\n" % number for number in range(10))
    cut = lines[: len(lines) // 2]
    first = send(served, cut, idempotency_key="i-1").json()["accepted"]
    assert 0 < first < 10
    for _ in range(2):
        assert send(served, lines, idempotency_key="i-1").json()["accepted"] == 10
    assert changes(clickhouse, "i-key-") in (10, 11)  # the line where it was cut may have said something else
    before = changes(clickhouse, "i-key-")
    assert send(served, lines).json()["accepted"] == 10
    assert changes(clickhouse, "i-key-") == before + 10


@pytest.mark.parametrize("told", [True, False])
def test_a_file_may_be_packed_in_pieces(served: Running, told: bool) -> None:
    head, rest = b"id,plan\n", b"".join(b"i-gz-%d,pro\n" % number for number in range(9))
    packed = gzip.compress(head) + gzip.compress(rest)
    headers = CSV | ({"content-encoding": "gzip"} if told else {})
    pieces = (packed[place : place + 7] for place in range(0, len(packed), 7))
    assert send(served, pieces, headers).json()["accepted"] == 9


@pytest.mark.parametrize(
    ("content", "headers", "code"),
    [
        (b"email\na@b.c\n", {}, "invalid_file"),
        (b"id,colour\na,red\n", {}, "invalid_file"),
        (b"id,id\na,b\n", {}, "invalid_file"),
        (b"id," + b",".join(b"traits.%d" % n for n in range(5_000)), {}, "invalid_file"),
        (b'id,"' + b"x" * 200_000, {}, "invalid_file"),
        (b"id\na\n", {"content-encoding": "br"}, "unsupported_encoding"),
        (gzip.compress(b"id\na\n" * 3, mtime=0)[:-9], {}, "invalid_encoding"),
        (b"\x1f\x8bnothing of the kind", {}, "invalid_encoding"),
        (b"id\na\n", {"idempotency-key": ""}, "invalid_idempotency_key"),
    ],
)
def test_what_is_no_file_of_users_is_refused(
    served: Running, content: bytes, headers: dict[str, str], code: str
) -> None:
    answer = send(served, content, CSV | headers)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_an_empty_file_has_no_lines(served: Running) -> None:
    assert send(served, b"", JSONL).json() == {"accepted": 0, "pending": 0, "refused": 0, "lines": []}
    assert send(served, b"").json()["code"] == "invalid_file"


def test_a_file_that_inflates_beyond_the_limit_ends_where_it_is(
    served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MAX_UPLOAD_BYTES", 100_000)
    lines = b"id\n" + b"i-bomb\n" * 4 + b"\n" * 1_000_000
    answer = send(served, gzip.compress(lines))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.json()["report"]["accepted"] == 4
    assert send(served, b"x" * 100_001).status_code == 413


def test_a_quote_that_is_never_closed_costs_its_row_and_no_memory(served: Running) -> None:
    cells = b'"' + b'","'.join([b"x" * 50_000 + b"\n"] * 80)
    report = send(served, b"id,plan\n" + cells + b"\n").json()
    assert report["accepted"] == 0
    assert "quote" in report["lines"][0]["message"]


def raw_import(gateway: Running, head: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", gateway.port), timeout=30)
    lines = [f"POST {BASE}/import HTTP/1.1".encode(), b"host: x", f"authorization: Bearer {SECRET}".encode(), head]
    connection.sendall(b"\r\n".join([*lines, b"content-type: text/csv", b"", b""]))
    return connection


def test_a_file_may_take_longer_than_a_request(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time for a request is over before the first line is there."""
    late: list[Protocol] = []
    monkeypatch.setattr("ask0.gateway.server.REQUEST_SECONDS", 0.5)
    monkeypatch.setattr(Protocol, "_too_slow", lambda connection: late.append(connection))  # bound, as a builtin is not
    with (
        raw_import(served, b"content-length: 15") as slow,
        socket.create_connection(("127.0.0.1", served.port)) as idle,
    ):
        slow.sendall(b"id\n")
        idle.sendall(b"GET")  # its time runs out, and by then that of the import would have too
        wait_for(lambda: late, "the time of a request to be over")
        slow.sendall(b"i-slow-1\n\n\n\n")
        assert b'"accepted":1' in slow.recv(65536)
    assert len(late) == 1


def test_a_client_that_sends_nothing_is_told_so(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "IDLE_SECONDS", 0.05)
    with raw_import(served, b"content-length: 1000") as connection:
        connection.sendall(b"id\ni-idle-1\ni-idle-2\n")
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"report"' in answer


def test_what_came_before_a_client_left_stays(served: Running) -> None:
    with raw_import(served, b"content-length: 1000") as connection:
        connection.sendall(b"id\n" + b"".join(b"i-gone-%d\n" % number for number in range(4)))
        wait_for(lambda: user(served, "i-gone-3").get("id"), "the lines that came")
    wait_for(lambda: send(served, b"id\ni-gone-9\n").status_code == 200, "the place to be free")


def test_only_so_many_files_are_taken_in_at_once(served: Running) -> None:
    waiting = []
    try:
        for place in range(imports.MAX_OF_PROJECT):
            waiting.append(raw_import(served, b"content-length: 1000"))
            waiting[-1].sendall(b"id\n" + b"i-place-%d\n" % place * 4)
            wait_for(lambda place=place: user(served, f"i-place-{place}").get("id"), "the first lines")  # type: ignore[misc]
        full = send(served, b"id\n")
        assert (full.status_code, full.json()["code"]) == (429, "quota_exceeded")
        other = CSV | {"authorization": f"Bearer {STRICT_SECRET}"}
        assert send(served, b"id\n", other).status_code == 200
    finally:
        for connection in waiting:
            connection.close()
    wait_for(lambda: send(served, b"id\n").status_code == 200, "the places to be free")


def test_while_clickhouse_is_away_the_report_says_how_far_it_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "PATIENCE_SECONDS", 0.0)
    with nowhere() as away, running(tmp_path, away) as gateway:
        answer = send(gateway, b"id\na\n")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.json()["report"] == {"accepted": 0, "pending": 0, "refused": 0, "lines": []}
        assert "retry-after" in answer.headers
