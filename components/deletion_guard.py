"""Stops a preview that would delete functions that were not removed from the code.

Code that was not compiled, or that a condition no longer exports, loads without an error and has fewer
functions; `pulumi up` would delete the others, and their callers would get errors. The guard's inputs are the
functions that the stack has: `check`, which the preview calls, compares the recorded ones with the new ones.

Refused unless `allowFunctionDeletion` is true:

- the deletion of a third of the functions, or more;
- in production, the deletion of a function that the source still mentions as often as before.

Always refused: the deletion of a function that the stack has deployed and that is now one of
`unmanagedFunctions`. It is to stay as it is, so it must leave the state first.

The class path `components.deletion_guard.DeletionGuardProvider` is in the state of every stack: renaming the
module or the class breaks existing stacks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from pulumi import dynamic

from checkout import function_mentions
from components._base import GuardProvider
from settings.files import shown_names
from settings.keys import NAMESPACE
from user_errors import add_fix

_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class DeletionGuardArgs:
    """The arguments of a `DeletionGuard`.

    Args:
        functions: the ids of all functions.
        sources: the codebases, each `{"folder": path, "compiled": [paths]}`. Paths are relative to the
            program's folder, because other machines use the state.
        production: whether the stack is production.
        allowed: the setting `allowFunctionDeletion`.
        unmanaged: the functions that are left as they are; for each, the commands after which the stack has
            forgotten it, and this guard too.
    """

    functions: Sequence[str]
    sources: Sequence[Mapping[str, Any]]
    production: bool
    allowed: bool
    unmanaged: Mapping[str, Sequence[str]] = field(default_factory=dict)


class DeletionGuardProvider(GuardProvider):
    """The provider of `DeletionGuard`."""

    ID = "functions"

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Compare the functions with the recorded ones, and record how often the source mentions each."""
        before: dict[str, Any] = dict(_olds.get("mentions") or {})
        functions: list[str] = list(news["functions"])
        gone = sorted(set(before) - set(functions))
        mentions = _mentions({*functions, *gone}, news["sources"])
        inputs = {**news, "mentions": {name: mentions[name] for name in functions}}
        unmanaged: dict[str, list[str]] = dict(news.get("unmanaged") or {})
        if left := [name for name in gone if name in unmanaged]:
            return dynamic.CheckResult(inputs, [dynamic.CheckFailure("", _still_deployed(left, unmanaged))])
        if not gone or news["allowed"]:
            return dynamic.CheckResult(inputs, [])
        kept = [name for name in gone if mentions[name] >= int(before[name])]
        if 3 * len(gone) >= len(before):
            what = f"pulumi up would delete {len(gone)} of {len(before)} functions, a third or more"
            reason = _refusal(gone, what)
        elif news["production"] and kept:
            names = "their names" if len(kept) == len(gone) else f"the names of {len(kept)} of them"
            names = "its name" if len(gone) == 1 else names
            what = f"pulumi up would delete {len(gone)} of {len(before)} functions, but the source still"
            reason = _refusal(kept, f"{what} contains {names}")
        else:
            return dynamic.CheckResult(inputs, [])
        return dynamic.CheckResult(inputs, [dynamic.CheckFailure("", reason)])


class DeletionGuard(dynamic.Resource, module="components", name="DeletionGuard"):
    """The guard as a resource.

    Example:
        DeletionGuard("deletion", DeletionGuardArgs(functions=["ask"], sources=[{"folder": "app/functions",
                      "compiled": []}], production=True, allowed=False), opts)
    """

    def __init__(self, name: str, args: DeletionGuardArgs, opts: pulumi.ResourceOptions) -> None:
        super().__init__(DeletionGuardProvider(), name, dict(vars(args)), opts)


def _mentions(functions: set[str], sources: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    total = dict.fromkeys(functions, 0)
    for source in sources:
        compiled = [Path(folder) for folder in source["compiled"]]
        for name, number in function_mentions.count(functions, Path(source["folder"]), compiled).items():
            total[name] += number
    return total


def _still_deployed(names: Sequence[str], commands: Mapping[str, Sequence[str]]) -> str:
    needed = dict.fromkeys(command for name in names for command in commands[name])
    return add_fix(
        f"{', '.join(names)}: to be left as it is ({NAMESPACE}:unmanagedFunctions), but this stack has "
        "deployed it, and `pulumi up` would delete it.",
        "\n".join(["remove it from the state, which changes nothing on Google:", *needed]),
    )


def _refusal(names: Sequence[str], what: str) -> str:
    return add_fix(
        f"{what}: {shown_names(names, _SHOWN)}.",
        "build the code and check the warnings about exports. If the deletion is intended:\n"
        f"pulumi config set {NAMESPACE}:allowFunctionDeletion true\n"
        "After that `pulumi up`:\n"
        f"pulumi config rm {NAMESPACE}:allowFunctionDeletion",
    )
