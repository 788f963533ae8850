"""All rows of a question, a page at a time: each bounded in rows and in bytes, and read on from where the last ended.

A page holds neither a query nor memory while its reader takes it, however long that is.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import Unavailable
from ask0.warehouse.moments import read_rows

SECONDS = 30  # of one page: nobody waits for it at a screen
PAGE_BYTES = 500_000  # and one row more
FEWEST_ROWS, FIRST_ROWS, MOST_ROWS = 4, 64, 1_024
PAUSES = (0.5, 2.0, 5.0)  # before a page is tried again

FEWEST_BLOCK_ROWS, MOST_BLOCK_ROWS = 64, 1_024

# The memory counts, not the time. A block of JSON is as many rows as it may be, however large they are.
SETTINGS = f"""
SETTINGS max_execution_time = {SECONDS}, max_memory_usage = 1000000000, max_threads = 1, max_block_size = 8192,
         date_time_output_format = 'iso', output_format_json_quote_64bit_integers = 0,
         output_format_json_validate_utf8 = 1
"""

P = ParamSpec("P")
T = TypeVar("T")
Row = dict[str, Any]


def bounded(rows: str, order: str, found: str = "count() OVER ()") -> str:
    """SQL of a page of the SELECT `rows`, which takes `{limit:UInt32}` and says in `size` how large each row is. If it
    leaves rows out, it must not be the last one, and `found` is the column that says how many there were."""
    return f"""
    SELECT * EXCEPT (size, upto) FROM (
        SELECT *, count() OVER () AS kept, {found} AS found,
               sum(size) OVER (ORDER BY {order} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS upto
        FROM ({rows})
    )
    WHERE upto - size < {PAGE_BYTES} ORDER BY {order} {SETTINGS}
    """


def walk(
    warehouse: Warehouse,
    sql: str,
    bound: Mapping[str, Any],
    first: Mapping[str, Any],
    columns: Sequence[str],
    most: int = MOST_ROWS,
) -> Iterator[list[Row]]:
    """Pages of `bounded` SQL. `first` are the parameters that say where it begins; `columns` of the last row say, one
    for each, where the next page does. Raises Unavailable, QueryFailed."""
    after, limit = dict(first), FIRST_ROWS
    while True:
        block = max(FEWEST_BLOCK_ROWS, min(2 * limit, MOST_BLOCK_ROWS))
        small = sql.replace("max_block_size = 8192", f"max_block_size = {block}")
        rows = read_patiently(warehouse, small, {**bound, **after, "limit": limit})
        if not rows:
            return
        yield rows
        share = len(rows) / rows[0]["kept"]
        if rows[0]["found"] < limit and share == 1:
            return
        after = {name: rows[-1][column] for name, column in zip(after, columns, strict=True)}
        # What does not fit is read for nothing, so not much more is asked for than will fit.
        fitting = 2 * limit if share == 1 else int(limit * share * 1.25)
        limit = max(FEWEST_ROWS, min(fitting, most))


def read_patiently(warehouse: Warehouse, sql: str, bound: Mapping[str, Any]) -> list[Row]:
    """Raises Unavailable, QueryFailed."""
    return patiently(read_rows, warehouse, sql, bound)


def patiently(read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Tries again for some seconds. Raises Unavailable, QueryFailed."""
    for pause in PAUSES:
        try:
            return read(*args, **kwargs)
        except Unavailable:
            time.sleep(pause)
    return read(*args, **kwargs)
