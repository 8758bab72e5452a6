"""Types whose requests are not recorded from the real gcp plugin, but read in its source.

`google/services/cloudtasks/iam_cloud_tasks_queue.go` of hashicorp/terraform-provider-google, August 2026: a
queue's policy is read by a POST without a body, and written by a POST of the policy alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sandbox.engine.gcp.registry import RESOURCE_TYPES
from tests.engine.recorded import FROM_SOURCE

if TYPE_CHECKING:
    from tests.engine.stack import ProgramStack

pytestmark = pytest.mark.engine

QUEUE = "projects/crm-sandbox/locations/us-central1/queues/later"
ENQUEUER = "roles/cloudtasks.enqueuer"
PROGRAM = """
import pulumi
import pulumi_gcp as gcp

api = gcp.projects.Service("api", service="cloudtasks.googleapis.com", disable_on_destroy=False)
queue = gcp.cloudtasks.Queue(
    "queue", name="later", location="us-central1",
    rate_limits={"max_concurrent_dispatches": 6, "max_dispatches_per_second": 0.5},
    retry_config={"max_attempts": 3, "min_backoff": "0.100s", "max_backoff": "3600s",
                  "max_retry_duration": "0s", "max_doublings": 16},
    opts=pulumi.ResourceOptions(depends_on=[api], retain_on_delete=True),
)
if pulumi.Config().get_bool("bound") is not False:
    gcp.cloudtasks.QueueIamBinding(
        "enqueuers", name="later", location="us-central1", role="roles/cloudtasks.enqueuer",
        members=(pulumi.Config().get("members") or "user:a@example.com user:b@example.com").split(),
        opts=pulumi.ResourceOptions(depends_on=[queue]),
    )
"""


def policy_requests(google: str) -> list[tuple[str, Any]]:
    """The plugin's requests about policies of queues."""
    records = requests.get(f"{google}/admin/requests", timeout=60).json()
    return [
        (f"{one['method']} {one['path'].partition('?')[0]}", one.get("body"))
        for one in records
        if re.search(r"queues/\w+:", one["path"]) and one["actor"] != "manual"
    ]


def bindings(google: str) -> list[dict[str, Any]]:
    """The bindings on the queue."""
    headers = {"Authorization": "Bearer owner", "X-Sandbox-Actor": "manual"}
    url = f"{google}/cloudtasks/v2/{QUEUE}:getIamPolicy"
    return requests.post(url, json={}, headers=headers, timeout=60).json().get("bindings", [])


def test_every_type_from_source_is_tested_here() -> None:
    assert set(RESOURCE_TYPES) >= FROM_SOURCE == {"gcp:cloudtasks/queueIamBinding:QueueIamBinding"}


def test_the_members_of_a_queue_from_the_first_up_to_the_last(
    google_program: ProgramStack, google: str
) -> None:
    stack = google_program
    stack.write("__main__.py", PROGRAM)
    requests.post(f"{google}/admin/counters/reset", timeout=60).raise_for_status()
    stack.up()
    read = f"POST /cloudtasks/v2/{QUEUE}:getIamPolicy"
    sent = policy_requests(google)
    assert sent[0] == (read, None)
    (written,) = [body for line, body in sent if line.endswith(":setIamPolicy")]
    (bound,) = written["policy"]["bindings"]
    assert (bound["role"], sorted(bound["members"])) == (
        ENQUEUER,
        ["user:a@example.com", "user:b@example.com"],
    )
    assert set(written) == {"policy"}
    stack.run("preview", "--refresh", "--expect-no-changes")
    resource = next(one for one in stack.resources() if one["type"] in FROM_SOURCE)
    assert resource["id"] == f"{QUEUE}/{ENQUEUER}"
    assert resource["outputs"]["name"] == QUEUE

    stack.run("config", "set", "members", "user:b@example.com")
    stack.up()
    assert bindings(google) == [{"role": ENQUEUER, "members": ["user:b@example.com"]}]
    stack.run("config", "set", "bound", "false")
    stack.up()
    assert bindings(google) == []
    stack.run("destroy", "--yes", "--skip-preview")
    headers = {"Authorization": "Bearer owner"}
    kept = requests.get(f"{google}/cloudtasks/v2/{QUEUE}", headers=headers, timeout=60)
    assert kept.ok, "a queue of the program is retained"

    # The queue of a function that comes back: an adoption imports it by its id.
    stack.write("__main__.py", PROGRAM)
    refused = stack.up(code=None)
    assert refused.code != 0
    assert "Error 409" in refused.text
    imported = PROGRAM.replace("retain_on_delete=True", f"retain_on_delete=True, import_={QUEUE!r}")
    stack.write("__main__.py", imported)
    assert "1 imported" in stack.up().text
    stack.write("__main__.py", PROGRAM)
    stack.run("preview", "--refresh", "--expect-no-changes")
