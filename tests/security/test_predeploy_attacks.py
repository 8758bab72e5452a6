"""Predeploy commands that read credentials, escape or hang: they can change their codebase, nothing else."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from checkout import archive, hidden_files, predeploy
from tests.predeploy_codebase import HookedCodebase
from tests.security.hostile_codebase import SECRET
from tests.security.test_discovery_isolation import bait, listener, sleeping

__all__ = ["bait", "listener"]

pytestmark = pytest.mark.unit

# Of the canaries, which the commands themselves must not contain, one half.
TOKEN, HOME = "canary-of-the-env", "canary-of-the-home"
LOOK = """
for one in /proc/[0-9]*; do cat "$one/environ" "$one/cmdline"; done 2>/dev/null > functions/seen.txt
ls -d /proc/[0-9]* | wc -l > functions/count.txt
"""


@pytest.fixture
def hooked(home: Path) -> HookedCodebase:
    return HookedCodebase(home / "work")


@pytest.fixture(params=["namespaces", "bubblewrap"])
def isolated(request: pytest.FixtureRequest) -> str:
    """Isolated by each of the two means that this machine has."""
    if request.param == "namespaces":
        request.getfixturevalue("isolates")
    else:
        request.getfixturevalue("denied")
        if shutil.which("bwrap") is None:
            pytest.skip("bubblewrap is not installed")
    return request.param


@pytest.mark.usefixtures("bait", "isolated")
def test_no_command_reads_the_environment_of_a_process(
    hooked: HookedCodebase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAILWAY_API_TOKEN", f"{TOKEN}ironment")
    hooked.good(hooked.script(LOOK))
    assert TOKEN not in hooked.text("seen.txt")
    assert int(hooked.text("count.txt")) < 8  # its own shells


@pytest.mark.usefixtures("isolated")
def test_no_command_reads_the_home_folder_or_the_apps_credentials(hooked: HookedCodebase) -> None:
    key = f'{{"type": "service_account", "private_key": "{SECRET}"}}'
    for name in (
        "../key.json",
        ".env",
        ".env.crm-prod",
        ".npmrc",
        "key.json",
        ".git/config",
        "deep/er/id_rsa",
    ):
        path = hooked.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(key)
    home = hooked.root.parent
    hooked.good(
        hooked.script(f"""
            cd functions
            cat {home}/notes.txt {home}/.npmrc {home}/.config/gcloud/* ~/* ~/.npmrc ../key.json > seen.txt
            cat .env .env.crm-prod .npmrc key.json .git/config deep/er/id_rsa /proc/1/root/root/* >> seen.txt
            # By a link, a hard link, another name, and in a folder with another name.
            ln -s key.json a.txt; ln key.json b.txt; mv key.json c.txt; mv deep shallow; rm -f .env
            cat a.txt b.txt c.txt shallow/er/id_rsa .env >> seen.txt
            true
        """)
    )
    assert HOME not in hooked.text("seen.txt")
    assert hooked.text("key.json") == key
    assert hooked.text(".env") == key


@pytest.mark.usefixtures("isolated")
def test_a_command_changes_its_codebase_and_nothing_else(hooked: HookedCodebase) -> None:
    (hooked.folder / "node_modules/p").mkdir(parents=True)
    (hooked.folder / "node_modules/p/index.js").write_text("1")
    (hooked.app / "other").mkdir()
    outside = [
        *("new.txt", "firebase.json", "other/new.txt", "/usr/new", "/etc/new", "/new"),
        *("functions/node_modules/new", "functions/node_modules/p/index.js"),
        str(Path(predeploy.__file__)),
    ]
    for path in outside:
        assert "exit code" in hooked.problem(f"echo x >> {path}").what, path
    hooked.run(f"echo x > {hooked.root.parent}/new")  # into a file system of its own, if its folder is in it
    assert not (hooked.root.parent / "new").exists()
    hooked.problem("rm -r functions/node_modules/p")
    hooked.problem("mv functions elsewhere")
    hooked.problem("mv functions/node_modules functions/other")
    hooked.problem("ln firebase.json functions/linked.json")
    hooked.good("mkdir -p functions/lib && echo x > functions/lib/new.js && echo y >> functions/index.js")
    assert hooked.text("lib/new.js") == "x\n"
    assert hooked.text("index.js").endswith("y\n")
    assert (hooked.app / "firebase.json").read_text() == "{}"
    assert hooked.text("node_modules/p/index.js") == "1"
    assert sorted(path.name for path in hooked.app.iterdir()) == ["firebase.json", "functions", "other"]


@pytest.mark.usefixtures("isolated")
def test_a_command_reaches_no_server(hooked: HookedCodebase, listener: int) -> None:
    connect = f'require("net").connect({listener}, "127.0.0.1", () => console.log("connected"));'
    (hooked.folder / "index.js").write_text(connect)
    assert subprocess.run(["node", "index.js"], cwd=hooked.folder, timeout=30, check=False).returncode == 0
    what = hooked.problem("node functions/index.js").what
    assert "It had no network." in what
    assert "connected" not in what


@pytest.mark.usefixtures("isolated")
def test_a_command_and_what_it_leaves_behind_end_in_time(hooked: HookedCodebase) -> None:
    one, two = f"7{os.getpid()}.1", f"7{os.getpid()}.2"
    before = time.monotonic()
    problem = hooked.problem(f"setsid sleep {one} & trap '' TERM INT; sleep {one}", timeout=3)
    assert "did not end: all commands together may take 3 seconds" in problem.what
    hooked.good(f"setsid sleep {two} > /dev/null 2>&1 & true")
    assert time.monotonic() - before < 3 + 6
    assert not sleeping(one)
    assert not sleeping(two)


@pytest.mark.usefixtures("isolates")
def test_100_megabytes_of_output_are_cut(hooked: HookedCodebase) -> None:
    what = hooked.problem("head -c 100000000 /dev/zero | tr '\\0' 'x' | fold -w 99; exit 1").what
    assert len(what) < 6000
    assert re.search(r"only 1,048,576 bytes are kept: \d\d,\d{3},\d{3} more are left out", what)


@pytest.mark.usefixtures("isolates")
@pytest.mark.parametrize(
    "command",
    [
        "git init --quiet functions/lib",
        "mkdir -p functions/lib; echo gitdir: ../x > functions/lib/.git",
        "mkdir -p functions/lib/x; ln -s x functions/lib/.git",
    ],
)
def test_a_repository_that_a_command_leaves_is_a_problem(hooked: HookedCodebase, command: str) -> None:
    """Git runs commands that the config of a repository names, with the rights of whoever uses it."""
    problem = hooked.problem(command)
    assert problem.what.startswith(f"a predeploy command created {hooked.folder}/lib/.git")
    assert problem.fix == f"rm -r {hooked.folder}/lib/.git"
    assert not list((hooked.cache / "predeploy").glob("*"))


def test_a_repository_that_was_there_is_none(hooked: HookedCodebase) -> None:
    (hooked.folder / ".git").mkdir()
    (hooked.folder / "vendor/.git").mkdir(parents=True)
    hooked.good("true")


@pytest.mark.parametrize("name", ["firebase.json", "rules", "program"])
def test_no_command_runs_where_it_could_change_more_than_functions(
    hooked: HookedCodebase, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = hooked.folder / "firestore.rules"
    if name == "firebase.json":
        hooked.folder = hooked.app
    elif name == "program":
        monkeypatch.setattr(predeploy, "PROGRAM_DIR", hooked.folder / "infrastructure")
    configuration = (rules,) if name == "rules" else ()
    (problem,) = hooked.run("touch functions/ran; touch ran", configuration=configuration).problems
    kept = {"firebase.json": hooked.app / "firebase.json", "rules": rules, "program": predeploy.PROGRAM_DIR}[
        name
    ]
    assert problem.what == f"its predeploy commands could change {kept}, which is in the functions' folder."
    assert "pulumi config set whatsapp-crm:runPredeploy false" in problem.fix
    assert not list(hooked.app.rglob("ran"))


@pytest.mark.usefixtures("isolates")
def test_a_codebase_that_cannot_be_isolated_runs_no_command(hooked: HookedCodebase) -> None:
    for number in range(hidden_files.MOST_HIDDEN + 50):
        (hooked.app / f".env.{number}").touch()
    problem = hooked.problem("touch functions/ran")
    assert "they cannot be isolated: more than 1,000 files and folders" in problem.what
    assert not (hooked.folder / "ran").exists()


@pytest.mark.usefixtures("isolates")
def test_a_link_that_a_command_leaves_is_not_packed(hooked: HookedCodebase) -> None:
    secret = hooked.root.parent / "notes.txt"
    hooked.good(f"ln -s {secret} functions/notes.txt")
    packed, (problem,) = archive.build(hooked.folder, (), "default", "functions", hooked.cache)
    assert packed is None
    assert "notes.txt" in str(problem)


def test_where_nothing_isolates_a_warning_says_so(
    hooked: HookedCodebase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    outcome = hooked.run("touch functions/ran")
    assert outcome.problems == ()
    assert outcome.not_isolated == "only Linux has namespaces"
    with contextlib.suppress(FileNotFoundError):
        (hooked.folder / "ran").unlink()
