"""A long-running process: a web server in the main thread, the worker in a thread of its own; a signal ends both."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from types import FrameType

import uvicorn
import uvloop

from ask0.cli.errors import NotAvailable

STOP_SECONDS = 4.7  # from the signal to the end of the process, whatever still runs
BACKLOG = 2048
GC_THRESHOLDS = (50_000, 20, 20)  # Python's 700 would look at all events under way after every few of them

logger = logging.getLogger(__name__)


class WorkerThread(threading.Thread):
    """Runs `work` until it is stopped; calls `ended` when it has ended by itself, which is always an error."""

    def __init__(self, work: Callable[[asyncio.Event], Awaitable[None]], ended: Callable[[], None]) -> None:
        super().__init__(name="worker")
        self.failed = False
        self._work = work
        self._ended = ended
        self._loop = uvloop.new_event_loop()
        self._stopping = asyncio.Event()

    def run(self) -> None:
        try:
            with contextlib.closing(self._loop):
                self._loop.run_until_complete(self._until_stopped())
        except Exception:
            logger.exception("the worker ended with an error it does not know")
        self.failed = not self._stopping.is_set()
        if self.failed:
            self._ended()

    def stop(self) -> None:
        """Lets the running round end, and waits for that."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: it has ended already
            self._loop.call_soon_threadsafe(self._stopping.set)
        self.join()

    async def _until_stopped(self) -> None:
        await self._work(self._stopping)


class Deadline:
    """Ends the process some seconds after it began to stop, if it is still there then. As safe as kill -9: what was
    acknowledged is on the log, and a round that was cut is repeated at the next start."""

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None

    def begin(self, code: int = 0) -> None:
        if self._timer is None:
            self._timer = threading.Timer(STOP_SECONDS, _end, (code,))
            self._timer.daemon = True
            self._timer.start()


def _end(code: int) -> None:
    logger.warning("what still ran at the deadline was cut; it is repeated at the next start")
    os._exit(code)


def listen(host: str, port: int, setting: str, *, shared: bool = False) -> socket.socket:
    """A bound socket: connections wait in it from now on. Others may listen on a `shared` port too, and each connection
    goes to one of them. Raises NotAvailable, naming the setting to change."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=shared)
    except OSError as error:
        raise cannot_listen(host, port, setting, error) from error


def cannot_listen(host: str, port: int, setting: str, error: OSError) -> NotAvailable:
    why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    return NotAvailable(f"cannot listen on {host}:{port}: {why}; set {setting} to another one")


def url_of(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{reachable}:{port}"


def serve(server: uvicorn.Server, sock: socket.socket, deadline: Deadline, started: Callable[[], None]) -> None:
    """Serves until SIGINT, SIGTERM, or somebody sets `server.should_exit`. The deadline then runs to the very end."""

    def stop(number: int = 0, frame: FrameType | None = None) -> None:
        deadline.begin()
        server.should_exit = True

    gc.set_threshold(*GC_THRESHOLDS)
    _on_signals(stop)

    async def run() -> None:
        serving = asyncio.ensure_future(server.serve(sockets=[sock]))
        while not (server.started or serving.done()):  # noqa: ASYNC110  (uvicorn has no event for it)
            await asyncio.sleep(0.01)
        if server.started and not server.should_exit:
            _on_signals(stop)  # uvicorn has put its own in place, which would end the process by the signal
            started()
        await serving

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


@contextlib.contextmanager
def serving_in_thread(server: uvicorn.Server, sock: socket.socket, name: str) -> Iterator[None]:
    """Serves beside everything else, on a loop of its own, for as long as the block runs."""
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name=name)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _on_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)
