"""The events of one beacon on their way to the log: accepted into a record of their user, or rejected with a reason."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from ask0.eventlog.log import Entry
from ask0.gateway.bodies import json_text
from ask0.schemas import records
from ask0.schemas.events import MASK, MAX_ID_CHARS, TOKEN, Event
from ask0.schemas.reasons import InvalidEvent
from ask0.schemas.records import Record, Reject

MAX_RECORD_BYTES = 900_000  # Kafka takes 1 MiB by default
MAX_RAW_CHARACTERS = 65_536  # of a rejected event; an acceptable one is half as long
MAX_KEPT_REJECTS = 100  # of one beacon
REJECTS_PER_MINUTE = 600  # of one project that are kept, as many of them at once …
REJECT_BYTES_PER_MINUTE = 600_000  # … and what they take
MAX_USER_AGENT_CHARACTERS = 512
MASKED_LEVELS = 4  # of a rejected event: event, context or traits, customAttributes, one to spare


class Taken(NamedTuple):
    """What a beacon comes to: entries to append, and what its answer says once they are durable."""

    accepted: int
    entries: Sequence[Entry]
    rejects: Sequence[Reject] = ()
    not_kept: int = 0  # rejects that the quarantine has no room for


def stamp(project_id: str, received_at: int, sent_at: int | None, ip: str, headers: Mapping[bytes, bytes]) -> Record:
    """What all events of a beacon share. Times are epoch ms, `ip` is cut by the policy already."""
    return Record(
        project_id=project_id,
        received_at=received_at,
        sent_at=sent_at,
        ip=ip,
        user_agent=headers.get(b"user-agent", b"")[:MAX_USER_AGENT_CHARACTERS].decode("latin-1"),
        gpc=headers.get(b"sec-gpc") == b"1",
    )


class KeptRejects:
    """How many rejects of each known project go into the quarantine: a bucket of rows and one of bytes, for a minute.
    Beyond them a reject is named in the answer, counted, and not kept."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: dict[str, tuple[float, float, float]] = {}  # project → (rows, bytes, at)

    def take(self, project_id: str, size: int) -> bool:
        """Whether there is room for one more, of so many bytes."""
        now = self._clock()
        rows, free, then = self._left.get(project_id, (REJECTS_PER_MINUTE, REJECT_BYTES_PER_MINUTE, now))
        minutes = (now - then) / 60
        rows = min(REJECTS_PER_MINUTE, rows + minutes * REJECTS_PER_MINUTE)
        free = min(REJECT_BYTES_PER_MINUTE, free + minutes * REJECT_BYTES_PER_MINUTE)
        kept = rows >= 1 and free > 0
        self._left[project_id] = (rows - 1, free - size, now) if kept else (rows, free, now)
        return kept


class Intake:
    """`partitioned` says whether the log keeps users apart; one that does not gets fewer and longer records."""

    def __init__(self, *, partitioned: bool, kept: KeptRejects | None = None) -> None:
        self.accepted = 0
        self.not_kept = 0  # rejects that the quarantine has no room for
        self._kept = kept or KeptRejects()
        self._partitioned = partitioned
        self.rejects: list[Reject] = []
        self._events: dict[str, dict[bytes, list[Event]]] = {}  # project → partition key → events
        self._rejected: Counter[str] = Counter()  # by project
        self._rejects: dict[str, list[Reject]] = {}  # project → what it keeps in quarantine

    def accept(self, project_id: str, event: Event) -> None:
        users = self._events.get(project_id)
        if users is None:
            users = self._events[project_id] = {}
        key = records.partition_key(project_id, event) if self._partitioned else b""
        events = users.get(key)
        if events is None:
            users[key] = [event]
        else:
            events.append(event)
        self.accepted += 1

    def reject(self, project_id: str | None, index: int, raw: Any, why: InvalidEvent) -> None:
        """Without a project there is no quarantine to keep it in: then only the answer tells."""
        message_id = raw.get("messageId") if type(raw) is dict else None
        reject = Reject(
            reason=why.reason,
            message=why.message,
            index=index,
            message_id=_clean(message_id) if type(message_id) is str else "",
            raw="",
        )
        self.rejects.append(reject)
        if project_id is None:
            return
        self._rejected[project_id] += 1
        if self._rejected.total() > MAX_KEPT_REJECTS:
            self.not_kept += 1
            return
        text = json_text(_masked(raw, MASKED_LEVELS))[:MAX_RAW_CHARACTERS]
        if self._kept.take(project_id, len(text.encode())):
            self._rejects.setdefault(project_id, []).append(replace(reject, raw=text))
        else:
            self.not_kept += 1

    @property
    def has_project(self) -> bool:
        """Whether any event was one of a known project."""
        return bool(self.accepted or self._rejected)

    @property
    def counts(self) -> dict[str, int]:
        """Events and rejects by project, for the quotas."""
        counts = Counter({project_id: sum(map(len, users.values())) for project_id, users in self._events.items()})
        return counts + self._rejected

    def take_entries(self, record: Record) -> list[Entry]:
        """One record for each project and user, or for each project where users are not kept apart, and one for each
        project's rejects; `record` is what they share. What they hold is forgotten here."""
        entries: list[Entry] = []
        for project_id, users in self._events.items():
            if project_id != record.project_id:
                record = replace(record, project_id=project_id)
            for key, value in zip(users, records.encode_each(record, users.values()), strict=True):
                if len(value) <= MAX_RECORD_BYTES:
                    entries.append(Entry(key, value, len(users[key])))
                else:
                    entries += _split(key, replace(record, events=tuple(users[key])))
        for project_id, rejects in self._rejects.items():
            entries += _split(project_id.encode(), replace(record, project_id=project_id, rejects=tuple(rejects)))
        self._events.clear()
        self._rejects.clear()
        return entries


def _split(key: bytes, record: Record) -> Iterator[Entry]:
    """The record as one entry, or as several if one would be too large for the log."""
    value = records.encode(record)
    items = len(record.events) + len(record.rejects)
    if len(value) <= MAX_RECORD_BYTES or items == 1:
        yield Entry(key, value, items)
        return
    events, rejects = len(record.events) // 2, len(record.rejects) // 2
    yield from _split(key, replace(record, events=record.events[:events], rejects=record.rejects[:rejects]))
    yield from _split(key, replace(record, events=record.events[events:], rejects=record.rejects[rejects:]))


def _masked(value: Any, levels: int) -> Any:
    """Without what may open something: analysts read the quarantine. A write key is public, a secret key is not."""
    if type(value) is list and levels:
        return [_masked(item, levels - 1) for item in value]
    if type(value) is not dict or not levels:
        return value
    masked = {key: _masked(item, levels - 1) for key, item in value.items()}
    if TOKEN in value:
        masked[TOKEN] = MASK
    if "writeKey" in value and not (type(key := value["writeKey"]) is str and key.startswith("wk_")):
        masked["writeKey"] = MASK
    return masked


def _clean(text: str) -> str:
    return text[:MAX_ID_CHARS].encode("utf-8", "replace").decode()
