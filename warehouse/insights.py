"""What insights are made of: the days that are asked for and those before them, sums, and which way these go."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from math import copysign, inf, sqrt
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from ask0.schemas.events import write_time
from ask0.schemas.segment_moves import MOVE
from ask0.warehouse.moments import SECONDS, place
from ask0.warehouse.parameters import Parameters
from ask0.warehouse.traits import JsonPath
from ask0.warehouse.user_events import Day, midnights

LEAST_Z = 2.0  # standard errors apart: by chance alone that happens about once in twenty
DAY_MS = 86_400_000

LIMITS = f"max_execution_time = {SECONDS}, max_memory_usage = 1000000000, max_threads = 2"
SETTINGS = f"SETTINGS {LIMITS}, date_time_output_format = 'iso', output_format_json_quote_64bit_integers = 0"
AT = place("occurred_at")
# An event happens a minute after it was received at most, so months that were received before hold none of it.
IN_TIME = f"""
{AT} >= {{since:Int64}} AND {AT} < {{until:Int64}}
AND received_at >= fromUnixTimestamp64Milli({{since:Int64}} - {DAY_MS})
"""
# Coming into a segment is nothing that anybody did.
DONE = f"project_id = {{project:String}} AND type != '{MOVE}' AND {IN_TIME}"

Kind = Literal["count", "share", "mean"]


class Span(NamedTuple):
    """From `start` on and before `end`, as epoch ms."""

    start: int
    end: int


class Period(NamedTuple):
    """Some days of a zone's calendar, as far as they have gone, and as many before them, as far in the last one."""

    days: Sequence[Day]
    zone: ZoneInfo
    now: Span
    before: Span

    @property
    def shown(self) -> dict[str, str]:
        return {"tz": self.zone.key, "from": write_time(self.now.start), "until": write_time(self.now.end)}

    @property
    def cuts(self) -> list[int]:
        """Where the period before begins, the gap after it, and the period itself."""
        return [self.before.start, self.before.end, self.now.start]

    @property
    def bound(self) -> dict[str, int]:
        """For IN_TIME: both of them."""
        return {"since": self.before.start, "until": self.now.end}


class Measure(NamedTuple):
    """Sums over things: how many, what they come to, and their squares. Of a count only `number` is meant."""

    number: int = 0
    total: float = 0.0
    squares: float = 0.0

    def value(self, kind: Kind) -> float | None:
        """None of a share or mean of nothing."""
        return self.number if kind == "count" else self.total / self.number if self.number else None


def period_of(now: datetime, days: int, zone: ZoneInfo, last: date | None = None) -> Period:
    """`days` up to and with `last`, which is today unless it is given."""
    local = now.astimezone(zone)
    last = last or local.date()
    first = last - timedelta(days=days - 1)
    dates = [first + timedelta(days=number) for number in range(days + 1)]
    starts = list(midnights([first - timedelta(days=days), *dates], zone))
    whole = [Day(one, start, end) for one, start, end in zip(dates, starts[1:-1], starts[2:], strict=False)]
    earlier, start, end = starts[0], starts[1], starts[-1]
    if last < local.date():
        return Period(whole, zone, Span(start, end), Span(earlier, start))
    as_far = (local.replace(tzinfo=None) - timedelta(days=days)).replace(tzinfo=zone)  # by the clock on the wall
    return Period(whole, zone, Span(start, _ms(now)), Span(earlier, max(earlier, _ms(as_far))))


def compare(kind: Kind, before: Measure, now: Measure) -> dict[str, Any]:
    """As `schemas.insights.Compared`."""
    was, value, z = before.value(kind), now.value(kind), z_of(kind, before, now)
    return {
        "value": value,
        "before": was,
        "change": (value - was) / was if was and value is not None else None,
        "direction": direction_of(z),
    }


def direction_of(z: float | None) -> str | None:
    if z is None:
        return None
    return "stable" if abs(z) < LEAST_Z else "increasing" if z > 0 else "decreasing"


def z_of(kind: Kind, before: Measure, now: Measure) -> float | None:
    """How many standard errors the two are apart: of counts as Poisson's, of shares as two proportions, of means as
    Welch has it. None where that cannot be said."""
    if kind == "count":
        both = before.number + now.number
        return (now.number - before.number) / sqrt(both) if both else None
    was, value = before.value(kind), now.value(kind)
    if was is None or value is None:
        return None
    if kind == "share":
        pooled = (before.total + now.total) / (before.number + now.number)
        error = pooled * (1 - pooled) * (1 / before.number + 1 / now.number)
    elif before.number < 2 or now.number < 2:
        return None
    else:
        error = _variance(before) / before.number + _variance(now) / now.number
    apart = round(value - was, 9)  # sums of the same numbers in another order may differ in the last digits
    if not apart:
        return 0.0
    return apart / sqrt(error) if error > 0 else copysign(inf, apart)


def rating_in(parameters: Parameters) -> str:
    """SQL of what feedback says, 0 to 1; NULL of any other event. As `schemas.conversations.rating_of`."""
    rating, thumbs = said("rating", parameters).number, said("thumbs", parameters).text
    return f"""
    multiIf(isNotNull({rating}), least(greatest({rating}, 0), 1), {thumbs} = 'up', 1, {thumbs} = 'down', 0, NULL)
    """


def said(name: str, parameters: Parameters) -> JsonPath:
    """A property of an event."""
    return JsonPath("events.properties", "events.sent_properties", (name,), parameters)


def _variance(of: Measure) -> float:
    variance = (of.squares - of.total * of.total / of.number) / (of.number - 1)
    return variance if variance > 1e-12 else 0.0


def _ms(time: datetime) -> int:
    return int(time.astimezone(UTC).timestamp() * 1000)
