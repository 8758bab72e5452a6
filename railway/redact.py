"""Removes secret values from a text before it is shown. Pure.

A value is removed in every form in which a program may print it: as is, in any letter case; as JSON, also of
JSON; URL-encoded; HTML-escaped; with its characters or bytes as numbers; in base64 or hex, also as a part of
a longer text, and base64 of base64; with line breaks in it; and cut short at either end. Control characters
are removed first, so that none can hide in a value.

A value of fewer than four characters is not removed, because it would be found in every line. Of a value of
fewer than 16, only the whole is removed. Fewer than eight characters of a longer one stay.

The time is proportional to the text and to the values: the parts of all values are in one table, in which
each place of the text is looked up once.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, quote_plus, unquote, urlsplit

from user_errors import without_controls

MINIMUM = 4
_LONG_LINE = 16
_COMMON = frozenset({"true", "false", "null", "none", "auto"})

_LONG = 16  # characters from which parts of a value are removed; an adminToken can have no fewer
_START, _START_OF_WORDS, _START_OF_CODE, _START_OF_DOCUMENT = 8, 12, 12, 40
_PART = 8
_NEVER = 1 << 30
_MOST_OFFSETS = 4  # places of one part in one value
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|-----BEGIN [A-Z ]+-----\s*")
_WORDS = re.compile(rb"[a-z .:/_-]*")
# An address, or a name in a domain: parts of it are in many lines of a log.
_DOMAIN = re.compile(r"://|\.[a-z]{2,}(?:$|[/:?])")
_SEPARATORS = re.compile(r"[/?&=:@#,;]")
# One encoded byte or character: a JSON escape of any depth, percent-encoding of any depth, an HTML entity.
_ENCODED = re.compile(
    rb"(\\+u[dD][89abAB][0-9A-Fa-f]{2}\\+u[dD][c-fC-F][0-9A-Fa-f]{2})|\\+u([0-9A-Fa-f]{4})"
    rb"|\\+u\{([0-9A-Fa-f]{1,6})\}|\\+U([0-9A-Fa-f]{8})"
    rb"|\\+x([0-9A-Fa-f]{2})|\\+([0-3][0-7]{2})|\\+(.)|%(?:25)*([0-9A-Fa-f]{2})"
    rb"|&(?:amp;)*#([0-9]{1,7});|&(?:amp;)*#[xX]([0-9A-Fa-f]{1,6});|&(?:amp;)*(amp|lt|gt|quot|apos);"
    rb"|\\+$|\+",
    re.DOTALL,
)
_ROUNDS = 5  # encodings of encodings that are decoded
_SPACE = b"\0\t\n\v\f\r "  # U+0000 is half of a character in UTF-16
# Bytes one by one: `<Buffer 54 72>`, 54:72, 0x54, 0x72, [84, 114].
_HEX_BYTES = re.compile(
    rb"(?<![0-9A-Za-z])(?:0x)?[0-9A-Fa-f]{2}(?:[\s,:;.-]{1,40}(?:0x)?[0-9A-Fa-f]{2}(?![0-9A-Za-z])){3,}"
)
_NUMBERS = re.compile(rb"(?<![0-9A-Za-z])[0-9]{1,3}(?:[\s,;]{1,40}[0-9]{1,3}(?![0-9A-Za-z])){3,}")
_HEX_BYTE, _NUMBER = re.compile(rb"[0-9A-Fa-f]{2}(?![0-9A-Za-z])"), re.compile(rb"[0-9]+")
_HEX = re.compile(rb"[0-9A-Fa-f]{8,}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{8,}")
_ESCAPED_BREAK = re.compile(rb"(?<!\\)\\+(?:[nrt]|(?=/))")
_NESTED = 3  # base64 of base64 of base64
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
    """Bytes to look for, without white space.

    It is removed as a whole, from its start if `start` of them are shown, and elsewhere if `part` are.
    """

    name: str
    data: bytes
    start: int
    part: int

    def accepts(self, first: int, last: int) -> bool:
        """Whether these of its bytes are enough."""
        length = last - first
        if length == len(self.data) or (first == 0 and length >= self.start):
            return True
        if length < self.part:
            return False
        return length >= _START_OF_WORDS or _WORDS.fullmatch(self.data, first, last) is None


def _needles(name: str, value: str) -> Iterator[_Needle]:
    leaves = _leaves(value)
    texts = {
        value,
        *leaves,
        *_long_lines(value),
        *(line for leaf in leaves for line in _long_lines(leaf)),
    }
    texts |= {part for text in texts if _DOMAIN.search(text) for part in _tokens(text)}
    for text in texts:
        if len(text) < MINIMUM or text.lower() in _COMMON:
            continue
        is_document = bool(leaves) and text == value
        start = _NEVER if is_document else _start_of(text)
        part = _NEVER if is_document or len(text) < _LONG or _is_prose(text) else _PART
        for data in {_bytes_of(text), text.encode(errors="replace")}:
            first = len(data[:start].translate(None, _SPACE)) if start < _NEVER else _NEVER
            squeezed = data.translate(None, _SPACE)
            if len(squeezed) >= MINIMUM:
                yield _Needle(name, squeezed, max(first, _PART), part)
    if len(value) < MINIMUM or value.lower() in _COMMON:
        return
    start = _START_OF_DOCUMENT if leaves else _START_OF_CODE if len(value) >= _LONG else _NEVER
    for text in _encoded(value):
        yield _Needle(name, text.encode().translate(None, b"+"), start, _NEVER)  # a + becomes a space


def _tokens(text: str) -> Iterator[str]:
    """The parts of an address that are keys or passwords."""
    for part in _SEPARATORS.split(text):
        if len(part) >= _LONG and "." not in part and not _WORDS.fullmatch(part.encode(errors="replace")):
            yield part


def _is_prose(text: str) -> bool:
    return len(text.split()) > 3 or _DOMAIN.search(text) is not None


def _start_of(text: str) -> int:
    """How many characters of a value's start are enough; a scheme or the header of a key does not count."""
    if len(text) < _LONG:
        return _NEVER
    scheme = _SCHEME.match(text)
    skipped = len(scheme[0]) if scheme else 0
    words = _WORDS.fullmatch(text[skipped : skipped + _START].encode(errors="replace"))
    return skipped + (_START_OF_WORDS if words else _START)


def _bytes_of(text: str) -> bytes:
    """The bytes of `_canonical`."""
    decoded = text.encode(errors="replace")
    for _ in range(_ROUNDS):
        before = decoded
        decoded = _ENCODED.sub(_decoded, before)
        if decoded == before:
            break
    return decoded


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
    pair, short, braced, long, byte, octal, escaped, percent, decimal, hexadecimal, entity = match.groups()
    wide = short or braced or long
    if pair:
        units = b"".join(re.findall(rb"[0-9A-Fa-f]{4}", pair)).decode()
        return bytes.fromhex(units).decode("utf-16-be").encode()
    if wide or decimal or hexadecimal:
        code = int(decimal) if decimal else int(wide or hexadecimal, 16)
        return chr(code).encode(errors="replace") if code < 0x110000 else b""
    if byte or percent:
        return bytes([int(byte or percent, 16)])
    if octal:
        return bytes([int(octal, 8)])
    if escaped:
        return _ESCAPES.get(escaped, escaped)
    if entity:
        return html.unescape(f"&{entity.decode()};").encode()
    return b" " if match[0] == b"+" else b""  # a form has + for a space


@dataclass(frozen=True)
class _View:
    """What a text or a part of it says in one encoding; `place` gives the characters of a byte."""

    data: bytes
    place: Callable[[int], tuple[int, int]]

    def without_space(self) -> _View:
        """Line breaks can be anywhere in a value."""
        kept = [index for index, byte in enumerate(self.data) if byte not in _SPACE]
        if len(kept) == len(self.data):
            return self
        return _View(self.data.translate(None, _SPACE), lambda index: self.place(kept[index]))

    def joined(self, data: bytes, first: Callable[[int], int], last: Callable[[int], int]) -> _View:
        """Data whose bytes come from some bytes of this view: from `first` to `last`."""
        return _View(data, lambda index: (self.place(first(index))[0], self.place(last(index))[1]))


def _views(text: str) -> Iterator[_View]:
    data, places = _canonical(text)
    yield _View(data, places.__getitem__)
    encoded: list[bytes] = [character.encode(errors="replace") for character in text]
    at = [index for index, piece in enumerate(encoded) for _ in piece]
    raw = _View(b"".join(encoded), lambda index: (at[index], at[index] + 1))
    for runs, one, base in ((_HEX_BYTES, _HEX_BYTE, 16), (_NUMBERS, _NUMBER, 10)):
        for run in runs.finditer(raw.data):
            found = [match for match in one.finditer(raw.data, *run.span()) if int(match[0], base) < 256]
            spans = [match.span() for match in found]
            yield raw.joined(
                bytes(int(match[0], base) for match in found),
                lambda index, spans=spans: spans[index][0],
                lambda index, spans=spans: spans[index][1] - 1,
            )
    # Spaces of the same number: the places stay.
    blank = _ESCAPED_BREAK.sub(lambda match: b" " * len(match[0]), raw.data)
    yield from _decodings(_View(blank, raw.place).without_space(), _NESTED)


def _decodings(view: _View, depth: int) -> Iterator[_View]:
    """The hex and base64 in a view without white space. Words before it are in the same run."""
    for run in _HEX.finditer(view.data):
        for start in (run.start(), run.start() + 1):
            length = (run.end() - start) // 2
            yield view.joined(
                bytes.fromhex(view.data[start : start + 2 * length].decode()),
                lambda index, start=start: start + 2 * index,
                lambda index, start=start: start + 2 * index + 1,
            )
    for run in _BASE64.finditer(view.data):
        for start in range(run.start(), run.start() + 4):
            part = view.data[start : run.end()].translate(bytes.maketrans(b"-_", b"+/"))
            part = part[:-1] if len(part) % 4 == 1 else part
            try:
                data = base64.b64decode(part + b"=" * (-len(part) % 4))
            except binascii.Error:
                continue
            found = view.joined(
                data,
                lambda index, start=start: start + index * 8 // 6,
                lambda index, start=start: start + (index * 8 + 7) // 6,
            )
            yield found
            inner = found.without_space()
            if depth > 1 and _is_base64(inner.data):
                yield from _decodings(inner, depth - 1)


def _is_base64(data: bytes) -> bool:
    """Whether it has a run of base64 that is longer than one in data without meaning."""
    return any(len(run[0]) >= _LONG for run in _BASE64.finditer(data))


@dataclass(frozen=True)
class _Table:
    """All needles: the places of each part of `_PART` bytes, and those that are shorter."""

    parts: dict[bytes, list[tuple[_Needle, bytes, int]]]
    short: list[_Needle]

    @staticmethod
    def of(needles: Iterable[_Needle]) -> _Table:
        """The table of these needles."""
        table = _Table({}, [])
        for needle in needles:
            data = needle.data.lower()
            if len(data) < _PART:
                table.short.append(needle)
                continue
            offsets = range(len(data) - _PART + 1) if needle.part < _NEVER else (0,)
            for offset in offsets:
                places = table.parts.setdefault(data[offset : offset + _PART], [])
                if len(places) < _MOST_OFFSETS or sum(one is needle for one, _, _ in places) < _MOST_OFFSETS:
                    places.append((needle, data, offset))
        return table

    def occurrences(self, view: _View) -> Iterator[tuple[int, int, str]]:
        """Where needles or enough of them are, in characters of the text."""
        for needle in self.short:
            at = view.data.find(needle.data)
            while at >= 0:
                yield *_characters(view, at, at + len(needle.data)), needle.name
                at = view.data.find(needle.data, at + len(needle.data))
        view = view.without_space()
        data = view.data.lower()
        at = 0
        while at + _PART <= len(data):
            found = self._longest(data, at)
            if found is None:
                at += 1
                continue
            start, end, name = found
            yield *_characters(view, start, end), name
            at = max(at + 1, end - _PART + 1)

    def _longest(self, data: bytes, at: int) -> tuple[int, int, str] | None:
        """The longest accepted occurrence of a needle that has the part at this place."""
        found: list[tuple[int, int, str]] = []
        for needle, whole, offset in self.parts.get(data[at : at + _PART], ()):
            last, end = offset + _PART, at + _PART
            while last < len(whole) and end < len(data) and whole[last] == data[end]:
                last, end = last + 1, end + 1
            if needle.accepts(offset, last):
                found.append((at, end, needle.name))
        return max(found, key=lambda one: (one[1], one[2]), default=None)


def _characters(view: _View, start: int, end: int) -> tuple[int, int]:
    return view.place(start)[0], view.place(end - 1)[1]


def _without_parts(text: str, needles: Iterable[_Needle]) -> str:
    table = _Table.of(needles)
    found = [one for view in _views(text) for one in table.occurrences(view)]
    shown: list[str] = []
    at = 0
    for start, end, name in sorted(found, key=lambda one: (one[0], -one[1])):
        if start >= at:
            shown += [text[at:start], f"[{name}]"]
        at = max(at, end)
    return "".join([*shown, text[at:]])
