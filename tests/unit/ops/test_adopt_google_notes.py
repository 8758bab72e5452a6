"""`ops adopt` on Google: what the report adds to a verdict, and what could not be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from firebase.errors import GoogleError
from ops.adopt import google
from ops.adopt.live import Live
from ops.adopt.model import MASK, SIGNATURE, UNKNOWN, Verdict, secret
from tests.unit.ops.google_project import (
    ACCOUNTS,
    BASE,
    DENIED,
    FUNCTIONS,
    JOBS,
    OFF,
    QUEUES,
    REGION,
    RELEASE,
    SECRETS,
    TOPICS,
    Project,
    declared,
    look,
    row,
)

pytestmark = pytest.mark.unit

FUNCTION = declared(
    google.FUNCTION,
    "functions-send",
    {"project": "crm", "location": REGION, "name": "send", "labels": {"deployment-tool": "pulumi"}},
)
LIVE_FUNCTION = {
    "name": f"{BASE}/locations/{REGION}/functions/send",
    "environment": "GEN_2",
    "labels": {"deployment-tool": "cli-firebase"},
}


def test_a_function_in_a_region_that_google_did_not_reach_is_not_said_to_be_new() -> None:
    looked = look({FUNCTIONS: {"unreachable": [f"{BASE}/locations/{REGION}"]}}, FUNCTION)
    assert row(looked, FUNCTION).verdict is Verdict.REFUSED
    assert row(looked, FUNCTION).fix.endswith(".venv/bin/python -m ops adopt --stack prod")
    assert list(looked.unread) == [f"functions in {REGION}, which Google could not reach"]
    looked = look({FUNCTIONS: {"functions": [LIVE_FUNCTION], "unreachable": ["us-east1"]}}, FUNCTION)
    assert row(looked, FUNCTION).verdict is Verdict.CHANGES
    assert list(looked.unread) == ["functions in us-east1, which Google could not reach"]


def test_a_list_of_what_is_not_declared_may_be_closed() -> None:
    answers = {FUNCTIONS: {"functions": [LIVE_FUNCTION]}, QUEUES: DENIED, TOPICS: DENIED}
    looked = look(answers, FUNCTION)
    assert row(looked, FUNCTION).verdict is Verdict.CHANGES
    assert list(looked.unread) == [
        f"the task queues of {REGION} (cloudtasks.queues.list)",
        "the Pub/Sub topics (pubsub.topics.list)",
    ]


def test_a_region_without_cloud_tasks_has_no_queues() -> None:
    none = GoogleError("not a valid location", "none", status=400, reason="INVALID_ARGUMENT")
    looked = look({FUNCTIONS: {"functions": [LIVE_FUNCTION]}, QUEUES: none}, FUNCTION)
    assert row(looked, FUNCTION).verdict is Verdict.CHANGES
    assert not looked.unread


@pytest.mark.parametrize("declares_a_job", [True, False])
def test_jobs_of_a_region_without_declared_ones_may_be_closed(declares_a_job: bool) -> None:
    """A 403 there says nothing about what is declared."""
    other = {**LIVE_FUNCTION, "name": f"{BASE}/locations/us-central1/functions/other"}
    closed = f"{BASE}/locations/us-central1/jobs"
    answers = {FUNCTIONS: {"functions": [LIVE_FUNCTION, other]}, JOBS: {"jobs": []}, closed: DENIED}
    region = "us-central1" if declares_a_job else REGION
    job = declared(google.JOB, "functions-tick-schedule", {"region": region, "name": "tick"})
    if declares_a_job:
        with pytest.raises(GoogleError, match="denied"):
            look(answers, FUNCTION, job)
        return
    looked = look(answers, FUNCTION, job)
    assert {it.name for it in looked.rows if it.verdict is Verdict.UNDECLARED} == {"us-central1/other"}
    assert list(looked.unread) == ["the scheduler jobs of us-central1 (cloudscheduler.jobs.list)"]


def test_a_region_without_cloud_scheduler_has_no_jobs() -> None:
    none = GoogleError("not a valid location", "none", status=400, reason="INVALID_ARGUMENT")
    looked = look({FUNCTIONS: {"functions": [LIVE_FUNCTION]}, JOBS: none}, FUNCTION)
    assert row(looked, FUNCTION).verdict is Verdict.CHANGES
    assert not looked.unread


@pytest.mark.parametrize(
    ("state", "note"),
    [
        ("FAILED", "its last deployment failed (state FAILED): calls of it may fail"),
        (
            "DEPLOYING",
            "it is being deployed (state DEPLOYING): what is then live may differ from this report",
        ),
        ("DETACHING", "its state is DETACHING"),
        ("ACTIVE", ""),
    ],
)
def test_a_function_that_is_not_active_has_a_note(state: str, note: str) -> None:
    live = {**LIVE_FUNCTION, "state": state}
    looked = look({FUNCTIONS: {"functions": [live]}}, FUNCTION)
    assert row(looked, FUNCTION).reason == "; ".join(filter(None, ["it is only relabelled", note]))
    live["labels"] = {"deployment-tool": "pulumi"}
    looked = look({FUNCTIONS: {"functions": [live]}}, FUNCTION)
    assert (row(looked, FUNCTION).verdict, row(looked, FUNCTION).reason) == (Verdict.SAME, note)
    assert len(looked.found) == 1


@pytest.mark.parametrize("environment", ["GEN_1", "GEN_2"])
def test_a_function_that_is_being_deleted_is_refused(environment: str) -> None:
    live = {**LIVE_FUNCTION, "state": "DELETING", "environment": environment}
    looked = look({FUNCTIONS: {"functions": [live]}}, FUNCTION)
    one = row(looked, FUNCTION)
    assert (one.verdict, one.reason) == (Verdict.REFUSED, "it is being deleted")
    assert one.fix.endswith("\n.venv/bin/python -m ops adopt --stack prod")
    assert not looked.found


def test_a_disabled_account_is_refused() -> None:
    email = "crm-fn@crm.iam.gserviceaccount.com"
    account = declared(google.ACCOUNT, "identities-crm-fn", {"project": "crm", "accountId": "crm-fn"})
    looked = look({ACCOUNTS: {"accounts": [{"email": email, "disabled": True}]}}, account)
    one = row(looked, account)
    assert one.verdict is Verdict.REFUSED
    assert one.fix.splitlines()[0] == f"gcloud iam service-accounts enable {email} --project crm"
    assert not looked.found


@pytest.mark.parametrize(
    ("content", "properties"),
    [("allow read;\n", ["source.files.name"]), ("allow write;\n", ["rules", "source.files.name"])],
)
def test_another_name_of_the_rules_file_is_a_change_of_its_own(content: str, properties: list[str]) -> None:
    """The difference of two equal texts is empty."""
    files = [{"name": "firestore.rules", "content": "allow read;\n"}]
    ruleset = declared(google.RULESET, "rules-ruleset", {"project": "crm", "source": {"files": files}})
    release = declared(
        google.RELEASE, "rules-release", {"release_name": "cloud.firestore", "ruleset_name": UNKNOWN}
    )
    live = f"{BASE}/rulesets/1"
    other = {"files": [{"name": "main.rules", "content": content}]}
    looked = look({RELEASE: {"rulesetName": live}, live: {"source": other}}, ruleset, release)
    changes = row(looked, release).changes
    assert [it.property for it in changes] == properties
    assert (changes[-1].old, changes[-1].new) == ('"main.rules"', '"firestore.rules"')
    assert row(looked, release).verdict is Verdict.CHANGES


@pytest.mark.parametrize(
    ("backend_url", "command"),
    [
        ("KEY", "pulumi config set whatsapp-crm:backendUrlVariable NEW_NAME"),
        ("OTHER", "pulumi config set --secret --path 'whatsapp-crm:secrets.NEW_NAME'  # asks for the value"),
    ],
)
def test_a_secret_in_chosen_regions_is_refused_with_the_setting_of_its_name(
    backend_url: str, command: str
) -> None:
    """`secrets` may not set the backend's address."""
    one = declared(google.SECRET, "secrets-KEY", {"secretId": "KEY"})
    live = {"name": f"{SECRETS}/KEY", "replication": {"userManaged": {}}}
    project = Live(Project({SECRETS: {"secrets": [live]}}), "crm")
    found = row(google.look([one], project, backend_url=backend_url), one)
    assert found.verdict is Verdict.REFUSED
    assert found.fix.splitlines()[1:] == [command, "KEY stays as it is."]


def test_a_policy_behind_an_api_that_is_off_is_not_empty() -> None:
    """Otherwise, accounts were said to have no roles today."""
    live = Live(Project({f"{BASE}:getIamPolicy": OFF}), "crm")
    assert live.project_roles is None
    assert "who has access to crm" in live.unread[0]
    service = f"{BASE}/locations/{REGION}/services/send"
    assert Live(Project({f"{service}:getIamPolicy": OFF}), "crm").invokers([service]) == {service: {}}


@pytest.mark.parametrize(
    ("live", "removed"),
    [
        ({"pubsubTarget": {"data": "hush"}}, [("pubsubTarget", MASK)]),
        ({"httpTarget": {"headers": {"X-Key": "hush"}}}, [("httpTarget.headers", MASK)]),
        ({"description": "set in the console"}, [("description", '"set in the console"')]),
        ({"httpTarget": {"headers": {"User-Agent": "Google-Cloud-Scheduler"}}, "description": ""}, []),
    ],
)
def test_settings_of_a_job_that_the_up_removes_are_named(
    live: dict[str, Any], removed: list[tuple[str, str]]
) -> None:
    """A schedule of the 1st generation sends to a topic, by a job of the same name."""
    name = "firebase-schedule-send-europe-west1"
    one = declared(google.JOB, "functions-send-schedule", {"region": REGION, "name": name})
    looked = look({JOBS: {"jobs": [{"name": f"{JOBS}/{name}", **live}]}}, one)
    assert [(it.property, it.old) for it in row(looked, one).changes] == removed


@pytest.mark.parametrize("block", [secret({}), {"environmentVariables": secret({})}])
def test_variables_that_are_one_secret_are_encrypted_once(block: dict[str, Any]) -> None:
    one = declared(google.FUNCTION, "functions-send", {**FUNCTION.inputs, "serviceConfig": block})
    live = {**LIVE_FUNCTION, "serviceConfig": {"environmentVariables": {"KEY": "hush"}}}
    (found,) = look({FUNCTIONS: {"functions": [live]}}, one).found
    text = json.dumps((found.outputs or {})["serviceConfig"])
    assert text.count(SIGNATURE) == 1
    assert "hush" in text


def test_an_empty_secret_is_another_value() -> None:
    secrets = declared(google.SECRET, "secrets-KEY", {"secretId": "KEY"})
    version = declared(google.VERSION, "secrets-KEY-version", {"secretData": "value"})
    empty = {"name": f"{SECRETS}/KEY/versions/1", "payload": {}}
    answers = {
        SECRETS: {"secrets": [{"name": f"{SECRETS}/KEY"}]},
        f"{SECRETS}/KEY/versions/latest:access": empty,
    }
    looked = look(answers, secrets, version)
    assert row(looked, version).reason == "the value of version 1 is another one"


@pytest.mark.parametrize(
    ("of_function", "twice"),
    [
        ({"eventTrigger": {"eventType": "google.cloud.firestore.document.v1.written"}}, True),
        ({"labels": {"deployment-scheduled": "true"}}, True),
        ({}, False),
    ],
)
def test_a_function_that_would_handle_events_twice_is_named(of_function: dict[str, Any], twice: bool) -> None:
    """The old one stays: in another region, or until a function of the 1st generation is deleted."""
    elsewhere = {**LIVE_FUNCTION, **of_function, "name": f"{BASE}/locations/us-central1/functions/send"}
    looked = look({FUNCTIONS: {"functions": [elsewhere]}}, FUNCTION)
    (extra,) = (one for one in looked.rows if one.verdict is Verdict.UNDECLARED)
    assert extra.reason.startswith("the program declares it in europe-west1")
    assert (google.TWICE in extra.reason) == twice
    first = {**LIVE_FUNCTION, **of_function, "environment": "GEN_1"}
    looked = look({FUNCTIONS: {"functions": [first]}}, FUNCTION)
    assert row(looked, FUNCTION).verdict is Verdict.REFUSED
    assert (google.TWICE in row(looked, FUNCTION).fix) == twice


@pytest.mark.parametrize(
    ("live", "removed"),
    [
        ({"replication": {"automatic": {}}, "labels": {"firebase-managed": "true"}}, []),
        (
            {"replication": {"automatic": {"customerManagedEncryption": {"kmsKeyName": "key"}}}},
            [("replication.auto.customerManagedEncryption", '"key"')],
        ),
        (
            {"versionAliases": {"live": "1"}, "topics": [{"name": "t"}]},
            [("topics", '[{"name": "t"}]'), ("versionAliases", '{"live": "1"}')],
        ),
    ],
)
def test_settings_of_a_secret_that_the_up_removes_are_named(
    live: dict[str, Any], removed: list[tuple[str, str]]
) -> None:
    one = declared(google.SECRET, "secrets-KEY", {"secretId": "KEY", "replication": {"auto": {}}})
    looked = look({SECRETS: {"secrets": [{"name": f"{SECRETS}/KEY", **live}]}}, one)
    assert [(it.property, it.old) for it in row(looked, one).changes] == removed
    assert {it.new for it in row(looked, one).changes} <= {"null"}
    assert [it.id for it in looked.found] == [f"{SECRETS}/KEY"]


def test_settings_of_the_bucket_that_the_up_removes_are_named() -> None:
    one = declared(google.BUCKET, "functions-sources", {"name": "sources"})
    rule = {"action": {"type": "Delete"}, "condition": {"age": 30}}
    looked = look({"b/sources": {"name": "sources", "lifecycle": {"rule": [rule]}, "cors": []}}, one)
    changes = [it for it in row(looked, one).changes if it.property != "forceDestroy"]
    assert [(it.property, it.old, it.new) for it in changes] == [
        ("lifecycle", json.dumps({"rule": [rule]}), "null")
    ]
