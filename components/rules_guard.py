"""Stops a preview in which the security rules leave the program while their release is live.

The release is retained: if firebase.json no longer names rules, Pulumi only forgets it (`deleted [retain]`),
and the rules stay in effect, whatever they allow. The guard's inputs are the release and its ruleset:
`check`, which the preview calls, compares the recorded release with the new one.

The class path `components.rules_guard.RulesGuardProvider` is in the state of every stack: renaming the module
or the class breaks existing stacks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import dynamic

from settings.keys import NAMESPACE
from user_errors import Provider

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


class RulesGuardProvider(Provider):
    """The provider of `RulesGuard`."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Compare the release with the recorded one."""
        gone = _olds.get("release") and not news.get("release") and not news["allowed"]
        return dynamic.CheckResult(news, [dynamic.CheckFailure("", _refusal(_olds))] if gone else [])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Never a change: the engine records the inputs of an unchanged resource too (`SameStep`)."""
        return dynamic.DiffResult(changes=False)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Only record the inputs."""
        del props
        return dynamic.CreateResult("rules", {})

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Return the state."""
        return dynamic.ReadResult(id_, props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Nothing exists outside of the state."""


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
    return (
        f"firebase.json no longer names security rules, but the release {recorded['release']} of "
        f"{recorded['project']} stays live with {ruleset}. Clients keep the access that it grants, and "
        "nothing checks it any more.\n"
        "  fix: name the rules in firebase.json again (firestore.rules). To leave the release as it is:\n"
        f"    pulumi config set {KEY} true\n"
        f"    after the `pulumi up`: pulumi config rm {KEY}"
    )
