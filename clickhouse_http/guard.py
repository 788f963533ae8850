"""What a read-only user's statement may do, decided on the syntax tree that ClickHouse's own parser gives.

The tree (parseQueryToJSON) is held against allow-lists, and what runs afterwards is the text that ClickHouse writes
from that same tree (formatQueryFromJSON): nothing runs that was not looked at, whatever its quoting or its comments.
Where the tree cannot hold a statement faithfully, the statement is refused.

Behind it stands the engine with readonly=1, measured on chDB 26.9. It refuses writes, DDL, SYSTEM, every change of a
setting and the table functions that reach files or servers; but it lets pass INTO OUTFILE, KILL QUERY, USE, BACKUP,
sleep, the function file() and the table functions merge, cluster and python, and it knows of no table that is closed.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ask0.clickhouse_http import allowed
from ask0.clickhouse_http.codes import Code, failed
from ask0.clickhouse_http.request import Request
from ask0.clickhouse_http.statement import STREAMED
from ask0.clickhouse_http.tree import (
    Ask,
    Functions,
    Names,
    Node,
    parse,
    refused,
    replace_tables,
    rows_of,
    say_who,
    take_settings,
    written,
)

READABLE = allowed.READABLE
MAX_TEXT_BYTES = 256 << 10
MAX_RANGE_ELEMENTS = 5_000_000  # of one array that range() makes; a call over it looks at no time limit
INFORMATION_SCHEMAS = ("information_schema", "INFORMATION_SCHEMA")

# Statements about one table, which have no tree: the table stands in a SELECT of its own, and that is looked at.
_ABOUT = re.compile(
    r"(?P<verb>DESCRIBE|DESC|SHOW\s+CREATE|EXISTS)(?:\s+(?:TABLE|VIEW))?(?=[\s(`\"])(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_EXISTS_DATABASE = re.compile(r"\s*EXISTS\s+DATABASE\s+([`\"]?)(\w+)\1\s*(?:FORMAT\s+(\w+)\s*)?;?\s*", re.IGNORECASE)
_COMMENTS = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)

# What of system's tables tells where files lie, or takes all settings for closed.
_MASKS = {
    "tables": "SELECT * REPLACE (emptyArrayString() AS data_paths, '' AS metadata_path) FROM system.tables",
    "databases": "SELECT * REPLACE ('' AS data_path, '' AS metadata_path) FROM system.databases",
    "settings": "SELECT * REPLACE (toUInt8(name IN ({closed})) AS readonly) FROM system.settings",
}

Settings = dict[str, str | int | float]


@dataclass(frozen=True)
class Checked:
    """A statement that may run, and the settings it asked for and may have."""

    sql: str
    format: str
    settings: Mapping[str, str | int | float]


class Guard:
    """Lets statements pass that only read `database`'s tables named in `readable`, and what describes them."""

    def __init__(self, database: str, readable: frozenset[str]) -> None:
        self._database = database
        self._readable = readable
        self._functions: Functions | None = None
        self._masks: dict[str, Node] = {}
        self._settings: frozenset[str] = frozenset()  # that the engine knows

    def database_of(self, request: Request) -> str:
        """Clients that were told of no database send `default`: they get ours."""
        asked = request.database
        if asked in ("default", self._database):
            return self._database
        if asked == "system" or asked in INFORMATION_SCHEMAS:
            return asked
        raise failed(Code.UNKNOWN_DATABASE, f"Database {asked} does not exist, or is not open to read-only users")

    def check(self, ask: Ask, text: str, request: Request) -> Checked:
        """Raises QueryFailed unless the statement may run."""
        self._load(ask)
        assert self._functions
        names = Names(self._functions, dict(request.parameters))
        settings = self._of_url(request.settings)
        if asked := _EXISTS_DATABASE.fullmatch(text):
            there = asked[2] in (self._database, "system", *INFORMATION_SCHEMAS)
            return Checked(
                f"SELECT toUInt8({int(there)}) AS result", _known_format(asked[3] or request.format), settings
            )
        about = _ABOUT.match(text, _end_of_comments(text))
        tree = parse(ask, f"SELECT * FROM{about['rest']}" if about else text)
        fmt = _known_format(_take_format(tree) or request.format)
        database = self.database_of(request)
        if about:
            settings |= _of_clause(take_settings(tree))
            names.walk(tree)
            if about["verb"].upper() == "EXISTS" and not self._all_readable(names, database):
                return Checked("SELECT toUInt8(0) AS result", fmt, settings)
            replace_tables(tree, self._masks, database)
            sql = _about(ask, about["verb"], tree)
        else:
            settings |= self._enter(tree, names)
            replace_tables(tree, self._masks, database)
            say_who(tree, request.user.name)
            sql = written(ask, tree)
        self._check_tables(ask, names, database)
        return Checked(sql, fmt, settings)

    def filters(self) -> str:
        """The setting that leaves closed tables out of what lists tables, wherever it is asked."""
        names = ", ".join(text_of(name) for name in sorted(self._readable))
        rows = {"system.tables": "name", "system.columns": "table"}
        open_ones = ", ".join(map(text_of, ("system", *INFORMATION_SCHEMAS)))
        filters = {
            table: f"database IN ({open_ones}) OR database = {text_of(self._database)} AND {name} IN ({names})"
            for table, name in rows.items()
        }
        return "{" + ", ".join(f"{text_of(table)}: {text_of(condition)}" for table, condition in filters.items()) + "}"

    def _load(self, ask: Ask) -> None:
        if not self._functions:
            closed = ", ".join(map(text_of, sorted(allowed.RESULT_SETTINGS)))
            self._masks = {name: parse(ask, sql.format(closed=closed)) for name, sql in _MASKS.items()}
            self._settings = frozenset(name for (name,) in rows_of(ask, "SELECT name FROM system.settings"))
            self._functions = Functions.load(ask)

    def limits(self, memory_bytes: int, seconds: float, checked: Checked) -> Settings:
        """The settings that a query runs under, the last ones before it: readonly=1 lets none change again."""
        ours: Settings = {"max_execution_time": seconds, "max_memory_usage": memory_bytes, "max_threads": 2}
        if checked.format not in STREAMED:  # what does not stream lies in memory as a whole, as text
            ours["max_result_bytes"] = memory_bytes // 4
        return {
            **{name: min(limit, checked.settings.get(name, limit), key=float) for name, limit in ours.items()},
            "timeout_overflow_mode": "throw",
            "max_temporary_data_on_disk_size_for_query": memory_bytes,
            "function_range_max_elements_in_block": MAX_RANGE_ELEMENTS,
            "additional_table_filters": self.filters(),
            "allow_introspection_functions": 0,
            "allow_ddl": 0,
            "readonly": 1,
        }

    def _enter(self, tree: Node, names: Names) -> Settings:
        """Look at a whole statement; the settings it asks for."""
        settings: Settings = {}
        match tree["type"]:
            case "SelectWithUnionQuery":
                settings = _of_clause(take_settings(tree))
                names.walk(tree)
            case "ExplainQuery" if tree["kind"] in allowed.EXPLAINS:
                _only(tree, "kind", "query", "settings")
                if tree["query"]["type"] != "SelectWithUnionQuery":
                    raise refused("EXPLAIN explains a SELECT")
                settings = _of_clause(take_settings(tree) + take_settings(tree["query"]))
                names.walk(tree["query"])
            case "ShowTablesQuery":
                _only(tree, "databases", "from", "full", "like", "not_like", "case_insensitive_like", "limit_length")
                self._check_database(tree.get("from"))
                names.walk(tree.get("limit_length", {}))
            case "ShowColumnsQuery" | "ShowIndexesQuery":
                _only(tree, "database", "extended", "full", "like", "not_like", "case_insensitive_like", "table")
                names.tables.add(tuple(filter(None, (tree.get("database"), tree["table"]))))
            case "UseQuery":
                _only(tree, "database")
                self._check_database(tree["database"])
            case _:
                raise refused(f"{tree['type'].removesuffix('Query')} is not open to read-only users")
        return settings

    def _check_database(self, identifier: Node | None) -> None:
        if identifier is not None:
            name = identifier["name"]
            if identifier.get("children") or name not in (self._database, "system", "default", *INFORMATION_SCHEMAS):
                raise refused(f"the database {name} is not open to read-only users")

    def _check_tables(self, ask: Ask, names: Names, database: str) -> None:
        unknown = {parts for parts in names.tables if not self._is_readable(parts, database)}
        sets = {parts for parts in names.sets if not self._is_readable(parts, database)}
        if not unknown and not sets:
            return
        databases, tables = _existing(ask, database)

        def is_there(name: str) -> bool:
            return name.lower() in tables or name in self._readable

        for parts in unknown:
            # A name that WITH defines may still mean the table of that name, inside its own definition for one.
            if len(parts) > 1 or parts[0] not in names.defined or parts[0].lower() in tables:
                where = parts[0] if len(parts) > 1 else database
                if where == self._database and not is_there(parts[-1]):
                    raise failed(Code.UNKNOWN_TABLE, f"Table {where}.{parts[-1]} does not exist")
                raise refused(self._advice(".".join(parts), tables))
        for parts in sets:
            if (len(parts) == 1 and parts[0].lower() in tables) or (len(parts) == 2 and parts[0].lower() in databases):
                raise refused(self._advice(".".join(parts), tables))

    def _all_readable(self, names: Names, database: str) -> bool:
        return all(self._is_readable(parts, database) for parts in names.tables)

    def _is_readable(self, parts: tuple[str, ...], database: str) -> bool:
        where, table = parts if len(parts) == 2 else (database, parts[0])
        if where == self._database:
            return table in self._readable
        if where == "system":
            return table in allowed.SYSTEM_TABLES
        return where in INFORMATION_SCHEMAS and table.lower() in allowed.INFORMATION_SCHEMA

    def _advice(self, name: str, existing: set[str]) -> str:
        open_tables = ", ".join(f"{self._database}.{table}" for table in sorted(self._readable & existing))
        return f"the table {name} is not open to read-only users; {open_tables} are"

    def _of_url(self, asked: Mapping[str, str]) -> Settings:
        """What clients set of themselves is often meant for other users: what only changes how a query is run is left
        out. Raises QueryFailed for what would change its answer, or is no setting."""
        for name in asked:
            if name in allowed.RESULT_SETTINGS:
                raise refused(f"the setting {name} is not open to read-only users; leave it out")
            if name not in self._settings and not _is_harmless(name) and name not in allowed.DROPPED_SETTINGS:
                raise failed(Code.UNKNOWN_SETTING, f"Setting {name} is neither a builtin setting nor open here")
        return {name: value for name, value in asked.items() if _is_harmless(name) or _lowers(name, value)}


def _about(ask: Ask, verb: str, tree: Node) -> str:
    """DESCRIBE and the like of the one table, function or subquery that the tree selects from."""
    selects = tree["list_of_selects"]["children"]
    elements = selects[0].get("tables", {}).get("children", [])
    simple = (
        selects[0].keys() <= {"type", "select", "tables"}
        and elements
        and elements[0].keys() <= {"type", "table_expression"}
    )
    if len(selects) != 1 or len(elements) != 1 or not simple:
        raise refused(f"{verb.upper()} takes one table")
    table = elements[0]["table_expression"].get("database_and_table_name")
    if table:
        name = ".".join(quoted(part) for part in table.get("name_parts") or [table["name"]])
        return f"{verb} TABLE {name}"
    if not verb.upper().startswith("DESC"):
        raise refused(f"{verb.upper()} takes one table")
    return f"DESCRIBE TABLE ({written(ask, tree)})"


def quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def text_of(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _only(tree: Node, *keys: str) -> None:
    if strange := {name for name, value in tree.items() if value} - {"type", *keys}:
        raise refused(f"{', '.join(sorted(strange))} is not allowed here")


def _existing(ask: Ask, database: str) -> tuple[set[str], set[str]]:
    """Databases, and the tables of one, in lower case."""
    sql = (
        "SELECT (SELECT groupArray(lower(name)) FROM system.databases),"
        " (SELECT groupArray(lower(name)) FROM system.tables WHERE database = {database:String})"
    )
    databases, tables = orjson.loads(ask(sql, {"database": database}))
    return set(databases), set(tables)


def _end_of_comments(text: str) -> int:
    match = _COMMENTS.match(text)
    return match.end() if match else 0


def _known_format(name: str) -> str:
    if name not in allowed.FORMATS:
        raise failed(Code.UNKNOWN_FORMAT, f"The format {name} is unknown, or not open to read-only users")
    return name


def _take_format(tree: Node) -> str | None:
    inner = tree.get("query", {}) if tree["type"] == "ExplainQuery" else {}
    node = tree.pop("format_ast", None) or inner.pop("format_ast", None)
    return node["name"] if node else None


def _of_clause(asked: Iterable[tuple[str, Any]]) -> Settings:
    settings: Settings = {}
    for name, value in asked:
        if name in allowed.DROPPED_SETTINGS:
            continue
        if not isinstance(value, (str, int, float)) or not (_is_harmless(name) or _lowers(name, value)):
            raise refused(f"the setting {name} is not open to read-only users; leave it out")
        settings[name] = int(value) if isinstance(value, bool) else value
    return settings


def _is_harmless(name: str) -> bool:
    if name in allowed.DROPPED_SETTINGS or name in allowed.SETTINGS_WITH_FILES:
        return False
    return name in allowed.SETTINGS or name.startswith(allowed.SETTING_PREFIXES)


def _lowers(name: str, value: object) -> bool:
    """Whether it is a limit, and one at all: 0 would be none. limits() takes the lower of two."""
    try:
        return name in allowed.LIMITS and float(str(value)) > 0
    except ValueError:
        return False
