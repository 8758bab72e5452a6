"""Input that made a preview hang: each is read in bounded time, or is a problem."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout import compiled_output, discovery_failure, regular_expression
from checkout.discovery_source import Source
from checkout.minimatch import Ignored, PatternError, compile_pattern
from checkout.params import Sources, resolve
from settings.model import GoogleSettings
from tests.bad_rows import Bad
from tests.security.stack_config import loaded
from tests.security.test_bad_code import source_of, write
from tests.time_limit import cpu_limit

pytestmark = pytest.mark.unit


@pytest.fixture
def quick() -> Iterator[None]:
    with cpu_limit(10):
        yield


@pytest.fixture
def limited() -> Iterator[None]:
    """For what other processes do: without one limit for all of them it takes 60 seconds or more."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < 45


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("+(a|aa)b", "a" * 200, False),
        ("+(a|aa)b", "a" * 200 + "b", True),
        ("*(*(a|aa)|*(aaa))b", "a" * 250, False),
        ("+(*(+(a)))b", "a" * 250, False),
        ("*a" * 8 + "b", "a" * 255, False),
        ("@(!(+(a|aa)b))", "a" * 200, True),
        ("@(!(*(a))*(a)b)", "a" * 200, False),
        ("@(a|aa)" * 100 + "b", "a" * 200, False),
        ("+(?|??)" * 20 + "b", "a" * 200, False),
    ],
)
def test_a_pattern_takes_no_time(pattern: str, name: str, *, matches: bool) -> None:
    assert (Ignored([pattern], "functions").by(name) is not None) is matches


def test_repeated_groups_in_each_other_are_bounded() -> None:
    for pattern in ("+(" * 4 + "a" + ")" * 4, "@(" * 60 + "a" + ")" * 60):
        with pytest.raises(PatternError, match="in each other"):
            compile_pattern(pattern)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("build", ["tsc", "tsc -b"])
def test_projects_that_reference_each_other_are_read_once(tmp_path: Path, build: str) -> None:
    names = [f"p{number}" for number in range(150)]
    references = [{"path": f"../{name}"} for name in names]
    for name in names:
        options = {"outDir": "lib", "rootDir": "."}
        write(tmp_path, f"{name}/tsconfig.json", {"compilerOptions": options, "references": references})
        write(tmp_path, f"{name}/index.ts", "")
    write(tmp_path, "tsconfig.json", {"files": [], "references": [{"path": name} for name in names]})
    write(tmp_path, "package.json", {"main": "p0/lib/index.js", "scripts": {"build": build}})
    problems, warnings = compiled_output.validate(source_of(tmp_path))
    assert (len(problems) > 0) is (build == "tsc -b")
    assert "is one of more than 100 projects" in "".join(warnings)


@pytest.mark.usefixtures("limited")
def test_all_patterns_of_params_have_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regular_expression, "SECONDS", 2)
    text = {"text": {"validationRegex": "(a+)+$"}}
    declared = [
        {"name": f"A{number}", "type": "string", "default": "a" * 60 + "b", "input": text}
        for number in range(30)
    ]
    assert resolve(declared, Sources(), "functions")[1] == []


@pytest.mark.usefixtures("quick")
def test_a_list_of_forty_thousand_is_read() -> None:
    roles = [f"roles/r{number}" for number in range(40_000)]
    with loaded(Bad(name="", key="", fix="", config={"backendRoles": [*roles, roles[0]]})) as (_, problems):
        assert any("is listed twice" in problem.what for problem in problems)


@pytest.mark.usefixtures("limited")
def test_all_syntax_checks_have_one_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery_failure, "_SYNTAX_SECONDS", 2)
    for number in range(60):
        write(tmp_path, f"f{number}.js", "")
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\nexec sleep 1\n", encoding="utf-8")
    node.chmod(0o755)
    google = GoogleSettings(project="crm-sandbox", firestore_location="eur3", storage_bucket=None)
    source = Source(
        folder=tmp_path, app_dir=tmp_path, where="functions", digest="", google=google, environment={},
        timeout=5,
    )  # fmt: skip
    assert discovery_failure._syntax_error(source, os.fspath(node)) == ""
