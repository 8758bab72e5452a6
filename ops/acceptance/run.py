"""A run of the tests: in order, each result kept at once; then what the run made is marked and archived.

A run with a person that was interrupted or in which a test failed is continued by the next one on the same
deployment: tests that passed are not repeated. Nothing is deleted.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ops.acceptance import (
    conversation,
    progress,
    question,
    receiving,
    recording,
    sending,
    thread_isolation,
)
from ops.acceptance.model import LINES, CannotTellError, Failed, Notes, Result, Verdict, now
from ops.acceptance.progress import Progress
from ops.acceptance.world import Account, App, Hands, Store, World
from settings.acceptance_names import Names
from user_errors import add_fix, printable

STEPS: Mapping[str, Callable[[World, Notes], str]] = {
    "F1": thread_isolation.run,
    "F2": receiving.run,
    "F3": sending.run,
    "F4": recording.run,
    "F5": question.run,
}
Say = Callable[[str], None]
PERSON, LOOPBACK = "person", "loopback"
"""Who holds the client's phone."""


@dataclass(frozen=True, kw_only=True)
class Crm:
    """The CRM of a stack, as all tests of a run see it; the fields are those of `World`.

    Args:
        by: the address of the test user.
    """

    names: Names
    store: Store
    app: App
    hands: Hands
    accounts: tuple[Account, Account]
    by: str
    patience: float
    receive_within: float


def new_run_id() -> str:
    """An id with the time, whose last part is short enough to be typed."""
    return f"{now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def continues(before: Progress | None, fresh: Progress) -> bool:
    """Whether a run goes on with the one before: with a person, on the same deployment, and not finished."""
    if before is None or before.hands != PERSON:
        return False
    passed = [name for name, result in before.lines.items() if result.verdict is Verdict.PASS]
    same = ("project", "hands", "client", "accounts", "deployed")
    return len(passed) < len(LINES) and all(getattr(before, name) == getattr(fresh, name) for name in same)


def check_client(crm: Crm, kept: Progress) -> None:
    """Refuse a client that is not a test client: its conversations and sums would get test data.

    Raises:
        CannotTellError: the phone belongs to a client of the company.
    """
    path = f"{crm.names.clients}/{kept.client}"
    known = crm.store.get(path)
    if known is None or known.get(crm.names.is_test) is True or path in kept.made:
        return
    raise CannotTellError(
        f"{path} is a client of the company, not a test client",
        "Use a phone with another number; its client is then marked as a test:\n"
        f".venv/bin/python -m ops accept --stack {kept.stack} --client '<phone>'",
    )


def run(crm: Crm, kept: Progress, ids: Sequence[str], say: Say) -> None:
    """Run the tests and keep each result.

    Args:
        crm: the CRM.
        kept: the run; it is changed and written.
        ids: the tests, in order.
        say: writes a line for the person who watches.

    Raises:
        OSError: a result could not be written.
    """
    expected = [conversation.thread_of(crm.names, account.id, kept.client) for account in crm.accounts]
    _will_make(kept, [f"{crm.names.clients}/{kept.client}", *expected])
    for name in ids:
        say(f"{name}  {LINES[name]}")
        before = kept.lines.get(name)
        try:
            kept.lines[name] = _result(crm, kept, name, before, say)
        finally:
            _mark(crm, kept, say)  # also after Ctrl-C
        progress.write(kept)
        shown = kept.lines[name]
        text = f"    {shown.verdict.value}: {shown.found}"
        say(printable(add_fix(text, shown.fix, " " * 6) if shown.fix else text))


def _result(crm: Crm, kept: Progress, name: str, before: Result | None, say: Say) -> Result:
    attempt = before.attempt + 1 if before else 1
    world = World(
        names=crm.names,
        store=crm.store,
        app=crm.app,
        hands=crm.hands,
        accounts=crm.accounts,
        client=kept.client,
        run=kept.run,
        attempt=attempt,
        patience=crm.patience,
        receive_within=crm.receive_within,
        made=lambda path: _will_make(kept, [path]),
    )
    notes = Notes(say=lambda line: say(printable(f"    {line}")))
    started, fix = time.monotonic(), ""
    try:
        found, verdict = STEPS[name](world, notes), Verdict.PASS
    except Failed as failure:
        found, fix, verdict = failure.found, failure.fix, Verdict.FAIL
    except CannotTellError as unknown:
        found, fix, verdict = unknown.found, unknown.fix, Verdict.UNKNOWN
    return Result(
        id=name,
        verdict=verdict,
        at=now(),
        by=crm.by,
        attempt=attempt,
        seconds=round(time.monotonic() - started, 2),
        found=printable(found),
        fix=fix,
        evidence=tuple(notes.kept),
    )


def _will_make(kept: Progress, paths: Sequence[str]) -> None:
    """Record documents before they are made: a killed run leaves none that is not known."""
    kept.made += [path for path in paths if path not in kept.made]
    progress.write(kept)


def _mark(crm: Crm, kept: Progress, say: Say) -> None:
    marks = {crm.names.is_test: True, crm.names.test_run: kept.run}
    try:
        for path in kept.made:
            known = crm.store.get(path)
            if known is not None and known.get(crm.names.test_run) != kept.run:
                crm.store.merge(path, marks)
    except CannotTellError as error:
        say(f"    not marked as a test yet: {error.found}")


def archive(names: Names, store: Store, kept: Progress) -> int:
    """Archive what the run made: events, threads and the client; returns the number of documents.

    Raises:
        CannotTellError: the database did not answer; the next run tries again.
        OSError: the result could not be written.
    """
    marks = {names.is_test: True, names.test_run: kept.run, names.is_archived: True}
    count = 0
    for path in reversed(kept.made):  # events first: the client's sums follow from them
        if store.get(path) is not None:
            store.merge(path, marks)
            count += 1
    kept.archived = True
    progress.write(kept)
    return count
