"""Text of the backend, of Google, of Railway or of the app's code cannot control the user's terminal."""

from __future__ import annotations

import io
import sys
import unicodedata
from dataclasses import dataclass

import pulumi
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

import user_errors
from checkout import load
from firebase import index_builds, unknown_credentials
from firebase.errors import GoogleError
from ops import check_results, stack
from ops.check_results import CheckResult
from railway import clock, health
from railway.graphql import responses
from railway.graphql.errors import MissingError, RejectedError
from railway.redact import redact
from settings.model import GoogleSettings
from settings.problems import Problem, render
from tests.components.world import GOOGLE
from user_errors import UserError, printable

pytestmark = pytest.mark.unit

ATTACKS = {
    "title": "\x1b]0;owned\x07",
    "title, ended by ST": "\x1b]0;owned\x1b\\",
    "title, never ended": "\x1b]0;",
    "hyperlink": "\x1b]8;;https://evil.example\x1b\\",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "color": "\x1b[31m",
    "clear the screen": "\x1b[2J\x1b[1;1H",
    "private mode": "\x1b[?1049h",
    "device status": "\x1b[6n",
    "DCS": "\x1bP+q544e\x1b\\",
    "APC": "\x1b_x\x1b\\",
    "reset": "\x1bc",
    "charset": "\x1b(0",
    "C1 CSI": "\x9b31m",
    "C1 OSC": "\x9d0;owned\x9c",
    "C1 DCS": "\x90x\x9c",
    "NEL": "\x85",
    "NUL": "\x00",
    "BEL": "\x07",
    "backspace": "\x08\x08",
    "DEL": "\x7f",
    "vertical tab": "\x0b",
    "form feed": "\x0c",
    "shift out": "\x0e",
    "bidi override": "\u202e",
    "bidi isolate": "\u2066",
    "right-to-left mark": "\u200f",
    "zero width space": "\u200b",
    "byte order mark": "\ufeff",
    "tag": "\U000e0041",
    "line separator": "\u2028",
    "carriage return": "\r",
    "half of a character": "\ud83d",
    "Pulumi's colors": "<{%fg 1%}>",
    "a color that Pulumi does not know": "<{%owned%}>",
}


def is_clean(text: str) -> bool:
    controls = [one for one in text if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    return set(controls) <= set("\n\t\u200c\u200d") and "<{%" not in text


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_no_sequence_reaches_the_terminal(attack: str) -> None:
    shown = printable(f"before{attack}after\n\tnext")
    assert is_clean(shown)
    assert shown.startswith("before")
    assert shown.endswith("after\n\tnext")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07\x1b[1;31mred\x1b[0m", "red"),
        ("10%\r20%\r\n30%", "10%\n20%\n30%"),
        ("\x1b\x1b[0m[31m", "[31m"),
        ("grün, 日本語, 👩\u200d💻, a\tb\n", "grün, 日本語, 👩\u200d💻, a\tb\n"),
        ("\x1b]0;no end\nthe next line", "0;no end\nthe next line"),
    ],
)
def test_the_text_itself_stays(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.one_of(st.characters(), st.sampled_from("\x1b[]\x07\x9b\x9d;m0<{%}>\r\n"))))
def test_no_text_keeps_a_control_character(text: str) -> None:
    shown = printable(text)
    assert is_clean(shown)
    assert printable(shown) == shown
    shown.encode()


EVIL = "".join(ATTACKS.values())


def _logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    for level in ("warn", "info", "error"):
        monkeypatch.setattr(pulumi.log, level, found.append)
    return found


def test_every_error_is_clean() -> None:
    railway = RejectedError("VolumeCreate", EVIL, trace_id=EVIL, fix="x")
    google = GoogleError(f"Google rejected 'x': {EVIL}", "y", reason=EVIL)
    for error in (
        UserError(EVIL),
        railway,
        google,
        MissingError(EVIL, fix="z"),
        stack.StackError(EVIL, EVIL),
    ):
        assert is_clean(str(error)), type(error)
    assert is_clean(railway.traced_reason + railway.what + railway.reason + google.what)
    answer = responses.error_of("X", {"message": EVIL, "traceId": EVIL}, secrets=(), kind="bearer")
    assert is_clean(str(answer) + answer.reason)


def test_the_traceback_of_a_defect_is_clean() -> None:
    try:
        raise KeyError("\x1b]0;owned\x07")
    except KeyError as error:
        error.add_note(EVIL)
        assert is_clean(user_errors._TracebackOfDefectsOnly.format_exc())


def test_the_last_lines_of_a_log_are_clean() -> None:
    assert is_clean(redact(EVIL.replace("<{%", ""), [("NAME", "value")]))


def test_progress_lines_are_clean(capsys: pytest.CaptureFixture[str]) -> None:
    clock.log_progress(f"deployment x: {EVIL}")
    index_builds._log_progress(EVIL)
    assert is_clean(capsys.readouterr().err)


def test_the_log_of_deleted_keys_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    """Google chooses the id of a key."""
    unknown_credentials._log(f"deleted the key {EVIL}")
    assert is_clean(capsys.readouterr().err)


def test_the_reason_phrase_of_a_response_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend chooses it."""
    response = requests.Response()
    response.status_code, response.reason = 503, f"{EVIL} {'x' * 10_000}"
    monkeypatch.setattr(requests, "get", lambda *_args, **_named: response)
    outcome = health.wait_until_healthy(
        "x.example", "/health", deadline=clock.Clock(0.001).deadline(0)
    ).outcome
    assert is_clean(outcome)
    assert len(outcome) <= 100


def test_problems_and_warnings_are_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler's message, the output of the code, a name in a manifest."""
    assert is_clean(render([Problem(key=EVIL, what=EVIL, fix=EVIL)]))

    @dataclass
    class Found:
        warnings: tuple[str, ...] = (EVIL,)
        notes: tuple[str, ...] = (EVIL,)
        rules: None = None
        google: GoogleSettings = GOOGLE
        codebases: tuple[()] = ()
        databases: tuple[()] = ()
        storage: tuple[()] = ()

    monkeypatch.setattr(load, "load_settings", lambda *_: (Found(), []))
    monkeypatch.setattr(load, "load_app", lambda *_, **__: (Found(), []))
    monkeypatch.setattr(load, "database_problems", lambda *_: [])
    monkeypatch.setattr(pulumi, "get_stack", lambda: "sandbox")
    logged = _logged(monkeypatch)
    load.load()
    assert len(logged) == 3
    assert all(map(is_clean, logged))


def test_a_report_of_checks_is_clean() -> None:
    out = io.StringIO()
    check_results.show("t", [CheckResult(thing=EVIL, found=EVIL, fix=EVIL)], out)
    assert is_clean(out.getvalue())


def test_a_drift_report_is_clean(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It contains names and values that somebody else chose."""
    folder = tmp_path_factory.mktemp("cli")
    text = "".join(
        value for value in ATTACKS.values() if value not in ("\r", "\x85", "\ud83d", "\x0b", "\x0c")
    )
    (folder / "out.txt").write_text(f"~ name: {text}\n", encoding="utf-8")
    cli = folder / "pulumi"
    cli.write_text(
        f'#!{sys.executable}\nimport sys\nsys.stdout.buffer.write(open("{folder}/out.txt", "rb").read())\n'
    )
    cli.chmod(0o755)
    monkeypatch.setattr(stack, "_pulumi", lambda: str(cli))
    out = io.StringIO()
    assert stack.drift("prod", out) == 0
    assert out.getvalue().startswith("~ name: ")
    assert is_clean(out.getvalue())
