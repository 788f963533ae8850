"""Filters as SQL conditions on `user_rows`: the same answer as `schemas.filters.evaluate` gives, row by row."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any as Json
from typing import NamedTuple

from ask0.schemas.filters import types
from ask0.schemas.filters.dates import Clock
from ask0.schemas.filters.errors import invalid
from ask0.schemas.filters.inline import Definitions, inline, leaves
from ask0.schemas.filters.names import keys_of
from ask0.schemas.filters.predicates import Kinds, Period, period_of, question_of
from ask0.schemas.filters.types import Filter
from ask0.schemas.segment_moves import MOVE
from ask0.warehouse.parameters import Parameters
from ask0.warehouse.questions import ask, between
from ask0.warehouse.traits import COLUMNS, JsonPath, Value, trait

MAX_SQL_CHARACTERS = 200_000  # ClickHouse reads 262,144 of a statement
DEACTIVATED = "Deactivated"
EVENTS = "happened"  # the alias of `events` in what a Did becomes


class Condition(NamedTuple):
    """SQL that is true or false of each row, never NULL, and the parameters it names."""

    sql: str
    parameters: dict[str, Json]


@dataclass(frozen=True)
class Compiling:
    """What a filter is compiled for.

    `columns` adds or replaces fields: API name → SQL of `{row}`, such as `{"nps": "{row}.nps"}`. `row` is the name or
    alias that the statement gives `user_rows`; `prefix` begins the names of the parameters. The statement itself binds
    `{project:String}`. `users` is a SELECT of ids when nobody else is asked for: then their events alone are read.
    """

    clock: Clock
    kinds: Kinds = field(default_factory=dict)
    definitions: Definitions = field(default_factory=Definitions)
    columns: Mapping[str, str] = field(default_factory=dict)
    deactivated: Collection[str] = ()  # ids of those whose status that is, whatever their rows say
    row: str = "user_rows"
    prefix: str = "filter"
    users: str = ""


def compile_filter(filter: Filter, compiling: Compiling) -> Condition:
    """Raises FilterInvalid where a leaf does not fit what it asks of: the kind of a trait, a segment, a stage, a field
    without a column, and where it is too large with its segments."""
    parameters = Parameters(compiling.prefix)
    inlined = inline(filter, compiling.definitions)
    compiler = _Compiler(compiling, parameters)
    if compiling.deactivated and any(_asks_status(leaf) for _, leaf in leaves(inlined)):
        compiler.deactivate(sorted(compiling.deactivated))
    sql = compiler.sql(inlined)
    if parameters.are_too_large or len(sql) > MAX_SQL_CHARACTERS:
        raise invalid("filter", "with its segments it is too large: shorten its lists, or ask for less")
    return Condition(sql, parameters.values)


class _Compiler:
    def __init__(self, compiling: Compiling, parameters: Parameters) -> None:
        self._compiling = compiling
        self._parameters = parameters
        self._columns = {**COLUMNS, **compiling.columns}

    def deactivate(self, ids: Sequence[str]) -> None:
        among = self._parameters.texts(ids).replace("{", "{{").replace("}", "}}")
        self._columns["status"] = f"if({{row}}.id IN {among}, '{DEACTIVATED}', {self._columns['status']})"

    def sql(self, filter: Filter) -> str:
        row, texts = self._compiling.row, self._parameters.texts
        match filter:
            case types.All(filters):
                return self._joined("AND", filters, "true")
            case types.Any(filters):
                return self._joined("OR", filters, "false")
            case types.Not(inner):
                return f"(NOT {self.sql(inner)})"
            case types.Trait() | types.Property():
                return self._comparison(filter)
            case types.Tag(any_of):
                return f"hasAny({row}.tags, {texts(any_of)})"
            case types.Status(any_of):
                return f"({self._columns['status'].format(row=row)} IN {texts(any_of)})"
            case types.Consent(category, any_of):
                return f"({row}.consent[{self._parameters.text(category)}] IN {texts(any_of)})"
            case types.Did():
                return self._did(filter)
        raise AssertionError(f"{filter} is not inlined")

    def _joined(self, word: str, filters: Sequence[Filter], of_none: str) -> str:
        return f"({f' {word} '.join(map(self.sql, filters))})" if filters else of_none

    def _comparison(self, leaf: types.Trait | types.Property) -> str:
        question = question_of(leaf, self._compiling.kinds, self._compiling.clock)
        answer = ask(question, self._value(leaf), self._parameters, self._compiling.clock.zone)
        return f"(NOT {answer})" if question.negated else answer

    def _value(self, leaf: types.Trait | types.Property) -> Value:
        if isinstance(leaf, types.Property):
            columns = f"{EVENTS}.properties", f"{EVENTS}.sent_properties"
            return JsonPath(*columns, keys_of(leaf.name), self._parameters)
        value = trait(leaf.name, self._parameters, self._compiling.row, self._columns)
        if value is None:
            raise invalid("filter", f"{leaf.name} cannot be asked for here")
        return value

    def _did(self, did: types.Did) -> str:
        """Who did it often enough, or, where nobody who never did it may be among them, who did it too often."""
        period = Period() if did.when is None else period_of(did.when, self._compiling.clock)
        conditions = [
            f"{EVENTS}.project_id = {{project:String}}",
            f"{EVENTS}.event = {self._parameters.text(did.event)}",
            f"{EVENTS}.type != '{MOVE}'",
            between(f"{EVENTS}.occurred_at", period, self._parameters),
            "true" if did.where is None else self.sql(did.where),
        ]
        if self._compiling.users:
            conditions.append(f"{EVENTS}.user_id IN ({self._compiling.users})")
        bound, count = did.times.bound, did.times.count
        if bound == "atMost" or not count:
            word, having = "NOT IN", f"> {self._parameters.whole(count)}"
        else:
            word, having = "IN", f"{'=' if bound == 'exactly' else '>='} {self._parameters.whole(count)}"
        return (
            f"({self._compiling.row}.id {word} (SELECT {EVENTS}.user_id FROM events AS {EVENTS} WHERE "
            f"{' AND '.join(conditions)} GROUP BY {EVENTS}.user_id HAVING count() {having}))"
        )


def _asks_status(leaf: Filter) -> bool:
    return isinstance(leaf, types.Status) or (isinstance(leaf, types.Trait) and leaf.name == "status")
