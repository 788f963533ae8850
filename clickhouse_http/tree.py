"""A query's syntax tree as ClickHouse's own parser gives it, and what it names, held against the allow-lists."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import orjson

from ask0.clickhouse_http import allowed
from ask0.clickhouse_http.codes import Code, failed
from ask0.warehouse.errors import QueryFailed

Node = dict[str, Any]
# A question to ClickHouse, its parameters text as it is: the rows as JSONCompactEachRow. Raises QueryFailed.
Ask = Callable[[str, Mapping[str, str]], bytes]

_PARSE = """
    SELECT parseQueryToJSON({text:String}) AS tree, formatQuerySingleLine({text:String}), formatQueryFromJSON(tree)
"""
_FUNCTIONS = """
    SELECT lower(name), lower(alias_to), if(is_aggregate AND categories = '', 'Aggregate Functions', categories), origin
    FROM system.functions
"""
CURRENT_USER = ("currentuser", "current_user", "user")
_IN = re.compile("(global)?(not)?(null)?in(ignoreset)?", re.IGNORECASE)
_PARENTHESES = str.maketrans("", "", "() ")  # the tree drops those that change nothing
# What of these nodes may be set; the rest, such as INTO OUTFILE, is refused.
_KEYS = {
    "SelectWithUnionQuery": frozenset(("list_of_modes", "list_of_selects", "union_mode")),
    "TableExpression": frozenset(
        ("column_aliases", "database_and_table_name", "final", "sample_offset", "sample_size", "subquery")
        + ("table_function",)
    ),
    "TableIdentifier": frozenset(("alias", "children", "name", "name_parts")),
    "TablesInSelectQueryElement": frozenset(("array_join", "table_expression", "table_join")),
}


def parse(ask: Ask, text: str) -> Node:
    """The tree of one statement. Raises QueryFailed, also where the tree would not hold all that the statement says."""
    try:
        row = ask(_PARSE, {"text": text})
    except QueryFailed as failure:
        if "JSON serialization" in str(failure) or "parseQueryToJSON" in str(failure).partition(": In scope")[0]:
            raise refused("this kind of statement is not open to read-only users") from failure
        said = str(failure).partition(": In scope SELECT parseQueryToJSON")[0]
        name = f" ({Code.SYNTAX_ERROR.name})" if failure.code == Code.SYNTAX_ERROR else ""
        raise type(failure)(said.removesuffix(name) + name, failure.code) from failure
    try:
        tree, meant, kept = orjson.loads(row)
        tree = orjson.loads(tree)
    except orjson.JSONDecodeError as error:
        raise failed(Code.TOO_DEEP_AST, "the statement is nested too deeply") from error
    if meant.translate(_PARENTHESES) != kept.translate(_PARENTHESES):
        raise refused("this statement has a part that read-only users may not use")
    return dict(tree)


def written(ask: Ask, tree: Node) -> str:
    """The text that ClickHouse writes for a tree."""
    row = ask("SELECT formatQueryFromJSON({tree:String})", {"tree": orjson.dumps(tree).decode()})
    return str(orjson.loads(row)[0])


def take_settings(query: Node) -> list[tuple[str, Any]]:
    """Take the SETTINGS clauses out of a query, not those of its subqueries, which walk() refuses."""
    nodes = [query.pop("settings_ast", None)]
    nodes += [select.pop("settings", None) for select in query.get("list_of_selects", {}).get("children", ())]
    changes = []
    for node in filter(None, nodes):
        if node.keys() - {"type", "changes"}:
            raise refused("SETTINGS takes `name = value` only")
        changes += [(change["name"], change["value"].get("value")) for change in node["changes"]]
    return changes


@dataclass(frozen=True)
class Functions:
    """The functions that may be called, in lower case, by what the engine says of each."""

    open: frozenset[str]
    known: frozenset[str]
    combinators: tuple[str, ...]

    @classmethod
    def load(cls, ask: Ask) -> Self:
        rows = rows_of(ask, _FUNCTIONS)
        categories = {name: category for name, _, category, _ in rows if category}
        reviewed = {name.lower() for name in allowed.OTHER_FUNCTIONS}
        opened = {name.lower() for name in allowed.SYNTAX_FUNCTIONS}
        closed: set[str] = set()
        for name, alias_to, category, origin in rows:
            of_pure_kind = (category or categories.get(alias_to, "")) in allowed.FUNCTION_CATEGORIES
            is_open = origin == "System" and (of_pure_kind or (alias_to or name) in reviewed)
            (opened if is_open else closed).add(name)
        combinators = rows_of(ask, "SELECT name FROM system.aggregate_function_combinators")
        return cls(
            open=frozenset(opened - closed - allowed.QUADRATIC_FUNCTIONS),
            known=frozenset(opened | closed),
            combinators=tuple(name.lower() for (name,) in combinators),
        )

    def may_call(self, name: str) -> bool:
        name = name.lower()
        if name in self.known:
            return name in self.open
        return any(
            self.may_call(name.removesuffix(end)) for end in self.combinators if name.endswith(end) and name != end
        )


class Names:
    """Walks a tree and collects the tables it names; raises QueryFailed at whatever else is not allowed."""

    def __init__(self, functions: Functions, parameters: dict[str, str]) -> None:
        self._functions = functions
        self._parameters = parameters
        self._lambdas: set[str] = set()
        self._called: set[str] = set()
        self.tables: set[tuple[str, ...]] = set()
        self.sets: set[tuple[str, ...]] = set()  # what IN may take for a column or for a table
        self.looked_in: set[tuple[str, ...]] = set()  # those of them that stand beside an IN themselves
        self.renamed: list[tuple[str, tuple[str, ...]]] = []  # those that are given another name, with that name
        self.aliases: set[str] = set()
        self.defined: set[str] = set()  # by WITH

    def walk(self, tree: Node) -> None:
        level: list[tuple[str, Any]] = [("", tree)]
        while level:
            key, node = level.pop()
            if isinstance(node, list):
                level += [(key, child) for child in node]
            elif isinstance(node, dict):
                level += self._visit(key, node)
        for name in self._called:
            self._check_function(name)

    def _visit(self, key: str, node: Node) -> Iterator[tuple[str, Any]] | tuple[()]:
        kind = node.get("type")
        if "alias" in node:
            self.aliases.add(node["alias"])
        if kind is not None and kind not in allowed.NODES:
            raise refused(
                "SETTINGS belongs at the end of the whole query"
                if kind == "SetQuery"
                else f"{kind} is not allowed here"
            )
        if kind in _KEYS and (
            strange := {name for name, value in node.items() if value} - _KEYS[kind] - {"type", "alias"}
        ):
            raise refused(f"{', '.join(sorted(strange))} is not allowed here")
        match kind:
            case "Literal":
                return ()
            case "Function":
                self._visit_function(key, node)
            case "ColumnsApplyTransformer" if node.get("func_name"):
                self._called.add(node["func_name"])
            case "Identifier" | "TableIdentifier":
                parts = self._resolve(node)
                if kind == "TableIdentifier":
                    self.tables.add(parts)
                elif "alias" in node:  # `WITH catalog AS x SELECT 1 IN x` reads the table
                    self.sets.add(parts)
                    self.renamed.append((node["alias"], parts))
            case "WithElement":
                self.defined.add(node["name"])
            case "QueryParameter" if "identifier" in node["param_type"].lower():
                raise refused("a parameter of type Identifier is not allowed here")
        return iter(node.items())

    def _visit_function(self, key: str, node: Node) -> None:
        name = node["name"]
        if key == "table_function":
            if name.lower() not in allowed.TABLE_FUNCTIONS:
                raise refused(f"the table function {name} is not open to read-only users")
            return
        self._called.add(name)
        if name.lower() == "lambda" and "alias" in node:
            self._lambdas.add(node["alias"])
        arguments = node.get("arguments", {}).get("children", [])
        if _IN.fullmatch(name) and len(arguments) == 2 and arguments[1].get("type") == "Identifier":
            parts = self._resolve(arguments[1])
            self.sets.add(parts)
            self.looked_in.add(parts)

    def _check_function(self, name: str) -> None:
        a_lambda = name in self._lambdas and name.lower() not in self._functions.known
        if not a_lambda and not self._functions.may_call(name):
            raise refused(f"the function {name} is unknown or not open to read-only users")

    def _resolve(self, node: Node) -> tuple[str, ...]:
        """The parts of an identifier, its parameters replaced by what they stand for, in the tree as well."""
        parts = list(node.get("name_parts") or [node["name"]])
        for parameter in node.pop("children", ()):
            value = self._parameters.get(parameter["name"])
            if parameter["type"] != "QueryParameter" or parameter["param_type"] != "Identifier" or "" not in parts:
                raise refused("an identifier has a part that is not a name")
            if not value or "\\" in value or "\0" in value:
                raise failed(Code.BAD_ARGUMENTS, f"the parameter {parameter['name']} is not a name")
            parts[parts.index("")] = value
        node["name"] = ".".join(parts)
        if len(parts) > 1:
            node["name_parts"] = parts
        return tuple(parts)


def replace_tables(tree: Node, masks: Mapping[str, Node], database: str, of: str = "system") -> None:
    """Put each subquery of `masks`, by the name of a table of the database `of`, in that table's place. `database` is
    what a name without one means."""
    aliases: dict[str, str] = {}
    identifiers: list[Node] = []
    nodes: list[Any] = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, list):
            nodes += node
        elif isinstance(node, dict):
            if node.get("type") == "Identifier" and len(node.get("name_parts", ())) > 1:
                identifiers.append(node)
            if node.get("type") == "TableExpression" and _replace_table(node, masks, database, of, aliases):
                continue  # the mask reads the table itself
            nodes += node.values()
    for node in identifiers:
        where, name, *column = node["name_parts"]
        if where == of and name in aliases:  # the whole name means the subquery now
            node["name_parts"] = [aliases[name], *column]
            node["name"] = ".".join(node["name_parts"])


def say_who(tree: Node, user: str) -> None:
    """currentUser() is the user of this interface; the engine knows one user only."""
    nodes: list[Any] = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, list):
            nodes += node
        elif isinstance(node, dict):
            if node.get("type") == "Function" and node["name"].lower() in CURRENT_USER:
                alias = node.get("alias", f"{node['name']}()")
                node.clear()
                node |= {"type": "Literal", "value": {"field_type": "String", "value": user}, "alias": alias}
            nodes += node.values()


def _replace_table(node: Node, masks: Mapping[str, Node], database: str, of: str, aliases: dict[str, str]) -> bool:
    table = node.get("database_and_table_name")
    if not table:
        return False
    where, name = (table.get("name_parts") or [database, table["name"]])[-2:]
    if where != of or name not in masks:
        return False
    del node["database_and_table_name"]
    aliases[name] = table.get("alias", name)
    node["subquery"] = {"type": "Subquery", "alias": aliases[name], "children": [masks[name]]}
    return True


def refused(message: str) -> Exception:
    return failed(Code.ACCESS_DENIED, f"Not enough privileges: {message}")


def rows_of(ask: Ask, sql: str, **parameters: str) -> list[list[str]]:
    return [orjson.loads(line) for line in ask(sql, parameters).split(b"\n") if line]
