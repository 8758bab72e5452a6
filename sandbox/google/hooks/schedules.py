"""The schedules that Cloud Scheduler accepts: unix cron with five fields, and App Engine's format.

App Engine's format is parsed word by word, after its grammar (GoogleCloudPlatform/appengine-java-standard,
Groc.g). What that grammar lacks and public Firebase projects use ("every hour", "every 1 days") is accepted:
unverified.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

WORD = re.compile(r"\d{1,2}:\d{2}|\d+(?:st|nd|rd|th)?|[a-z]+|,")
NAMES = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS = {*NAMES, *(name[:3] for name in NAMES)}
FULL_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
MONTHS = {*FULL_MONTHS, *(name[:3] for name in FULL_MONTHS)}
ONES = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"]
TEENS = [
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
]
ORDINALS = {
    *ONES, *TEENS, "twentieth", *(f"twenty{one}" for one in ONES), "thirtieth", "thirtyfirst",
    *(f"{day}{suffix}" for day in range(1, 32) for suffix in ("st", "nd", "rd", "th")),
}  # fmt: skip
MONTHS_OF_QUARTER = {"1st", "first", "2nd", "second", "3rd", "third"}
MONTH_DAYS = {str(day) for day in range(1, 32)}
PERIODS = {"hours", "minutes", "mins"}
COMMON_PERIODS = {*PERIODS, "hour", "minute", "min", "day", "days"}


def is_schedule(text: str) -> bool:
    """Whether Cloud Scheduler accepts the schedule."""
    fields = text.split()
    if len(fields) == 5 and all(re.fullmatch(r"[\d*/,\-A-Z]+", field.upper()) for field in fields):
        return _is_cron(fields)
    words = WORD.findall(text.lower())
    return "".join(words) == "".join(text.lower().split()) and _Schedule(words).is_complete()


def _is_cron(fields: list[str]) -> bool:
    if any(len(letters) != 3 for letters in re.findall(r"[A-Z]+", " ".join(fields).upper())):
        return False  # names of months and days; L is not supported (Cloud Scheduler docs)
    try:
        CronSim(" ".join(fields), datetime.now(UTC))
    except CronSimError:
        return False
    return True


class _Schedule:
    """The words of a schedule that are still to be read."""

    def __init__(self, words: list[str]) -> None:
        self._words = words

    def is_complete(self) -> bool:
        """Whether the words are a schedule."""
        if self._take({"every"}):
            return self._interval() or self._every_day()
        if self._list(ORDINALS):
            return self._days() and self._optional_months() and self._time()
        return self._list(MONTH_DAYS) and self._take({"of"}) and self._months() and self._time()

    def _interval(self) -> bool:
        numbered = self._words[:1] != [] and self._words[0].isdigit()
        if not numbered:
            return len(self._words) == 1 and self._words[0] in COMMON_PERIODS - PERIODS
        if int(self._words.pop(0)) == 0:
            return False
        if len(self._words) == 1:
            return self._take(COMMON_PERIODS)
        if not self._take(PERIODS):
            return False
        if self._take({"synchronized"}):
            return not self._words
        return self._take({"from"}) and self._clock() and self._take({"to"}) and self._time()

    def _every_day(self) -> bool:
        return self._days() and (not self._words or (self._optional_months() and self._time()))

    def _days(self) -> bool:
        return self._take({"day"}) or self._list(WEEKDAYS)

    def _optional_months(self) -> bool:
        return not self._take({"of"}) or self._months()

    def _months(self) -> bool:
        if self._take({"month", "quarter"}) or self._list(MONTHS):
            return True
        rest = ({"month"}, {"of"}, {"quarter"})
        return self._list(MONTHS_OF_QUARTER) and all(self._take(words) for words in rest)

    def _time(self) -> bool:
        return self._clock() and not self._words

    def _clock(self) -> bool:
        hour, colon, minute = self._words[0].partition(":") if self._words else ("", "", "")
        if not colon or int(hour) > 23 or int(minute) > 59:
            return False
        self._words.pop(0)
        return True

    def _list(self, known: Collection[str]) -> bool:
        if not self._take(known):
            return False
        while self._take({","}):
            if not self._take(known):
                return False
        return True

    def _take(self, known: Collection[str]) -> bool:
        if self._words and self._words[0] in known:
            self._words.pop(0)
            return True
        return False
