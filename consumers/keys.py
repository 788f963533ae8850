"""The keys of a round, put where SQL can join them: a server takes no parameter of more than 128 KiB."""

from collections.abc import Iterable, Sequence
from secrets import randbits
from typing import Any

from warehouse.connect import Warehouse
from warehouse.errors import Unavailable


class RoundKeys:
    """Sets of keys in the table `round_keys`, under a number of this attempt's own."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._rows = 0
        self.round = randbits(63)

    def add(self, kind: str, keys: Iterable[tuple[str, str]]) -> None:
        """(project, key) pairs."""
        self._insert(kind, ("project_id", "key"), list(keys))

    def add_ids(self, kind: str, ids: Iterable[tuple[str, int]]) -> None:
        """(project, message key) pairs."""
        self._insert(kind, ("project_id", "id"), list(ids))

    def add_members(self, kind: str, members: Iterable[tuple[str, str, str, str]]) -> None:
        """(project, key, the user whose row its facts go into, the user a guest has become)."""
        self._insert(kind, ("project_id", "key", "owner", "merged_into"), list(members))

    def check(self) -> None:
        """Raises Unavailable when keys have left the table, so that a query may have found too little."""
        (present,) = self._warehouse.query(
            "SELECT count() FROM round_keys WHERE round = {round:UInt64}", {"round": self.round}
        )[0]
        if present != self._rows:
            raise Unavailable("ClickHouse restarted or ran out of room within a round: its keys are gone")

    def _insert(self, kind: str, names: Sequence[str], rows: Sequence[tuple[str | int, ...]]) -> None:
        if not rows:
            return
        columns: dict[str, list[Any]] = {"round": [self.round] * len(rows), "kind": [kind] * len(rows)}
        columns.update(zip(names, map(list, zip(*rows, strict=True)), strict=True))
        self._warehouse.insert("round_keys", columns, token=f"{self.round}:{kind}")
        self._rows += len(rows)


def among(project: str, column: str, kind: str, key: str = "key") -> str:
    """SQL: the row's project and key are in this round's set, give or take keys that two projects share. Two plain
    sets find their granules twice as fast as one of pairs (1,000 ids among 3 M: 66 ms, not 123)."""
    keys = f"FROM round_keys WHERE round = {{round:UInt64}} AND kind = '{kind}'"
    return f"{project} IN (SELECT project_id {keys}) AND {column} IN (SELECT {key} {keys})"
