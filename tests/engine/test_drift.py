"""Changes made outside Pulumi are shown by a preview with refresh and reverted by the next `up`."""

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


class LiveEdits:
    """Changes through the APIs of the local Google server."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._headers = {"Authorization": "Bearer owner", "X-Sandbox-Actor": "manual"}

    def send(self, method: str, path: str, body: Any = None, data: bytes | None = None) -> Any:
        """Send a request that does not count as the program's; return the response."""
        answer = requests.request(
            method, f"{self._url}/{path}", json=body, data=data, headers=self._headers, timeout=60
        )
        answer.raise_for_status()
        return answer.json() if answer.text else {}

    def text(self, path: str) -> str:
        """Return the response to a GET as text."""
        answer = requests.get(f"{self._url}/{path}", headers=self._headers, timeout=60)
        answer.raise_for_status()
        return answer.text


def test_drift_is_shown_and_reverted(google_program: ProgramStack, google: str) -> None:
    stack, live = google_program, LiveEdits(google)
    shutil.copy(PROGRAM, stack.folder / "__main__.py")
    stack.write("source.zip", "the source")
    stack.up()
    stack.run("preview", "--refresh", "--expect-no-changes")

    function = f"cloudfunctions/v2/{LOCATION}/functions/whatsappProxySend"
    live.send(
        "PATCH",
        f"{function}?updateMask=serviceConfig.availableMemory",
        {"serviceConfig": {"availableMemory": "2Gi"}},
    )
    send = f"run/v2/{LOCATION}/services/whatsappproxysend"
    live.send("POST", f"{send}:setIamPolicy", {"policy": {"bindings": []}})
    stats = f"run/v2/{LOCATION}/services/aggregateclientstats"
    members = ["user:stranger@example.com", "serviceAccount:crm-fn@crm-sandbox.iam.gserviceaccount.com"]
    policy = {"bindings": [{"role": "roles/run.invoker", "members": members}]}
    live.send("POST", f"{stats}:setIamPolicy", {"policy": policy})
    job = f"cloudscheduler/v1/{LOCATION}/jobs/firebase-schedule-processFollowUps-us-central1"
    live.send("PATCH", f"{job}?updateMask=schedule", {"schedule": "every 9 hours"})
    live.send("POST", f"{job}:pause", {})
    secret = "secretmanager/v1/projects/crm-sandbox/secrets/GROQ_API_KEY"
    live.send("PATCH", f"{secret}?updateMask=labels", {"labels": {"v": "by-hand"}})
    account = "iam/v1/projects/crm-sandbox/serviceAccounts/crm-backend@crm-sandbox.iam.gserviceaccount.com"
    body = {"serviceAccount": {"displayName": "renamed"}, "updateMask": "displayName"}
    live.send("PATCH", account, body)
    live.send("DELETE", "pubsub/v1/projects/crm-sandbox/topics/topic1")
    field = "firestore/v1/projects/crm-sandbox/databases/(default)/collectionGroups/messages/fields/tsClient"
    live.send("PATCH", f"{field}?updateMask=indexConfig", {})

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

    assert live.send("GET", function)["serviceConfig"]["availableMemory"] == "256Mi"
    bindings = live.send("GET", f"{send}:getIamPolicy")["bindings"]
    assert bindings == [{"role": "roles/run.invoker", "members": ["allUsers"]}]
    assert live.send("GET", f"{stats}:getIamPolicy")["bindings"][0]["members"] == members[1:]
    found = live.send("GET", job)
    assert (found["schedule"], found["state"]) == ("every 1 hours", "PAUSED"), "`paused` is not declared"
    assert live.send("GET", secret)["labels"] == {"v": "1", "goog-pulumi-provisioned": "true"}
    assert live.send("GET", account)["displayName"] == "Backend v1"
    assert live.send("GET", "pubsub/v1/projects/crm-sandbox/topics/topic1")["labels"]["v"] == "1"
    assert not live.send("GET", field)["indexConfig"].get("usesAncestorConfig")
    stack.run("preview", "--refresh", "--expect-no-changes")

    objects = "storage/v1/b/crm-sandbox-crm-functions/o"
    live.send("POST", f"upload/{objects}?uploadType=media&name=src-1.zip", data=b"something else")
    stack.run("preview", "--refresh", "--expect-no-changes", code=NO_CHANGES_EXPECTED)
    stack.run("up", "--yes", "--skip-preview", "--refresh")
    assert live.text(f"{objects}/src-1.zip?alt=media") == "the source"
    stack.run("preview", "--refresh", "--expect-no-changes")
