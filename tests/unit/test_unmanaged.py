"""`unmanagedFunctions`: functions of unsupported kinds that are left as they are."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pulumi
import pytest

from checkout import app
from checkout.app import App
from checkout.endpoints import Unmanaged
from checkout.manifest import Context, Parsed, parse
from checkout.params import Params
from checkout.trigger_kinds import EVENTS, TRIGGERS
from settings.load import load_settings
from settings.model import GoogleSettings
from settings.problems import Problem
from tests import bad_settings
from tests.bad_settings import Bad

pytestmark = pytest.mark.unit

Stack = Callable[[Mapping[str, str], list[str]], pulumi.Config]
CONTEXT = Context(
    where="functions",
    google=GoogleSettings(project="crm-sandbox", firestore_location="eur3"),
    runtime="nodejs22",
)
HTTPS: Mapping[str, object] = {"platform": "gcfv2", "entryPoint": "send", "httpsTrigger": {}}
OLD: Mapping[str, object] = {"platform": "gcfv1", "entryPoint": "old", "httpsTrigger": {}}
SET = "pulumi config set --path --type string 'whatsapp-crm:unmanagedFunctions"


def read(unmanaged: Mapping[str, str], **endpoints: object) -> tuple[Parsed, list[Problem]]:
    manifest = {"specVersion": "v1alpha1", "endpoints": endpoints}
    return parse(manifest, Params(), replace(CONTEXT, unmanaged=unmanaged))


KINDS: dict[str, Mapping[str, object]] = {
    "functions of the 1st generation": OLD,
    'functions of the platform "run"': {"platform": "run", "httpsTrigger": {}},
    "AI Logic blocking functions": {"blockingTrigger": {"eventType": "google.firebase.ailogic.v1.x"}},
    "custom events (com.example.paid)": {"eventTrigger": {"eventType": "com.example.paid", "channel": "x"}},
    **{one.name: {key: {}} for key, one in TRIGGERS.items() if not one.longest_timeout},
    **{
        one.name: {"eventTrigger": {"eventType": f"{start}x.v1.y"}}
        for start, one in EVENTS.items()
        if not one.longest_timeout
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_named_function_of_any_unsupported_kind_stops_nothing(kind: str) -> None:
    found, problems = read({"old": "until May"}, old=KINDS[kind], send=HTTPS)
    assert problems == []
    assert [endpoint.id for endpoint in found.endpoints] == ["send"]
    assert found.unmanaged == (
        Unmanaged(id="old", region="us-central1", kind=kind, reason="until May", setting="old"),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_refusal_names_the_setting(kind: str) -> None:
    _, (problem,) = read({"other": "x"}, old=KINDS[kind], send=HTTPS)
    assert problem.what.startswith(f"old: {kind} are not supported by this program")
    assert problem.what.endswith(".")
    assert problem.fix.endswith(f"\nTo leave it as it is:\n{SET}.old' '<the reason>'")


def test_a_region_can_be_named_and_the_others_are_refused() -> None:
    both = {**OLD, "region": ["us-central1", "europe-west1"]}
    found, (problem,) = read({"europe-west1/old": "x"}, old=both)
    assert [one.name for one in found.unmanaged] == ["europe-west1/old"]
    assert "are not supported by this program in us-central1: Google recommends" in problem.what
    assert f"""{SET}["us-central1/old"]' '<the reason>'""" in problem.fix
    found, problems = read({"europe-west1/old": "x", "us-central1/old": "y"}, old=both)
    assert problems == []
    assert [(one.name, one.reason) for one in found.unmanaged] == [
        ("europe-west1/old", "x"),
        ("us-central1/old", "y"),
    ]


def test_options_of_such_a_function_are_not_validated() -> None:
    odd = {**OLD, "availableMemoryMb": 300, "secretEnvironmentVariables": [{"key": "K_1"}, {"secret": 3}, 4]}
    found, problems = read({"old": "x"}, old=odd)
    assert problems == []
    assert found.unmanaged[0].secrets == ("K_1",)


def test_a_supported_function_is_deployed_although_it_is_named() -> None:
    found, problems = read({"send": "x"}, send=HTTPS)
    assert (problems, found.unmanaged) == ([], ())
    assert len(found.endpoints) == 1


MANIFEST = {
    "specVersion": "v1alpha1",
    "endpoints": {
        "send": {**HTTPS, "secretEnvironmentVariables": [{"key": "SHARED"}]},
        "old": {**OLD, "secretEnvironmentVariables": [{"key": "SHARED"}, {"key": "OWN"}, {"key": "THEIRS"}]},
        "onPaid": {"platform": "gcfv2", "eventTrigger": {"eventType": "com.example.paid"}},
    },
}


def load(root: Path, stack: Stack, secrets: tuple[str, ...], unmanaged: dict[str, str]) -> App:
    folder = root / "app/functions"
    folder.mkdir(parents=True)
    (root / "app/firebase.json").write_text('{"functions": {"source": "functions"}}')
    (folder / "package.json").write_text('{"engines": {"node": "22"}}')
    (folder / "functions.yaml").write_text(json.dumps(MANIFEST))
    config = {"unmanagedFunctions": unmanaged, "secrets": dict.fromkeys(secrets, "not a real value")}
    values, secret = bad_settings.stack_config(Bad(name="", key="", fix="", config=config), root / "app")
    settings, problems = load_settings(stack(values, secret), "sandbox", bad_settings.ENVIRON)
    assert settings is not None, problems
    loaded, problems = app.load(settings, root / "cache")
    assert loaded is not None, problems
    return loaded


ALL = {"old": "moves to v2 in May", "onPaid": "billing deploys it"}


def test_each_preview_lists_them_with_their_reasons(tmp_path: Path, stack: Stack) -> None:
    found = load(tmp_path, stack, ("SHARED",), ALL)
    listed = "\n    ".join((
        "whatsapp-crm:unmanagedFunctions: these functions are neither deployed nor deleted:",
        "europe-west1/old (functions of the 1st generation): moves to v2 in May",
        "europe-west1/onPaid (custom events (com.example.paid)): billing deploys it",
    ))  # fmt: skip
    assert listed in found.notes
    assert [one.id for codebase in found.codebases for one in codebase.endpoints] == ["send"]


def test_a_name_that_matches_no_unsupported_function_is_a_warning(tmp_path: Path, stack: Stack) -> None:
    names = {**ALL, "europe-west1/old": "twice", "send": "x", "onPaied": "x", "us-central1/onPaid": "x"}
    warned = "\n".join(load(tmp_path, stack, ("SHARED",), names).warnings)
    key = "whatsapp-crm:unmanagedFunctions names"
    remove = "pulumi config rm --path 'whatsapp-crm:unmanagedFunctions"
    assert f'{key} old twice, with and without a region.\n    fix: {remove}["old"]\'' in warned
    assert f'{key} send, which the program supports and deploys.\n    fix: {remove}["send"]\'' in warned
    wrong = f'{key} onPaied, which no codebase declares. Did you mean "onPaid"?\n    fix: {remove}["onPaied"]'
    assert wrong in warned
    assert f"{key} us-central1/onPaid, which no codebase declares." in warned


def test_a_secret_that_they_would_lose_is_a_warning(tmp_path: Path, stack: Stack) -> None:
    """The program grants a secret to its own functions only, and disables earlier versions."""
    warned = "\n".join(load(tmp_path, stack, ("SHARED", "OWN"), ALL).warnings)
    assert "europe-west1/old reads the secret SHARED, which is the program's" in warned
    assert "fix: bind a secret of another name in the code of europe-west1/old" in warned
    assert (
        "fix: leave the secret to them:\n         pulumi config rm --path 'whatsapp-crm:secrets.OWN'"
        in warned.partition("reads the secret OWN")[2]
    )
    assert "THEIRS" not in warned
