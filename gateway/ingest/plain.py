"""The short way of a beacon of plain events: from its bytes to its entries for the log, without a look at each event's
JSON. Whatever is not plain goes the long way, which endpoint.py describes."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from random import getrandbits

from starlette.types import Scope

from ask0.catalog.cache import CatalogCache
from ask0.eventlog.log import Entry
from ask0.gateway.addresses import Addresses
from ask0.gateway.ingest.budgets import Budgets
from ask0.gateway.ingest.intake import MAX_RECORD_BYTES, Taken, stamp
from ask0.gateway.ingest.trust import Trust
from ask0.schemas import records
from ask0.schemas.ids import uuid7
from ask0.schemas.plain import PlainBeacon, read_plain, write_key_of
from ask0.schemas.records import Record


@dataclass(frozen=True)
class PlainIntake:
    catalog: CatalogCache
    budgets: Budgets
    addresses: Addresses
    partitioned: bool
    trust: Trust

    def take(
        self, body: bytes, kind: str | None, key: str | None, scope: Scope, headers: Mapping[bytes, bytes]
    ) -> Taken | None:
        """`body` as it came, uncompressed; `key` stood outside of it. None if it has to go the long way. Raises
        QuotaExceeded."""
        if key is None:
            key = write_key_of(body)
        project = self.catalog.projects.get(key)
        if project is None or project in self.catalog.verifiers:
            return None
        self.budgets.check(project)
        received_at = time.time_ns() // 1_000_000
        beacon = read_plain(body, kind, key, received_at, _new_id, self.trust.names(project))
        if beacon is None:
            return None
        record = stamp(project, received_at, beacon.sent_at, self.addresses.kept(scope, headers), headers)
        entries = _entries_by_user(record, beacon) if self.partitioned else _entries(record, beacon)
        if any(len(entry.value) > MAX_RECORD_BYTES for entry in entries):
            return None
        count = len(beacon.events)
        self.budgets.charge(project, count, len(body))
        return Taken(count, entries)


def _entries(record: Record, beacon: PlainBeacon) -> list[Entry]:
    (value,) = records.put_around(record, [beacon.events])
    return [Entry(b"", value, len(beacon.events))]


def _entries_by_user(record: Record, beacon: PlainBeacon) -> list[Entry]:
    groups: dict[bytes, list[bytes]] = {}
    for user, event in zip(beacon.users, beacon.events, strict=True):
        groups.setdefault(records.key_of(record.project_id, user), []).append(event)
    values = records.put_around(record, groups.values())
    return [Entry(key, value, len(groups[key])) for key, value in zip(groups, values, strict=True)]


def _new_id(received_at: int) -> str:
    return uuid7(received_at, getrandbits(74))
