"""E7: what `flutter analyze` says, with a `flutter` of the test's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from checkout.flutter import analyzer
from tests.flutter_app import write

pytestmark = pytest.mark.unit

ISSUE = "   info • Unused import: 'a.dart' • lib/main.dart:3:8 • unused_import"


def flutter(folder: Path, script: str) -> dict[str, str]:
    """An environment whose PATH has a `flutter` that runs this script."""
    program = folder / "sdk" / "bin" / "flutter"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{program.parent}{os.pathsep}/usr/bin{os.pathsep}/bin", "TOKEN": "secret"}


def app(folder: Path, **files: str) -> Path:
    return write(folder / "app", {analyzer.PACKAGES: "{}", **files})


def test_without_flutter_nothing_is_known(tmp_path: Path) -> None:
    found = analyzer.check(app(tmp_path), {"PATH": "/nonexistent"})
    assert "not on PATH" in found.unknown[0]


def test_no_issue_passes(tmp_path: Path) -> None:
    environ = flutter(tmp_path, 'echo "$@" > "$HOME/../called"; echo "No issues found! (ran in 2.1s)"')
    found = analyzer.check(app(tmp_path), environ)
    assert (found.findings, found.unknown) == ((), ())


def test_an_issue_has_its_place(tmp_path: Path) -> None:
    found = analyzer.check(app(tmp_path), flutter(tmp_path, f'echo "{ISSUE}"; exit 1'))
    (one,) = found.findings
    assert (one.file, one.line) == ("lib/main.dart", 3)
    assert one.what == "info: Unused import: 'a.dart' (unused_import)."


def test_the_command_gets_no_token_and_no_network(tmp_path: Path) -> None:
    environ = flutter(tmp_path, 'test -z "$TOKEN" || exit 9; case "$*" in *--no-pub*) exit 0;; esac; exit 8')
    found = analyzer.check(app(tmp_path), environ)
    assert not found.unknown


def test_a_failure_is_not_a_pass(tmp_path: Path) -> None:
    found = analyzer.check(app(tmp_path), flutter(tmp_path, "echo 'the SDK is broken' >&2; exit 3"))
    assert "exit code 3" in found.unknown[0]
    assert "the SDK is broken" in found.unknown[0]


def test_it_has_a_time_limit(tmp_path: Path) -> None:
    found = analyzer.check(app(tmp_path), flutter(tmp_path, "exec sleep 60"), seconds=0.3)
    assert "did not end within 0.3 seconds" in found.unknown[0]


def test_without_packages_it_is_not_run(tmp_path: Path) -> None:
    root = write(tmp_path / "app", {})
    found = analyzer.check(root, flutter(tmp_path, "exit 0"))
    assert "flutter pub get" in found.unknown[0]


@pytest.mark.parametrize(
    "text", ["analyzer:\n  plugins:\n    - custom_lint\n", "plugins:\n  some_lints: 1.0.0\n", "a: [\n"]
)
def test_plugins_are_code_and_not_run(tmp_path: Path, text: str) -> None:
    root = app(tmp_path, **{analyzer.OPTIONS: text})
    found = analyzer.check(root, flutter(tmp_path, "exit 0"))
    assert "plugin" in found.unknown[0]
