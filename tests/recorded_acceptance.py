"""The record that `python -m ops accept` leaves, for tests of what reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from components.verification_spec import Spec
from ops.acceptance import deployed, progress
from ops.acceptance.model import LINES, Evidence, Result, Verdict
from ops.acceptance.progress import Progress


def record(
    folder: Path, spec: Spec, at: datetime, verdicts: Mapping[str, Verdict | None] | None = None
) -> Path:
    """Write the record of a run that tested what a spec describes; returns the file.

    Args:
        folder: that of the program.
        spec: what was deployed.
        at: when each test ended.
        verdicts: those that are not "pass"; None for a line without a result.
    """
    found = dict.fromkeys(LINES, Verdict.PASS) | dict(verdicts or {})
    run = Progress(
        stack=spec.stack,
        project=spec.project,
        run="20261130-120000-7f3a",
        hands="person",
        client="+40700000007",
        accounts=("one", "two"),
        started=at,
        deployed=deployed.digest(spec),
        archived=True,
        lines={name: _result(name, verdict, at) for name, verdict in found.items() if verdict is not None},
    )
    file = progress.path(spec.stack, folder / progress.FOLDER.name)
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(run.document()))
    return file


def _result(name: str, verdict: Verdict, at: datetime) -> Result:
    return Result(
        id=name,
        verdict=verdict,
        at=at,
        by="tester@example.com",
        attempt=1,
        seconds=2.5,
        found="as it should",
        fix="" if verdict is Verdict.PASS else "look at the thread",
        evidence=(Evidence(asked="GET threads", answer="two", at=at),),
    )
