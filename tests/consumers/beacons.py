"""Records and chunks to fold, and what the tables then say."""

import json
import random
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from typing import Any

import msgspec

from ask0.consumers.folds.events import Fit
from ask0.consumers.folds.json_columns import fit
from ask0.consumers.tables.rounds import Applied, Limits, apply
from ask0.eventlog.log import Chunk
from ask0.schemas.events import Event, parse_event
from ask0.schemas.records import Record, encode
from ask0.schemas.user_changes import CHANGE, Origin, UserChange
from ask0.schemas.user_changes import encode as encode_part
from ask0.schemas.user_merges import MERGED, UNMERGED, UserMerge
from ask0.warehouse.connect import Warehouse

NOW = time.time_ns() // 1_000_000  # recent, as ids older than 35 days are forgotten
_ids = count()


def event(**wire: Any) -> Event:
    """A wire event as the gateway reads it, a minute old."""
    return parse_event(
        {"timestamp": NOW - 60_000, **wire}, kind=None, received_at=NOW, new_id=lambda: f"made-{next(_ids)}"
    )


def record(
    *events: Event, project: str = "p", received_at: int = NOW, sent_at: int | None = None, gpc: bool = False
) -> bytes:
    return encode(Record(project_id=project, received_at=received_at, sent_at=sent_at, events=events, gpc=gpc))


def chunk(*records: bytes, lo: int = 0, partition: int = 0, log: str = "log", repeated: bool = False) -> Chunk:
    numbered = list(enumerate(records, start=lo))
    return Chunk(log, partition, lo, lo + len(records), numbered, repeated)


def fit_all(project_id: str) -> Fit:
    """For a project that may use any names."""
    return lambda column, raw: fit(raw)


def untimed(step: str) -> AbstractContextManager[object]:
    return nullcontext()


def store(warehouse: Warehouse, *chunks: Chunk) -> Applied:
    """One round."""
    return apply(warehouse, chunks, Limits(), untimed)


def tables(warehouse: Warehouse, project: str = "p") -> dict[str, list[Any]]:
    """Everything people can read of a project, without the places on the log and in a stable order."""
    selects = {
        "events": "SELECT * EXCEPT (project_id, _log, _partition, _off, _idx) FROM events",
        "users": "SELECT * EXCEPT project_id FROM users",
        "guests": "SELECT id, merged_into FROM user_rows FINAL",
        "conversations": "SELECT * EXCEPT project_id FROM conversations",
        "identities": "SELECT * EXCEPT project_id FROM identities",
        "changes": "SELECT * EXCEPT (project_id, _log, _partition, _off, _idx) FROM user_changes FINAL",
        "quarantine": "SELECT reason, message_id, raw FROM quarantine",
    }
    return {
        name: sorted(
            json.loads(line) for line in _lines(warehouse, f"{select} WHERE project_id = {{project:String}}", project)
        )
        for name, select in selects.items()
    }


def _lines(warehouse: Warehouse, sql: str, project: str) -> list[str]:
    rows = warehouse.raw(sql, "JSONEachRow", {"project": project}).decode().splitlines()
    return [json.dumps(list(json.loads(row).items()), sort_keys=True) for row in rows]


def history(seed: int, beacons: int, project: str = "p") -> list[bytes]:
    """Records of a few people who share devices, log in, ask, rate, and carry each other's ids."""
    chance = random.Random(seed)
    return [
        record(
            *(_something(chance, f"{seed}-{number}-{index}") for index in range(chance.randint(1, 4))),
            project=project,
            received_at=NOW + number * 1000,
            sent_at=NOW + number * 1000 - chance.choice((100, 100, 3_600_000)),
            gpc=chance.random() < 0.05,
        )
        for number in range(beacons)
    ]


def change(
    user_id: str, *, id: str = "", at: int = NOW, traits: Any = None, tags: Any = None, consent: Any = None
) -> Event:
    """A change of a user, as the API puts it on the log."""
    said = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in (traits or {}).items()}
    return Event(
        type=CHANGE,
        message_id=id or f"change-{next(_ids)}",
        timestamp=at,
        event="user.updated",
        user_id=user_id,
        properties=encode_part(UserChange(traits=said, tags=tags or {}, consent=consent or {})),
        context=encode_part(Origin(actor="key", request="request-1", digest="d")),
    )


def merge(from_id: str, into: str, *, id: str = "", at: int = NOW, undo: bool = False) -> Event:
    """Two users become one, or two again, as the API puts it on the log."""
    return Event(
        type=CHANGE,
        message_id=id or f"merge-{next(_ids)}",
        timestamp=at,
        event=UNMERGED if undo else MERGED,
        properties=encode_part(UserMerge(from_id, into)),
        context=encode_part(Origin(actor="key", request="request-1", digest="d")),
    )


def _something(chance: random.Random, message_id: str) -> Event:
    # So many that most appear only a few times: what one round leaves stale, no later one heals.
    ids: dict[str, str] = {"anonymousId": chance.choice(("a", "a", "g-a")) + str(chance.randrange(25))}
    if chance.random() < 0.3:
        ids["userId"] = f"u{chance.randrange(12)}"
    if chance.random() < 0.2:
        ids.pop("anonymousId" if "userId" in ids else "nothing", None)
    own = (
        "c0" if "userId" in ids else f"of-{ids['anonymousId']}-{chance.randrange(3)}"
    )  # one that only its guest takes part in
    talk: dict[str, Any] = {"conversationId": chance.choice((f"c{chance.randrange(9)}", own, own))}
    kinds: tuple[dict[str, Any], ...] = (
        {"type": "page", "name": "Home"},
        {"type": "identify", "traits": {chance.choice(("plan", "a.b", "email")): chance.choice((1, "x", None, [2]))}},
        {"type": "identify", "traits": {"emailVerified": chance.random() < 0.5}},
        {"event": "Survey Answered", "properties": {"nps": chance.choice((0, 7.0, 10, 11, "9", None))}},
        {"type": "alias", "previousId": f"a{chance.randrange(25)}"},
        {"event": "Conversation Started", "properties": {**talk, "title": chance.choice(("A", "B")), "channel": "web"}},
        {"event": "Question Asked", "properties": {**talk, "text": message_id, "topic": chance.choice("xyz")}},
        {"event": "Answer Given", "properties": {**talk, "answered": chance.choice((True, False))}},
        {"event": "Feedback Given", "properties": {**talk, "rating": chance.random()}},
        {"event": "Conversation Closed", "properties": {**talk, "status": chance.choice(("resolved", "noted", "?"))}},
        {"event": "Site's own", "properties": {**talk, "n": 1}},
    )
    # Few different times, so that some writes are equally late.
    when = NOW - chance.choice((1, 2, 3, 4, 5)) * 100_000
    if "userId" in ids and chance.random() < 0.2:
        return change(
            ids["userId"],
            id=message_id,
            at=when,
            traits={chance.choice(("plan", "a.b", "emailVerified")): chance.choice((True, "x", None))},
            tags={chance.choice(("vip", "new")): chance.random() < 0.6},
            consent={"marketing": chance.choice(("granted", "denied", "?"))},
        )
    context: dict[str, Any] = {}
    if chance.random() < 0.2:
        states = [chance.choice(("granted", "pending", "denied", "?")) for _ in range(2)]
        context = {"consent": {"marketing": states[0], "categoryPreferences": {"Chat": states[1] == "granted"}}}
    return event(**ids, messageId=message_id, timestamp=when, context=context, **chance.choice(kinds))


def cut(records: Sequence[bytes], chance: random.Random, log: str = "log") -> Iterable[list[Chunk]]:
    """Rounds: the records in order, in chunks of any length, from up to three partitions at once."""
    rest = list(records)
    ends = dict.fromkeys(range(3), 0)
    while rest:
        chunks = []
        for partition in chance.sample(range(3), chance.randint(1, 3)):
            taken, rest = rest[: (size := chance.randint(1, 12))], rest[size:]
            if taken:
                chunks.append(chunk(*taken, lo=ends[partition], partition=partition, log=log))
                ends[partition] += len(taken)
        yield chunks
