"""What stands before `pulumi destroy`: the refusal to take a stack apart that holds the WhatsApp sessions.

Pulumi checks `protect` only when it comes to the protected resource, and deletes in the order of
dependence: by the time it is refused the volume, functions, secrets and indexes are gone. So one resource
depends on all others, which makes it the first to be deleted, and refuses before anything else is touched.

It refuses always, unless the environment names the stack; the message says how. It guards nothing else:
what a `pulumi up` deletes is in its preview.

The class path `components.guard.DestroyGuardProvider` is written into every stack's state: renaming the
module or the class breaks existing stacks.
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
from user_errors import UserError, report_user_errors_without_traceback

ALLOW = "CRM_ALLOW_DESTROY"
FIELDS = ("stack", "volume_id", "volume_urn")


class DestroyRefusedError(UserError):
    """The stack holds the volume and nobody said that it may go."""

    def __init__(self, stack: str, volume_id: str, volume_urn: str) -> None:
        super().__init__(
            f"Refused: nothing was deleted. The stack {stack} holds the railway:Volume {volume_id}, which is "
            "protected: the WhatsApp sessions on it cannot be made again without every customer's phone. To "
            "really do it, take a backup of the volume in Railway's dashboard, then run\n"
            f"    pulumi state unprotect '{volume_urn}'\n"
            f"    {ALLOW}={stack} pulumi destroy --stack {stack}\n"
            "The volume itself stays on Railway even then; it is deleted in the dashboard."
        )


class DestroyGuardProvider(dynamic.ResourceProvider):
    """The refusal; see the module. It holds no state, so its pickle is its name."""

    serialize_as_secret_always = False  # the pickle is a module path: nothing to hide

    def configure(self, req: dynamic.ConfigureRequest) -> None:
        """The refusal is read by a person."""
        del req
        report_user_errors_without_traceback()

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        """Another volume is another text, never another guard: a replacement would be a deletion."""
        changed = any(contains_unknowns(news.get(key)) or olds.get(key) != news.get(key) for key in FIELDS)
        return dynamic.DiffResult(changes=changed, replaces=[])

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Nothing is made anywhere; the state is where it stands."""
        return dynamic.CreateResult(f"guard-of-{props['stack']}", {key: props[key] for key in FIELDS})

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """It is where the state says."""
        return dynamic.ReadResult(id_, {key: props[key] for key in FIELDS})

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        """Remember the other volume."""
        return dynamic.UpdateResult({key: news[key] for key in FIELDS})

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Refuse, unless the environment names the stack.

        Raises:
            DestroyRefusedError: always, but for that.
        """
        if os.environ.get(ALLOW) != props["stack"]:
            raise DestroyRefusedError(props["stack"], props["volume_id"], props["volume_urn"])


class DestroyGuard(dynamic.Resource, module="platform", name="DestroyGuard"):
    """The guard as a resource."""

    def __init__(self, name: str, props: dict[str, pulumi.Input[str]], opts: pulumi.ResourceOptions) -> None:
        super().__init__(DestroyGuardProvider(), name, {key: props[key] for key in FIELDS}, opts)


@dataclass(frozen=True, kw_only=True)
class GuardArgs:
    """volume: what must not be lost. everything: all components of the stack, so that the guard goes
    first."""

    stack: str
    volume: pulumi.CustomResource
    everything: Sequence[pulumi.Resource]


class Guard(Component):
    """The guard of a stack."""

    def __init__(self, name: str, args: GuardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        DestroyGuard(
            f"{name}-destroy",
            {"stack": args.stack, "volume_id": args.volume.id, "volume_urn": args.volume.urn},
            self.child(depends_on=list(args.everything)),
        )
        self.register_outputs({})
