"""Old rulesets of this stack are deleted past a limit; nobody else's, and never a released one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import requests

from firebase import ruleset_history
from firebase.release import HISTORY, RulesReleaseProvider
from firebase.rest import GoogleApi
from sandbox.google.hooks import rules as sandbox_rules
from tests.conformance.dynamic_process import DynamicProcess, DynamicResource, Live

pytestmark = pytest.mark.conformance

PROJECT = "crm-sandbox"
BASE = f"projects/{PROJECT}"
TEXT = "rules_version = '2';\nservice cloud.firestore { match /databases/{db}/documents { } }"
TIMEOUT = 30


class Project:
    """The project on the sandbox."""

    def __init__(self, google: str) -> None:
        self._google = google
        self.send("POST", f"serviceusage/v1/{BASE}/services/firebaserules.googleapis.com:enable", {})

    def send(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        headers = {"Authorization": "Bearer person", "X-Sandbox-Actor": "manual"}
        answer = requests.request(
            method, f"{self._google}/{path}", json=body, headers=headers, timeout=TIMEOUT
        )
        assert answer.ok, answer.text
        return answer.json()

    def ruleset(self) -> dict[str, Any]:
        """Create a ruleset."""
        source = {"files": [{"name": "firestore.rules", "content": TEXT}]}
        return self.send("POST", f"firebaserules/v1/{BASE}/rulesets", {"source": source})

    def rulesets(self) -> list[str]:
        """The ids of all rulesets, the newest first."""
        found: list[str] = []
        token = ""
        while True:
            query = f"pageSize=100&pageToken={token}"
            page = self.send("GET", f"firebaserules/v1/{BASE}/rulesets?{query}")
            found += [id_of(one) for one in page.get("rulesets", [])]
            if not (token := page.get("nextPageToken", "")):
                return found

    def release(self, name: str, ruleset: dict[str, Any]) -> None:
        """Release a ruleset, as a colleague does."""
        body = {"name": f"{BASE}/releases/{name}", "rulesetName": ruleset["name"]}
        self.send("POST", f"firebaserules/v1/{BASE}/releases", body)


def id_of(ruleset: dict[str, Any]) -> str:
    return str(ruleset["name"]).rpartition("/")[2]


@pytest.fixture
def project(google: str) -> Project:
    return Project(google)


@pytest.fixture
def release(google_process: DynamicProcess) -> DynamicResource:
    return google_process.resource(RulesReleaseProvider())


@pytest.fixture
def api(google_environ: dict[str, str]) -> GoogleApi:
    return GoogleApi(google_environ)


def edit(project: Project, release: DynamicResource, live: Live) -> tuple[Live, str]:
    """An edit of the rules; returns the release and the id of the new ruleset."""
    new = project.ruleset()
    return release.update(live, inputs(new)), id_of(new)


def inputs(ruleset: dict[str, Any]) -> dict[str, Any]:
    return {
        "project": PROJECT,
        "release_name": "cloud.firestore",
        "ruleset_name": ruleset["name"],
        "created": ruleset["createTime"],
    }


def test_a_release_records_what_this_stack_created_and_not_what_it_adopted(
    project: Project, release: DynamicResource
) -> None:
    theirs = project.ruleset()
    project.release("cloud.firestore", theirs)
    live = release.create(inputs(theirs))
    assert HISTORY not in live.outs
    live, one = edit(project, release, live)
    live, two = edit(project, release, live)
    assert live.outs[HISTORY] == [one, two]
    live = release.update(live, inputs(theirs))  # after drift, the imported ruleset is released again
    assert live.outs[HISTORY] == [one, two]


def test_a_refresh_keeps_the_record_and_is_no_change(project: Project, release: DynamicResource) -> None:
    live = release.create(inputs(project.ruleset()))
    live, one = edit(project, release, live)
    found, as_inputs = release.read(live)
    assert found.outs[HISTORY] == [one]
    assert HISTORY not in as_inputs
    assert not release.diff(found, {**as_inputs, "created": "2026-12-01T00:00:00Z"}).changes


def made(project: Project, count: int) -> list[str]:
    return [id_of(project.ruleset()) for _ in range(count)]


def test_the_oldest_of_ours_are_deleted_and_none_of_a_colleague(project: Project, api: GoogleApi) -> None:
    theirs, ours = made(project, 5), made(project, 15)
    left = ruleset_history.prune(api, PROJECT, ours, most=17)
    assert left == ours[3:]
    assert project.rulesets()[::-1] == [*theirs, *ours[3:]]


def test_the_newest_ten_of_ours_stay_for_a_rollback(project: Project, api: GoogleApi) -> None:
    ours = made(project, 12)
    assert ruleset_history.prune(api, PROJECT, ours, most=1) == ours[2:]
    assert ruleset_history.prune(api, PROJECT, ours[2:], most=1) == ours[2:]
    assert len(project.rulesets()) == 10


def test_a_released_ruleset_is_never_deleted(project: Project, api: GoogleApi) -> None:
    first = project.ruleset()
    project.release("firebase.storage/crm-files", first)
    ours = [id_of(first), *made(project, 12)]
    left = ruleset_history.prune(api, PROJECT, ours, most=10)
    assert left == [ours[0], *ours[3:]]
    assert id_of(first) in project.rulesets()


def test_at_most_ten_at_once_and_none_below_the_limit(project: Project, api: GoogleApi) -> None:
    ours = made(project, 30)
    assert ruleset_history.prune(api, PROJECT, ours, most=30) == ours
    assert ruleset_history.prune(api, PROJECT, ours, most=1) == ours[10:]


def test_what_somebody_else_deleted_is_forgotten(project: Project, api: GoogleApi) -> None:
    ours = made(project, 13)
    project.send("DELETE", f"firebaserules/v1/{BASE}/rulesets/{ours[1]}")
    assert ruleset_history.prune(api, PROJECT, ours, most=100) == [ours[0], *ours[2:]]


def test_past_a_thousand_an_edit_deletes_old_rulesets(project: Project, release: DynamicResource) -> None:
    live = release.create(inputs(project.ruleset()))
    ours: Sequence[str] = []
    for _ in range(12):
        live, _ = edit(project, release, live)
    ours = live.outs[HISTORY]
    made(project, ruleset_history.MOST - len(project.rulesets()))
    live, new = edit(project, release, live)
    assert live.outs[HISTORY] == [*ours[1:], new]
    assert len(project.rulesets()) == ruleset_history.MOST
    assert ours[0] not in project.rulesets()


def test_old_rulesets_that_cannot_be_deleted_are_a_warning_and_the_rules_are_released(
    project: Project, google: str, google_environ: dict[str, str]
) -> None:
    with DynamicProcess(google_environ) as process:
        release = process.resource(RulesReleaseProvider())
        live = release.create(inputs(project.ruleset()))
        for _ in range(11):
            live, _ = edit(project, release, live)
        fault = {
            "operation": "GET firebaserules.projects.rulesets.list",
            "nth": 1,
            "times": 1,
            "kind": "permission_denied",
        }
        assert requests.post(f"{google}/admin/faults", json=fault, timeout=TIMEOUT).ok
        live, new = edit(project, release, live)
    assert live.outs[HISTORY][-1] == new
    assert live.outs["ruleset_name"].endswith(new)
    assert "Old rulesets of crm-sandbox were not deleted" in process.stderr


def test_google_keeps_2500_and_the_sandbox_too(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sandbox_rules.MAX_RULESETS == 2500
    assert ruleset_history.MOST < sandbox_rules.MAX_RULESETS
    monkeypatch.setattr(sandbox_rules, "MAX_RULESETS", 3)
    made(project, 3)
    with pytest.raises(AssertionError, match="at most 3 rulesets"):
        project.ruleset()
