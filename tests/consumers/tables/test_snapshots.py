"""Snapshots read the same however their users are cut into pages, and whoever finds the guests of a user."""

import pytest

from ask0.consumers.tables import snapshots
from ask0.consumers.tables.round_keys import RoundKeys
from ask0.consumers.tables.snapshots import Touched, rebuild, refresh
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import Unavailable
from tests.consumers.beacons import chunk, event, history, record, store, tables
from tests.thoroughness import SEEDS


def remove_rows(warehouse: Warehouse) -> None:
    warehouse.command("TRUNCATE TABLE user_rows")
    warehouse.command("TRUNCATE TABLE conversation_rows")


@pytest.mark.parametrize("most", [2, 7])
def test_pages_that_are_refreshed_at_once_read_as_one_does(
    embedded: Warehouse, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    store(embedded, chunk(*history(4, 60)))
    before = tables(embedded)
    assert len(before["users"]) > 2
    remove_rows(embedded)
    monkeypatch.setattr(snapshots, "FEW_KEYS", 1)
    monkeypatch.setattr(snapshots, "MAX_KEYS_AT_ONCE", most)
    rebuild(embedded)
    assert tables(embedded) == before


@pytest.mark.parametrize("seed", SEEDS)
def test_clickhouse_finds_the_guests_that_are_found_where_users_were_merged(
    embedded: Warehouse, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    store(embedded, chunk(*history(seed, 60)))
    rows = "SELECT merged_into, * EXCEPT (merged_into, _version) FROM user_rows FINAL ORDER BY id"
    found = embedded.query(rows)
    assert any(merged_into for merged_into, *_ in found)
    remove_rows(embedded)
    monkeypatch.setattr(snapshots, "read_merging", lambda *_: {"p"})
    rebuild(embedded)
    assert embedded.query(rows) == found


def test_a_page_whose_users_have_too_many_guests_is_halved(
    embedded: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [f"u{number}" for number in range(4)]
    store(
        embedded,
        chunk(
            record(
                *(event(userId=user, anonymousId=f"{user}-{n}", type="identify") for user in users for n in range(90))
            )
        ),
    )
    before = tables(embedded)
    remove_rows(embedded)
    less = snapshots.MEMBERS.replace(f"max_rows_in_set = {snapshots.MAX_GUEST_ROWS}", "max_rows_in_set = 100")
    monkeypatch.setattr(snapshots, "MEMBERS", less)
    assert refresh(embedded, Touched({("p", user) for user in users})) == []
    assert tables(embedded)["users"] == before["users"]


def test_keys_that_follow_from_others_are_missed_when_all_have_gone(embedded: Warehouse) -> None:
    store(
        embedded,
        chunk(record(event(userId="u", anonymousId="a", event="Asked"), event(anonymousId="a", event="Asked"))),
    )
    keys = RoundKeys(embedded)
    keys.add("user", [("p", "u"), ("p", "g-a")])
    keys.store()
    keys.derive("member", snapshots.MEMBERS)
    keys.check()
    members = "SELECT key, owner, max(merged_into) FROM round_keys WHERE round = {round:UInt64} AND kind = 'member' "
    assert embedded.query(members + "GROUP BY key, owner ORDER BY key, owner", {"round": keys.round}) == [
        ("g-a", "g-a", "u"),
        ("g-a", "u", ""),
        ("u", "u", ""),
    ]
    embedded.command("TRUNCATE TABLE round_keys")
    with pytest.raises(Unavailable, match="its keys are gone"):
        keys.check()
