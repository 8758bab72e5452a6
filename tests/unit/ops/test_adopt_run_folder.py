"""The private folder of a running `ops adopt`: what a killed run leaves, and who else may use it."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ops import stack
from ops.adopt import record, run_folder

pytestmark = pytest.mark.unit

HOLDER = """
import sys, time
from pathlib import Path
from ops.adopt import record, run_folder
record.FOLDER = Path(sys.argv[1])
with run_folder.hold("prod") as folder:
    (folder / "imports.json").write_text("hush")
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of all records."""
    monkeypatch.setattr(record, "FOLDER", tmp_path / ".adopt")
    return tmp_path / ".adopt"


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_leaves_files_to_this_user_only_and_the_next_one_deletes_them(
    place: Path, kill: signal.Signals
) -> None:
    command = [sys.executable, "-c", HOLDER, str(place)]
    with subprocess.Popen(command, cwd=stack.PROJECT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(stack.StackError, match="is under way"), run_folder.hold("prod"):
            pass
        holder.send_signal(kill)
    left = run_folder.path("prod") / "imports.json"
    assert left.is_file()
    assert [stat.S_IMODE(one.stat().st_mode) for one in (place, left.parent)] == [0o700, 0o700]
    with run_folder.hold("prod") as folder:
        assert not [*folder.iterdir()]


def test_it_is_emptied_at_the_end_of_a_run_that_failed() -> None:
    def fails() -> None:
        with run_folder.hold("prod") as folder:
            (folder / "imports.json").write_text("hush")
            (folder / "more").mkdir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert not [*run_folder.path("prod").iterdir()]


def test_runs_of_two_stacks_do_not_wait_for_each_other() -> None:
    with run_folder.hold("prod") as one, run_folder.hold("org/crm/prod") as other:
        assert one != other


def test_git_ignores_it() -> None:
    """With the record beside it (`/.adopt/`)."""
    assert run_folder.path("prod").parent == record.FOLDER
    assert "/.adopt/" in (stack.PROJECT / ".gitignore").read_text().splitlines()
