"""Values of secrets that exist only in Secret Manager, as config of the stack.

Which secrets the functions bind is in the manifest that the functions' SDK writes, so that this works before
the first preview, which stops at a secret without a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from checkout import app
from checkout.trigger_kinds import BLOCKING_EVENTS, TRIGGERS, kind_of_event
from ops import stack_file
from ops.adopt.live import CountedApi, Live
from ops.adopt.proposals import Proposal
from ops.stack import StackError
from settings.parsing import mapping, sequence
from settings.problems import render


@dataclass(frozen=True)
class Needed:
    """A Google project, and the secrets that functions bind and the config lacks."""

    project: str
    names: list[str]


def needed(name: str) -> Needed:
    """Load the functions of a stack's app.

    Raises:
        StackError: the settings or the app cannot be read.
    """
    settings, problems = stack_file.load(name)
    if settings is None:
        raise StackError(render(problems), f"correct {stack_file.name_of(name)}")
    loaded, problems, _ = app.load_code(settings)
    if problems:
        raise StackError(render(problems), "correct these, then run the command again")
    configured = {*settings.secrets.names, settings.secrets.backend_url_variable}
    names = {found for one in loaded for found in bound(one.discovered.manifest)}
    return Needed(settings.google.project, sorted(names - configured))


def missing(name: str, api: CountedApi) -> tuple[list[Proposal], list[str]]:
    """The bound secrets that the config lacks and Secret Manager has, and the names of the others.

    Args:
        name: the stack.
        api: the client.

    Raises:
        StackError: the settings or the app cannot be read.
        GoogleError: Secret Manager could not be read.
    """
    wanted = needed(name)
    names = wanted.names
    live = Live(api, wanted.project)
    values = live.newest_values(one for one in names if one in live.secrets)
    found = [
        Proposal(
            key="secrets",
            part=f".{one}",
            value=value[1],
            secret=True,
            reason=f"the value of version {value[0].rpartition('/')[2]} in Secret Manager",
        )
        for one, value in values.items()
        if value is not None
    ]
    taken = {one.part[1:] for one in found}
    return found, [one for one in names if one not in taken]


def bound(manifest: Mapping[str, Any]) -> Iterator[str]:
    """The names of the secrets that the functions of a manifest bind.

    Without those of functions that the program does not deploy (`unmanagedFunctions`): with a secret in the
    config, only functions of the program could read it.
    """
    for endpoint in (mapping(manifest.get("endpoints")) or {}).values():
        entry = mapping(endpoint) or {}
        if not _is_deployed(entry):
            continue
        for use in sequence(entry.get("secretEnvironmentVariables")) or ():
            fields = mapping(use) or {}
            yield str(fields.get("secret") or fields.get("key"))


def _is_deployed(entry: Mapping[str, object]) -> bool:
    event, blocking = mapping(entry.get("eventTrigger")), mapping(entry.get("blockingTrigger"))
    return (
        entry.get("platform", "gcfv2") == "gcfv2"
        and all(kind.longest_timeout for key, kind in TRIGGERS.items() if key in entry)
        and (blocking is None or blocking.get("eventType") in BLOCKING_EVENTS)
        and (event is None or bool(kind_of_event(str(event.get("eventType"))).longest_timeout))
    )
