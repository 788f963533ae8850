"""Heads are signed while those before still stand: whoever cuts rows off, or the heads with them, is found out."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ask0.catalog.audit_heads import (
    Signed,
    Tampered,
    forget_before,
    latest,
    lost_heads,
    make_heads,
    read_heads,
    read_starts,
    wrong_signatures,
)
from ask0.catalog.copying import Copier
from ask0.catalog.errors import CatalogError
from ask0.catalog.replica import Replica
from ask0.catalog.sealing import Seal
from ask0.catalog.signing import Signer
from ask0.eventlog.open import open_control
from ask0.schemas.changes import Change, encode
from ask0.schemas.documents import subject_of
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.warehouse.audit_entries import AT, CHAIN, change, check, fill, problems

SEAL = Seal("k" * 32)
NOW = time.time_ns() // 1_000_000
T = TypeVar("T")


def found(warehouse: Warehouse, signed: Signed, seal: Seal = SEAL) -> list[str]:
    """What is wrong with the signed heads."""
    heads, starts = read_heads(warehouse, signed.at), read_starts(warehouse)
    lost = lost_heads(warehouse, heads, starts, signed)
    return [*filter(None, [lost]), *wrong_signatures(seal, heads, starts, signed)]


def test_heads_stand_while_chains_grow(warehouse: Warehouse) -> None:
    fill(warehouse, *range(5))
    fill(warehouse, 1, project_id="q")
    first = make_heads(warehouse, SEAL, None, NOW)
    assert (first.chains, found(warehouse, first)) == (2, [])
    fill(warehouse, 5, 6)
    second = make_heads(warehouse, SEAL, first, NOW + 1)
    assert (second.chains, found(warehouse, second)) == (2, [])
    (head,) = [head for head in read_heads(warehouse, NOW + 1) if head.chain == CHAIN]
    assert head.mark.seq == 7


def test_an_empty_log_is_signed_too(warehouse: Warehouse) -> None:
    assert found(warehouse, make_heads(warehouse, SEAL, None, NOW)) == []


@pytest.mark.parametrize("cut", ["DELETE WHERE seq >= 4", "UPDATE digest = repeat('0', 64) WHERE seq = 5"])
def test_rows_that_were_signed_and_are_gone_are_found_and_not_signed_over(warehouse: Warehouse, cut: str) -> None:
    fill(warehouse, *range(5))
    first = make_heads(warehouse, SEAL, None, NOW)
    change(warehouse, cut)
    assert "1 chains do not hold the row that was signed" in found(warehouse, first)[0]
    with pytest.raises(Tampered):
        make_heads(warehouse, SEAL, first, NOW + 1)
    fill(warehouse, *range(10, 20))
    with pytest.raises(Tampered):
        make_heads(warehouse, SEAL, first, NOW + 1)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE WHERE 1",
        "DELETE WHERE project_id = 'q'",
        "UPDATE digest = '' WHERE 1",
        "UPDATE seq = 3 WHERE project_id = 'p'",
    ],
)
def test_heads_that_were_changed_are_found(warehouse: Warehouse, statement: str) -> None:
    """With the rows or without."""
    fill(warehouse, *range(5))
    fill(warehouse, 1, project_id="q")
    signed = make_heads(warehouse, SEAL, None, NOW)
    warehouse.command(f"ALTER TABLE audit_heads {statement}", settings={"mutations_sync": 1})
    assert found(warehouse, signed)[0] == "the table audit_heads has not the heads that were signed last"


def test_what_was_signed_with_another_key_is_no_good(warehouse: Warehouse) -> None:
    fill(warehouse, 1)
    signed = make_heads(warehouse, Seal("x" * 32), None, NOW)
    assert len(found(warehouse, signed)) == 2
    assert found(warehouse, signed, Seal("x" * 32)) == []
    with pytest.raises(CatalogError, match="ASK0_SEALING_KEY"):
        found(warehouse, signed, Seal())
    with pytest.raises(CatalogError, match="ASK0_SEALING_KEY"):
        make_heads(warehouse, Seal(), None, NOW)


def test_retention_takes_a_beginning_away_and_the_rest_holds(warehouse: Warehouse) -> None:
    fill(warehouse, *range(10))
    fill(warehouse, *range(10), project_id="q")
    signed = make_heads(warehouse, SEAL, None, NOW)
    for _ in range(2):  # as after a crash
        forget_before(warehouse, SEAL, "p", AT + 4, NOW + 100)
        assert warehouse.query("SELECT project_id, min(seq), count() FROM audit GROUP BY 1 ORDER BY 1") == [
            ("p", 5, 6),
            ("q", 1, 10),
        ]
    (start,) = read_starts(warehouse)
    assert (start.chain, start.mark.seq) == (CHAIN, 4)
    assert problems(warehouse, start=None) == [("missing", 1)]
    walked = check(warehouse, "p", start=start.mark)
    assert (walked.rows, walked.cut, walked.problems, found(warehouse, signed)) == (6, 1, [], [])
    forget_before(warehouse, SEAL, "p", AT + 1_000, NOW + 200)
    assert warehouse.query("SELECT seq FROM audit WHERE project_id = 'p'") == [(10,)]
    assert found(warehouse, signed) == []
    fill(warehouse, 11)
    assert check(warehouse, "p", start=max(start.mark for start in read_starts(warehouse))).problems == []
    assert found(warehouse, make_heads(warehouse, SEAL, signed, NOW + 300)) == []


def test_a_start_that_nobody_signed_hides_nothing(warehouse: Warehouse) -> None:
    fill(warehouse, *range(10))
    signed = make_heads(warehouse, SEAL, None, NOW)
    forget_before(warehouse, Seal("x" * 32), "p", AT + 4, NOW + 100)
    assert found(warehouse, signed) == [f"the start of {CHAIN} at 4 has no good signature"]


async def with_replica(path: Path, work: Callable[[Replica], Awaitable[T]]) -> T:
    replica = Replica(open_control(f"sqlite://{path}/log.sqlite3"))
    await replica.start()
    try:
        return await work(replica)
    finally:
        await replica.close()


def test_they_are_signed_when_it_is_time_and_by_one_of_two(warehouse: Warehouse, tmp_path: Path) -> None:
    fill(warehouse, *range(3), at=NOW - 5_000)

    async def sign(replica: Replica) -> Signed | None:
        await Signer(replica, warehouse, SEAL)._turn()
        assert latest(replica.state) is None  # a day has not passed yet
        signers = [Signer(replica, warehouse, SEAL, every_ms=1_000) for _ in range(2)]
        await asyncio.gather(*(signer._turn() for signer in signers))
        return latest(replica.state)

    signed = asyncio.run(with_replica(tmp_path, sign))
    assert signed
    assert (signed.chains, found(warehouse, signed)) == (1, [])


def test_what_was_tampered_with_is_complained_of_and_stays_as_it_was_signed(
    warehouse: Warehouse, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(warehouse, *range(3), at=NOW - 5_000)

    async def sign(replica: Replica) -> tuple[Signed | None, Signed | None]:
        signer = Signer(replica, warehouse, SEAL, every_ms=0)
        await signer._turn()
        first = latest(replica.state)
        change(warehouse, "DELETE WHERE seq = 3")
        await signer._turn()
        return first, latest(replica.state)

    first, second = asyncio.run(with_replica(tmp_path, sign))
    assert first
    assert first == second
    assert "tampered" in caplog.text


def document_change(number: int, **more: Any) -> Change:
    fields = {"kind": "thing", "subject": f"t{number}", "project_id": "p", "action": "thing.changed", **more}
    return Change(id=f"c{number}", actor="cli", at=AT + number, **fields)


def test_any_number_of_copiers_make_one_chain(warehouse: Warehouse, tmp_path: Path) -> None:
    """Each begins and ends where it likes; what has no salt gets the same one from all of them."""
    dsn = f"sqlite://{tmp_path}/log.sqlite3"

    async def work() -> None:
        control = open_control(dsn)
        await control.start()
        copying: list[asyncio.Task[None]] = []
        stops: list[asyncio.Event] = []
        for number in range(1, 61):
            person = {"kind": "deactivation", "subject": subject_of("p", f"u{number}")} if number % 5 == 0 else {}
            salt = {"salt": f"{number:048x}"} if number % 2 else {}
            refused = {"expects": {"thing": 1_000}} if number % 7 == 0 else {}
            await control.append(encode(document_change(number, **person, **salt, **refused, ip="203.0.113.0")))
            if number % 20 == 0:
                stops.append(asyncio.Event())
                copying.append(asyncio.create_task(Copier(open_control(dsn), warehouse).run(stops[-1])))
                await asyncio.sleep(0)
        await asyncio.to_thread(wait_for, lambda: warehouse.query("SELECT max(off) FROM audit") == [(60,)], "the rows")
        for stop in stops:
            stop.set()
        await asyncio.gather(*copying)
        await control.close()

    asyncio.run(work())
    walked = check(warehouse)
    assert (walked.rows, walked.problems) == (60, [])
    assert warehouse.query(
        "SELECT entity, about, outcome, ip FROM audit FINAL WHERE off IN (4, 5, 7) ORDER BY off"
    ) == [
        ("thing", ["t4"], "done", "203.0.113.0"),
        ("deactivation", ["u5"], "done", "203.0.113.0"),
        ("thing", ["t7"], "refused", "203.0.113.0"),
    ]
    assert warehouse.query("SELECT countIf(is_personal), countIf(salt != '') FROM audit FINAL") == [(12, 12)]
