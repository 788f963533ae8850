"""Rows by time, newest first, and read on from where a page ended: the place of a row is its time and its id."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from ask0.schemas.listing import Place, WrongCursor
from ask0.warehouse.connect import Warehouse

SECONDS = 5
SETTINGS = f"""
SETTINGS max_execution_time = {SECONDS}, max_memory_usage = 1000000000, date_time_output_format = 'iso',
         output_format_json_quote_64bit_integers = 0
"""
ALWAYS = 1 << 62  # later than any time, as epoch ms


class Moment(NamedTuple):
    """`at` is epoch ms."""

    at: int
    id: str

    @property
    def bound(self) -> dict[str, Any]:
        return {"after_at": self.at, "after_id": self.id}


NEWEST = Moment(ALWAYS, "")
OLDEST = Moment(-ALWAYS, "")


class Page(NamedTuple):
    rows: list[dict[str, Any]]
    after: Moment | None  # where the last one stands; None if no other comes after


def moment_of(places: Sequence[Place]) -> Moment:
    """Raises WrongCursor."""
    match places:
        case [int(at), str(id)] if not isinstance(at, bool) and -ALWAYS <= at <= ALWAYS:
            return Moment(at, id)
    raise WrongCursor


def place(time: str) -> str:
    """SQL of a time as a Moment has it."""
    return f"toUnixTimestamp64Milli({time})"


def earlier(time: str, id: str) -> str:
    """SQL of what comes after the bound moment, newest first."""
    return f"({place(time)}, {id}) < ({{after_at:Int64}}, {{after_id:String}})"


def read_rows(warehouse: Warehouse, sql: str, bound: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in warehouse.raw(sql, "JSONEachRow", bound).splitlines()]
