"""A Pulumi engine that records what a program registers, with every option.

It returns the outputs that the program reads, as the real providers do. Other types return an id and their
inputs: the tests of the gcp stand-in check properties.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import pulumi
from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import resource_pb2

T = TypeVar("T")
PRIVATE_KEY = json.dumps({"type": "service_account", "private_key": "made-up"})
GENERATED = "generated-admin-token"

ANSWERS: Mapping[str, dict[str, Any]] = {
    "gcp:serviceaccount/key:Key": {
        "id": "projects/crm-test/serviceAccounts/crm-backend@crm-test.iam.gserviceaccount.com/keys/key-1",
        "privateKey": base64.b64encode(PRIVATE_KEY.encode()).decode(),
    },
    "gcp:secretmanager/secretVersion:SecretVersion": {"version": "1"},
    # The plugin's own name of a ruleset is the short one; only its id is the full name.
    "gcp:firebaserules/ruleset:Ruleset": {"id": "projects/crm-test/rulesets/one", "name": "one"},
    "gcp:storage/bucketObject:BucketObject": {"generation": 1, "md5hash": "md5-of-the-archive"},
    "gcp:projects/serviceIdentity:ServiceIdentity": {"member": "serviceAccount:agent@google"},
    "pulumi-python:dynamic/railway:Variables": {"revision": "variables-1"},
    "pulumi-python:dynamic/railway:ServiceSettings": {"revision": "settings-1"},
    "pulumi-python:dynamic/railway:Volume": {"revision": "volume-1"},
    "pulumi-python:dynamic/railway:ServiceLimits": {"revision": "limits-1"},
    "pulumi-python:dynamic/railway:ServiceDomain": {"domain": "backend.up.railway.app"},
    "pulumi-python:dynamic/railway:Deployment": {"deployment_id": "deployment-1"},
    "pulumi-python:dynamic/components:GeneratedToken": {"token": GENERATED},
}


@dataclass(frozen=True, kw_only=True)
class Registered:
    """One registered resource. `secret` names the inputs that are or contain secrets."""

    urn: str
    kind: str
    name: str
    parent: str
    provider: str
    inputs: Mapping[str, Any]
    secret: frozenset[str]
    depends_on: frozenset[str]
    request: resource_pb2.RegisterResourceRequest = field(repr=False)


class Engine(mocks.MockMonitor):
    """Records the registered resources in order."""

    def __init__(self) -> None:
        super().__init__(_Providers())
        self.registered: list[Registered] = []

    def RegisterResource(
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        """Record the request; respond as the mocks do."""
        raw = cast("dict[str, Any]", rpc.deserialize_properties(request.object))
        secret = frozenset(key for key, value in raw.items() if _holds_secret(value))
        self.registered.append(
            Registered(
                urn=self.make_urn(request.parent, request.type, request.name),
                kind=request.type,
                name=request.name,
                parent=request.parent,
                provider=request.provider,
                inputs=cast("dict[str, Any]", _revealed(raw)),
                secret=secret,
                depends_on=frozenset(request.dependencies),
                request=request,
            )
        )
        return super().RegisterResource(request)

    def one(self, name: str) -> Registered:
        """The resource with this name."""
        found = [resource for resource in self.registered if resource.name == name]
        assert len(found) == 1, f"{name}: {sorted(resource.name for resource in self.registered)}"
        return found[0]

    def of(self, kind: str) -> list[Registered]:
        """All resources whose type token ends so."""
        return [resource for resource in self.registered if resource.kind.endswith(kind)]

    def waits_for(self, resource: Registered) -> set[str]:
        """The names of its direct and indirect dependencies."""
        by_urn = {known.urn: known for known in self.registered}
        seen: set[str] = set()
        left = [*resource.depends_on]
        while left:
            urn = left.pop()
            if urn in by_urn and urn not in seen:
                seen.add(urn)
                left += by_urn[urn].depends_on
        return {by_urn[urn].name for urn in seen}


class _Providers(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        inputs = cast("dict[str, Any]", _revealed(args.inputs))
        inputs.pop("__provider", None)
        answers = ANSWERS.get(args.typ, {})
        if args.typ == "gcp:cloudfunctionsv2/function:Function":
            service = cast("dict[str, Any]", inputs["serviceConfig"])
            inputs["serviceConfig"] = {**service, "uri": f"https://{args.name}.run.app"}
        return answers.get("id", f"id-of-{args.name}"), {**inputs, **answers}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        msg = f"the program must call no function, but called {args.token}"
        raise AssertionError(msg)


Program = Callable[[], Awaitable[dict[str, pulumi.Input[object]]]]


def build(program: Program) -> Engine:
    """Run a program to its end; returns what it registered."""
    engine = Engine()
    mocks.set_mocks(engine.mocks, project="whatsapp-crm", stack="test", monitor=engine, organization="acme")

    def run() -> Awaitable[dict[str, pulumi.Input[object]]]:
        return program()

    pulumi.runtime.test(run)()
    return engine


def _holds_secret(value: object) -> bool:
    if rpc.is_rpc_secret(value):
        return True
    if isinstance(value, dict):
        return any(_holds_secret(item) for item in cast("dict[str, object]", value).values())
    if isinstance(value, list):
        return any(_holds_secret(item) for item in cast("list[object]", value))
    return False


def _revealed(value: object) -> object:
    value = rpc.unwrap_rpc_secret(value)
    if isinstance(value, pulumi.FileAsset):
        return {"asset": value.path}
    if isinstance(value, dict):
        return {key: _revealed(item) for key, item in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_revealed(item) for item in cast("list[object]", value)]
    return value


def run_alone(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine. `asyncio.run` would leave no event loop for the tests that follow."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()
