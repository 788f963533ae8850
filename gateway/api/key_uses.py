"""Tells the audit log when a secret key is used as it was not before: for another kind of call, or from elsewhere.

What a program reads is not kept call by call, as it is millions; that it reads at all, with which scope, and from which
network, is. The id of an entry is made of these three, so that all gateways and restarts make one in 35 days.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from hashlib import blake2b
from ipaddress import ip_address, ip_network

from ask0.gateway.api.changes import Changes, Request
from ask0.gateway.callers import Caller
from ask0.gateway.errors import GatewayError
from ask0.gateway.operations import Operation
from ask0.schemas.audit import KEY_USED, Told

MAX_KEYS = 10_000  # that a process remembers …
MAX_USES = 64  # … and of each so many kinds and networks: what is beyond them is not told
RETRY_SECONDS = 60.0

logger = logging.getLogger(__name__)


class KeyUses:
    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._seen: OrderedDict[str, set[tuple[str, str]]] = OrderedDict()
        self._last: dict[str, int] = {}  # epoch ms, of the same
        self._telling: set[asyncio.Task[None]] = set()
        self._not_before = 0.0

    def look(self, caller: Caller, operation: Operation, request_id: str) -> None:
        """Never holds a call up, nor fails it. What people do is told otherwise."""
        if caller.session:
            return
        seen = self._seen.setdefault(caller.actor, set())
        self._seen.move_to_end(caller.actor)
        self._last[caller.actor] = time.time_ns() // 1_000_000
        use = " ".join(operation.scopes), _network(caller.ip)
        if use in seen or len(seen) >= MAX_USES or time.monotonic() < self._not_before:
            return
        if len(self._seen) > MAX_KEYS:
            self._last.pop(self._seen.popitem(last=False)[0], None)
        seen.add(use)
        task = asyncio.create_task(self._tell(caller, use, request_id))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    def last(self, actor: str) -> int:
        """When this process saw the key last, epoch ms; 0 if that is not known."""
        return self._last.get(actor, 0)

    async def close(self) -> None:
        await asyncio.gather(*self._telling, return_exceptions=True)

    async def _tell(self, caller: Caller, use: tuple[str, str], request_id: str) -> None:
        scope, network = use
        id = blake2b("\0".join((caller.actor, *use)).encode(), digest_size=16).hexdigest()
        request = Request(caller.project_id, caller.actor, f"use_{id}", "", request_id, is_keyed=False, ip=caller.ip)
        told = Told("key", caller.actor.removeprefix("key:"), {"scope": scope, "network": network})
        try:
            await self._changes.tell(request, KEY_USED, told)
        except GatewayError as error:  # whoever comes next tells it
            logger.warning("a new use of a key is not in the audit log yet: %s", error.message)
            self._seen.get(caller.actor, set()).discard(use)
            self._not_before = time.monotonic() + RETRY_SECONDS


def _network(ip: str) -> str:
    """So large that a provider gives nobody another one each day; empty if the policy keeps no addresses."""
    if not ip:
        return ""
    return str(ip_network((ip, 16 if ip_address(ip).version == 4 else 32), strict=False))
