"""Schedules: both formats of Cloud Scheduler, and what is neither. Time zones, and how to correct one."""

from __future__ import annotations

import zoneinfo
from datetime import datetime, timedelta

import pytest

from checkout.schedules import is_undocumented, schedule_problem, time_zone_fix, time_zones

pytestmark = pytest.mark.unit

CRON = (
    "* * * * *", "*/5 * * * *", "5 11 * * *", "0 9 * * MON-FRI", "0 0 1,15 JAN,jul *", "0 0 * * 7",
    "30 8-18/2 * * 1-5", " 0  0 * * SUN ", "5/15 * * * *",
)  # fmt: skip
APP_ENGINE = (
    "every 5 minutes", "every 1 hours", "every 24 hours", "every 10 mins", "every 2 hours synchronized",
    "every 5 minutes from 10:00 to 14:00", "every day 00:00", "every monday 09:00", "every mon, wed 9:05",
    "1st,third monday of month 04:00", "2nd,third wednesday of march 09:00", "first day of month 09:00",
    "1,8,15,22 of month 09:00", "1 of jan,april,july,oct 00:00", "31st day of dec 23:59",
    "first sunday of quarter 00:00", "1st monday of 2nd month of quarter 10:00", "Every Day 07:30",
)  # fmt: skip
COMMON = ("every hour", "every minute", "every 1 hour", "every 1 days", "every day", "every monday")


@pytest.mark.parametrize("schedule", CRON + APP_ENGINE)
def test_a_documented_schedule_is_accepted(schedule: str) -> None:
    assert schedule_problem(schedule) is None
    assert not is_undocumented(schedule)


@pytest.mark.parametrize("schedule", COMMON)
def test_a_common_schedule_outside_of_the_grammar_is_accepted_and_marked(schedule: str) -> None:
    assert schedule_problem(schedule) is None
    assert is_undocumented(schedule)


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [
        ("61 25 * * *", "bad minute"),
        ("0 24 * * *", "bad hour"),
        ("0 0 0 * *", "bad day-of-month"),
        ("0 0 31 2 *", "bad day-of-month"),
        ("0 0 * 13 *", "bad month"),
        ("0 0 * * 8", "bad day-of-week"),
        ("*/0 * * * *", "bad minute"),
        ("0 0 * * 5-2", "bad day-of-week"),
        ("* * * *", "has 4 fields"),
        ("*/30 * * * * *", "has 6 fields"),
        ("0 0 L * *", 'has the field "L"'),
        ("0 0 * * MON#1", 'has the field "MON#1"'),
        ("0 0 ? * *", 'has the field "?"'),
        ("32 of month 09:00", "has 4 fields"),
        ("", "not one that"),
        ("@daily", "not one that"),
        ("sometimes", "not one that"),
        ("every 5 minuts", "not one that"),
        ("every 0 minutes", "not one that"),
        ("every 5 minutes from 25:00 to 26:00", "not one that"),
        ("every day 24:00", "not one that"),
        ("every day 9am", "not one that"),
        ("every someday 09:00", "not one that"),
        ("first of month 09:00", "not one that"),
    ],
)
def test_anything_else_is_a_problem(schedule: str, reason: str) -> None:
    assert reason in (schedule_problem(schedule) or "")


def test_time_zones_are_known_without_those_of_the_machine() -> None:
    """tzdata is installed, so a machine without a tz database checks them too."""
    assert {"UTC", "Europe/Bucharest", "America/New_York"} <= time_zones()


@pytest.mark.parametrize(
    "zone", ["UTC", "utc", "Utc", "Europe/Bucharest", "EET", "GMT+0", "Etc/GMT-2", "Etc/UTC"]
)
def test_each_name_of_the_tz_database_is_a_time_zone(zone: str) -> None:
    assert time_zone_fix(zone) is None


@pytest.mark.parametrize("name", ["localtime", "Factory", "posixrules"])
def test_a_file_of_the_tz_database_without_a_zone_of_its_own_is_no_time_zone(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian, for example, has the file localtime, which is the zone of the machine."""
    monkeypatch.setattr(zoneinfo, "available_timezones", lambda: {name, "UTC"})
    time_zones.cache_clear()
    try:
        assert time_zones() == {"UTC"}
        assert time_zone_fix(name) is not None
    finally:
        time_zones.cache_clear()


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("Bucharest", "Europe/Bucharest"),
        ("europe/bucharest", "Europe/Bucharest"),
        ("America/NewYork", "America/New_York"),
        ("EEST", "Europe/Bucharest"),
        ("CEST", "Europe/Bucharest"),
        ("", "Europe/Bucharest"),
        ("UTC+0", "UTC"),
        ("+00:00", "UTC"),
    ],
)
def test_the_fix_of_a_time_zone_names_one(zone: str, name: str) -> None:
    assert time_zone_fix(zone) == f'Use "{name}" as the time zone.'
    assert time_zone_fix(name) is None


@pytest.mark.parametrize(
    ("zone", "name", "hours", "where"),
    [
        ("GMT+2", "Etc/GMT-2", 2, "ahead of"),
        ("UTC +02:00", "Etc/GMT-2", 2, "ahead of"),
        ("+3", "Etc/GMT-3", 3, "ahead of"),
        ("gmt-5", "Etc/GMT+5", -5, "behind"),
        ("UTC-0500", "Etc/GMT+5", -5, "behind"),
    ],
)
def test_the_fix_of_an_offset_names_the_zone_with_the_inverted_sign(
    zone: str, name: str, hours: int, where: str
) -> None:
    assert datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo(name)).utcoffset() == timedelta(hours=hours)
    assert f'Use "{name}" for {abs(hours)} h {where} UTC' in (time_zone_fix(zone) or "")


@pytest.mark.parametrize("zone", ["GMT+15", "GMT-13", "UTC+5:30", "+05:45"])
def test_an_offset_without_a_zone_of_its_own_needs_the_name_of_a_place(zone: str) -> None:
    assert (time_zone_fix(zone) or "").startswith("Use the name of a place")
