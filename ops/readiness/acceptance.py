"""Section F of the runbook: the acceptance tests, which need two phones and a client.

No program can send from a customer's phone. What `python -m ops accept` recorded counts, if it is about what
the state says is deployed now (`ops.acceptance.deployed`), and about the deployment that Railway runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from ops.acceptance import deployed, progress
from ops.acceptance.model import Result
from ops.acceptance.model import Verdict as Tested
from ops.acceptance.progress import Progress
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
    to_do = f"{STEPS[line]} The command leads through it:\n{_command(context)}"
    try:
        run = context.once("acceptance", lambda: progress.read(context.stack, folder))
    except progress.ProgressError as error:
        return unknown(error.what, error.fix)
    if run is None:
        return needs_a_person(f"no acceptance is recorded in {shown}", to_do)
    result = run.lines.get(line)
    if result is None:
        return needs_a_person(f"the run {run.run} in {shown} has no result of this line", to_do)
    evidence = (
        Evidence(asked=f"{shown}: {line} of the run {run.run}", answer=result.found, at=result.at),
        *(Evidence(asked=one.asked, answer=one.answer, at=one.at) for one in result.evidence),
    )
    changed = _changed(context, run, result)
    when = f"{result.at:%Y-%m-%d %H:%M} UTC"
    if changed:
        verb = "passed" if result.verdict is Tested.PASS else "was tested"
        found = f"it {verb} at {when} (by {result.by}), and does not count any more: {changed}"
        return needs_a_person(found, to_do, *evidence)
    if result.verdict is Tested.PASS:
        return passed(f"accepted at {when} by {result.by}: {result.found}", *evidence)
    if result.verdict is Tested.FAIL:
        return failed(f"it failed at {when}: {result.found}", result.fix or to_do, *evidence)
    return unknown(f"at {when}: {result.found}", result.fix or to_do, *evidence)


def _changed(context: Context, run: Progress, result: Result) -> str:
    """What is not the same as when the test ran; "" if all is."""
    parts = deployed.changes(run.deployed, deployed.digest(context.spec))
    if parts:
        return f"a later `pulumi up` deployed {', '.join(parts)}"
    running = context.running
    # A push to the branch deploys without an `up`, and the state does not know it.
    if running is not None and running.id != context.spec.deployment and running.created_at > result.at:
        return f"Railway deployed {running.id} at {running.created_at:%Y-%m-%d %H:%M} UTC, without an `up`"
    return ""


def _command(context: Context) -> str:
    return f".venv/bin/python -m ops accept --stack {context.name}"
