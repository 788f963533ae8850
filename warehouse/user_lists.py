"""Lists of users: filtered, searched, sorted, and read on from where a page ended.

A page has the ids first, from those columns alone that the list asks for, then the rows. Where a row stands is told by
`Place`s that are never NULL, so that what comes after it is one comparison with them, whatever is missing.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from ask0.schemas.events import MAX_ID_CHARS
from ask0.schemas.filters.names import FIELDS, locate
from ask0.schemas.listing import ListingInvalid, Place, SortKey, WrongCursor
from ask0.warehouse.connect import PARAMETER_CHARACTERS, Warehouse
from ask0.warehouse.filters import Condition
from ask0.warehouse.newest import Candidate, Row, read_newest
from ask0.warehouse.parameters import Parameters
from ask0.warehouse.traits import COLUMNS, trait
from ask0.warehouse.users import PROFILE, fill_old, profile_of

SECONDS = 5
ROWS_AT_ONCE = PARAMETER_CHARACTERS // (6 * (MAX_ID_CHARS + 1))  # as JSON a character may take six
SETTLING_SECONDS = 10
MOST_PLANS = 50
MOST_TOGETHER = 100_000  # characters of the conditions of one statement, and of their parameters
MOST_PLAN_BYTES = 100
SORTED_CHARACTERS = 200  # of a text: a cursor holds it

SETTINGS = f"""
SETTINGS max_execution_time = {SECONDS}, max_memory_usage = 2000000000, date_time_output_format = 'iso',
         output_format_json_quote_64bit_integers = 0, short_circuit_function_evaluation = 'enable'
"""
WHOSE = "project_id = {project:String} AND merged_into = ''"
CHANGED = f"""
SELECT _version, id FROM user_rows WHERE {WHOSE} AND (_version, id) > ({{version:UInt64}}, {{id:String}})
  AND _version < toUnixTimestamp64Micro(now64(6)) - {SETTLING_SECONDS * 1_000_000}
ORDER BY _version, id LIMIT {{limit:UInt32}} {SETTINGS}
"""
SEARCHED = ("email", "customer_id", "name", "first_name", "last_name")


class Component(NamedTuple):
    """A part of where a row stands: SQL that is never NULL."""

    sql: str
    kind: type[str] | type[int] | type[float]
    descends: bool


@dataclass(frozen=True)
class Listing:
    project_id: str
    condition: Condition
    words: Sequence[str] = ()  # of a search
    ids: Sequence[str] | None = None  # only these
    sort: Sequence[SortKey] = ()


class Beginning(NamedTuple):
    """Of a page: behind these places, or with whoever stands there."""

    places: Sequence[Place]
    inclusive: bool = False


class Page(NamedTuple):
    users: list[dict[str, Any]]  # as schemas.api.Profile
    after: list[Place] | None  # where the last one stands; None if no other comes after


def read_page(warehouse: Warehouse, listing: Listing, after: Sequence[Place] | None, limit: int) -> Page:
    """Raises ListingInvalid when it is too large, WrongCursor when `after` is no place of this list."""
    return read_page_from(warehouse, listing, Beginning(after) if after is not None else None, limit)


def read_page_from(warehouse: Warehouse, listing: Listing, beginning: Beginning | None, limit: int) -> Page:
    """As `read_page`."""
    found = read_newest(_Listed(warehouse, listing, beginning), limit + 1)
    page = found[:limit]
    return Page([profile_of(row) for _, row in page], page[-1][0] if len(found) > limit else None)


class _Users:
    """Rows of users, for `read_newest`."""

    def __init__(self, warehouse: Warehouse, project_id: str) -> None:
        self._warehouse, self._project_id = warehouse, project_id

    def rows(self, ids: Sequence[str]) -> Mapping[str, Row]:
        return read_rows(self._warehouse, self._project_id, ids)


class _Listed(_Users):
    def __init__(self, warehouse: Warehouse, listing: Listing, beginning: Beginning | None) -> None:
        super().__init__(warehouse, listing.project_id)
        self._listing, self._beginning = listing, beginning

    def candidates(self, beyond: list[Place] | None, most: int, ids: Sequence[str] | None = None) -> list[Candidate]:
        parameters = Parameters("list")
        components = _order(self._listing, parameters)
        conditions = list(_conditions(self._listing, parameters))
        beginning = self._beginning if beyond is None else Beginning(beyond)
        if beginning is not None:
            conditions.append(_beyond(components, beginning, parameters))
        if ids is not None:
            conditions.append(f"id IN {parameters.texts(ids)}")
        order = ", ".join(f"place_{number} {'DESC' if part.descends else ''}" for number, part in enumerate(components))
        sql = (
            f"SELECT {_places(components)}, _version FROM user_rows WHERE {' AND '.join(conditions)} ORDER BY {order}, "
            f"_version DESC LIMIT {parameters.whole(most)} {SETTINGS}"
        )
        lines = self._warehouse.raw(sql, "JSONCompactEachRow", _bound(self._listing, parameters)).splitlines()
        return [Candidate(places, str(places[-1]), version) for *places, version in map(orjson.loads, lines)]


def read_place(warehouse: Warehouse, listing: Listing, id: str) -> list[Place] | None:
    """Where a user stands in the list's order now, also if the list leaves them out; None for who is not there."""
    parameters = Parameters("list")
    sql = (
        f"SELECT {_places(_order(listing, parameters))}, merged_into FROM user_rows "
        f"WHERE project_id = {{project:String}} AND id = {parameters.text(id)} "
        f"ORDER BY _version DESC LIMIT 1 {SETTINGS}"
    )
    row = warehouse.raw(sql, "JSONCompactEachRow", {"project": listing.project_id, **parameters.values})
    if not row:
        return None
    *places, survivor = orjson.loads(row)
    return None if survivor else places


def read_changed(
    warehouse: Warehouse, project_id: str, after: Sequence[Place], limit: int
) -> tuple[list[dict[str, Any]], list[Place]]:
    """Profiles of those whose rows were written since `after`, a version and an id, the earliest first; and where to go
    on. What was written within the last seconds is left for later: rows may become visible in another order than that
    of their versions. Raises WrongCursor."""
    version, id = after if len(after) == 2 else (None, None)
    if type(version) is not int or type(id) is not str or not 0 <= version < 1 << 63:
        raise WrongCursor
    found = read_newest(_Changed(warehouse, project_id, after), limit)
    return [profile_of(row) for _, row in found], found[-1][0] if found else list(after)


class _Changed(_Users):
    def __init__(self, warehouse: Warehouse, project_id: str, after: Sequence[Place]) -> None:
        super().__init__(warehouse, project_id)
        self._after = after

    def candidates(self, beyond: list[Place] | None, most: int, ids: Sequence[str] | None = None) -> list[Candidate]:
        """A place is a version and an id: nobody who is written meanwhile stands where they stood."""
        if ids is not None:
            return []
        version, id = beyond or self._after
        bound = {"project": self._project_id, "version": version, "id": id, "limit": most}
        rows = self._warehouse.query(CHANGED, bound)
        return [Candidate([version, id], id, version) for version, id in rows]


def count_users(warehouse: Warehouse, listing: Listing) -> int:
    parameters = Parameters("list")
    sql = f"SELECT count() FROM user_rows FINAL WHERE {' AND '.join(_conditions(listing, parameters))} {SETTINGS}"
    return int(warehouse.query(sql, _bound(listing, parameters))[0][0])


def read_truths(
    warehouse: Warehouse, project_id: str, id: str, conditions: Sequence[Condition]
) -> Sequence[bool] | None:
    """Which of the conditions, each with parameters of its own names, hold of one user; None if nobody has the id."""
    if len(conditions) > 1 and sum(map(_size, conditions)) > MOST_TOGETHER:
        middle = len(conditions) // 2
        first = read_truths(warehouse, project_id, id, conditions[:middle])
        return first and [*first, *(read_truths(warehouse, project_id, id, conditions[middle:]) or [])]
    bound: dict[str, Any] = {"project": project_id, "id": id}
    for condition in conditions:
        bound |= condition.parameters
    sql = f"""
        SELECT [{", ".join(f"toBool({condition.sql})" for condition in conditions)}] FROM user_rows
        WHERE project_id = {{project:String}} AND id = {{id:String}} ORDER BY _version DESC LIMIT 1 {SETTINGS}
    """
    rows = warehouse.query(sql, bound)
    return list(map(bool, rows[0][0])) if rows else None


def _size(condition: Condition) -> int:
    return len(condition.sql) + sum(len(str(value)) for value in condition.parameters.values())


def read_plans(warehouse: Warehouse, project_id: str) -> list[str]:
    """Those that most users are on, first."""
    sql = f"""
        SELECT plan FROM user_rows WHERE {WHOSE} AND plan != '' AND length(plan) <= {MOST_PLAN_BYTES}
        GROUP BY plan ORDER BY count() DESC, plan LIMIT {MOST_PLANS} {SETTINGS}
    """
    return [plan for (plan,) in warehouse.query(sql, {"project": project_id})]


def read_rows(warehouse: Warehouse, project_id: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The newest rows of PROFILE and their versions, by id; of those that are there."""
    rows: dict[str, dict[str, Any]] = {}
    for start in range(0, len(ids), ROWS_AT_ONCE):
        parameters = Parameters("rows")
        sql = (
            f"SELECT {', '.join(PROFILE)}, _version FROM user_rows WHERE project_id = {{project:String}} "
            f"AND id IN {parameters.texts(ids[start : start + ROWS_AT_ONCE])} "
            f"ORDER BY _version DESC LIMIT 1 BY id {SETTINGS}"
        )
        lines = warehouse.raw(sql, "JSONEachRow", {"project": project_id, **parameters.values}).splitlines()
        rows |= {row["id"]: row for row in map(orjson.loads, lines)}
    fill_old(warehouse, project_id, rows)
    return rows


def _bound(listing: Listing, parameters: Parameters) -> dict[str, Any]:
    bound = {"project": listing.project_id, **listing.condition.parameters, **parameters.values}
    if sum(len(str(value)) for value in bound.values()) > PARAMETER_CHARACTERS:
        raise ListingInvalid("filter", "filter, ids and search are too large together: ask for less")
    return bound


def _conditions(listing: Listing, parameters: Parameters) -> Iterator[str]:
    yield WHOSE
    yield listing.condition.sql
    for word in listing.words:
        sought = parameters.text(word)
        found = (f"positionCaseInsensitiveUTF8(ifNull({column}, ''), {sought}) > 0" for column in SEARCHED)
        yield f"(positionCaseInsensitiveUTF8(id, {sought}) > 0 OR {' OR '.join(found)})"
    if listing.ids is not None:
        yield f"id IN {parameters.texts(listing.ids)}"


def _order(listing: Listing, parameters: Parameters) -> list[Component]:
    components = [part for key in listing.sort for part in _components(key, parameters)]
    return [*components, Component("id", str, descends=False)]


def _places(components: Sequence[Component]) -> str:
    return ", ".join(f"{part.sql} AS place_{number}" for number, part in enumerate(components))


def _components(key: SortKey, parameters: Parameters) -> Iterator[Component]:
    """What is missing comes last both ways. A field has one type. A trait has any: numbers come first, then texts, then
    booleans."""
    found = locate(key.name)
    value = trait(key.name, parameters)
    assert value is not None  # all fields have columns
    if isinstance(found, str):
        sql = COLUMNS[found].format(row="user_rows")
        if found != "id":
            yield Component(f"isNull({sql})", int, descends=False)
        if FIELDS[found] == "date":
            yield Component(f"toUnixTimestamp64Milli(ifNull({sql}, toDateTime64(0, 3, 'UTC')))", int, key.descends)
        elif FIELDS[found] == "number":
            yield Component(f"ifNull(toFloat64({sql}), 0)", float, key.descends)
        else:
            yield from _text(sql, key.descends)
        return
    number, text, boolean = value.number, value.text, value.boolean
    rank = f"multiIf(isNotNull({number}), 0, isNotNull({text}), 1, isNotNull({boolean}), 2, 3)"
    yield Component(f"({rank}) = 3", int, descends=False)
    yield Component(rank, int, key.descends)
    yield Component(f"ifNull({number}, 0)", float, key.descends)
    yield from _text(text, key.descends)
    yield Component(f"toUInt8(ifNull({boolean}, false))", int, key.descends)


def _text(sql: str, descends: bool) -> Iterator[Component]:
    """Lower-cased, then by bytes."""
    text = f"leftUTF8(ifNull({sql}, ''), {SORTED_CHARACTERS})"
    yield Component(f"lowerUTF8({text})", str, descends)
    yield Component(text, str, descends)


def _beyond(components: Sequence[Component], beginning: Beginning, parameters: Parameters) -> str:
    """Those that come after: the first component that differs decides. Raises WrongCursor."""
    after = beginning.places
    if len(after) != len(components):
        raise WrongCursor
    beyond = "true" if beginning.inclusive else "false"
    for number, (part, place) in reversed(list(enumerate(zip(components, after, strict=True)))):
        bound = _place(part, place, parameters)
        name = f"place_{number}"
        beyond = f"({name} {'<' if part.descends else '>'} {bound} OR ({name} = {bound} AND {beyond}))"
    return beyond


def _place(part: Component, place: Place, parameters: Parameters) -> str:
    if part.kind is str and type(place) is str:
        return parameters.text(place)
    if part.kind is int and type(place) in (int, bool) and -(1 << 63) <= int(place) < 1 << 63:  # type: ignore[arg-type]
        return parameters.whole(int(place))  # type: ignore[arg-type]
    if part.kind is float and type(place) in (int, float) and abs(place) <= sys.float_info.max:  # type: ignore[arg-type]
        return parameters.number(float(place))  # type: ignore[arg-type]
    raise WrongCursor
