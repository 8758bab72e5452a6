"""The whole program: what holds for every resource, and the order between components."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pulumi
import pytest

from checkout import load
from checkout.app import App, RulesFile
from components import verification_spec
from firebase.release import text_digest
from settings.model import SecretSettings
from settings.problems import Problem
from tests.components import world
from tests.components.conftest import PROGRAM, Run
from tests.components.engine import PRIVATE_KEY

pytestmark = pytest.mark.components


def test_every_google_resource_uses_the_one_provider(run: Run) -> None:
    engine = run()
    google = [resource for resource in engine.registered if resource.kind.startswith("gcp:")]
    assert len(google) > 40
    assert {resource.provider for resource in google} == {f"{engine.one('google').urn}::id-of-google"}


def test_the_provider_has_the_project_and_no_credentials(run: Run) -> None:
    inputs = run().one("google").inputs
    assert (inputs["project"], inputs["region"]) == (world.PROJECT, world.REGION)
    assert not {key for key in inputs if "token" in key.lower() or "credential" in key.lower()}
    assert json.loads(inputs["batching"]) == {"enableBatching": True, "sendAfter": "1s"}
    assert inputs["skipRegionValidation"] == "true", "without it, the plugin warns where Compute is disabled"


def test_every_resource_is_in_a_component(run: Run) -> None:
    engine = run()
    bare = [
        resource.name
        for resource in engine.registered
        if not resource.kind.startswith(("whatsapp-crm:", "pulumi:"))
        and "whatsapp-crm:components:" not in resource.parent
    ]
    assert bare == []


def test_no_secret_is_in_an_input_that_is_not_secret(run: Run) -> None:
    """Inputs are written to the state."""
    values = (world.GROQ, world.ADMINS, "made-up", "generated-admin-token")

    def holds(inputs: Mapping[str, object]) -> bool:
        return any(value in json.dumps(dict(inputs)) for value in values)

    holding = [resource for resource in run().registered if holds(resource.inputs)]
    assert {resource.name for resource in holding} == {
        "backend-variables",
        "secrets-ADMIN_EMAILS-version",
        "secrets-GROQ_API_KEY-version",
    }
    for resource in holding:
        others = {key: value for key, value in resource.inputs.items() if key not in resource.secret}
        assert not holds(others), resource.name


def test_code_depends_on_the_indexes(run: Run) -> None:
    engine = run()
    indexes = {resource.name for resource in engine.of("firestore/index:Index")}
    assert len(indexes) == len(world.INDEXES)
    assert indexes < engine.waits_for(engine.one("backend-deployment"))
    for function in engine.of("cloudfunctionsv2/function:Function"):
        assert indexes < engine.waits_for(function), function.name


def test_the_deployment_depends_on_all_other_railway_resources(run: Run) -> None:
    engine = run()
    others = {
        resource.name
        for resource in engine.registered
        if "dynamic/railway:" in resource.kind and resource.name != "backend-deployment"
    }
    assert len(others) == 8
    assert others < engine.waits_for(engine.one("backend-deployment"))


def test_the_deployment_depends_on_the_roles_and_the_key_of_its_account(run: Run) -> None:
    engine = run()
    waits = engine.waits_for(engine.one("backend-deployment"))
    assert {"identities-crm-backend-datastore.user", "identities-crm-backend-key"} < waits


def test_the_verification_is_last(run: Run) -> None:
    engine = run()
    waits = engine.waits_for(engine.one("verification-run"))
    for kind in ("function:Function", "index:Index", "secretVersion:SecretVersion", "railway:Deployment"):
        assert {resource.name for resource in engine.of(kind)} < waits, kind
    assert "rules-release" in waits


def test_verification_gets_what_was_declared_and_no_secret(run: Run) -> None:
    command = run().one("verification-run")
    assert not command.secret
    spec = verification_spec.from_lines(command.inputs["stdin"], command.inputs["environment"])
    assert (spec.project, spec.release) == (world.PROJECT, "cloud.firestore")
    assert {function.id for function in spec.functions} == {one.id for one in world.ENDPOINTS}
    assert spec.rules_digest == text_digest({"firestore.rules": "rules_version = '2';"})
    assert set(spec.indexes) == {index.key for index in world.INDEXES}
    assert spec.ruleset == "projects/crm-test/rulesets/one"
    assert set(spec.secrets) == {"ADMIN_EMAILS", "GROQ_API_KEY", "RAILWAY_WHATSAPP_URL"}
    assert (spec.backend_url, spec.deployment) == ("https://backend.up.railway.app", "deployment-1")


def test_a_preview_shows_changed_functions_by_line_and_unknown_values_by_variable(run: Run) -> None:
    """One JSON document, or one variable for all, would show as changed as a whole."""
    inputs = run().one("verification-run").inputs
    assert len(inputs["stdin"].splitlines()) == 1 + len(world.ENDPOINTS)
    assert len(inputs["environment"]) == 7


def test_a_changed_property_of_a_function_is_verified(run: Run) -> None:
    before = run().one("verification-run").inputs["stdin"]
    changed = world.codebase(replace(world.PUBLIC, memory="512Mi"), *world.ENDPOINTS[1:])
    after = run(app=lambda: world.app(codebases=(changed,))).one("verification-run").inputs["stdin"]
    assert before != after


def test_the_verification_contains_no_path_of_this_machine(run: Run) -> None:
    inputs = run().one("verification-run").inputs
    assert str(PROGRAM.parent) not in json.dumps(dict(inputs))
    assert inputs["create"] == inputs["update"]


def test_the_backends_address_is_a_secret_of_the_functions(run: Run) -> None:
    engine = run()
    version = engine.one("secrets-RAILWAY_WHATSAPP_URL-version")
    assert version.inputs["secretData"] == "https://backend.up.railway.app"
    uses = engine.one("functions-us-central1-whatsappProxySend").inputs["serviceConfig"]
    assert uses["secretEnvironmentVariables"] == [
        {
            "key": "RAILWAY_WHATSAPP_URL",
            "projectId": world.PROJECT,
            "secret": "RAILWAY_WHATSAPP_URL",
            "version": "1",
        }
    ]


def test_without_functions_their_apis_are_not_enabled(run: Run) -> None:
    engine = run(app=lambda: world.app(codebases=()))
    services = {resource.name for resource in engine.of("projects/service:Service")}
    assert "apis-cloudfunctions" not in services
    assert "apis-firestore" in services
    assert engine.of("function:Function") == []


def test_without_rules_there_is_no_release(run: Run) -> None:
    engine = run(app=lambda: world.app(rules=None))
    assert engine.of("firebase:RulesRelease") == []
    inputs = engine.one("verification-run").inputs
    assert verification_spec.from_lines(inputs["stdin"], inputs["environment"]).ruleset is None


def test_apis_are_never_disabled(run: Run) -> None:
    services = run().of("projects/service:Service")
    assert len(services) > 10
    assert all(service.inputs["disableOnDestroy"] is False for service in services)


def test_the_apis_that_a_codebase_requires_are_enabled(run: Run) -> None:
    asking = replace(world.codebase(*world.ENDPOINTS), required_apis=("vision.googleapis.com",))
    engine = run(app=lambda: world.app(codebases=(asking,)))
    assert engine.one("apis-vision").inputs["service"] == "vision.googleapis.com"


def test_the_order_in_the_apps_files_has_no_effect(run: Run) -> None:
    def registered(app: App) -> set[tuple[str, str]]:
        return {
            (resource.urn, json.dumps(dict(resource.inputs), sort_keys=True))
            for resource in run(app=lambda: app).registered
        }

    turned = world.app(
        indexes=tuple(reversed(world.INDEXES)), codebases=(world.codebase(*reversed(world.ENDPOINTS)),)
    )
    assert registered(turned) == registered(world.app())


def problem(key: str) -> Problem:
    return Problem(key=key, what="Wrong.", fix="Set it.")


def test_all_problems_are_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = [problem("whatsapp-crm:branch"), problem("whatsapp-crm:repo")]
    monkeypatch.setattr(load, "load_settings", lambda *_: (None, wrong))
    with pytest.raises(pulumi.RunError) as raised:
        load.load()
    assert "whatsapp-crm:branch" in str(raised.value)
    assert "whatsapp-crm:repo" in str(raised.value)


def test_problems_of_settings_and_app_are_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = world.settings()
    monkeypatch.setattr(load, "load_settings", lambda *_: (settings, [problem("branch")]))
    monkeypatch.setattr(load, "load_app", lambda *_, **__: (None, [problem("firebase.json")]))
    with pytest.raises(pulumi.RunError) as raised:
        load.load()
    assert "branch" in str(raised.value)
    assert "firebase.json" in str(raised.value)


def test_rules_are_compiled_only_without_other_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> list[Problem]:
        msg = "compiled although the app has a problem"
        raise AssertionError(msg)

    monkeypatch.setattr(load, "load_settings", lambda *_: (world.settings(), []))
    monkeypatch.setattr(load, "load_app", lambda *_, **__: (world.app(), [problem("firebase.json")]))
    monkeypatch.setattr(load, "compile_problems", never)
    with pytest.raises(pulumi.RunError, match=r"firebase\.json"):
        load.load()


def test_rules_that_do_not_compile_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "load_settings", lambda *_: (world.settings(), []))
    monkeypatch.setattr(load, "load_app", lambda *_, **__: (world.app(), []))
    monkeypatch.setattr(load, "database_problems", lambda *_: [])
    monkeypatch.setattr(load, "compile_problems", lambda *_: [problem("firestore.rules")])
    with pytest.raises(pulumi.RunError, match=r"firestore\.rules"):
        load.load()


def test_a_database_that_is_not_the_declared_one_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at before the rules are compiled, and only without other problems."""

    def never(*_: object) -> list[Problem]:
        msg = "a request although there is a problem"
        raise AssertionError(msg)

    monkeypatch.setattr(load, "load_settings", lambda *_: (world.settings(), []))
    monkeypatch.setattr(load, "load_app", lambda *_, **__: (world.app(), []))
    monkeypatch.setattr(load, "database_problems", lambda *_: [problem("whatsapp-crm:firestoreLocation")])
    monkeypatch.setattr(load, "compile_problems", never)
    with pytest.raises(pulumi.RunError, match="firestoreLocation"):
        load.load()
    monkeypatch.setattr(load, "load_app", lambda *_, **__: (world.app(), [problem("firebase.json")]))
    monkeypatch.setattr(load, "database_problems", never)
    with pytest.raises(pulumi.RunError, match=r"firebase\.json"):
        load.load()


def test_rules_that_compile_and_cannot_be_read_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiler accepts a name with an escape; what it names cannot be seen in the text."""
    text = (
        "service cloud.firestore { match /databases/{d}/documents {\n"
        "match /thr%65ads/{t} { allow delete: if true; } } }"
    )
    rules = RulesFile(name="firestore.rules", content=text)
    monkeypatch.setattr(load, "load_settings", lambda *_: (world.settings(), []))
    monkeypatch.setattr(load, "load_app", lambda *_, **__: (world.app(rules=rules), []))
    monkeypatch.setattr(load, "database_problems", lambda *_: [])
    monkeypatch.setattr(load, "compile_problems", lambda *_: [])
    with pytest.raises(
        pulumi.RunError, match=r"firestore\.rules:2: it cannot be proven .* 'thr%' in a match"
    ):
        load.load()


def test_no_account_can_read_an_unused_secret(run: Run) -> None:
    def with_spare() -> SecretSettings:
        return SecretSettings(values={**world.settings().secrets.values, "SPARE": pulumi.Output.secret("x")})

    engine = run(settings=lambda: world.settings(secrets=with_spare()))
    assert engine.one("secrets-SPARE").inputs["secretId"] == "SPARE"
    assert [r for r in engine.of("secretIamMember:SecretIamMember") if r.inputs["secretId"] == "SPARE"] == []
    assert engine.one("secret-readers-SPARE").inputs["members"] == []


def test_the_backends_key_is_a_variable_with_the_text_of_the_key_file(run: Run) -> None:
    variables = run().one("backend-variables").inputs["variables"]
    assert variables["FIREBASE_SERVICE_ACCOUNT_JSON"] == PRIVATE_KEY


def test_google_changes_only_after_the_railway_project_exists(run: Run) -> None:
    """Another stack's project of the same name is an error in the `up`, before Google changes."""
    engine = run()
    google = [r for r in engine.registered if r.kind.startswith(("gcp:", "pulumi-python:dynamic/firebase:"))]
    assert len(google) > 40
    for resource in google:
        assert "railway-project" in engine.waits_for(resource), resource.name


def test_the_plugin_of_google_starts_while_the_railway_project_is_created(run: Run) -> None:
    assert run().one("google").depends_on == frozenset()
