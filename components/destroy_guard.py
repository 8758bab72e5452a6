"""Stops `pulumi destroy` of a stack that holds the production's data, before anything is deleted.

Pulumi checks `protect` only when it reaches the protected resource. By then the functions, secrets and
indexes are deleted. The guard depends on all components, so it is deleted first, and its deletion fails.

Its deletion fails unless an environment variable names the stack, and neither the volume nor the database is
protected in the state, which it reads with the Pulumi CLI; `--ignore-protect` has no effect on it. It does
not check what `pulumi up` deletes: the preview shows that.

The class path `components.destroy_guard.DestroyGuardProvider` is in the state of every stack:
renaming the module or the class breaks existing stacks.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import dynamic
from pulumi.output import contains_unknowns

from components._base import Component
from user_errors import Provider, UserError, add_fix

ALLOW = "CRM_ALLOW_DESTROY"
FIELDS = ("stack", "stack_path", "volume_id", "volume_urn", "database_id", "database_urn")
PROTECTED = ("volume_urn", "database_urn")
_SECONDS = 120


class DestroyRefusedError(UserError):
    """The stack holds the volume and the database, and its destruction is not allowed."""

    def __init__(self, props: Mapping[str, str]) -> None:
        stack, urns = props["stack"], " ".join(f"'{props[field]}'" for field in PROTECTED)
        what = (
            f"Nothing was deleted. The stack {stack} holds the railway:Volume {props['volume_id']} and the "
            f"Firestore database {props['database_id']}, and their data must not be lost by accident: both "
            "must be unprotected, and the stack's destruction confirmed."
        )
        fix = (
            "to destroy the stack, back up the volume in Railway's dashboard, then run:\n"
            f"pulumi state unprotect {urns} --stack {stack} --yes\n"
            f"{ALLOW}={stack} pulumi destroy --stack {stack}\n"
            "The volume and its project stay on Railway, the database on Google. If nobody needs them, "
            "delete them there."
        )
        super().__init__(add_fix(what, fix))


class StateUnreadableError(UserError):
    """It is not known whether volume and database are protected."""

    def __init__(self, command: Sequence[str], reason: str) -> None:
        what = (
            f"Nothing was deleted. `{shlex.join(command)}`, which shows whether volume and database are "
            f"protected, failed: {reason}"
        )
        super().__init__(add_fix(what, "remove the cause shown above, then run `pulumi destroy` again"))


def any_protected(stack_path: str, urns: Collection[str]) -> bool:
    """Return whether one of some resources is protected in the state of a stack.

    Args:
        stack_path: "organization/project/stack".
        urns: the URNs of the resources.

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
    return any(resource["urn"] in urns and resource.get("protect") is True for resource in resources)


class DestroyGuardProvider(Provider):
    """The provider of `DestroyGuard`."""

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        """Another volume or database is an update: a replacement would delete the guard."""
        changed = any(contains_unknowns(news.get(key)) or olds.get(key) != news.get(key) for key in FIELDS)
        return dynamic.DiffResult(changes=changed, replaces=[])

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Only record it in the state."""
        return dynamic.CreateResult(f"guard-of-{props['stack']}", {key: props[key] for key in FIELDS})

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Return the state."""
        return dynamic.ReadResult(id_, {key: props[key] for key in FIELDS})

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        """Record them."""
        return dynamic.UpdateResult({key: news[key] for key in FIELDS})

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Fail, unless the environment names the stack, and neither volume nor database is protected.

        Raises:
            DestroyRefusedError: CRM_ALLOW_DESTROY is not the stack's name, or one of them is protected.
            StateUnreadableError: the state could not be read.
        """
        urns = [props[field] for field in PROTECTED]
        if os.environ.get(ALLOW) != props["stack"] or any_protected(props["stack_path"], urns):
            raise DestroyRefusedError(props)


class DestroyGuard(dynamic.Resource, module="components", name="DestroyGuard"):
    """The guard as a resource, with the inputs `FIELDS`.

    Example:
        props = {"stack": "prod", "stack_path": "acme/crm/prod"}
        props |= {"volume_id": volume.id, "volume_urn": volume.urn}
        props |= {"database_id": database.id, "database_urn": database.urn}
        DestroyGuard("guard", props, pulumi.ResourceOptions(depends_on=[backend, functions]))
    """

    def __init__(self, name: str, props: dict[str, pulumi.Input[str]], opts: pulumi.ResourceOptions) -> None:
        super().__init__(DestroyGuardProvider(), name, {key: props[key] for key in FIELDS}, opts)


@dataclass(frozen=True, kw_only=True)
class GuardArgs:
    """stack: its name. volume, database: what is protected. components: all others, deleted later."""

    stack: str
    volume: pulumi.CustomResource
    database: pulumi.CustomResource
    components: Sequence[pulumi.Resource]


class Guard(Component):
    """The guard of a stack.

    Example:
        Guard("guard", GuardArgs(stack="prod", volume=backend.volume,
              database=database.database, components=[backend, functions]))
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
                "database_id": args.database.id,
                "database_urn": args.database.urn,
            },
            self.child(depends_on=list(args.components)),
        )
        self.register_outputs({})
