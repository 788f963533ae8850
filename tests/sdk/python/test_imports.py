"""A file of users is sent as it is read, and from its beginning at each try."""

import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from ask0_sdk import Ask0, Ask0Error, AsyncAsk0
from ask0_sdk.files import PIECE_BYTES

from bench.stack import Stack
from tests.gate import open_gate
from tests.sdk.python.clients import KINDS, SECRET_KEY, Client, collect, outcome
from tests.sdk.python.recorder import Recorder

LINES = [json.dumps({"id": f"u-{n}", "note": "x" * 100}).encode() + b"\n" for n in range(3 * PIECE_BYTES // 100)]
FILE = b"".join(LINES)
REPORT = {"accepted": len(LINES), "pending": 0, "refused": 0, "lines": []}
DONE = httpx.Response(200, json=REPORT)
BUSY = httpx.Response(429, json={"code": "quota_exceeded", "message": "later"}, headers={"retry-after": "0"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "users.jsonl").write_bytes(FILE)
    return tmp_path / "users.jsonl"


def opened_in_the_middle(path: Path) -> Any:
    file = open(path.with_name("longer"), "wb+")  # noqa: SIM115  # the client reads it
    file.write(b"a head" + FILE)
    file.seek(len(b"a head"))
    return file


REPEATABLE: dict[str, Callable[[Path], Any]] = {
    "a path": lambda path: path,
    "a path as text": str,
    "an open file": lambda path: open(path, "rb"),  # noqa: SIM115  # likewise
    "a file from where it stands": opened_in_the_middle,
    "bytes in memory": lambda path: io.BytesIO(FILE),
    "a list": lambda path: LINES,
}


class Pipe(io.RawIOBase):
    """A file that can be read only once, in pieces."""

    def __init__(self) -> None:
        self._file = io.BytesIO(FILE)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(min(size, 1_000))


async def tasks() -> AsyncIterator[bytes]:
    for line in LINES:
        yield line


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", REPEATABLE)
async def test_a_file_goes_again_from_its_beginning_under_the_same_key(
    kind: type[Client], name: str, path: Path
) -> None:
    network = Recorder(BUSY, httpx.ReadTimeout(""), DONE)
    file = REPEATABLE[name](path)
    answer = await outcome(network.client(kind).users.import_users(file, format="jsonl", idempotency_key="k"))
    if hasattr(file, "close"):
        file.close()
    assert answer == REPORT
    assert [seen.content for seen in network.seen] == [FILE] * 3
    assert {seen.url.raw_path for seen in network.seen} == {b"/v1/projects/-/import"}
    assert {(seen.method, seen.headers["idempotency-key"]) for seen in network.seen} == {("POST", "k")}
    assert {seen.headers["content-type"] for seen in network.seen} == {"application/x-ndjson"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["a pipe", "a generator"])
async def test_what_can_be_read_once_is_sent_once(kind: type[Client], name: str) -> None:
    for answers in ((DONE,), (BUSY, DONE)):
        network = Recorder(*answers)
        client, file = network.client(kind), Pipe() if name == "a pipe" else iter(LINES)
        if answers == (DONE,):
            assert await outcome(client.users.import_users(file, format="csv")) == REPORT
            assert network.last.headers["content-type"] == "text/csv"
        else:
            with pytest.raises(Ask0Error, match="429 quota_exceeded"):
                await outcome(client.users.import_users(file))
        assert [seen.content for seen in network.seen] == [FILE]


async def test_tasks_may_make_the_file() -> None:
    network = Recorder(DONE)
    assert await network.client(AsyncAsk0).users.import_users(tasks()) == REPORT
    assert network.last.content == FILE
    with pytest.raises(TypeError, match="for AsyncAsk0"):
        Recorder().client(Ask0).users.import_users(tasks())


def broken() -> Iterator[bytes]:
    yield LINES[0]
    raise LookupError("the database is gone")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_file_that_cannot_be_read_raises_what_reading_raised(kind: type[Client], tmp_path: Path) -> None:
    users = Recorder().client(kind).users
    with pytest.raises(FileNotFoundError):
        await outcome(users.import_users(tmp_path / "nowhere.csv"))
    with pytest.raises(LookupError, match="the database is gone"):
        await outcome(users.import_users(broken()))
    for wrong in (b"id,plan", {"id": "u"}, 5, None):
        with pytest.raises(TypeError, match="a file is a path"):
            await outcome(users.import_users(wrong))
    with pytest.raises(TypeError, match="open it with 'rb'"):
        await outcome(users.import_users(io.StringIO("id")))
    with pytest.raises(ValueError, match="csv or jsonl"):
        await outcome(users.import_users([b"id"], format="xlsx"))


@pytest.mark.parametrize("kind", KINDS)
async def test_an_error_in_the_middle_says_how_far_it_came(kind: type[Client], path: Path) -> None:
    said = {"code": "invalid_file", "message": "line 2 is no JSON", "report": {**REPORT, "accepted": 1}}
    network = Recorder(httpx.Response(400, json=said))
    with pytest.raises(Ask0Error, match="400 invalid_file") as raised:
        await outcome(network.client(kind).users.import_users(path))
    assert raised.value.report["accepted"] == 1
    assert len(network.seen) == 1


@pytest.mark.apart
@pytest.mark.parametrize("kind", KINDS)
async def test_a_real_ask0_takes_a_file_in_once_through_a_cut(kind: type[Client], ask0: Stack, tmp_path: Path) -> None:
    run = f"imp-{kind.__name__}"
    path = tmp_path / "users.csv"
    path.write_text("id,plan\n" + "".join(f"{run}-{n},{run}\n" for n in range(3_000)) + "undefined,x\n")
    with open_gate(ask0.port) as gate:
        gate.cut(times=1)  # the gateway has taken it in, and the SDK cannot know
        client: Any = kind(SECRET_KEY, gate.url)
        report = await outcome(client.users.import_users(path, format="csv"))
        assert gate.refused == 1
        await outcome(client.close())
    client = kind(SECRET_KEY, ask0.url)
    assert (report["accepted"], report["refused"], report["lines"][0]["line"]) == (3_000, 1, 3_002)
    found = await outcome(client.users.list({"plan": [run]}, limit=1, total=True))
    assert found["total"] == 3_000
    history = await outcome(client.request("GET", f"/users/{run}-7/audit"))
    assert [entry["action"] for entry in history["audit"]] == ["user.imported"]
    again = await outcome(client.users.import_users(line.encode() + b"\n" for line in (f'{{"id":"{run}-new"}}',)))
    assert (again["accepted"], again["refused"]) == (1, 0)
    assert await collect(client.users.export(f"{run}-new"))
    path.write_bytes(b"id,no such column\n" + b"u,1\n" * 2_000_000)  # it is refused before all of it is there
    with pytest.raises(Ask0Error, match="400 invalid_file") as refused:
        await outcome(client.users.import_users(path))
    assert refused.value.report == {"accepted": 0, "pending": 0, "refused": 0, "lines": []}
    await outcome(client.close())
