"""Code of the checkout, while it is loaded, sees no credentials of this machine and ends in time."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout import (
    compiled_output,
    discovery_failure,
    hidden_files,
    isolation,
    node_process,
    programs,
)
from checkout.hidden_files import Hidden
from checkout.node_process import Command
from settings.files import FileError, read_bytes
from tests import functions_sdk
from tests.security.hostile_codebase import PACKAGE, SECRET, Codebase
from tests.time_limit import cpu_limit

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
CANARY = "canary-of-the-environment"
# The canaries in two parts: the code itself must not contain them.
READ_PROCESSES = """
const fs = require("fs");
let all = "";
const processes = fs.readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name));
for (const one of processes) {
  for (const file of ["environ", "cmdline"]) {
    try { all += fs.readFileSync(`/proc/${one}/${file}`, "utf8"); } catch {}
  }
}
found.canary = String(all.includes("canary-of-" + "the-environment"));
found.processes = String(processes.length);
"""
# All of it, to a pipe that is full now and then.
WRITE = """
const write = (data) => {
  for (let at = 0; at < data.length;) {
    try { at += require("fs").writeSync(1, data, at); } catch (e) { if (e.code !== "EAGAIN") throw e; }
  }
};
"""
LEAVE_CHILD = "require('child_process').spawn('sleep', ['%s'], { detached: true, stdio: 'inherit' }).unref();"


@pytest.fixture
def bait() -> Iterator[None]:
    """A process with a secret in its environment, such as the engine or the shell."""
    environment = {**os.environ, "RAILWAY_API_TOKEN": CANARY}
    with subprocess.Popen(["sleep", "120"], env=environment) as process:
        yield
        process.kill()


@pytest.mark.usefixtures("bait", "isolates")
def test_the_environment_of_no_process_can_be_read(codebase: Codebase) -> None:
    found = codebase.found(READ_PROCESSES)
    assert found == {"canary": "false", "processes": "2"}  # the first process of the namespace, and Node


@pytest.mark.usefixtures("bait", "isolates")
def test_a_variable_of_the_functions_runs_no_code_outside(codebase: Codebase, tmp_path: Path) -> None:
    """NODE_OPTIONS and the variables of the loader: the process that isolates does not have them."""
    (codebase.folder / "first.js").write_text(
        f"const found = globalThis.first = {{}};{READ_PROCESSES.replace('const fs', 'var fs')}"
    )
    found = codebase.found(
        "Object.assign(found, globalThis.first);",
        NODE_OPTIONS="--require ./first.js",
        LD_DEBUG="statistics",
        LD_DEBUG_OUTPUT=str(tmp_path / "loader"),
    )
    assert found["canary"] == "false"
    assert list(tmp_path.glob("loader*")) == []


@pytest.mark.usefixtures("isolates")
def test_no_file_of_the_home_folder_can_be_read(codebase: Codebase) -> None:
    outside = codebase.home.parent / "key.json"
    outside.write_text(SECRET)
    found = codebase.found(f"""
    const fs = require("fs");
    const os = require("os");
    let all = "";
    const walk = (folder) => {{
      let names = [];
      try {{ names = fs.readdirSync(folder, {{ withFileTypes: true }}); }} catch {{ return; }}
      for (const one of names) {{
        const path = `${{folder}}/${{one.name}}`;
        if (one.isDirectory() && one.name !== "node_modules") walk(path);
        else if (one.isFile()) try {{ all += path + fs.readFileSync(path, "utf8"); }} catch {{}}
      }}
    }};
    walk("{codebase.home}");
    walk("{outside.parent}");
    walk(os.userInfo().homedir);
    walk("/proc/1/root/root");
    found.secret = String(all.includes("canary-of-" + "the-home-folder"));
    found.own = String(all.includes("{codebase.folder}/index.js"));
    found.home = String(process.env.HOME !== "{codebase.home}" && fs.existsSync(process.env.HOME));
    """)
    assert found == {"secret": "false", "own": "true", "home": "true"}


@pytest.mark.usefixtures("isolates")
def test_the_app_is_readable_without_its_credentials_and_not_writable(codebase: Codebase) -> None:
    (codebase.app / "shared.js").write_text("exports.shared = 1;")
    for name in (".env", "serviceAccountKey.json", ".git/config", "my-crm-12ab.json"):
        path = codebase.app / name
        path.parent.mkdir(exist_ok=True)
        path.write_text('{"type": "service_account", "private_key": "x"}')
    found = codebase.found("""
    const fs = require("fs");
    const read = (name) => {
      try { return fs.readFileSync(`../${name}`, "utf8"); } catch (error) { return error.code; }
    };
    found.shared = String(require("../shared").shared);
    found.env = read(".env");
    found.key = read("serviceAccountKey.json");
    found.named = read("my-crm-12ab.json");
    found.git = read(".git/config");
    for (const path of ["index.js", "../new", "node_modules/x", "/usr/x", "/x", "/etc/x"]) {
      try { fs.appendFileSync(path, ""); found[path] = ""; } catch (error) { found[path] = error.code; }
    }
    """)
    assert found.pop("shared") == "1"
    assert found.pop("git") == "ENOENT"
    assert found.pop("env") == ""
    assert {found.pop(name) for name in ("key", "named")} == {"EACCES"}
    assert set(found.values()) == {"EROFS"}


@pytest.mark.usefixtures("isolates")
def test_the_code_has_no_capability_and_cannot_gain_one(codebase: Codebase) -> None:
    found = codebase.found("""
    const status = require("fs").readFileSync("/proc/self/status", "utf8");
    for (const name of ["CapEff", "CapPrm", "CapBnd", "NoNewPrivs"]) {
      found[name] = new RegExp(`^${name}:\\t(.*)$`, "m").exec(status)[1];
    }
    const { spawnSync } = require("child_process");
    found.mount = String(spawnSync("umount", ["/proc"]).status !== 0);
    """)
    assert {found["CapEff"], found["CapPrm"], found["CapBnd"]} == {"0" * 16}
    assert (found["NoNewPrivs"], found["mount"]) == ("1", "true")


@pytest.fixture
def listener() -> Iterator[int]:
    """A server of this machine that asks nobody who connects, such as the engine's resource monitor."""
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


CONNECT = """
const net = require("net");
const script = `
  const connect = (port) => new Promise((done) => {
    const socket = require("net").connect(port, "127.0.0.1");
    socket.on("connect", () => { socket.destroy(); done("connected"); });
    socket.on("error", (error) => done(error.code));
  });
  const server = require("net").createServer().listen(0, "127.0.0.1", async () => {
    console.log(JSON.stringify({
      machine: await connect(%d),
      own: await connect(server.address().port),
      interfaces: String(Object.keys(require("os").networkInterfaces())),
    }));
    process.exit();
  });`;
Object.assign(found, JSON.parse(require("child_process").execFileSync(process.execPath, ["-e", script])));
"""


@pytest.mark.usefixtures("isolates")
def test_the_code_reaches_no_process_of_this_machine_by_the_network(
    codebase: Codebase, listener: int
) -> None:
    with socket.create_connection(("127.0.0.1", listener)):
        pass  # this process reaches it
    found = codebase.found(CONNECT % listener)
    assert found == {"machine": "ECONNREFUSED", "own": "connected", "interfaces": "lo"}


def require_bubblewrap() -> None:
    """Skip the test where bubblewrap is not installed; in CI, fail."""
    if shutil.which("bwrap") is None:
        if os.environ.get("CI"):
            pytest.fail("bubblewrap is not installed")
        pytest.skip("bubblewrap is not installed")


@pytest.mark.usefixtures("denied")
def test_the_code_reaches_no_process_from_bubblewrap(codebase: Codebase, listener: int) -> None:
    require_bubblewrap()
    found = codebase.found(CONNECT % listener)
    assert found == {"machine": "ECONNREFUSED", "own": "connected", "interfaces": "lo"}


@pytest.mark.usefixtures("isolates")
@pytest.mark.parametrize(
    "code",
    [
        "await fetch('http://192.0.2.1/config');",
        "require('net').connect(80, '192.0.2.1'); await new Promise(() => setTimeout(() => {}, 1e6));",
        "await require('dns').promises.lookup('example.com');",
        "try { await fetch('http://127.0.0.1:9'); } catch (e) { console.error(e); process.exit(1); }",
    ],
)
def test_an_error_says_that_code_has_no_network_while_it_is_loaded(codebase: Codebase, code: str) -> None:
    (codebase.folder / "package.json").write_text(json.dumps({**PACKAGE, "type": "module"}))
    require = "import { createRequire } from 'module'; const require = createRequire(import.meta.url);"
    _, (problem,) = codebase.load(f"{require}\n{code}")
    assert "failed: code has no network while the functions are listed" in problem.what
    assert problem.fix == "Move what connects into a function, or into onInit() of firebase-functions."


@pytest.mark.usefixtures("isolates")
def test_a_link_among_the_dependencies_opens_no_other_folder(home: Path) -> None:
    """A pull request can contain such a link. One to a package of the workspace is followed."""
    installed = functions_sdk.installed()
    codebase = Codebase(home, installed)
    modules = codebase.folder / "node_modules"
    modules.unlink()
    modules.mkdir()
    for name in installed.iterdir():
        (modules / name.name).symlink_to(name)
    package = home / "work/packages/shared"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"name": "shared"}')
    (package / "index.js").write_text("module.exports = 7;")
    (home / "package.json").write_text("{}")
    (modules / "shared").symlink_to(package)
    (modules / "stolen").symlink_to(home)
    (modules / "config").symlink_to(home / ".config")
    found = codebase.found("""
    const fs = require("fs");
    const read = (name) => {
      try { fs.readFileSync(`node_modules/${name}`); return "read"; } catch { return "no"; }
    };
    found.shared = String(require("shared"));
    found.stolen = read("stolen/notes.txt");
    found.config = read("config/gcloud/application_default_credentials.json");
    """)
    assert found == {"shared": "7", "stolen": "no", "config": "no"}


def bubblewrap(folder: Path, monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Put a script named bwrap on PATH."""
    program = folder / "bin/bwrap"
    program.parent.mkdir()
    program.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def sleeping(seconds: str) -> bool:
    """Whether a `sleep` of just this many seconds runs."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes() == f"sleep\0{seconds}\0".encode():
                return True
    return False


@pytest.mark.parametrize("isolated", [True, False])
def test_a_detached_child_with_inherited_output_ends_at_the_time_out(
    codebase: Codebase, isolated: bool, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("isolates" if isolated else "denied")
    seconds = f"9{os.getpid()}.{int(isolated)}"
    before = time.monotonic()
    discovered, (problem,) = codebase.load(f"{LEAVE_CHILD % seconds} for (;;) {{}}", timeout=3)
    took = time.monotonic() - before
    assert discovered is None
    assert "did not load within 3 seconds" in problem.what
    assert took < 60  # on a machine that is busy; the child sleeps for a day
    assert not sleeping(seconds)


@pytest.mark.parametrize("isolated", [True, False])
def test_a_detached_child_does_not_outlive_code_that_loads(
    codebase: Codebase, isolated: bool, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("isolates" if isolated else "denied")
    seconds = f"8{os.getpid()}.{int(isolated)}"
    codebase.found(LEAVE_CHILD % seconds)
    assert not sleeping(seconds)


@pytest.mark.usefixtures("isolates")
def test_no_signal_of_the_code_ends_the_first_process(codebase: Codebase) -> None:
    """SIGINT ended it with a traceback, which was reported as a time-out."""
    found = codebase.found("""
    for (let number = 1; number < 65; number++) try { process.kill(1, number); } catch {}
    found.alive = String(require("child_process").spawnSync("sleep", ["0.1"]).status);
    """)
    assert found == {"alive": "0"}


@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT"])
def test_code_that_ends_its_launcher_is_not_called_slow(
    codebase: Codebase, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    _, (problem,) = codebase.load(f"process.kill(process.ppid, '{name}'); for (;;) {{}}")
    expected = {"SIGKILL": "the process that started Node was ended", "SIGINT": "SIGKILL ended Node"}
    assert expected[name] in problem.what
    assert "fix: cd " in str(problem)


@pytest.mark.parametrize("ending", ["", "throw new Error('after the flood');"])
def test_300_megabytes_of_output_fill_neither_memory_nor_the_message(codebase: Codebase, ending: str) -> None:
    code = (
        f"{WRITE}const line = Buffer.from(`${{'x'.repeat(999)}}\\n`.repeat(1000));"
        f"for (let i = 0; i < 300; i++) write(line);\n{ending}"
        "\nexports.a = require('firebase-functions/https').onRequest(() => {});"
    )
    tracemalloc.start()
    try:
        discovered, problems = codebase.load(code)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40_000_000  # some copies of the megabyte that is kept
    shown = problems[0].what if ending else "\n".join((discovered or pytest.fail(str(problems))).stdout)
    assert len(shown) < 2000
    assert re.search(r"only 1,048,576 bytes are kept: 29\d,\d{3},\d{3} more are left out", shown)


@pytest.mark.parametrize(
    "code",
    [
        "throw new Error('x'.repeat(3e6));",
        "process.on('uncaughtException', () => {}); Promise.reject(new Error('y'.repeat(3e6)));",
        "console.error('/'.repeat(1e6)); throw 1;",
        "console.error('/*'.repeat(5e5)); process.exit(1);",
    ],
)
def test_a_message_of_megabytes_is_cut(codebase: Codebase, code: str) -> None:
    with cpu_limit(15):
        _, problems = codebase.load(code)
    assert all(len(problem.what) < 3000 for problem in problems)


def test_what_the_code_writes_as_its_manifest_is_a_file_of_its_own(tmp_path: Path) -> None:
    """This program can read what the code may not: a link is not followed, and a FIFO not waited for."""
    target = tmp_path / "secret.json"
    target.write_text("{}")
    (tmp_path / "link").symlink_to(target)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "large").write_bytes(b" " * 11)
    assert read_bytes(target, limit=10, follow=False) == b"{}"
    for path in (*(tmp_path / name for name in ("link", "fifo", "large", "none")), Path("/dev/zero")):
        with pytest.raises(FileError):
            read_bytes(path, limit=10, follow=False)


@pytest.mark.usefixtures("denied")
def test_where_nothing_isolates_a_warning_says_what_can_be_read(
    codebase: Codebase, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = programs.find
    monkeypatch.setattr(programs, "find", lambda name, *rest: None if name == "bwrap" else find(name, *rest))
    discovered, _ = codebase.load("exports.a = 1;")
    assert discovered is not None
    text = isolation.warning(discovered.not_isolated)
    assert "unshare: Operation not permitted, and bubblewrap is not installed" in text
    assert "it can read files of your home folder, and the environment of your shell and of Pulumi" in text
    assert "fix: install bubblewrap" in text
    again, _ = codebase.load("exports.a = 1;")
    assert again is not None
    assert again.not_isolated == ""  # from the cache: nothing ran


def test_a_system_without_namespaces_runs_the_code_with_the_warning(
    codebase: Codebase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    discovered, _ = codebase.load("exports.a = 1;")
    assert discovered is not None
    assert discovered.not_isolated == "only Linux has namespaces"
    assert "install bubblewrap" not in isolation.warning(discovered.not_isolated)


@pytest.mark.usefixtures("denied", "bait")
def test_bubblewrap_isolates_where_this_program_may_not(codebase: Codebase) -> None:
    require_bubblewrap()
    for name in (".env", "key.json"):
        (codebase.app / name).write_text(f'{{"type": "authorized_user", "refresh_token": "{SECRET}"}}')
    found = codebase.found(
        f"""{READ_PROCESSES}
    const read = (path) => {{
      try {{ return fs.readFileSync(path, "utf8"); }} catch (error) {{ return error.code; }}
    }};
    found.env = read("../.env");
    found.key = read("../key.json");
    found.home = read("{codebase.home}/.npmrc");
    found.own = String(read("index.js").length > 0);
    try {{ fs.appendFileSync("index.js", ""); }} catch (error) {{ found.write = error.code; }}
    """,
        NAME="of the functions",
    )
    assert (found.pop("env"), found.pop("key")) == ("", "EACCES")
    found.pop("processes")
    assert found == {"canary": "false", "home": "ENOENT", "own": "true", "write": "EROFS"}
    _, (problem,) = codebase.load('process.kill(process.pid, "SIGTERM"); for (;;) {}')
    assert "SIGTERM ended Node" in problem.what


@pytest.mark.usefixtures("denied")
def test_a_bubblewrap_that_fails_is_in_the_warning(
    codebase: Codebase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bubblewrap(tmp_path, monkeypatch, "echo 'bwrap: setting up uid map: Permission denied' >&2", "exit 1")
    discovered, _ = codebase.load("exports.a = 1;")
    assert discovered is not None
    assert "bubblewrap failed: bwrap: setting up uid map: Permission denied" in discovered.not_isolated


def write_of(path: Path) -> str:
    """Code that leaves a file where isolated code can leave none."""
    return f"require('fs').writeFileSync('{path}', ''); exports.a = 1;"


@pytest.mark.usefixtures("isolates")
def test_an_app_cannot_make_its_isolation_fail_by_what_it_contains(codebase: Codebase) -> None:
    """Linux mounts 100,000 paths at most: beyond, the code once ran without isolation."""
    for number in range(hidden_files.MOST_HIDDEN + 50):
        (codebase.app / f".env.{number}").touch()
    discovered, (problem,) = codebase.load(write_of(codebase.home / "ran"))
    assert discovered is None
    assert "cannot be isolated: more than 1,000 files and folders" in problem.what
    assert f"{codebase.app}/.env." in problem.what
    assert "python -m ops discover --stack <stack> --out discovered --no-isolation" in problem.fix
    assert not (codebase.home / "ran").exists()


@pytest.mark.parametrize("how", ["denied", "option"])
def test_what_cannot_be_hidden_is_no_problem_where_nothing_is(
    codebase: Codebase, monkeypatch: pytest.MonkeyPatch, how: str, request: pytest.FixtureRequest
) -> None:
    """Neither in a container that isolates nothing, nor with the option of the fix."""
    if how == "denied":
        request.getfixturevalue("denied")
        find = programs.find
        monkeypatch.setattr(
            programs, "find", lambda name, *rest: None if name == "bwrap" else find(name, *rest)
        )
    monkeypatch.setattr(hidden_files, "MOST_ENTRIES", 2)
    for number in range(5):
        (codebase.folder / f"{number}.txt").touch()
    discovered, problems = codebase.load("exports.a = 1;", isolate=how != "option")
    assert discovered is not None, problems
    expected = {"denied": "bubblewrap is not installed", "option": "--no-isolation"}
    assert expected[how] in discovered.not_isolated
    warning = isolation.warning(discovered.not_isolated)
    assert ("run it without --no-isolation" in warning) == (how == "option")


@pytest.mark.usefixtures("isolates", "fresh")
def test_code_that_this_system_cannot_isolate_although_it_isolates_is_not_run(tmp_path: Path) -> None:
    command = Command(
        line=["/bin/sh", "-c", f"echo > {tmp_path}/ran"],
        folder=tmp_path, environment={}, timeout=20, results=tmp_path, root=tmp_path,
        checkout=tmp_path,
    )  # fmt: skip
    view = isolation.view(tmp_path, tmp_path, [])
    with pytest.raises(isolation.IsolationError, match="No such file or directory"):
        node_process.run(
            command, lambda: dataclasses.replace(view, hidden=Hidden(denied=(f"{tmp_path}/none",)))
        )
    assert not (tmp_path / "ran").exists()


@pytest.mark.usefixtures("denied")
def test_variables_of_the_functions_do_not_decide_whether_bubblewrap_isolates(
    codebase: Codebase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LD_PRELOAD once made the trial fail, and the code ran without isolation."""
    bubblewrap(
        tmp_path, monkeypatch,
        f"env >> {tmp_path}/environment",
        'case "$*" in *LD_PRELOAD*) echo "bwrap: cannot run it" >&2; exit 1;; esac',
    )  # fmt: skip
    discovered, problems = codebase.load(
        write_of(codebase.home / "ran"), environment={"LD_PRELOAD": "./evil.so", "NODE_OPTIONS": "--inspect"}
    )
    assert discovered is None
    assert "cannot be isolated: bwrap: cannot run it" in problems[0].what
    assert not (codebase.home / "ran").exists()
    seen = (tmp_path / "environment").read_text()
    assert "PWD=" in seen
    assert "LD_" not in seen
    assert "NODE_" not in seen


@pytest.mark.usefixtures("denied")
def test_whether_bubblewrap_isolates_is_tried_once_and_only_to_load_code(
    codebase: Codebase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bubblewrap(tmp_path, monkeypatch, f"echo tried >> {tmp_path}/trials", "echo 'bwrap: no' >&2; exit 1")
    for code in ("exports.a = 1;", "exports.a = 1;", "exports.b = 1;"):
        discovered, _ = codebase.load(code)
        assert discovered is not None
    assert (tmp_path / "trials").read_text() == "tried\n"


@pytest.mark.usefixtures("isolates")
def test_a_kernel_that_denies_namespaces_is_found_before_the_code_runs(tmp_path: Path) -> None:
    """The limit of user namespaces, 0 as administrators set it, in a namespace of the test's own."""
    program = (
        "import json, sys; from pathlib import Path; "
        "from tests.security.hostile_codebase import run; "
        "print(json.dumps(run(Path(sys.argv[1]), 'echo', 'ran').not_isolated))"
    )
    limited = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    inside = ["unshare", "--user", "--map-root-user", "sh", "-c", limited, "sh"]
    done = subprocess.run(
        [*inside, sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert "this system denies user namespaces: unshare: No space left on device" in done.stdout, done.stderr


def test_a_repository_in_the_checkout_runs_no_command(tmp_path: Path) -> None:
    """git runs `core.fsmonitor`: a folder of the checkout may look like a bare repository."""
    bare = tmp_path / "lib"
    subprocess.run(["git", "init", "--quiet", "--bare", str(bare)], check=True)
    ran = tmp_path / "ran"
    for key, value in (
        ("core.bare", "false"),
        ("core.worktree", str(bare)),
        ("core.fsmonitor", f"touch {ran}; false"),
    ):
        subprocess.run(["git", "config", "--file", str(bare / "config"), key, value], check=True)
    (bare / "index.js").write_text("")
    compiled_output._is_tracked(bare / "index.js")
    assert not ran.exists()


def test_a_place_is_found_in_output_of_any_shape() -> None:
    with cpu_limit(2):
        assert discovery_failure._FILE_LINE.findall("/" * 1_000_000) == []
    text = "file:///app/a.mjs:3\n    at main (/app/b.js:12:3)\n/app/c.ts:1"
    assert discovery_failure._FILE_LINE.findall(text) == [
        ("/app/a.mjs", "3"),
        ("/app/b.js", "12"),
        ("/app/c.ts", "1"),
    ]
