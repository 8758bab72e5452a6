"""A secret value is in no message, however the backend or a cloud prints it."""

from __future__ import annotations

import base64
import html
import json
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from railway.graphql import responses
from railway.redact import redact

pytestmark = pytest.mark.unit

NAME = "GROQ_API_KEY"
KEY = "gsk_9fQ/+x&<T'\"7 zR=\\éW€2p"
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\n" + "\n".join(
    base64.b64encode(bytes(range(start, start + 48))).decode() for start in range(0, 144, 48)
)
ACCOUNT = json.dumps({"type": "service_account", "private_key": PRIVATE_KEY, "client_id": "1"})


def as_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def lower(text: str) -> str:
    """Percent-encoding with lower-case digits; the other letters stay."""
    parts = text.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])


def embedded(text: str) -> str:
    """As in the header of an HTTP login: base64 of a longer text."""
    return base64.b64encode(b"user:" + text.encode() + b"@host").decode()


ENCODINGS: dict[str, Callable[[str], str]] = {
    "as is": str,
    "JSON": as_json,
    "JSON of JSON": lambda text: as_json(as_json(text)),
    "JSON three times": lambda text: as_json(as_json(as_json(text))),
    "JSON with Unicode": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON with escaped slashes": lambda text: as_json(text).replace("/", "\\/"),
    "JSON of Go": lambda text: as_json(text).replace("<", "\\u003c").replace("&", "\\u0026"),
    "repr": lambda text: repr(text)[1:-1],
    "URL": lambda text: quote(text, safe=""),
    "path": quote,
    "form": quote_plus,
    "encodeURIComponent": lambda text: quote(text, safe="!'()*"),
    "lower-case %xx": lambda text: lower(quote(text, safe="")),
    "URL twice": lambda text: quote(quote(text, safe=""), safe=""),
    "JSON in a URL": lambda text: quote(as_json(text), safe=""),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 without padding": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64url without padding": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 in a URL": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "hex": lambda text: text.encode().hex(),
    "upper-case hex": lambda text: text.encode().hex().upper(),
    "HTML": html.escape,
    "HTML of other libraries": lambda text: html.escape(text).replace("&#x27;", "&#39;"),
    "HTML twice": lambda text: html.escape(html.escape(text)),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("value", [KEY, ACCOUNT, PRIVATE_KEY], ids=("key", "account", "PEM"))
def test_no_encoding_of_a_secret_is_shown(encoding: str, value: str) -> None:
    printed = ENCODINGS[encoding](value)
    shown = redact(f"error: key={printed} rejected", [(NAME, value)])
    assert printed not in shown
    assert f"[{NAME}]" in shown
    assert shown.startswith("error: key=")
    assert shown.endswith(" rejected")


@given(
    st.sampled_from(sorted(ENCODINGS)),
    st.text(min_size=8, max_size=60),
    st.text(max_size=12),
    st.text(max_size=12),
)
@example("form", "a b+c%d\\n&lt;", "%", "41")
@example("as is", "secret\\", "", "u0041")
@example("as is", "100%secret%", "", "41")
@example("JSON of JSON", "emoji \U0001f600\U0001f600\U0001f600", "", "")
def test_whatever_the_value_no_encoding_is_shown(encoding: str, value: str, before: str, after: str) -> None:
    printed = ENCODINGS[encoding](value)
    shown = redact(f"{before} {printed} {after}", [("\0", value)])
    if len(set(printed)) > 3:  # "aaaa" may be left and right of itself
        assert printed not in shown


LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"


@given(st.text(LETTERS, min_size=24, max_size=80), st.integers(12, 80), st.sampled_from(sorted(ENCODINGS)))
def test_a_secret_that_was_cut_short_is_not_shown(value: str, kept: int, encoding: str) -> None:
    printed = ENCODINGS[encoding](value)[:kept]
    shown = redact(f"Authorization: Bearer {printed}... (truncated)", [(NAME, value)])
    assert printed[:12] not in shown


@pytest.mark.parametrize("kept", [8, 9, 12, 20])
def test_eight_characters_of_a_key_are_enough(kept: int) -> None:
    value = "gsk_9fQxT7zRw2pL0aYc4mVb"
    shown = redact(f"key {value[:kept]}… is not valid", [(NAME, value)])
    assert shown == f"key [{NAME}]… is not valid"


def test_a_private_key_that_was_cut_or_wrapped_is_not_shown() -> None:
    body = PRIVATE_KEY.splitlines()
    for printed in (body[1][:20], body[2], ACCOUNT[:110], base64.b64encode(ACCOUNT.encode()).decode()[:60]):
        assert printed[-16:] not in redact(f"loaded {printed}", [(NAME, ACCOUNT)])
    encoded = base64.b64encode(ACCOUNT.encode()).decode()
    wrapped = "\n".join(encoded[start : start + 76] for start in range(0, len(encoded), 76))
    shown = redact(wrapped, [(NAME, ACCOUNT)])
    assert not [line for line in wrapped.splitlines()[:-1] if line[10:40] in shown]


TOKEN = "sk-proj-9fQxT7zRw2pL0aYc4mVb8KdN"


encoded = base64.b64encode


def node_buffer(data: bytes) -> str:
    """As Node's `util.inspect` shows it: 50 bytes."""
    more = f" ... {len(data) - 50} more bytes" if len(data) > 50 else ""
    return f"<Buffer {data[:50].hex(' ')}{more}>"


BYTES: dict[str, Callable[[bytes], str]] = {
    "Buffer": node_buffer,
    "JSON of a Buffer": lambda data: json.dumps({"type": "Buffer", "data": list(data)}),
    "JSON of a Buffer, indented": lambda data: json.dumps({"type": "Buffer", "data": list(data)}, indent=4),
    "Uint8Array": lambda data: f"Uint8Array({len(data)}) [\n  {', '.join(map(str, data))}\n]",
    "hex with colons": lambda data: data.hex(":"),
    "upper-case hex with colons": lambda data: data.hex(":").upper(),
    "hex with dashes": lambda data: data.hex("-"),
    "hex of C": lambda data: ", ".join(f"0x{byte:02x}" for byte in data),
    "hex in mixed case": lambda data: "".join(f"{byte:02x}" if byte % 2 else f"{byte:02X}" for byte in data),
    "hex in lines": lambda data: "\n".join(data.hex()[at : at + 20] for at in range(0, len(data) * 2, 20)),
    "hex of a longer text": lambda data: (b"user:" + data + b"@host").hex(),
    "octal": lambda data: "".join(f"\\{byte:03o}" for byte in data),
    "braces": lambda data: "".join(f"\\u{{{byte:x}}}" for byte in data),
    "braces, upper case": lambda data: "".join(f"\\u{{{byte:04X}}}" for byte in data),
    "eight digits": lambda data: "".join(f"\\U{byte:08x}" for byte in data),
    "upper case": lambda data: data.decode().upper(),
    "lower case": lambda data: data.decode().lower(),
    "base64 of base64": lambda data: base64.b64encode(base64.b64encode(data)).decode(),
    "base64 of base64 of base64": lambda data: encoded(encoded(encoded(data))).decode(),
    "base64 of a longer text with base64": lambda data: embedded(base64.b64encode(data).decode()),
    "base64 of a longer text, twice": lambda data: embedded(embedded(data.decode())),
    "base64 of UTF-16": lambda data: base64.b64encode(data.decode().encode("utf-16-le")).decode(),
    "base64 of UTF-16 with BOM": lambda data: base64.b64encode(data.decode().encode("utf-16")).decode(),
    "base64 of UTF-16, big endian": lambda data: base64.b64encode(data.decode().encode("utf-16-be")).decode(),
    "base64 in lines": lambda data: base64.encodebytes(data * 3).decode(),
    "base64 in JSON in lines": lambda data: json.dumps(base64.encodebytes(data * 3).decode()),
    "base64 without its start": lambda data: "..." + base64.b64encode(data).decode()[5:],
    "base64 after words": lambda data: "the key is " + base64.b64encode(data).decode(),
    "hex of base64": lambda data: base64.b64encode(data).hex(),
}  # fmt: skip


@pytest.mark.parametrize("encoding", BYTES)
@pytest.mark.parametrize("value", [TOKEN, "9fQxT7zRw2pL0aYc"], ids=("token", "adminToken"))
def test_a_secret_as_bytes_is_not_shown(encoding: str, value: str) -> None:
    printed = BYTES[encoding](value.encode())
    shown = redact(f"error: {printed} rejected", [(NAME, value)])
    assert f"[{NAME}]" in shown
    # Half of the encoded text is more than the value's neighbours in the encoding.
    middle = printed[len(printed) // 3 : len(printed) * 2 // 3]
    assert middle not in shown
    assert shown.startswith("error: ")
    assert shown.endswith(" rejected")


@given(
    st.text(LETTERS, min_size=16, max_size=40).filter(lambda text: sum(map(str.isdigit, text)) > 3),
    st.integers(0, 30),
    st.integers(12, 40),
    st.sampled_from(["", "base64", "hex"]),
)
def test_no_twelve_characters_in_a_row_are_shown(value: str, start: int, length: int, encoding: str) -> None:
    """A value cut at its start, at its end, or at both."""
    part = value[start : start + length]
    if len(part) < 12:
        return
    printed = part
    if encoding:
        printed = {"base64": base64.b64encode(part.encode()).decode(), "hex": part.encode().hex()}[encoding]
    shown = redact(f"key …{printed}… is not valid", [(NAME, value)])
    assert printed not in shown
    assert f"[{NAME}]" in shown


@pytest.mark.parametrize("cut", range(1, len(TOKEN)))
def test_a_line_break_in_a_secret_does_not_hide_it(cut: int) -> None:
    for end in ("\n", "\r\n", "\n    "):
        shown = redact(f"key={TOKEN[:cut]}{end}{TOKEN[cut:]}.", [(NAME, TOKEN)])
        assert shown == f"key=[{NAME}]."


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("Incorrect API key: k-proj-9fQxT7zRw2pL0aYc4mVb8KdN", "Incorrect API key: [GROQ_API_KEY]"),
        ("…9fQxT7zR…", "…[GROQ_API_KEY]…"),
        ("…mVb8KdN", "…mVb8KdN"),
    ],
)
def test_a_secret_without_its_start_is_not_shown(printed: str, shown: str) -> None:
    assert redact(printed, [(NAME, TOKEN)]) == shown


def test_a_token_in_an_address_is_not_shown_without_it() -> None:
    url = "https://hooks.slack.com/services/T0AB12CD3/B0AB12CD4/9fQxT7zRw2pL0aYc4mVb"
    shown = redact("no such hook: …/9fQxT7zRw2pL0a at hooks.slack.com", [("HOOK", url)])
    assert shown == "no such hook: …/[HOOK] at hooks.slack.com"


def test_base64_of_a_longer_text_does_not_show_the_value() -> None:
    """`Authorization: Basic` has it at one of three offsets."""
    value = "correct-horse-battery-staple"
    for user in ("u", "us", "use", "user"):
        printed = base64.b64encode(f"{user}:{value}".encode()).decode()
        shown = redact(f"Basic {printed}", [(NAME, value)])
        assert printed[10:30] not in shown


def test_the_password_of_an_address_is_not_shown_without_the_address() -> None:
    url = "postgres://crm:p%40ss-w0rd-1@db.railway.internal:5432/crm"
    shown = redact("login failed for crm with p@ss-w0rd-1 or p%40ss-w0rd-1", [("DATABASE_URL", url)])
    assert "w0rd" not in shown


def test_a_control_character_does_not_hide_a_secret() -> None:
    value = "gsk_9fQxT7zRw2pL0aYc4mVb"
    hidden = f"{value[:6]}\x1b[0m{value[6:12]}\u202e{value[12:18]}\x00{value[18:]}"
    assert redact(hidden, [(NAME, value)]) == f"[{NAME}]"


@pytest.mark.parametrize(
    ("line", "secrets"),
    [
        ("GET https://api.groq.com/v1 200", [("URL", "https://backend-production-967a.up.railway.app")]),
        ('{"type": "message", "id": 7}', [("ACCOUNT", ACCOUNT)]),
        ("connect ECONNREFUSED db.railway.internal:5432", [("DATABASE_URL", "postgres://u:pw-1@db.railway.internal:5432/crm")]),
        ("sessions dir exists/writable: true", [("FLAG", "true"), ("N", "100")]),
        ("100% of + \\n &amp; done", [(NAME, KEY)]),
        ("listening on 10.0.0.12, 10 20 30 40 50", [(NAME, TOKEN)]),
        ("at 12:30:45 and 2026-11-30T10:11:12 <Buffer 00 01 02 03 04>", [(NAME, TOKEN)]),
        ("Project of production: PROJECT", [(NAME, TOKEN), ("MODE", "production-eu")]),
        ("mail to crm@my-crm.iam.gserviceaccount.com", [("MAIL", "crm-b@b-crm.iam.gserviceaccount.com")]),
    ],
)  # fmt: skip
def test_what_resembles_no_secret_stays(line: str, secrets: list[tuple[str, str]]) -> None:
    """The last lines of a log are there to find the reason of a failure."""
    assert redact(line, secrets) == line


@pytest.mark.parametrize(
    "text",
    [
        "\\" * 50_000, "%25" * 20_000, "&amp;" * 20_000, "\x1b[" * 50_000, "\x9d" * 50_000, "54 " * 30_000,
        "54:" * 30_000, "84,\n" * 30_000, "a" * 100_000, "a\n" * 50_000, "0 " * 50_000, "54" * 50_000,
        "gsk_9fQ" * 10_000, "\\124" * 20_000, "\\u{" * 30_000, "1" * 100_000,
        encoded(encoded(encoded(b"a" * 30_000))).decode(),
        "{\"type\": \"" * 10_000,
    ],
)  # fmt: skip
def test_a_hostile_line_takes_no_time(text: str) -> None:
    started = time.monotonic()
    redact(text, [(NAME, KEY), ("ACCOUNT", ACCOUNT)])
    assert time.monotonic() - started < 5


def test_large_secrets_take_no_time() -> None:
    """A secret can have 64 KiB; a log shows 50 lines."""
    data = bytes(byte * byte % 251 for byte in range(48_000))
    secrets = [(f"S{number}", f"{number}{base64.b64encode(data).decode()}") for number in range(4)]
    secrets += [("A", "a" * 60_000), ("J", json.dumps({str(key): "v" * 20 for key in range(2000)}))]
    started = time.monotonic()
    shown = redact(f"{'a' * 20_000} {secrets[0][1][1000:3000]}", secrets)
    assert time.monotonic() - started < 8
    assert secrets[0][1][1000:1020] not in shown


@pytest.mark.parametrize(
    "encoding", ["JSON of JSON", "form", "lower-case %xx", "base64 without padding", "hex", "HTML"]
)
def test_a_message_of_railway_shows_no_sent_value(encoding: str) -> None:
    printed = ENCODINGS[encoding](KEY)
    error = responses.error_of(
        "VariablesSet", {"message": f"Invalid: {printed}"}, secrets=[KEY], kind="bearer"
    )
    assert printed not in str(error)
