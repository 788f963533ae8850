"""A change of users on its way: onto the log, and until the rows show it."""

import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

from starlette.responses import JSONResponse, Response

from ask0.eventlog.log import Log, LogUnavailable, Position
from ask0.gateway.answers import REQUEST_ID
from ask0.gateway.api.paths import project_of
from ask0.gateway.arrivals import Arrivals
from ask0.gateway.disk import Disk
from ask0.gateway.errors import BadRequest, NotFound, ServiceUnavailable, Unprocessable
from ask0.gateway.ingest.budgets import Budgets
from ask0.gateway.ingest.intake import Intake
from ask0.gateway.operations import Asked
from ask0.gateway.questions import Questions
from ask0.schemas.audit import SALT_CHARACTERS, Told
from ask0.schemas.events import Event
from ask0.schemas.records import Record
from ask0.schemas.user_changes import CHANGE, Origin, UserChange, encode
from ask0.schemas.user_merges import UserMerge
from ask0.warehouse.applied import read_applied
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.user_changes import read_digests, read_refusal

MAX_KEY_CHARS = 255
MAX_ID_CHARACTERS = 2_000
PLACES = re.compile(r"[0-9]{1,5}-[0-9]{1,18}(?:\.[0-9]{1,5}-[0-9]{1,18})*")

IN_DOUBT = "whether the change stands is not known: send it again with the same Idempotency-Key"


class Request(NamedTuple):
    """What all changes of one call share. A call that is sent again under its key has the same `id` and `digest`."""

    project_id: str
    actor: str
    id: str
    digest: str
    trace: str  # the id of the request, for the audit log
    is_keyed: bool
    ip: str = ""  # of the caller, likewise


class Wanted(NamedTuple):
    """A change of one user, made from the row as it was at `seen` (epoch ms, 0 if nothing was known)."""

    user_id: str
    action: str
    change: UserChange | UserMerge | Told
    seen: int
    id: str = ""  # of the change, where it does not follow from the call and the place in it …
    later: int = 0  # … and by how many ms it comes after those of the same user that stand before it


class Made(NamedTuple):
    """Durable; in the rows too if it is applied. `id` is what `GET /changes/{id}` is asked for."""

    id: str
    is_applied: bool


@dataclass(frozen=True)
class Changes:
    log: Log
    arrivals: Arrivals
    warehouse: Warehouse
    questions: Questions
    budgets: Budgets
    disk: Disk

    def request(self, asked: Asked, subject: str, said: bytes) -> Request:
        """Of a call on the subject that says so. Raises BadRequest, NotFound, QuotaExceeded, ServiceUnavailable."""
        project_id = project_of(asked)
        self.disk.check()
        self.budgets.check(project_id)
        key = asked.request.headers.get("idempotency-key")
        if key is not None and not 0 < len(key) <= MAX_KEY_CHARS:
            raise BadRequest(f"an Idempotency-Key has 1 to {MAX_KEY_CHARS} characters", code="invalid_idempotency_key")
        route = asked.request.method, asked.request.scope["route"].path, subject
        # With the caller, whose name no stranger can guess: nobody can send an event of this id before.
        parts = "\0".join((asked.caller.actor, *route, key or secrets.token_hex(16)))
        return Request(
            project_id,
            asked.caller.actor,
            id=f"chg_{blake2b(parts.encode(), digest_size=16).hexdigest()}",
            digest=blake2b(said, digest_size=12).hexdigest(),
            trace=asked.request.scope[REQUEST_ID],
            is_keyed=key is not None,
            ip=asked.caller.ip,
        )

    async def was_made(self, request: Request, user_id: str) -> bool:
        """Whether the call was sent before and has changed this user then. Raises Unprocessable when it said
        something else, ServiceUnavailable."""
        if not request.is_keyed:
            return False
        digests = await self._digests(request, [(user_id, request.id)])
        return request.id in digests

    async def make(self, request: Request, wanted: Sequence[Wanted]) -> Made:
        """The changes of several users have the ids of `change_id`. Raises ServiceUnavailable."""
        positions = await self.append(request, wanted)
        return Made(_places_id(positions), is_applied=await self.arrivals.wait(positions))

    async def append(self, request: Request, wanted: Sequence[Wanted]) -> list[Position]:
        """Durable; `arrivals` tells when it is in the rows. Raises ServiceUnavailable."""
        now = time.time_ns() // 1_000_000
        events = [self._event(request, place, item, now) for place, item in enumerate(wanted)]
        intake = Intake(partitioned=self.log.partitioned)
        for event in events:
            intake.accept(request.project_id, event)
        entries = intake.take_entries(Record(project_id=request.project_id, received_at=now))
        self.budgets.charge(request.project_id, len(events), sum(len(entry.value) for entry in entries))
        try:
            return await self.log.append(entries)
        except LogUnavailable as error:
            raise ServiceUnavailable(IN_DOUBT, retry_after=error.retry_after) from error

    async def tell(self, request: Request, action: str, told: Told) -> None:
        """The audit log, of something that changes no user. Raises ServiceUnavailable."""
        now = time.time_ns() // 1_000_000
        event = self._event(request, 0, Wanted("", action, told, 0), now)
        intake = Intake(partitioned=self.log.partitioned)
        intake.accept(request.project_id, event)
        try:
            await self.log.append(intake.take_entries(Record(project_id=request.project_id, received_at=now)))
        except LogUnavailable as error:
            raise ServiceUnavailable(IN_DOUBT, retry_after=error.retry_after) from error

    async def refused(self, request: Request, wanted: Sequence[Wanted]) -> set[int]:
        """Places of those that were not applied, once they have arrived. Raises Unprocessable if the key had another
        request, ServiceUnavailable."""
        ids = [(item.user_id, change_id(request, place)) for place, item in enumerate(wanted)]
        digests = await self._digests(request, ids)
        return {place for place, (_, id) in enumerate(ids) if id not in digests}

    async def _digests(self, request: Request, ids: Sequence[tuple[str, str]]) -> dict[str, str]:
        digests = await self.questions.ask(read_digests, self.warehouse, request.project_id, ids)
        if any(digest != request.digest for digest in digests.values()):
            raise key_reused()
        return digests

    async def status(self, asked: Asked) -> Response:
        """pending, applied, or refused with the reason, of a change that was answered with 202."""
        project_id, id = project_of(asked), asked.request.path_params["id"]
        positions = _positions(id)
        applied = await self.questions.ask(read_applied, self.warehouse, self.log.log_id)
        change: dict[str, Any] = {"id": id, "status": "pending"}
        if all(applied.get(partition, 0) > offset for partition, offset in positions):
            reason = await self.questions.ask(read_refusal, self.warehouse, project_id, self.log.log_id, positions)
            change |= {"status": "refused", "code": reason} if reason else {"status": "applied"}
        return JSONResponse({"change": change})

    def _event(self, request: Request, place: int, item: Wanted, now: int) -> Event:
        """Later than whatever it was made from, whatever the clocks say."""
        is_guest = item.user_id.startswith("g-")
        return Event(
            type=CHANGE,
            message_id=item.id or change_id(request, place),
            timestamp=max(now, item.seen + 1) + (item.later if item.id else place),
            event=item.action,
            user_id="" if is_guest else item.user_id,
            anonymous_id=item.user_id if is_guest else "",
            properties=encode(item.change),
            context=encode(
                Origin(
                    actor=request.actor,
                    request=request.trace,
                    digest=request.digest,
                    ip=request.ip,
                    salt=secrets.token_hex(SALT_CHARACTERS // 2),
                )
            ),
        )


def key_reused() -> Unprocessable:
    return Unprocessable("this Idempotency-Key was sent with another request before", code="key_reused")


def change_id(request: Request, place: int = 0) -> str:
    return f"{request.id}.{place}" if place else request.id


def _places_id(positions: Sequence[Position]) -> str:
    """The last place of each partition: once all of them are passed, the change is applied."""
    last: dict[int, int] = {}
    for partition, offset in positions:
        last[partition] = max(offset, last.get(partition, 0))
    return ".".join(f"{partition}-{offset}" for partition, offset in sorted(last.items()))


def _positions(id: str) -> list[Position]:
    """Raises NotFound for what is no id of a change."""
    if len(id) > MAX_ID_CHARACTERS or not PLACES.fullmatch(id):
        raise NotFound("this is no id of a change", code="unknown_change")
    parts = (part.split("-") for part in id.split("."))
    return [Position(int(partition), int(offset)) for partition, offset in parts]
