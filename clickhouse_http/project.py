"""What a member of one project may ask: one SELECT, in which each table is that project's rows of it and nothing else.

Three lines, each of which would do by itself:
* The analyst's guard reads the statement's tree: names, functions and nodes that are not open are refused.
* In that tree a subquery stands in each table's place. What a view reads is taken apart down to the tables, and each of
  them is read with `PREWHERE project_id = …`, which ClickHouse tries before any condition of the statement's own. So no
  error, and no time, of such a condition tells of a row of somebody else. The condition names its table by an alias
  that nobody can guess: no name of the statement's can get in between.
* The settings filter the same tables again, and close all others; readonly=1 keeps a statement from changing them.
"""

import re
from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any, NamedTuple

import orjson

from ask0.clickhouse_http import allowed
from ask0.clickhouse_http.codes import Code, failed
from ask0.clickhouse_http.guard import MAX_RANGE_ELEMENTS, Settings, quoted, text_of
from ask0.clickhouse_http.tree import (
    Ask,
    Functions,
    Names,
    Node,
    parse,
    replace_tables,
    rows_of,
    take_settings,
    written,
)
from ask0.warehouse.errors import QueryFailed

PROJECT, TABLE = "ask0-project-marker", "ask0_table_marker"  # in a mask, until it is somebody's
MOST_TABLES = 40  # that a statement names: each is as much text as its view
FILTERING = frozenset(("equals",))  # functions that the filter is made of: nothing may be called so

_QUOTED = re.compile(r"`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\"")
_TABLES = """
    SELECT name, as_select, comment, engine LIKE '%MergeTree' FROM system.tables WHERE database = {database:String}
"""
_COLUMNS = """
    SELECT table, name, type, comment FROM system.columns
    WHERE database = {database:String} AND default_kind != 'EPHEMERAL' ORDER BY table, position
"""


class Column(NamedTuple):
    name: str
    type: str
    comment: str


class Table(NamedTuple):
    name: str
    comment: str
    columns: tuple[Column, ...]


class Limits(NamedTuple):
    seconds: float
    memory_bytes: int
    rows_to_read: int
    result_bytes: int
    threads: int


@dataclass(frozen=True)
class Statement:
    """What may run, and under which settings; which tables it reads."""

    sql: str
    settings: Settings
    tables: frozenset[str]
    shown: str  # without its values and comments, for the audit log


@dataclass(frozen=True)
class Schema:
    """The tables of Ask0, as they were when somebody asked first."""

    functions: Functions
    tables: Mapping[str, Table]  # that a member may read
    masks: Mapping[str, Node]
    bases: frozenset[str]  # that the masks read
    others: frozenset[str]  # tables that hold rows, and are closed
    names: frozenset[str]  # of all tables and views, in lower case


@dataclass
class ProjectGuard:
    database: str
    _schema: Schema | None = field(default=None, init=False)

    def tables(self, ask: Ask) -> list[Table]:
        return [table for _, table in sorted(self._load(ask).tables.items())]

    def check(
        self, ask: Ask, text: str, project_id: str, may_read: Collection[str], limits: Limits, rows: int
    ) -> Statement:
        """Raises QueryFailed unless the statement may run."""
        schema = self._load(ask)
        tree = parse(ask, text)
        if tree["type"] != "SelectWithUnionQuery":
            raise _refused("this is no SELECT, and nothing else is open here")
        if take_settings(tree):
            raise _refused("SETTINGS is not open here: leave it out")
        if tree.pop("format_ast", None):
            raise _refused("FORMAT is not open here: leave it out, and ask for CSV with `?format=csv`")
        names = Names(schema.functions, {})
        names.walk(tree)
        self._check_names(schema, names)
        tables = self._read(schema, names, may_read)
        _check_nodes(tree)
        masks = {name: _filled(schema.masks[name], project_id) for name in tables}
        replace_tables(tree, masks, self.database, of=self.database)
        self._check_replaced(tree, schema, names)
        return Statement(
            sql=written(ask, tree),
            settings=self._settings(schema, project_id, limits, rows),
            tables=frozenset(tables),
            shown=_shown(ask, text),
        )

    def _load(self, ask: Ask) -> Schema:
        if self._schema is None:
            self._schema = _schema_of(ask, self.database)
        return self._schema

    def _read(self, schema: Schema, names: Names, may_read: Collection[str]) -> set[str]:
        read = set()
        for parts in names.tables:
            where, name = parts if len(parts) == 2 else (self.database, parts[-1])
            if len(parts) == 1 and name in names.defined:
                continue
            if len(parts) > 2 or where != self.database or name not in schema.tables:
                raise failed(
                    Code.UNKNOWN_TABLE,
                    f"there is no table {'.'.join(parts)} here; there are {', '.join(sorted(may_read))}",
                )
            if name not in may_read:
                raise _refused(f"the table {name} needs a scope that you have not: see docs/analysts.md")
            read.add(name)
        return read

    def _check_names(self, schema: Schema, names: Names) -> None:
        """What could mean something else than it seems to where ClickHouse looks it up."""
        for name in names.defined:
            if name.lower() in schema.names:
                raise _refused(f"WITH calls something {name}, which is a table: give it another name")
        if taken := {name for name in names.aliases | names.defined if name.lower() in FILTERING}:
            raise _refused(f"nothing may be called {', '.join(sorted(taken))} here: give it another name")
        may_be_tables = {*schema.names}
        before = 0
        while before < len(may_be_tables):
            before = len(may_be_tables)
            may_be_tables |= {
                alias.lower() for alias, parts in names.renamed if self._may_be_table(parts, may_be_tables)
            }
        for parts in names.looked_in:
            if self._may_be_table(parts, may_be_tables):
                raise _refused(f"write IN (SELECT … FROM {parts[-1]}) in place of IN {'.'.join(parts)}")

    def _may_be_table(self, parts: tuple[str, ...], names: Collection[str]) -> bool:
        return parts[-1].lower() in names and (len(parts) == 1 or parts[0].lower() == self.database.lower())

    def _check_replaced(self, tree: Node, schema: Schema, names: Names) -> None:
        """Nothing is left but what WITH defines and, in the masks, the tables that they filter."""
        found = [node for node in _nodes(tree) if node.get("type") == "TableIdentifier"]
        if len(found) > MOST_TABLES:
            raise failed(Code.QUERY_IS_TOO_LARGE, f"a statement names at most {MOST_TABLES} tables")
        for node in found:
            parts = node.get("name_parts") or [node["name"]]
            is_mask = len(parts) == 2 and parts[0] == self.database and parts[1] in schema.bases
            if not is_mask and not (len(parts) == 1 and parts[0] in names.defined):
                raise _refused(f"the table {'.'.join(parts)} cannot be read in this place")

    def _settings(self, schema: Schema, project_id: str, limits: Limits, rows: int) -> Settings:
        return {
            "limit": rows,
            "max_execution_time": limits.seconds,
            "timeout_overflow_mode": "throw",
            "max_memory_usage": limits.memory_bytes,
            "max_temporary_data_on_disk_size_for_query": limits.memory_bytes,
            "max_threads": limits.threads,
            "max_rows_to_read": limits.rows_to_read,
            "read_overflow_mode": "throw",
            "max_result_bytes": limits.result_bytes,
            "result_overflow_mode": "throw",
            "function_range_max_elements_in_block": MAX_RANGE_ELEMENTS,
            "max_query_size": 4 << 20,
            "max_ast_elements": 100_000,
            # Which blocks an index leaves out, or a cache remembers, depends on rows of others beside one's own.
            "use_skip_indexes": 0,
            "use_query_condition_cache": 0,
            "optimize_move_to_prewhere": 0,
            "json_type_escape_dots_in_keys": 1,
            "date_time_output_format": "iso",
            "output_format_json_quote_64bit_integers": 0,
            "output_format_json_quote_decimals": 1,
            "output_format_json_quote_denormals": 1,
            "additional_table_filters": self._filters(schema, project_id),
            "allow_introspection_functions": 0,
            "allow_ddl": 0,
            "readonly": 1,
        }

    def _filters(self, schema: Schema, project_id: str) -> str:
        conditions = dict.fromkeys(schema.bases, f"project_id = {text_of(project_id)}")
        conditions |= dict.fromkeys(schema.others, "0")
        entries = (f"{text_of(f'{self.database}.{name}')}: {text_of(sql)}" for name, sql in sorted(conditions.items()))
        return "{" + ", ".join(entries) + "}"


def _schema_of(ask: Ask, database: str) -> Schema:
    functions = Functions.load(ask)
    rows = {row[0]: row for row in rows_of(ask, _TABLES, database=database)}
    columns: dict[str, list[Column]] = {}
    for table, *column in rows_of(ask, _COLUMNS, database=database):
        columns.setdefault(table, []).append(Column(*column))
    bases: set[str] = set()

    def filtered(name: str) -> Node:
        """The rows of one project, of a view or of a table."""
        _, as_select, _, holds_rows = rows[name]
        if as_select:
            return opened(parse(ask, as_select))
        if not holds_rows or "project_id" not in {column.name for column in columns[name]}:
            raise QueryFailed(f"{name} holds no project's rows: it cannot be read here")
        bases.add(name)
        listed = ", ".join(quoted(column.name) for column in columns[name])
        final = "FINAL" if name in finals else ""
        sql = f"SELECT {listed} FROM {quoted(database)}.{quoted(name)} AS {TABLE} {final}"
        return parse(ask, f"{sql} PREWHERE {TABLE}.project_id = {text_of(PROJECT)}")

    finals: set[str] = set()

    def opened(tree: Node) -> Node:
        """With all that it reads filtered."""
        for node in _nodes(tree):
            if node.get("type") == "TableExpression" and "database_and_table_name" in node and node.pop("final", False):
                finals.add(_table_of(node))
        used = {_table_of(node) for node in _nodes(tree) if "database_and_table_name" in node}
        replace_tables(tree, {name: filtered(name) for name in used}, database, of=database)
        return tree

    tables, masks = {}, {}
    for name in sorted(allowed.READABLE & rows.keys()):
        own = tuple(column for column in columns[name] if not column.name.startswith("_"))
        listed = ", ".join(quoted(column.name) for column in own)
        masks[name] = opened(parse(ask, f"SELECT {listed} FROM {quoted(database)}.{quoted(name)}"))
        tables[name] = Table(name, rows[name][2], own)
    return Schema(
        functions=Functions(functions.open - allowed.ABOUT_THE_SERVER, functions.known, functions.combinators),
        tables=tables,
        masks=masks,
        bases=frozenset(bases),
        others=frozenset(name for name, row in rows.items() if not row[1] and name not in bases),
        names=frozenset(name.lower() for name in rows),
    )


def _table_of(node: Node) -> str:
    table = node["database_and_table_name"]
    return str((table.get("name_parts") or [table["name"]])[-1])


def _filled(mask: Node, project_id: str) -> Node:
    tree = deepcopy(mask)
    alias = f"t{token_hex(16)}"
    for node in _nodes(tree):
        if node.get("type") == "Literal" and node["value"].get("value") == PROJECT:
            node["value"]["value"] = project_id
        if node.get("alias") == TABLE:
            node["alias"] = alias
        if (node.get("name_parts") or [""])[0] == TABLE:
            node["name_parts"] = [alias, *node["name_parts"][1:]]
            node["name"] = ".".join(node["name_parts"])
    return tree


def _check_nodes(tree: Node) -> None:
    for node in _nodes(tree):
        match node.get("type"):
            case "TableExpression" if node.get("final") or node.get("sample_size"):
                raise _refused("FINAL and SAMPLE are not open here: the tables are as they are without")
            case "SelectQuery" if node.get("prewhere"):
                raise _refused("PREWHERE is not open here: write WHERE, which does the same")
            case "SelectQuery" if node.get("group_by_with_totals"):
                raise _refused("WITH TOTALS is not open here: GROUP BY … WITH ROLLUP gives the totals as a row")
            case "QueryParameter":
                raise _refused("a statement has no parameters here: write the value into it")


def _nodes(tree: Any) -> list[Node]:
    """All of them, the outer ones first."""
    found: list[Node] = []
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, list):
            left += node
        elif isinstance(node, dict):
            found.append(node)
            left += node.values()
    return found


def _refused(message: str) -> QueryFailed:
    return failed(Code.ACCESS_DENIED, message)


def _shown(ask: Ask, text: str) -> str:
    """Values are of people, and so may names in quotes be."""
    without_values = str(orjson.loads(ask("SELECT normalizeQuery({text:String})", {"text": text}))[0])
    return _QUOTED.sub("`?`", without_values)
