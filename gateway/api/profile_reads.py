"""Tells the audit log whose profile a person has looked at: once an hour for each of them, however often."""

import asyncio
import logging
import time
from collections import OrderedDict
from hashlib import blake2b

from ask0.gateway.answers import REQUEST_ID
from ask0.gateway.api.changes import Changes, Request, Wanted
from ask0.gateway.errors import GatewayError
from ask0.gateway.operations import Asked
from ask0.schemas.user_changes import UserChange

READ = "user.read"
HOUR = 3600
MOST_KNOWN = 50_000  # of member and user, that a process remembers …
MOST_UNDER_WAY = 200  # … and tells at once: what is beyond that is told the next time

logger = logging.getLogger(__name__)


class ProfileReads:
    """Servers are not told of: they read millions (see key_uses.py)."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._told: OrderedDict[tuple[str, str, str], int] = OrderedDict()
        self._telling: set[asyncio.Task[None]] = set()

    def look(self, asked: Asked, user_id: str) -> None:
        """Never holds a call up, nor fails it."""
        caller, hour = asked.caller, int(time.time() // HOUR)
        who = caller.project_id, caller.actor, user_id
        if not caller.session or self._told.get(who) == hour or len(self._telling) >= MOST_UNDER_WAY:
            return
        self._told[who] = hour
        self._told.move_to_end(who)
        if len(self._told) > MOST_KNOWN:
            self._told.popitem(last=False)
        # All gateways that tell the same make one entry of it.
        id = blake2b("\0".join((*who, str(hour))).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        trace = asked.request.scope.get(REQUEST_ID, "")
        request = Request(caller.project_id, caller.actor, f"read_{id}", "", trace, is_keyed=False, ip=caller.ip)
        task = asyncio.create_task(self._tell(request, who))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def close(self) -> None:
        await asyncio.gather(*self._telling, return_exceptions=True)

    async def _tell(self, request: Request, who: tuple[str, str, str]) -> None:
        try:
            # As a change that says nothing: under the user's id, so that an erase finds it.
            await self._changes.append(request, [Wanted(who[2], READ, UserChange(), 0)])
        except GatewayError as error:
            logger.warning("that a profile was read is not in the audit log yet: %s", error.message)
            self._told.pop(who, None)
