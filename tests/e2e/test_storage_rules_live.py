"""Rules of Cloud Storage from the first `up` to their removal: released per bucket, in place, and kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.environment import GOOGLE_PROJECT, GOOGLE_TOKEN
from sandbox.faults import ACTOR_HEADER, MANUAL
from tests.e2e.backend_only import make_app, put
from tests.e2e.stack import DRIFT, Stack

pytestmark = pytest.mark.e2e

HEADERS = {"Authorization": f"Bearer {GOOGLE_TOKEN}", ACTOR_HEADER: MANUAL}
DEFAULT, OTHER = f"{GOOGLE_PROJECT}.firebasestorage.app", "crm-files"
RULES = """rules_version = '2';
service firebase.storage {
  match /b/{bucket}/o {
    match /%s/{name} { allow read: if request.auth != null; }
  }
}
"""


class Google:
    """The project on the sandbox, as a person uses it; `texts` is what is released for each bucket."""

    def __init__(self, stack: Stack) -> None:
        self._url = stack.running.google_url

    def send(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        answer = requests.request(method, f"{self._url}/{path}", json=body, headers=HEADERS, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def ruleset(self, content: str) -> str:
        source = {"files": [{"name": "storage.rules", "content": content}]}
        path = f"firebaserules/v1/projects/{GOOGLE_PROJECT}/rulesets"
        return str(self.send("POST", path, {"source": source})["name"])

    def release(self, method: str, bucket: str, ruleset: str) -> None:
        name = f"projects/{GOOGLE_PROJECT}/releases/firebase.storage/{bucket}"
        body = {"name": name, "rulesetName": ruleset}
        path = name if method == "PATCH" else f"projects/{GOOGLE_PROJECT}/releases"
        self.send(method, f"firebaserules/v1/{path}", body if method == "POST" else {"release": body})

    def released(self, bucket: str) -> dict[str, Any]:
        name = f"projects/{GOOGLE_PROJECT}/releases/firebase.storage/{bucket}"
        return self.send("GET", f"firebaserules/v1/{name}")

    def text(self, bucket: str) -> str:
        ruleset = self.send("GET", f"firebaserules/v1/{self.released(bucket)['rulesetName']}")
        return str(ruleset["source"]["files"][0]["content"])


@pytest.fixture(scope="module")
def google(stack: Stack) -> Google:
    """The project with two buckets, one of which firebase-tools has released rules for."""
    project = Google(stack)
    for api in ("firebasestorage", "firebaserules", "storage"):
        path = f"serviceusage/v1/projects/{GOOGLE_PROJECT}/services/{api}.googleapis.com:enable"
        project.send("POST", path, {})
    for bucket in (DEFAULT, OTHER):
        project.send("POST", f"storage/v1/b?project={GOOGLE_PROJECT}", {"name": bucket})
    project.release("POST", OTHER, project.ruleset(RULES % "theirs"))
    return project


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app with rules for the default bucket."""
    folder = make_app(tmp_path_factory.mktemp("app") / "crm")
    (folder / "storage.rules").write_text(RULES % "ours")
    declare(folder, {"rules": "storage.rules"})
    return folder


def declare(app: Path, storage: object) -> None:
    document: dict[str, object] = {"firestore": {"rules": "firestore.rules"}}
    if storage is not None:
        document["storage"] = storage
    (app / "firebase.json").write_text(json.dumps(document))


BOTH = [{"bucket": DEFAULT, "rules": "storage.rules"}, {"bucket": OTHER, "rules": "storage.rules"}]


def test_the_default_bucket_gets_a_release(stack: Stack, app: Path, google: Google) -> None:
    put(stack, appDir=str(app), secrets=None)
    stack.up()
    assert google.text(DEFAULT) == RULES % "ours"
    assert google.text(OTHER) == RULES % "theirs"
    assert "rules firebase.storage" not in stack.pulumi("preview", "--expect-no-changes").stdout


def test_a_release_of_another_tool_is_adopted_and_updated_in_place(
    stack: Stack, app: Path, google: Google
) -> None:
    before = google.released(OTHER)
    declare(app, BOTH)
    _, _, counts = stack.counted(stack.up)
    assert google.text(OTHER) == RULES % "ours"
    assert google.released(OTHER)["createTime"] == before["createTime"]
    assert "DELETE firebaserules.projects.releases.delete" not in counts.operations
    verified = stack.verify()
    assert verified.returncode == 0, verified.stdout + verified.stderr
    for bucket in (DEFAULT, OTHER):
        assert f"rules firebase.storage/{bucket}" in verified.stdout


def test_rules_released_in_the_console_are_drift_and_are_reset(
    stack: Stack, app: Path, google: Google
) -> None:
    google.release("PATCH", OTHER, google.ruleset(RULES % "{any}"))
    verified = stack.verify()
    assert verified.returncode != 0
    assert f"rules firebase.storage/{OTHER}" in verified.stdout
    drifted = stack.pulumi(*DRIFT)
    assert drifted.returncode != 0
    assert "ruleset_name" in drifted.stdout
    assert app.exists()
    stack.up("--refresh", "--run-program")
    assert google.text(OTHER) == RULES % "ours"


def test_rules_that_leave_firebase_json_are_an_error_and_stay_live(
    stack: Stack, app: Path, google: Google
) -> None:
    declare(app, BOTH[:1])
    done = stack.pulumi("preview")
    assert done.returncode != 0
    assert f"the release firebase.storage/{OTHER} of {GOOGLE_PROJECT} stays live with" in done.stdout
    put(stack, allowRulesRemoval=True)
    stack.up()
    assert google.text(OTHER) == RULES % "ours"


def test_rules_that_do_not_compile_stop_the_preview(stack: Stack, app: Path) -> None:
    (app / "storage.rules").write_text((RULES % "ours").replace("allow read:", "allow read"))
    done = stack.pulumi("preview")
    assert done.returncode != 0
    assert "storage.rules: the rules do not compile (line 4" in done.stdout
