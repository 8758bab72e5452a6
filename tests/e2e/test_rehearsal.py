"""`python -m ops adopt --rehearse`: a production is copied, and its adoption is lived on a sandbox, up to the
empty preview, while the production stays as it is.

The production is a sandbox too: what firebase-tools deployed, and a Railway project made by hand. The steps
run once for the whole file; the tests check their output.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.adopt.rehearsal_stack import session_members
from sandbox import firebase_tools
from sandbox.supervisor import PROJECT, Running
from tests.e2e import firebase_project
from tests.e2e.google_world import STACK, GoogleWorld
from tests.e2e.test_adoption import OLD_VALUE, production

pytestmark = pytest.mark.e2e

ADOPT = (".venv/bin/python", "-m", "ops", "adopt", "--stack", STACK)
# The production has variables that the program does not declare.
REHEARSE = (*ADOPT, "--rehearse", "--drop-undeclared-variables")
READS = ("GET ", "POST cloudresourcemanager.projects.getIamPolicy")
FUNCTIONS, INDEXES = 9, 11


@dataclass
class Seen:
    """The output of each run, and of the production: its state before and after, and what it was asked."""

    done: dict[str, subprocess.CompletedProcess[str]] = field(
        default_factory=dict[str, "subprocess.CompletedProcess[str]"]
    )
    before: dict[str, Any] = field(default_factory=dict[str, Any])
    after: dict[str, Any] = field(default_factory=dict[str, Any])
    asked: dict[str, dict[str, int]] = field(default_factory=dict[str, "dict[str, int]"])
    left: list[str] = field(default_factory=list[str])
    processes: list[int] = field(default_factory=list[int])
    report: dict[str, Any] = field(default_factory=dict[str, Any])
    secret: str = ""


def whole(world: GoogleWorld, program: Path) -> dict[str, Any]:
    """All that a rehearsal must not change: both clouds, the stack's state, its file, and the program."""
    files = [path for path in program.iterdir() if path.is_file()]
    return {
        "google": firebase_project.objects(world),
        "railway": {name: rows for name, rows in world.railway("state").items() if isinstance(rows, dict)},
        "state": world.run("stack", "export"),
        "files": {path.name: path.read_text() for path in sorted(files)},
        "records": sorted(path.name for path in program.glob(".adopt/*")),
    }


def begin(world: GoogleWorld, temporary: Path) -> subprocess.Popen[str]:
    """Start a rehearsal whose temporary folder is below a folder of the test."""
    return subprocess.Popen(
        REHEARSE,
        cwd=world.tools.program,
        env={**world.environ, "TMPDIR": str(temporary)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Make a production, rehearse its adoption, and interrupt a second rehearsal."""
    folder = tmp_path_factory.mktemp("rehearsal")
    temporary = folder / "tmp"
    temporary.mkdir()
    tools = firebase_project.write_program(folder)
    shutil.copytree(PROJECT / "sandbox", tools.program / "sandbox", ignore=_ignored)
    tools.environ.setdefault("SANDBOX_TOOLCHAIN", str((PROJECT / ".toolchain").resolve()))
    firebase_project.prepare(folder / "world")
    found = Seen()
    with GoogleWorld(folder / "world", tools) as world:
        if firebase_tools.is_installed():
            firebase_project.deploy(world, folder / "crm", folder / "home")
        ids = production(
            Running(pid=0, railway_url=world.railway_url, google_url=world.google_url, firestore_host="")
        )
        file = tools.program / f"Pulumi.{STACK}.yaml"
        settings = yaml.safe_load(file.read_text())
        settings["config"]["whatsapp-crm:railwayProjectId"] = ids["Project"]
        file.write_text(yaml.safe_dump(settings))
        world.call(command=["pulumi", "stack", "init", STACK, "--non-interactive"])
        found.secret = world.run("config", "get", "--path", "whatsapp-crm:secrets.GROQ_API_KEY").strip()
        found.before = whole(world, tools.program)
        world.google("counters/reset", {})
        world.railway("counters/reset", {})
        report = folder / "report.json"
        done = subprocess.run(
            [*REHEARSE, "--report", f"json:{report}"],
            cwd=tools.program,
            env={**world.environ, "TMPDIR": str(temporary)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        found.done["rehearsal"] = done
        found.report = json.loads(report.read_text()) if report.exists() else {}
        found.asked = {
            "google": world.google("counters")["operations"],
            "railway": world.railway("counters")["operations"],
        }
        found.after = whole(world, tools.program)
        process = begin(world, temporary)
        found.done["interrupted"] = interrupt_in_preview(process)
        found.processes = session_members(process.pid)
        found.left = sorted(path.name for path in temporary.iterdir())
    return found


def _ignored(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name in ("node_modules", "__pycache__")]


def interrupt_in_preview(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Press Ctrl-C in a rehearsal while the engine runs the preview of its adoption."""
    lines: list[str] = []
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            lines.append(line)
            if "reading what the program declares" in line:
                time.sleep(3)
                os.killpg(process.pid, signal.SIGINT)
    return subprocess.CompletedProcess(process.args, process.returncode, "".join(lines))


def test_the_rehearsal_ends_with_the_empty_preview(seen: Seen) -> None:
    done = seen.done["rehearsal"]
    assert done.returncode == 0, done.stdout
    steps = ["== python -m ops adopt --yes", "== pulumi up", "== pulumi preview --refresh"]
    places = [done.stdout.index(step) for step in steps]
    assert places == sorted(places)
    assert "the preview is empty" in done.stdout[places[-1] :]
    assert f"pulumi up -s {STACK}" not in done.stdout, "the stack of the user is not adopted yet"


def test_the_production_is_as_it_was(seen: Seen) -> None:
    assert seen.before == seen.after


def test_the_clouds_were_only_read(seen: Seen) -> None:
    google, railway = seen.asked["google"], seen.asked["railway"]
    assert google
    assert railway
    assert not [name for name in google if not name.startswith(READS)]
    assert not [name for name in google if name.endswith(".access")], "a secret's value was read"
    assert not [name for name in railway if not name.endswith(("Read", "Find", "Poll", "Workspaces"))]


def test_the_report_is_that_of_an_adoption(seen: Seen) -> None:
    counted = [(row["kind"], row["verdict"]) for row in seen.report["rows"]]
    assert counted.count(("function", "changes in place")) == FUNCTIONS
    assert counted.count(("index", "same")) == INDEXES
    assert ("railway volume", "changes in place") in counted
    assert not [kind for kind, verdict in counted if verdict == "cannot be adopted"]


def test_what_is_not_copied_is_named_and_no_secret_is_shown(seen: Seen) -> None:
    out = seen.done["rehearsal"].stdout
    not_copied = out[out.index("  not copied:") : out.index("starting a sandbox")]
    for word in ("values of secrets", "Firestore's documents", "IAM policies", "files on volumes"):
        assert word in not_copied
    assert len(seen.secret) > 8
    assert seen.secret not in out
    assert OLD_VALUE not in out
    assert seen.secret not in json.dumps(seen.report)


def test_an_interrupted_rehearsal_takes_everything_down(seen: Seen) -> None:
    done = seen.done["interrupted"]
    assert done.returncode == 2, done.stdout
    assert "== pulumi up" not in done.stdout
    assert "taking the sandbox down" in done.stdout
    assert "the rehearsal was taken down" in done.stdout
    assert "fix: .venv/bin/python -m ops adopt --stack" in done.stdout
    assert not seen.left, "the temporary folder is gone"
    assert not seen.processes


def test_no_rehearsal_leaves_a_process(seen: Seen) -> None:
    """Those of both runs have their temporary folder on the command line, or run in it."""
    folders = [
        line for run in seen.done.values() for line in run.stdout.splitlines() if "with the copies in" in line
    ]
    assert len(folders) == len(seen.done)
    for line in folders:
        folder = line.rpartition(" ")[2]
        found = subprocess.run(["pgrep", "-f", folder], capture_output=True, text=True, check=False)
        assert not found.stdout, folder
