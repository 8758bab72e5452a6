"""What somebody does by hand shows in a preview with refresh, and the next `up` heals it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.engine.stack import NO_CHANGES_EXPECTED

if TYPE_CHECKING:
    from tests.engine.stack import ProgramStack

pytestmark = pytest.mark.engine

PROGRAM = Path(__file__).parent / "programs" / "all_types.py"
LOCATION = "projects/crm-sandbox/locations/us-central1"


class Hand:
    """Somebody at the console of our Google."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._headers = {"Authorization": "Bearer owner", "X-Sandbox-Actor": "manual"}

    def send(self, method: str, path: str, body: Any = None, data: bytes | None = None) -> Any:
        """Send a request as a person would; return the answer."""
        answer = requests.request(
            method, f"{self._url}/{path}", json=body, data=data, headers=self._headers, timeout=10
        )
        answer.raise_for_status()
        return answer.json() if answer.text else {}

    def text(self, path: str) -> str:
        """Return what a GET answers, as it is."""
        answer = requests.get(f"{self._url}/{path}", headers=self._headers, timeout=10)
        answer.raise_for_status()
        return answer.text


def test_drift_by_hand_is_shown_and_healed(google_program: ProgramStack, google: str) -> None:
    stack, hand = google_program, Hand(google)
    shutil.copy(PROGRAM, stack.folder / "__main__.py")
    stack.write("source.zip", "the source")
    stack.up()
    stack.run("preview", "--refresh", "--expect-no-changes")

    function = f"cloudfunctions/v2/{LOCATION}/functions/whatsappProxySend"
    hand.send(
        "PATCH",
        f"{function}?updateMask=serviceConfig.availableMemory",
        {"serviceConfig": {"availableMemory": "2Gi"}},
    )
    send = f"run/v2/{LOCATION}/services/whatsappproxysend"
    hand.send("POST", f"{send}:setIamPolicy", {"policy": {"bindings": []}})
    stats = f"run/v2/{LOCATION}/services/aggregateclientstats"
    members = ["user:stranger@example.com", "serviceAccount:crm-fn@crm-sandbox.iam.gserviceaccount.com"]
    policy = {"bindings": [{"role": "roles/run.invoker", "members": members}]}
    hand.send("POST", f"{stats}:setIamPolicy", {"policy": policy})
    job = f"cloudscheduler/v1/{LOCATION}/jobs/firebase-schedule-processFollowUps-us-central1"
    hand.send("PATCH", f"{job}?updateMask=schedule", {"schedule": "every 9 hours"})
    hand.send("POST", f"{job}:pause", {})
    secret = "secretmanager/v1/projects/crm-sandbox/secrets/GROQ_API_KEY"
    hand.send("PATCH", f"{secret}?updateMask=labels", {"labels": {"v": "by-hand"}})
    account = "iam/v1/projects/crm-sandbox/serviceAccounts/crm-backend@crm-sandbox.iam.gserviceaccount.com"
    body = {"serviceAccount": {"displayName": "renamed"}, "updateMask": "displayName"}
    hand.send("PATCH", account, body)
    hand.send("DELETE", "pubsub/v1/projects/crm-sandbox/topics/topic1")
    field = "firestore/v1/projects/crm-sandbox/databases/(default)/collectionGroups/messages/fields/tsClient"
    hand.send("PATCH", f"{field}?updateMask=indexConfig", {})

    shown = stack.run("preview", "--refresh", "--expect-no-changes", "--diff", code=NO_CHANGES_EXPECTED).text
    for words in (
        '"2Gi" => "256Mi"',
        '"every 9 hours" => "every 1 hours"',
        '"by-hand" => "1"',
        '"renamed" => "Backend v1"',
        "user:stranger@example.com",
    ):
        assert words in shown, words
    stack.run("up", "--yes", "--skip-preview", "--refresh")

    assert hand.send("GET", function)["serviceConfig"]["availableMemory"] == "256Mi"
    bindings = hand.send("GET", f"{send}:getIamPolicy")["bindings"]
    assert bindings == [{"role": "roles/run.invoker", "members": ["allUsers"]}]
    assert hand.send("GET", f"{stats}:getIamPolicy")["bindings"][0]["members"] == members[1:]
    found = hand.send("GET", job)
    assert (found["schedule"], found["state"]) == ("every 1 hours", "PAUSED"), "`paused` is not declared"
    assert hand.send("GET", secret)["labels"] == {"v": "1", "goog-pulumi-provisioned": "true"}
    assert hand.send("GET", account)["displayName"] == "Backend v1"
    assert hand.send("GET", "pubsub/v1/projects/crm-sandbox/topics/topic1")["labels"]["v"] == "1"
    assert not hand.send("GET", field)["indexConfig"].get("usesAncestorConfig")
    stack.run("preview", "--refresh", "--expect-no-changes")

    objects = "storage/v1/b/crm-sandbox-crm-functions/o"
    hand.send("POST", f"upload/{objects}?uploadType=media&name=src-1.zip", data=b"something else")
    stack.run("preview", "--refresh", "--expect-no-changes", code=NO_CHANGES_EXPECTED)
    stack.run("up", "--yes", "--skip-preview", "--refresh")
    assert hand.text(f"{objects}/src-1.zip?alt=media") == "the source"
    stack.run("preview", "--refresh", "--expect-no-changes")
