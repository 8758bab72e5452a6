"""Removes secret values from a text before it is shown. Pure.

A value of fewer than four characters is not removed, because it would be found in every line.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from urllib.parse import quote

MINIMUM = 4
_LONG_LINE = 16
_COMMON = frozenset({"true", "false", "null", "none", "auto"})


def forms(value: str) -> set[str]:
    """The forms in which a program may print a value: as is, as JSON, URL-encoded, base64, its long lines."""
    found = {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        quote(value, safe=""),
    }
    found.add(base64.b64encode(value.encode()).decode())
    found.update(line.strip() for line in value.splitlines() if len(line.strip()) >= _LONG_LINE)
    # A JSON document is often logged field by field, for example the private key of a service account.
    try:
        document: object = json.loads(value)
    except ValueError:
        document = None
    if isinstance(document, dict | list):
        for leaf in strings_in(document):
            if len(leaf) >= _LONG_LINE:
                found.update({leaf, json.dumps(leaf)[1:-1]})
                found.update(line.strip() for line in leaf.splitlines() if len(line.strip()) >= _LONG_LINE)
    return {one for one in found if len(one) >= MINIMUM and one.lower() not in _COMMON}


def strings_in(value: object) -> Iterable[str]:
    """Every string in a nested structure, without keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from strings_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from strings_in(part)


def redact(text: str, secrets: Iterable[tuple[str, str]]) -> str:
    """Replace every form of every secret by its name in brackets, the longest first.

    Args:
        text: the text.
        secrets: pairs of name and value.
    """
    pairs = sorted(
        ((form, name) for name, value in secrets for form in forms(value)),
        key=lambda pair: (-len(pair[0]), pair),
    )
    for form, name in pairs:
        text = text.replace(form, f"[{name}]")
    return text
