"""Rules: compiled first, released in place, never deleted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest

from checkout.firestore_files import OtherDatabase
from checkout.rules_compiler import compile_problems
from checkout.rules_file import RulesFile
from checkout.storage_rules import BucketRules
from components import verification_spec
from firebase.errors import GoogleError, JsonObject
from firebase.release import text_digest
from firebase.rest import GoogleApi
from tests.components import world
from tests.components.conftest import Run

pytestmark = pytest.mark.components

RULES = RulesFile(name="firestore.rules", content="rules_version = '2';")


class Compiler(GoogleApi):
    """Responds to `projects.test` and records the requests."""

    def __init__(self, answer: JsonObject | GoogleError) -> None:
        super().__init__(environ={})
        self.answer = answer
        self.asked: list[tuple[str, Any]] = []

    def call(self, method: str, product: str, path: str, **rest: Any) -> JsonObject:
        self.asked.append((f"{method} {product} {path}", rest["body"]))
        if isinstance(self.answer, GoogleError):
            raise self.answer
        return self.answer


def test_the_release_depends_on_the_ruleset_and_points_at_it(run: Run) -> None:
    engine = run()
    release = engine.one("rules-release")
    assert "rules-ruleset" in engine.waits_for(release)
    assert release.inputs["ruleset_name"] == "projects/crm-test/rulesets/one"
    assert release.inputs["release_name"] == "cloud.firestore"


def test_neither_the_release_nor_a_ruleset_is_ever_deleted(run: Run) -> None:
    engine = run()
    for name in ("rules-release", "rules-ruleset"):
        assert engine.one(name).request.retainOnDelete, name


def test_the_guard_knows_the_release_and_its_ruleset(run: Run) -> None:
    inputs = dict(run().one("rules-guard").inputs)
    del inputs["__provider"]
    assert inputs == {
        "project": world.PROJECT,
        "releases": {"cloud.firestore": "projects/crm-test/rulesets/one"},
        "allowed": False,
    }


def test_without_rules_the_guard_knows_that_and_the_setting(run: Run) -> None:
    google = replace(world.GOOGLE, allow_rules_removal=True)
    engine = run(settings=lambda: world.settings(google=google), app=lambda: world.app(rules=None))
    inputs = engine.one("rules-guard").inputs
    assert not inputs.get("releases")
    assert inputs["allowed"] is True


def test_the_verification_knows_what_no_client_may_delete(run: Run) -> None:
    google = replace(world.GOOGLE, allow_client_deletes={"clients": "they may leave"})
    inputs = run(settings=lambda: world.settings(google=google)).one("verification-run").inputs
    spec = verification_spec.from_lines(inputs["stdin"], inputs["environment"])
    assert spec.never_delete == ["clients", "threads", "**/messages"]
    assert spec.allow_client_deletes == {"clients": "they may leave"}


def test_a_named_database_has_a_release_of_its_own(run: Run) -> None:
    google = replace(world.GOOGLE, firestore_database="archive")
    engine = run(settings=lambda: world.settings(google=google))
    assert engine.one("rules-release").inputs["release_name"] == "cloud.firestore/archive"


def test_each_bucket_has_a_ruleset_and_a_release_that_are_never_deleted(run: Run) -> None:
    file = RulesFile(name="storage.rules", content="rules_version = '2'; service firebase.storage { }")
    storage = tuple(BucketRules(bucket=bucket, file=file) for bucket in ("crm-files", "my.app"))
    engine = run(app=lambda: world.app(storage=storage))
    for bucket in ("crm-files", "my.app"):
        release = engine.one(f"rules-storage-release-{bucket}")
        ruleset = engine.one(f"rules-storage-ruleset-{bucket}")
        assert release.inputs["release_name"] == f"firebase.storage/{bucket}"
        assert f"rules-storage-ruleset-{bucket}" in engine.waits_for(release)
        assert ruleset.inputs["source"]["files"] == [{"name": file.name, "content": file.content}]
        assert release.request.retainOnDelete
        assert ruleset.request.retainOnDelete
    names = {"firebase.storage/crm-files", "firebase.storage/my.app"}
    assert set(engine.one("rules-guard").inputs["releases"]) == {"cloud.firestore", *names}
    inputs = engine.one("verification-run").inputs
    spec = verification_spec.from_lines(inputs["stdin"], inputs["environment"])
    assert spec.other_digests == dict.fromkeys(names, text_digest({file.name: file.content}))
    assert set(spec.other_rulesets) == names


def test_another_database_has_its_own_release_and_indexes(run: Run) -> None:
    text = "rules_version = '2'; service cloud.firestore { }"
    other = OtherDatabase(
        database="my-archive",
        rules=RulesFile(name="archive.rules", content=text),
        indexes=world.INDEXES,
        fields=(world.FIELD,),
    )
    engine = run(app=lambda: world.app(databases=(other,)))
    release = engine.one("rules-database-release-my-archive")
    assert release.inputs["release_name"] == "cloud.firestore/my-archive"
    assert release.request.retainOnDelete
    names = {"cloud.firestore", "cloud.firestore/my-archive"}
    assert set(engine.one("rules-guard").inputs["releases"]) == names
    for spec in world.INDEXES:
        index = engine.one(f"indexes.my_archive-{spec.key}")
        assert index.inputs["database"] == "my-archive"
        assert index.name.partition("-")[2] == spec.key  # what an adoption compares
    builds = engine.one("indexes.my_archive-builds")
    assert builds.inputs["database"] == "my-archive"
    assert "indexes.my_archive-builds" in engine.waits_for(engine.one("verification-run"))
    inputs = engine.one("verification-run").inputs
    spec = verification_spec.from_lines(inputs["stdin"], inputs["environment"])
    assert set(spec.other_indexes) == {"my-archive"}
    assert set(spec.other_indexes["my-archive"]) == {one.key for one in world.INDEXES}
    assert set(spec.other_rulesets) == {"cloud.firestore/my-archive"}


def test_the_state_of_an_earlier_version_can_be_verified(run: Run) -> None:
    inputs = run().one("verification-run").inputs
    head, *rest = inputs["stdin"].splitlines()
    earlier = {key: value for key, value in json.loads(head).items() if key != "other_digests"}
    environment = {k: v for k, v in inputs["environment"].items() if "_OTHER_" not in k}
    spec = verification_spec.from_lines("\n".join([json.dumps(earlier), *rest]), environment)
    assert (spec.other_digests, spec.other_rulesets, spec.other_indexes) == ({}, {}, {})


def test_rules_that_do_not_compile_are_problems_with_their_line(tmp_path: Path) -> None:
    api = Compiler(
        {
            "issues": [
                {
                    "severity": "ERROR",
                    "description": "Missing '}'",
                    "sourcePosition": {"line": 7, "column": 3},
                }
            ]
        }
    )
    problems = compile_problems(api, world.PROJECT, RULES, tmp_path)
    assert [problem.key for problem in problems] == ["firestore.rules"]
    assert "line 7, column 3" in problems[0].what
    assert "Missing '}'" in problems[0].what
    assert api.asked[0][0] == f"POST firebaserules projects/{world.PROJECT}:test"


def test_a_warning_of_the_compiler_is_not_a_problem(tmp_path: Path) -> None:
    api = Compiler({"issues": [{"severity": "WARNING", "description": "Unused function"}]})
    assert compile_problems(api, world.PROJECT, RULES, tmp_path) == []


def test_rules_that_compiled_are_not_compiled_again(tmp_path: Path) -> None:
    api = Compiler({})
    for _ in range(3):
        assert compile_problems(api, world.PROJECT, RULES, tmp_path) == []
    assert len(api.asked) == 1


def test_another_text_or_project_is_compiled(tmp_path: Path) -> None:
    api = Compiler({})
    other = RulesFile(name=RULES.name, content=RULES.content + "\n")
    for project, rules in ((world.PROJECT, RULES), (world.PROJECT, other), ("else-where", RULES)):
        compile_problems(api, project, rules, tmp_path)
    assert len(api.asked) == 3


def test_a_failure_is_not_cached(tmp_path: Path) -> None:
    api = Compiler({"issues": [{"description": "no"}]})
    assert compile_problems(api, world.PROJECT, RULES, tmp_path)
    assert compile_problems(api, world.PROJECT, RULES, tmp_path)
    assert len(api.asked) == 2


def test_a_disabled_api_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first `up` enables it; the preview before must not fail."""
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    off = GoogleError("disabled", "enable it", status=403, reason="SERVICE_DISABLED")
    assert compile_problems(Compiler(off), world.PROJECT, RULES, tmp_path) == []
    assert len(warnings) == 1
    assert "firestore.rules was not compiled" in warnings[0]


def test_a_failed_request_is_a_problem_with_its_fix(tmp_path: Path) -> None:
    refused = GoogleError("expired", "renew it", status=401, reason="UNAUTHENTICATED")
    problems = compile_problems(Compiler(refused), world.PROJECT, RULES, tmp_path)
    assert [problem.fix for problem in problems] == ["renew it"]
