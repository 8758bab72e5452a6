"""The gcp plugin sends, for each type, the requests recorded from the real one."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import requests

from sandbox.engine.gcp.registry import RESOURCE_TYPES
from tests.engine.conftest import google_environment
from tests.engine.recorded import RECORDED, Recorded, Sent
from tests.engine.stack import ProgramStack

if TYPE_CHECKING:
    from sandbox.engine.toolchain import Engine

pytestmark = pytest.mark.engine

PHASES = ("create", "refresh", "update", "destroy")
PROGRAM = Path(__file__).parent / "programs" / "all_types.py"

# Values that a real server computes and the recording's server did not; the real plugin sends them back too.
FILLED = {"retryConfig", "maxDispatchesPerSecond"}


@dataclass(frozen=True, kw_only=True)
class Phases:
    """The requests of each phase of a stack, and the engine's output."""

    requests: dict[str, list[Sent]]
    output: dict[str, str]
    state: str


@pytest.fixture(scope="module")
def phases(tmp_path_factory: pytest.TempPathFactory, engine: Engine, google: str) -> Phases:
    """A stack with every type is created, refreshed, updated and destroyed."""
    stack = ProgramStack(tmp_path_factory.mktemp("life"), engine, google_environment(google))
    shutil.copy(PROGRAM, stack.folder / "__main__.py")
    stack.write("source.zip", "not looked into")
    commands = {
        "create": ["up", "--yes", "--skip-preview"],
        "refresh": ["preview", "--refresh", "--expect-no-changes"],
        "update": ["up", "--yes", "--skip-preview"],
        "destroy": ["destroy", "--yes", "--skip-preview"],
    }
    found: dict[str, list[Sent]] = {}
    output: dict[str, str] = {}
    state = ""
    for phase, command in commands.items():
        if phase == "update":
            stack.run("config", "set", "v", "2")
        requests.post(f"{google}/admin/counters/reset", timeout=10).raise_for_status()
        output[phase] = stack.run(*command).text
        found[phase] = [_sent(entry) for entry in requests.get(f"{google}/admin/requests", timeout=10).json()]
        if phase == "update":
            state = stack.run("stack", "export").text
    return Phases(requests=found, output=output, state=state)


def _sent(entry: dict[str, Any]) -> Sent:
    path = str(entry["path"])
    for pattern in (r"(/keys/)\w+", r"(/rulesets/)[\w-]+", r"(/indexes/)\w+"):
        path = re.sub(pattern, r"\1*", path)
    body = cast("dict[str, Any] | None", entry.get("body"))
    if path.endswith(":setIamPolicy") and body:  # the project's owner is not part of the recording
        policy = body["policy"]
        bindings = [item for item in policy.get("bindings", []) if item["role"] != "roles/owner"]
        policy.pop("bindings", None)
        policy.update({"bindings": bindings} if bindings else {})
    return Sent(f"{entry['method']} {path}", body)


def of_type(recorded: Recorded, sent: list[Sent]) -> list[Sent]:
    """Return a type's requests, without repetitions."""
    mine: list[Sent] = []
    for request in sent:
        path = request.line.partition(" ")[2]
        others = "/operations/" in path or (request.body or {}).get("accountId") == "crm-fn"
        if re.match(recorded.paths, path) and not others and request not in mine[-1:]:
            mine.append(request)
    return mine


def without_filled(value: Any) -> Any:
    """Return a body without values that servers compute."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {key: without_filled(item) for key, item in fields.items() if key not in FILLED}
    return [without_filled(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("name", sorted(RECORDED))
def test_the_calls_are_those_of_the_real_plugin(name: str, phase: str, phases: Phases) -> None:
    recorded = RECORDED[name]
    wanted = list(cast("tuple[Sent, ...]", getattr(recorded, phase)))
    found = of_type(recorded, phases.requests[phase])
    if not recorded.in_order:
        assert {sent.line for sent in found} == {sent.line for sent in wanted}
        return
    assert [sent.line for sent in found] == [sent.line for sent in wanted]
    for one, other in zip(found, wanted, strict=True):
        body = without_filled(one.body) if phase == "update" else one.body
        assert other.body == body, one.line  # `ANY` compares on the left


def test_every_type_is_recorded() -> None:
    assert {name.partition(" ")[0] for name in RECORDED} == set(RESOURCE_TYPES)


def test_no_call_is_outside_the_recording(phases: Phases) -> None:
    """Requests of one more account, of the other services and of polls belong to the program."""
    known = [recorded.paths for recorded in RECORDED.values()]
    others = [r".*/operations/", r"/iam/v1/projects/[^/]+/serviceAccounts/crm-fn@", r"/serviceusage/v1/"]
    for phase in PHASES:
        for sent in phases.requests[phase]:
            path = sent.line.partition(" ")[2]
            assert any(re.match(pattern, path) for pattern in (*known, *others)), (phase, sent.line)


def test_every_phase_has_its_effect(phases: Phases) -> None:
    assert "35 created" in phases.output["create"]
    assert "35 unchanged" in phases.output["refresh"]
    assert "deleted" in phases.output["destroy"]


def test_no_secret_is_in_the_state_or_the_output(phases: Phases) -> None:
    for text in (phases.state, *phases.output.values()):
        assert "hush-hush" not in text
        assert "BEGIN PRIVATE KEY" not in text
        assert "private_key" not in text
