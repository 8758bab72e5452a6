"""The types parsed from the SDK's source are those of its classes; the plugin's tables use only these."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import TYPE_CHECKING

import pytest

from sandbox.engine.gcp import sdk_types
from sandbox.engine.gcp.registry import RESOURCE_TYPES

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.engine.gcp.sdk_types import SdkType

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("token", sorted(RESOURCE_TYPES))
def test_inputs_are_the_arguments_of_the_sdks_class(token: str) -> None:
    _, module, name = re.split(r"[:/]", token)[:3]
    arguments = getattr(importlib.import_module(f"pulumi_gcp.{module}"), f"{token.rpartition(':')[2]}Args")
    signature = inspect.signature(arguments.__init__)
    wanted = {parameter for parameter in signature.parameters if parameter != "__self__"}
    found = {
        re.sub(r"(?<!^)(?=[A-Z])", "_", field).lower() for field in RESOURCE_TYPES[token].sdk.inputs.fields
    }
    assert found == wanted, name
    required = {key for key, item in signature.parameters.items() if item.default is item.empty} - {
        "__self__"
    }
    snake = {
        re.sub(r"(?<!^)(?=[A-Z])", "_", field).lower() for field in RESOURCE_TYPES[token].sdk.inputs.required
    }
    assert snake == required


def _patterns(sdk: SdkType, prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name, item in sdk.fields.items():
        path = f"{prefix}{name}"
        inner = item.item or item
        found |= {path} | _patterns(inner, f"{path}.")
    return found


@pytest.mark.parametrize("token", sorted(RESOURCE_TYPES))
def test_a_types_tables_name_only_properties_that_the_sdk_has(token: str) -> None:
    kind = RESOURCE_TYPES[token]
    known = _patterns(kind.sdk.inputs)
    tables = {
        *kind.replace,
        *(kind.keep - {*kind.sdk.outputs}),
        *kind.defaults,
        *kind.computed,
        *kind.unsent,
        *kind.unordered,
    }
    assert {*tables, *kind.supported} - {"*"} <= known
    assert kind.unsent <= kind.computed
    assert {kind.autoname} - {""} <= set(kind.sdk.inputs.fields)
    # `deletionPolicy` is local by default, even if the SDK has no such property.
    assert kind.local - {"deletionPolicy"} <= {*kind.sdk.inputs.fields, *kind.sdk.outputs}


def test_a_type_is_parsed_once_and_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_TOOLCHAIN", str(tmp_path))
    sdk_types.resource.cache_clear()
    first = sdk_types.resource("gcp:pubsub/topic:Topic")
    assert len(list(tmp_path.rglob("pubsub.Topic.json"))) == 1
    sdk_types.resource.cache_clear()
    assert sdk_types.resource("gcp:pubsub/topic:Topic") == first
    sdk_types.resource.cache_clear()


@pytest.mark.parametrize("token", ["gcp:pubsub/nothing:Nothing", "aws:s3/bucket:Bucket", "gcp:pubsub/topic"])
def test_an_unknown_type_is_named(token: str) -> None:
    with pytest.raises(sdk_types.SdkTypeError, match=re.escape(token)):
        sdk_types.resource(token)
