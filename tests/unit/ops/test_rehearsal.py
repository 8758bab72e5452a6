"""The parts of a rehearsal: the config of its stack, what it reads and could not read, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ops import stack, stack_file
from ops.adopt import google_copy, rehearsal_stack, rehearse
from ops.adopt.rehearsal_stack import Scratch, Secret
from ops.adopt.run import Options
from tests.unit.ops.google_project import (
    BASE,
    DENIED,
    FUNCTIONS,
    INDEXES,
    OFF,
    REGION,
    SECRETS,
    Project,
    named,
)

pytestmark = pytest.mark.unit

FILE = """
encryptionsalt: v1:salt
config:
  whatsapp-crm:appDir: ../crm
  whatsapp-crm:googleProject: crm
  whatsapp-crm:functionsRoles: [roles/datastore.user, {secure: v1:b}]
  whatsapp-crm:secrets:
    KEY: {secure: v1:a}
    plain.name: visible
  railway:token: {secure: v1:c}
  gcp:accessToken: {secure: v1:d}
"""
ENTRIES: dict[str, Any] = {
    "whatsapp-crm:appDir": {"value": "../crm"},
    "whatsapp-crm:googleProject": {"value": "crm"},
    "whatsapp-crm:functionsRoles": {
        "value": "[]",
        "objectValue": ["roles/datastore.user", "hidden"],
        "secret": True,
    },
    "whatsapp-crm:secrets": {
        "value": "{}",
        "objectValue": {"KEY": "the key", "plain.name": "visible"},
        "secret": True,
    },
    "whatsapp-crm:adminToken": {"value": "from an environment", "secret": True},
    "railway:token": {"value": "real", "secret": True},
    "gcp:accessToken": {"value": "real", "secret": True},
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the program, with the file of a stack."""
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "Pulumi.prod.yaml").write_text(FILE)
    monkeypatch.setattr(stack, "PROJECT", folder)
    monkeypatch.setattr(stack, "config_entries", lambda _name: ENTRIES)
    return folder


def test_the_config_has_placeholders_for_secrets_and_no_credentials(project: Path) -> None:
    config, secrets = rehearsal_stack.config_of("prod")
    assert secrets == [
        Secret("whatsapp-crm:functionsRoles[1]", "hidden"),
        Secret('whatsapp-crm:secrets["KEY"]', "the key"),
        Secret("whatsapp-crm:adminToken", "from an environment"),
    ]
    assert config["whatsapp-crm:secrets"] == {"KEY": "not-set-yet", "plain.name": "visible"}
    assert config["whatsapp-crm:functionsRoles"] == ["roles/datastore.user", "not-set-yet"]
    assert config["whatsapp-crm:appDir"] == str(project.parent / "crm")
    assert not [key for key in config if key.startswith(("railway:", "gcp:"))]


def test_the_stack_gets_its_secrets_by_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command line can be read by other users of the machine."""
    scratch = Scratch(tmp_path / "scratch", {}, "org/prod")
    ran: list[tuple[tuple[str, ...], str]] = []

    def run(*command: str, stdin: str = "", show: Any = None) -> rehearsal_stack.Done:
        ran.append((command, stdin))
        return rehearsal_stack.Done(0, "")

    monkeypatch.setattr(scratch, "run", run)
    assert (
        scratch.prepare({"whatsapp-crm:region": "r"}, [Secret("whatsapp-crm:adminToken", "the token")]) == ""
    )
    assert "the token" not in json.dumps([command for command, _ in ran])
    assert [stdin for _, stdin in ran] == ["", "the token\n"]
    file = tmp_path / "scratch" / stack_file.name_of("prod")
    assert file.stat().st_mode & 0o777 == 0o600
    assert stack_file.parse(file.read_text(), file.name)[0] == {"config": {"whatsapp-crm:region": "r"}}


def test_real_accounts_are_not_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAILWAY_TOKEN", "real")
    monkeypatch.setenv("GOOGLE_MONITORING_CUSTOM_ENDPOINT", "https://elsewhere")
    monkeypatch.setenv("RAILWAY_API_TOKEN", "real")
    found = rehearsal_stack.environment(["RAILWAY_TOKEN"], {"RAILWAY_API_TOKEN": "sandbox"})
    assert found["RAILWAY_API_TOKEN"] == "sandbox"
    assert not {"RAILWAY_TOKEN", "GOOGLE_MONITORING_CUSTOM_ENDPOINT"} & found.keys()


def test_an_interrupted_command_ends_with_all_that_it_started(tmp_path: Path) -> None:
    """Also what put itself into a process group of its own, as the engine's plugins do."""
    scratch = Scratch(tmp_path / "scratch", {"PATH": "/usr/bin:/bin"}, "prod")
    text = (
        "import subprocess, sys, time, os\n"
        "one = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        "print(subprocess.Popen(one, process_group=0).pid, os.getsid(0), flush=True)\n"
        "time.sleep(60)\n"
    )
    seen: list[str] = []

    def stop(line: str) -> None:
        seen.append(line)
        raise KeyboardInterrupt

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        scratch.run(sys.executable, "-c", text, show=stop)
    assert time.monotonic() - begun < 30
    session = int(seen[0].split()[1])
    assert rehearsal_stack.session_members(session) == []


def test_a_command_gets_its_stdin_and_returns_both_outputs(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "scratch", {"PATH": "/usr/bin:/bin"}, "prod")
    text = "import sys; print(sys.stdin.read()); print('\\x1b[31mred', file=sys.stderr); sys.exit(3)"
    done = scratch.run(sys.executable, "-c", text, stdin="in")
    assert done.returncode == 3
    assert set(done.stdout.split()) == {"in", "red"}, "escape sequences are removed"


def test_temporary_files_of_commands_go_with_the_rehearsal(tmp_path: Path) -> None:
    """The gcp plugin leaves an archive behind."""
    scratch = Scratch(tmp_path / "scratch", {"PATH": "/usr/bin:/bin"}, "prod")
    done = scratch.run(sys.executable, "-c", "import tempfile; print(tempfile.gettempdir())")
    assert Path(done.stdout.strip()).is_relative_to(tmp_path / "scratch")


def test_the_summary_of_an_up_has_its_diagnostics_and_its_counts() -> None:
    output = (
        "Updating (prod):\n + a creating\n\nDiagnostics:\n  pulumi:pulumi:Stack (prod):\n    a note\n\n"
        "Outputs:\n    token: secret\n\nResources:\n    + 3 created\n\nDuration: 4s\n"
    )
    shown = "\n".join(rehearsal_stack.summary(output))
    assert "a note" in shown
    assert "+ 3 created" in shown
    assert "token" not in shown
    assert "a creating" not in shown


NAME = f"{BASE}/locations/{REGION}/functions/send"
ANSWERS: dict[str, Any] = {
    BASE: {"projectId": "crm", "projectNumber": "7"},
    FUNCTIONS: {"functions": [{"name": NAME, "environment": "GEN_2", "serviceConfig": {"service": "s"}}]},
    SECRETS: {"secrets": named(["projects/7/secrets/KEY"])},
}


def test_what_may_not_be_read_is_named() -> None:
    answers = {
        **ANSWERS,
        INDEXES: DENIED,
        f"{BASE}/databases/(default)": {"name": f"{BASE}/databases/(default)"},
    }
    answers |= {f"{BASE}/secrets/KEY/versions": DENIED, "s:getIamPolicy": DENIED, "b": OFF}
    copy, denied = google_copy.read(Project(answers), "crm", "(default)", [REGION])
    assert sorted(denied) == [
        "Firestore indexes (no right to read)",
        "IAM policy of s (no right to read)",
        "versions of the secret KEY (no right to read)",
    ]
    assert copy["buckets"] == [], "behind an API that is off, nothing exists"
    assert [one["product"] for one in copy["objects"]] == ["cloudfunctions", "firestore", "secretmanager"]


def test_each_list_is_read_once() -> None:
    api = Project(ANSWERS)
    google_copy.read(api, "crm", "(default)", [REGION])
    assert len(api.called) == len(set(api.called))


def test_without_the_sandbox_the_command_says_what_to_install(project: Path) -> None:
    with pytest.raises(stack.StackError, match="fix: make setup"):
        rehearse.rehearse(Options(stack="prod"))


def test_a_sandbox_that_does_not_start_is_an_error(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(subprocess, "Popen", _ends_at_once)
    with (
        pytest.raises(stack.StackError, match="did not start"),
        rehearse._sandbox(tmp_path / "root", {}),
    ):
        pass


_POPEN = subprocess.Popen


def _ends_at_once(_command: list[str], **options: Any) -> subprocess.Popen[Any]:
    return _POPEN([sys.executable, "-c", "import sys; sys.exit(1)"], **options)
