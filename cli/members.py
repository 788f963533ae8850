"""Several processes of one command: the one that was called starts them, starts again what ends, and ends them all."""

import contextlib
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from ask0.gateway.members import Member

START_SECONDS = 5.0  # one that gives up within so long cannot start, and all end with its exit code
PAUSE_SECONDS = 0.5  # before one that ended is started again
ENDING = (signal.SIGINT, signal.SIGTERM)

logger = logging.getLogger(__name__)


def become_members(count: int) -> Member:
    """Returns in each of `count` processes. Never returns in the one that calls it: that one supervises the others, and
    exits when they have ended. To be called before there are threads and open connections."""
    folder = Path(tempfile.mkdtemp(prefix="ask0-"))
    supervisor = _Supervisor(count, folder)
    index = supervisor.run()
    if index is not None:
        return Member(folder, index, count)
    shutil.rmtree(folder, ignore_errors=True)
    sys.exit(supervisor.code)


@contextlib.contextmanager
def reserved(host: str, port: int) -> Iterator[int]:
    """A port that the processes share; nobody listens on it yet. Raises OSError."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, port))
        yield int(sock.getsockname()[1])


class _Supervisor:
    def __init__(self, count: int, folder: Path) -> None:
        self.code = 0
        self._count = count
        self._children: dict[int, tuple[int, float]] = {}  # pid → (index, when it was started)
        self._stopping = False
        self._alive = os.pipe()  # its end tells the processes that this one is gone

    def run(self) -> int | None:
        """The index, in a process that was started; None once all have ended."""
        for number in ENDING:
            signal.signal(number, self._stop)
        waiting = list(range(self._count))
        while waiting or self._children:
            for index in waiting:
                if self._start(index):
                    return index
            pid, status = os.wait()
            waiting = self._ended(pid, os.waitstatus_to_exitcode(status))
        return None

    def _start(self, index: int) -> bool:
        """True in the new process. A signal waits meanwhile: it is for a process that is known here and ends by it."""
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        try:
            pid = -1 if self._stopping else os.fork()
            if pid > 0:
                self._children[pid] = index, time.monotonic()
            elif pid == 0:
                for number in ENDING:
                    signal.signal(number, signal.SIG_DFL)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        if pid:
            if self._stopping:  # told between the look and the fork
                self._stop()
            return False
        os.close(self._alive[1])
        threading.Thread(target=_follow, args=(self._alive[0],), daemon=True).start()
        return True

    def _ended(self, pid: int, code: int) -> list[int]:
        """Who is to be started again."""
        index, started = self._children.pop(pid)
        if self._stopping:
            self.code = self.code or max(code, 0)
            return []
        if code > 0 and time.monotonic() - started < START_SECONDS:
            self.code = code
            self._stop()
            return []
        logger.warning("process %s of the gateway ended with %s, and is started again", index + 1, code)
        time.sleep(PAUSE_SECONDS)
        return [] if self._stopping else [index]

    def _stop(self, number: int = signal.SIGTERM, frame: FrameType | None = None) -> None:
        self._stopping = True
        for pid in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def _follow(alive: int) -> None:
    os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGTERM)
