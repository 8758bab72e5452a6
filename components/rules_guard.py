"""Stops a preview if firebase.json no longer names security rules while their release is live.

A release is retained: Pulumi would only remove it from the state (`deleted [retain]`), and the rules would
stay in effect, whatever they allow. The guard's inputs are the releases and their rulesets: `check`, which
the preview calls, compares the recorded releases with the new ones. A guard of before there were several
recorded `release` and `ruleset`.

The class path `components.rules_guard.RulesGuardProvider` is in the state of every stack: renaming the module
or the class breaks existing stacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import dynamic

from components._base import GuardProvider
from settings.keys import NAMESPACE
from user_errors import OR, add_fix

KEY = f"{NAMESPACE}:allowRulesRemoval"


@dataclass(frozen=True, kw_only=True)
class RulesGuardArgs:
    """The arguments of a `RulesGuard`.

    Args:
        project: the project id.
        releases: the full name of the released ruleset, by the release's short name; empty without rules.
        allowed: the setting `allowRulesRemoval`.
    """

    project: str
    releases: Mapping[str, pulumi.Input[str]]
    allowed: bool


class RulesGuardProvider(GuardProvider):
    """The provider of `RulesGuard`."""

    ID = "rules"

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Compare the releases with the recorded ones."""
        declared = news.get("releases") or {}
        removed = {name: one for name, one in _recorded(_olds).items() if name not in declared}
        refused = bool(removed) and not news["allowed"]
        project = str(_olds.get("project"))
        failures = [dynamic.CheckFailure("", _refusal(project, removed))] if refused else []
        return dynamic.CheckResult(news, failures)


class RulesGuard(dynamic.Resource, module="components", name="RulesGuard"):
    """The guard as a resource.

    Example:
        RulesGuard("guard", RulesGuardArgs(
            project="my-crm", releases={"cloud.firestore": release.ruleset_name}, allowed=False), opts)
    """

    def __init__(self, name: str, args: RulesGuardArgs, opts: pulumi.ResourceOptions) -> None:
        super().__init__(RulesGuardProvider(), name, dict(vars(args)), opts)


def _recorded(olds: Mapping[str, Any]) -> dict[str, str]:
    former = olds.get("release")
    recorded: Mapping[str, Any] = olds.get("releases") or ({former: olds.get("ruleset")} if former else {})
    return {name: str(ruleset or "the released ruleset") for name, ruleset in recorded.items()}


def _refusal(project: str, removed: Mapping[str, str]) -> str:
    storage = all(name.startswith("firebase.storage/") for name in removed)
    live = " and ".join(
        f"the release {name} of {project} stays live with {ruleset}"
        for name, ruleset in sorted(removed.items())
    )
    return add_fix(
        f"firebase.json no longer names security rules, but {live}. Clients keep the access that it grants, "
        "and nothing checks these rules any more.",
        f"name the rules in firebase.json again (key `rules` of `{'storage' if storage else 'firestore'}`)\n"
        f"{OR}pulumi config set {KEY} true  # leaves the release as it is\n"
        "After that `pulumi up`:\n"
        f"pulumi config rm {KEY}",
    )
