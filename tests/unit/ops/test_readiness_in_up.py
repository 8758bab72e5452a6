"""The end of `pulumi up`: what it checks, what it says, and that it never fails the `up`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from firebase.errors import JsonObject
from firebase.rest import GoogleApi
from ops import google, stack
from ops.readiness import in_up
from ops.readiness.findings import failed, passed
from ops.readiness.lines import IDS, LINES
from ops.readiness.model import Outcome, Verdict
from tests.unit.ops.readiness_world import example_settings, state
from user_errors import UserError

pytestmark = pytest.mark.unit

SPEC = stack.verification("prod", state())


def test_every_line_is_checked_or_has_a_reason_not_to_be(tmp_path: Path) -> None:
    settings = dataclasses.replace(example_settings(), app_dir=tmp_path)
    ids = {one.id for one in in_up.chosen(settings, {"GITHUB_TOKEN": "x"})}
    left = {one for one in IDS if one not in ids}
    assert left == {*in_up.NOT_YET, *(one for one in IDS if one[0] in "EF")}
    assert "A1" not in {one.id for one in in_up.chosen(settings, {})}


def test_the_flutter_app_is_checked_if_the_checkout_has_one() -> None:
    ids = {one.id for one in in_up.chosen(example_settings(), {})}
    assert {"E1", "E6"} <= ids
    assert "E7" not in ids


def test_the_text_names_each_line_that_is_not_ready_and_its_fix() -> None:
    by_id = {one.id: one for one in LINES}
    found = [
        Outcome(line=by_id["C1"], finding=passed("50 GB"), verdict=Verdict.PASS),
        Outcome(line=by_id["C3"], finding=failed("no backup\x1b[2J", "make one"), verdict=Verdict.FAIL),
        Outcome(line=by_id["G2"], finding=failed("two", "stop one"), verdict=Verdict.FAIL, follows=("A3",)),
    ]
    assert "\n".join(in_up.text(found, "COMMAND")).splitlines() == [
        "readiness: C3 fail: no backup",
        "  fix: make one",
        f"readiness: 3 of the runbook's {len(LINES)} lines were checked, not ready: C3; all of them: COMMAND",
    ]
    (last,) = in_up.text(found[:1], "COMMAND")
    assert "were checked, ready; all of them" in last


@pytest.mark.parametrize(
    "error", [UserError("no file\n  fix: x"), stack.StackError("no pulumi", "x"), KeyError("x")]
)
def test_what_cannot_be_read_does_not_fail_the_up(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fails(_: str) -> Any:
        raise error

    monkeypatch.setattr(in_up, "settings_of", fails)
    (line,) = in_up.report(SPEC, google.Remembering({}), {})
    assert line.startswith("readiness: not checked: ")
    assert ".venv/bin/python -m ops readiness --stack" in line


def test_what_was_read_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, str]] = []

    def call(_: GoogleApi, method: str, product: str, path: str, **rest: Any) -> JsonObject:
        del product, rest
        sent.append((method, path))
        return {"n": len(sent)}

    monkeypatch.setattr(GoogleApi, "call", call)
    client = google.Remembering({})

    def ask(method: str, path: str, **params: str) -> object:
        return client.call(method, "run", path, operation="x", params=params, repeatable=True)["n"]

    assert [ask("GET", "a"), ask("GET", "a"), ask("GET", "a", page="2")] == [1, 1, 2]
    assert [ask("POST", "a"), ask("POST", "a")] == [3, 4]
