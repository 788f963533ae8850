"""The keys of a round, put where SQL can join them: a server takes no parameter of more than 128 KiB."""

from collections.abc import Collection, Mapping
from secrets import randbits
from typing import Any

from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import Unavailable

NOTHING: dict[str, Any] = {"key": "", "owner": "", "merged_into": "", "id": 0}


class RoundKeys:
    """Sets of keys in the table `round_keys`, under a number of this attempt's own. What was added is there for
    queries once it was stored."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._added = _no_columns()
        self._stored = 0
        self.round = randbits(63)

    def add(self, kind: str, keys: Collection[tuple[str, str]]) -> None:
        """(project, key) pairs."""
        self._add(kind, [project_id for project_id, _ in keys], key=[key for _, key in keys])

    def add_ids(self, kind: str, ids: Collection[tuple[str, int]]) -> None:
        """(project, message key) pairs."""
        self._add(kind, [project_id for project_id, _ in ids], id=[number for _, number in ids])

    def add_members(self, kind: str, members: Collection[tuple[str, str, str, str]]) -> None:
        """(project, key, the user whose row its facts go into, the user a guest has become)."""
        project_ids, keys, owners, merged_into = map(list, zip(*members, strict=True))
        self._add(kind, project_ids, key=keys, owner=owners, merged_into=merged_into)

    def store(self) -> None:
        """In one insert, as each takes milliseconds."""
        rows = len(self._added["kind"])
        if rows:
            columns = {"round": [self.round] * rows, **self._added}
            self._warehouse.insert("round_keys", columns, token=f"{self.round}:{self._stored}")
            self._stored += rows
            self._added = _no_columns()

    def derive(self, kind: str, sql: str) -> None:
        """`sql` inserts keys of this kind that follow from those stored. The oldest leave the table first, so that none
        of these have gone while those are there."""
        self._warehouse.command(sql, {"round": self.round})
        self._stored += self._count("AND kind = {kind:String}", {"kind": kind})

    def check(self) -> None:
        """Raises Unavailable when keys have left the table, so that a query may have found too little."""
        if self._count() != self._stored:
            raise Unavailable("ClickHouse restarted or ran out of room within a round: its keys are gone")

    def _count(self, condition: str = "", bound: Mapping[str, str] = {}) -> int:
        sql = f"SELECT count() FROM round_keys WHERE round = {{round:UInt64}} {condition}"
        return int(self._warehouse.query(sql, {"round": self.round, **bound})[0][0])

    def _add(self, kind: str, project_ids: list[str], **given: list[Any]) -> None:
        rows = len(project_ids)
        self._added["kind"] += [kind] * rows
        self._added["project_id"] += project_ids
        for name, nothing in NOTHING.items():
            self._added[name] += given.get(name) or [nothing] * rows


def _no_columns() -> dict[str, list[Any]]:
    return {name: [] for name in ("kind", "project_id", *NOTHING)}


def among(project: str, column: str, kind: str, key: str = "key") -> str:
    """SQL: the row's project and key are in this round's set, give or take keys that two projects share. Two plain
    sets find their granules twice as fast as one of pairs (1,000 ids among 3 M: 66 ms, not 123)."""
    keys = f"FROM round_keys WHERE round = {{round:UInt64}} AND kind = '{kind}'"
    return f"{project} IN (SELECT project_id {keys}) AND {column} IN (SELECT {key} {keys})"


def mapped(project: str, key: str, kind: str, otherwise: str) -> str:
    """SQL: the owner that the row's project and key have in this round's set, else what is said."""
    # Sorted, so that both subqueries give the same order.
    pairs = f"""
    (SELECT arraySort(groupArray((concat(project_id, char(0), key), owner)))
     FROM round_keys WHERE round = {{round:UInt64}} AND kind = '{kind}')
    """
    return f"transform(concat({project}, char(0), {key}), {pairs}.1, {pairs}.2, {otherwise})"
