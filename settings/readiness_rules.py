"""The rules of the settings of `python -m ops readiness`, which knows the lines; here is only the form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from settings.parsing import mapping
from settings.reader import ConfigReader, part_of, remove_command, set_command

WAIVERS = "readinessWaivers"
_LINE = re.compile(r"[A-G][1-9]")
_SHOWN_NAME = 80  # characters
_SAMPLES = {
    "reason": "'<why production may run without this line>'",
    "person": "'<who decided it>'",
    "expires": "'<the last day, such as 2027-01-31>'",
}


def check_waivers(read: ConfigReader, given: Mapping[str, object]) -> None:
    """Each waiver is for a line, and has a reason in words, a person, and the day on which it ends.

    Whether it has ended is not checked here: a preview must not begin to fail at midnight.
    """
    for line, value in given.items():
        part = part_of(line)
        if not _LINE.fullmatch(line):
            what = f'"{line[:_SHOWN_NAME]}" is not a line of the runbook, such as C3.'
            read.add(WAIVERS, what, remove_command(WAIVERS, part))
            continue
        fields = mapping(value)
        if fields is None:
            what = f"{line} must be an object with reason, person and expires."
            read.add(WAIVERS, what, remove_command(WAIVERS, part))
            continue
        for name in sorted(set(fields) - set(_SAMPLES)):
            what = f'{line} has "{name[:_SHOWN_NAME]}", but a waiver has only reason, person and expires.'
            read.add(WAIVERS, what, remove_command(WAIVERS, f"{part}{part_of(name)}"))
        for name, sample in _SAMPLES.items():
            if wrong := _wrong(name, fields.get(name)):
                command = f"{set_command(WAIVERS, part=f'{part}.{name}')} {sample}"
                read.add(WAIVERS, f"{line}: {name} {wrong}.", command)


def _wrong(name: str, value: object) -> str | None:
    text = "" if value is None else str(value).strip()
    if not text:
        return "is missing"
    if name == "reason" and len(text.split()) < 2:
        return "must be at least two words"
    if name != "expires":
        return None
    try:
        date.fromisoformat(text)
    except ValueError:
        return "is not a day such as 2027-01-31"
    return None if len(text) == len("2027-01-31") else "is not a day such as 2027-01-31"
