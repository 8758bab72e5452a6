"""What the drift report leaves out, and what it must not leave out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.__main__ import main
from ops.ci_report import PulumiRun, render
from ops.refresh_noise import without_noise

pytestmark = pytest.mark.unit

HEAD = """\
    ~ gcp:cloudscheduler/job:Job: (refresh)
        [id=projects/p/locations/l/jobs/j]
        [urn=urn:pulumi:prod::whatsapp-crm::gcp:cloudscheduler/job:Job::j]
"""
OUTPUTS = "        --outputs:--\n"
REAL = """\
    ~ pulumi-python:dynamic/railway:ServiceSettings: (refresh)
        [id=e/s]
        --outputs:--
      ~ branch: "main" => "other"
    ~ pulumi-python:dynamic/railway:ServiceSettings: (update)
        [id=e/s]
      ~ branch: "other" => "main"
"""
NOISE = {
    "no property at all": HEAD,
    "an etag": HEAD + OUTPUTS + '      ~ etag: "BwA=" => "BwB="\n',
    "the time from which a database can be read": HEAD
    + OUTPUTS
    + '      ~ earliestVersionTime: "2026-11-30T13:19:11Z" => "2026-11-30T13:20:01Z"\n',
    "when an imported version was created": HEAD + OUTPUTS + '      + createTime: "2026-11-30T13:51:50Z"\n',
    "an etag of a protected resource": HEAD.replace("(refresh)", "(refresh) 🔒")
    + OUTPUTS
    + '      ~ etag: "BwA=" => "BwB="\n',
    "empty maps": HEAD + OUTPUTS + "      + annotations: {}\n      + labels     : {}\n",
    "an empty map in an object": HEAD
    + OUTPUTS
    + "      ~ httpTarget: {\n          + headers: {}\n        }\n",
    "an etag in color": HEAD.replace("~", "\x1b[33m~")
    + OUTPUTS
    + '      \x1b[33m~ etag: "a" => "b"\x1b[0m\n',
}
DRIFT = {
    "a value": HEAD + OUTPUTS + '      ~ schedule: "every 1 hours" => "every 2 hours"\n',
    "a map with content": HEAD + OUTPUTS + '      + labels: {\n          + team: "sales"\n        }\n',
    "a value beside an etag": HEAD + OUTPUTS + '      ~ etag: "a" => "b"\n      - description: "d"\n',
    "another time of creation": HEAD + OUTPUTS + '      ~ createTime: "2026-11-30" => "2026-12-01"\n',
    "a line of a text": HEAD + OUTPUTS + "      ~ content: {\n        + allow read;\n        }\n",
}


def shown(text: str) -> str:
    return "".join(without_noise(text.splitlines(keepends=True)))


@pytest.mark.parametrize("block", NOISE.values(), ids=NOISE)
def test_a_block_that_no_program_can_change_is_left_out(block: str) -> None:
    around = "Previewing update (prod):\n  pulumi:pulumi:Stack: (same)\n"
    end = "Resources:\n    105 unchanged\n"
    assert shown(around + block + REAL + block + end) == around + REAL + end


@pytest.mark.parametrize("block", DRIFT.values(), ids=DRIFT)
def test_a_block_with_a_difference_stays(block: str) -> None:
    assert shown(block + REAL + block) == block + REAL + block


def test_a_deleted_resource_stays() -> None:
    gone = HEAD.replace("~ gcp", "- gcp").replace("(refresh)", "(delete)")
    assert shown(gone) == gone


def test_the_nightly_report_leaves_it_out() -> None:
    run = PulumiRun(operation="drift", stack="prod", code=7, text=NOISE["an etag"] + REAL)
    report = render(run, limit=65_000, environ={})
    assert "etag" not in report
    assert "branch" in report


def test_the_command_shows_the_report_and_ends_with_pulumis_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report").write_text(NOISE["an etag"] + REAL)
    pulumi = tmp_path / "pulumi"
    exported = 'case "$1" in stack) echo "{\\"deployment\\": {}}"; exit;; esac'
    pulumi.write_text(f'#!/bin/sh\n{exported}\necho "$@"\ncat {tmp_path}/report\nexit 7\n')
    pulumi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert main(["drift", "--stack", "prod"]) == 7
    first, _, rest = capsys.readouterr().out.partition("\n")
    assert first.startswith("preview --stack prod --refresh --run-program --expect-no-changes --diff")
    assert rest == REAL


def test_the_command_names_what_to_install_without_pulumi(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["drift", "--stack", "prod"]) == 2
    assert "fix: install the Pulumi CLI" in capsys.readouterr().err
