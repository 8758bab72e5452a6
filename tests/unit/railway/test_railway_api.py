"""What a typed call sends, and what a resource registers."""

from __future__ import annotations

from typing import Any, cast

import pulumi
import pytest
from pulumi import dynamic

import railway
from ops.adopt.model import SECRET, SIGNATURE
from railway.graphql.api import RailwayApi
from railway.graphql.client import OperationResult, RailwayClient
from railway.graphql.documents import Document
from railway.graphql.models import TriggerView

pytestmark = pytest.mark.unit

TRIGGER = {"id": "t", "serviceId": "s", "repository": "o/r", "branch": "main", "checkSuites": False}


class Sent:
    """A client that records what it would send."""

    def __init__(self) -> None:
        self.input: dict[str, Any] = {}

    def execute(self, document: Document, variables: dict[str, Any]) -> OperationResult:
        """Answers with the trigger."""
        self.input = variables["input"]
        return OperationResult({"deploymentTriggerCreate": TRIGGER}, None)


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_empty_field_is_not_sent(nothing: str | None) -> None:
    """Railway answers 504 to an empty region, and a null has a meaning."""
    sent = Sent()
    RailwayApi(cast("RailwayClient", sent)).create(
        "TriggerCreate", TriggerView.of, branch="main", rootDirectory=nothing, checkSuites=False
    )
    assert sent.input == {"branch": "main", "checkSuites": False}


class Mine(railway.Variables):
    """A subclass of a user's own."""


@pytest.mark.parametrize("kind", [railway.Variables, Mine])
def test_a_resource_registers_its_args_and_its_outputs(
    kind: type[railway.Variables], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An output that is not among the properties would never be set; a secret is one as a whole."""
    seen: dict[str, Any] = {}

    def register(
        _self: object, provider: object, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions
    ) -> None:
        seen.update(props, provider=provider, name=name, opts=opts)

    monkeypatch.setattr(dynamic.Resource, "__init__", register)
    ids: dict[str, Any] = {"project_id": "p", "environment_id": "e", "service_id": "s"}
    opts = pulumi.ResourceOptions(protect=True)
    kind("api", railway.VariablesArgs(**ids, variables={"A": "b"}), opts)
    secret = seen.pop("variables")
    assert (secret.pop(SIGNATURE), [*secret]) == (SECRET, ["value"])
    assert isinstance(secret["value"]["A"], pulumi.Output)
    found = seen.pop("opts")
    assert (found.protect, found.additional_secret_outputs) == (True, ["variables"])
    assert type(seen.pop("provider")) is railway.Variables.PROVIDER
    assert seen == {**ids, "name": "api", "names": None, "revision": None, "config_keys": None}
