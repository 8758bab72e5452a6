"""Every row of the table: one problem with its key and its fix, and without a secret."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pulumi
import pytest

from checkout import app
from settings.load import load_settings
from settings.model import Settings
from settings.problems import Problem, render
from tests import bad_settings
from tests.bad_settings import APP, SETTINGS, Bad
from tests.time_limit import SECONDS_OF_A_ROW, time_limit

pytestmark = pytest.mark.unit

Stack = Callable[[Mapping[str, str], list[str]], pulumi.Config]
NO_CHANGE = Bad(name="nothing wrong", key="", fix="")
LOCAL = tuple(bad for bad in APP if not bad.remote)


@pytest.fixture(autouse=True)
def limited() -> Iterator[None]:
    """A row that takes longer than 10 seconds fails, also one that waits without end."""
    with time_limit(SECONDS_OF_A_ROW):
        yield


def by_name(bad: Bad) -> str:
    return bad.name


def load(bad: Bad, stack: Stack, app_dir: Path | None = None) -> tuple[Settings | None, list[Problem]]:
    config, secret = bad_settings.stack_config(bad, app_dir)
    return load_settings(stack(config, secret), bad.stack, bad_settings.environ(bad))


def check(bad: Bad, problems: list[Problem]) -> None:
    told = render(problems)
    assert len(told) < 10_000
    assert [problem.key for problem in problems] == [bad.key], told
    assert bad.fix in problems[0].fix, told
    assert "Traceback" not in told
    for value in bad_settings.SECRETS.values():
        assert value not in told


def test_the_sandbox_stack_is_right(stack: Stack) -> None:
    found, problems = load(NO_CHANGE, stack)
    assert problems == []
    assert found is not None
    assert found.secrets.names == ("ADMIN_EMAILS", "GROQ_API_KEY")


def test_there_are_enough_refusals() -> None:
    names = [bad.name for bad in bad_settings.ALL]
    assert len(names) == len(set(names))
    assert len(names) >= 50


@pytest.mark.parametrize("bad", SETTINGS, ids=by_name)
def test_a_bad_setting_is_refused_by_name(bad: Bad, stack: Stack, tmp_path: Path) -> None:
    found, problems = load(bad, stack)
    if found is not None and not problems:
        _, problems = app.load(found, tmp_path)
    check(bad, problems)


@pytest.mark.parametrize("bad", LOCAL, ids=by_name)
def test_a_bad_app_is_refused_by_name(bad: Bad, stack: Stack, tmp_path: Path, node_modules: Path) -> None:
    folder = bad_settings.copy_app(tmp_path / "app", node_modules)
    bad_settings.change_app(bad, folder)
    found, problems = load(bad, stack, folder)
    assert problems == []
    assert found is not None
    loaded, problems = app.load(found, tmp_path / "cache")
    assert loaded is None
    check(bad, problems)


@pytest.mark.parametrize(
    ("key", "value", "known"),
    [
        ("region", "europe-wst1", "europe-west1"),
        ("firestoreLocation", "eur33", "eur3"),
        ("railwayRegion", "us-west", "us-west2"),
    ],
)
def test_a_value_that_this_version_does_not_know_is_a_warning(
    key: str, value: str, known: str, stack: Stack
) -> None:
    """The clouds add regions faster than this program is released."""
    found, problems = load(Bad(name="", key="", fix="", config={key: value}), stack)
    assert problems == []
    assert found is not None
    (warning,) = found.warnings
    assert warning.startswith(f'whatsapp-crm:{key}: "{value}" is not known to this version')
    assert f'did you mean "{known}"?' in warning
    assert f"pulumi config set whatsapp-crm:{key} {known}" in warning.partition("fix: ")[2]


def test_a_region_that_resembles_no_known_one_is_a_warning_too(stack: Stack) -> None:
    found, problems = load(Bad(name="", key="", fix="", config={"region": "moon-base9"}), stack)
    assert problems == []
    assert found is not None
    assert found.google.region == "moon-base9"
    assert "did you mean" not in "".join(found.warnings)


def test_a_region_or_runtime_in_the_app_that_is_not_known_is_a_warning(
    stack: Stack, tmp_path: Path, node_modules: Path
) -> None:
    code = (
        'exports.far = require("firebase-functions/v2").https.onRequest({region: "europe-wst1"}, () => {});'
    )
    end = "exports.processOutboxNow ="
    edits = {"functions/index.js": (end, f"{code}\n{end}"), "firebase.json": ("nodejs22", "nodejs99")}
    folder = bad_settings.copy_app(tmp_path / "app", node_modules)
    bad_settings.change_app(Bad(name="", key="", fix="", edits=edits), folder)
    found, problems = load(NO_CHANGE, stack, folder)
    assert found is not None
    loaded, more = app.load(found, tmp_path / "cache")
    assert (problems, more) == ([], [])
    assert loaded is not None
    assert "europe-wst1" in {one.region for one in loaded.codebases[0].endpoints}
    assert {one.runtime for one in loaded.codebases[0].endpoints} == {"nodejs99"}
    region, runtime = (
        next(text for text in loaded.warnings if name in text) for name in ("europe-wst1", "nodejs99")
    )
    assert 'did you mean "europe-west1"?' in region
    assert 'did you mean "nodejs' in runtime
    assert "fix: " in region
    assert "pulumi config set whatsapp-crm:functionsRuntime nodejs22" in runtime.partition("fix: ")[2]


def test_all_problems_are_reported_at_once(stack: Stack) -> None:
    wrong = {
        bad.key: bad
        for bad in reversed(SETTINGS)  # the first row of each key counts
        if set(bad.config) == {bad.key.removeprefix("whatsapp-crm:")}
        and None not in bad.config.values()
        and bad.stack == "sandbox"
        and bad.key != "gcp:project"  # is compared with a setting that is wrong here
    }
    merged = {name: value for bad in wrong.values() for name, value in bad.config.items()}
    secret = tuple(name for bad in wrong.values() for name in bad.secret)
    _, problems = load(Bad(name="all", key="", fix="", config=merged, secret=secret), stack)
    assert len(wrong) >= 30
    assert set(wrong) <= {problem.key for problem in problems}


def test_settings_with_problems_still_let_the_app_be_read(
    stack: Stack, tmp_path: Path, node_modules: Path
) -> None:
    folder = bad_settings.copy_app(tmp_path / "app", node_modules)
    (folder / "firestore.indexes.json").write_text("{", encoding="utf-8")
    bad = Bad(name="both", key="", fix="", config={"replicas": "2"})
    found, problems = load(bad, stack, folder)
    assert [problem.key for problem in problems] == ["whatsapp-crm:replicas"]
    assert found is not None
    _, more = app.load(found, tmp_path / "cache")
    assert [problem.key for problem in more] == ["firestore.indexes.json"]
