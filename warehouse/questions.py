"""The questions that comparisons come down to, as SQL of one value: true or false, never NULL."""

from datetime import tzinfo

from ask0.schemas.filters.dates import (
    DATE_GRAMMAR,
    DAY,
    FIRST_INSTANT,
    LAST_INSTANT,
    TIME_GRAMMAR,
    first_day,
)
from ask0.schemas.filters.names import Kind
from ask0.schemas.filters.predicates import (
    MAX_NUMBER_CHARACTERS,
    NUMBER_GRAMMAR,
    Holds,
    Like,
    Near,
    Numbers,
    OneOf,
    Period,
    Question,
    Values,
)
from ask0.schemas.filters.text import fold
from ask0.schemas.filters.values import EARTH_KM, RADIANS
from ask0.warehouse.parameters import Parameters
from ask0.warehouse.traits import Column, Value


def ask(question: Question, value: Value, parameters: Parameters, zone: tzinfo) -> str:
    """The predicate of the question; that it may be negated is the caller's affair."""
    match question.predicate:
        case OneOf(values):
            return _one_of(value, question.kind, values, parameters)
        case Holds(values, each):
            return _holds(value, values, each, parameters)
        case Like(part, text):
            return _like(value.text, part, fold(text), parameters)
        case Numbers(least, greatest):
            return _numbers(_number(value, question.kind, parameters), least, greatest, parameters)
        case Period() as period:
            return _period(value, question.kind, period, parameters, zone)
        case Near(circle):
            point = value.part("lat").number, value.part("lon").number
            return _near(*point, circle.lat, circle.lon, circle.km, parameters)
        case _:
            return f"({value.is_present})"


def between(date: str, period: Period, parameters: Parameters) -> str:
    """Whether a DateTime64 lies in the period."""
    return _lies_in(f"toUnixTimestamp64Milli({date})", period, parameters)


def _lies_in(ms: str, period: Period, parameters: Parameters) -> str:
    """Whether epoch ms do."""
    start = None if period.start is None else parameters.whole(period.start)
    last = None if period.end is None else parameters.whole(period.end - 1)
    return _from_to(ms, start, last)


def _from_to(sql: str, least: str | None, greatest: str | None) -> str:
    """Whether a value lies from one bound to another, both included."""
    if least is None or greatest is None:
        return "true" if least == greatest else f"{sql} >= {least}" if greatest is None else f"{sql} <= {greatest}"
    return f"({sql} BETWEEN {least} AND {greatest})"


def _all(*conditions: str) -> str:
    return f"({' AND '.join(filter(None, conditions))})"


def _number(value: Value, kind: Kind | None, parameters: Parameters) -> str:
    """Of a trait that is defined as a number, text too that holds one."""
    if kind != "number" or isinstance(value, Column):
        return value.number
    text, again = parameters.alias(value.text)
    read = f"toFloat64OrNull({again})"
    of_text = _all(
        f"match({text}, {parameters.text(f'^{NUMBER_GRAMMAR}$')})",
        f"length({again}) <= {MAX_NUMBER_CHARACTERS}",
        f"isFinite({read})",
    )
    return f"coalesce({value.number}, if({of_text}, {read}, NULL))"


def _boolean(value: Value, kind: Kind | None) -> str:
    if kind != "boolean" or isinstance(value, Column):
        return value.boolean
    return f"coalesce({value.boolean}, transform({value.text}, ['true', 'false'], [true, false], NULL))"


def _one_of(value: Value, kind: Kind | None, values: Values, parameters: Parameters) -> str:
    among: list[str] = []
    if values.texts:
        among.append(f"ifNull({value.text} IN {parameters.texts(values.texts)}, false)")
    if values.numbers:  # a set tells -0 and 0 apart, so 0 is added
        among.append(f"ifNull({_number(value, kind, parameters)} + 0 IN {parameters.numbers(values.numbers)}, false)")
    among += [f"ifNull({_boolean(value, kind)} = {'true' if truth else 'false'}, false)" for truth in values.booleans]
    return f"({' OR '.join(among)})"


def _holds(value: Value, values: Values, each: bool, parameters: Parameters) -> str:
    has = "hasAll" if each else "hasAny"
    held: list[str] = []
    if values.texts:
        held.append(f"{has}({value.texts}, {parameters.texts(values.texts)})")
    if values.numbers:
        held.append(f"{has}(arrayMap(x -> x + 0, {value.numbers}), {parameters.numbers(values.numbers)})")
    if values.booleans:
        truths = ", ".join("true" if truth else "false" for truth in values.booleans)
        held.append(f"{has}({value.booleans}, [{truths}])")
    return f"({(' AND ' if each else ' OR ').join(held)})"


def _like(text: str, part: str, sought: str, parameters: Parameters) -> str:
    folded = f"lowerUTF8({text})"
    if "σ" in sought:  # elsewhere ς makes no difference
        folded = f"replaceAll({folded}, 'ς', 'σ')"
    bound = parameters.text(sought)
    if part == "contains":
        return f"ifNull(position({folded}, {bound}) > 0, false)"
    return f"ifNull({part}({folded}, {bound}), false)"


def _numbers(number: str, least: float | None, greatest: float | None, parameters: Parameters) -> str:
    bounds = (None if bound is None else parameters.number(bound) for bound in (least, greatest))
    return f"ifNull({_from_to(number, *bounds)}, false)"


def _period(value: Value, kind: Kind | None, period: Period, parameters: Parameters, zone: tzinfo) -> str:
    if value.date is not None:
        readable = Period(  # a column can hold a year that no date of the grammar has
            FIRST_INSTANT if period.start is None else period.start,
            LAST_INSTANT + 1 if period.end is None else period.end,
        )
        return f"ifNull({between(value.date, readable, parameters)}, false)"
    text, again = parameters.alias(f"ifNull({value.text}, '')")
    day = _all(
        f"match({again}, {parameters.text(f'^{DATE_GRAMMAR}$')})",
        "" if period.start is None else f"{again} >= {parameters.text(first_day(period.start, zone).isoformat())}",
        "" if period.end is None else f"{again} < {parameters.text(first_day(period.end, zone).isoformat())}",
    )
    is_time = f"match({again}, {parameters.text(f'^{DATE_GRAMMAR}{TIME_GRAMMAR}$')})"
    time = f"({is_time} AND {_lies_in(_ms(again, parameters), period, parameters)})"
    either = f"if(length({text}) = 10, {day}, {time})"
    if kind != "date":
        return either
    ms, again = parameters.alias(f"ifNull({value.number}, -inf)")
    in_range, is_in_range = parameters.alias(f"{ms} BETWEEN {FIRST_INSTANT} AND {LAST_INSTANT}")
    defined = f"({in_range} AND {_lies_in(f'toInt64(floor(if({is_in_range}, {again}, 0)))', period, parameters)})"
    return f"({either} OR {defined})"


def _ms(text: str, parameters: Parameters) -> str:
    """The epoch ms of a time that is of the grammar; of other texts some number."""
    groups, again = parameters.alias(f"extractGroups({text}, {parameters.text(f'{TIME_GRAMMAR}$')})")
    minutes = f"toInt64OrZero({groups}[1]) * 60 + toInt64OrZero({again}[2])"
    fraction = f"toInt64OrZero(substring(rightPad({again}[4], 3, '0'), 1, 3))"
    digits, again_digits = parameters.alias(f"rightPad(replaceAll(substring({again}[5], 2), ':', ''), 4, '0')")
    ahead = f"toInt64OrZero(substring({digits}, 1, 2)) * 60 + toInt64OrZero(substring({again_digits}, 3, 2))"
    offset = f"if(startsWith({again}[5], '-'), -1, 1) * ({ahead})"
    days = f"toInt64(toInt32(toDate32OrZero(substring({text}, 1, 10))))"
    return f"{days} * {DAY} + ({minutes} - {offset}) * 60000 + toInt64OrZero({again}[3]) * 1000 + {fraction}"


def _near(north: str, east: str, lat: float, lon: float, km: float, parameters: Parameters) -> str:
    """As `schemas.filters.values.kilometres`, in the same order. A NaN is in no circle."""
    at_lat, at_lon = parameters.number(lat), parameters.number(lon)
    north, n = parameters.alias(f"ifNull({north}, nan)")
    east, e = parameters.alias(f"ifNull({east}, nan)")
    by_lat, by_lat_again = parameters.alias(f"sin(({n} - {at_lat}) * {RADIANS} / 2)")
    by_lon, by_lon_again = parameters.alias(f"sin(({e} - {at_lon}) * {RADIANS} / 2)")
    cosines = f"cos({at_lat} * {RADIANS}) * cos({n} * {RADIANS})"
    squared = f"{by_lat} * {by_lat_again} + {cosines} * ({by_lon} * {by_lon_again})"
    distance = f"2 * {EARTH_KM} * asin(least(1., sqrt({squared})))"
    return f"(abs({north}) <= 90 AND abs({east}) <= 180 AND {distance} <= {parameters.number(km)})"
