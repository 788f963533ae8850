"""Where the chains of the audit log end, signed once a day, so that nobody can cut the newest rows off unseen.

The heads lie in ClickHouse beside the chains. What they come to, with a signature, is a document on the control stream:
whoever can write to ClickHouse alone can change neither, and heads are only signed while those before still stand.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

from ask0.catalog.documents import write_document
from ask0.catalog.replica import Replica
from ask0.catalog.rule import State
from ask0.catalog.sealing import Seal
from ask0.schemas.changes import name_of
from ask0.warehouse.audit_check import Chain, Mark
from ask0.warehouse.connect import Warehouse

KIND: Final = "audit_heads"
LATEST: Final = "latest"
HEAD: Final = "head"
START: Final = "start"

NEWEST = """
SELECT project_id, stream, log, partition, max(seq) AS newest, argMax(digest, seq) FROM audit WHERE seq > 0
GROUP BY project_id, stream, log, partition
"""
SIGNED = """
SELECT project_id, stream, log, partition, seq, digest, toUnixTimestamp64Milli(at), signature FROM audit_heads FINAL
WHERE kind = {kind:String} AND (toUnixTimestamp64Milli(at) = {at:Int64} OR {at:Int64} = 0)
ORDER BY project_id, stream, log, partition, seq
"""
STANDING = """
SELECT DISTINCT project_id, stream, log, partition, seq, digest FROM audit
WHERE (project_id, stream, log, partition, seq) IN (
    SELECT project_id, stream, log, partition, seq FROM audit_heads
    WHERE kind = 'head' AND toUnixTimestamp64Milli(at) = {at:Int64}
)
"""
OLD = """
SELECT stream, log, partition, if(countIf(toUnixTimestamp64Milli(at) >= {before:Int64}) > 0,
       minIf(seq, toUnixTimestamp64Milli(at) >= {before:Int64}), max(seq)) - 1 AS gone
FROM audit WHERE project_id = {project:String} AND seq > 0 GROUP BY stream, log, partition HAVING gone > 0
"""


class Signed(msgspec.Struct, frozen=True):
    """All heads of one time."""

    at: int  # epoch ms
    chains: int
    digest: str
    signature: str


class Head(NamedTuple):
    chain: Chain
    mark: Mark
    at: int
    signature: str


class Tampered(Exception):
    """Rows that were signed are not there any more."""


def latest(state: State) -> Signed | None:
    stored = state.documents.get(KIND, {}).get(LATEST)
    return msgspec.json.decode(stored.body, type=Signed) if stored else None


def oldest_unsigned(warehouse: Warehouse) -> int | None:
    """When the first chain began, epoch ms; None while there is none."""
    ((rows, at),) = warehouse.query("SELECT count(), toUnixTimestamp64Milli(min(at)) FROM audit WHERE seq > 0")
    return int(at) if rows else None


def make_heads(warehouse: Warehouse, seal: Seal, before: Signed | None, now: int) -> Signed:
    """Signs where the chains end now. Raises Tampered, with nothing signed, and CatalogError without a key."""
    if before and (lost := lost_heads(warehouse, read_heads(warehouse, before.at), read_starts(warehouse), before)):
        raise Tampered(lost)
    heads = [
        Head(chain, mark, now, seal.sign(_text(HEAD, chain, mark, now)))
        for *where, seq, digest in warehouse.query(NEWEST)
        for chain, mark in [(Chain(*where), Mark(seq, digest))]
    ]
    if heads:
        _store(warehouse, HEAD, heads)
    digest = digest_of(heads)
    return Signed(now, len(heads), digest, seal.sign(_whole(now, len(heads), digest)))


async def keep(replica: Replica, signed: Signed) -> None:
    """Raises MovedOn if somebody else was first, and what `Replica.write` raises."""
    name = name_of(KIND, LATEST)
    await write_document(
        replica,
        KIND,
        LATEST,
        signed,
        project_id="",
        action="audit.signed",
        actor="ask0",
        request="",
        id=f"signed_{signed.at}_{signed.digest[:16]}",
        expects={name: replica.state.versions.get(name, 0)},
    )


def read_heads(warehouse: Warehouse, at: int) -> list[Head]:
    return _read(warehouse, HEAD, at)


def read_starts(warehouse: Warehouse) -> list[Head]:
    """Every one: the last of a chain counts."""
    return _read(warehouse, START, 0)


def lost_heads(warehouse: Warehouse, heads: Sequence[Head], starts: Iterable[Head], signed: Signed) -> str:
    """What is not as it was signed; empty if all of it is."""
    if (len(heads), digest_of(heads)) != (signed.chains, signed.digest):
        return "the table audit_heads has not the heads that were signed last"
    gone = {start.chain: start.mark.seq for start in starts}
    there = {(Chain(*where), Mark(seq, digest)) for *where, seq, digest in warehouse.query(STANDING, {"at": signed.at})}
    lost = [head for head in heads if (head.chain, head.mark) not in there]
    lost = [head for head in lost if gone.get(head.chain, 0) < head.mark.seq]
    return f"{len(lost)} chains do not hold the row that was signed, the first {lost[0].chain}" if lost else ""


def wrong_signatures(seal: Seal, heads: Sequence[Head], starts: Sequence[Head], signed: Signed | None) -> list[str]:
    """What is signed by nobody who has the key. Raises CatalogError without a key."""
    wrong = [
        f"the {kind} of {head.chain} at {head.mark.seq} has no good signature"
        for kind, some in ((HEAD, heads), (START, starts))
        for head in some
        if not seal.has_signed(_text(kind, head.chain, head.mark, head.at), head.signature)
    ]
    if signed and not seal.has_signed(_whole(signed.at, signed.chains, signed.digest), signed.signature):
        wrong.append("the document of all heads has no good signature")
    return wrong


def forget_before(warehouse: Warehouse, seal: Seal, project_id: str, before: int, now: int) -> None:
    """Takes a project's entries of before a time (epoch ms) away, and notes where its chains begin now. Of a chain that
    ended before it the last row stays, as the next one is chained to it. Raises CatalogError without a key."""
    bound: dict[str, Any] = {"project": project_id, "before": before}
    for stream, log, partition, seq in warehouse.query(OLD, bound):
        chain = Chain(project_id, stream, log, partition)
        of_chain = {"project": project_id, "stream": stream, "log": log, "partition": partition, "seq": seq}
        where = "project_id = {project:String} AND stream = {stream:String} AND log = {log:String}"
        where += " AND partition = {partition:UInt16}"
        last = warehouse.query(f"SELECT digest FROM audit WHERE {where} AND seq = {{seq:UInt64}} LIMIT 1", of_chain)
        if not last:  # it was taken away before
            continue
        mark = Mark(seq, last[0][0])
        _store(warehouse, START, [Head(chain, mark, now, seal.sign(_text(START, chain, mark, now)))])
        gone = "DELETE WHERE " + where + " AND seq > 0 AND seq <= {seq:UInt64}"
        warehouse.command(f"ALTER TABLE audit {gone}", of_chain, {"mutations_sync": 1})
    old = "DELETE WHERE project_id = {project:String} AND seq = 0 AND toUnixTimestamp64Milli(at) < {before:Int64}"
    warehouse.command(f"ALTER TABLE audit {old}", bound, {"mutations_sync": 1})


def digest_of(heads: Iterable[Head]) -> str:
    made = blake2b(digest_size=32)
    for head in sorted(heads):
        made.update(msgspec.json.encode((head.chain, head.mark, head.at)))
    return made.hexdigest()


def _read(warehouse: Warehouse, kind: str, at: int) -> list[Head]:
    rows = warehouse.query(SIGNED, {"kind": kind, "at": at})
    return [
        Head(Chain(project_id, stream, log, partition), Mark(seq, digest), when, signature)
        for project_id, stream, log, partition, seq, digest, when, signature in rows
    ]


def _store(warehouse: Warehouse, kind: str, heads: Sequence[Head]) -> None:
    columns: dict[str, list[Any]] = {
        name: [getattr(head.chain, name) for head in heads] for name in ("project_id", "stream", "log", "partition")
    }
    columns |= {
        "kind": [kind] * len(heads),
        "seq": [head.mark.seq for head in heads],
        "digest": [head.mark.digest for head in heads],
        "at": [head.at for head in heads],
        "signature": [head.signature for head in heads],
    }
    warehouse.insert("audit_heads", columns, token=f"audit_heads:{digest_of(heads)}:{kind}:{heads[0].at}")


def _text(kind: str, chain: Chain, mark: Mark, at: int) -> str:
    return msgspec.json.encode((kind, chain, mark, at)).decode()


def _whole(at: int, chains: int, digest: str) -> str:
    return msgspec.json.encode(("heads", at, chains, digest)).decode()
