"""JSON and YAML read into plain typed data, and the nearest known name for a mistyped one.

firebase.json and the index file may hold `//` and `/* */` comments (the Firebase CLI reads both with
`cjson`); comments are blanked, so that line and column of a syntax error stay true.
What is not an object at the top is a problem, and so is a key that is given twice in one object: the second
would win without a message.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

from settings.problems import Problem

_AMBIGUOUS_FROM = 1_000_000  # the shortest phone numbers have 7 digits (ITU-T E.164)
_TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)


class DuplicateKeyError(ValueError):
    """One object of a JSON text has the same key twice."""


def mapping(value: object) -> dict[str, object] | None:
    """`value` as a string-keyed mapping, or None if it is something else."""
    if not isinstance(value, Mapping):
        return None
    found = cast("Mapping[object, object]", value)
    if not all(isinstance(key, str) for key in found):
        return None
    return {str(key): item for key, item in found.items()}


def sequence(value: object) -> list[object] | None:
    """`value` as a list, or None if it is something else (a string is something else)."""
    return list(cast("list[object]", value)) if isinstance(value, list | tuple) else None


def strings(value: object) -> tuple[str, ...] | None:
    """`value` as a tuple of strings, or None if it is not a list of strings."""
    items = sequence(value)
    if items is None or not all(isinstance(item, str) for item in items):
        return None
    return tuple(str(item) for item in items)


def unusable(text: str) -> str | None:
    """Completes the message about a text with a character that no name, path or variable can hold."""
    if "\0" in text:
        return "contains the character U+0000."
    surrogate = next((char for char in text if "\ud800" <= char <= "\udfff"), None)
    return (
        f"contains an unpaired surrogate (U+{ord(surrogate):04X}), half of a character."
        if surrogate
        else None
    )


def unusable_text(document: object) -> str | None:
    """What is wrong with the first such text in a document, a key or a value; see `unusable`."""
    left = [document]
    while left:
        value = left.pop()
        if isinstance(value, str):
            if wrong := unusable(value):
                return f"{value[:60]!a} {wrong}"
        elif isinstance(value, Mapping):
            found = cast("Mapping[object, object]", value)
            left += [*found.values(), *found]
        elif isinstance(value, list | tuple):
            left += cast("list[object]", value)
    return None


def kind_of(value: object) -> str:
    """The JSON type of `value`, with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, int | float):
        return "a number"
    return "a list" if isinstance(value, list | tuple) else "an object"


def as_string(value: object) -> str | None:
    """A value as the text that was written; None if it is no string, or a number of which the text is lost.

    `pulumi config set --path` and YAML read +40722000000, 0x10 and 1.10 as numbers. Only a short integer is
    certainly written as its digits.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and abs(value) < _AMBIGUOUS_FROM else None


def ambiguous_number(shown: str) -> str:
    """Completes the message about a number for which `as_string` returns None."""
    return f"is stored as the number {shown}, which may have lost a +, a zero or digits."


def not_a_string(value: object) -> str:
    """Completes the message about a value of another type."""
    return f"must be a string, but is {kind_of(value)}."


def nearest(name: str, known: Iterable[str], similarity: float = 0.6) -> str | None:
    """The known name that is most similar to `name`, in any letter case; None if none is similar."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=similarity)
    return by_lower[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`Did you mean "x"? `, or "" if no known name is similar."""
    found = nearest(name, known)
    return f'Did you mean "{found}"? ' if found else ""


def not_known(value: str, known: Iterable[str]) -> str:
    """`is not known to this version`, and the most similar known name, if there is one."""
    found = nearest(value, known)
    return "is not known to this version" + (f'; did you mean "{found}"?' if found else ".")


def _blank(match: re.Match[str]) -> str:
    text = match.group()
    return text if text.startswith('"') else re.sub(r"[^\n]", " ", text)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise DuplicateKeyError(key)
        found[key] = value
    return found


def parse_json(text: str, file: str) -> tuple[dict[str, object] | None, list[Problem]]:
    """The object in a JSON text with comments, or the problem with line and column. `file` names it."""
    try:
        value: object = json.loads(_TOKEN.sub(_blank, text.removeprefix("\ufeff")), object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        lines = text.splitlines()
        line = lines[error.lineno - 1].strip() if error.lineno <= len(lines) else ""
        shown = f": {line[:80]}" if line else ""
        what = f"is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}{shown}"
        fix = f"Correct {file} at line {error.lineno} (often a missing or trailing comma)."
    except RecursionError:
        what = "is nested too deeply to be read."
        fix = f"Remove levels of lists and objects from {file}."
    except DuplicateKeyError as error:
        what = f'the key "{error}" is given twice in one object, and only the last one would count.'
        fix = f'Keep one "{error}" in {file}.'
    except ValueError:
        what = "holds a number with too many digits."
        fix = f"Correct the number in {file}."
    else:
        found = mapping(value)
        if found is not None and (text_problem := unusable_text(value)):
            return None, [Problem(key=file, what=text_problem, fix=f"Correct this text in {file}.")]
        if found is not None:
            return found, []
        what = f"must hold one JSON object, but holds {kind_of(value)}."
        fix = f'Write an object in {file}: {{ "...": ... }}'
    return None, [Problem(key=file, what=what, fix=fix)]


def read_text(path: Path, file: str) -> tuple[str | None, list[Problem]]:
    """The text of a file, or the problem that it cannot be read. `file` names it."""
    try:
        return path.read_text(encoding="utf-8"), []
    except UnicodeDecodeError as error:
        return None, [Problem(key=file, what=f"cannot be read: {error}.", fix=f"Save {path} as UTF-8.")]
    except OSError as error:
        fix = f"Check that {path} is a file that you can read."
        return None, [Problem(key=file, what=f"cannot be read: {error.strerror}.", fix=fix)]


def read_json(path: Path, file: str) -> tuple[dict[str, object] | None, list[Problem]]:
    """The object in a JSON file with comments, or the problem; see `read_text` and `parse_json`."""
    text, problems = read_text(path, file)
    return (None, problems) if text is None else parse_json(text, file)
