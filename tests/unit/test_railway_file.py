"""A Railway config file in the checkout: its values are our defaults, and a contradiction is a problem."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest

from settings import railway_file
from settings.load import load_settings
from settings.model import Settings
from settings.problems import Problem
from tests import bad_settings
from tests.bad_settings import EXAMPLE_APP, Bad

pytestmark = pytest.mark.unit

Stack = Callable[[Mapping[str, str], list[str]], pulumi.Config]

EVERYTHING: dict[str, Any] = {
    "$schema": "https://railway.com/railway.schema.json",
    "build": {
        "builder": "nixpacks",
        "buildCommand": "npm run build",
        "watchPatterns": ["backend/**", "package.json"],
        "dockerfilePath": "backend/Dockerfile",
    },
    "deploy": {
        "startCommand": "node src/main.js",
        "preDeployCommand": ["npm run migrate"],
        "healthcheckPath": "/alive",
        "healthcheckTimeout": 120,
        "restartPolicyType": "always",
        "restartPolicyMaxRetries": 3,
        "numReplicas": 1,
        "cronSchedule": None,
        "sleepApplication": False,
        "overlapSeconds": "20",
        "ipv6EgressEnabled": True,
        "drainingSeconds": 15,
        "multiRegionConfig": {"us-west2": {"numReplicas": 1}},
        "limitOverride": {"containers": {"cpu": 2, "memoryBytes": 4_000_000_000}},
    },
}
EXPECTED = {
    "builder": "NIXPACKS",
    "build_command": "npm run build",
    "watch_patterns": ("backend/**", "package.json"),
    "dockerfile_path": "backend/Dockerfile",
    "start_command": "node src/main.js",
    "pre_deploy_command": "npm run migrate",
    "health_path": "/alive",
    "health_timeout": 120,
    "restart_policy": "ALWAYS",
    "restart_max_retries": 3,
    "sleep_application": False,
    "overlap_seconds": 20,
    "ipv6_egress": True,
    "draining_seconds": 15,
    "region": "us-west2",
    "cpu_limit": 2,
    "memory_limit_gb": 4,
}


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A checkout with a backend in it."""
    (tmp_path / "backend").mkdir()
    shutil.copy(EXAMPLE_APP / "firebase.json", tmp_path / "firebase.json")
    return tmp_path


def load(stack: Stack, app: Path, **config: object) -> tuple[Settings | None, list[Problem]]:
    values, keys = bad_settings.stack_config(
        Bad(name="", key="", fix="", config={"appDir": str(app), **config})
    )
    return load_settings(stack(values, keys), "sandbox", bad_settings.ENVIRON)


def told(stack: Stack, app: Path, **config: object) -> list[str]:
    """The problems as users see them."""
    return [str(problem) for problem in load(stack, app, **config)[1]]


def test_each_setting_of_the_file_is_the_default_of_ours(stack: Stack, app: Path) -> None:
    (app / "backend" / "railway.json").write_text(json.dumps(EVERYTHING))
    found, problems = load(stack, app)
    assert problems == []
    assert found is not None
    assert {name: getattr(found.railway, name) for name in EXPECTED} == EXPECTED
    warning = "\n".join(found.warnings)
    assert warning.startswith("backend/railway.json: Railway ignores this file from 2026-12-01.\n    fix: ")
    assert "pulumi config set whatsapp-crm:healthPath /alive\n" in warning
    assert "Then delete backend/railway.json" in warning


def test_a_toml_file_is_read(stack: Stack, app: Path) -> None:
    (app / "backend" / "railway.toml").write_text(
        '[build]\nbuildCommand = "make"\n[deploy]\nhealthcheckPath = "/alive"\nhealthcheckTimeout = 30\n'
    )
    found, problems = load(stack, app)
    assert (problems, found is not None) == ([], True)
    assert found is not None
    railway = found.railway
    assert (railway.build_command, railway.health_path, railway.health_timeout) == ("make", "/alive", 30)


def test_of_two_files_in_one_folder_the_one_that_counts_is_named(stack: Stack, app: Path) -> None:
    (app / "backend" / "railway.toml").write_text('[build]\nbuildCommand = "make"\n')
    (app / "backend" / "railway.json").write_text('{"build": {"buildCommand": "npm run build"}}')
    found, problems = load(stack, app)
    assert problems == []
    assert found is not None
    assert found.railway.build_command == "make"
    first = found.warnings[0]
    assert first.startswith("backend/railway.toml: this file is read; railway.json beside it is not.")
    assert "fix: delete the one that is not needed" in first
    # One that the config names was chosen.
    found, problems = load(stack, app, railwayConfigFile="/backend/railway.json")
    assert problems == []
    assert found is not None
    assert "beside it" not in "".join(found.warnings)


def test_an_equal_value_in_the_config_is_no_conflict(stack: Stack, app: Path) -> None:
    (app / "railway.json").write_text(json.dumps(EVERYTHING))
    same = {"healthPath": "/alive", "healthTimeout": "120", "watchPatterns": ["backend/**", "package.json"]}
    assert told(stack, app, **same) == []


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("healthPath", "/health", "deploy.healthcheckPath"),
        ("healthTimeout", "300", "deploy.healthcheckTimeout"),
        ("watchPatterns", ["src/**"], "build.watchPatterns"),
        ("restartPolicy", "NEVER", "deploy.restartPolicyType"),
        ("sleepApplication", "true", "deploy.sleepApplication"),
        ("railwayRegion", "europe-west4-drams3a", "deploy.multiRegionConfig"),
        ("memoryLimitGb", "8", "deploy.limitOverride.containers.memoryBytes"),
    ],
)
def test_a_conflict_has_both_values_and_two_fixes(
    stack: Stack, app: Path, key: str, value: object, place: str
) -> None:
    (app / "railway.json").write_text(json.dumps(EVERYTHING))
    (text,) = told(stack, app, **{key: value})
    assert text.startswith(f"whatsapp-crm:{key}: is ")
    assert f"railway.json has {place} = " in text
    assert (
        f"    fix: remove {place} from railway.json\n"
        f"    or:  pulumi config rm whatsapp-crm:{key}  # keeps the value of the file" in text
    )
    assert "Until 2026-12-01 Railway uses the file" in text


@pytest.mark.parametrize(
    ("deploy", "said"),
    [
        ({"numReplicas": 2}, "deploy.numReplicas: 2 is not possible"),
        ({"cronSchedule": "0 * * * *"}, "deploy.cronSchedule"),
        ({"multiRegionConfig": {"us-west2": {"numReplicas": 2}}}, "deploy.multiRegionConfig"),
        ({"multiRegionConfig": {"us-west2": {}, "us-east4-eqdc4a": {}}}, "deploy.multiRegionConfig"),
        ({"multiRegionConfig": "us-west2"}, "must be an object, but is a string"),
        ({"healthcheckTimeout": "soon"}, "must be an integer, but is a string"),
        ({"startCommand": ["node"]}, "must be a string, but is a list"),
        ({"preDeployCommand": ["a", "b"]}, "must be a string, but is a list"),
        ({"sleepApplication": "no"}, "must be a boolean, but is a string"),
    ],
)
def test_what_the_backend_cannot_be_is_refused(
    stack: Stack, app: Path, deploy: dict[str, object], said: str
) -> None:
    (app / "railway.json").write_text(json.dumps({"deploy": deploy}))
    (text,) = told(stack, app)
    assert text.startswith("railway.json: ")
    assert said in text
    assert "fix: remove deploy." in text


@pytest.mark.parametrize(
    ("name", "text"), [("railway.json", "{"), ("railway.toml", "= 1"), ("railway.json", "[]")]
)
def test_a_file_that_is_none_is_named(stack: Stack, app: Path, name: str, text: str) -> None:
    (app / name).write_text(text)
    (said,) = told(stack, app)
    assert said.startswith(f"{name}: ")
    assert f"fix: correct {name}, or delete it" in said


def test_the_environments_own_part_goes_first(stack: Stack, app: Path) -> None:
    own = {"production": {"deploy": {"healthcheckPath": "/own"}}, "pr": {"deploy": {"startCommand": "x"}}}
    (app / "railway.json").write_text(json.dumps({**EVERYTHING, "environments": own}))
    found, problems = load(stack, app)
    assert (problems, found is not None) == ([], True)
    assert found is not None
    assert (found.railway.health_path, found.railway.start_command) == ("/own", "node src/main.js")


def test_what_has_no_setting_here_is_a_warning(stack: Stack, app: Path) -> None:
    (app / "railway.json").write_text(
        json.dumps({"build": {"nixpacksPlan": {}}, "deploy": {"startcommand": "x"}})
    )
    found, problems = load(stack, app)
    assert (problems, found is not None) == ([], True)
    assert found is not None
    text = "\n".join(found.warnings)
    assert "build.nixpacksPlan has no setting here" in text
    assert "deploy.startcommand has no setting here" in text


def test_a_dockerfile_is_named_by_its_path_and_not_as_the_builder(stack: Stack, app: Path) -> None:
    """Railway's API has no such builder."""
    (app / "railway.json").write_text(
        json.dumps({"build": {"builder": "DOCKERFILE", "dockerfilePath": "Dockerfile"}})
    )
    found, problems = load(stack, app)
    assert (problems, found is not None) == ([], True)
    assert found is not None
    assert (found.railway.builder, found.railway.dockerfile_path) == (None, "Dockerfile")
    assert not any("builder" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("files", "given", "root", "found"),
    [
        (["railway.json"], None, None, "railway.json"),
        (["railway.json", "railway.toml"], None, None, "railway.toml"),
        (["railway.json", "backend/railway.json"], None, None, "backend/railway.json"),
        (["api/railway.json", "backend/railway.json"], None, "/api", "api/railway.json"),
        (["api/railway.json"], None, "/api", "api/railway.json"),
        (["api/x.json", "railway.json"], "/api/x.json", None, "api/x.json"),
        (["backend/x.json"], "/crm/backend/x.json", None, "backend/x.json"),
        (["railway.json"], "/x.json", None, None),
        ([], None, None, None),
    ],
)
def test_it_is_looked_for_where_the_backend_may_be(
    tmp_path: Path, files: list[str], given: str | None, root: str | None, found: str | None
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    path = railway_file.find(tmp_path, given=given, root_directory=root)
    assert (None if path is None else path.relative_to(tmp_path).as_posix()) == found


def test_a_named_file_that_is_not_there_is_a_warning(stack: Stack, app: Path) -> None:
    found, problems = load(stack, app, railwayConfigFile="/x/railway.json")
    assert (problems, found is not None) == ([], True)
    assert found is not None
    (warning,) = found.warnings
    assert "ignores such files from 2026-12-01" in warning
