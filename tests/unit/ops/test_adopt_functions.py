"""What `ops adopt` says that the first `up` changes of a function."""

from __future__ import annotations

from typing import Any

import pytest

from components.verification_spec import SOURCE_VARIABLE
from ops.adopt.function_changes import changes, effect, replaced_because
from ops.adopt.model import MASK, UNKNOWN, Change

pytestmark = pytest.mark.unit

SERVICE = {
    "availableMemory": "256Mi",
    "availableCpu": "1",
    "timeoutSeconds": 60,
    "maxInstanceCount": 10,
    "maxInstanceRequestConcurrency": 80,
    "ingressSettings": "ALLOW_ALL",
    "serviceAccountEmail": "crm-fn@crm.iam.gserviceaccount.com",
    "environmentVariables": {"MODE": "live"},
    "secretEnvironmentVariables": [{"key": "KEY", "secret": "KEY", "version": "1"}],
}
BUILD: dict[str, Any] = {
    "runtime": "nodejs22",
    "entryPoint": "send",
    "environmentVariables": {SOURCE_VARIABLE: "source-1.zip"},
}
SAME = {"buildConfig": BUILD, "serviceConfig": SERVICE, "labels": {"deployment-tool": "pulumi"}}
EVENT = {
    "eventType": "google.cloud.firestore.document.v1.written",
    "triggerRegion": "nam5",
    "retryPolicy": "RETRY_POLICY_DO_NOT_RETRY",
    "eventFilters": [
        {"attribute": "database", "value": "(default)"},
        {"attribute": "document", "value": "a"},
    ],
}


def with_service(**values: Any) -> dict[str, Any]:
    """The function with other properties of its service."""
    return {**SAME, "serviceConfig": {**SERVICE, **values}}


def test_an_equal_function_has_no_changes() -> None:
    live = {**SAME, "labels": {"deployment-tool": "pulumi", "added-by": "google"}, "state": "ACTIVE"}
    assert changes({**live, "eventTrigger": EVENT}, {**SAME, "eventTrigger": EVENT}) == []


@pytest.mark.parametrize(
    ("live", "declared", "said"),
    [
        ({**SAME, "labels": {"deployment-tool": "cli-firebase"}}, SAME, "labels.deployment-tool"),
        (with_service(availableMemory="512Mi"), SAME, "serviceConfig.availableMemory"),
        (with_service(availableCpu="0.5"), SAME, "serviceConfig.availableCpu"),
        (with_service(timeoutSeconds=30), SAME, "serviceConfig.timeoutSeconds"),
        (with_service(maxInstanceCount=3), SAME, "serviceConfig.maxInstanceCount"),
        (with_service(minInstanceCount=2), SAME, "serviceConfig.minInstanceCount"),
        (with_service(maxInstanceRequestConcurrency=1), SAME, "serviceConfig.maxInstanceRequestConcurrency"),
        (with_service(ingressSettings="ALLOW_INTERNAL_ONLY"), SAME, "serviceConfig.ingressSettings"),
        (SAME, with_service(vpcConnector="own"), "serviceConfig.vpcConnector"),
        (SAME, with_service(allTrafficOnLatestRevision=True), "serviceConfig.allTrafficOnLatestRevision"),
        (with_service(vpcConnector="own"), SAME, "serviceConfig.vpcConnector"),
        (with_service(vpcConnector="own"), with_service(vpcConnector=""), "serviceConfig.vpcConnector"),
        (with_service(directVpcEgress="VPC_EGRESS_ALL_TRAFFIC"), SAME, "serviceConfig.directVpcEgress"),
        (with_service(secretVolumes=[{"mountPath": "/s"}]), SAME, "serviceConfig.secretVolumes"),
        ({**SAME, "kmsKeyName": "projects/crm/key"}, SAME, "kmsKeyName"),
        ({**SAME, "description": "set in the console"}, SAME, "description"),
        ({**SAME, "buildConfig": {**BUILD, "workerPool": "own"}}, SAME, "buildConfig.workerPool"),
        (with_service(serviceAccountEmail="1-compute@"), SAME, "serviceConfig.serviceAccountEmail"),
        (with_service(environmentVariables={}), SAME, "serviceConfig.environmentVariables.MODE"),
        (with_service(secretEnvironmentVariables=[]), SAME, "serviceConfig.secretEnvironmentVariables.KEY"),
        ({**SAME, "buildConfig": {**BUILD, "runtime": "nodejs20"}}, SAME, "buildConfig.runtime"),
        ({**SAME, "buildConfig": {**BUILD, "environmentVariables": {}}}, SAME, "buildConfig.source"),
        (
            {**SAME, "eventTrigger": {**EVENT, "retryPolicy": "RETRY_POLICY_RETRY"}},
            {**SAME, "eventTrigger": EVENT},
            "eventTrigger.retryPolicy",
        ),
        (
            {**SAME, "eventTrigger": {**EVENT, "eventFilters": []}},
            {**SAME, "eventTrigger": EVENT},
            "eventTrigger.eventFilters",
        ),
    ],
)
def test_each_property_that_differs_is_named(
    live: dict[str, Any], declared: dict[str, Any], said: str
) -> None:
    (change,) = changes(live, declared)
    assert change.property == said
    assert change.old != change.new or "environmentVariables" in said


def test_values_of_variables_are_never_shown() -> None:
    live = with_service(environmentVariables={"MODE": "hush-1", "OLD": "hush-2"})
    found = changes(live, with_service(environmentVariables={"MODE": "hush-3", "URL": UNKNOWN}))
    assert "hush" not in repr(found)
    assert [(one.property.rpartition(".")[2], one.old, one.new) for one in found] == [
        ("MODE", "[secret]", "[secret]"),
        ("OLD", "[secret]", "null"),
        ("URL", "null", "(known after the up)"),
    ]


def test_variables_of_the_build_that_the_up_removes_are_named() -> None:
    """The declared map replaces the live one."""
    build = {**BUILD, "environmentVariables": {**BUILD["environmentVariables"], "NPM_TOKEN": "hush"}}
    (found,) = changes({**SAME, "buildConfig": build}, SAME)
    assert found == Change(property="buildConfig.environmentVariables.NPM_TOKEN", old=MASK, new="null")


def test_a_secret_version_that_is_not_made_yet() -> None:
    secrets = [{"key": "KEY", "secret": "KEY", "version": UNKNOWN}]
    (change,) = changes(SAME, with_service(secretEnvironmentVariables=secrets))
    assert (change.old, change.new) == ('"KEY version 1"', '"KEY version (created by the up)"')
    (change,) = changes(SAME, with_service(secretEnvironmentVariables=secrets), {"KEY": "2"})
    assert change.new == '"KEY version 2"'


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        ({**SAME, "buildConfig": {**BUILD, "runtime": "nodejs20"}}, "is rebuilt"),
        (with_service(timeoutSeconds=30), "gets a new revision"),
        ({**SAME, "labels": {"deployment-tool": "cli-firebase"}}, "is only relabelled"),
    ],
)
def test_what_the_changes_mean(live: dict[str, Any], expected: str) -> None:
    assert effect(changes(live, SAME)) == expected


def test_labels_as_the_engine_writes_them() -> None:
    change = Change(property='labels["deployment-tool"]', old='"cli-firebase"', new='"pulumi"')
    assert effect([change]) == "is only relabelled"


@pytest.mark.parametrize(
    ("live", "declared", "reason"),
    [
        (SAME, SAME, ""),
        ({**SAME, "environment": "GEN_1"}, SAME, "1st generation"),
        ({**SAME, "eventTrigger": EVENT}, SAME, "has an event trigger and is declared with HTTPS"),
        (SAME, {**SAME, "eventTrigger": EVENT}, "has HTTPS and is declared with an event trigger"),
        (
            {"eventTrigger": {**EVENT, "triggerRegion": "eur3"}},
            {"eventTrigger": EVENT},
            "has the trigger region eur3 and is declared with nam5",
        ),
        ({"eventTrigger": EVENT}, {"eventTrigger": {**EVENT, "triggerRegion": UNKNOWN}}, ""),
    ],
)
def test_what_google_does_not_change_in_place(
    live: dict[str, Any], declared: dict[str, Any], reason: str
) -> None:
    said = replaced_because(live, declared)
    assert reason in said
    assert bool(said) == bool(reason)
