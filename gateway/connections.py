"""Open connections: taken many at a time, and bounded in all and for each address.

libuv takes one connection in each pass of the loop. Under load passes are long, and a newcomer waited for seconds; so
the listening sockets are read here, until nobody waits.
"""

import asyncio
import errno
import logging
import resource
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client import Counter as PrometheusCounter

from ask0.gateway.addresses import Addresses
from ask0.gateway.errors import ServiceUnavailable
from ask0.schemas.settings import Settings

if TYPE_CHECKING:
    from ask0.gateway.server import Protocol

MAX_ADDRESS_CONNECTIONS = 512  # proxies that are trusted, and this machine itself, may have more
ACCEPTED_AT_ONCE = 1_000  # then those who are in get their turn
CLOSED_AT_ONCE = 16  # idle ones that make room for newcomers
SPARE_DESCRIPTORS = 256  # for the log, ClickHouse and everything else
MAX_LINGERING = 256  # who are being told that there is no room
LINGER_SECONDS = 1.0  # a socket that is closed at once may take its answer along
NO_ROOM_SECONDS = 0.1  # until the next try, where the process has no descriptor left

logger = logging.getLogger(__name__)


class Connections:
    """Who is connected. `most` may turn out lower, as the process may open only so many files."""

    def __init__(self, most: int, is_proxy: Callable[[str], bool], registry: CollectorRegistry) -> None:
        self.most = max(16, min(most, _descriptors() - SPARE_DESCRIPTORS))
        self._is_proxy = is_proxy
        self._places: Counter[str] = Counter()  # taken, by address
        self._taken = 0
        self.are_ending = False  # the server is: answers that go on for long end now
        self._open: dict[Protocol, str] = {}
        gauge = Gauge("ask0_connections", "Open connections", registry=registry)
        gauge.set_function(lambda: self._taken)
        self._refused = PrometheusCounter(
            "ask0_connections_refused", "Connections without room", ["bound"], registry=registry
        )
        self._closed = PrometheusCounter(
            "ask0_connections_closed_idle", "Idle connections closed to make room for others", registry=registry
        )

    def take_place(self, address: str) -> bool:
        """For a new connection, to be given back; idle ones are closed for it. False if there is none."""
        if self._places[address] >= MAX_ADDRESS_CONNECTIONS and not self._is_exempt(address):
            self._refused.labels("address").inc()
            return False
        if self._taken >= self.most and not self.close_idle():
            self._refused.labels("all").inc()
            return False
        self._places[address] += 1
        self._taken += 1
        return True

    def give_back(self, address: str) -> None:
        self._taken -= 1
        self._places[address] -= 1
        if not self._places[address]:
            del self._places[address]

    def add(self, connection: "Protocol", address: str) -> None:
        """It has a place already."""
        self._open[connection] = address

    def remove(self, connection: "Protocol") -> None:
        address = self._open.pop(connection, None)
        if address is not None:
            self.give_back(address)

    def close_idle(self) -> bool:
        """Those that have been idle for longest. False if nobody is idle."""
        idle = [(since, id(one), one) for one in self._open if (since := one.idle_since) is not None]
        idle.sort()
        for _, _, connection in idle[:CLOSED_AT_ONCE]:
            self.remove(connection)
            self._closed.inc()
            connection.transport.close()
        return bool(idle)

    def _is_exempt(self, address: str) -> bool:
        try:
            return ip_address(address.partition("%")[0]).is_loopback or self._is_proxy(address)
        except ValueError:
            return False


def make_connections(settings: Settings, registry: CollectorRegistry) -> Connections:
    proxies = Addresses(settings.ip_policy, settings.trusted_proxies)
    return Connections(settings.max_connections, proxies.is_trusted, registry)


class Listener:
    """Takes the connections of one listening socket; closed as an asyncio server is."""

    def __init__(
        self, sock: socket.socket, factory: Callable[[str], asyncio.Protocol], connections: Connections
    ) -> None:
        self._sock = sock
        self._factory = factory
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._adopting: set[asyncio.Task[None]] = set()
        self._lingering: set[socket.socket] = set()
        self._open = True
        sock.setblocking(False)
        self._loop.add_reader(sock.fileno(), self._accept)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_reader(self._sock.fileno())
            for told in list(self._lingering):
                self._forget(told)

    async def wait_closed(self) -> None:
        await asyncio.gather(*self._adopting, return_exceptions=True)

    def _accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                connection, address = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._wait_for_room(error)
                return
            connection.setblocking(False)
            if self._connections.take_place(address[0]):
                task = self._loop.create_task(self._adopt(connection, address[0]))
                self._adopting.add(task)
                task.add_done_callback(self._adopting.discard)
            else:
                self._turn_away(connection)

    async def _adopt(self, connection: socket.socket, address: str) -> None:
        try:
            await self._loop.connect_accepted_socket(partial(self._factory, address), connection)
        except OSError:  # it has gone already
            self._connections.give_back(address)
            connection.close()

    def _turn_away(self, connection: socket.socket) -> None:
        with suppress(OSError):
            connection.send(NO_ROOM)
            connection.shutdown(socket.SHUT_WR)
        if len(self._lingering) >= MAX_LINGERING:
            connection.close()
            return
        self._lingering.add(connection)
        self._loop.call_later(LINGER_SECONDS, self._forget, connection)

    def _forget(self, connection: socket.socket) -> None:
        self._lingering.discard(connection)
        connection.close()

    def _wait_for_room(self, error: OSError) -> None:
        """Without a free descriptor the socket stays readable: a loop that tried at once would do nothing else."""
        if error.errno in (errno.EMFILE, errno.ENFILE):
            self._connections.close_idle()
        logger.warning("no connection can be accepted now", extra={"error": str(error)})
        self._loop.remove_reader(self._sock.fileno())
        self._loop.call_later(NO_ROOM_SECONDS, self._try_again)

    def _try_again(self) -> None:
        if self._open:
            self._loop.add_reader(self._sock.fileno(), self._accept)


def _descriptors() -> int:
    """How many files the process may open, as many as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return soft if soft != resource.RLIM_INFINITY else 1 << 20


def _no_room() -> bytes:
    error = ServiceUnavailable("too many connections are open: try again in a few seconds")
    heads = b"".join(b"%s: %s\r\n" % (name.encode(), value.encode()) for name, value in error.headers.items())
    return (
        b"HTTP/1.1 503 \r\ncontent-type: application/json\r\ncontent-length: %d\r\n%s"
        b"access-control-allow-origin: *\r\naccess-control-expose-headers: Retry-After\r\nconnection: close\r\n\r\n%s"
        % (len(error.body), heads, error.body)
    )


NO_ROOM = _no_room()
