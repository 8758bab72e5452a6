"""What each resource waits for: what it needs, and nothing else.

The expected names are the direct dependencies. A dependency on a component would be one on all its resources.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from checkout.endpoints import Endpoint
from components.identities import functions_account
from tests.components import world
from tests.components.conftest import Run
from tests.components.engine import Engine

pytestmark = pytest.mark.components

BUILDS = {"apis-artifactregistry", "apis-cloudbuild", "apis-cloudfunctions", "apis-run", "apis-storage"}
EVERY = {*BUILDS, "functions-source-default", "indexes-builds"}
AGENTS = {
    "identities-agent-eventarc",
    "identities-agent-pubsub",
}
SIGNER = "identities-agent-pubsub-{}-iam.serviceAccountTokenCreator"
ADMINS = functions_account(["ADMIN_EMAILS"])
GROQ = functions_account(["GROQ_API_KEY"])
URL = functions_account(["RAILWAY_WHATSAPP_URL"])
NONE = functions_account([])


def own(account: str) -> set[str]:
    """The account and its role."""
    return {f"identities-{account}", f"identities-{account}-datastore.user"}


def secrets(account: str, *names: str) -> set[str]:
    """The access to the secrets, and their versions."""
    return {f"secrets-{name}-{part}" for name in names for part in (account, "version")}


def waits(engine: Engine, name: str) -> set[str]:
    """The direct dependencies."""
    by_urn = {resource.urn: resource.name for resource in engine.registered}
    return {by_urn[urn] for urn in engine.one(name).depends_on}


@pytest.mark.parametrize(
    ("function", "needs"),
    [
        ("exportClients", own(ADMINS) | secrets(ADMINS, "ADMIN_EMAILS")),
        ("askAboutClient", own(GROQ) | secrets(GROQ, "GROQ_API_KEY")),
        ("whatsappProxySend", own(URL) | secrets(URL, "RAILWAY_WHATSAPP_URL")),
        ("process_followUps", own(NONE)),
        (
            "aggregateClientStats",
            own(NONE)
            | AGENTS
            | {"identities-crm-fn-eventarc.eventReceiver", SIGNER.format("crm-fn")}
            | {"apis-eventarc", "apis-pubsub"},
        ),
    ],
)
def test_a_function_waits_for_its_own_account_roles_secrets_and_events_only(
    run: Run, function: str, needs: set[str]
) -> None:
    assert waits(run(), f"functions-us-central1-{function}") == EVERY | needs


def test_an_account_that_the_code_names_is_not_waited_for(run: Run) -> None:
    """It exists already. An event function waits for the role that the program gives it."""
    named = [replace(one, service_account="mine@") for one in (world.SCHEDULE, world.EVENT)]
    engine = run(app=lambda: world.app(codebases=(world.codebase(*named),)))
    assert waits(engine, "functions-us-central1-process_followUps") == EVERY
    receiver = "identities-mine-eventarc.eventReceiver"
    assert waits(engine, "functions-us-central1-aggregateClientStats") == EVERY | AGENTS | {
        receiver,
        SIGNER.format("mine"),
        "apis-eventarc",
        "apis-pubsub",
    }
    assert waits(engine, receiver) == {"apis-cloudresourcemanager"}
    assert waits(engine, SIGNER.format("mine")) == {"apis-iam", "identities-agent-pubsub"}


def test_a_function_waits_for_the_apis_that_its_codebase_requires(run: Run) -> None:
    asking = replace(world.codebase(world.SCHEDULE), required_apis=("vision.googleapis.com",))
    engine = run(app=lambda: world.app(codebases=(asking,)))
    assert "apis-vision" in waits(engine, "functions-us-central1-process_followUps")


@pytest.mark.parametrize("backend_variable", [None, "API_URL"])
def test_no_function_waits_for_the_key_or_the_deployment_of_the_backend(
    run: Run, backend_variable: str | None
) -> None:
    """The functions need the address, which is known before the backend runs."""
    endpoints: tuple[Endpoint, ...] = (
        world.PUBLIC,
        replace(world.SCHEDULE, backend_variable=backend_variable),
    )
    engine = run(app=lambda: world.app(codebases=(world.codebase(*endpoints),)))
    for function in engine.of("cloudfunctionsv2/function:Function"):
        all_waits = engine.waits_for(function)
        assert "railway-project" in all_waits
        late = {
            "identities-crm-backend",
            "identities-crm-backend-key",
            "backend-deployment",
            "backend-volume",
        }
        assert not all_waits & late, function.name
    direct = waits(engine, "functions-us-central1-process_followUps")
    assert ("backend-domain" in direct) == (backend_variable is not None)


@pytest.mark.parametrize(
    ("resource", "needs"),
    [
        ("google", set[str]()),
        ("apis-iam", {"railway-project"}),
        ("identities-crm-fn", {"apis-iam"}),
        ("identities-crm-backend-key", {"identities-crm-backend"}),
        (
            "identities-crm-fn-datastore.user",
            {"apis-cloudresourcemanager", "identities-crm-fn"},
        ),
        ("identities-agent-eventarc", {"apis-eventarc", "apis-serviceusage"}),
        (
            SIGNER.format("crm-fn"),
            {"identities-crm-fn", "identities-agent-pubsub"},
        ),
        ("secrets-GROQ_API_KEY", {"apis-secretmanager"}),
        (f"secrets-GROQ_API_KEY-{GROQ}", {f"identities-{GROQ}", "secrets-GROQ_API_KEY"}),
        ("secrets-RAILWAY_WHATSAPP_URL-version", {"backend-domain", "secrets-RAILWAY_WHATSAPP_URL"}),
        ("functions-sources", {"apis-storage"}),
        ("functions-source-default", {"functions-sources"}),
        ("database-firestore", {"apis-firestore"}),
        ("indexes-ttl", {"database-firestore"}),
        ("rules-ruleset", {"apis-firebaserules"}),
        ("backend-domain", {"railway-project", "backend-environment", "backend-service"}),
        ("backend-volume", {"railway-project", "backend-environment", "backend-service"}),
    ],
)
def test_each_resource_waits_for_what_it_needs_only(run: Run, resource: str, needs: set[str]) -> None:
    assert waits(run(), resource) == needs


def test_only_the_variables_and_the_deployment_of_the_backend_wait_for_google(run: Run) -> None:
    engine = run()
    of_railway = [r for r in engine.registered if "dynamic/railway:" in r.kind]
    waiting = {r.name for r in of_railway if any(name.startswith("apis-") for name in engine.waits_for(r))}
    assert waiting == {"backend-variables", "backend-deployment"}
