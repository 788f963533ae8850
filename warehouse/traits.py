"""The SQL expression of one trait's value, as each type that it may have: for filters, sorting and lists of users.

A trait of the site's own is read from one subcolumn of `traits`, which alone is quick, unless the row has
`sent_traits`: then it is read from there, as the column does not say all of it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ask0.schemas.filters.names import FIELDS, Kind, locate
from ask0.warehouse.parameters import Parameters

# API name of a field → its column of `user_rows`, or an expression of them.
COLUMNS: Mapping[str, str] = {
    "id": "{row}.id",
    "customerId": "{row}.customer_id",
    "email": "{row}.email",
    "name": "{row}.name",
    "firstName": "{row}.first_name",
    "lastName": "{row}.last_name",
    "phone": "{row}.phone",
    "avatar": "{row}.avatar",
    "company": "{row}.company",
    "plan": "{row}.plan",
    "role": "{row}.role",
    "status": "{row}.status",
    "createdAt": "ifNull({row}.created_at, {row}.first_seen_at)",
    "updatedAt": "{row}.updated_at",
    "confirmedAt": "{row}.confirmed_at",
    "firstSeenAt": "{row}.first_seen_at",
    "lastActiveAt": "nullIf({row}.last_active_at, toDateTime64(0, 3, 'UTC'))",
    "conversations": "{row}.conversations",
    "questions": "{row}.questions",
    "answers": "{row}.answers",
    "answered": "{row}.answered",
    "satisfaction": "{row}.satisfaction",
    "nps": "{row}.nps",
}

# ClickHouse writes a dot in a key as %2E, see consumers/folds/json_columns.py.
_like_a_dot = re.compile("%((?:25)*2E)")
# A key that begins like this would be taken for the syntax of subcolumns, however it is quoted.
_like_syntax = re.compile("[\\^@:]`")
_word = re.compile("[A-Za-z0-9_]")

# JSON of an object in which nothing is set: braces, commas, nulls, and keys with their colons.
NOTHING_SET = r'^(?:[{},\s]|null|"(?:[^"\\]|\\.)*"\s*:)*$'


class Value(Protocol):
    """SQL of a value. Where it is missing, or of another type, it is NULL; of the lists, empty."""

    @property
    def text(self) -> str: ...

    @property
    def number(self) -> str: ...

    @property
    def boolean(self) -> str: ...

    @property
    def date(self) -> str | None:
        """As a DateTime64; None of a value that holds dates as text."""

    @property
    def texts(self) -> str:
        """The texts of a list; a text is a list of one."""

    @property
    def numbers(self) -> str: ...

    @property
    def booleans(self) -> str: ...

    @property
    def json(self) -> str:
        """As JSON text."""

    @property
    def is_present(self) -> str:
        """True or false."""

    def part(self, key: str) -> "Value":
        """What an object has under a key."""


def trait(
    name: str, parameters: Parameters, row: str = "user_rows", columns: Mapping[str, str] = COLUMNS
) -> Value | None:
    """Of the table or alias `row`. None for a field that has no column."""
    found = locate(name)
    if isinstance(found, str):
        return Column(FIELDS[found], columns[found].format(row=row)) if found in columns else None
    return JsonPath(f"{row}.traits", f"{row}.sent_traits", found, parameters)


@dataclass(frozen=True)
class Column:
    """A column of its own, of one type."""

    kind: Kind
    sql: str

    @property
    def text(self) -> str:
        return self.sql if self.kind == "text" else "NULL::Nullable(String)"

    @property
    def number(self) -> str:
        return f"toFloat64({self.sql})" if self.kind == "number" else "NULL::Nullable(Float64)"

    @property
    def boolean(self) -> str:
        return self.sql if self.kind == "boolean" else "NULL::Nullable(Bool)"

    @property
    def date(self) -> str | None:
        return self.sql if self.kind == "date" else None

    @property
    def texts(self) -> str:
        return f"arrayFilter(x -> isNotNull(x), [{self.text}])"

    @property
    def numbers(self) -> str:
        return f"arrayFilter(x -> isNotNull(x), [{self.number}])"

    @property
    def booleans(self) -> str:
        return f"arrayFilter(x -> isNotNull(x), [{self.boolean}])"

    @property
    def json(self) -> str:
        return f"toJSONString({self.sql})"

    @property
    def is_present(self) -> str:
        return f"isNotNull({self.sql})"

    def part(self, key: str) -> "Column":
        return Column("text", "NULL::Nullable(String)")


class JsonPath:
    """A path of a JSON column, beside which another column has the JSON as it was sent where that says more."""

    def __init__(self, column: str, sent: str, keys: tuple[str, ...], parameters: Parameters) -> None:
        self._column, self._sent, self._keys, self._parameters = column, sent, keys, parameters
        self._is_subcolumn = not any(map(_like_syntax.match, keys))
        self._path = quote_path(keys)
        json = sent if self._is_subcolumn else f"if({sent} = '', toJSONString({column}), {sent})"
        self._of_sent = ", ".join((json, *map(parameters.text, keys)))

    def part(self, key: str) -> "JsonPath":
        return JsonPath(self._column, self._sent, (*self._keys, key), self._parameters)

    @property
    def date(self) -> str | None:
        return None

    @property
    def text(self) -> str:
        return self._either(self._element("String"), self._sent_as("JSONExtractString", "String"))

    @property
    def boolean(self) -> str:
        return self._either(self._element("Bool"), self._sent_as("JSONExtractBool", "Bool"))

    @property
    def number(self) -> str:
        whole, large = (f"toFloat64({self._element(kind)})" for kind in ("Int64", "UInt64"))
        stored = f"ifNull({whole}, ifNull({self._element('Float64')}, {large}))"
        return self._either(stored, self._sent_as("JSONExtractFloat", "Int64", "UInt64", "Double"))

    @property
    def texts(self) -> str:
        return self._items(self.text, self._listed("String"), "JSONExtractString", "String")

    @property
    def booleans(self) -> str:
        return self._items(self.boolean, self._listed("Bool"), "JSONExtractBool", "Bool")

    @property
    def numbers(self) -> str:
        listed = f"arrayConcat({', '.join(self._listed(kind, 'toFloat64') for kind in ('Int64', 'Float64', 'UInt64'))})"
        return self._items(self.number, listed, "JSONExtractFloat", "Int64", "UInt64", "Double")

    @property
    def json(self) -> str:
        stored, below = f"{self._column}.{self._path}", f"{self._column}.^{self._path}"
        of_object = f"if(notEmpty(JSONAllPaths({below})), toJSONString({below}), NULL)"
        sent = f"if({self._sent_has()}, JSONExtractRaw({self._of_sent}), NULL)"
        return self._either(f"if(isNotNull({stored}), toJSONString({stored}), {of_object})", sent)

    @property
    def is_present(self) -> str:
        below = f"notEmpty(JSONAllPaths({self._column}.^{self._path}))"
        return self._either(f"(isNotNull({self._column}.{self._path}) OR {below})", self._sent_has())

    def _either(self, stored: str, sent: str) -> str:
        return f"if({self._sent} = '', {stored}, {sent})" if self._is_subcolumn else sent

    def _element(self, kind: str) -> str:
        return f"dynamicElement({self._column}.{self._path}, '{kind}')"

    def _listed(self, kind: str, convert: str = "") -> str:
        """The items of this type. A list of several numbers may be one of Dynamic, and is one where the list of another
        user, whose row was written with this one, had to be."""
        alike, mixed = self._element(f"Array(Nullable({kind}))"), self._element("Array(Dynamic)")
        of_mixed = f"arrayMap(x -> {convert}(dynamicElement(x, '{kind}')), {mixed})"
        of_alike = f"arrayMap(x -> {convert}(x), {alike})" if convert else alike
        # To hasAny and hasAll a null is the default of its type: an empty text, 0, false.
        return f"arrayFilter(x -> isNotNull(x), arrayConcat({of_alike}, {of_mixed}))"

    def _sent_as(self, extract: str, *kinds: str) -> str:
        """JSONExtract… would convert what is of another type."""
        return f"if(JSONType({self._of_sent}) IN ({_quoted(kinds)}), {extract}({self._of_sent}), NULL)"

    def _sent_has(self) -> str:
        kind = f"JSONType({self._of_sent})"
        is_empty = f"match(JSONExtractRaw({self._of_sent}), {self._parameters.text(NOTHING_SET)})"
        return f"({kind} != 'Null' AND NOT ({kind} = 'Object' AND {is_empty}))"

    def _items(self, single: str, stored: str, extract: str, *kinds: str) -> str:
        of_kind = f"arrayFilter(x -> JSONType(x) IN ({_quoted(kinds)}), JSONExtractArrayRaw({self._of_sent}))"
        sent = f"arrayMap(x -> toNullable({extract}(x)), {of_kind})"
        return f"if(isNotNull({single}), [{single}], {self._either(stored, sent)})"


def quote_path(keys: tuple[str, ...]) -> str:
    """Keys as the identifiers of a subcolumn. A bound identifier cannot have every name, and every other way to read
    one value reads all of them. So this alone goes into the text of a statement, and nothing but ASCII letters, digits
    and the hexadecimal numbers of all other bytes does."""
    return ".".join(f"`{''.join(map(_quoted_character, _escaped(key)))}`" for key in keys)


def _quoted_character(character: str) -> str:
    if _word.fullmatch(character):
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode())


def _escaped(key: str) -> str:
    """As the column names a key: no two keys have the same name."""
    return _like_a_dot.sub(r"%25\1", key).replace(".", "%2E")


def _quoted(kinds: tuple[str, ...]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)
