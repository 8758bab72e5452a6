"""How lines become entries of Cloud Logging, and what is kept of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.google.running import log as module
from sandbox.google.running.log import Log
from sandbox.google.running.revisions import Revision

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.sandbox

REVISION = Revision(
    service="projects/p/locations/europe-west1/services/set",
    name="set-00001-sbx",
    function="set",
    digest="d",
    archive=("b", "o"),
    entry_point="set",
    signature="http",
    env=(),
    memory=256,
    timeout=60,
    account="",
    ingress="INGRESS_TRAFFIC_ALL",
)


@pytest.mark.parametrize(
    ("stream", "line", "expected"),
    [
        ("stdout", "hello", {"severity": "DEFAULT", "textPayload": "hello"}),
        ("stderr", "a warning", {"severity": "DEFAULT", "textPayload": "a warning"}),
        ("stderr", "TypeError: x is not a function", {"severity": "ERROR"}),
        ("stderr", "    at run (/app/index.js:3:9)", {"severity": "ERROR"}),
        ("stdout", "Error: only printed", {"severity": "DEFAULT"}),
        ("stdout", '{"message": "m"}', {"severity": "DEFAULT", "textPayload": "m"}),
        (
            "stdout",
            '{"severity": "warning", "message": "m", "n": 1}',
            {"severity": "WARNING", "jsonPayload": {"message": "m", "n": 1}},
        ),
        ("stderr", '{"message": "Error: it broke\\n    at x"}', {"severity": "ERROR"}),
        ("stdout", '{"severity": "LOUD", "message": "m"}', {"severity": "DEFAULT"}),
        ("stdout", '{"time": "2026-01-01T00:00:00Z", "message": "m"}', {"timestamp": "2026-01-01T00:00:00Z"}),
        ("stdout", "{not json", {"textPayload": "{not json"}),
        ("stdout", "[1]", {"textPayload": "[1]"}),
    ],
)
def test_a_line_becomes_an_entry(stream: str, line: str, expected: dict[str, Any]) -> None:
    log = Log(None)
    log.write(REVISION, stream, line, "instance-1")
    (entry,) = log.entries()
    assert {name: entry[name] for name in expected} == expected
    assert entry["labels"]["instanceId"] == "instance-1"
    assert entry["logName"] == f"projects/p/logs/run.googleapis.com%2F{stream}"


@pytest.mark.parametrize(("status", "severity"), [(200, "INFO"), (404, "WARNING"), (503, "ERROR")])
def test_a_request_is_an_entry(status: int, severity: str) -> None:
    log = Log(None)
    log.request(REVISION, method="GET", url="https://x/y", status=status, seconds=0.25)
    (entry,) = log.entries()
    assert (entry["severity"], entry["httpRequest"]["status"]) == (severity, status)
    assert log.lines(REVISION.name, 5) == []


def test_the_newest_entries_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "run" / "functions.log"
    log = Log(file)
    for number in range(5):
        log.write(REVISION, "stdout", f"line {number}", "i")
    assert file.stat().st_mode & 0o077 == 0
    with file.open("a") as out:
        out.write('{"incomplete')
    assert Log(file).lines(REVISION.name, 1) == ["line 4"]
    assert file.read_text().endswith("\n")
    monkeypatch.setattr(module, "KEPT", 3)
    again = Log(file)
    assert again.lines(REVISION.name, 2) == ["line 3", "line 4"]
    again.write(REVISION, "stdout", "line 5", "i")
    kept = [json.loads(line)["textPayload"] for line in file.read_text().splitlines()]
    assert kept == ["line 2", "line 3", "line 4", "line 5"]
