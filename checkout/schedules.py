"""The schedules and time zones that Cloud Scheduler accepts (its docs, "Cron job format and time zone").

A schedule is unix cron, or in the English-like format of App Engine, whose grammar is the one of App Engine's
reference ("schedule format"). Public projects also use forms that are not in it, such as "every hour" and
"every 1 days": those are deployed with a warning.

A time zone is a name of the tz database, or "utc" (Cloud Scheduler API, `timeZone`).
"""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, datetime
from functools import cache

from cronsim import CronSim, CronSimError

from settings.parsing import nearest

_CRON_FIELD = re.compile(r"(?:\*|\d+|[A-Za-z]{3})(?:[-,/](?:\*|\d+|[A-Za-z]{3}))*")
_TIME = r"(?:[01]?\d|2[0-3]):[0-5]\d"
_DAY = r"(?:mon(?:day)?|tue(?:sday)?|wed(?:nesday)?|thu(?:rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)"
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:tember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_ONES = "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth"
_DATE = r"(?:[1-9]|[12]\d|3[01])"
_ORDINAL = (
    rf"(?:{_DATE}(?:st|nd|rd|th)|{_ONES}|tenth|eleventh|twelfth|(?:thir|four|fif|six|seven|eigh|nine)teenth|"
    rf"twentieth|twenty(?:{_ONES})|thirtieth|thirtyfirst)"
)

_NO_ZONES = {"Factory", "localtime", "posixrules"}  # files of a tz database that name no zone of their own
_PLACE = "Europe/Bucharest"
_OFFSET = re.compile(r"(?:GMT|UTC)?([+-])(\d{1,2})(?::?(\d\d))?", re.IGNORECASE)


def _list_of(item: str) -> str:
    return f"{item}(?:,{item})*"


_DAYS = f"(?:day|{_list_of(_DAY)})"
_OF = (
    rf" of (?:month|{_list_of(_MONTH)}|quarter|"
    rf"{_list_of('(?:1st|first|2nd|second|3rd|third)')} month of quarter)"
)
_DOCUMENTED = re.compile(
    rf"every [1-9]\d{{0,4}} (?:hours|minutes|mins)(?: from {_TIME} to {_TIME}| synchronized)?"
    rf"|(?:(?:every|{_list_of(_ORDINAL)}) {_DAYS}(?:{_OF})?|{_list_of(_DATE)}{_OF}) {_TIME}",
    re.IGNORECASE,
)
_COMMON = re.compile(
    rf"every (?:[1-9]\d{{0,4}} )?(?:hours?|minutes?|mins?|days?)|every {_DAYS}", re.IGNORECASE
)


def schedule_problem(schedule: str) -> str | None:
    """What is wrong with a schedule; completes "the schedule X ..."."""
    text = _normal(schedule)
    if _DOCUMENTED.fullmatch(text) or _COMMON.fullmatch(text):
        return None
    is_cron = text[:1] == "*" or text[:1].isdigit()
    return _cron_problem(text.split()) if is_cron else "is not one that Cloud Scheduler accepts"


def is_undocumented(schedule: str) -> bool:
    """Whether a schedule has a form that is common, but not in Google's grammar."""
    text = _normal(schedule)
    return _COMMON.fullmatch(text) is not None and not _DOCUMENTED.fullmatch(text)


@cache
def time_zones() -> frozenset[str]:
    """The names of the tz database."""
    return frozenset(zoneinfo.available_timezones() - _NO_ZONES)


def time_zone_fix(zone: str) -> str | None:
    """How to correct a time zone that Cloud Scheduler does not accept; None if it accepts it.

    Example:
        time_zone_fix("Bucharest")  # 'Use "Europe/Bucharest" as the time zone.'
    """
    if zone.lower() == "utc" or zone in time_zones():
        return None
    offset = _OFFSET.fullmatch(zone.replace(" ", ""))
    if offset is not None:
        return _fix_of_offset(offset[1], int(offset[2]), int(offset[3] or 0))
    # Abbreviations are not suggested: the name most similar to "EEST" is "EST", which is another time.
    named = (name for name in time_zones() if "/" in name and not name.startswith("Etc/"))
    return f'Use "{nearest(zone, named) or _PLACE}" as the time zone.'


def _fix_of_offset(sign: str, hours: int, minutes: int) -> str:
    """The fix for an offset from UTC. The tz database names it with the inverted sign."""
    if not hours and not minutes:
        return 'Use "UTC" as the time zone.'
    place = f'a place, such as "{_PLACE}", which also follows daylight saving time'
    name = f"Etc/GMT{'-' if sign == '+' else '+'}{hours}"
    if minutes or name not in time_zones():
        return f"Use the name of {place}."
    where = "ahead of" if sign == "+" else "behind"
    return f'Use "{name}" for {hours} h {where} UTC: the sign in these names is inverted. Or use {place}.'


def _normal(schedule: str) -> str:
    """One space between words, none beside a comma: App Engine's lexer skips spaces."""
    return re.sub(r"\s*,\s*", ",", " ".join(schedule.split()))


def _cron_problem(fields: list[str]) -> str | None:
    if len(fields) != 5:
        return f"has {len(fields)} fields, but cron has 5: minute, hour, day, month, day of the week"
    odd = next((field for field in fields if not _CRON_FIELD.fullmatch(field)), None)
    if odd is not None:
        return f'has the field "{odd}", which Cloud Scheduler does not know'
    try:
        CronSim(" ".join(fields), datetime.now(UTC))
    except CronSimError as error:
        return f"is not valid cron: {str(error)[:1].lower()}{str(error)[1:]}"
    return None
