"""Section F of the runbook: the acceptance tests, which need two phones and a client.

No program can send from a customer's phone. What `python -m ops accept` recorded counts if it was about what
is deployed now: what the last `pulumi up` deployed, and no deployment that Railway started since.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from ops.acceptance import deployed, progress
from ops.acceptance.model import Result
from ops.acceptance.model import Verdict as Accepted
from ops.readiness.context import Context
from ops.readiness.findings import failed, needs_a_person, passed, unknown
from ops.readiness.model import Evidence, Finding

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


def accepted(line: str) -> Callable[[Context], Finding]:
    """The check of a line of section F.

    Args:
        line: its id.
    """
    return lambda context: _accepted(line, context)


def _accepted(line: str, context: Context) -> Finding:
    folder = context.folder / progress.FOLDER.name
    shown = os.path.relpath(progress.path(context.stack, folder), context.folder)
    recorded = context.once("acceptance", lambda: progress.read(context.stack, folder))
    if recorded is None:
        return needs_a_person(f"no acceptance of this line is recorded in {shown}", STEPS[line])
    result = recorded.lines.get(line)
    if result is None:
        return needs_a_person(f"{shown} has no result of this line", STEPS[line])
    when = f"{result.at:%Y-%m-%d %H:%M} UTC"
    evidence = (Evidence(asked=f"{shown}: {line}", answer=result.found, at=result.at), *result.evidence)
    if recorded.deployed != deployed.digest(context.spec):
        what = f"it was accepted at {when}, before the last `pulumi up` changed what is deployed"
        return needs_a_person(what, STEPS[line], *evidence)
    running = context.running
    if running is not None and result.at < running.created_at:
        what = f"it was accepted at {when}, before the deployment of {running.created_at:%Y-%m-%d %H:%M} UTC"
        return needs_a_person(what, STEPS[line], *evidence)
    return _verdict(line, result, when, evidence)


def _verdict(line: str, result: Result, when: str, evidence: tuple[Evidence, ...]) -> Finding:
    said, fix = f": {result.found}" if result.found else "", result.fix or STEPS[line]
    if result.verdict is Accepted.PASS:
        return passed(f"accepted at {when}{said}", *evidence)
    if result.verdict is Accepted.FAIL:
        return failed(f"it failed at {when}{said}", fix, *evidence)
    return unknown(f"at {when}{said}", fix, *evidence)
