"""What `ops.adopt.railway` finds in a Railway sandbox, and the state that an import makes of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, cast

from pulumi.dynamic.dynamic import serialize_provider

from components.generated_token import GeneratedTokenProvider
from ops.adopt import railway as adopting
from ops.adopt.model import SECRET, SIGNATURE, UNKNOWN, Row, Verdict
from ops.adopt.model import Declared as DeclaredResource
from ops.adopt.railway import RailwayLook
from railway.graphql.credentials import access_from
from tests.conformance.dynamic_process import Live
from tests.conformance.railway_world import ORDER, PROVIDERS, Declared, Engine, Saved, World

_TYPES = {
    "project": "Project",
    "environment": "Environment",
    "shared": "SharedVariables",
    "service": "Service",
    "volume": "Volume",
    "backups": "VolumeBackupSchedule",
    "variables": "Variables",
    "settings": "ServiceSettings",
    "limits": "ServiceLimits",
    "domain": "ServiceDomain",
    "custom_domain": "CustomDomain",
    "tcp_proxy": "TcpProxy",
    "deployment": "Deployment",
}
_URN = "urn:pulumi:prod::crm::"
TOKEN = f"{_URN}{adopting.TOKEN_TYPE}::token"
_looks = count(1)


class _Unknowns(dict[str, Any]):
    """Outputs that a preview does not know."""

    def __missing__(self, key: str) -> str:
        return UNKNOWN


def plan(
    declared: Declared, recorded: Mapping[str, str], *, token: bool = False, updated: Collection[str] = ()
) -> list[DeclaredResource]:
    """What a preview shows of these resources: no id is known, except those in the state.

    Args:
        declared: what the program declares.
        recorded: the ids of the resources in the state.
        updated: those of them that the `up` changes.
        token: whether it declares a generated token too, as the variable ADMIN_TOKEN.
    """
    if token:
        declared = declared.but(variables={**declared.variables, "ADMIN_TOKEN": UNKNOWN})
    engine = Engine({key: Saved(Live(recorded.get(key, UNKNOWN), _Unknowns()), {}) for key, _ in ORDER})
    for key in [key for key, _ in ORDER if engine.inputs(key, declared) is None]:
        del engine.state[key]
    found = [
        _declared(
            f"{_URN}{adopting.TYPE}{_TYPES[key]}::{key}",
            serialize_provider(provider),
            inputs,
            op="update" if key in updated else "same" if key in recorded else "create",
        )
        for key, provider in ORDER
        if (inputs := engine.inputs(key, declared)) is not None
    ]
    if token:
        inputs = {"rotation": "1", "token_bytes": 32}
        found.append(_declared(TOKEN, serialize_provider(GeneratedTokenProvider()), inputs))
    return found


def _declared(urn: str, provider: str, inputs: Mapping[str, Any], *, op: str = "create") -> DeclaredResource:
    _, _, type_, name = urn.removeprefix("urn:pulumi:").split("::")
    known = {key: value for key, value in inputs.items() if value is not None}
    return DeclaredResource(
        urn=urn,
        type=type_,
        name=name,
        inputs={**known, "__provider": provider},
        parent="",
        provider="",
        op=op,
    )


@dataclass(frozen=True)
class Seen:
    """What was found, and which requests it took."""

    look: RailwayLook
    requests: Mapping[str, int]

    def row(self, kind: str, name: str = "") -> Row:
        """The only row of a kind, or of a kind and a name."""
        found = [one for one in self.look.rows if one.kind == f"railway {kind}" and name in ("", one.name)]
        assert len(found) == 1, [(one.kind, one.name) for one in self.look.rows]
        return found[0]

    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on each declared resource."""
        return {one.urn.rpartition("::")[2]: one.verdict for one in self.look.rows if one.urn}

    def undeclared(self) -> set[tuple[str, str]]:
        """Kind and name of what is not declared."""
        rows = (one for one in self.look.rows if one.verdict is Verdict.UNDECLARED)
        return {(one.kind.removeprefix("railway "), one.name) for one in rows}

    def refused(self) -> set[tuple[str, str]]:
        """Kind and name of what cannot be adopted."""
        rows = (one for one in self.look.rows if one.verdict is Verdict.REFUSED)
        return {(one.kind.removeprefix("railway "), one.name) for one in rows}

    def changes(self, key: str) -> dict[str, tuple[str, str]]:
        """Property -> old and new value, of a declared resource."""
        (row,) = (one for one in self.look.rows if one.urn.endswith(f"::{key}"))
        return {one.property: (one.old, one.new) for one in row.changes}

    def text(self) -> str:
        """All that a report shows."""
        return f"{self.look.rows}{self.look.proposals}"

    def imported(self) -> Engine:
        """The state after an import."""
        engine = Engine()
        for one in self.look.found:
            key = one.urn.rpartition("::")[2]
            if key in PROVIDERS:
                assert one.outputs is not None
                assert one.inputs is not None
                engine.state[key] = Saved(Live(one.id, _plain(one.outputs)), _plain(one.inputs))
        return engine


def look(
    world: World,
    declared: Declared,
    *,
    token: bool = False,
    drop_undeclared: bool = False,
    config: Mapping[str, str] | None = None,
    recorded: Mapping[str, str] | None = None,
    updated: Collection[str] = (),
    **environ: str,
) -> Seen:
    """Look for what is declared.

    Args:
        world: the sandbox.
        declared: what the program declares.
        token: see `plan`.
        drop_undeclared: see `ops.adopt.railway.look`.
        config: the stack's config.
        recorded: see `plan`.
        updated: see `plan`.
        environ: variables of the environment.

    Raises:
        AssertionError: a request changed something.
    """
    known = dict(config or {})
    access = access_from(world.environ(**environ), known.get)
    # The process keeps what it read for each access: another time-out is another access.
    access = replace(access, timeout=60.0 + next(_looks))
    resources = plan(declared, recorded or {}, token=token, updated=updated)
    before = world.admin("state")
    world.reset()
    found = adopting.look(resources, access, known.get, drop_undeclared=drop_undeclared)
    requests, deployments = world.counts()
    assert world.admin("state") == before
    assert deployments == 0
    world.reset()
    return Seen(found, requests)


def _plain(props: Mapping[str, Any]) -> dict[str, Any]:
    """The properties as a provider gets them: without the form of secrets and the provider."""
    return {key: _revealed(value) for key, value in props.items() if key != "__provider"}


def _revealed(value: object) -> object:
    if isinstance(value, dict) and cast("dict[str, Any]", value).get(SIGNATURE) == SECRET:
        return json.loads(cast("dict[str, Any]", value)["plaintext"])
    return value
