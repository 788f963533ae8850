"""A process's copy of the documents, on both homes: what it writes, what it sees, what it says when the log is away."""

import asyncio
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from ask0.catalog import replica as module
from ask0.catalog.errors import CatalogUnavailable, KeyReused, MovedOn, OutcomeUnknown
from ask0.catalog.replica import SNAPSHOT_NAME, Replica
from ask0.schemas import changes
from tests.catalog.replicas import Unreliable, bodies, change, crash
from tests.eventlog.homes import Home, started


@pytest.fixture(autouse=True)
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_SECONDS", 0.1)


def replica(home: Home, folder: Path | None = None) -> Replica:
    return Replica(home.open_control(), folder)


async def test_who_writes_sees_it_at_once_and_others_soon(home: Home) -> None:
    async with started(replica(home)) as one, started(replica(home)) as other:
        outcome = await one.write(change("a", 1))
        assert bodies(one.state) == {"a": 1}
        assert one.state.version_of("thing", "a") == outcome.position
        await other.catch_up()
        assert bodies(other.state) == {"a": 1}


async def test_of_two_at_once_one_is_told_that_the_other_was_first(home: Home) -> None:
    async with started(replica(home)) as one, started(replica(home)) as other:
        outcomes = await asyncio.gather(
            one.write(change("a", "one", thing__a=0)),
            other.write(change("a", "other", thing__a=0)),
            return_exceptions=True,
        )
        (refused,) = [outcome for outcome in outcomes if isinstance(outcome, MovedOn)]
        assert "somebody else changed thing/a" in str(refused)
        await asyncio.gather(one.catch_up(), other.catch_up())
        assert bodies(one.state) == bodies(other.state)


async def test_a_change_sent_again_has_its_first_outcome(home: Home) -> None:
    async with started(replica(home)) as one:
        first = await one.write(change("a", 1, id="same"))
        await one.write(change("a", 2))
        assert await one.write(change("a", 1, id="same")) == first
        assert bodies(one.state) == {"a": 2}


async def test_an_id_that_another_change_had_is_refused_whatever_became_of_it(home: Home) -> None:
    async with started(replica(home)) as one:
        asked = structs.replace(change("a", 1, id="same"), digest="one")
        await one.write(asked)
        refused = structs.replace(change("a", 2, id="refused", thing__a=0), digest="two")
        with pytest.raises(MovedOn):
            await one.write(refused)
        for sent in (asked, refused):
            with pytest.raises(KeyReused):
                await one.write(structs.replace(sent, digest="another"))
        assert (await one.write(asked)).stands
        assert (await one.write(structs.replace(asked, digest=""))).stands
        assert bodies(one.state) == {"a": 1}


async def test_a_change_whose_answer_was_lost_is_found_on_the_stream(home: Home) -> None:
    control = Unreliable(home.open_control())
    async with started(Replica(control)) as one:
        control.lose_answer = True
        assert (await one.write(change("a", 1))).stands


async def test_a_change_that_nobody_saw_land_is_in_doubt_and_safe_to_send_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WRITE_SECONDS", 0.5)
    control = Unreliable(home.open_control())
    async with started(Replica(control)) as one:
        control.refuse = True
        asked = change("a", 1, thing__a=0)
        with pytest.raises(OutcomeUnknown):
            await one.write(asked)
        monkeypatch.setattr(module, "WRITE_SECONDS", 5.0)
        assert (await one.write(asked)).stands


async def test_it_starts_from_its_copy_while_the_log_is_away(home: Home, tmp_path: Path) -> None:
    async with started(replica(home, tmp_path)) as one:
        await one.write(change("a", 1))
    copy = tmp_path / SNAPSHOT_NAME
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    away = replica(replace(home, dsn=home.away), tmp_path)
    await away.start(0.2)
    try:
        assert bodies(away.state) == {"a": 1}
        assert away.report()["status"] == "degraded"
        with pytest.raises(CatalogUnavailable):
            await away.write(change("a", 2))
    finally:
        await away.close()


@pytest.mark.parametrize("copy", [b"", b"{", b'{"position":"x"}'])
async def test_a_damaged_copy_is_read_anew_from_the_stream(home: Home, tmp_path: Path, copy: bytes) -> None:
    async with started(replica(home)) as one:
        await one.write(change("a", 1))
    (tmp_path / SNAPSHOT_NAME).write_bytes(copy)
    async with started(replica(home, tmp_path)) as one:
        assert bodies(one.state) == {"a": 1}


async def test_a_copy_of_another_stream_is_not_mixed_with_this_one(
    sqlite_home: Home, kafka_home: Home, tmp_path: Path
) -> None:
    async with started(replica(sqlite_home, tmp_path)) as one:
        await one.write(change("a", 1))
        await one.write(change("b", 1))
    async with started(replica(kafka_home, tmp_path)) as one:
        await one.write(change("c", 1))
        assert bodies(one.state) == {"c": 1}


async def test_after_a_crash_it_goes_on_from_an_older_copy(home: Home, tmp_path: Path) -> None:
    one = replica(home, tmp_path)
    await one.start()
    for number in range(5):
        await one.write(change("a", number))
    await crash(one)
    async with started(replica(home, tmp_path)) as one:
        assert bodies(one.state) == {"a": 4}


async def test_an_older_program_stops_deciding_and_goes_on_serving(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    control = home.open_control()
    append = control.append

    async def append_after_the_newer(value: bytes) -> None:
        await append(changes.encode(change("a", 2)).replace(b'"v":1', b'"v":2'))
        await append(value)

    async with started(Replica(control, None)) as old:
        await old.write(change("a", 1))
        monkeypatch.setattr(control, "append", append_after_the_newer)
        with pytest.raises(OutcomeUnknown):
            await old.write(change("b", 1))
        assert bodies(old.state) == {"a": 1}
        assert "newer Ask0" in old.report()["reason"]
        with pytest.raises(CatalogUnavailable, match="update it"):
            await old.write(change("c", 1))
    monkeypatch.setattr(changes, "VERSION", 2)
    async with started(replica(home)) as updated:
        assert bodies(updated.state) == {"a": 2, "b": 1}


async def test_whoever_looks_is_told_of_each_change(home: Home) -> None:
    seen: list[dict[str, object]] = []
    late: list[dict[str, object]] = []
    one = replica(home)
    one.on_change(lambda: seen.append(bodies(one.state)))
    async with started(one):
        await one.write(change("a", 1))
        one.on_change(lambda: late.append(bodies(one.state)))
        assert late == [{"a": 1}]
    assert seen[0] == {}
    assert seen[-1] == {"a": 1}
