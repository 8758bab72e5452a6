"""A secret value is in no message, however the backend or a cloud prints it."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from railway.graphql import responses
from railway.redact import redact
from tests.time_limit import cpu_limit

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
    ],
)  # fmt: skip
def test_what_resembles_no_secret_stays(line: str, secrets: list[tuple[str, str]]) -> None:
    """The last lines of a log are there to find the reason of a failure."""
    assert redact(line, secrets) == line


@pytest.mark.parametrize(
    "text", ["\\" * 50_000, "%25" * 20_000, "&amp;" * 20_000, "\x1b[" * 50_000, "\x9d" * 50_000]
)
def test_a_hostile_line_takes_no_time(text: str) -> None:
    with cpu_limit(5):
        redact(text, [(NAME, KEY), ("ACCOUNT", ACCOUNT)])


@pytest.mark.parametrize(
    "encoding", ["JSON of JSON", "form", "lower-case %xx", "base64 without padding", "hex", "HTML"]
)
def test_a_message_of_railway_shows_no_sent_value(encoding: str) -> None:
    printed = ENCODINGS[encoding](KEY)
    error = responses.error_of(
        "VariablesSet", {"message": f"Invalid: {printed}"}, secrets=[KEY], kind="bearer"
    )
    assert printed not in str(error)
