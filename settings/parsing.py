"""JSON and YAML read into plain typed data, and the nearest known name for a mistyped one.

firebase.json and the index file may hold `//` and `/* */` comments (the Firebase CLI reads both with
`cjson`); comments are blanked, so that line and column of a syntax error stay true.
What is not an object at the top is a problem, and so is a key that is given twice in one object: the second
would win without a message. So are documents that no later step can handle: texts with U+0000, numbers
without end, deep nesting.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn, cast

from settings.files import read_text
from settings.problems import Problem, bounded

_AMBIGUOUS_FROM = 1_000_000  # the shortest phone numbers have 7 digits (ITU-T E.164)
MAX_DEPTH = 100  # levels of lists and objects in a document
MAX_VALUES = 200_000  # of a document; a YAML file of a few lines can hold billions by its aliases
MAX_NUMBER = 2**63
_MAX_NAME = 200  # characters of a name that are compared with the known ones
# A string or comment without an end is one token to the end: otherwise each quote in it is tried as a start.
_TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"?|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)


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


def document_problem(document: object) -> str | None:
    """What no later step can handle in a document of lists and objects; None if there is nothing.

    A text with U+0000 or half of a character, as a key or a value; a number that is not finite or has more
    than 64 bits; more than MAX_DEPTH levels or MAX_VALUES values.
    """
    left = [(document, 0)]
    count = 0
    while left:
        value, depth = left.pop()
        count += 1
        if depth > MAX_DEPTH:
            return f"has more than {MAX_DEPTH} levels of lists and objects."
        if count > MAX_VALUES:
            return f"has more than {MAX_VALUES} values."
        if isinstance(value, str):
            if wrong := unusable(value):
                return f"{value[:60]!a} {wrong}"
        elif isinstance(value, int | float):
            if not math.isfinite(value) if isinstance(value, float) else abs(value) > MAX_NUMBER:
                return "holds a number that is not finite, or has too many digits."
        elif isinstance(value, Mapping):
            found = cast("Mapping[object, object]", value)
            left += [(item, depth + 1) for item in (*found.values(), *found)]
        elif isinstance(value, list | tuple):
            left += [(item, depth + 1) for item in cast("list[object]", value)]
    return None


def named(char: str) -> str:
    """A character that may look like another one, or like nothing: `U+200B (ZERO WIDTH SPACE)`."""
    return f"U+{ord(char):04X} ({unicodedata.name(char, 'a control character')})"


def look_alike(value: str, expected: str = "") -> str:
    """Which character of `value` differs from `expected` although they look alike; "" if none does.

    Without `expected`, the first character that is not ASCII or is invisible. The text begins with a space,
    and is a sentence of its own: ` Its character 2 is U+0430 (CYRILLIC SMALL LETTER A).`
    """
    for number, char in enumerate(value[:10_000], start=1):
        if char in expected[number - 1 : number]:
            continue
        if not char.isascii() or not char.isprintable():
            return f" Its character {number} is {named(char)}."
        if expected:
            return ""
    return ""


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
    close = difflib.get_close_matches(name[:_MAX_NAME].lower(), by_lower, n=1, cutoff=similarity)
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


class JsonError(ValueError):
    """A text is not JSON that can be used; the text completes a sentence, the fix goes with it."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


def json_value(text: str, file: str = "it") -> object:
    """The value of a JSON text without comments, within the bounds of `document_problem`.

    Raises:
        JsonError: it is not JSON, has a key twice in one object, or is out of bounds. `file` names it.
    """

    def refuse(name: str) -> NoReturn:
        raise JsonError(f"holds {name}, which is not a number of JSON.", f"Correct the number in {file}.")

    try:
        value: object = json.loads(text, object_pairs_hook=_unique, parse_constant=refuse)
    except json.JSONDecodeError as error:
        # Not splitlines: for JSON only a line feed ends a line.
        line = text[text.rfind("\n", 0, error.pos) + 1 : error.pos + 80].partition("\n")[0].strip()
        shown = f": {line[:80]}" if line else ""
        what = f"is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}{shown}"
        fix = f"Correct {file} at line {error.lineno} (often a missing or trailing comma)."
        raise JsonError(what, fix) from None
    except RecursionError:
        fix = f"Remove levels of lists and objects from {file}."
        raise JsonError("is nested too deeply to be read.", fix) from None
    except DuplicateKeyError as error:
        key = bounded(str(error), 60)
        what = f'the key "{key}" is given twice in one object, and only the last one would count.'
        raise JsonError(what, f'Keep one "{key}" in {file}.') from None
    except JsonError:
        raise
    except ValueError:
        what = "holds a number with too many digits."
        raise JsonError(what, f"Correct the number in {file}.") from None
    if wrong := document_problem(value):
        raise JsonError(wrong, f"Correct this in {file}.")
    return value


def parse_json(text: str, file: str) -> tuple[dict[str, object] | None, list[Problem]]:
    """The object in a JSON text with comments, or the problem with line and column. `file` names it."""
    try:
        value = json_value(_TOKEN.sub(_blank, text.removeprefix("\ufeff")), file)
    except JsonError as error:
        return None, [Problem(key=file, what=error.what, fix=error.fix)]
    found = mapping(value)
    if found is not None:
        return found, []
    what = f"must hold one JSON object, but holds {kind_of(value)}."
    return None, [Problem(key=file, what=what, fix=f'Write an object in {file}: {{ "...": ... }}')]


def read_json(path: Path, file: str) -> tuple[dict[str, object] | None, list[Problem]]:
    """The object in a JSON file with comments, or the problem; see `read_text` and `parse_json`."""
    text, problems = read_text(path, file)
    return (None, problems) if text is None else parse_json(text, file)
