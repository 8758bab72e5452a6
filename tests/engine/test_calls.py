"""The gcp plugin sends, for each type, the requests recorded from the real one."""

from __future__ import annotations

import re

import pytest

from sandbox.engine.gcp.registry import RESOURCE_TYPES
from tests.engine.conftest import Phases
from tests.engine.recorded import BATCHED, FROM_SOURCE, PATHS, PHASES, calls, recorded_calls

pytestmark = pytest.mark.engine

RECORDED = recorded_calls()


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("name", sorted(set(RECORDED) - {BATCHED}))
def test_the_calls_are_those_of_the_real_plugin(name: str, phase: str, phases: Phases) -> None:
    assert calls(name, phases.requests[phase]) == RECORDED[name][phase]


def _without_names(line: str) -> str:
    return re.sub(r"/services/[a-z]+\.googleapis\.com", "/services/*", line)


@pytest.mark.parametrize("phase", PHASES)
def test_the_apis_are_listed_and_enabled_together(phase: str, phases: Phases) -> None:
    """Which APIs go together depends on the moment at which the engine asks, so the kinds are compared."""
    found = calls(BATCHED, phases.requests[phase])
    kinds = {_without_names(line) for line, _, _ in found}
    wanted = {_without_names(line) for line, _, _ in RECORDED[BATCHED][phase]}
    single = {kind for kind in wanted if kind.endswith(":enable?alt=json&prettyPrint=false")}
    assert wanted - single <= kinds <= wanted
    enabling = [times for line, _, times in found if "nable?" in line]
    assert sum(enabling) <= 8, "the program enables 12 APIs"


def test_every_type_is_recorded() -> None:
    assert set(RECORDED) == set(PATHS) == set(RESOURCE_TYPES) - FROM_SOURCE


def test_no_call_is_outside_the_recording(phases: Phases) -> None:
    """Requests of one more account, of one more secret and of polls belong to the program."""
    others = [
        r".*/operations/",
        r"/iam/v1/projects/[^/]+/serviceAccounts/crm-fn@",
        r"/secretmanager/v1/projects/[^/]+/secrets(/ADMIN_EMAILS)?\?",
    ]
    for phase in PHASES:
        for sent in phases.requests[phase]:
            path = sent.line.partition(" ")[2]
            assert any(re.match(pattern, path) for pattern in (*PATHS.values(), *others)), (phase, sent.line)


def test_every_phase_has_its_effect(phases: Phases) -> None:
    assert "42 created" in phases.output["create"]
    assert "42 unchanged" in phases.output["refresh"]
    assert "deleted" in phases.output["destroy"]


def test_no_secret_is_in_the_state_or_the_output(phases: Phases) -> None:
    for text in (phases.exported, *phases.output.values()):
        assert "hush-hush" not in text
        assert "BEGIN PRIVATE KEY" not in text
        assert "private_key" not in text
