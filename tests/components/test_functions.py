"""Functions: the inputs per trigger, the invokers, and what changed code changes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from checkout.endpoints import HttpsTrigger, Network, Unmanaged
from settings.model import Settings
from tests.components import world
from tests.components.conftest import Run
from tests.components.engine import Engine

pytestmark = pytest.mark.components

# The replacement trigger of each function.
KINDS = {
    "whatsappProxySend": "called",
    "askAboutClient": "called",
    "process_followUps": "called",
    "aggregateClientStats": "event",
}


def function(engine: Engine, name: str) -> dict[str, Any]:
    return dict(engine.one(f"functions-{world.REGION}-{name}").inputs)


def invokers(engine: Engine) -> dict[str, set[str]]:
    """The invokers by Cloud Run service."""
    found: dict[str, set[str]] = {}
    for bound in engine.of("serviceIamBinding:ServiceIamBinding"):
        assert bound.inputs["role"] == "roles/run.invoker"
        assert bound.inputs["name"] not in found
        found[bound.inputs["name"]] = set(bound.inputs["members"])
    return found


def test_the_invoker_is_granted_on_the_run_service_by_its_computed_name(run: Run) -> None:
    """Google ignores run.invoker on the function; the service's name is lower case with dashes."""
    fn = f"serviceAccount:crm-fn@{world.PROJECT}.iam.gserviceaccount.com"
    assert invokers(run()) == {
        "whatsappproxysend": {"allUsers"},
        "exportclients": set(),
        "askaboutclient": {"allUsers"},
        "aggregateclientstats": {fn},
        "process-followups": {fn},
    }


def test_firebase_config_has_the_configured_bucket(run: Run) -> None:
    google = replace(world.GOOGLE, storage_bucket="crm.firebasestorage.app")
    engine = run(settings=lambda: replace(world.settings(), google=google))
    variables = function(engine, "whatsappProxySend")["serviceConfig"]["environmentVariables"]
    assert json.loads(variables["FIREBASE_CONFIG"]) == {
        "projectId": world.PROJECT,
        "storageBucket": "crm.firebasestorage.app",
    }


def test_firebase_config_has_the_configured_realtime_database(run: Run) -> None:
    url = "https://crm-test-default-rtdb.firebaseio.com"
    google = replace(world.GOOGLE, database_url=url)
    engine = run(settings=lambda: world.settings(google=google))
    service = engine.one("functions-us-central1-exportClients").inputs["serviceConfig"]
    config = json.loads(service["environmentVariables"]["FIREBASE_CONFIG"])
    assert config == {"projectId": world.PROJECT, "databaseURL": url}


def test_the_backends_address_can_be_a_plain_variable(run: Run) -> None:
    """Then there is no secret for it, and the verification runs again when the variable is renamed."""
    plain = replace(world.PUBLIC, secrets=(), backend_variable="BACKEND_URL")
    codebase = world.codebase(plain, *world.ENDPOINTS[1:])
    engine = run(app=lambda: world.app(codebases=(codebase,), backend_secret=None))
    function = engine.one("functions-us-central1-whatsappProxySend")
    variables = function.inputs["serviceConfig"]["environmentVariables"]
    assert variables["BACKEND_URL"] == "https://backend.up.railway.app"
    assert any(urn.endswith("::backend-domain") for urn in function.depends_on)
    other = engine.one("functions-us-central1-exportClients").inputs["serviceConfig"]
    assert "BACKEND_URL" not in other["environmentVariables"]
    assert not [one for one in engine.of("secret:Secret") if one.name == "secrets-RAILWAY_WHATSAPP_URL"]
    renamed = world.codebase(replace(plain, backend_variable="API_URL"), *world.ENDPOINTS[1:])
    after = run(app=lambda: world.app(codebases=(renamed,), backend_secret=None))
    assert engine.one("verification-run").inputs["stdin"] != after.one("verification-run").inputs["stdin"]


def test_a_private_function_has_no_invoker(run: Run) -> None:
    assert invokers(run())["exportclients"] == set()


def test_named_invokers_are_the_only_ones(run: Run) -> None:
    named = replace(world.PUBLIC, trigger=HttpsTrigger(invoker=("a@p.iam.gserviceaccount.com",)))
    engine = run(app=lambda: world.app(codebases=(world.codebase(named),)))
    assert invokers(engine) == {"whatsappproxysend": {"serviceAccount:a@p.iam.gserviceaccount.com"}}


def test_an_invoker_is_created_after_its_function_and_replaced_with_it(run: Run) -> None:
    engine = run()
    for bound in engine.of("serviceIamBinding:ServiceIamBinding"):
        owner = engine.one(bound.name.removesuffix("-invokers"))
        assert owner.urn in bound.depends_on
        assert list(bound.request.replace_with) == [owner.urn]
        assert bound.request.deleteBeforeReplace


def test_an_https_function_has_the_inputs_of_the_firebase_cli(run: Run) -> None:
    sent = function(run(), "whatsappProxySend")
    assert sent["buildConfig"] == {
        "runtime": "nodejs22",
        "entryPoint": "whatsappProxySend",
        "environmentVariables": {"GOOGLE_NODE_RUN_SCRIPTS": "", "SOURCE_ARCHIVE": "default-0f0f.zip"},
        "source": {
            "storageSource": {
                "bucket": f"{world.PROJECT}-crm-functions",
                "object": "default-0f0f.zip",
                "generation": 1,
            }
        },
    }
    assert sent["serviceConfig"]["environmentVariables"] == {
        "EVENTARC_CLOUD_EVENT_SOURCE": (
            f"projects/{world.PROJECT}/locations/{world.REGION}/services/whatsappProxySend"
        ),
        "FIREBASE_CONFIG": f'{{"projectId": "{world.PROJECT}"}}',
        "FUNCTION_REGION": world.REGION,
        "FUNCTION_TARGET": "whatsappProxySend",
        "GCLOUD_PROJECT": world.PROJECT,
        "LOG_EXECUTION_ID": "true",
    }
    # No hash of firebase-tools, which would skip the function.
    assert sent["labels"] == {"deployment-tool": "pulumi", "firebase-functions-hash": "pulumi"}
    assert "eventTrigger" not in sent


def test_with_digests_a_function_is_built_from_the_archive_that_it_holds(run: Run) -> None:
    digests = {one.entry_point: f"digest-of-{one.id}" for one in world.ENDPOINTS}
    codebase = replace(world.codebase(*world.ENDPOINTS), sources=digests)
    engine = run(app=lambda: world.app(codebases=(codebase,)))
    build = function(engine, "whatsappProxySend")["buildConfig"]
    held = engine.one(f"functions-{world.REGION}-whatsappProxySend-source")
    assert build["environmentVariables"]["SOURCE_ARCHIVE"] == "functions/default-digest-of-whatsappProxySend"
    assert build["source"]["storageSource"] == {
        "bucket": f"{world.PROJECT}-crm-functions",
        "object": "default-0f0f.zip",
        "generation": 1,
    }
    assert {key: held.inputs[key] for key in ("digest", "object", "generation")} == {
        "digest": "digest-of-whatsappProxySend",
        "object": "default-0f0f.zip",
        "generation": "1",
    }
    assert any(urn == held.urn for urn in engine.one(held.name.removesuffix("-source")).depends_on)
    verified = engine.one("verification-run").inputs["stdin"]
    assert '"source": "functions/default-digest-of-whatsappProxySend"' in verified


def test_a_firestore_function_has_its_trigger_and_signature_type(run: Run) -> None:
    sent = function(run(), "aggregateClientStats")
    assert sent["eventTrigger"] == {
        "eventType": "google.cloud.firestore.document.v1.written",
        "eventFilters": [
            {"attribute": "database", "value": "(default)"},
            {"attribute": "namespace", "value": "(default)"},
            {"attribute": "document", "value": "evenimente/{eventId}", "operator": "match-path-pattern"},
        ],
        "triggerRegion": "nam5",
        "retryPolicy": "RETRY_POLICY_RETRY",
        "serviceAccountEmail": f"crm-fn@{world.PROJECT}.iam.gserviceaccount.com",
    }
    assert sent["serviceConfig"]["environmentVariables"]["FUNCTION_SIGNATURE_TYPE"] == "cloudevent"


def test_a_function_can_be_in_a_network_without_a_connector(run: Run) -> None:
    inside = replace(world.PUBLIC, network=Network(network="default", subnetwork=None, tags=("a",)))
    engine = run(app=lambda: world.app(codebases=(world.codebase(inside),)))
    service = function(engine, "whatsappProxySend")["serviceConfig"]
    assert service["directVpcNetworkInterfaces"] == [{"network": "default", "tags": ["a"]}]
    assert service["directVpcEgress"] == "VPC_EGRESS_PRIVATE_RANGES_ONLY"
    assert "vpcConnector" not in service
    assert "vpcConnectorEgressSettings" not in service


def test_another_trigger_replaces_the_function(run: Run) -> None:
    engine = run()
    request = engine.one("functions-us-central1-aggregateClientStats").request
    assert set(request.replaceOnChanges) == {
        "eventTrigger.eventType",
        "eventTrigger.pubsubTopic",
        "eventTrigger.triggerRegion",
    }
    assert request.deleteBeforeReplace
    kinds = {name: engine.one(f"functions-us-central1-{name}").request.replacement_trigger for name in KINDS}
    assert {name: kind.string_value for name, kind in kinds.items()} == KINDS


def test_a_schedule_calls_the_function_as_the_functions_account(run: Run) -> None:
    engine = run()
    job = engine.one("functions-us-central1-process_followUps-schedule")
    assert job.inputs["name"] == "firebase-schedule-process_followUps-us-central1"
    assert job.inputs["httpTarget"] == {
        "httpMethod": "POST",
        "uri": f"https://us-central1-{world.PROJECT}.cloudfunctions.net/process_followUps",
        "oidcToken": {"serviceAccountEmail": f"crm-fn@{world.PROJECT}.iam.gserviceaccount.com"},
    }
    assert job.inputs["paused"] is False, "a pause in the console must be drift"
    assert job.inputs["attemptDeadline"] == "180s"
    # With Google's defaults: fields that the server fills in would be a change in every preview.
    assert job.inputs["retryConfig"] == {
        "retryCount": 2,
        "maxRetryDuration": "0s",
        "minBackoffDuration": "5s",
        "maxBackoffDuration": "3600s",
        "maxDoublings": 5,
    }
    assert "functions-us-central1-process_followUps-invokers" in engine.waits_for(job)


def test_the_labels_name_the_trigger(run: Run) -> None:
    engine = run()
    assert function(engine, "askAboutClient")["labels"]["deployment-callable"] == "true"
    assert function(engine, "process_followUps")["labels"]["deployment-scheduled"] == "true"


def test_a_named_codebase_is_a_label(run: Run) -> None:
    named = replace(world.codebase(world.PUBLIC), name="crm")
    engine = run(app=lambda: world.app(codebases=(named,)))
    assert function(engine, "whatsappProxySend")["labels"]["firebase-functions-codebase"] == "crm"


def test_the_guard_knows_all_functions_and_where_their_code_is(run: Run) -> None:
    inputs = dict(run().one("functions-deletion").inputs)
    del inputs["__provider"]
    assert inputs == {
        "functions": sorted(endpoint.id for endpoint in world.ENDPOINTS),
        "sources": [{"folder": "examples/crm/functions", "compiled": ["examples/crm/functions/lib"]}],
        "production": False,
        "allowed": False,
        "unmanaged": {},
    }


def test_the_guard_knows_the_settings_and_that_no_function_is_left(run: Run) -> None:
    def production() -> Settings:
        given = world.settings(production=True)
        return replace(given, functions=replace(given.functions, allow_function_deletion=True))

    guard = run(settings=production, app=lambda: world.app(codebases=())).one("functions-deletion")
    assert (guard.inputs["production"], guard.inputs["allowed"]) == (True, True)
    assert guard.inputs["functions"] == []


def test_a_codebase_cannot_replace_the_variables_of_the_platform(run: Run) -> None:
    own = replace(world.PUBLIC, environment={"TZ": "UTC", "GCLOUD_PROJECT": "another"})
    engine = run(app=lambda: world.app(codebases=(world.codebase(own),)))
    variables = function(engine, "whatsappProxySend")["serviceConfig"]["environmentVariables"]
    assert (variables["TZ"], variables["GCLOUD_PROJECT"]) == ("UTC", world.PROJECT)


def test_changed_code_changes_the_archive_the_functions_and_the_verification(run: Run) -> None:
    other = world.codebase(*world.ENDPOINTS, content="beef")
    before, after = run(), run(app=lambda: world.app(codebases=(other,)))
    changed = {
        resource.name
        for resource in after.registered
        if dict(resource.inputs) != dict(before.one(resource.name).inputs)
    }
    assert changed == {
        "functions-source-default",
        "verification-run",
        *(f"functions-{world.REGION}-{endpoint.id}" for endpoint in world.ENDPOINTS),
    }


def test_old_archives_are_kept_for_a_rollback(run: Run) -> None:
    request = run().one("functions-source-default").request
    assert request.retainOnDelete
    assert request.deleteBeforeReplaceDefined
    assert not request.deleteBeforeReplace


def test_another_region_does_not_replace_the_bucket(run: Run) -> None:
    assert list(run().one("functions-sources").request.ignoreChanges) == ["location"]


def test_the_bucket_is_not_public(run: Run) -> None:
    bucket = run().one("functions-sources").inputs
    assert bucket["uniformBucketLevelAccess"] is True
    assert bucket["publicAccessPrevention"] == "enforced"


def test_a_function_depends_on_the_access_to_its_secrets(run: Run) -> None:
    engine = run()
    readers = {
        bound.name
        for bound in engine.of("secretIamMember:SecretIamMember")
        if bound.inputs["secretId"] == "GROQ_API_KEY"
    }
    assert readers
    assert readers < engine.waits_for(engine.one("functions-us-central1-askAboutClient"))


def test_one_function_in_two_regions_is_two_functions(run: Run) -> None:
    other = replace(world.PUBLIC, region="europe-west1")
    engine = run(app=lambda: world.app(codebases=(world.codebase(world.PUBLIC, other),)))
    assert {f.name for f in engine.of("cloudfunctionsv2/function:Function")} == {
        "functions-us-central1-whatsappProxySend",
        "functions-europe-west1-whatsappProxySend",
    }


def test_the_guard_knows_what_removes_a_function_that_is_left_as_it_is_from_the_state(run: Run) -> None:
    before = run()
    left = Unmanaged(
        id="exportClients", region=world.REGION, kind="task queues", reason="x", setting="exportClients"
    )
    codebase = replace(world.codebase(world.PUBLIC), unmanaged=(left,))
    after = run(app=lambda: world.app(codebases=(codebase,)))
    urns = [
        before.one(name).urn for name in (f"functions-{world.REGION}-exportClients", "functions-deletion")
    ]
    assert after.one("functions-deletion").inputs["unmanaged"] == {
        "exportClients": [f"pulumi state delete --target-dependents --yes -s test '{urn}'" for urn in urns]
    }
    assert before.one("functions-deletion").inputs["unmanaged"] == {}
    assert not [one for one in after.registered if "exportClients" in one.name]
