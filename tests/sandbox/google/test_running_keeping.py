"""What running functions leave: after a stop, after a kill, after a restart; their packages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.google.running.instances import Limits
from sandbox.google.running.sources import SourceError, Sources
from tests.sandbox.google.client import FUNCTIONS, SECRETS, function
from tests.sandbox.google.running import PACKAGES, RunningGoogle, eventually, packed, plain

pytestmark = pytest.mark.sandbox

ROOT = Path(__file__).resolve().parents[3]
PID = plain(
    "const { spawn } = require('node:child_process');"
    "const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });"
    "process.on('SIGTERM', () => {});"
    "exports.pid = (_, response) => response.send(`${process.pid} ${child.pid}`);"
)
SERVER = """
import sys
from pathlib import Path
from tests.sandbox.google.running import RunningGoogle
from tests.sandbox.google.test_running_keeping import PID
with RunningGoogle(Path(sys.argv[1]), emulator=False) as running:
    running.prepare()
    assert "error" not in running.deploy("pid", PID)
    print(running.request("pid").text, flush=True)
    sys.stdin.read()
"""


def exists(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_no_process_is_left(tmp_path: Path, end: str) -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    pids = [int(word) for word in server.stdout.readline().split()]
    assert len(pids) == 2
    assert all(exists(pid) for pid in pids)
    if end == "kill":
        server.send_signal(signal.SIGKILL)
    else:
        server.stdin.close()
    server.wait(60)
    eventually(lambda: not any(exists(pid) for pid in pids), "the function and its child to end", 20)
    server.stdout.close()
    server.stdin.close()


def test_what_was_deployed_runs_after_a_restart(tmp_path: Path) -> None:
    code = "exports.kept = (_, response) => { console.log('hello'); response.send(process.env.VALUE); };"
    with RunningGoogle(tmp_path, emulator=False) as running:
        running.prepare()
        running.google.secret("VALUE", "of the secret")
        use = [{"key": "VALUE", "projectId": "crm-sandbox", "secret": "VALUE", "version": "1"}]
        assert "error" not in running.deploy("kept", plain(code), secretEnvironmentVariables=use)
        uri = running.uri("kept")
        token = running.identity_token("crm-fn@crm-sandbox.iam.gserviceaccount.com", uri)
    with RunningGoogle(tmp_path, emulator=False) as running:
        assert running.request("kept").text == "of the secret"
        running.grant("kept", ["serviceAccount:crm-fn@crm-sandbox.iam.gserviceaccount.com"])
        assert running.request("kept", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        assert running.entries('textPayload="hello"')
        running.google.send("DELETE", f"{SECRETS}/VALUE")
    for file in ("functions/functions.log", "google.json"):
        assert "of the secret" not in (tmp_path / file).read_text()
        assert (tmp_path / file).stat().st_mode & 0o077 == 0


def test_an_idle_process_is_stopped(tmp_path: Path) -> None:
    with RunningGoogle(tmp_path, emulator=False, limits=Limits(idle_seconds=0.5)) as running:
        running.prepare()
        running.deploy("pid", PID)
        first = running.request("pid").text
        eventually(lambda: not running.runner.status(), "no process")
        assert not any(exists(int(pid)) for pid in first.split())  # it is listed until it has ended
        assert running.request("pid").text != first


def test_an_interrupted_deployment_can_be_repeated(tmp_path: Path) -> None:
    with RunningGoogle(tmp_path, emulator=False) as running:
        running.prepare()
        running.google.upload("src.zip", plain("for (;;);"))
        operation = running.google.post(f"{FUNCTIONS}?functionId=stuck", function("stuck", "src.zip"))
        assert not operation.get("done")
        time.sleep(0.5)
        assert not running.google.get(f"/cloudfunctions/v2/{operation['name']}").get("done")
    with RunningGoogle(tmp_path, emulator=False) as running:
        ended = running.google.get(f"/cloudfunctions/v2/{operation['name']}")
        assert "was stopped during this operation" in ended["error"]["message"]
        code = plain("exports.stuck = (_, response) => response.send('done');")
        assert "error" not in running.deploy("stuck", code)


# Packages.


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder of functions with installed packages."""
    folder = tmp_path / "checkout"
    (folder / "node_modules" / "firebase-functions").mkdir(parents=True)
    (folder / "node_modules" / ".package-lock.json").write_text("{}")
    for name, content in PACKAGES.items():
        (folder / name).write_bytes(content)
    return folder


def test_packages_of_the_checkout_are_linked(tmp_path: Path, checkout: Path) -> None:
    sources = Sources(tmp_path / "run", [tmp_path / "other", checkout])
    digest = sources.unpack(packed({**PACKAGES, "index.js": "1"}))
    assert (sources.path(digest) / "node_modules").resolve() == checkout / "node_modules"
    assert sources.unpack(packed({**PACKAGES, "index.js": "1"})) == digest
    other = sources.unpack(packed({**PACKAGES, "index.js": "2"}))
    assert other != digest


@pytest.mark.parametrize("change", ["lock", "dev", "not installed"])
def test_other_packages_are_installed_as_google_does(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(
        "#!/bin/sh\nmkdir -p node_modules && echo '{}' > node_modules/.package-lock.json\n"
        f'echo "$@" >> {tmp_path}/calls\n'
    )
    npm.chmod(0o700)
    monkeypatch.setenv("PATH", f"{npm.parent}:{os.environ['PATH']}")
    files: dict[str, str | bytes] = {**PACKAGES, "index.js": "1"}
    if change == "lock":
        files["package-lock.json"] = PACKAGES["package-lock.json"] + b"\n"
    elif change == "dev":
        manifest = {**json.loads(PACKAGES["package.json"]), "devDependencies": {"typescript": "5"}}
        files["package.json"] = json.dumps(manifest)
    else:
        (checkout / "node_modules" / ".package-lock.json").unlink()
    sources = Sources(tmp_path / "run", [checkout])
    digest = sources.unpack(packed(files))
    linked = (sources.path(digest) / "node_modules").resolve()
    assert linked.is_relative_to(tmp_path / "run" / "packages")
    sources.unpack(packed({**files, "more.js": "2"}))
    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert call.startswith("ci --omit=dev ")


def test_a_failed_installation_is_named_and_repeated(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text("#!/bin/sh\necho 'npm error 404 not-there'\nexit 1\n")
    npm.chmod(0o700)
    monkeypatch.setenv("PATH", f"{npm.parent}:{os.environ['PATH']}")
    sources = Sources(tmp_path / "run", [])
    archive = packed({**PACKAGES, "index.js": "1"})
    for _ in range(2):
        with pytest.raises(SourceError, match=r"npm ci --omit=dev .*failed:\nnpm error 404 not-there"):
            sources.unpack(archive)
    assert Sources(tmp_path / "run", [checkout]).unpack(archive)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK", "is not a zip file"),
        (packed({"../out.js": "1"}), r"'../out.js' leaves the folder"),
        (packed({"/etc/out.js": "1"}), r"leaves the folder"),
        (packed({"package.json": "{"}), "package.json is not valid JSON"),
    ],
)
def test_bad_archives_are_refused(tmp_path: Path, data: bytes, said: str) -> None:
    sources = Sources(tmp_path / "run", [])
    with pytest.raises(SourceError, match=said):
        sources.unpack(data)
    assert not (tmp_path / "run" / "out.js").exists()
