"""Bring the database to this code's schema: schemas/clickhouse/NNNN_*.sql, in order, each recorded once."""

import re
import time
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed

FOLDER = files("ask0.schemas") / "clickhouse"
LEDGER = """
CREATE TABLE IF NOT EXISTS migrations
(
    name       String                COMMENT 'The file of schemas/clickhouse',
    checksum   String                COMMENT 'SHA-256 of the file as it was applied',
    applied_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY (name, checksum)
SETTINGS non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1
"""
UNKNOWN_TABLE, UNKNOWN_DATABASE = 60, 81
BETWEEN = "_tmp_replace_"  # what ClickHouse calls a view on its way to take another's place
TRIES, PAUSE_SECONDS = 5, 0.2

_TOKEN = re.compile(
    r"""(?P<comment> --[^\n]* | /\*.*?\*/ )
      | (?P<end> ; )
      | ' (?: [^'\\] | \\. | '' )* ' | " (?: [^"\\] | \\. )* " | ` (?: [^`\\] | \\. )* `
      | [^;'"`/-]+ | .""",
    re.DOTALL | re.VERBOSE,
)


class SchemaMismatch(Exception):
    """The database was migrated by other code than this. Nothing has been changed."""


@dataclass(frozen=True)
class Migration:
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return sha256(self.sql.encode()).hexdigest()


def migrate(warehouse: Warehouse, folder: Traversable = FOLDER) -> list[str]:
    """Apply what is missing and return its names. Safe to run again after a crash, and in two processes at once, as
    every statement and every record may come twice."""
    warehouse.create_database()
    warehouse.command(LEDGER)
    missing = _missing(warehouse, folder)
    for migration in missing:
        for statement in split(migration.sql):
            _apply(warehouse, statement)
        now = time.time_ns()
        warehouse.insert(
            "migrations",
            {"name": [migration.name], "checksum": [migration.checksum], "applied_at": [now // 1_000_000]},
            token=f"migration:{migration.name}:{now}",
        )
    return [migration.name for migration in missing]


def pending(warehouse: Warehouse, folder: Traversable = FOLDER) -> list[str]:
    """Names of what `migrate` would apply. Changes nothing."""
    return [migration.name for migration in _missing(warehouse, folder)]


def split(sql: str) -> list[str]:
    """The statements of a file, without its comments. A `;` inside quotes ends nothing."""
    statements = [""]
    for token in _TOKEN.finditer(sql):
        if token["end"]:
            statements.append("")
        else:
            statements[-1] += " " if token["comment"] else token[0]
    return [statement.strip() for statement in statements if statement.strip()]


def _apply(warehouse: Warehouse, statement: str) -> None:
    """Once more where two processes that replace the same view at the same moment pull it away under each other."""
    for left in reversed(range(TRIES)):
        try:
            warehouse.command(statement)
            return
        except QueryFailed as error:
            if BETWEEN not in str(error) or not left:
                raise
        time.sleep(PAUSE_SECONDS)


def _missing(warehouse: Warehouse, folder: Traversable) -> list[Migration]:
    known = [
        Migration(file.name, file.read_text(encoding="utf-8"))
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".sql")
    ]
    applied = _applied(warehouse)
    newer = sorted(applied.keys() - {migration.name for migration in known})
    if newer:
        raise SchemaMismatch(
            f"database {warehouse.database} is newer than this program: it has {', '.join(newer)}. Run a newer ask0"
        )
    for migration in known:
        if applied.get(migration.name, {migration.checksum}) != {migration.checksum}:
            raise SchemaMismatch(
                f"{migration.name} is not the file that database {warehouse.database} was made with. "
                "Run the ask0 that made it; a schema is changed by adding a file"
            )
    return [migration for migration in known if migration.name not in applied]


def _applied(warehouse: Warehouse) -> dict[str, set[str]]:
    try:
        rows = warehouse.query("SELECT name, checksum FROM migrations FINAL")
    except QueryFailed as error:
        if error.code in (UNKNOWN_TABLE, UNKNOWN_DATABASE):
            return {}
        raise
    applied: dict[str, set[str]] = {}
    for name, checksum in rows:
        applied.setdefault(name, set()).add(checksum)
    return applied
