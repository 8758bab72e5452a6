"""Section F of the runbook: the acceptance tests, which need two phones and a client.

No program can send from a customer's phone. A recorded acceptance of the running deployment counts; one of an
earlier deployment does not. The file is `.acceptance/STACK.json`; other keys of it are not read:

    {"lines": {"F1": {"verdict": "pass", "at": "2026-11-30T12:00:00+00:00", "found": "two threads",
                      "fix": "", "evidence": [{"asked": "...", "answer": "...", "at": "..."}]}}}
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import cast
from urllib.parse import quote

from ops.readiness.context import Context
from ops.readiness.findings import failed, needs_a_person, passed, unknown
from ops.readiness.model import Evidence, Finding, Verdict
from user_errors import shell_word

FOLDER = ".acceptance"

STEPS: Mapping[str, str] = {
    "F1": (
        "Write to two of your WhatsApp accounts from one client's phone. In Firestore there must be two "
        "threads, threads/{accountId}__{clientJid}, each with its own messages only."
    ),
    "F2": "Send a message from a client's phone: it must appear in the open app within seconds.",
    "F3": "Answer in the app: the client must get it, and its status must become sent, delivered, read.",
    "F4": (
        "Have the app extract an event from the thread and save it: clients/{phoneE164} must have its "
        "aggregates."
    ),
    "F5": 'Ask "Cât a cheltuit clientul X?": the answer must agree with the aggregates of the client.',
}
"""What a person does for each line."""


def record(folder: Path, stack: str) -> Path:
    """The file with the recorded acceptance of a stack."""
    return folder / FOLDER / f"{quote(stack, safe='')}.json"


def accepted(line: str) -> Callable[[Context], Finding]:
    """The check of a line of section F.

    Args:
        line: its id.
    """
    return lambda context: _accepted(line, context)


def _accepted(line: str, context: Context) -> Finding:
    file = record(context.folder, context.stack)
    shown = os.path.relpath(file, context.folder)
    try:
        document = cast("Mapping[str, object]", json.loads(file.read_text(encoding="utf-8")))
        recorded = cast("Mapping[str, object]", document["lines"]).get(line)
        if recorded is None:
            return needs_a_person(f"{shown} has no result of this line", STEPS[line])
        found = cast("Mapping[str, object]", recorded)
        verdict, at = Verdict(str(found["verdict"])), datetime.fromisoformat(str(found["at"]))
        said, fix = str(found.get("found") or ""), str(found.get("fix") or STEPS[line])
        evidence = (Evidence(asked=f"{shown}: {line}", answer=said, at=at), *_evidence(found))
        if at.tzinfo is None:
            raise ValueError(at)
    except FileNotFoundError:
        return needs_a_person(f"no acceptance of this line is recorded in {shown}", STEPS[line])
    except (ValueError, TypeError, KeyError, AttributeError):
        return unknown(f"{shown} is not a record of an acceptance", f"rm {shell_word(shown)}")
    when = f"{at:%Y-%m-%d %H:%M} UTC"
    since = context.once("running since", lambda: _running_since(context))
    if since is not None and at < since:
        what = f"it was accepted at {when}, before the running deployment of {since:%Y-%m-%d %H:%M} UTC"
        return needs_a_person(what, STEPS[line], *evidence)
    if verdict is Verdict.PASS:
        return passed(f"accepted at {when}{said and f': {said}'}", *evidence)
    if verdict is Verdict.FAIL:
        return failed(f"it failed at {when}{said and f': {said}'}", fix, *evidence)
    if verdict is Verdict.UNKNOWN:
        return unknown(f"at {when}: {said}", fix, *evidence)
    return needs_a_person(f"at {when}: {verdict.value}", fix, *evidence)


def _evidence(found: Mapping[str, object]) -> list[Evidence]:
    listed = cast("list[Mapping[str, object]]", found.get("evidence") or [])
    return [
        Evidence(
            asked=str(one["asked"]),
            answer=str(one["answer"]),
            at=datetime.fromisoformat(str(one["at"])),
        )
        for one in listed
    ]


def _running_since(context: Context) -> datetime | None:
    running = context.running
    return None if running is None else running.created_at
