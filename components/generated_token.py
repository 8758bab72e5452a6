"""A random token made once and kept: the backend's ADMIN_TOKEN when nobody gives one.

Runbook: "ADMIN_TOKEN".

It refuses to be made again by accident: nothing but another `rotation` or `token_bytes` replaces it,
`read` keeps what is in the state (there is no server to ask), and the value is secret in the state, always.

The class path `components.generated_token.GeneratedTokenProvider` is written into every stack's state:
renaming the module or the class breaks existing stacks.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import dynamic
from pulumi.output import contains_unknowns

SHORTEST_BYTES = 16
FIELDS = ("rotation", "token_bytes")


@dataclass(frozen=True, kw_only=True)
class GeneratedTokenArgs:
    """rotation: any text; another one makes another token. token_bytes: how much randomness, in bytes."""

    rotation: str = "1"
    token_bytes: int = 32


class GeneratedTokenProvider(dynamic.ResourceProvider):
    """Make the token; see the module. It holds no state, so its pickle is its name."""

    serialize_as_secret_always = False  # the pickle is a module path: nothing to hide

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Refuse a token that could be guessed."""
        size = news.get("token_bytes")
        failures: list[dynamic.CheckFailure] = []
        if not contains_unknowns(size) and int(size or 0) < SHORTEST_BYTES:
            reason = f"{size} bytes can be guessed; use {SHORTEST_BYTES} or more"
            failures.append(dynamic.CheckFailure("token_bytes", reason))
        return dynamic.CheckResult(news, failures)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        """Another rotation is another token."""
        if contains_unknowns(news):
            return dynamic.DiffResult(changes=True)
        before, after = _normal(olds), _normal(news)
        changed = [key for key in FIELDS if before[key] != after[key]]
        return dynamic.DiffResult(changes=bool(changed), replaces=changed)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Make it."""
        wanted = _normal(props)
        token = secrets.token_urlsafe(int(wanted["token_bytes"]))
        # The id is shown everywhere and can never be secret, so it says nothing about the token.
        return dynamic.CreateResult(f"token-{secrets.token_hex(6)}", {**wanted, "token": token})

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Keep it: the state is the only place that knows."""
        return dynamic.ReadResult(id_, {**_normal(props), "token": props["token"]})

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        """Keep the token whatever else is written; without outputs Pulumi would forget it."""
        return dynamic.UpdateResult({**_normal(news), "token": olds["token"]})


def _normal(props: Mapping[str, Any]) -> dict[str, Any]:
    # Numbers reach a provider as floats.
    return {"rotation": str(props["rotation"]), "token_bytes": int(props["token_bytes"])}


class GeneratedToken(dynamic.Resource, module="platform", name="GeneratedToken"):
    """The token as a resource; `token` is a secret output."""

    token: pulumi.Output[str]

    def __init__(
        self, name: str, args: GeneratedTokenArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        hidden = pulumi.ResourceOptions(additional_secret_outputs=["token"])
        super().__init__(
            GeneratedTokenProvider(),
            name,
            {"rotation": args.rotation, "token_bytes": args.token_bytes, "token": None},
            pulumi.ResourceOptions.merge(opts, hidden),
        )
