"""`checkout.app` on the example app and on changed copies of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pulumi
import pytest

from checkout import app
from checkout.app import App
from checkout.endpoints import ScheduleTrigger
from settings.load import load_settings
from settings.problems import Problem
from tests import bad_settings
from tests.bad_settings import Bad

pytestmark = pytest.mark.unit

Stack = Callable[[Mapping[str, str], list[str]], pulumi.Config]


class Checkout:
    """A copy of the example app; `load` reads it for a stack with this config."""

    def __init__(self, root: Path, node_modules: Path, stack: Stack) -> None:
        self.folder = bad_settings.copy_app(root / "app", node_modules)
        self.cache = root / "cache"
        self._stack = stack

    def load(self, **config: object) -> tuple[App | None, list[Problem]]:
        values, secret = bad_settings.stack_config(Bad(name="", key="", fix="", config=config), self.folder)
        found, problems = load_settings(self._stack(values, secret), "sandbox", bad_settings.ENVIRON)
        assert problems == []
        assert found is not None
        return app.load(found, self.cache)

    def good(self, **config: object) -> App:
        loaded, problems = self.load(**config)
        assert problems == []
        assert loaded is not None
        return loaded

    def append(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")

    def firebase_json(self, change: Callable[[dict[str, object]], None]) -> None:
        path = self.folder / "firebase.json"
        document: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
        change(document)
        path.write_text(json.dumps(document), encoding="utf-8")


@pytest.fixture
def checkout(tmp_path: Path, node_modules: Path, stack: Stack) -> Checkout:
    return Checkout(tmp_path, node_modules, stack)


def test_everything_in_the_example_is_read(checkout: Checkout) -> None:
    found = checkout.good()
    assert found.rules is not None
    assert found.rules.name == "firestore.rules"
    assert found.rules.content == (checkout.folder / "firestore.rules").read_text(encoding="utf-8")
    assert len(found.indexes) >= 5
    assert found.fields
    (codebase,) = found.codebases
    kinds = {type(endpoint.trigger).__name__ for endpoint in codebase.endpoints}
    assert kinds == {"HttpsTrigger", "CallableTrigger", "EventTrigger", "ScheduleTrigger"}
    assert {endpoint.runtime for endpoint in codebase.endpoints} == {"nodejs22"}
    assert any(isinstance(endpoint.trigger, ScheduleTrigger) for endpoint in codebase.endpoints)
    assert "cloudscheduler.googleapis.com" in codebase.required_apis
    assert codebase.archive.path.is_file()
    assert found.warnings == ()
    assert found.notes == ()


def test_loading_twice_has_the_same_result(checkout: Checkout) -> None:
    assert checkout.good() == checkout.good()


def test_a_file_that_is_not_deployed_has_no_effect(checkout: Checkout) -> None:
    before = checkout.good()
    (checkout.folder / "functions/settings.local").write_text("about", encoding="utf-8")
    (checkout.folder / "functions/test/more.test.js").write_text("1;", encoding="utf-8")
    assert checkout.good() == before


def test_changed_code_changes_only_the_archive(checkout: Checkout) -> None:
    before = checkout.good()
    checkout.append("functions/index.js", "// a comment\n")
    after = checkout.good()
    assert after.codebases[0].archive.object_name != before.codebases[0].archive.object_name
    assert after.codebases[0].endpoints == before.codebases[0].endpoints


def test_the_runtime_of_the_stack_applies_to_every_function(checkout: Checkout) -> None:
    found = checkout.good(functionsRuntime="nodejs24")
    assert {endpoint.runtime for endpoint in found.codebases[0].endpoints} == {"nodejs24"}


def test_configured_params_are_evaluated_and_in_the_environment(checkout: Checkout) -> None:
    found = checkout.good(
        functionParams={"AI_PROVIDER": "openai"},
        secrets={"OPENAI_API_KEY": "sk-not-a-real-key", "ADMIN_EMAILS": "owner@example.com"},
    )
    asking = next(endpoint for endpoint in found.codebases[0].endpoints if endpoint.id == "askAboutClient")
    assert asking.environment["AI_PROVIDER"] == "openai"
    assert [use.secret for use in asking.secrets] == ["OPENAI_API_KEY"]


BOTH = (
    'exports.both = require("firebase-functions/https").onCall('
    '{ secrets: ["GROQ_API_KEY", "OPENAI_API_KEY"] }, () => {});\n'
)
EITHER = ["OPENAI_API_KEY|GROQ_API_KEY"]


def test_a_function_needs_both_ai_keys_unless_a_setting_says_that_one_is_enough(checkout: Checkout) -> None:
    checkout.append("functions/index.js", BOTH)
    _, problems = checkout.load()
    (problem,) = problems
    assert problem.what == "both uses the secret OPENAI_API_KEY, which is not configured."
    assert problem.fix == (
        "pulumi config set --secret --path 'whatsapp-crm:secrets.OPENAI_API_KEY'\n"
        "or:  pulumi config set --path --type string 'whatsapp-crm:alternativeSecrets[0]' "
        "'OPENAI_API_KEY|GROQ_API_KEY'  # if GROQ_API_KEY is enough"
    )


def test_one_of_two_alternatives_is_enough_with_a_warning_that_names_both(checkout: Checkout) -> None:
    checkout.append("functions/index.js", BOTH)
    found = checkout.good(alternativeSecrets=EITHER)
    both = next(endpoint for endpoint in found.codebases[0].endpoints if endpoint.id == "both")
    assert [use.secret for use in both.secrets] == ["GROQ_API_KEY"]
    (warning,) = found.warnings
    assert warning.startswith(
        "both: deployed without the secret OPENAI_API_KEY, which is not configured: "
        "whatsapp-crm:alternativeSecrets says that GROQ_API_KEY is enough."
    )
    assert "pulumi config set --secret --path 'whatsapp-crm:secrets.OPENAI_API_KEY'" in warning


def test_a_function_that_uses_both_gets_both_when_both_are_configured(checkout: Checkout) -> None:
    checkout.append("functions/index.js", BOTH)
    secrets = {**bad_settings.SECRETS, "OPENAI_API_KEY": "sk-not-a-real-key"}
    found = checkout.good(alternativeSecrets=EITHER, secrets=secrets)
    both = next(endpoint for endpoint in found.codebases[0].endpoints if endpoint.id == "both")
    assert [use.secret for use in both.secrets] == ["GROQ_API_KEY", "OPENAI_API_KEY"]
    assert found.warnings == ()


def test_a_function_with_one_ai_key_needs_that_key(checkout: Checkout) -> None:
    checkout.append(
        "functions/index.js",
        'exports.single = require("firebase-functions/https").onCall('
        '{ secrets: ["OPENAI_API_KEY"] }, () => {});\n',
    )
    _, problems = checkout.load(alternativeSecrets=EITHER)
    (problem,) = problems
    assert "single uses the secret OPENAI_API_KEY, which is not configured." in problem.what
    assert problem.fix == "pulumi config set --secret --path 'whatsapp-crm:secrets.OPENAI_API_KEY'"


def test_two_ai_keys_without_a_value_are_one_problem(checkout: Checkout) -> None:
    only_both = (
        'const { onCall } = require("firebase-functions/https");\n'
        'exports.both = onCall({ secrets: ["GROQ_API_KEY", "OPENAI_API_KEY"] }, () => {});\n'
    )
    (checkout.folder / "functions/index.js").write_text(only_both, encoding="utf-8")
    _, problems = checkout.load(secrets={}, alternativeSecrets=EITHER)
    (problem,) = problems
    assert problem.what == (
        "both uses the secret GROQ_API_KEY, which is not configured "
        "(nor is OPENAI_API_KEY; one of them is enough)."
    )
    checkout.append(
        "functions/index.js", 'exports.single = onCall({ secrets: ["OPENAI_API_KEY"] }, () => {});\n'
    )
    _, problems = checkout.load(secrets={}, alternativeSecrets=EITHER)
    (problem,) = problems
    assert problem.what == "single uses the secret OPENAI_API_KEY, which is not configured."


def test_an_unused_secret_is_a_warning(checkout: Checkout) -> None:
    found = checkout.good(secrets={**bad_settings.SECRETS, "SPARE": "not-a-real-key"})
    (warning,) = found.warnings
    assert "whatsapp-crm:secrets.SPARE is configured, but no function uses it" in warning
    assert "not-a-real-key" not in warning


def test_an_overwritten_export_is_a_warning(checkout: Checkout) -> None:
    checkout.append(
        "functions/index.js", "module.exports = { processOutboxNow: exports.processOutboxNow };\n"
    )
    loaded, _ = checkout.load(secrets={})
    assert loaded is not None
    warned = "\n".join(loaded.warnings)
    assert "functions: exports.whatsappProxySend is not deployed" in warned
    assert "exports.processOutboxNow is not deployed" not in warned


def test_commands_that_are_not_run_are_warnings(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    def change(document: dict[str, object]) -> None:
        hooks = {"predeploy": ["npm run build"], "postdeploy": "npm run notify"}
        document["functions"] = {"source": "functions", "runtime": "nodejs22", **hooks}
        document["firestore"] = {"rules": "firestore.rules", "predeploy": "npm run rules"}

    checkout.firebase_json(change)
    rules, before, after = checkout.good().warnings
    assert "firestore: this program does not run these commands: npm run rules" in rules
    assert "its predeploy commands were not run: npm run build." in before
    assert "fix: run them before the preview\n    or:  pulumi config set " in before
    assert "whatsapp-crm:runPredeploy true" in before
    assert "does not run postdeploy commands. Run them afterwards: npm run notify" in after


def test_a_function_in_two_codebases_is_a_problem(checkout: Checkout) -> None:
    manifest = (
        "specVersion: v1alpha1\nendpoints:\n"
        "  extra: {platform: gcfv2, entryPoint: extra, httpsTrigger: {}}\n"
        "  SETMEMBER: {platform: gcfv2, entryPoint: x, region: [europe-west1], httpsTrigger: {}}\n"
    )
    jobs = checkout.folder / "jobs"
    jobs.mkdir()
    (jobs / "package.json").write_text('{"engines": {"node": "22"}}', encoding="utf-8")
    (jobs / "functions.yaml").write_text(manifest, encoding="utf-8")

    def change(document: dict[str, object]) -> None:
        document["functions"] = [
            {"source": "functions", "codebase": "default", "runtime": "nodejs22"},
            {"source": "jobs", "codebase": "jobs"},
        ]

    checkout.firebase_json(change)
    _, problems = checkout.load()
    assert [problem.what for problem in problems] == [
        "the codebases default and jobs both deploy SETMEMBER in europe-west1."
    ]
    (jobs / "functions.yaml").write_text(manifest.replace("SETMEMBER", "setOther"), encoding="utf-8")
    found = checkout.good()
    assert [codebase.name for codebase in found.codebases] == ["default", "jobs"]
    assert found.codebases[1].archive.object_name.startswith("functions/jobs-")


@pytest.mark.parametrize(
    ("engine", "runtime"),
    [("22", "nodejs22"), ("24.x", "nodejs24"), ("^22.1.0", "nodejs22"), ("v22", "nodejs22")],
)
def test_the_runtime_can_come_from_package_json(checkout: Checkout, engine: str, runtime: str) -> None:
    assert from_package_json(checkout, engine) == (runtime, [])


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        (">=20", "does not name one major version"),
        ("20 || 22", "does not name one major version"),
        ("20", "was decommissioned on 2026-10-30"),
        ("21", "does not exist on Google"),
        (None, "neither firebase.json nor package.json names a runtime"),
    ],
)
def test_an_unusable_runtime_is_a_problem(checkout: Checkout, engine: str | None, message: str) -> None:
    runtime, problems = from_package_json(checkout, engine)
    assert runtime is None
    assert len(problems) == 1
    assert message in problems[0].what
    assert "pulumi config set whatsapp-crm:functionsRuntime nodejs22" in problems[0].fix


@pytest.mark.parametrize("runtime", ["python313", "nodejs", "go125", "node22"])
def test_a_runtime_of_another_language_is_a_problem(checkout: Checkout, runtime: str) -> None:
    loaded, problems = checkout.load(functionsRuntime=runtime)
    assert loaded is None
    assert [problem.key for problem in problems] == ["whatsapp-crm:functionsRuntime"]


def test_an_unknown_runtime_and_region_are_deployed_with_a_warning(checkout: Checkout) -> None:
    """Google adds both more often than this program is released."""
    checkout.append(
        "functions/index.js",
        'exports.far = require("firebase-functions/https").onRequest({ region: "europe-wst1" }, () => {});\n',
    )
    found = checkout.good(functionsRuntime="nodejs26")
    far = next(endpoint for endpoint in found.codebases[0].endpoints if endpoint.id == "far")
    assert (far.runtime, far.region) == ("nodejs26", "europe-wst1")
    runtime, region = found.warnings
    assert (
        'nodejs26 (whatsapp-crm:functionsRuntime) is not known to this version; did you mean "no' in runtime
    )
    assert (
        'far: the region "europe-wst1" is not known to this version; did you mean "europe-west1"?' in region
    )
    assert all("\n    fix: " in warning for warning in found.warnings)


def from_package_json(checkout: Checkout, engine: str | None) -> tuple[str | None, list[Problem]]:
    """The runtime if only package.json names one."""

    def change(document: dict[str, object]) -> None:
        document["functions"] = {"source": "functions"}

    checkout.firebase_json(change)
    path = checkout.folder / "functions/package.json"
    package: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    package["engines"] = {} if engine is None else {"node": engine}
    path.write_text(json.dumps(package), encoding="utf-8")
    loaded, problems = checkout.load()
    return loaded.codebases[0].endpoints[0].runtime if loaded else None, problems


def test_loading_a_file_outside_of_the_codebase_is_a_problem(checkout: Checkout) -> None:
    (checkout.folder / "shared.js").write_text("", encoding="utf-8")
    checkout.append("functions/index.js", 'require("../shared");\n')
    _, problems = checkout.load()
    assert [problem.key for problem in problems] == ["functions/../shared.js"]
    assert "Move it into functions" in problems[0].fix


def test_no_secret_is_written_to_the_cache(checkout: Checkout) -> None:
    checkout.good()
    for path in checkout.cache.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(value.encode() in content for value in bad_settings.SECRETS.values())
