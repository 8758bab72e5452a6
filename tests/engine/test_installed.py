"""The tests where Pulumi is installed: a distribution on PATH neither breaks them nor takes part in them.

The distribution is a copy of the built CLI, with a language host that, like the real one, does not find the
SDK without the project's virtualenv.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from sandbox.engine import layout, starting, toolchain
from sandbox.engine.toolchain import Engine, find_or_build
from tests.engine.stack import ProgramStack

pytestmark = pytest.mark.engine

HOST = f"""\
#!/bin/sh
echo started >> "$(dirname "$0")/started"
grep -q virtualenv Pulumi.yaml || {{ echo "No module named 'pulumi'" >&2; exit 1; }}
exec {shlex.join(starting.host(sys.executable))} "$@"
"""


@pytest.fixture
def distribution(tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a distribution, which is the first on PATH."""
    folder = tmp_path / "installed"
    built = layout.lay_out(tmp_path / "layout", engine)
    shutil.copytree(built["PATH"].split(os.pathsep)[0], folder)
    (folder / "pulumi-language-python").write_text(HOST, "utf-8")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_the_stand_ins_run_although_pulumi_is_installed(distribution: Path, tmp_path: Path) -> None:
    program = ProgramStack(tmp_path / "small", find_or_build(), {})
    program.write("__main__.py", "import pulumi\npulumi.export('word', 'said')\n")
    assert "Outputs" in program.run("preview").text
    assert not (distribution / "started").exists()


def test_a_program_of_the_tests_runs_with_an_installed_pulumi(
    distribution: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(toolchain.ENGINE_VARIABLE)
    installed = find_or_build()
    assert installed.pulumi == distribution / "pulumi"
    assert not installed.built
    program = ProgramStack(tmp_path / "small", installed, {})
    program.write("__main__.py", "import pulumi\npulumi.export('word', 'said')\n")
    program.up()
    assert (distribution / "started").exists()
    assert program.outputs() == {"word": "said"}
