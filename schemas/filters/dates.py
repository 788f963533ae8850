"""Dates: one grammar of ISO 8601 for what is stored and what is asked for, and the instants that they mean.

An instant is epoch ms. A date without a time is a day in the project's time zone, a time without an offset is in UTC.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

# The same text is a regular expression for Python and for ClickHouse. Years are those that a DateTime64 holds.
DATE_GRAMMAR = (
    "(?:(?:19|2[0-2])[0-9]{2}-"
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    "|(?:(?:19|2[0-2])(?:0[48]|[2468][048]|[13579][26])|2000)-02-29)"
)
# Its groups are the hour, the minute, the second, the fraction, and the offset.
TIME_GRAMMAR = (
    "[T ]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:[.,]([0-9]{1,9}))?)?"
    "(Z|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?"
)
_date = re.compile(DATE_GRAMMAR)
_time = re.compile(TIME_GRAMMAR)
_duration = re.compile("([1-9][0-9]{0,5})([mhdw])")
UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2299, 12, 31)
MILLISECOND = timedelta(milliseconds=1)
DAY = 86_400_000
FIRST_INSTANT = (FIRST_DAY - EPOCH.date()).days * DAY
LAST_INSTANT = ((LAST_DAY - EPOCH.date()).days + 1) * DAY - 1


@dataclass(frozen=True)
class Clock:
    """What "now" and "a day" mean: epoch ms, and the project's time zone."""

    now: int
    zone: tzinfo


def read_date(text: str) -> date | int | None:
    """A day, or an instant; None for what is neither."""
    if len(text) < 10 or not _date.fullmatch(text[:10]):
        return None
    day = date(int(text[:4]), int(text[5:7]), int(text[8:10]))
    if len(text) == 10:
        return day
    found = _time.fullmatch(text, 10)
    if not found:
        return None
    hour, minute, second, fraction, offset = found.groups(default="")
    ms = (int(hour) * 60 + int(minute)) * 60_000 + int(second or 0) * 1000 + int(fraction.ljust(3, "0")[:3])
    return (day - EPOCH.date()).days * DAY + ms - _offset(offset)


def _offset(text: str) -> int:
    if text in ("", "Z"):
        return 0
    digits = text[1:].replace(":", "").ljust(4, "0")
    ms = (int(digits[:2]) * 60 + int(digits[2:])) * 60_000
    return -ms if text[0] == "-" else ms


def first_instant(day: date, zone: tzinfo) -> int:
    """When a day begins. Where clocks skip midnight it is the time they skip it at; where they repeat it, the first."""
    return (datetime(day.year, day.month, day.day, tzinfo=zone) - EPOCH) // MILLISECOND


def first_day(instant: int, zone: tzinfo) -> date:
    """The earliest day that begins at this instant or later, so that days and instants compare alike."""
    # What can be stored begins between these two, in any zone.
    instant = max(FIRST_INSTANT - 2 * DAY, min(instant, LAST_INSTANT + 2 * DAY))
    day = (EPOCH + instant * MILLISECOND).astimezone(zone).date() - timedelta(days=1)
    while first_instant(day, zone) < instant:
        day += timedelta(days=1)
    return day


def whole(found: date | int, zone: tzinfo) -> tuple[int, int]:
    """The first instant of a day or an instant, and the first one after it."""
    if isinstance(found, int):
        return found, found + 1
    return first_instant(found, zone), first_instant(found + timedelta(days=1), zone)


def day_of(found: date | int, zone: tzinfo) -> tuple[int, int]:
    """The first instant of the day that this is or lies in, and the first one after that day."""
    if isinstance(found, int):
        found = (EPOCH + found * MILLISECOND).astimezone(zone).date()
    return whole(found, zone)


def read_duration(text: str) -> int | None:
    """`7d` in ms: minutes, hours, days of 24 hours, weeks."""
    found = _duration.fullmatch(text)
    return int(found[1]) * UNITS[found[2]] if found else None
