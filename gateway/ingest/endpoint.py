"""The ingestion endpoint, bare ASGI: a beacon comes in, its events become durable on the log, an answer goes out."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from random import getrandbits
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from ask0.catalog.cache import CatalogCache
from ask0.eventlog.log import Entry, Log, LogUnavailable
from ask0.gateway.addresses import Addresses
from ask0.gateway.bodies import BodyReader, Sender
from ask0.gateway.callers import NO_KEY, project_of_sender
from ask0.gateway.cors import Cors
from ask0.gateway.disk import Disk
from ask0.gateway.errors import BadRequest, GatewayError, MethodNotAllowed, ServiceUnavailable, TooLarge, Unauthorized
from ask0.gateway.ingest.envelope import Beacon, open_beacon
from ask0.gateway.ingest.intake import Intake, KeptRejects
from ask0.gateway.ingest.keys import key_of_request
from ask0.gateway.ingest.quotas import Cost, Quotas
from ask0.gateway.ingest.shares import BYTES_PER_UNIT, FairShares
from ask0.gateway.ingest.verification import Guard
from ask0.gateway.metrics import Metrics
from ask0.gateway.responses import json_headers, send_answer, send_bytes
from ask0.gateway.strangers import Strangers
from ask0.schemas.events import MAX_BODY_BYTES, parse_event
from ask0.schemas.ids import uuid7
from ask0.schemas.reasons import InvalidEvent, Reason
from ask0.schemas.records import Record

MAX_USER_AGENT_CHARACTERS = 512
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
    quotas: Quotas
    addresses: Addresses
    cors: Cors
    metrics: Metrics
    bodies: BodyReader
    strangers: Strangers
    shares: FairShares
    disk: Disk
    kept_rejects: KeptRejects

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
        intake, entries = await self._read(scope, headers, receive, kind)
        if not intake.has_project:
            raise Unauthorized(NO_KEY)
        await self._append(entries)
        self.metrics.accepted += intake.accepted
        self.metrics.rejects_not_kept += intake.not_kept
        for reject in intake.rejects:
            self.metrics.rejected[reject.reason] += 1
        return _answer(intake)

    async def _read(
        self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, kind: Kind
    ) -> tuple[Intake, list[Entry]]:
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
            self._check_quotas(project)  # before any work
        body = await self.bodies.read(receive, headers, Sender(sender, has_key=project is not None))
        self.metrics.body_bytes += len(body)
        encoding = headers.get(b"content-encoding")
        try:
            document = await self.bodies.parse(body, encoding)
            if stranger:
                stranger.pay_for_body(document.size)
            beacon = open_beacon(document.value, kind)
        except (BadRequest, TooLarge):
            if project is not None:  # how large it would have become is not known
                self._charge({project: 1}, MAX_BODY_BYTES if encoding else len(body))
            raise
        if key is None:
            key = beacon.write_key
            project = await project_of_sender(self.catalog, key)
        received_at = time.time_ns() // 1_000_000
        intake = await self._look_at(beacon, key, project, received_at)
        if stranger and (project is not None or intake.accepted):
            stranger.is_known()
        record = Record(
            project_id=project or "",
            received_at=received_at,
            sent_at=beacon.sent_at,
            ip=self.addresses.kept(scope, headers),
            user_agent=headers.get(b"user-agent", b"")[:MAX_USER_AGENT_CHARACTERS].decode("latin-1"),
            gpc=headers.get(b"sec-gpc") == b"1",
        )
        self._charge(intake.counts, document.size)
        return intake, intake.take_entries(record)

    def _check_quotas(self, project: str) -> None:
        now = time.monotonic()
        self.quotas.check(project, now)
        self.shares.check(project, now)

    def _charge(self, counts: Mapping[str, int], size: int) -> None:
        """All that the beacon costs, to each project in proportion."""
        now, total = time.monotonic(), sum(counts.values())
        costs = {project: Cost(count, size * count / total) for project, count in counts.items()}
        for project in costs:
            self.shares.check(project, now)
        self.quotas.charge(costs, now)
        for project, cost in costs.items():
            self.shares.charge(project, cost.events + cost.bytes / BYTES_PER_UNIT, now)

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
                intake.accept(owner, event if guard is None else guard.admit(raw, event))
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
        if owner is None:
            raise InvalidEvent(Reason.WRONG_KEY, NO_KEY)
        return owner

    async def _append(self, entries: list[Entry]) -> None:
        if not entries:
            return
        started = time.perf_counter()
        try:
            await self.log.append(entries)
        except LogUnavailable as error:
            if self.metrics.ready["log"]:  # once, not for every beacon
                logger.warning("the log cannot take events", extra={"error": str(error)})
            self.metrics.ready["log"] = False
            raise ServiceUnavailable(
                "the event log cannot take events now: send the same beacon again later", retry_after=error.retry_after
            ) from error
        self.metrics.ready["log"] = True
        self.metrics.observe_append(time.perf_counter() - started)


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


def _answer(intake: Intake) -> bytes:
    if not intake.rejects:
        return b'{"success":true,"accepted":%d,"rejected":[]}' % intake.accepted
    rejected = [
        {
            "index": reject.index,
            "messageId": reject.message_id,
            "code": reject.reason,
            "message": reject.message if number < MAX_MESSAGES else "",
        }
        for number, reject in enumerate(intake.rejects)
    ]
    if not intake.accepted:
        raise BadRequest(f"no event is usable: {intake.rejects[0].message}", code="no_usable_event", rejected=rejected)
    return orjson.dumps({"success": True, "accepted": intake.accepted, "rejected": rejected})
