"""Random histories with merges and undos: in any order, with repeats, crashes and two workers they read the same: as a
plain model says."""

import random
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from ask0.consumers.tables.snapshots import rebuild
from ask0.eventlog.log import Chunk
from ask0.schemas.conversations import QUESTION
from ask0.schemas.ids import guest_id
from ask0.schemas.records import decode
from ask0.schemas.user_changes import CHANGE
from ask0.schemas.user_merges import MERGED, merge_of
from ask0.warehouse.connect import Warehouse
from tests.consumers.beacons import chunk, cut, event, history, merge, record, store, tables
from tests.consumers.tables.test_rounds import Crash, Crashing
from tests.thoroughness import SEEDS

pytestmark = pytest.mark.apart

AT = 7  # the partition of all merges
USERS = 12  # of beacons.history: u0 …


def merges_of(seed: int, number: int, project: str) -> list[bytes]:
    """As gateways that have read too little would send them: many do not fit."""
    chance = random.Random(f"merges {seed}")
    merged: list[tuple[str, str]] = []
    records = []
    for place in range(number):
        if merged and chance.random() < 0.35:
            pair = chance.choice(merged)
            said = merge(*pair, id=f"merge-{seed}-{place}", undo=True)
        else:
            pair = f"u{chance.randrange(USERS)}", f"u{chance.randrange(USERS)}"
            merged.append(pair)
            said = merge(*pair, id=f"merge-{seed}-{place}")
        records.append(record(said, project=project))
    return records


def in_rounds(
    records: Sequence[bytes], merges: Sequence[bytes], chance: random.Random, log: str
) -> Iterable[list[Chunk]]:
    """The merges in their order, as they share a partition; each anywhere among the rest."""
    done = 0
    for chunks in cut(records, chance, log=log):
        size = chance.randrange(4)
        if some := merges[done : done + size]:
            chunks.append(chunk(*some, lo=done, partition=AT, log=log))
            done += len(some)
        yield chunks
    if rest := merges[done:]:
        yield [chunk(*rest, lo=done, partition=AT, log=log)]


class Model:
    """Who is who, and what is whose, from all that was ever said: no order but that of the merges."""

    def __init__(self, records: Iterable[bytes], merges: Iterable[bytes]) -> None:
        self.into: dict[str, str] = {}
        for value in merges:
            self._merge(*decode(value).events)
        self.events = {e.message_id: (r.received_at, e) for r in map(decode, records) for e in r.events}
        self.links: dict[str, tuple[int, str]] = {}
        for received_at, e in self.events.values():
            for sent in (e.anonymous_id, e.previous_id):
                if e.user_id and sent and e.type != CHANGE:
                    link = received_at, e.user_id
                    self.links[guest_id(sent)] = min(link, self.links.get(guest_id(sent), link))

    def _merge(self, said: Any) -> None:
        pair = merge_of(said)
        assert pair
        if said.event == MERGED:
            if pair.from_id not in self.into and self.root(pair.into) != pair.from_id:
                self.into[pair.from_id] = pair.into
        elif self.into.get(pair.from_id) == pair.into:
            del self.into[pair.from_id]

    def root(self, user: str) -> str:
        while user in self.into:
            user = self.into[user]
        return user

    def owner(self, said: Any) -> str:
        guest = guest_id(said.anonymous_id)
        return self.root(said.user_id or self.links.get(guest, (0, guest))[1])

    def read(self) -> dict[str, Any]:
        owners: dict[str, str] = {}
        questions: dict[str, set[str]] = defaultdict(set)
        guests: dict[str, set[str]] = defaultdict(set)
        for id, (_, said) in self.events.items():
            owner = self.owner(said)
            guests[owner] |= {sent for sent in (said.anonymous_id, said.user_id and said.previous_id) if sent}
            questions[owner] |= {id} if said.event == QUESTION else set()
            if said.type != CHANGE:
                owners[id] = owner
        merged = {owner: sorted(user for user in self.users() if self.root(user) == owner != user) for owner in guests}
        people = {owner: (len(questions[owner]), sorted(guests[owner]), merged[owner]) for owner in guests}
        return {"events": owners, "users": people}

    def users(self) -> set[str]:
        return {said.user_id for _, said in self.events.values() if said.user_id}


def read(warehouse: Warehouse, project: str) -> dict[str, Any]:
    bound = {"project": project}
    events = warehouse.query("SELECT message_id, user_id FROM events WHERE project_id = {project:String}", bound)
    columns = "id, questions, anonymous_ids, merged_ids"
    users = warehouse.query(f"SELECT {columns} FROM users WHERE project_id = {{project:String}}", bound)
    return {"events": dict(events), "users": {id: (asked, guests, merged) for id, asked, guests, merged in users}}


@pytest.mark.parametrize("seed", SEEDS)
def test_any_order_and_repetition_reads_the_same_and_as_the_model_says(embedded: Warehouse, seed: int) -> None:
    chance = random.Random(seed)
    reads = []
    for attempt in range(3):
        project = f"p{attempt}"
        records, merges = history(seed, 60, project), merges_of(seed, 25, project)
        expected = Model(records, merges)
        if attempt:
            records += chance.sample(records, 20)
            chance.shuffle(records)
        for chunks in in_rounds(records, merges, chance, project):
            store(embedded, *chunks)
            while chance.random() < 0.2:
                store(embedded, *(chunk_again(one) for one in chunks))
        assert read(embedded, project) == expected.read()
        reads.append(tables(embedded, project))
    assert expected.into
    for other in reads[1:]:
        assert [table for table in other if other[table] != reads[0][table]] == []
    embedded.command("TRUNCATE TABLE user_rows")
    embedded.command("TRUNCATE TABLE conversation_rows")
    rebuild(embedded)
    assert tables(embedded, "p0") == reads[0]


def chunk_again(one: Chunk) -> Chunk:
    return Chunk(one.log_id, one.partition, one.lo, one.hi, one.records, repeated=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_with_all_merges_undone_it_is_as_if_there_had_been_none(embedded: Warehouse, seed: int) -> None:
    chance = random.Random(seed)
    for project, number in (("never", 0), ("undone", 25)):
        records, merges = history(seed, 60, project), merges_of(seed, number, project)
        standing = Model(records, merges).into
        merges += [record(merge(*pair, undo=True), project=project) for pair in standing.items()]
        for chunks in in_rounds(records, merges, chance, project):
            store(embedded, *chunks)
    never, undone = (tables(embedded, project) for project in ("never", "undone"))
    own = [row for row in undone["changes"] if "merge" not in str(row)]
    assert len(own) < len(undone["changes"])
    for apart in (never, undone):
        del apart["changes"], apart["quarantine"]
    assert undone == never


@pytest.mark.parametrize("seed", SEEDS)
def test_two_workers_at_once_come_to_what_the_model_says(embedded: Warehouse, seed: int) -> None:
    """One has the merges and some of the events, the other the rest."""
    project = f"two-{seed}"
    records, merges = history(seed, 60, project), merges_of(seed, 25, project)
    failures: list[BaseException] = []

    def work(chance: random.Random, own: Sequence[bytes], merges: Sequence[bytes], first: int) -> None:
        try:
            for chunks in in_rounds(own, merges, chance, project):
                moved = [
                    one if one.partition == AT else chunk(*(value for _, value in one.records), **place(one, first))
                    for one in chunks
                ]
                store(embedded, *moved)
        except BaseException as error:
            failures.append(error)

    def place(one: Chunk, first: int) -> dict[str, Any]:
        return {"lo": one.lo, "partition": first + one.partition, "log": project}

    threads = [
        threading.Thread(target=work, args=(random.Random(seed), records[::2], merges, 0)),
        threading.Thread(target=work, args=(random.Random(seed + 100), records[1::2], [], 10)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert read(embedded, project) == Model(records, merges).read()


@pytest.mark.parametrize("answered", [False, True], ids=["before a write", "after a write"])
def test_a_crash_between_any_two_steps_of_a_merge_leaves_the_tables_exact(
    embedded: Warehouse, embedded_dsn: str, answered: bool
) -> None:
    def rounds(project: str) -> list[list[bytes]]:
        """People who talk; a merge, while a guest becomes one of them; its undo beside another one."""

        def ask(id: str, **ids: str) -> bytes:
            talk = {"conversationId": f"of-{id}", "text": "How?"}
            return record(event(messageId=id, event=QUESTION, properties=talk, **ids), project=project)

        def log_in(guest: str, user: str) -> bytes:
            said = event(messageId=f"{guest}-{user}", type="identify", traits={"n": 1}, anonymousId=guest, userId=user)
            return record(said, project=project)

        def joined(*pair: str, undo: bool = False) -> bytes:
            return record(merge(*pair, id=f"{pair}{undo}", undo=undo), project=project)

        first = [ask(id, userId=id) for id in ("ada", "ben", "eve")] + [ask("guest", anonymousId="g1")]
        return [
            [*first, joined("eve", "ben")],
            [ask("later", userId="ada"), log_in("g1", "ada"), ask("other", userId="eve")]
            + [joined("ada", "ben"), joined("ben", "ada"), joined("eve", "ben", undo=True)],
            [ask("last", anonymousId="g1"), joined("eve", "ada")],
        ]

    def chunks(project: str, number: int, *, repeated: bool = False) -> list[Chunk]:
        records, lo = rounds(project)[number], 10 * number
        merged = [value for value in records if b"user.merged" in value or b"user.unmerged" in value]
        others = [value for value in records if value not in merged]
        return [
            chunk(*others, lo=lo, log=project, repeated=repeated),
            chunk(*merged, lo=lo, partition=AT, log=project, repeated=repeated),
        ]

    with Crashing(embedded_dsn) as crashing:
        store(crashing, *chunks("whole", 0))
        crashing.at = 0
        store(crashing, *chunks("whole", 1))
        writes = -crashing.at
        assert writes > 15
        points = range(1 + answered, writes + 1, 3)  # each takes seconds
        crashes = {point: f"crash-{point}" for point in points}
        store(embedded, *(part for project in crashes.values() for part in chunks(project, 0)))
        for point, project in crashes.items():
            crashing.at, crashing.answered, crashing.dead = point, answered, False
            with pytest.raises(Crash):
                store(crashing, *chunks(project, 1))
            repeated = chunks(project, 1, repeated=True)
            if point % 2:
                store(embedded, *repeated)
            else:  # by two workers, after a rebalance
                store(embedded, repeated[1])
                store(embedded, repeated[0])
    store(embedded, *(part for project in ("whole", *crashes.values()) for part in chunks(project, 2)))
    expected = tables(embedded, "whole")
    owners = embedded.query("SELECT id, user_id FROM conversations WHERE project_id = 'whole' ORDER BY id")
    assert [owner for _, owner in owners] == ["ben"] * 7
    assert len(expected["quarantine"]) == 1
    for point, project in crashes.items():
        read = tables(embedded, project)
        different = [table for table in expected if read[table] != expected[table]]
        assert not different, f"after a crash at write {point}"
