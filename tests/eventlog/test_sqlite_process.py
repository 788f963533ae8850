"""The process that commits for a gateway: it may die, it outlives signals meant for the gateway, not the gateway."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ask0.eventlog import sqlite_process
from ask0.eventlog.log import Entry, LogUnavailable
from ask0.eventlog.sqlite import SqliteLog
from ask0.eventlog.sqlite_process import ProcessWriter
from ask0.eventlog.sqlite_reader import SqliteReader
from tests.eventlog.homes import read_records, started, values


def open_log(folder: Path) -> SqliteLog:
    return SqliteLog(folder / "log.sqlite3", own_process=True)


def process_of(log: SqliteLog) -> "subprocess.Popen[bytes]":
    assert isinstance(log._writer, ProcessWriter)
    assert log._writer._process
    return log._writer._process


async def append(log: SqliteLog, value: bytes) -> None:
    await log.append([Entry(b"", value, 1)])


async def appended_at_last(log: SqliteLog, value: bytes) -> None:
    while True:
        try:
            return await append(log, value)
        except LogUnavailable:
            await asyncio.sleep(0.01)


async def test_appends_go_on_after_the_process_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_process, "PAUSE_SECONDS", 0.01)
    async with started(open_log(tmp_path)) as log, started(SqliteReader(tmp_path / "log.sqlite3")) as reader:
        await append(log, b"before")
        first = process_of(log)
        first.kill()
        await asyncio.to_thread(first.wait)
        with pytest.raises(LogUnavailable, match="has ended, and is started again"):
            await append(log, b"lost or not")
        await appended_at_last(log, b"after")
        found = values(await read_records(reader, 2))
        while b"after" not in found:
            found += values(await read_records(reader, 1))
        assert found[0] == b"before"


async def test_a_process_that_cannot_be_started_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_process, "PAUSE_SECONDS", 0.01)
    async with started(open_log(tmp_path)) as log:
        start, tried = subprocess.Popen, 0

        def start_at_last(*arguments: object, **options: object) -> object:
            nonlocal tried
            tried += 1
            if tried < 4:
                raise BlockingIOError("no more processes")
            return start(*arguments, **options)  # type: ignore[call-overload]

        monkeypatch.setattr(subprocess, "Popen", start_at_last)
        process_of(log).kill()
        await asyncio.to_thread(process_of(log).wait)
        await appended_at_last(log, b"after")
        while tried < 4:
            await appended_at_last(log, b"after")


async def test_a_log_whose_process_cannot_be_started_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(LogUnavailable, match="cannot be started: no more processes"):
        await open_log(tmp_path).start()


async def test_appends_under_way_are_refused_when_the_process_dies(tmp_path: Path) -> None:
    async with started(open_log(tmp_path)) as log:
        process_of(log).send_signal(signal.SIGSTOP)
        appends = [asyncio.ensure_future(append(log, b"%d" % n)) for n in range(5)]
        await asyncio.sleep(0)
        process_of(log).kill()
        answers = await asyncio.gather(*appends, return_exceptions=True)
        assert [type(answer) for answer in answers] == [LogUnavailable] * 5


async def test_signals_that_end_a_gateway_do_not_end_it(tmp_path: Path) -> None:
    async with started(open_log(tmp_path)) as log:
        for number in (signal.SIGINT, signal.SIGTERM):
            process_of(log).send_signal(number)
            await append(log, b"still here")


async def test_it_ends_when_the_log_is_closed(tmp_path: Path) -> None:
    async with started(open_log(tmp_path)) as log:
        process = process_of(log)
    assert process.returncode == 0


def test_it_ends_when_the_gateway_is_killed(tmp_path: Path) -> None:
    script = (
        "import asyncio, pathlib, sys\n"
        "from ask0.eventlog.sqlite import SqliteLog\n"
        "async def main():\n"
        "    log = SqliteLog(pathlib.Path(sys.argv[1]), own_process=True)\n"
        "    await log.start()\n"
        "    print(log._writer._process.pid, flush=True)\n"
        "    await asyncio.sleep(3600)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "log.sqlite3")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as gateway:
        assert gateway.stdout
        pid = int(gateway.stdout.readline())
        writer = os.pidfd_open(pid)
        gateway.kill()
    os.set_blocking(writer, True)
    ended = asyncio.run(_readable(writer))  # a pidfd is readable once its process has ended
    assert ended


async def _readable(fd: int) -> bool:
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(fd, readable.set)
    async with asyncio.timeout(30):
        await readable.wait()
    loop.remove_reader(fd)
    os.close(fd)
    return True
