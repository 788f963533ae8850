"""What the audit log of each of a member's projects is told: who signed in, who could not, what they did to their
account."""

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

from ask0.catalog.members import By
from ask0.gateway.addresses import Addresses
from ask0.gateway.api.changes import Changes, Request
from ask0.gateway.errors import GatewayError
from ask0.schemas.audit import Told
from ask0.schemas.members import Member

MOST_PROJECTS = 20  # of one member that are told
MOST_UNDER_WAY = 200
MINUTE = 60
MAX_KNOWN = 10_000  # members who were told of in the last minute

logger = logging.getLogger(__name__)


class Records:
    """Nobody waits for them. A log that is away loses some: signing in does not depend on it."""

    def __init__(self, changes: Changes, addresses: Addresses, projects_of: Callable[[Member], list[str]]) -> None:
        self.addresses = addresses
        self._changes, self._projects_of = changes, projects_of
        self._failures: OrderedDict[str, int] = OrderedDict()  # the minute of the last one, by member
        self._telling: set[asyncio.Task[None]] = set()

    def signed_in(self, member: Member, by: By) -> None:
        self.told(member, "member.signed_in", by)

    def failed(self, member: Member | None, by: By) -> None:
        """Once a minute at most. Of people whom nobody knows, and strangers could name any number, nothing is kept."""
        if member is None:
            return
        minute = int(time.time() // MINUTE)
        if self._failures.get(member.id) == minute:
            return
        self._failures[member.id] = minute
        self._failures.move_to_end(member.id)
        if len(self._failures) > MAX_KNOWN:
            self._failures.popitem(last=False)
        self.told(member, "member.sign_in_failed", by, id=f"failed\0{minute}")

    def told(self, member: Member, action: str, by: By, id: str = "") -> None:
        """With an `id`, all gateways that tell the same make one entry of it."""
        for project_id in self._projects_of(member)[:MOST_PROJECTS]:
            self.told_in(project_id, member, action, by, id)

    def told_in(self, project_id: str, member: Member, action: str, by: By, id: str = "") -> None:
        if len(self._telling) >= MOST_UNDER_WAY:
            logger.warning("%s is not in the audit log: too much is told at once", action)
            return
        parts = "\0".join((member.id, project_id, action, id or secrets.token_hex(16)))
        made = f"mem_{blake2b(parts.encode(), digest_size=16).hexdigest()}"
        request = Request(project_id, by.actor or "anyone", made, "", by.request, is_keyed=False, ip=by.ip)
        task = asyncio.create_task(self._tell(request, action, Told("member", member.id)))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def close(self) -> None:
        await asyncio.gather(*self._telling, return_exceptions=True)

    async def _tell(self, request: Request, action: str, told: Told) -> None:
        try:
            await self._changes.tell(request, action, told)
        except GatewayError as error:
            logger.warning("%s is not in the audit log: %s", action, error.message)
