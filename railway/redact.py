"""Take secret values out of text that is about to be shown: pure.

Refuses to be clever about short values: one of fewer than four characters is not looked for (it would
blank half of every line), so what a short secret says can only be protected by not making it a secret.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from urllib.parse import quote

MINIMUM = 4
_LONG_LINE = 16
_EVERYDAY = frozenset({"true", "false", "null", "none", "auto"})


def spellings(value: str) -> set[str]:
    """The ways in which a program may print a value: itself, JSON-escaped, URL-quoted, base64, its long
    lines."""
    found = {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        quote(value, safe=""),
    }
    found.add(base64.b64encode(value.encode()).decode())
    found.update(line.strip() for line in value.splitlines() if len(line.strip()) >= _LONG_LINE)
    # A JSON document is often logged field by field: a service-account key's private part above all.
    try:
        document: object = json.loads(value)
    except ValueError:
        document = None
    if isinstance(document, dict | list):
        for leaf in strings_in(document):
            if len(leaf) >= _LONG_LINE:
                found.update({leaf, json.dumps(leaf)[1:-1]})
                found.update(line.strip() for line in leaf.splitlines() if len(line.strip()) >= _LONG_LINE)
    return {one for one in found if len(one) >= MINIMUM and one.lower() not in _EVERYDAY}


def strings_in(value: object) -> Iterable[str]:
    """Every string in a nested structure, keys apart."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from strings_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from strings_in(part)


def redact(text: str, secrets: Iterable[tuple[str, str]]) -> str:
    """Replace every spelling of every secret by its name in brackets, the longest first.

    Args:
        text: what is about to be shown.
        secrets: pairs of name and value.
    """
    pairs = sorted(
        ((spelling, name) for name, value in secrets for spelling in spellings(value)),
        key=lambda pair: (-len(pair[0]), pair),
    )
    for spelling, name in pairs:
        text = text.replace(spelling, f"[{name}]")
    return text
