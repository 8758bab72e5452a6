"""The Firestore emulator is found in all kinds of installations, compiles rules, and leaves no process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import requests

from checkout.firestore_emulator import FirestoreError, find_emulator, find_java
from sandbox import firestore, supervisor
from sandbox.firestore import FirestoreEmulator, RulesError

pytestmark = pytest.mark.sandbox

GOOD = """rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    match /open/{id} { allow read, write: if true; }
  }
}
"""
SCRIPT = "platform/cloud-firestore-emulator/cloud_firestore_emulator"


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def executable(path: Path) -> Path:
    touch(path).chmod(0o755)
    return path


def test_it_is_found_in_every_kind_of_installation(tmp_path: Path) -> None:
    """Each place is found if it is the only one; among several, the more specific one is used."""
    home, path = tmp_path / "home", tmp_path / "bin"
    path.mkdir()
    environ = {"HOME": str(home), "PATH": str(path)}
    system = [str(tmp_path / "usr" / "lib" / "google-cloud-sdk")]
    with pytest.raises(
        FirestoreError,
        match=r"not installed\.\nfix: gcloud components install [\s\S]*FIRESTORE_EMULATOR_PATH",
    ):
        find_emulator(environ, system)

    old = touch(home / ".cache/firebase/emulators/cloud-firestore-emulator-v1.9.9.jar")
    touch(home / ".cache/firebase/emulators/cloud-firestore-emulator-v2.0.0.jar.part")
    assert find_emulator(environ, system) == old
    newer = touch(home / ".cache/firebase/emulators/cloud-firestore-emulator-v1.20.2.jar")
    assert find_emulator(environ, system) == newer

    packaged = touch(Path(system[0]) / SCRIPT)
    assert find_emulator(environ, system) == packaged
    own = touch(home / "google-cloud-sdk" / SCRIPT)
    assert find_emulator(environ, system) == own

    on_path = touch(tmp_path / "sdk" / SCRIPT)
    (path / "gcloud").symlink_to(executable(tmp_path / "sdk" / "bin" / "gcloud"))
    assert find_emulator(environ, system) == on_path
    rooted = touch(tmp_path / "root" / SCRIPT)
    assert find_emulator({**environ, "CLOUDSDK_ROOT": str(tmp_path / "root")}, system) == rooted

    jar = touch(tmp_path / "mine.jar")
    assert find_emulator({**environ, "FIRESTORE_EMULATOR_PATH": str(jar)}, system) == jar
    folder = str(tmp_path / "root")
    assert find_emulator({**environ, "FIRESTORE_EMULATOR_PATH": folder}, system) == rooted
    beside = touch(rooted.with_name("cloud-firestore-emulator.jar"))
    assert find_emulator({**environ, "FIRESTORE_EMULATOR_PATH": str(beside)}, system) == rooted
    with pytest.raises(FirestoreError, match="FIRESTORE_EMULATOR_PATH is /nowhere"):
        find_emulator({**environ, "FIRESTORE_EMULATOR_PATH": "/nowhere"}, system)


def test_java_is_found_or_an_error(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path / "bin")}
    with pytest.raises(FirestoreError, match="needs Java"):
        find_java(environ)
    on_path = executable(tmp_path / "bin" / "java")
    assert find_java(environ) == str(on_path)
    of_home = executable(tmp_path / "jdk" / "bin" / "java")
    assert find_java({**environ, "JAVA_HOME": str(tmp_path / "jdk")}) == str(of_home)


def test_it_starts_compiles_rules_and_stops() -> None:
    with FirestoreEmulator() as emulator:
        host = emulator.host
        assert emulator.load_rules("crm-sandbox", GOOD) == []

        warnings = emulator.load_rules("scratch", GOOD.replace("if true", "if nothing.x == 1"))
        assert [(w.severity, w.file, w.line, w.description) for w in warnings] == [
            ("WARNING", "firestore.rules", 4, "Invalid variable name: nothing.")
        ]
        with pytest.raises(RulesError) as caught:
            emulator.load_rules("crm-sandbox", GOOD.replace("if true;", "if foo(;"), name="my.rules")
        assert str(caught.value).startswith("my.rules:4:")
        assert caught.value.issues[0].severity == "ERROR"
        assert caught.value.issues[0].column > 0
        with pytest.raises(RulesError, match="Rules content empty"):
            emulator.load_rules("crm-sandbox", "")

        # The previous rules are still in effect: open/ is open, the rest is closed.
        documents = f"{emulator.url}/v1/projects/crm-sandbox/databases/(default)/documents"
        assert requests.patch(f"{documents}/open/a", json={"fields": {}}, timeout=30).status_code == 200
        assert requests.patch(f"{documents}/closed/a", json={"fields": {}}, timeout=30).status_code == 403
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://{host}", timeout=30)
    with pytest.raises(FirestoreError, match="not running"):
        _ = emulator.host


def test_a_port_in_use_is_named_after_several_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as used:
        used.bind(("127.0.0.1", 0))
        used.listen()
        port = used.getsockname()[1]
        attempts: list[int] = []
        monkeypatch.setattr(firestore, "_free_port", lambda: attempts.append(port) or port)
        with pytest.raises(
            FirestoreError, match=rf"did not start on port {port}:[\s\S]*Address already in use"
        ):
            FirestoreEmulator().start()
    assert len(attempts) == firestore.PORT_ATTEMPTS


def test_the_emulators_limit_ends_before_that_of_the_sandbox_so_that_its_error_is_shown() -> None:
    assert firestore.START_SECONDS < supervisor.START_SECONDS


def test_it_ends_with_its_owner_even_if_that_is_killed() -> None:
    """No Java process stays after a test run is killed."""
    program = textwrap.dedent("""
        import sys
        from sandbox.firestore import FirestoreEmulator
        emulator = FirestoreEmulator().start()
        print(emulator.host, flush=True)
        sys.stdin.read()
    """)
    owner = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with owner:
        assert owner.stdout is not None
        host = owner.stdout.readline().strip()
        assert requests.get(f"http://{host}", timeout=30).text.strip() == "Ok"
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            requests.get(f"http://{host}", timeout=30)
        except requests.ConnectionError:
            return
        time.sleep(0.05)
    pytest.fail(f"the emulator at {host} outlived its owner")
