"""The inputs that the gcp plugin rejects: everything that the SDK's types do not have."""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

import grpc
import pytest

from sandbox.engine.gcp import check
from sandbox.engine.gcp.model import Settings
from sandbox.engine.gcp.provider import GcpPlugin
from sandbox.engine.gcp.registry import RESOURCE_TYPES
from sandbox.engine.protocol import Asset, Unknown, from_struct, provider_pb2, to_struct

pytestmark = pytest.mark.unit

INDEX = "gcp:firestore/index:Index"
FUNCTION = "gcp:cloudfunctionsv2/function:Function"
VERSION = "gcp:secretmanager/secretVersion:SecretVersion"
OBJECT = "gcp:storage/bucketObject:BucketObject"
FIELDS = [{"fieldPath": "a", "order": "ASCENDING"}]


def failures(token: str, inputs: dict[str, Any]) -> list[tuple[str, str]]:
    return check.failures(RESOURCE_TYPES[token], inputs)


def test_valid_inputs_pass() -> None:
    assert failures(INDEX, {"collection": "threads", "fields": FIELDS, "skipWait": True}) == []


@pytest.mark.parametrize("token", sorted(RESOURCE_TYPES))
def test_an_unknown_property_is_an_error_for_every_type(token: str) -> None:
    found = dict(failures(token, {"noSuchProperty": 1}))
    assert "unknown property" in found["noSuchProperty"]


@pytest.mark.parametrize("token", sorted(RESOURCE_TYPES))
def test_every_type_names_each_required_property_that_is_missing(token: str) -> None:
    found = {path for path, reason in failures(token, {}) if reason == "missing required property"}
    assert found == RESOURCE_TYPES[token].sdk.inputs.required


def test_a_misspelt_property_is_reported_with_the_nearest_one() -> None:
    found = dict(failures(FUNCTION, {"location": "us-central1", "serviceConfig": {"availableMemry": "1Gi"}}))
    assert found == {"serviceConfig.availableMemry": "unknown property; did you mean 'availableMemory'?"}


@pytest.mark.parametrize(
    ("inputs", "path", "words"),
    [
        ({"collection": 3, "fields": FIELDS}, "collection", "a string, not a number"),
        ({"collection": "a", "fields": "b"}, "fields", "a list, not a string"),
        ({"collection": "a", "fields": ["b"]}, "fields[0]", "an object, not a string"),
        ({"collection": "a", "fields": [None]}, "fields[0]", "an object, not null"),
        ({"collection": "a", "fields": FIELDS, "skipWait": "yes"}, "skipWait", "a boolean, not a string"),
        (
            {"collection": "a", "fields": [{"fieldPath": "v", "vectorConfig": {"dimension": 1.5}}]},
            "fields[0].vectorConfig.dimension",
            "a whole number, not a number",
        ),
        ({"collection": "a", "fields": FIELDS, "deletionPolicy": "KEEP"}, "deletionPolicy", "PREVENT"),
    ],
)
def test_a_wrong_type_names_the_property_and_both_types(
    inputs: dict[str, Any], path: str, words: str
) -> None:
    found = dict(failures(INDEX, inputs))
    assert words in found[path]


def test_a_value_of_the_wrong_type_is_not_shown() -> None:
    found = failures(VERSION, {"secret": "s", "secretData": ["hush"]})
    assert found
    assert "hush" not in str(found)


def test_an_unknown_value_is_valid_for_any_type() -> None:
    unknown = Unknown.value
    inputs = {"location": unknown, "buildConfig": unknown, "serviceConfig": {"timeoutSeconds": unknown}}
    assert failures(FUNCTION, inputs) == []


def test_a_property_that_the_sandbox_does_not_send_is_an_error() -> None:
    found = dict(failures("gcp:storage/bucket:Bucket", {"location": "EU", "website": {}}))
    assert "does not send it" in found["website"]


@pytest.mark.parametrize("payloads", [{}, {"secretData": "a", "secretDataWo": "b"}])
def test_a_secret_version_has_exactly_one_payload(payloads: dict[str, str]) -> None:
    assert [path for path, _ in failures(VERSION, {"secret": "s", **payloads})] == ["secretData"]


def test_a_missing_source_file_is_an_error_in_the_preview() -> None:
    inputs = {"bucket": "b", "name": "n", "source": Asset({"path": "nowhere.zip", "hash": "h"})}
    assert failures(OBJECT, inputs) == [("source", "file not found: nowhere.zip")]


def test_defaults_project_and_region_are_added() -> None:
    settings = Settings(project="p", region="europe-west1")
    job = RESOURCE_TYPES["gcp:cloudscheduler/job:Job"]
    done = check.with_defaults(job, {"name": "j", "schedule": "every 1 hours"}, settings, {})
    assert done == {
        "name": "j",
        "schedule": "every 1 hours",
        "attemptDeadline": "180s",
        "timeZone": "Etc/UTC",
        "project": "p",
        "region": "europe-west1",
    }


def test_computed_values_are_sent_back_even_the_generation_of_another_source() -> None:
    """As the real plugin does: the API then looks for that generation of the new object, and fails."""
    source = {"storageSource": {"bucket": "b", "object": "1", "generation": 7}}
    state: dict[str, Any] = {"buildConfig": {"build": "projects/1/builds/2", "source": source}}
    inputs: dict[str, Any] = {"buildConfig": {"source": {"storageSource": {"bucket": "b", "object": "2"}}}}
    done = check.with_defaults(RESOURCE_TYPES[FUNCTION], inputs, Settings(), state)
    assert done["buildConfig"] == {
        "build": "projects/1/builds/2",
        "source": {"storageSource": {"bucket": "b", "object": "2", "generation": 7}},
    }


def test_an_object_of_the_configuration_is_written_as_the_plugin_writes_it() -> None:
    """Else the real plugin shows a change in the provider when it continues a state of the stand-in."""
    written = {"batching": '{"sendAfter": "1s", "enableBatching": true}', "project": "crm", "region": "12"}
    request = provider_pb2.CheckRequest(news=to_struct(written))
    response = GcpPlugin(version="9.35.0", engine_address="").CheckConfig(
        request, MagicMock(spec=grpc.ServicerContext)
    )
    assert from_struct(response.inputs) == written | {"batching": '{"enableBatching":true,"sendAfter":"1s"}'}
