"""A random token, generated once: the backend's ADMIN_TOKEN if none is configured.

Runbook: "ADMIN_TOKEN".

Only another `rotation` or `token_bytes` replaces the token. It exists only in the state, where it is secret.

The class path `components.generated_token.GeneratedTokenProvider` is in the state of every stack: renaming
the module or the class breaks existing stacks.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import dynamic
from pulumi.output import contains_unknowns

from user_errors import Provider

SHORTEST_BYTES = 16
FIELDS = ("rotation", "token_bytes")


@dataclass(frozen=True, kw_only=True)
class GeneratedTokenArgs:
    """rotation: any text; another text generates another token. token_bytes: the size before encoding."""

    rotation: str = "1"
    token_bytes: int = 32


class GeneratedTokenProvider(Provider):
    """The provider of `GeneratedToken`."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Reject a token that is short enough to guess."""
        size = news.get("token_bytes")
        failures: list[dynamic.CheckFailure] = []
        if not contains_unknowns(size) and int(size or 0) < SHORTEST_BYTES:
            reason = f"{size} bytes can be guessed; use {SHORTEST_BYTES} or more"
            failures.append(dynamic.CheckFailure("token_bytes", reason))
        return dynamic.CheckResult(news, failures)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        """Every change is a replacement."""
        if contains_unknowns(news):
            return dynamic.DiffResult(changes=True)
        before, after = _normal(olds), _normal(news)
        changed = [key for key in FIELDS if before[key] != after[key]]
        return dynamic.DiffResult(changes=bool(changed), replaces=changed)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Generate the token."""
        fields = _normal(props)
        token = secrets.token_urlsafe(int(fields["token_bytes"]))
        # An id cannot be secret, so it is not derived from the token.
        return dynamic.CreateResult(f"token-{secrets.token_hex(6)}", {**fields, "token": token})

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Return the state: the token is stored nowhere else."""
        return dynamic.ReadResult(id_, {**_normal(props), "token": props["token"]})

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        """Keep the token: Pulumi replaces the outputs by the ones that are returned."""
        return dynamic.UpdateResult({**_normal(news), "token": olds["token"]})


def _normal(props: Mapping[str, Any]) -> dict[str, Any]:
    # Numbers reach a provider as floats.
    return {"rotation": str(props["rotation"]), "token_bytes": int(props["token_bytes"])}


class GeneratedToken(dynamic.Resource, module="components", name="GeneratedToken"):
    """The token as a resource; `token` is a secret output.

    Example:
        token = GeneratedToken("admin-token", GeneratedTokenArgs(rotation="2026-11")).token
    """

    token: pulumi.Output[str]

    def __init__(
        self, name: str, args: GeneratedTokenArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["token"])
        props = {**vars(args), "token": None}
        super().__init__(GeneratedTokenProvider(), name, props, pulumi.ResourceOptions.merge(opts, secret))
