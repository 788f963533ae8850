"""How rows go into a table: one block per insert, under settings that are pinned here and nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from clickhouse_connect.datatypes.base import ClickHouseType
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.insert import InsertContext

BLOCK_ROWS = 1_048_449
BLOCK_BYTES = 268_402_944

SETTINGS: dict[str, str | int | float] = {
    "async_insert": 0,
    "max_insert_threads": 1,
    "max_insert_block_size": BLOCK_ROWS,
    "min_insert_block_size_rows": BLOCK_ROWS,
    "min_insert_block_size_bytes": BLOCK_BYTES,
    "max_insert_block_size_bytes": 0,
    "use_strict_insert_block_limits": 0,
    "json_type_escape_dots_in_keys": 1,
    "input_format_try_infer_dates": 0,
    "input_format_try_infer_datetimes": 0,
    "enable_lightweight_update": 1,
}


@dataclass(frozen=True)
class Columns:
    """A table's columns as an insert names them, with their types: asked for once, not at every insert."""

    table: str
    names: tuple[str, ...]
    types: tuple[ClickHouseType, ...]

    @classmethod
    def describe(cls, client: Client, table: str, names: Sequence[str]) -> Self:
        context = client.create_insert_context(table, list(names))
        return cls(context.table, tuple(names), tuple(context.column_types))


def one_block(columns: Columns, values: list[list[Any]], token: str) -> InsertContext:
    """Raises ValueError when the columns are not equally long: their bytes would be read as other rows."""
    rows = len(values[0])
    if any(len(column) != rows for column in values):
        raise ValueError(f"the columns for {columns.table} are not equally long")
    return InsertContext(
        columns.table,
        columns.names,
        columns.types,
        values,
        column_oriented=True,
        settings={"insert_deduplication_token": token},
        block_size=max(rows, 1),
    )
