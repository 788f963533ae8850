"""Who is erased, as documents: each hash is in one of them, whatever is asked for, in any order and by several."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ask0.catalog import suppressions
from ask0.catalog.collection import Stored
from ask0.catalog.errors import CatalogError
from ask0.catalog.replica import Replica
from ask0.catalog.suppressions import Suppressions, plan
from ask0.eventlog.open import open_control
from ask0.schemas.erasure import FOR_EVER, Pack

moments = st.one_of(st.just(FOR_EVER), st.integers(1, 5))
asked = st.lists(st.dictionaries(st.sampled_from("abcdefgh"), moments, max_size=5), max_size=6)


def ends(packs: dict[str, Stored[Pack]]) -> dict[str, int]:
    every = [hash for _, pack in packs.values() for hash in pack.hashes]
    assert len(every) == len(set(every)), "each in one place"
    return {hash: pack.until.get(hash, FOR_EVER) for _, pack in packs.values() for hash in pack.hashes}


@given(asked)
def test_each_hash_is_dropped_until_the_latest_moment_that_was_asked_for(wanted: list[dict[str, int]]) -> None:
    packs: dict[str, Stored[Pack]] = {}
    expected: dict[str, int] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suppressions, "MAX_HASHES", 3)
        for one in wanted:
            packs |= {pack.subject: Stored(1, pack) for pack in plan(packs, "p", "key", one)}
            expected = expected | {hash: max(moment, expected.get(hash, 0)) for hash, moment in one.items()}
            assert ends(packs) == expected
            assert all(len(pack.hashes) <= 3 for _, pack in packs.values())
            assert plan(packs, "p", "key", one) == [], "twice is as once"


def test_a_project_has_room_for_so_many_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppressions, "MAX_HASHES", 2)
    monkeypatch.setattr(suppressions, "MAX_PACKS", 2)
    assert len(plan({}, "p", "key", dict.fromkeys("abcd", FOR_EVER))) == 2
    with pytest.raises(CatalogError, match="no room for more"):
        plan({}, "p", "key", dict.fromkeys("abcde", FOR_EVER))


async def test_several_who_erase_at_once_share_one_key_and_lose_nobody(tmp_path: Path) -> None:
    dsn = f"sqlite://{tmp_path / 'log.sqlite3'}"
    replicas = [Replica(open_control(dsn)) for _ in range(3)]
    for replica in replicas:
        await replica.start()
    try:
        each = [Suppressions(replica) for replica in replicas]
        await asyncio.gather(*(one.add("p", [f"user {place}"], "test") for place, one in enumerate(each)))
        for one in each:
            await one.replica.catch_up()
            assert len({pack.key for _, pack in one.of("p").values()}) == 1
            assert all(one.drops("p", f"user {place}") for place in range(3))
            assert not one.drops("p", "somebody else")
            assert not one.drops("q", "user 0")
        assert await each[0].lift("p", "user 0", "test")
        assert await each[0].lift("p", "user 0", "test")
        assert await each[0].lift("p", "nobody", "test") == []
        await each[1].replica.catch_up()
        assert [each[1].drops("p", f"user {place}") for place in range(3)] == [False, True, True]
        await each[1].add("p", ["user 0"], "test")
        assert each[1].drops("p", "user 0")
    finally:
        for replica in replicas:
            await replica.close()
