"""Stops a preview if firebase.json no longer names security rules while their release is live.

The release is retained: Pulumi would only remove it from the state (`deleted [retain]`), and the rules would
stay in effect, whatever they allow. The guard's inputs are the release and its ruleset: `check`, which the
preview calls, compares the recorded release with the new one.

The class path `components.rules_guard.RulesGuardProvider` is in the state of every stack: renaming the module
or the class breaks existing stacks.
"""

from __future__ import annotations

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
        release: the release's short name; None for an app without rules.
        ruleset: the full name of the released ruleset; None for an app without rules.
        allowed: the setting `allowRulesRemoval`.
    """

    project: str
    release: str | None
    ruleset: pulumi.Input[str] | None
    allowed: bool


class RulesGuardProvider(GuardProvider):
    """The provider of `RulesGuard`."""

    ID = "rules"

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Compare the release with the recorded one."""
        removed = _olds.get("release") and not news.get("release") and not news["allowed"]
        return dynamic.CheckResult(news, [dynamic.CheckFailure("", _refusal(_olds))] if removed else [])


class RulesGuard(dynamic.Resource, module="components", name="RulesGuard"):
    """The guard as a resource.

    Example:
        RulesGuard("guard", RulesGuardArgs(project="my-crm", release="cloud.firestore",
                   ruleset=release.ruleset_name, allowed=False), opts)
    """

    def __init__(self, name: str, args: RulesGuardArgs, opts: pulumi.ResourceOptions) -> None:
        super().__init__(RulesGuardProvider(), name, dict(vars(args)), opts)


def _refusal(recorded: dict[str, Any]) -> str:
    ruleset = recorded.get("ruleset") or "the released ruleset"
    return add_fix(
        f"firebase.json no longer names security rules, but the release {recorded['release']} of "
        f"{recorded['project']} stays live with {ruleset}. Clients keep the access that it grants, and "
        "nothing checks these rules any more.",
        "name the rules in firebase.json again (key `rules` of `firestore`)\n"
        f"{OR}pulumi config set {KEY} true  # leaves the release as it is\n"
        "After that `pulumi up`:\n"
        f"pulumi config rm {KEY}",
    )
