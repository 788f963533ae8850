"""One round: the chunks of one poll become rows of every table. All of it may be repeated, from any step, without harm.

The order is what makes it so. Ids are claimed before events go in, events before the facts that follow from them (an
event that ClickHouse refuses leaves none), facts before the links are read again, everything before the snapshots. How
far the round went is said last, to whoever waits for it.

Whatever the senders chose, no statement is larger than a page of keys (pages.py), what ClickHouse refuses is found and
put into the quarantine while the rest goes on (isolation.py), and a project with too much of it is parked (parking.py).
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event

from ask0.consumers.folds import identities, user_changes
from ask0.consumers.folds.audit import is_of_nobody
from ask0.consumers.folds.events import Columns, event_columns
from ask0.consumers.folds.identities import Guest, Link
from ask0.consumers.folds.quarantine import quarantine_columns, unwritten
from ask0.consumers.folds.records import Placed, Quarantined, place_of, read
from ask0.consumers.folds.user_merges import Held
from ask0.consumers.tables.audit import store_audit
from ask0.consumers.tables.bounds import Heavy, add_gatherers, merged, read_heavy, read_shared
from ask0.consumers.tables.consents import allow, read_restricted
from ask0.consumers.tables.dedup import First, claim, first_of_each
from ask0.consumers.tables.event_inserts import ToColumns, insert_events
from ask0.consumers.tables.facts import Facts, insert_facts
from ask0.consumers.tables.families import read_merging, read_roots
from ask0.consumers.tables.isolation import Culprit, Key, isolate
from ask0.consumers.tables.merge import read_links, reown_guests, reown_users, settle
from ask0.consumers.tables.merges import is_merge, store_merges
from ask0.consumers.tables.names import ProjectNames
from ask0.consumers.tables.pages import in_order, key_bytes, pages
from ask0.consumers.tables.parking import Parking, put_aside
from ask0.consumers.tables.poison import PoisonLimit, ProjectPoison
from ask0.consumers.tables.round_keys import RoundKeys
from ask0.consumers.tables.run_both import run_both
from ask0.consumers.tables.snapshots import Touched, refresh
from ask0.consumers.tables.suppressed import read_suppressed
from ask0.consumers.worker import Timed
from ask0.eventlog.log import Chunk
from ask0.schemas.ids import utf8_bytes
from ask0.schemas.user_changes import CHANGE
from ask0.warehouse.applied import save_applied
from ask0.warehouse.connect import Warehouse


@dataclass
class Limits:
    """How much may be bad, of the log before the worker stops, of a project before it is parked; which names of
    properties a project may use; in which projects somebody was ever merged, and consent is in force. Kept from round
    to round."""

    unreadable: PoisonLimit = field(default_factory=PoisonLimit)
    poison: ProjectPoison = field(default_factory=ProjectPoison)
    parking: Parking = field(default_factory=Parking)
    names: ProjectNames = field(default_factory=ProjectNames)
    merging: set[str] = field(default_factory=set)
    enforces: Callable[[str], bool] = lambda project_id: False  # whether what people deny of analytics is in force


@dataclass
class Applied:
    """What a round came to: each event of it has one of these outcomes."""

    stored: int
    duplicates: int
    parked: int  # and rejects
    quarantined: Counter[str]  # by reason
    left_out: Counter[str]  # facts of events that were stored, by LeftOut
    newest: int  # received_at of the newest event stored, 0 if none was
    denied: int = 0  # of people who deny analytics, so that they are dropped
    erased: int = 0  # and rejects, of people who are erased, likewise


@dataclass
class Page:
    """Some of a round's events that are the first with their messageId, and what the tables say of them."""

    first: First
    guests: set[Guest]
    keys: RoundKeys
    fresh: Sequence[Placed] = ()
    known: Mapping[Guest, Link] = field(default_factory=dict)
    roots: Mapping[Key, str] = field(default_factory=dict)  # of users who are merged into somebody
    heavy: Heavy = field(default_factory=Heavy)
    restricted: Collection[Key] = ()  # users and guests who have ever denied what is in force

    @property
    def owners(self) -> dict[Key, str]:
        """To whom the events of its guests, and of users who are merged, went."""
        if not self.roots:
            return {guest: link[1] for guest, link in self.known.items()}
        linked = {guest: (guest[0], link[1]) for guest, link in self.known.items()}
        return {**self.roots, **{guest: self.roots.get(user, user[1]) for guest, user in linked.items()}}

    @property
    def users(self) -> set[Key]:
        """Whom its events name."""
        return {(p.record.project_id, p.event.user_id) for p in self.first.values() if p.event.user_id}


def apply(warehouse: Warehouse, chunks: Sequence[Chunk], limits: Limits, timed: Timed) -> Applied:
    """Raises what the warehouse raises, TooMuchPoison, and ProjectPoisoned, after which the project is to be parked.
    Then the same chunks must be applied again, as repeated."""
    # Of everything but events: rows that are harmless twice, so each attempt stores its own. ClickHouse may have spent
    # a token of an earlier attempt and died before the rows were in.
    token = f"round:{RoundKeys(warehouse).round}"
    with timed("decode"):
        limits.parking.look(warehouse)
        decoded = read(chunks, limits.parking.projects)
        limits.unreadable.count(len(decoded.events) + decoded.unreadable, decoded.unreadable)
        put_aside(warehouse, decoded.parked, chunks, token)
    with timed("deduplicate"):
        found = list(_paged(warehouse, first_of_each(decoded.events)))
        for number, page in enumerate(found):
            _look_up(warehouse, page, f"{token}:{number}", limits.merging)
        events = [placed for page in found for placed in page.fresh]
        known = {guest: link for page in found for guest, link in page.known.items()}
        heavy = merged(page.heavy for page in found)
        duplicates = len(decoded.events) - len(events)
        suppressed = read_suppressed(warehouse, events, decoded.quarantined)
        passed, erased = suppressed.pass_on(events)
        rejects, erased_rejects = suppressed.pass_rejects(decoded.quarantined)
        events = list(identities.vouch(passed, known))
        told = [placed for placed in events if placed.event.type == CHANGE]
        asked = [placed for placed in told if is_merge(placed)]
        events = [placed for placed in events if not is_merge(placed)] if asked else events
        restricted = {owner for page in found for owner in page.restricted}
        allowed = allow(warehouse, token, events, known, restricted, limits.enforces)
        events = [*allowed.events]
        limits.names.begin(warehouse, {placed.record.project_id for placed in events})
    with timed("events"):
        parked = {record.chunk.token for record in decoded.parked}
        owners = {key: owner for page in found for key, owner in page.owners.items()}
        bad, facts = _insert_and_fold(warehouse, events, owners, heavy, limits, parked, allowed.kept)
        limits.names.save(warehouse, token)
    if bad:
        culprits = {(row.chunk.token, row.offset, row.index) for row in bad}
        events = [placed for placed in events if place_of(placed) not in culprits]
        facts = Facts.of([*events, *allowed.kept], heavy)
    with timed("facts"):
        withdrawn = insert_facts(warehouse, token, facts, known, events)
        bad += withdrawn
        _insert_changes(warehouse, token, events, withdrawn)
        held, not_held = store_merges(warehouse, token, asked) if asked else ([], [])
        if told:
            store_audit(warehouse, told, [*withdrawn, *not_held])
    touched = Touched(set(facts.users), set(facts.conversations))
    unwritable: list[Culprit] = []
    with timed("reown"):
        # Rows of a repeated chunk may be in the table already, under the users of then.
        resolved = None if any(chunk.repeated for chunk in chunks) else owners
        unwritable += _settle(warehouse, held, touched)
        for page in found:
            # The table forgets the keys of the first of many pages before their turn comes again.
            stored = page.keys if len(found) == 1 else None
            merging = _read_merging(warehouse, page, stored)
            limits.merging |= merging
            unwritable += _reown_guests(warehouse, page.guests, stored, resolved or {}, touched, merging)
            unwritable += _reown_users(warehouse, page.users if merging else (), resolved, touched, merging)
    with timed("snapshots"):
        unwritable += touched.unwritable + refresh(warehouse, touched)
    newest = max((placed.record.received_at for placed in events), default=0)
    bad += [unwritten(chunks[0], newest, *culprit) for culprit in unwritable]
    quarantined = [*rejects, *not_held, *bad]
    with timed("quarantine"):
        if quarantined:
            warehouse.insert("quarantine_rows", quarantine_columns(quarantined), token=f"{token}:quarantine")
        _park(warehouse, limits, bad)
    with timed("applied"):
        save_applied(warehouse, {(chunk.log_id, chunk.partition): chunk.hi for chunk in chunks}, f"{token}:applied")
    return Applied(
        stored=len(events) + len(held) - len(withdrawn),
        duplicates=duplicates,
        parked=sum(record.events for record in decoded.parked),
        quarantined=Counter(row.reason for row in quarantined),
        left_out=heavy.left_out + limits.names.left_out + allowed.left_out,
        newest=newest,
        denied=allowed.dropped,
        erased=erased + erased_rejects,
    )


def _paged(warehouse: Warehouse, first: First) -> Iterable[Page]:
    for items in pages(first.items(), _id_bytes):
        yield Page(dict(items), identities.guests(placed for _, placed in items), RoundKeys(warehouse))


def _id_bytes(item: tuple[tuple[str, int], Placed]) -> int:
    """About what an event's ids take in `round_keys`: those of its user, its guests, its conversation and itself. The
    project's take little, as each stands there once for many."""
    event = item[1].event
    ids = utf8_bytes(event.user_id + event.conversation_id) + 2 * utf8_bytes(event.anonymous_id + event.previous_id)
    return ids + 16


def _look_up(warehouse: Warehouse, page: Page, token: str, merging: Collection[str]) -> None:
    keys, events = page.keys, page.first.values()
    keys.add_ids("message", page.first)
    keys.add("guest", page.guests)
    add_gatherers(keys, events)
    keys.store()

    def read_others() -> None:
        page.known = read_links(warehouse, keys, page.guests) if page.guests else {}
        page.heavy = read_heavy(warehouse, keys, events)
        page.restricted = read_restricted(warehouse, keys)
        keys.check()
        if merging:
            _look_up_merged(warehouse, page, merging)

    page.fresh, _ = run_both(lambda: claim(warehouse, keys, page.first, token), read_others)


def _look_up_merged(warehouse: Warehouse, page: Page, merging: Collection[str]) -> None:
    """As far as is known where to look: what is missed is found once everything is stored."""
    users = page.users | {(project_id, link[1]) for (project_id, _), link in page.known.items()}
    some = {user for user in users if user[0] in merging}
    page.roots = read_roots(warehouse, some).roots(some)
    if page.roots:
        page.heavy = merged((page.heavy, read_shared(warehouse, page.roots)))


def _reown_guests(
    warehouse: Warehouse,
    guests: Collection[Guest],
    stored: RoundKeys | None,
    resolved: Mapping[Guest, str],
    touched: Touched,
    merging: Collection[str],
) -> Sequence[Culprit]:
    """`stored` are keys of all the guests; when ClickHouse refuses them together, parts have their own."""

    def reown_some(some: Sequence[Guest]) -> None:
        reown_guests(warehouse, some, resolved, touched, stored if len(some) == len(guests) else None, merging)

    return isolate("guest", in_order(guests), reown_some)


def _reown_users(
    warehouse: Warehouse,
    users: Collection[Key],
    resolved: Mapping[Key, str] | None,
    touched: Touched,
    merging: Collection[str],
) -> Sequence[Culprit]:
    some = sorted(user for user in users if user[0] in merging)
    return isolate("user", some, lambda page: reown_users(warehouse, {*page}, resolved, touched))


def _read_merging(warehouse: Warehouse, page: Page, stored: RoundKeys | None) -> set[str]:
    """`stored` are keys of all the page's projects."""
    if stored is None:
        stored = RoundKeys(warehouse)
        stored.add("project", {(placed.record.project_id, "") for placed in page.first.values()})
        stored.store()
    merging = read_merging(warehouse, stored)
    stored.check()
    return merging


def _settle(warehouse: Warehouse, held: Iterable[Held], touched: Touched) -> Sequence[Culprit]:
    ends: dict[Key, set[Key]] = {}  # by who was merged
    for project_id, merge in ((one.project_id, one.merge) for one in held):
        ends.setdefault((project_id, merge.from_id), set()).update(
            ((project_id, merge.from_id), (project_id, merge.into))
        )
    return [
        culprit
        for page in pages(sorted(ends), key_bytes)
        for culprit in isolate(
            "user",
            page,
            lambda some: settle(warehouse, some, {end for key in some for end in ends[key]}, touched),
        )
    ]


def _insert_and_fold(
    warehouse: Warehouse,
    events: Sequence[Placed],
    owners: Mapping[Key, str],
    heavy: Heavy,
    limits: Limits,
    parked: Collection[str],
    kept: Sequence[Placed],
) -> tuple[list[Quarantined], Facts]:
    """Of what is `kept` there are facts alone. They are folded while ClickHouse has the first events, and not before:
    columns are made by the interpreter as well, and two threads that both need it only hold each other up."""
    made = Event()

    def to_columns(some: Sequence[Placed]) -> Columns:
        columns = event_columns(some, owners, limits.names.fit_for)
        made.set()
        return columns

    def insert() -> list[Quarantined]:
        try:
            return _insert_events(warehouse, events, to_columns, parked)
        finally:
            made.set()

    def fold() -> Facts:
        made.wait()
        return Facts.of([*events, *kept] if kept else events, heavy)

    return run_both(insert, fold)


def _insert_events(
    warehouse: Warehouse, events: Sequence[Placed], to_columns: ToColumns, parked: Collection[str]
) -> list[Quarantined]:
    """`parked` are the tokens of chunks of which something was put aside."""
    by_chunk: dict[int, list[Placed]] = {}
    for placed in events:
        if placed.event.type == CHANGE:  # which has a table of its own
            continue
        by_chunk.setdefault(id(placed.chunk), []).append(placed)
    refused = []
    for own in by_chunk.values():
        chunk = own[0].chunk
        refused += insert_events(warehouse, chunk, own, to_columns, parked=chunk.token in parked)
    return refused


def _insert_changes(
    warehouse: Warehouse, token: str, events: Iterable[Placed], withdrawn: Collection[Quarantined]
) -> None:
    """Who changed what: of all changes but those that are of the quarantine now."""
    culprits = {(row.chunk.token, row.offset, row.index) for row in withdrawn}
    of_users = (placed for placed in events if placed.event.type == CHANGE and not is_of_nobody(placed))
    changes = [placed for placed in of_users if place_of(placed) not in culprits]
    if changes:
        warehouse.insert("user_changes", user_changes.change_columns(changes), token=f"{token}:changes")


def _park(warehouse: Warehouse, limits: Limits, bad: Iterable[Quarantined]) -> None:
    """The projects that have had too many rows refused: from the next round on."""
    for project_id, rows in Counter(row.project_id for row in bad).items():
        if limits.poison.count(project_id, rows):
            limits.parking.park(
                warehouse, project_id, f"ClickHouse refused too many rows, {rows:,} of them in the last round"
            )
            limits.poison.forget(project_id)
