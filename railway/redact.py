"""Removes secret values from a text before it is shown. Pure.

A value is removed in every form in which a program may print it: as is; as JSON, also of JSON; URL-encoded;
HTML-escaped; in base64 or hex, also as a part of a longer text; line by line; and cut short. Control
characters are removed first, so that none can hide in a value.

A value of fewer than four characters is not removed, because it would be found in every line.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, quote_plus, unquote, urlsplit

from user_errors import without_controls

MINIMUM = 4
_LONG_LINE = 16
_COMMON = frozenset({"true", "false", "null", "none", "auto"})

_LONG = 20  # characters from which a value is also removed where only its start is shown
_START, _START_OF_WORDS, _START_OF_CODE, _START_OF_DOCUMENT = 8, 12, 12, 40
_CHUNK = 24
_NO_START = 1 << 30
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|-----BEGIN [A-Z ]+-----\s*")
# One encoded byte or character: a JSON escape of any depth, percent-encoding of any depth, an HTML entity.
_ENCODED = re.compile(
    rb"(\\+u[dD][89abAB][0-9A-Fa-f]{2}\\+u[dD][c-fC-F][0-9A-Fa-f]{2})|\\+u([0-9A-Fa-f]{4})"
    rb"|\\+x([0-9A-Fa-f]{2})|\\+(.)|%(?:25)*([0-9A-Fa-f]{2})"
    rb"|&(?:amp;)*#([0-9]{1,7});|&(?:amp;)*#[xX]([0-9A-Fa-f]{1,6});|&(?:amp;)*(amp|lt|gt|quot|apos);"
    rb"|\\+$|\+",
    re.DOTALL,
)
_ROUNDS = 5  # encodings of encodings that are decoded
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def forms(value: str) -> set[str]:
    """The exact forms of a value: as is, JSON, URL-encoded, HTML-escaped, base64, hex, its long lines."""
    found = {value, without_controls(value)}
    for ascii_only in (True, False):
        text = value
        for _ in range(3):
            text = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
            found |= {text, text.replace("/", "\\/"), _go_json(text)}
    escaped = {quote(value, safe=safe) for safe in ("", "/", "!'()*", ";,/?:@&=+$!~*'()#")} | {
        quote_plus(value)
    }
    found |= escaped | {re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), text) for text in escaped}
    found |= {
        html.escape(value),
        html.escape(value, quote=False),
        html.escape(value).replace("&#x27;", "&#39;"),
    }
    found |= {repr(value)[1:-1], *_encoded(value)}
    found.update(_long_lines(value))
    for leaf in _leaves(value):
        found |= {leaf, json.dumps(leaf)[1:-1], *_long_lines(leaf)}
    if password := _password(value):
        found |= {password, unquote(password)}
    found |= {without_controls(one) for one in found}
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
    """Replace every form of every secret by its name in brackets, and remove control characters.

    Args:
        text: the text.
        secrets: pairs of name and value.
    """
    known = list(secrets)
    text = without_controls(text)
    pairs = sorted(
        ((form, name) for name, value in known for form in forms(value)),
        key=lambda pair: (-len(pair[0]), pair),
    )
    for form, name in pairs:
        text = text.replace(form, f"[{name}]")
    return _without_parts(text, [needle for name, value in known for needle in _needles(name, value)])


def _go_json(text: str) -> str:
    """As Go's encoding/json escapes it."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _encoded(value: str) -> Iterator[str]:
    """Base64 and hex. A longer text that contains the value has it at one of three offsets in its base64."""
    data = value.encode(errors="replace")
    yield data.hex()
    yield data.hex().upper()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(data).decode()
        yield encode(data).decode().rstrip("=")
        for offset, unstable in enumerate((0, 2, 3)):
            whole = len(data) + offset - (len(data) + offset) % 3
            text = encode(bytes(offset) + data)[unstable : whole // 3 * 4].decode()
            if len(text) >= _START:  # a shorter one would be found by chance
                yield text


def _long_lines(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines() if len(line.strip()) >= _LONG_LINE}


def _leaves(value: str) -> list[str]:
    """The long strings of a JSON document, which is often logged field by field, such as a private key."""
    try:
        document: object = json.loads(value)
    except (ValueError, RecursionError):
        return []
    if not isinstance(document, dict | list):
        return []
    return [leaf for leaf in strings_in(document) if len(leaf) >= _LONG_LINE]


def _password(value: str) -> str:
    """The password in an address, which programs log without the address."""
    try:
        return urlsplit(value).password or ""
    except ValueError:
        return ""


@dataclass(frozen=True)
class _Needle:
    """Canonical bytes to look for: at least the first `start` of them; with `chunks`, also parts of them."""

    name: str
    data: bytes
    start: int
    chunks: bool


def _needles(name: str, value: str) -> Iterator[_Needle]:
    leaves = _leaves(value)
    for text in {
        value,
        *leaves,
        *_long_lines(value),
        *(line for leaf in leaves for line in _long_lines(leaf)),
    }:
        data, _ = _canonical(text)
        if len(data) >= MINIMUM and text.lower() not in _COMMON:
            is_document = bool(leaves) and text == value
            yield _Needle(name, data, _NO_START if is_document else _start_of(text), chunks=False)
    if len(value) < MINIMUM or value.lower() in _COMMON:
        return
    is_long = len(value) >= _LONG
    start = _START_OF_DOCUMENT if leaves else _START_OF_CODE if is_long else _NO_START
    for text in _encoded(value):
        yield _Needle(name, _canonical(text)[0], start, chunks=is_long)


def _start_of(text: str) -> int:
    """How many characters of a value's start are enough; a scheme or the header of a key does not count."""
    if len(text) < _LONG:
        return _NO_START
    scheme = _SCHEME.match(text)
    skipped = len(scheme[0]) if scheme else 0
    words = re.fullmatch(r"[a-z .:/_-]*", text[skipped : skipped + _START])
    return skipped + (_START_OF_WORDS if words else _START)


def _canonical(text: str) -> tuple[bytes, list[tuple[int, int]]]:
    """The text decoded, and for each byte its place in the text. A value and its encodings become the same.

    Decoding cannot tell an encoding from a text that looks like one, so a value is decoded as well.
    """
    data = bytearray()
    places: list[tuple[int, int]] = []
    for index, character in enumerate(text):
        piece = character.encode(errors="replace")
        data += piece
        places += [(index, index + 1)] * len(piece)
    decoded = bytes(data)
    for _ in range(_ROUNDS):
        before = decoded
        decoded, places = _decode(before, places)
        if decoded == before:
            break
    return decoded, places


def _decode(data: bytes, places: list[tuple[int, int]]) -> tuple[bytes, list[tuple[int, int]]]:
    """One round: the data with each encoded byte or character decoded, and the places of what is left."""
    found: list[bytes] = []
    kept: list[tuple[int, int]] = []
    at = 0
    for match in _ENCODED.finditer(data):
        start, end = match.span()
        piece = _decoded(match)
        found += [data[at:start], piece]
        kept += places[at:start]
        kept += [(places[start][0], places[end - 1][1])] * len(piece)
        at = end
    return b"".join([*found, data[at:]]), kept + places[at:]


def _decoded(match: re.Match[bytes]) -> bytes:
    pair, wide, byte, escaped, percent, decimal, hexadecimal, entity = match.groups()
    if pair:
        units = b"".join(re.findall(rb"[0-9A-Fa-f]{4}", pair)).decode()
        return bytes.fromhex(units).decode("utf-16-be").encode()
    if wide or decimal or hexadecimal:
        code = int(decimal) if decimal else int(wide or hexadecimal, 16)
        return chr(code).encode(errors="replace") if code < 0x110000 else b""
    if byte or percent:
        return bytes([int(byte or percent, 16)])
    if escaped:
        return _ESCAPES.get(escaped, escaped)
    if entity:
        return html.unescape(f"&{entity.decode()};").encode()
    return b" " if match[0] == b"+" else b""  # a form has + for a space


def _without_parts(text: str, needles: list[_Needle]) -> str:
    data, places = _canonical(text)
    found: list[tuple[int, int, str]] = []
    for needle in needles:
        found += [
            (places[start][0], places[end - 1][1], needle.name) for start, end in _occurrences(needle, data)
        ]
    shown: list[str] = []
    at = 0
    for start, end, name in sorted(found, key=lambda one: (one[0], -one[1])):
        if start >= at:
            shown += [text[at:start], f"[{name}]"]
        at = max(at, end)
    return "".join([*shown, text[at:]])


def _occurrences(needle: _Needle, data: bytes) -> Iterator[tuple[int, int]]:
    """Where the needle, its start or one of its chunks is; each as far as it goes."""
    whole = needle.data
    yield from _extended(whole, 0, min(needle.start, len(whole)), data)
    if needle.chunks:
        for offset in range(_CHUNK, len(whole) - _CHUNK + 1, _CHUNK):
            yield from _extended(whole, offset, _CHUNK, data)


def _extended(whole: bytes, offset: int, length: int, data: bytes) -> Iterator[tuple[int, int]]:
    part = whole[offset : offset + length]
    at = data.find(part)
    while at >= 0:
        first, start, last, end = offset, at, offset + length, at + length
        while first > 0 and start > 0 and whole[first - 1] == data[start - 1]:
            first, start = first - 1, start - 1
        while last < len(whole) and end < len(data) and whole[last] == data[end]:
            last, end = last + 1, end + 1
        yield start, end
        at = data.find(part, end)
