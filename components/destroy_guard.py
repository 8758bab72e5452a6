"""Stops `pulumi destroy` of a stack that holds the WhatsApp sessions, before anything is deleted.

Pulumi checks `protect` only when it reaches the protected resource. By then the functions, secrets and
indexes are deleted. The guard depends on all components, so it is deleted first, and its deletion fails.

Refuses to be deleted unless an environment variable names the stack; the error says how. It does not check
what `pulumi up` deletes: the preview shows that.

The class path `components.destroy_guard.DestroyGuardProvider` is in the state of every stack:
renaming the module or the class breaks existing stacks.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import dynamic
from pulumi.output import contains_unknowns

from components._base import Component
from user_errors import Provider, UserError

ALLOW = "CRM_ALLOW_DESTROY"
FIELDS = ("stack", "volume_id", "volume_urn")


class DestroyRefusedError(UserError):
    """The stack holds the volume, and the environment does not allow its destruction."""

    def __init__(self, stack: str, volume_id: str, volume_urn: str) -> None:
        super().__init__(
            f"Nothing was deleted. The stack {stack} holds the railway:Volume {volume_id}, which is "
            "protected: its WhatsApp sessions cannot be restored without every customer's phone.\n"
            "  fix: to destroy the stack, back up the volume in Railway's dashboard, then run\n"
            f"    pulumi state unprotect '{volume_urn}'\n"
            f"    {ALLOW}={stack} pulumi destroy --stack {stack}\n"
            "  The volume itself is kept on Railway; delete it in the dashboard."
        )


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
        """Fail, unless the environment names the stack.

        Raises:
            DestroyRefusedError: CRM_ALLOW_DESTROY is not the stack's name.
        """
        if os.environ.get(ALLOW) != props["stack"]:
            raise DestroyRefusedError(props["stack"], props["volume_id"], props["volume_urn"])


class DestroyGuard(dynamic.Resource, module="components", name="DestroyGuard"):
    """The guard as a resource."""

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
            {"stack": args.stack, "volume_id": args.volume.id, "volume_urn": args.volume.urn},
            self.child(depends_on=list(args.components)),
        )
        self.register_outputs({})
