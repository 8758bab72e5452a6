"""The end of `pulumi up`: the lines of the runbook that need no person, checked on what is deployed now.

They are reported and do not fail the `up`. What an `up` promises is in `ops.verify`, which has passed by
then; a line such as "there is a recent backup" is about production and not about what was deployed, and an
`up` that fails because of it could not deliver a correction either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from checkout.flutter.check import find_app
from components.verification_spec import Spec
from firebase.rest import GoogleApi
from ops import stack
from ops.readiness import declared, run, waivers
from ops.readiness.command import settings_of
from ops.readiness.context import Context
from ops.readiness.findings import passed
from ops.readiness.lines import LINES
from ops.readiness.model import Finding, Line, Outcome
from settings.model import Settings
from user_errors import UserError, add_fix, printable, shell_word

NOT_YET = {
    "A4": "the checks of the commit may include the one that runs this",
    "B7": "the state is complete when the up has ended",
    "B9": "the state is complete when the up has ended",
    "E7": "it takes minutes",
    "G5": "it is about all lines",
}
"""Lines that an `up` cannot judge, or not yet; those of section F need a person."""

VERIFIED = {"B2", "B3", "B6", "D3"}
VERIFIED_RULES = {"B4", "B5"}
"""Lines that `ops.verify` has just decided."""


def report(spec: Spec, google: GoogleApi, environ: Mapping[str, str]) -> Iterator[str]:
    """What is not ready, and how many lines were checked, as lines of text.

    Args:
        spec: what was verified, with success.
        google: the client of the verification (`ops.google.Remembering`): what it has read is not read again.
        environ: the environment variables.
    """
    again = f".venv/bin/python -m ops readiness --stack {shell_word(spec.stack)}"
    try:
        found = outcomes(spec, google, environ)
    except (UserError, stack.StackError) as error:
        why, _, _ = str(error).partition("\n")
    except Exception as error:  # noqa: BLE001 - a defect here must not fail an up that succeeded; it is named
        why = f"{type(error).__name__}; open an issue with this line"
    else:
        yield from text(found, again)
        return
    yield printable(add_fix(f"readiness: not checked: {why}", again, "  "))


def outcomes(spec: Spec, google: GoogleApi, environ: Mapping[str, str]) -> list[Outcome]:
    """The lines that can be checked now; see `report`.

    Raises:
        UserError, StackError: the stack's file or its state could not be read.
    """
    settings = settings_of(spec.stack)
    stated = declared.of_state(spec.stack, stack.resources(spec.stack), spec)
    lines = chosen(settings, environ)
    verified = VERIFIED | (VERIFIED_RULES if spec.release and spec.never_delete else set[str]())
    context = Context.on(spec.stack, stated, settings, environ, google)
    asked = [one for one in lines if one.id not in verified]
    found: dict[str, Finding] = run.run(asked, lambda: context, say=lambda _: None)
    found |= {one.id: passed("verified above") for one in lines if one.id in verified}
    given = waivers.read(settings.readiness_waivers)
    return run.outcomes(lines, found, given, stack=spec.stack, today=datetime.now(UTC).date())


def chosen(settings: Settings, environ: Mapping[str, str]) -> list[Line]:
    """The lines that can be checked at the end of an `up`.

    Args:
        settings: section E is left out without a Flutter app in the checkout.
        environ: A1 is left out without a token for GitHub.
    """
    app, _ = find_app(settings.app_dir, settings.flutter_app)
    left = {*NOT_YET, *(set() if environ.get("GITHUB_TOKEN") else {"A1"})}
    sections = {"F", *(set() if app else {"E"})}
    return [one for one in LINES if one.id not in left and one.section not in sections]


def text(outcomes: Sequence[Outcome], again: str) -> Iterator[str]:
    """The lines that are not ready, each with its fix, and the conclusion.

    Args:
        outcomes: the lines that were checked.
        again: the command that checks all lines.
    """
    bad = [one for one in outcomes if not one.verdict.ready and not one.follows]
    for one in bad:
        what = f"readiness: {one.line.id} {one.verdict.value}: {one.finding.found}"
        yield printable(add_fix(what, one.finding.fix, "  "))
    ready = "ready" if not bad else f"not ready: {', '.join(one.line.id for one in bad)}"
    count = f"{len(outcomes)} of the runbook's {len(LINES)} lines were checked"
    yield f"readiness: {count}, {ready}; all of them: {again}"
