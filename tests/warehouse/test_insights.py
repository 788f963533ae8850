"""The days of an insight and those before them, and when a number is said to go up or down."""

from datetime import UTC, date, datetime, timedelta
from math import inf
from zoneinfo import ZoneInfo

import pytest

from ask0.warehouse.active_hours import offsets_in
from ask0.warehouse.insights import Kind, Measure, Span, compare, direction_of, period_of, z_of

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2025, 10, 29, 14, 30, tzinfo=BERLIN)
NOTHING = Measure()


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def test_days_that_are_over_are_whole_and_so_are_those_before() -> None:
    period = period_of(NOW, 3, BERLIN, date(2025, 10, 27))
    assert period.now == Span(at("2025-10-25T00:00+02:00"), at("2025-10-28T00:00+01:00"))
    assert period.before == Span(at("2025-10-22T00:00+02:00"), at("2025-10-25T00:00+02:00"))
    assert [day.date.day for day in period.days] == [25, 26, 27]
    assert [day.end - day.start for day in period.days] == [24 * 3_600_000, 25 * 3_600_000, 24 * 3_600_000]
    assert period.shown["tz"] == "Europe/Berlin"


def test_today_is_compared_as_far_as_it_has_gone_by_the_clock_on_the_wall() -> None:
    period = period_of(NOW, 7, BERLIN)
    assert period.now == Span(at("2025-10-23T00:00+02:00"), at("2025-10-29T14:30+01:00"))
    assert period.before == Span(at("2025-10-16T00:00+02:00"), at("2025-10-22T14:30+02:00"))
    assert period_of(NOW, 7, BERLIN, NOW.date()) == period
    assert period.cuts == [period.before.start, period.before.end, period.now.start]


def test_today_is_the_zones_own() -> None:
    apia = period_of(datetime(2025, 1, 1, 11, tzinfo=UTC), 1, ZoneInfo("Pacific/Apia"))
    assert [day.date for day in apia.days] == [date(2025, 1, 2)]


@pytest.mark.parametrize(
    ("kind", "before", "now", "direction"),
    [
        ("count", Measure(100), Measure(129), "stable"),  # z 1.92
        ("count", Measure(100), Measure(131), "increasing"),  # 2.04
        ("count", Measure(131), Measure(100), "decreasing"),
        ("count", NOTHING, Measure(3), "stable"),
        ("count", NOTHING, Measure(4), "increasing"),
        ("count", NOTHING, NOTHING, None),
        ("share", Measure(100, 50), Measure(100, 64), "stable"),  # 1.998
        ("share", Measure(100, 50), Measure(100, 65), "increasing"),  # 2.15
        ("share", Measure(100, 65), Measure(100, 50), "decreasing"),
        ("share", Measure(9, 9), Measure(4, 4), "stable"),
        ("share", NOTHING, Measure(4, 4), None),
        ("mean", Measure(50, 25, 15), Measure(50, 25, 15), "stable"),
        ("mean", Measure(50, 25, 15), Measure(50, 35, 27), "increasing"),
        ("mean", Measure(50, 35, 27), Measure(50, 25, 15), "decreasing"),
        ("mean", Measure(2, 2, 2), Measure(2, 1, 0.5), "decreasing"),  # without any noise
        ("mean", Measure(1, 1, 1), Measure(50, 25, 15), None),
        ("mean", NOTHING, Measure(50, 25, 15), None),
    ],
)
def test_a_direction_needs_two_standard_errors(kind: Kind, before: Measure, now: Measure, direction: str) -> None:
    assert compare(kind, before, now)["direction"] == direction


def test_the_border_itself_counts() -> None:
    assert [direction_of(z) for z in (2.0, -2.0, 1.999, -1.999, inf, -inf, 0.0)] == [
        *("increasing", "decreasing", "stable", "stable", "increasing", "decreasing", "stable")
    ]


def test_what_only_the_order_of_adding_makes_different_is_the_same() -> None:
    one, other = sum([0.1, 0.2, 0.3]), sum([0.3, 0.2, 0.1])
    assert one != other
    assert z_of("mean", Measure(3, one, 0.14), Measure(3, other, 0.14)) == 0


def test_a_change_is_a_part_of_what_was_before() -> None:
    assert compare("count", Measure(4), Measure(5))["change"] == 0.25
    assert compare("count", NOTHING, Measure(5))["change"] is None
    assert compare("mean", Measure(2, 1, 1), NOTHING) == dict.fromkeys(("value", "change", "direction")) | {
        "before": 0.5
    }


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "UTC", "Asia/Pyongyang"])
def test_every_change_of_a_zones_clocks_is_found(zone: str) -> None:
    start, end = at("2018-01-01T00:00Z"), at("2019-01-01T00:00Z")
    offsets = list(offsets_in(ZoneInfo(zone), Span(start, end)))
    for number in range(0, 365 * 48):
        moment = start + number * 1_800_000
        ahead = [offset.ahead for offset in offsets if offset.start <= moment][-1]
        local = datetime.fromtimestamp(moment / 1000, ZoneInfo(zone)).utcoffset()
        assert local == timedelta(milliseconds=ahead), moment
