"""Blocking functions of Firebase Auth: which event each handles, and whose credentials it gets.

Auth calls one function for each event of a project (Identity Platform API, `BlockingFunctionsConfig`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from checkout.endpoints import BlockingTrigger, Endpoint
from checkout.function_options import Options
from checkout.trigger_kinds import BLOCKING_EVENTS
from settings.parsing import mapping
from settings.problems import Problem

KEYS = ("eventType", "options")
CREDENTIALS = ("accessToken", "idToken", "refreshToken")
LABELS = {
    "beforeCreate": "before-create",
    "beforeSignIn": "before-sign-in",
    "beforeSendEmail": "before-send-email",
    "beforeSendSms": "before-send-sms",
}
"""By event: the value of the label `deployment-blocking` (firebase-tools 15.34, `functions/constants`)."""


def read(
    name: str, body: Mapping[str, object], options: Options, add: Callable[[str, str], None]
) -> BlockingTrigger:
    """The trigger.

    Args:
        name: the function.
        body: `blockingTrigger` of the manifest, with an event of Auth.
        options: evaluates expressions.
        add: takes a problem and its fix.
    """
    given = mapping(body.get("options")) or {}
    for key in given:
        if key not in CREDENTIALS:
            add(f'{name}: "{key}" of blockingTrigger.options is not known to this program.', f"Remove {key}.")
    wanted = [key for key in CREDENTIALS if options.boolean_of(given.get(key), key) is True]
    event = BLOCKING_EVENTS[str(options.resolved(body.get("eventType")))]
    return BlockingTrigger(event=event, credentials=tuple(wanted))


def duplicates(endpoints: Iterable[Endpoint]) -> list[Problem]:
    """A problem for each event with more than one function."""
    users: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        if isinstance(endpoint.trigger, BlockingTrigger):
            users.setdefault(endpoint.trigger.event, []).append(endpoint)
    problems: list[Problem] = []
    for event, found in sorted(users.items()):
        if len(found) > 1:
            names = " and ".join(f"{one.region}/{one.id}" for one in found)
            what = f"{names} handle {event}, but Auth calls one function for each event."
            fix = f"Keep one of them, in one region: {found[0].id}"
            problems.append(Problem(key="firebase.json", what=what, fix=fix))
    return problems
