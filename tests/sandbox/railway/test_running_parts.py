"""The parts of a running deployment that need no process: its steps, its files, its variables, its volume."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sandbox.railway import records
from sandbox.railway.process_logs import DEPLOY, Line, ProcessLogs
from sandbox.railway.running.commands import BuildError, plan
from sandbox.railway.running.process_variables import process_variables, seconds_of
from sandbox.railway.running.sources import Sources, check_out
from sandbox.railway.running.volumes import VolumeFolders

pytestmark = pytest.mark.sandbox


def package(folder: Path, **content: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "package.json").write_text(json.dumps(content))
    return folder


def deployment(**more: Any) -> records.Deployment:
    values: dict[str, Any] = {
        "id": "d", "project_id": "p", "environment_id": "e", "service_id": "s", "created_at": 0,
        "step_seconds": 0, "outcome": "success", "reason": "deploy", "status": "QUEUED",
        "status_updated_at": 0, "repo": "owner/name", "branch": "main", "image": None,
        "commit_hash": "c" * 40, "variables": {}, "settings": {}, "mounts": [],
    }  # fmt: skip
    return records.Deployment(**{**values, **more})


def volume(**more: Any) -> records.VolumeInstance:
    values: dict[str, Any] = {
        "id": "v", "volume_id": "v", "environment_id": "e", "service_id": "s", "mount_path": "/app/sessions",
        "size_mb": 1, "created_at": 0, "visible_at": 0, "ready_at": 0,
    }  # fmt: skip
    return records.VolumeInstance(**{**values, **more})


@pytest.mark.parametrize(
    ("content", "settings", "expected"),
    [
        ({"scripts": {"start": "node a.js"}}, {}, (None, None, "node a.js")),
        ({"scripts": {"start": "node a.js"}}, {"startCommand": "x"}, (None, None, "x")),
        ({"scripts": {"prestart": "pre", "start": "go"}}, {}, (None, None, "pre && go")),
        ({"scripts": {"start": "go", "build": "tsc"}}, {}, (None, "tsc", "go")),
        ({"scripts": {"start": "go", "build": "tsc"}}, {"buildCommand": "b"}, (None, "b", "go")),
        ({"main": "main.js"}, {}, (None, None, "node main.js")),
        ({"scripts": {"start": "go"}, "dependencies": {"gone": "1"}}, {}, ("npm install", None, "go")),
    ],
)
def test_the_steps_of_a_service(
    tmp_path: Path, content: dict[str, Any], settings: dict[str, Any], expected: tuple[str | None, ...]
) -> None:
    folder = package(tmp_path / "one", **content)
    (folder / "main.js").write_text("")
    found = plan(folder, folder, settings)
    assert (found.install, found.build, found.start) == expected


def test_packages_with_a_lock_are_installed_from_it(tmp_path: Path) -> None:
    folder = package(tmp_path / "one", scripts={"start": "go"}, dependencies={"gone": "1"})
    (folder / "package-lock.json").write_text("{}")
    assert plan(folder, folder, {}).install == "npm ci"


def test_a_python_service_needs_a_start_command(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("")
    with pytest.raises(BuildError, match="set a start command"):
        plan(tmp_path, tmp_path, {})
    assert plan(tmp_path, tmp_path, {"startCommand": "python3 main.py"}).start == "python3 main.py"


def test_each_repository_can_have_a_folder(tmp_path: Path) -> None:
    for name in ("app/backend", "other"):
        (tmp_path / name).mkdir(parents=True)
    sources = Sources(default=tmp_path / "app", by_repo={"owner/other": tmp_path / "other"})
    assert sources.folder("owner/any", "/backend") == tmp_path / "app" / "backend"
    assert sources.folder("owner/other", None) == tmp_path / "other"


def test_a_copy_has_what_git_would_push_and_what_is_new(tmp_path: Path) -> None:
    folder = tmp_path / "repository" / "backend"
    for name in ("src", "node_modules"):
        (folder / name).mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path / "repository", check=True)
    for name in ("kept.js", "src/gone.js", ".env", "node_modules/x.js"):
        (folder / name).write_text(name)
    (folder / "link.js").symlink_to("kept.js")
    (folder / ".gitignore").write_text(".env\n")
    subprocess.run(["git", "add", "."], cwd=folder, check=True)
    (folder / "src" / "gone.js").unlink()
    (folder / "new.js").write_text("new")
    text = check_out(folder, "0" * 40, tmp_path / "copy")
    assert sorted(path.name for path in (tmp_path / "copy").rglob("*")) == [
        ".gitignore", "kept.js", "link.js", "new.js",
    ]  # fmt: skip
    assert (tmp_path / "copy" / "link.js").is_symlink()
    assert "as they are" in text


def test_without_git_everything_but_packages_is_copied(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    (folder / "node_modules").mkdir(parents=True)
    (folder / "a.js").write_text("")
    check_out(folder, None, tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["a.js"]


def test_whose_variable_wins() -> None:
    row = deployment(variables={"A": "own", "B": "own", "HOST": "::", "PORT": "1"})
    found = process_variables(row, 7, {"A": "sandbox"}, {"B": "default", "C": "default"})
    assert [found[name] for name in ("A", "B", "C", "HOST", "PORT")] == [
        "sandbox", "own", "default", "::", "7",
    ]  # fmt: skip
    assert process_variables(row, None, {}, {})["PORT"] == "1"
    assert process_variables(deployment(), 7, {}, {})["HOST"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("settings", "variables", "expected"),
    [
        ({}, {}, 3),
        ({"drainingSeconds": 0}, {"DRAIN": "9"}, 0),
        ({"drainingSeconds": None}, {"DRAIN": "9"}, 9),
        ({}, {"DRAIN": "no number"}, 3),
    ],
)
def test_a_duration_is_a_setting_or_a_variable(
    settings: dict[str, Any], variables: dict[str, str], expected: float
) -> None:
    row = deployment(settings=settings, variables=variables)
    assert seconds_of(row, "drainingSeconds", "DRAIN", 3) == expected


def test_a_volume_starts_with_its_recorded_files_and_has_one_user(tmp_path: Path) -> None:
    volumes = VolumeFolders(tmp_path)
    row = volume(files={"creds/a.json": "1", "b": "22"})
    assert volumes.files(row) == {"b": "22", "creds/a.json": "1"}
    assert volumes.size(row) == 3
    (volumes.folder(row) / "b").unlink()
    assert volumes.files(row) == {"creds/a.json": "1"}
    first = volumes.lock(row)
    assert first is not None
    assert volumes.lock(row) is None
    os.close(first)
    again = volumes.lock(row)
    assert again is not None
    os.close(again)


def test_files_outside_the_volume_are_refused(tmp_path: Path) -> None:
    volumes = VolumeFolders(tmp_path / "volumes")
    with pytest.raises(ValueError, match="outside the volume"):
        volumes.write(volume(), {"../escaped": ""})
    assert not (tmp_path / "volumes" / "escaped").exists()


def test_logs_are_kept_without_the_line_that_was_cut_off(tmp_path: Path) -> None:
    logs = ProcessLogs()
    logs.folder = tmp_path
    line = Line(at=1.5, severity="info", message="one")
    logs.add("d", DEPLOY, line)
    [file] = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0
    with file.open("a") as out:
        out.write('{"at": 2, "sev')
    again = ProcessLogs()
    again.folder = tmp_path
    assert again.lines("d", DEPLOY) == [line]
    again.add("d", DEPLOY, line)
    third = ProcessLogs()
    third.folder = tmp_path
    assert third.lines("d", DEPLOY) == [line, line]
