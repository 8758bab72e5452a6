"""Service accounts, IAM roles, and the backend's key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.identities import functions_account, runtime_email
from tests.components import world
from tests.components.conftest import Run

pytestmark = pytest.mark.components


def test_an_account_can_read_exactly_the_secrets_of_its_functions(run: Run) -> None:
    engine = run()
    readers = {
        (bound.inputs["secretId"], bound.inputs["member"])
        for bound in engine.of("secretIamMember:SecretIamMember")
    }
    assert all(
        bound.inputs["role"] == "roles/secretmanager.secretAccessor"
        for bound in engine.of("secretIamMember:SecretIamMember")
    )
    for endpoint in world.ENDPOINTS:
        who = f"serviceAccount:{runtime_email(endpoint, world.PROJECT)}"
        assert {secret for secret, reader in readers if reader == who} == {
            use.secret for use in endpoint.secrets
        }, endpoint.id


def test_functions_without_secrets_share_one_account() -> None:
    assert runtime_email(world.EVENT, "p") == runtime_email(world.SCHEDULE, "p")
    assert runtime_email(world.EVENT, "p") == "crm-fn@p.iam.gserviceaccount.com"


def test_the_account_depends_on_the_set_of_secrets_and_not_on_its_order() -> None:
    assert functions_account(["A", "B"]) == functions_account(["B", "A", "B"])
    assert functions_account(["A", "B"]) != functions_account(["A"])
    assert functions_account(["AB"]) != functions_account(["A", "B"])


def test_an_account_id_is_valid() -> None:
    name = functions_account([f"SECRET_{n}" for n in range(100)])
    assert 6 <= len(name) <= 30
    assert name.replace("-", "").isalnum()
    assert name == name.lower()


def test_a_function_can_name_its_service_account(run: Run) -> None:
    named = replace(world.PUBLIC, service_account="mine@other.iam.gserviceaccount.com")
    short = replace(world.PRIVATE, service_account="short@")
    engine = run(app=lambda: world.app(codebases=(world.codebase(named, short),)))
    emails = {
        function.inputs["name"]: function.inputs["serviceConfig"]["serviceAccountEmail"]
        for function in engine.of("cloudfunctionsv2/function:Function")
    }
    assert emails == {
        named.id: "mine@other.iam.gserviceaccount.com",
        short.id: f"short@{world.PROJECT}.iam.gserviceaccount.com",
    }
    assert [account.name for account in engine.of("account:Account")] == ["identities-crm-backend"]


def test_only_accounts_of_event_functions_can_receive_events(run: Run) -> None:
    receivers = [
        grant.inputs["member"]
        for grant in run().of("iAMMember:IAMMember")
        if grant.inputs["role"] == "roles/eventarc.eventReceiver"
    ]
    assert receivers == [f"serviceAccount:{runtime_email(world.EVENT, world.PROJECT)}"]


def test_without_event_functions_googles_agents_get_no_role(run: Run) -> None:
    engine = run(app=lambda: world.app(codebases=(world.codebase(world.PUBLIC),)))
    assert engine.of("serviceIdentity:ServiceIdentity") == []
    assert not [g for g in engine.of("iAMMember:IAMMember") if "Token" in g.inputs["role"]]
    assert "apis-eventarc" not in {service.name for service in engine.of("service:Service")}


def test_event_functions_depend_on_googles_agents(run: Run) -> None:
    engine = run()
    waits = engine.waits_for(engine.one("functions-us-central1-aggregateClientStats"))
    assert {
        "identities-agent-eventarc",
        "identities-agent-pubsub",
        "identities-agent-pubsub-crm-fn-iam.serviceAccountTokenCreator",
        "identities-crm-fn-eventarc.eventReceiver",
    } < waits


def test_accounts_get_only_the_configured_roles(run: Run) -> None:
    google = replace(world.GOOGLE, backend_roles=("roles/datastore.owner",), functions_roles=())
    engine = run(settings=lambda: world.settings(google=google))
    granted = {
        (grant.inputs["member"], grant.inputs["role"]) for grant in engine.of("projects/iAMMember:IAMMember")
    }
    assert granted == {
        (f"serviceAccount:crm-backend@{world.PROJECT}.iam.gserviceaccount.com", "roles/datastore.owner"),
        (f"serviceAccount:crm-fn@{world.PROJECT}.iam.gserviceaccount.com", "roles/eventarc.eventReceiver"),
    }


def test_another_rotation_replaces_the_key(run: Run) -> None:
    rotated = replace(world.GOOGLE, key_rotation="2026-12")
    keys = [
        run(settings=lambda google=google: world.settings(google=google)).one("identities-crm-backend-key")
        for google in (world.GOOGLE, rotated)
    ]
    assert [key.inputs["keepers"] for key in keys] == [{"rotation": "1"}, {"rotation": "2026-12"}]
    assert keys[0].urn == keys[1].urn


def test_the_key_is_secret_in_the_state(run: Run) -> None:
    key = run().one("identities-crm-backend-key")
    assert "privateKey" in key.request.additionalSecretOutputs
