"""Mutations that are waited for: what they remove is in no active part when they are done."""

import time
from collections.abc import Mapping
from typing import Any

from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed

FIRST_LOOK_SECONDS = 0.02
LOOK_SECONDS = 1.0  # between looks at most
MOST_LOOKS_AT_FAILURE = 30


def mutate(warehouse: Warehouse, table: str, sql: str, bound: Mapping[str, Any]) -> None:
    """Returns when it is done, however long it takes: no connection waits for it. The SQL names the `run`, by which it
    is found. Raises QueryFailed, with nothing left to be done by itself, when ClickHouse cannot do it."""
    warehouse.command(sql, bound)
    of_run = {"database": warehouse.database, "table": table, "run": bound["run"]}
    where = "database = {database:String} AND table = {table:String} AND NOT is_done"
    where += " AND position(command, {run:String}) > 0"
    failures, wait = 0, FIRST_LOOK_SECONDS
    while rows := warehouse.query(f"SELECT latest_fail_reason FROM system.mutations WHERE {where}", of_run):
        failures += any(reason for (reason,) in rows)
        if failures > MOST_LOOKS_AT_FAILURE:
            warehouse.command(f"KILL MUTATION WHERE {where}", of_run)
            raise QueryFailed(f"{table} could not be rid of what is to go: {rows[0][0][:300]}")
        time.sleep(wait)
        wait = min(2 * wait, LOOK_SECONDS)
