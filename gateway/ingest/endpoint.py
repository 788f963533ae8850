"""The ingestion endpoint, bare ASGI: a beacon comes in, its events become durable on the log, an answer goes out."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import getrandbits
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from ask0.catalog.cache import CatalogCache
from ask0.eventlog.log import Log, LogUnavailable
from ask0.gateway.addresses import Addresses
from ask0.gateway.bodies import BodyReader, Sender
from ask0.gateway.callers import NO_KEY, project_of_sender
from ask0.gateway.cors import Cors
from ask0.gateway.disk import Disk
from ask0.gateway.errors import (
    BadRequest,
    Forbidden,
    GatewayError,
    MethodNotAllowed,
    ServiceUnavailable,
    TooLarge,
    Unauthorized,
)
from ask0.gateway.ingest.budgets import Budgets
from ask0.gateway.ingest.envelope import Beacon, open_beacon
from ask0.gateway.ingest.intake import Intake, KeptRejects, Taken, stamp
from ask0.gateway.ingest.keys import key_of_request
from ask0.gateway.ingest.plain import PlainIntake
from ask0.gateway.ingest.trust import Trust
from ask0.gateway.ingest.verification import Guard, token_of
from ask0.gateway.metrics import Metrics
from ask0.gateway.responses import json_headers, send_answer, send_bytes
from ask0.gateway.strangers import Strangers
from ask0.schemas.events import MAX_BODY_BYTES, TOKEN, parse_event
from ask0.schemas.ids import uuid7
from ask0.schemas.reasons import InvalidEvent, Reason
from ask0.schemas.records import Record, Reject

MAX_MESSAGES = 100  # of rejects in an answer; the rest have their index, messageId and code
MAX_BEACON_KEYS = 16  # different write keys that the events of one beacon name

Kind = str | None

logger = logging.getLogger(__name__)


def ingest_paths() -> dict[str, Kind]:
    """Every path that takes beacons, and the call it names; None for a batch."""
    calls: dict[str, Kind] = {call: call for call in ("identify", "track", "page", "screen", "group", "alias")}
    short: dict[str, Kind] = {call[0]: call for call in calls}
    names = calls | short | {"batch": None, "import": None, "b": None}
    paths = {f"{prefix}/{name}": kind for name, kind in names.items() for prefix in ("", "/v1")}
    paths["/beacon/v1/batch"] = None
    return paths | {f"{path}/": kind for path, kind in paths.items()}


@dataclass(frozen=True)
class Ingest:
    """Takes beacons. Raises GatewayError, which the caller answers."""

    log: Log
    catalog: CatalogCache
    budgets: Budgets
    addresses: Addresses
    cors: Cors
    metrics: Metrics
    bodies: BodyReader
    strangers: Strangers
    disk: Disk
    kept_rejects: KeptRejects
    plain: PlainIntake
    trust: Trust

    async def __call__(self, scope: Scope, receive: Receive, send: Send, kind: Kind) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if scope["method"] == "POST":
            try:
                body = await self._take(scope, headers, receive, kind)
            except GatewayError as error:
                self.metrics.beacons[error.status] += 1
                raise
            except Exception:
                self.metrics.beacons[500] += 1
                raise
            self.metrics.beacons[200] += 1
            await send_answer(scope, send, 200, json_headers(body) + self.cors.headers(headers), body)
        elif scope["method"] == "OPTIONS":
            await send_bytes(send, 200, [(b"content-length", b"0"), *self.cors.preflight(headers)], b"")
        else:
            raise MethodNotAllowed("beacons are sent with POST", headers={"allow": "POST, OPTIONS"})

    async def _take(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, kind: Kind) -> bytes:
        """The answer to a beacon, all of whose accepted and rejected events are durable."""
        taken = await self._read(scope, headers, receive, kind)
        started = time.perf_counter()
        try:
            if taken.entries:
                await self.log.append(taken.entries)
        except LogUnavailable as error:
            raise self.refuse(error) from error
        return self.accept(taken, time.perf_counter() - started)

    def accept(self, taken: Taken, seconds: float) -> bytes:
        """The answer to a beacon that is durable, after so long. Raises BadRequest if all of it was rejected."""
        if taken.entries:
            self.metrics.ready["log"] = True
            self.metrics.observe_append(seconds)
        self.metrics.accepted += taken.accepted
        self.metrics.rejects_not_kept += taken.not_kept
        for reject in taken.rejects:
            self.metrics.rejected[reject.reason] += 1
        return _answer(taken)

    def refuse(self, error: LogUnavailable) -> ServiceUnavailable:
        """What to answer when the log took nothing."""
        if self.metrics.ready["log"]:  # once, not for every beacon
            logger.warning("the log cannot take events", extra={"error": str(error)})
        self.metrics.ready["log"] = False
        return ServiceUnavailable(
            "the event log cannot take events now: send the same beacon again later", retry_after=error.retry_after
        )

    async def take_again(self, project_id: str, events: list[Any]) -> Sequence[Reject]:
        """Events of a known project, as under its write key, but from no address. Those that were refused; the others
        are durable. Where none is left, nothing is kept. Raises QuotaExceeded, ServiceUnavailable."""
        self.disk.check()
        self.budgets.check(project_id)
        received_at = time.time_ns() // 1_000_000
        intake = await self._look_at(Beacon(events), None, project_id, received_at)
        if not intake.accepted:
            return intake.rejects
        entries = intake.take_entries(Record(project_id=project_id, received_at=received_at))
        self.budgets.charge(project_id, len(events), sum(len(entry.value) for entry in entries))
        try:
            await self.log.append(entries)
        except LogUnavailable as error:
            raise self.refuse(error) from error
        self.metrics.accepted += intake.accepted
        return intake.rejects

    async def _read(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, kind: Kind) -> Taken:
        """What to append. The parsed beacon ends here: kept while the log is waited for, the beacons under way would
        take memory and cache, and made a gateway under load half as fast."""
        self.cors.check(headers)
        self.disk.check()
        outside = key_of_request(headers, scope["query_string"])
        key: object = outside
        sender = self.addresses.sender(scope, headers)
        project = self.catalog.projects.get(outside)
        stranger = self.strangers.admit(sender, time.monotonic()) if project is None else None
        if stranger:
            project = await project_of_sender(self.catalog, outside)
        if project is not None:
            self.budgets.check(project)
        body = await self.bodies.read(receive, headers, Sender(sender, has_key=project is not None))
        self.metrics.body_bytes += len(body)
        encoding = headers.get(b"content-encoding")
        if not encoding and (plain := self.plain.take(body, kind, outside, scope, headers)):
            if stranger:
                stranger.is_known()
            return plain
        try:
            document = await self.bodies.parse(body, encoding)
            if stranger:
                stranger.pay_for_body(document.size)
            beacon = open_beacon(document.value, kind)
        except (BadRequest, TooLarge):
            if project is not None:  # how large it would have become is not known
                self.budgets.charge_all({project: 1}, MAX_BODY_BYTES if encoding else len(body))
            raise
        if key is None:
            key = beacon.write_key
            project = await project_of_sender(self.catalog, key)
        received_at = time.time_ns() // 1_000_000
        intake = await self._look_at(beacon, key, project, received_at)
        if stranger and (project is not None or intake.accepted):
            stranger.is_known()
        if not intake.has_project:
            raise Unauthorized(NO_KEY)
        record = stamp(project or "", received_at, beacon.sent_at, self.addresses.kept(scope, headers), headers)
        self.budgets.charge_all(intake.counts, document.size)
        return Taken(intake.accepted, intake.take_entries(record), intake.rejects, intake.not_kept)

    async def _look_at(self, beacon: Beacon, key: object, project: str | None, received_at: int) -> Intake:
        """Every event of the beacon, accepted or rejected."""
        intake = Intake(partitioned=self.log.partitioned, kept=self.kept_rejects)
        usual = self._guard(project, key)

        def new_id() -> str:
            return uuid7(received_at, getrandbits(74))

        claimed = beacon.project_id is not None
        keys = Keys(partial(project_of_sender, self.catalog))
        for index, raw in enumerate(beacon.events):
            owner, guard = project, usual
            try:
                if owner is None or claimed or (type(raw) is dict and ("writeKey" in raw or "projectId" in raw)):
                    owner = await self._owner(keys, raw, key, project)
                    _check_project(raw, beacon, owner)
                    guard = self._guard(owner, key, raw.get("writeKey") if type(raw) is dict else None)
                event = parse_event(raw, kind=beacon.kind, received_at=received_at, new_id=new_id)
                if guard is not None:
                    event = guard.admit(raw, event)
                if event.type == "identify":  # whose raw form is an object
                    has_token = guard is not None and bool(token_of(raw.get(TOKEN), raw.get("context")))
                    proven = has_token and bool(event.user_id)  # beside a guest nobody has checked it
                    event = self.trust.mark(event, owner, key, raw.get("writeKey"), proven=proven)
                intake.accept(owner, event)
            except InvalidEvent as why:
                intake.reject(owner, index, raw, why)
        return intake

    def _guard(self, project: str | None, *keys: object) -> Guard | None:
        """None where the project takes everyone at their word."""
        verifier = self.catalog.verifiers.get(project)
        if verifier is None:
            return None
        return Guard(verifier, trusted=any(self.catalog.project_of_secret(key) == project for key in keys))

    async def _owner(self, keys: "Keys", raw: Any, key: object, project: str | None) -> str:
        """The project of an event that may have a write key of its own, beside the beacon's."""
        own = raw.get("writeKey") if type(raw) is dict else None
        try:
            owner = project if own == key else await keys.project_of(own) or project
        except Unauthorized:
            raise InvalidEvent(Reason.WRONG_KEY, "the event's own writeKey is unknown") from None
        except Forbidden as error:
            raise InvalidEvent(Reason.WRONG_KEY, error.message) from None
        if owner is None:
            raise InvalidEvent(Reason.WRONG_KEY, NO_KEY)
        return owner


class Keys:
    """The write keys that one beacon's events name, each looked up once."""

    def __init__(self, look_up: Callable[[object], Awaitable[str | None]]) -> None:
        self._look_up = look_up
        self._found: dict[str, str | None] = {}

    async def project_of(self, key: object) -> str | None:
        """None without a key. Raises Unauthorized, ServiceUnavailable, InvalidEvent."""
        if type(key) is not str:
            return await self._look_up(key)
        if key not in self._found:
            if len(self._found) >= MAX_BEACON_KEYS:
                raise InvalidEvent(
                    Reason.WRONG_KEY, f"the events of one beacon name at most {MAX_BEACON_KEYS} different write keys"
                )
            self._found[key] = None
            self._found[key] = await self._look_up(key)
        if self._found[key] is None:
            raise Unauthorized("the write key is unknown")
        return self._found[key]


def _check_project(raw: Any, beacon: Beacon, owner: str) -> None:
    named = raw.get("projectId") if type(raw) is dict else None
    if (named if named is not None else beacon.project_id) not in (None, owner):
        raise InvalidEvent(Reason.WRONG_KEY, "projectId names another project than the write key")


def _answer(taken: Taken) -> bytes:
    if not taken.rejects:
        return b'{"success":true,"accepted":%d,"rejected":[]}' % taken.accepted
    rejected = [
        {
            "index": reject.index,
            "messageId": reject.message_id,
            "code": reject.reason,
            "message": reject.message if number < MAX_MESSAGES else "",
        }
        for number, reject in enumerate(taken.rejects)
    ]
    if not taken.accepted:
        raise BadRequest(f"no event is usable: {taken.rejects[0].message}", code="no_usable_event", rejected=rejected)
    return orjson.dumps({"success": True, "accepted": taken.accepted, "rejected": rejected})
