"""The schedules that Cloud Scheduler accepts (its docs, "Cron job format and time zone"): unix cron, and the
English-like format of App Engine.

The format's grammar is the one of App Engine's reference ("schedule format"). Public projects also use forms
that are not in it, such as "every hour" and "every 1 days": those are deployed with a warning.
"""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, datetime
from functools import cache

from cronsim import CronSim, CronSimError

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
    return frozenset(zoneinfo.available_timezones())


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
