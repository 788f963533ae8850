"""Dates are read by one grammar, and days begin when they do in the project's time zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ask0.schemas.filters.dates import day_of, first_day, first_instant, read_date, read_duration, whole
from tests.schemas.filters.documents import DATES, NO_DATES

ZONES = ("UTC", "Europe/Berlin", "America/Sao_Paulo", "America/Havana", "Pacific/Apia", "Asia/Kolkata")
zones = st.sampled_from(ZONES).map(ZoneInfo)
days = st.dates(date(1900, 1, 1), date(2299, 12, 31)) | st.sampled_from((date(1900, 1, 1), date(2299, 12, 31)))
HOUR = 3_600_000


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize("text", DATES)
def test_what_is_of_the_grammar_is_read(text: str) -> None:
    assert read_date(text) is not None


@pytest.mark.parametrize("text", [*NO_DATES, "", "5", "2024-03-31T10", "2024-03-31T10:00:00.Z", "2024-03-31T10:00+1"])
def test_what_is_not_is_missing(text: str) -> None:
    assert read_date(text) is None


@given(st.datetimes(datetime(1900, 1, 1), datetime(2299, 12, 31)), st.timezones() | st.none())
def test_what_python_writes_is_read_to_the_millisecond(when: datetime, zone: ZoneInfo | None) -> None:
    aware = when.replace(tzinfo=zone or UTC)
    offset = aware.utcoffset()
    assert offset is not None
    if offset % timedelta(minutes=1):
        return  # before there were zones, noon was when the sun stood in the south
    text = aware.isoformat() if zone else when.isoformat()
    assert read_date(text) == (when - datetime(1970, 1, 1) - offset) // timedelta(milliseconds=1)


@given(days)
def test_every_day_is_read_as_itself(day: date) -> None:
    assert read_date(day.isoformat()) == day


@pytest.mark.parametrize(
    ("day", "zone", "instant"),
    [
        (date(2024, 1, 31), "UTC", "2024-01-31T00:00:00Z"),
        (date(2024, 3, 31), "Europe/Berlin", "2024-03-30T23:00:00Z"),
        (date(2024, 4, 1), "Europe/Berlin", "2024-03-31T22:00:00Z"),
        (date(2018, 11, 4), "America/Sao_Paulo", "2018-11-04T03:00:00Z"),  # which began at one o'clock
        (date(2024, 11, 3), "America/Havana", "2024-11-03T04:00:00Z"),  # which had midnight twice
        (date(2011, 12, 30), "Pacific/Apia", "2011-12-30T10:00:00Z"),  # which was left out
        (date(2011, 12, 31), "Pacific/Apia", "2011-12-30T10:00:00Z"),
    ],
)
def test_a_day_begins_at_its_first_instant(day: date, zone: str, instant: str) -> None:
    assert first_instant(day, ZoneInfo(zone)) == ms(instant)


def test_a_day_is_as_long_as_the_clocks_make_it() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for day, hours in ((date(2024, 3, 31), 23), (date(2024, 10, 27), 25), (date(2024, 6, 1), 24)):
        start, end = whole(day, berlin)
        assert end - start == hours * HOUR
        assert day_of(start, berlin) == day_of(end - 1, berlin) == (start, end)


@given(days, st.integers(-40_000_000_000_000, 40_000_000_000_000) | st.integers(-(10**9), 10**9), zones)
def test_days_compare_with_days_as_their_instants_do(day: date, instant: int, zone: ZoneInfo) -> None:
    begins = first_instant(day, zone)
    for at in (instant, begins - HOUR, begins, begins + 1, begins + 25 * HOUR):
        assert (first_instant(day, zone) >= at) == (day >= first_day(at, zone))


@pytest.mark.parametrize(
    ("text", "length"), [("30m", HOUR // 2), ("36h", 36 * HOUR), ("7d", 168 * HOUR), ("2w", 336 * HOUR)]
)
def test_a_period_is_a_number_of_hours(text: str, length: int) -> None:
    assert read_duration(text) == length


@pytest.mark.parametrize("text", ["", "0d", "7", "d", "-7d", "7 d", "7D", "7days", "1000000d", "07d"])
def test_what_is_no_period_is_none(text: str) -> None:
    assert read_duration(text) is None
