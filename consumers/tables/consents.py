"""What a round may store of people who denied it: looked up before anything of the round is in the tables.

Few have ever denied what is in force, and only of them something is kept here: what stood before the chunk that changed
it, and after. That row goes in first. So a chunk that is applied again finds what stood before it, whatever has been
stored since; and what an earlier attempt did store is never taken for dropped.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ask0.consumers.folds.consents import (
    DENIED,
    SILENT,
    Choice,
    Judge,
    Owner,
    Place,
    denials,
    keepsake,
    whose,
    without_texts,
)
from ask0.consumers.folds.identities import Guest, Link
from ask0.consumers.folds.records import Placed
from ask0.consumers.tables.event_inserts import stored_places
from ask0.consumers.tables.families import Families, read_families, read_merging
from ask0.consumers.tables.pages import key_bytes, pages
from ask0.consumers.tables.round_keys import RoundKeys, among
from ask0.consumers.tables.snapshots import GUESTS
from ask0.eventlog.log import Chunk
from ask0.schemas.consent import IN_FORCE
from ask0.schemas.reasons import LeftOut
from ask0.warehouse.connect import Warehouse

# Of users and guests of a page's events, whose keys are there already.
OF_PAGE = """
SELECT DISTINCT project_id, id FROM consent_standing
WHERE project_id IN (SELECT project_id FROM round_keys WHERE round = {round:UInt64})
  AND id IN (SELECT key FROM round_keys WHERE round = {round:UInt64} AND kind IN ('user', 'guest'))
"""
PROJECTS = "SELECT DISTINCT project_id FROM consent_standing"
STANDING = f"""
SELECT project_id, id, category, _log, _partition, _off,
       toInt64(toUnixTimestamp64Milli(before_at)), before_state, toInt64(toUnixTimestamp64Milli(stands_at)), state
FROM consent_standing WHERE {among("project_id", "id", "owner")}
ORDER BY _off DESC LIMIT 1 BY project_id, id, category, _log, _partition
"""
SAID = f"""
SELECT project_id, user_id,
       arrayMap((category, said) -> (category, toInt64(toUnixTimestamp64Milli(said.1)), toUInt8(said.2)),
                mapKeys(maxMap(consent) AS all), mapValues(all))
FROM user_facts WHERE {among("project_id", "user_id", "owner")}
GROUP BY project_id, user_id
"""


@dataclass
class Allowed:
    """Of a round's events."""

    events: Sequence[Placed]  # those that may be stored, without texts where those may not
    kept: Sequence[Placed] = ()  # of those that are dropped, as changes: what they say of consent, and who is who
    dropped: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


class Standing(NamedTuple):
    """A row: what stood before the chunk at `off` of its partition, and after."""

    log_id: str
    partition: int
    off: int
    before: Choice
    after: Choice

    @property
    def denies(self) -> bool:
        return DENIED in (self.before[1], self.after[1])

    def is_of(self, chunk: Chunk) -> bool:
        return (self.log_id, self.partition, self.off) == (chunk.log_id, chunk.partition, chunk.lo)


@dataclass
class Known:
    """What the tables say of those who are involved."""

    standing: dict[Place, list[Standing]] = field(default_factory=dict)
    said: dict[Place, Choice] = field(default_factory=dict)  # among the facts, of all who are involved
    families: Mapping[Owner, Collection[Owner]] = field(default_factory=dict)  # of those who are merged
    events: Sequence[Placed] = ()  # those of them

    def start(self, chunk: Chunk) -> dict[Place, Choice]:
        """Before the chunk: what its own row says, else all that is known."""
        found = dict(self.said)
        for place in found:
            for row in self.standing.get(place, ()):
                if row.is_of(chunk):
                    found[place] = row.before
                    break
                found[place] = max(found[place], row.after)
        return found

    def is_marked(self, place: Place) -> bool:
        """Whether it is found again as one that was denied."""
        return any(row.denies for row in self.standing.get(place, ()))


def read_restricted(warehouse: Warehouse, keys: RoundKeys) -> set[Owner]:
    """Who has ever denied anything, of the users and guests of one page. The caller checks the keys."""
    return {(project_id, id) for project_id, id in warehouse.query(OF_PAGE, {"round": keys.round})}


def allow(
    warehouse: Warehouse,
    token: str,
    events: Sequence[Placed],
    known: Mapping[Guest, Link],
    restricted: Collection[Owner],
    enforces: Callable[[str], bool],
) -> Allowed:
    """`events` are all of the round that are new, `restricted` is what `read_restricted` says of them."""
    looked_up = _look_up(warehouse, events, known, restricted)
    if looked_up is None:
        return Allowed(events)
    dropped: dict[int, Placed | None] = {}  # what is kept of them, by the identity of the event
    changed: dict[int, Placed] = {}
    for chunk, own in _by_chunk(looked_up.events):
        judge = Judge(looked_up.start(chunk), _links(chunk, own, known), looked_up.families, enforces)
        out: list[tuple[Placed, bool]] = []
        for placed in own:
            owner, links = judge.hears(placed)
            if owner is None:
                continue
            if judge.drops(placed, owner):
                out.append((placed, links))
            elif judge.silences(placed, owner):
                changed[id(placed)] = without_texts(placed)
        _record(warehouse, f"{token}:consent:{chunk.token}", chunk, judge, looked_up)
        stored = stored_places(warehouse, chunk, [placed for placed, _ in out]) if out and chunk.repeated else set()
        for placed, links in out:
            if (placed.offset, placed.index) not in stored:
                dropped[id(placed)] = keepsake(placed, links=links)
    return Allowed(
        [changed.get(id(placed), placed) for placed in events if id(placed) not in dropped],
        [kept for kept in dropped.values() if kept],
        len(dropped),
        Counter({LeftOut.TEXT_DENIED: len(changed)}),
    )


def _look_up(
    warehouse: Warehouse,
    events: Sequence[Placed],
    known: Mapping[Guest, Link],
    restricted: Collection[Owner],
) -> Known | None:
    """None where nobody has ever denied anything."""
    links = {guest: link[1] for guest, link in known.items()}
    deniers = _deniers(events, links)
    projects = {project_id for (project_id,) in warehouse.query(PROJECTS)} | {owner[0] for owner, _ in deniers}
    events = [placed for placed in events if placed.record.project_id in projects]
    if not events:
        return None
    named = {(p.record.project_id, p.user_id) for p in events if p.user_id}  # whose keys the page had
    users = {(guest[0], user) for guest, user in links.items() if guest[0] in projects} - named
    families = _read_families(warehouse, events, users | named)
    asked = {*restricted, *users, *(owner for owner, _ in deniers)}.union(*families.values())
    standing = _read_standing(warehouse, asked) if asked else {}
    denied = {place for place, rows in standing.items() if any(row.denies for row in rows)}
    denied |= {(owner, category) for owner, category in deniers}
    if not denied:
        return None
    people = [_people(placed, links, families) for placed in events]
    involved = _involved(people, denied)
    owners = {owner for owner, _ in involved}
    standing |= _read_standing(warehouse, owners - asked)
    said = dict.fromkeys(involved, SILENT) | _read_said(warehouse, owners, involved)
    concerned = [placed for placed, some in zip(events, people, strict=True) if not owners.isdisjoint(some)]
    return Known(standing, said, families, concerned)


def _deniers(events: Iterable[Placed], links: Mapping[Owner, str]) -> set[Place]:
    """Those of whom an event of the round denies something, as who they are with these links and without."""
    found: set[Place] = set()
    for placed in events:
        for category in denials(placed):
            for known in (links, {}):
                owner, guests = whose(placed, known)
                found.update((one, category) for one in (owner, *guests) if one)
    return found


def _people(
    placed: Placed, links: Mapping[Owner, str], families: Mapping[Owner, Collection[Owner]]
) -> Collection[Owner]:
    """Everyone whose choices count for the event, or come to count by it."""
    owner, guests = whose(placed, links)
    if owner is None:
        return ()
    return (*families.get(owner, (owner,)), *guests)


def _involved(events: Iterable[Collection[Owner]], denied: Collection[Place]) -> set[Place]:
    """Whose choices count where one of these does; the events are given by their people."""
    found = set(denied)
    for category in IN_FORCE:
        hot = {owner for owner, of in denied if of == category}
        for people in events if hot else ():
            if not hot.isdisjoint(people):
                found.update((one, category) for one in people)
    return found


def _read_families(
    warehouse: Warehouse, events: Iterable[Placed], users: Collection[Owner]
) -> dict[Owner, Collection[Owner]]:
    """Of users who are merged into somebody, or somebody into them: everyone who is one with them."""
    keys = RoundKeys(warehouse)
    keys.add("project", {(placed.record.project_id, "") for placed in events})
    keys.store()
    merging = read_merging(warehouse, keys)
    keys.check()
    users = {user for user in users if user[0] in merging}
    read = read_families(warehouse, users) if users else Families()
    found: dict[Owner, Collection[Owner]] = {}
    for user in users:
        family = read.subtree((user[0], read.root(user)))
        if len(family) > 1:
            found |= dict.fromkeys(family, family)
    return found


def _read_standing(warehouse: Warehouse, owners: Collection[Owner]) -> dict[Place, list[Standing]]:
    found: dict[Place, list[Standing]] = {}
    for project_id, id, category, *row in _query(warehouse, STANDING, owners):
        log_id, partition, off, before_at, before, at, state = row
        place = (project_id, id), category
        if place[0] in owners:
            one = Standing(log_id, partition, off, (before_at, before), (at, state))
            found.setdefault(place, []).append(one)
    return found


def _read_said(warehouse: Warehouse, owners: Collection[Owner], places: Collection[Place]) -> dict[Place, Choice]:
    """By themselves, and by the guests that are known to be they."""
    guests = {
        (project_id, guest): (project_id, user)
        for project_id, guest, user in _query(warehouse, GUESTS, owners, "user")
        if (project_id, user) in owners
    }
    found: dict[Place, Choice] = {}
    for project_id, id, said in _query(warehouse, SAID, {*owners, *guests}):
        for category, at, state in said:
            for owner in {(project_id, id), guests.get((project_id, id), (project_id, id))}:
                if (owner, category) in places:
                    found[owner, category] = max((at, state), found.get((owner, category), SILENT))
    return found


def _query(warehouse: Warehouse, sql: str, owners: Collection[Owner], kind: str = "owner") -> Iterable[tuple[Any, ...]]:
    for page in pages(sorted(owners), key_bytes):
        keys = RoundKeys(warehouse)
        keys.add(kind, page)
        keys.store()
        found = warehouse.query(sql, {"round": keys.round})
        keys.check()
        yield from found


def _by_chunk(events: Iterable[Placed]) -> Iterable[tuple[Chunk, list[Placed]]]:
    found: dict[int, list[Placed]] = {}
    for placed in events:
        found.setdefault(id(placed.chunk), []).append(placed)
    return [(own[0].chunk, own) for own in found.values()]


def _links(chunk: Chunk, own: Iterable[Placed], known: Mapping[Guest, Link]) -> dict[Owner, str]:
    """As they were before the chunk: one that is applied again has stored its own, and they are not older."""
    if not chunk.repeated:
        return {guest: link[1] for guest, link in known.items()}
    first = min(placed.record.received_at for placed in own)
    return {guest: link[1] for guest, link in known.items() if link[0] < first}


def _record(warehouse: Warehouse, token: str, chunk: Chunk, judge: Judge, known: Known) -> None:
    """Where the chunk says anything, what stood before it, as the facts will have that in them when it comes again;
    else of whom it is only known by now that they have denied it."""
    start = known.start(chunk)
    after = {place: judge.now.get(place, SILENT) for place in start}
    rows = list(start)
    if start.keys().isdisjoint(judge.said):
        rows = [place for place in rows if after[place][1] == DENIED and not known.is_marked(place)]
    if not rows:
        return
    columns: dict[str, list[Any]] = {
        "project_id": [owner[0] for owner, _ in rows],
        "id": [owner[1] for owner, _ in rows],
        "category": [category for _, category in rows],
        "before_at": [start[place][0] for place in rows],
        "before_state": [start[place][1] for place in rows],
        "stands_at": [after[place][0] for place in rows],
        "state": [after[place][1] for place in rows],
        "_log": [chunk.log_id] * len(rows),
        "_partition": [chunk.partition] * len(rows),
        "_off": [chunk.lo] * len(rows),
    }
    warehouse.insert("consent_standing", columns, token=token)
