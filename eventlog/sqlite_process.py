"""A process of its own that commits to the SQLite log, as its gateway sees it.

A thread would share the GIL with the busy loop of a gateway, whose beacons then took a third longer each.
"""

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from ask0.eventlog import sqlite_commit
from ask0.eventlog.log import LogUnavailable
from ask0.eventlog.sqlite_commit import LENGTH, Committed, Row, decode_answer, encode

PAUSE_SECONDS = 1.0  # before a process that has ended is started again
STOP_SECONDS = 5.0
SOCKET_BYTES = 4_000_000  # a group of many beacons, so that neither side waits in the middle of it


logger = logging.getLogger(__name__)


class ProcessWriter(asyncio.Protocol):
    """The gateway's side. When the gateway ends, its end of the socket closes, and the process ends by itself."""

    shares_gil = False

    def __init__(self, path: Path, group: str) -> None:
        self._path = path
        self._group = group
        self._log_id = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._transport: asyncio.Transport | None = None
        self._starting: asyncio.Task[None] | None = None
        self._under_way = 0  # groups
        self._buffer = b""
        self._closed = False

    async def start(self, settle: Callable[[Committed], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._settle = settle
        self._closed = False
        try:
            await self._start_process()
        except OSError as error:
            raise LogUnavailable(f"The process that writes the log {self._path} cannot be started: {error}.") from error

    def write(self, rows: Sequence[Row], check: bool) -> None:
        self._under_way += 1
        if self._transport is None:
            self._loop.call_soon(self._settle_next, Committed(self._log_id, (), self._ended()))
        else:
            body = encode((rows, check))
            self._transport.writelines((LENGTH.pack(len(body)), body))

    async def close(self) -> None:
        self._closed = True
        if self._starting:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        if self._transport:
            self._transport.close()
        if self._process:
            await asyncio.to_thread(_end, self._process)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= LENGTH.size:
            end = LENGTH.size + LENGTH.unpack_from(self._buffer)[0]
            if len(self._buffer) < end:
                return
            answer = decode_answer(self._buffer[LENGTH.size : end])
            self._buffer = self._buffer[end:]
            self._log_id = answer.log_id
            error = LogUnavailable(answer.error, answer.retry_after) if answer.error else None
            self._settle_next(Committed(answer.log_id, answer.spans, error))

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        while self._under_way:
            self._settle_next(Committed(self._log_id, (), self._ended()))
        if not self._closed:
            self._starting = self._loop.create_task(self._start_again())

    def _settle_next(self, committed: Committed) -> None:
        self._under_way -= 1
        self._settle(committed)

    def _ended(self) -> LogUnavailable:
        return LogUnavailable(
            f"The process that writes the log {self._path} has ended, and is started again.", retry_after=1
        )

    async def _start_again(self) -> None:
        """Until it can be started: the machine may be out of processes or descriptors just now."""
        while self._transport is None:
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                await self._start_process()
            except OSError as error:
                logger.warning("the process that writes the log cannot be started: %s", error)

    async def _start_process(self) -> None:
        if self._process:
            await asyncio.to_thread(_end, self._process)
        ours, theirs = socket.socketpair()
        arguments = [str(theirs.fileno()), str(self._path), self._group]
        try:
            with theirs:
                for end in (ours, theirs):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
                self._process = subprocess.Popen(  # noqa: ASYNC220  (a millisecond, once)
                    [sys.executable, "-P", "-m", sqlite_commit.__name__, *arguments],
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                )
        except OSError:
            ours.close()
            raise
        await self._loop.create_connection(lambda: self, sock=ours)


def _end(process: subprocess.Popen[bytes]) -> None:
    """It ends by itself once nobody is at the other end."""
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
