"""The command line of the sandbox: names and aliases, and the errors that a user can correct."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.__main__ import arguments, main
from sandbox.running import RunOptions
from sandbox.supervisor import APP_STACK, PROJECT, Running, Sandbox, SandboxError, command_line

pytestmark = pytest.mark.sandbox


def test_life_is_an_alias_of_demo() -> None:
    assert arguments().parse_args(["life"]).command == "demo"
    assert arguments().parse_args(["demo"]).command == "demo"


def test_a_printed_command_runs_in_the_project_folder() -> None:
    done = subprocess.run(
        [*shlex.split(command_line()), "--help"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"usage: {command_line()}" in " ".join(done.stdout.split())


def test_a_printed_command_names_the_sandbox_unless_it_is_the_default() -> None:
    assert Sandbox(Path("default")).command("env") == command_line("env")
    assert Sandbox(Path("other")).command("env") == command_line("env", "--name", "other")


def test_the_interpreter_of_the_project_is_printed_relative_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(PROJECT / ".venv" / "bin" / "python"))
    assert command_line("env") == ".venv/bin/python -m sandbox env"


def test_the_help_of_up_names_the_settings_file_of_an_app(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["up", "--help"])
    assert f"Pulumi.{APP_STACK}.yaml" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["up", "demo"])
def test_an_app_without_firebase_json_is_an_error_before_anything_starts(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.__main__.PROJECT", tmp_path)
    with pytest.raises(SandboxError, match="fix: pass the folder of your app"):
        main([command, "--app", str(tmp_path)])
    assert not (tmp_path / ".sandbox").exists()


@pytest.mark.parametrize("command", ["status", "env"])
def test_a_stopped_sandbox_is_an_error_with_the_command_that_starts_it(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sandbox.__main__.PROJECT", tmp_path)
    fix = f"fix: {command_line('up', '--name', 'stopped')}"
    if command == "status":
        assert main(["status", "--name", "stopped"]) == 1
        assert fix in capsys.readouterr().out
    else:
        with pytest.raises(SandboxError) as caught:
            main(["env", "--name", "stopped"])
        assert fix in str(caught.value)


@pytest.mark.parametrize("text", ["repo=/", "owner/name", "owner/name=/no/such/folder", "a/b/c=/"])
def test_a_source_is_a_repository_and_a_folder(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["up", "--run", "--source", text])
    assert f"{text!r} is not OWNER/NAME=DIR with a folder DIR" in capsys.readouterr().err


def test_a_source_without_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="fix: add --run"):
        main(["up", "--source", f"owner/name={tmp_path}"])


@pytest.mark.parametrize(("app", "text"), [("", "without --run"), ("/other", "with the app in /other")])
def test_a_sandbox_that_runs_something_else_is_not_used(
    app: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = Running(pid=1, railway_url="", google_url="", firestore_host="", run_app=app)
    monkeypatch.setattr(Sandbox, "running", lambda _: running)
    with pytest.raises(SandboxError) as caught:
        Sandbox(tmp_path / "one").start(run=RunOptions(app=tmp_path))
    assert text in str(caught.value)
    assert f"fix: {command_line('down', '--name', 'one')}" in str(caught.value)
    assert Sandbox(tmp_path / "one").start() == running


def test_settings_of_another_stack_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "firebase.json").write_text("{}")
    settings = tmp_path / f"Pulumi.{APP_STACK}.yaml"
    settings.write_text("config:\n  whatsapp-crm:googleProject: my-production\n")
    with pytest.raises(SandboxError, match="is not the sandbox's project"):
        Sandbox(tmp_path / "sandbox").ensure_app_stack(tmp_path, project=tmp_path)
    assert settings.read_text() == "config:\n  whatsapp-crm:googleProject: my-production\n"
