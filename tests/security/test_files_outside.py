"""Settings and an app cannot make the program read a file outside of the app's folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checkout import env_files
from settings.load import load_settings
from settings.problems import Problem, render
from tests import bad_settings
from tests.bad_rows import Bad
from tests.unit.conftest import stack as stack_fixture
from tests.unit.test_bad_settings import Stack

stack = stack_fixture
pytestmark = pytest.mark.unit

SECRET = "hunter2-of-this-test"
RAILWAY = json.dumps({"deploy": {"startCommand": SECRET, "cronSchedule": SECRET}})


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app's folder, beside files that are none of its own."""
    folder = tmp_path / "repository" / "app"
    (folder / "functions").mkdir(parents=True)
    (folder / "backend").mkdir()
    (folder / "firebase.json").write_text("{}")
    for place in (tmp_path, folder.parent):
        (place / "secret.json").write_text(RAILWAY)
        (place / "railway.json").write_text(RAILWAY)
        (place / "secret.txt").write_text(f"PASSWORD={SECRET}\n")
        (place / "secretfile").write_text(SECRET)
    return folder


def load(stack: Stack, app: Path, **config: object) -> str:
    """Everything that is said about these settings."""
    bad = Bad(name="", key="", fix="", config={"startCommand": "node .", **config})
    values, keys = bad_settings.stack_config(bad, app)
    found, problems = load_settings(stack(values, keys), "sandbox", bad_settings.ENVIRON)
    return render(problems) + "\n".join(found.warnings if found else ()) + repr(found)


@pytest.mark.parametrize(
    "config",
    [
        {"railwayConfigFile": "../secret.json"},
        {"railwayConfigFile": "/../secret.json"},
        {"railwayConfigFile": "../secretfile"},
        {"railwayConfigFile": "backend/../../secret.json"},
        {"railwayConfigFile": "secret.json", "rootDirectory": ".."},
        {"rootDirectory": "../.."},
        {"railwayConfigFile": "environ", "rootDirectory": "../../../../../../../../../proc/self"},
    ],
)
def test_a_path_of_the_settings_that_leaves_the_app_is_not_read(
    config: dict[str, object], stack: Stack, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", SECRET)
    said = load(stack, app, **config)
    assert "is outside of the repository" in said
    assert SECRET not in said


@pytest.mark.parametrize("place", ["railway.json", "backend/railway.json", "backend"])
def test_a_link_to_a_railway_file_elsewhere_is_a_problem(place: str, stack: Stack, app: Path) -> None:
    if place == "backend":
        (app / "backend").rmdir()
    target = app.parent if place == "backend" else app.parent / "secret.json"
    (app / place).symlink_to(target)
    said = load(stack, app)
    assert "leads out of the folder of appDir" in said
    assert SECRET not in said


def test_a_link_inside_of_the_app_is_followed(stack: Stack, app: Path) -> None:
    (app / "config.json").write_text(json.dumps({"deploy": {"startCommand": "node ."}}))
    (app / "railway.json").symlink_to("config.json")
    assert "Railway ignores this file" in load(stack, app)


def env(app: Path) -> tuple[dict[str, str], list[Problem]]:
    found, problems = env_files.load(app / "functions", app, "crm-prod", "functions")
    return dict(found.values), problems


@pytest.mark.parametrize(
    "alias", ["x/../../../secret.txt", "x/../../../../secret.txt", "a/b", "a\\b", "a\nb"]
)
def test_an_alias_that_is_a_path_reads_no_file(alias: str, app: Path) -> None:
    (app / "functions" / ".env.x").mkdir()
    (app / ".firebaserc").write_text(json.dumps({"projects": {alias: "crm-prod", "../b": "other"}}))
    values, (problem,) = env(app)
    assert values == {}
    assert problem.key == ".firebaserc"
    assert "cannot be part of a file's name" in problem.what
    assert "firebase use crm-prod --alias prod" in problem.fix
    assert problem.what.isprintable()


@pytest.mark.parametrize("alias", ["prod", "firebase use", "my.app", "prod-2_b", "\u017fprod"])
def test_any_other_alias_of_the_cli_is_read(alias: str, app: Path) -> None:
    (app / ".firebaserc").write_text(json.dumps({"projects": {alias: "crm-prod"}}))
    (app / "functions" / f".env.{alias}").write_text("A=1")
    assert env(app) == ({"A": "1"}, [])


@pytest.mark.parametrize("name", [".env", ".env.crm-prod"])
def test_a_link_to_variables_elsewhere_is_a_problem(name: str, app: Path) -> None:
    (app / "functions" / name).symlink_to(app.parent / "secret.txt")
    values, (problem,) = env(app)
    assert values == {}
    assert problem.key == f"functions/{name}"
    assert "leads out of the app's folder" in problem.what
    assert "functionVariables.NAME' <string>" in problem.fix
    assert "functionParams.NAME' <string>  # if it is a param" in problem.fix
    assert "or:  pulumi config set" in problem.fix
