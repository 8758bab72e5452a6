"""What the checkout chooses and leaves behind: programs on PATH, folders without end, reports and signals."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest

from checkout import node_program
from tests import functions_sdk
from tests.security.hostile_codebase import Codebase

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("name", ["node", "bwrap"])
@pytest.mark.parametrize(
    "folder", ["functions/node_modules/.bin", "tools", "../node_modules/.bin", ".", "linked"]
)
@pytest.mark.usefixtures("denied")
def test_no_program_of_the_checkout_is_run(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, folder: str
) -> None:
    """npm adds node_modules/.bin of each folder above to PATH."""
    codebase = Codebase(home, functions_sdk.installed())
    if folder.startswith("functions"):
        modules = codebase.folder / "node_modules"
        modules.unlink()
        modules.mkdir()
        for entry in functions_sdk.installed().iterdir():
            if entry.name != ".bin":
                (modules / entry.name).symlink_to(entry)
    program = codebase.app / ("tools" if folder == "linked" else folder) / name
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
    program.chmod(0o755)
    if folder == "linked":
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / name).symlink_to(program)
    on_path = {"linked": str(tmp_path / "bin"), ".": "."}.get(folder, str(program.parent))
    monkeypatch.chdir(codebase.app)
    monkeypatch.setenv("PATH", f"{on_path}{os.pathsep}{os.environ['PATH']}")
    discovered, problems = codebase.load("exports.a = 1;")
    assert discovered is not None, problems
    assert not (tmp_path / "ran").exists()


def test_a_node_that_does_not_end_is_a_problem(
    codebase: Codebase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_program, "_SECONDS", 0.2)
    program = tmp_path / "bin/node"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec sleep 20\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    _, (problem,) = codebase.load("exports.a = 1;")
    assert problem.what == f"{program} did not print its version within 0.2 seconds."
    assert f"{program} --version" in problem.fix


@pytest.mark.parametrize("mode", ["0o700", "0"])
def test_folders_of_any_depth_are_removed(
    codebase: Codebase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    codebase.found(f"""
    const fs = require("fs");
    const before = process.cwd();
    process.chdir(process.env.HOME);
    for (let i = 0; i < 2500; i++) {{
      fs.mkdirSync("a".repeat(50));
      process.chdir("a".repeat(50));
    }}
    fs.writeFileSync("file", "");
    fs.symlinkSync("/", "link");
    process.chdir(before);
    fs.chmodSync(process.env.HOME, {mode});
    """)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("path", ["", "x", "/a\0b", "/\ud800", "/" + "y" * 100_000, None, 7])
def test_a_report_that_the_code_wrote_is_no_traceback(codebase: Codebase, path: object) -> None:
    report = json.dumps({"entry": path, "exported": ["a"], "loaded": [path], "packages": [path]})
    write = f"require('fs').writeFileSync(process.env.CRM_DISCOVERY_REPORT, {json.dumps(report)})"
    discovered, problems = codebase.load(f"process.on('exit', () => {write}); exports.a = 1;")
    assert discovered is not None, problems
    assert all("\0" not in name for name in discovered.loaded)


@pytest.mark.parametrize("number", [40, 63, 31])
def test_a_signal_without_a_name_is_named_by_its_number(codebase: Codebase, number: int) -> None:
    _, (problem,) = codebase.load(f"process.kill(process.pid, {number}); for (;;) {{}}")
    assert f"{'SIGSYS' if number == 31 else f'signal {number}'} ended Node" in problem.what
