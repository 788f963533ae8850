"""What is older than its project keeps it goes, and nothing else, whatever happens meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from ask0.catalog.documents import write_document
from ask0.catalog.jobs import Jobs
from ask0.catalog.project_settings import ProjectSettings
from ask0.catalog.replica import Replica
from ask0.catalog.sealing import Seal
from ask0.consumers.retention import run as running
from ask0.consumers.retention.loop import Retaining
from ask0.consumers.retention.run import Run
from ask0.eventlog.open import open_control
from ask0.schemas.events import Event
from ask0.schemas.jobs import Job
from ask0.schemas.project_settings import DAY_MS, GRACE_MS, RETENTION, Retention
from ask0.warehouse import retention
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import Unavailable
from tests.consumers.beacons import NOW, change, chunk, event, merge, record, store
from tests.consumers.tables.test_rounds import Crash, Crashing

SEAL = Seal("a key of the installation that is long enough")
T = TypeVar("T")
PEOPLE = ("user_facts", "user_rows", "identity_links", "user_merges", "member_rows", "user_changes")


def with_replica(folder: Path, work: Callable[[Replica], Awaitable[T]]) -> T:
    async def go() -> T:
        replica = Replica(open_control(f"sqlite://{folder / 'log.sqlite3'}"))
        await replica.start()
        try:
            return await work(replica)
        finally:
            await replica.close()

    return asyncio.run(go())


def keep(project: str = "p", changed_at: int = 0, **days: int) -> Retention:
    return Retention(project_id=project, changed_at=changed_at, **days)


def run(warehouse: Warehouse, folder: Path, *settings: Retention) -> list[Job]:
    """One run from its beginning, or the rest of one that was cut."""

    async def work(replica: Replica) -> list[Job]:
        one = Run(replica, Jobs(replica), warehouse, SEAL)
        if not one.unfinished():
            await one.begin(settings)
        return await one.go_on()

    return with_replica(folder, work)


def ago(days: float) -> int:
    return NOW - int(days * DAY_MS)


class Log:
    """Puts records on a log, each as old as it is said to be."""

    def __init__(self, warehouse: Warehouse, name: str = "log") -> None:
        self._warehouse = warehouse
        self._name = name
        self._next = 0

    def add(self, days: float, *events: Event, project: str = "p") -> None:
        one = record(*events, project=project, received_at=ago(days))
        store(self._warehouse, chunk(one, lo=self._next, log=self._name))
        self._next += 1


def of(days: float, **wire: Any) -> Event:
    return event(**{"event": "x", "timestamp": ago(days), **wire})


def asked(days: float, conversation: str, **ids: str) -> Event:
    talk = {"conversationId": conversation, "text": f"about {conversation}"}
    return of(days, event="Question Asked", properties=talk, **ids)


@pytest.fixture
def log(embedded: Warehouse) -> Log:
    return Log(embedded)


def column(warehouse: Warehouse, sql: str) -> list[Any]:
    return [value for (value,) in warehouse.query(f"SELECT DISTINCT {sql} ORDER BY 1")]


def receipt(job: Job) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(job.receipt)
    return found


def test_who_is_inactive_goes_with_all_that_is_theirs_and_may_come_back(
    embedded: Warehouse, log: Log, tmp_path: Path
) -> None:
    log.add(50, of(50, anonymousId="a"), asked(50, "as-guest", anonymousId="a"))
    log.add(49, of(49, userId="old", anonymousId="a", type="identify", traits={"email": "old@example.com"}))
    log.add(48, of(48, userId="older", anonymousId="b"), asked(48, "of-older", userId="older"))
    log.add(47, merge("older", "old", at=ago(47)), change("old", at=ago(47), tags={"vip": True}))
    log.add(46, of(46, anonymousId="lonely"))
    log.add(45, of(45, userId="stays", anonymousId="c", type="identify"), asked(45, "of-stays", userId="stays"))
    log.add(5, of(5, anonymousId="c"))  # as a guest, who is the user by now
    log.add(4, change("edited", at=ago(4), traits={"plan": "pro"}), of(60, userId="edited"))
    log.add(3, of(3, userId="old"), project="q")

    (job,) = run(embedded, tmp_path, keep(inactive_users=30))
    assert receipt(job)["removed"] == {"inactiveUsers": 2, "events": 6, "conversations": 2}
    assert column(embedded, "id FROM users WHERE project_id = 'p'") == ["edited", "stays"]
    assert column(embedded, "id FROM conversations") == ["of-stays"]
    assert column(embedded, "user_id FROM events WHERE project_id = 'p'") == ["edited", "stays"]
    assert column(embedded, "id FROM users WHERE project_id = 'q'") == ["old"]
    for table in PEOPLE:
        text = embedded.raw(f"SELECT * FROM {table} WHERE project_id = 'p'", "JSONEachRow")
        assert not any(name in text for name in (b"old", b"lonely", b'"a"', b"g-a", b"g-b")), table
    entries = b"".join(
        embedded.raw(f"SELECT * FROM {table} WHERE project_id = 'p'", "JSONEachRow") for table in ("audit", "events")
    )
    assert b"old" not in entries
    assert embedded.query("SELECT count() FROM retention_ids") == [(0,)]

    log.add(0, of(0, anonymousId="a", userId="old", type="identify"))
    columns = "anonymous_ids, email, questions, tags, merged_ids, toUnixTimestamp64Milli(first_seen_at)"
    back = embedded.query(f"SELECT {columns} FROM users WHERE project_id = 'p' AND id = 'old'")
    assert back == [(["a"], None, 0, [], [], NOW)]


def test_of_each_kind_goes_what_is_older_and_of_each_project_by_its_own_days(
    embedded: Warehouse, log: Log, tmp_path: Path
) -> None:
    for project in ("p", "q", "r"):
        for days in (100, 20, 10, 1):
            log.add(days, asked(days, f"c{days}", userId="u", messageId=f"{days}"), project=project)
    embedded.insert("quarantine_rows", quarantined([ago(80), ago(15), ago(2)]), token="quarantine")
    jobs = run(
        embedded,
        tmp_path,
        keep("p", events=15, quarantine=10),
        keep("q", conversations=5),
        keep("r", events=1_000),
    )
    assert {job.project_id: receipt(job)["removed"] for job in jobs} == {
        "p": {"events": 2, "quarantine": 2},
        "q": {"conversations": 3, "events": 3},
    }

    def left(project: str, sql: str = "message_id FROM events") -> list[str]:
        return column(embedded, f"{sql} WHERE project_id = '{project}'")

    assert (left("p"), left("q"), left("r")) == (["1", "10"], ["1"], ["1", "10", "100", "20"])
    conversations = "id FROM conversations"
    assert (len(left("p", conversations)), left("q", conversations)) == (4, ["c1"])
    assert embedded.query("SELECT count() FROM quarantine_rows") == [(1,)]
    assert b"about c10" not in embedded.raw("SELECT * FROM conversation_rows WHERE project_id = 'q'", "JSONEachRow")


def quarantined(times: list[int]) -> dict[str, list[Any]]:
    n = len(times)
    return {"project_id": ["p"] * n, "id": [str(time) for time in times], "received_at": times, "raw": ["{}"] * n}


def test_a_part_in_which_nothing_is_to_stay_is_dropped_whole_and_another_is_not(
    embedded: Warehouse, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.add(400, of(400, userId="u", messageId="own month"))
    log.add(200, of(200, userId="u", messageId="shared"), project="p")
    log.add(200, of(200, userId="u", messageId="stays"), project="q")
    embedded.command("OPTIMIZE TABLE events FINAL")
    dropped: list[str] = []
    command = Warehouse.command

    def noting(self: Warehouse, sql: str, *rest: Any, **more: Any) -> None:
        dropped.extend(rest[0]["part"] for _ in range("DROP PART {" in sql))
        command(self, sql, *rest, **more)

    monkeypatch.setattr(Warehouse, "command", noting)
    run(embedded, tmp_path, keep(events=100))
    assert len(dropped) == 1
    assert column(embedded, "message_id FROM events") == ["stays"]


def test_the_audit_log_is_cut_where_its_chains_can_be_told_to_begin(
    embedded: Warehouse, log: Log, tmp_path: Path
) -> None:
    for days in (90, 60, 5):
        log.add(days, change("u", at=ago(days), traits={"n": days}))
    (job,) = run(embedded, tmp_path, keep(audit=50))
    assert receipt(job)["removed"]["audit"] == 2
    assert column(embedded, "toUnixTimestamp64Milli(at) FROM user_changes") == [ago(5)]
    assert embedded.query("SELECT kind, seq FROM audit_heads") == [("start", 2)]


def test_nothing_to_remove_leaves_no_job(embedded: Warehouse, log: Log, tmp_path: Path) -> None:
    log.add(1, of(1, userId="u"))
    assert run(embedded, tmp_path, keep(events=30, inactive_users=30, conversations=30, audit=50)) == []
    assert with_replica(tmp_path, lambda replica: _of(replica, "p")) == []


def test_who_comes_back_before_it_is_settled_stays_and_afterwards_begins_anew(
    embedded: Warehouse, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for id in ("before", "after", "never"):
        log.add(50, of(50, userId=id, type="identify", traits={"plan": id}), asked(50, f"of-{id}", userId=id))
    settle, remove = retention.settle, retention.remove

    def settle_late(*given: Any) -> None:
        log.add(0, of(0, userId="before"))
        settle(*given)

    def remove_late(warehouse: Warehouse, removing: Any, table: str) -> None:
        if table == "user_facts":
            log.add(0, of(0, userId="after"), asked(0, "of-after-again", userId="after"))
        remove(warehouse, removing, table)

    monkeypatch.setattr(retention, "settle", settle_late)
    monkeypatch.setattr(retention, "remove", remove_late)
    (job,) = run(embedded, tmp_path, keep(inactive_users=30))
    assert receipt(job)["removed"]["inactiveUsers"] == 2
    assert embedded.query("SELECT id, plan, questions FROM users ORDER BY id") == [
        ("after", None, 1),
        ("before", "before", 1),
    ]
    assert column(embedded, "id FROM conversations") == ["of-after-again", "of-before"]
    assert embedded.query("SELECT user_id, count() FROM events GROUP BY user_id ORDER BY user_id") == [
        ("after", 2),
        ("before", 3),
    ]


def test_more_than_one_run_takes_goes_with_the_next_ones(
    embedded: Warehouse, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "MOST_LISTED", 2)
    monkeypatch.setattr(running, "LEAST_LISTED", 2)
    for place in range(5):
        log.add(50 - place, of(50 - place, userId=f"u{place}"))
    (job,) = run(embedded, tmp_path, keep(inactive_users=30))
    assert (receipt(job)["removed"]["inactiveUsers"], receipt(job)["left"]) == (2, {"inactiveUsers": 3})
    assert column(embedded, "id FROM users") == ["u2", "u3", "u4"]  # the oldest are gone
    run(embedded, tmp_path, keep(inactive_users=30))
    (last,) = run(embedded, tmp_path, keep(inactive_users=30))
    assert (column(embedded, "id FROM users"), receipt(last)["left"]) == ([], {})


def test_a_denial_outlives_the_profile(embedded: Warehouse, log: Log, tmp_path: Path) -> None:
    denied = {"consent": {"analytics": "denied"}}
    log.add(50, of(50, userId="u", type="identify", context=denied))
    run(embedded, tmp_path, keep(inactive_users=30))
    assert column(embedded, "id FROM users") == []
    assert embedded.query("SELECT id, state FROM consent_standing FINAL") == [("u", 3)]


@pytest.mark.apart
@pytest.mark.parametrize("answered", [False, True], ids=["before a write", "after a write"])
def test_a_crash_at_any_write_and_the_rest_again_come_to_the_same(
    embedded: Warehouse, embedded_dsn: str, tmp_path: Path, answered: bool
) -> None:
    def fill(project: str) -> None:
        log = Log(embedded, project)
        log.add(50, asked(50, "c1", anonymousId="a"), of(50, userId="old", anonymousId="a"), project=project)
        log.add(40, asked(40, "c2", userId="old"), asked(40, "c3", userId="new"), project=project)
        log.add(40, change("old", at=ago(40), traits={"a": 1}), change("new", at=ago(40)), project=project)
        log.add(2, asked(2, "c4", userId="new", messageId="last"), project=project)
        embedded.insert("quarantine_rows", quarantined([ago(50)]) | {"project_id": [project]}, token=project)

    def state(project: str) -> dict[str, Any]:
        tables = ("events", "user_rows", "user_facts", "conversation_rows", "identity_links", "quarantine_rows")
        counts = {
            one: embedded.query(f"SELECT count() FROM {one} FINAL WHERE project_id = '{project}'")
            if one not in ("events",)
            else embedded.query(f"SELECT count() FROM {one} WHERE project_id = '{project}'")
            for one in tables
        }
        return counts | {"users": column(embedded, f"id FROM users WHERE project_id = '{project}'")}

    def kept(project: str) -> Retention:
        return keep(project, inactive_users=30, events=60, conversations=20, quarantine=20, audit=36)

    fill("whole")
    with Crashing(embedded_dsn) as counting:
        counting.at = 0
        (whole,) = run(counting, tmp_path / "whole", kept("whole"))
        writes = -counting.at
    expected, removed = state("whole"), receipt(whole)["removed"]
    assert expected["users"] == ["new"]
    assert writes > 15
    for at in range(1 + answered, writes + 1, 4):
        project, folder = f"cut-{at}", tmp_path / f"cut-{at}"
        fill(project)
        with Crashing(embedded_dsn) as dying:
            dying.at, dying.answered = at, answered
            with pytest.raises((Crash, Unavailable)):
                run(dying, folder, kept(project))
        run(embedded, folder, kept(project))
        assert state(project) == expected, at
        (job,) = with_replica(folder, partial(_of, project=project))
        assert receipt(job)["removed"] == removed, at


async def _of(replica: Replica, project: str) -> list[Job]:
    return Jobs(replica).newest_first(project)


def test_it_is_run_once_a_day_and_not_before_a_day_has_passed_since_it_was_changed(
    embedded: Warehouse, log: Log, tmp_path: Path
) -> None:
    log.add(50, of(50, userId="u"))

    async def work(replica: Replica) -> list[int]:
        settings, jobs = ProjectSettings(replica), Jobs(replica)
        document = keep(changed_at=NOW, events=30)
        await write_document(
            replica,
            RETENTION,
            "p",
            document,
            project_id="p",
            action="retention.changed",
            actor="test",
            request="",
            id="first",
            expects={},
        )
        assert settings.retention.get("p", "p")
        retaining = Retaining(replica, embedded, SEAL)
        found = []
        for now in (NOW, NOW + GRACE_MS - 1, NOW + GRACE_MS, NOW + GRACE_MS + 60_000, NOW + 2 * GRACE_MS):
            await retaining.turn(now)
            found.append(len(jobs.newest_first("p")))
            if now == NOW + GRACE_MS:
                log.add(50, of(50, userId="v"))
        return found

    assert with_replica(tmp_path, work) == [0, 0, 1, 1, 2]
    assert column(embedded, "message_id FROM events") == []
