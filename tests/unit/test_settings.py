"""Settings that are right, the table of keys against Pulumi.yaml, and what must never show a secret."""

from __future__ import annotations

import asyncio
import string
from collections.abc import Callable, Mapping

import pulumi
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.config import set_all_config

from settings.keys import (
    KEYS,
    NAMESPACE,
    NUMBER,
    OPTIONAL_BOOLEAN,
    OPTIONAL_INTEGER,
    OPTIONAL_NUMBER,
    SECRET,
    TEXT,
)
from settings.load import load_settings
from settings.model import Settings
from settings.parsing import mapping
from settings.problems import Problem, ProblemsError
from tests import bad_settings
from tests.bad_settings import ROOT, Bad

pytestmark = pytest.mark.unit

Stack = Callable[[Mapping[str, str], list[str]], pulumi.Config]


def load(stack: Stack, **config: object) -> Settings:
    secret = ("adminToken",) if "adminToken" in config else ()
    values, keys = bad_settings.stack_config(Bad(name="", key="", fix="", config=config, secret=secret))
    found, problems = load_settings(stack(values, keys), "sandbox", bad_settings.ENVIRON)
    assert problems == []
    assert found is not None
    return found


def test_pulumi_yaml_says_the_same_as_the_table() -> None:
    project = mapping(yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))) or {}
    assert project["name"] == NAMESPACE
    stated = mapping(project["config"]) or {}
    assert list(stated) == list(KEYS)
    for name, key in KEYS.items():
        entry = mapping(stated[name]) or {}
        untyped = (NUMBER, OPTIONAL_NUMBER, OPTIONAL_INTEGER, OPTIONAL_BOOLEAN)
        kind = {SECRET: TEXT, **dict.fromkeys(untyped)}.get(key.kind, key.kind)
        assert entry.get("type") == kind, name
        assert entry["default"] == key.default, name
        assert str(entry["description"]).endswith((".", "'")), name


@pytest.mark.parametrize("name", ["Pulumi.sandbox.yaml", "Pulumi.prod.yaml"])
def test_a_stack_file_sets_known_keys_and_no_plain_secret(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    config = mapping((mapping(yaml.safe_load(text)) or {})["config"]) or {}
    ours = [key.removeprefix(f"{NAMESPACE}:") for key in config if key.startswith(f"{NAMESPACE}:")]
    assert set(ours) <= set(KEYS)
    assert config["pulumi:disable-default-providers"] == ["gcp"]
    secrets = mapping(config.get(f"{NAMESPACE}:secrets", {})) or {}
    assert all(set(mapping(value) or {}) == {"secure"} for value in secrets.values())


def test_the_production_file_is_refused_until_it_is_filled_in(stack: Stack) -> None:
    text = (ROOT / "Pulumi.prod.yaml").read_text(encoding="utf-8")
    config = mapping((mapping(yaml.safe_load(text)) or {})["config"]) or {}
    values = {
        key: value if isinstance(value, str) else yaml.safe_dump(value) for key, value in config.items()
    }
    _, problems = load_settings(stack(values, []), "prod", bad_settings.ENVIRON)
    placeholders = {problem.key for problem in problems if "placeholder" in problem.what}
    assert placeholders == {f"{NAMESPACE}:{name}" for name in ("googleProject", "repo", "railwayWorkspaceId")}


def test_values_arrive_with_their_types(stack: Stack) -> None:
    found = load(
        stack,
        volumeSizeGb="0.5",
        targetPort="8080",
        backendVariables={"LOG_LEVEL": "info", "TRACE": True, "LIMIT": 3},
        backendRoles=["roles/datastore.user", "projects/crm-sandbox/roles/sessions"],
        backfillCount="0",
        syncFullHistory="false",
        startCommand="node src/server.js",
    )
    assert found.railway.volume_size_gb == 0.5
    assert found.railway.target_port == 8080
    assert found.backend.variables == {"LOG_LEVEL": "info", "TRACE": "true", "LIMIT": "3"}
    assert found.google.backend_roles[1] == "projects/crm-sandbox/roles/sessions"
    assert found.backend.backfill_count == 0
    assert found.backend.sync_full_history is False
    assert found.railway.start_command == "node src/server.js"
    assert found.railway.build_command is None
    assert found.railway.overlap_seconds is None
    assert found.app_dir == ROOT / "examples" / "crm"
    assert not found.production


def test_an_adopted_project_needs_no_workspace(stack: Stack) -> None:
    found = load(stack, railwayProjectId="b7d1c0de-0000-4000-8000-000000000002", railwayWorkspaceId=None)
    assert found.railway.project_id == "b7d1c0de-0000-4000-8000-000000000002"


@pytest.mark.parametrize("stack_name", ["prod", "production", "company/whatsapp-crm/prod"])
def test_a_stack_named_production_is_production(stack: Stack, stack_name: str) -> None:
    values, keys = bad_settings.stack_config(Bad(name="", key="", fix=""))
    found, _ = load_settings(stack(values, keys), stack_name, bad_settings.ENVIRON)
    assert found is not None
    assert found.production


def test_repr_shows_no_secret(stack: Stack) -> None:
    found = load(
        stack, adminToken="admin-token-of-this-test", backendVariables={"SENTRY": "variable-of-this-test"}
    )
    shown = repr(found) + str(found.secrets) + repr(found.backend)
    for value in (*bad_settings.SECRETS.values(), "admin-token-of-this-test", "variable-of-this-test"):
        assert value not in shown


def test_secret_values_are_secret_outputs(stack: Stack) -> None:
    async def read() -> tuple[bool, str | None]:
        found = load(stack, adminToken="admin-token-of-this-test")
        assert found.backend.admin_token is not None
        assert await found.backend.admin_token.is_secret()
        output = found.secrets.values["GROQ_API_KEY"]
        return await output.is_secret(), await output.future()

    found = asyncio.get_event_loop().run_until_complete(read())
    assert found == (True, bad_settings.SECRETS["GROQ_API_KEY"])


def test_a_wrong_type_under_a_key_stored_as_secret_is_masked(stack: Stack) -> None:
    bad = Bad(name="", key="", fix="", config={"replicas": "hunter2"}, secret=("replicas",))
    values, keys = bad_settings.stack_config(bad)
    _, problems = load_settings(stack(values, keys), "sandbox", bad_settings.ENVIRON)
    assert [problem.key for problem in problems] == ["whatsapp-crm:replicas"]
    assert "hunter2" not in str(ProblemsError(problems))


def test_all_problems_are_numbered_in_one_text() -> None:
    error = ProblemsError(
        [Problem(key="a", what="is wrong.", fix="mend a"), Problem(key="b", what="too.", fix="mend b")]
    )
    assert str(error).splitlines() == [
        "2 problems in the settings or the app. Nothing was sent to Railway or Google.",
        "1. a: is wrong.",
        "    fix: mend a",
        "2. b: too.",
        "    fix: mend b",
    ]


@given(
    config=st.dictionaries(
        st.sampled_from(sorted(KEYS)),
        st.one_of(
            st.text(alphabet=string.printable + "äß€\u2028", max_size=20),
            st.integers().map(str),
            st.sampled_from(["[]", "{}", "null", "true", '["a"]', '{"a": 1}', "NaN", "1e999", "-0", " "]),
        ),
        max_size=12,
    )
)
def test_no_config_makes_it_stumble(config: dict[str, str]) -> None:
    set_all_config({f"{NAMESPACE}:{name}": value for name, value in config.items()}, [])
    before = asyncio.get_event_loop()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)  # outputs are made of futures
    try:
        _, problems = load_settings(pulumi.Config(NAMESPACE), "sandbox", {})
    finally:
        set_all_config({}, [])
        loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(loop)))
        loop.close()
        asyncio.set_event_loop(before)
    assert problems
    for problem in problems:
        assert problem.key
        assert problem.what.endswith((".", "?"))
        assert problem.fix
