"""Stops `pulumi destroy` of a stack that holds the WhatsApp sessions, before anything is deleted.

Pulumi checks `protect` only when it reaches the protected resource. By then the functions, secrets and
indexes are deleted. The guard depends on all components, so it is deleted first, and its deletion fails.

Its deletion fails unless an environment variable names the stack and the volume is no longer protected
in the state, which it reads with the Pulumi CLI; `--ignore-protect` has no effect on it. It does not check
what `pulumi up` deletes: the preview shows that.

The class path `components.destroy_guard.DestroyGuardProvider` is in the state of every stack:
renaming the module or the class breaks existing stacks.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import dynamic
from pulumi.output import contains_unknowns

from components._base import Component
from user_errors import Provider, UserError, add_fix

ALLOW = "CRM_ALLOW_DESTROY"
FIELDS = ("stack", "stack_path", "volume_id", "volume_urn")
_SECONDS = 120


class DestroyRefusedError(UserError):
    """The stack holds the volume, and its destruction is not allowed."""

    def __init__(self, props: Mapping[str, str]) -> None:
        stack = props["stack"]
        what = (
            f"Nothing was deleted. The stack {stack} holds the railway:Volume {props['volume_id']}, and its "
            "WhatsApp sessions must not be lost by accident: the volume must be unprotected, and the "
            "stack's destruction confirmed."
        )
        fix = (
            "to destroy the stack, back up the volume in Railway's dashboard, then run:\n"
            f"pulumi state unprotect '{props['volume_urn']}' --stack {stack} --yes\n"
            f"{ALLOW}={stack} pulumi destroy --stack {stack}\n"
            "The volume and its project stay on Railway. If nobody needs them, delete them in the dashboard."
        )
        super().__init__(add_fix(what, fix))


class StateUnreadableError(UserError):
    """It is not known whether the volume is protected."""

    def __init__(self, command: Sequence[str], reason: str) -> None:
        what = (
            f"Nothing was deleted. `{shlex.join(command)}`, which shows whether the volume is protected, "
            f"failed: {reason}"
        )
        super().__init__(add_fix(what, "remove the cause shown above, then run `pulumi destroy` again"))


def is_protected(stack_path: str, urn: str) -> bool:
    """Return whether a resource is protected in the state of a stack.

    Args:
        stack_path: "organization/project/stack".
        urn: the resource's URN.

    Raises:
        StateUnreadableError: the Pulumi CLI could not read the state.
    """
    command = ["pulumi", "stack", "export", "--stack", stack_path, "--non-interactive"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StateUnreadableError(command, str(error)) from None
    if done.returncode != 0:
        raise StateUnreadableError(command, done.stderr.strip())
    resources = json.loads(done.stdout)["deployment"].get("resources") or []
    return any(resource["urn"] == urn and resource.get("protect") is True for resource in resources)


class DestroyGuardProvider(Provider):
    """The provider of `DestroyGuard`."""

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        """Another volume is an update: a replacement would delete the guard."""
        changed = any(contains_unknowns(news.get(key)) or olds.get(key) != news.get(key) for key in FIELDS)
        return dynamic.DiffResult(changes=changed, replaces=[])

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Only record it in the state."""
        return dynamic.CreateResult(f"guard-of-{props['stack']}", {key: props[key] for key in FIELDS})

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Return the state."""
        return dynamic.ReadResult(id_, {key: props[key] for key in FIELDS})

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        """Record the other volume."""
        return dynamic.UpdateResult({key: news[key] for key in FIELDS})

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Fail, unless the environment names the stack and the volume is not protected.

        Raises:
            DestroyRefusedError: CRM_ALLOW_DESTROY is not the stack's name, or the volume is protected.
            StateUnreadableError: the state could not be read.
        """
        if os.environ.get(ALLOW) != props["stack"] or is_protected(props["stack_path"], props["volume_urn"]):
            raise DestroyRefusedError(props)


class DestroyGuard(dynamic.Resource, module="components", name="DestroyGuard"):
    """The guard as a resource, with the inputs `FIELDS`.

    Example:
        props = {"stack": "prod", "stack_path": "acme/crm/prod"}
        props |= {"volume_id": volume.id, "volume_urn": volume.urn}
        DestroyGuard("guard", props, pulumi.ResourceOptions(depends_on=[backend, functions]))
    """

    def __init__(self, name: str, props: dict[str, pulumi.Input[str]], opts: pulumi.ResourceOptions) -> None:
        super().__init__(DestroyGuardProvider(), name, {key: props[key] for key in FIELDS}, opts)


@dataclass(frozen=True, kw_only=True)
class GuardArgs:
    """stack: its name. volume: the protected volume. components: all others, which are deleted later."""

    stack: str
    volume: pulumi.CustomResource
    components: Sequence[pulumi.Resource]


class Guard(Component):
    """The guard of a stack.

    Example:
        Guard("guard", GuardArgs(stack="prod", volume=backend.volume, components=[backend, functions]))
    """

    def __init__(self, name: str, args: GuardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        DestroyGuard(
            f"{name}-destroy",
            {
                "stack": args.stack,
                "stack_path": "/".join((pulumi.get_organization(), pulumi.get_project(), args.stack)),
                "volume_id": args.volume.id,
                "volume_urn": args.volume.urn,
            },
            self.child(depends_on=list(args.components)),
        )
        self.register_outputs({})
