"""`ops adopt` and task queues: which exist, what changes, and who loses the right to add tasks."""

from __future__ import annotations

from typing import Any

import pytest

from ops.adopt import google
from ops.adopt.model import Verdict
from tests.unit.ops.google_project import DENIED, QUEUES, REGION, declared, look, row

pytestmark = pytest.mark.unit

NAME = f"{QUEUES}/sendLater"
QUEUE = declared(
    google.QUEUE,
    "functions-sendLater-queue",
    {
        "project": "crm",
        "location": REGION,
        "name": "sendLater",
        "rateLimits": {"__defaults": [], "maxConcurrentDispatches": 6, "maxDispatchesPerSecond": 500},
        "retryConfig": {"maxAttempts": 3, "minBackoff": "0.100s", "maxRetryDuration": "0s"},
    },
)
ENQUEUERS = declared(
    google.ENQUEUERS,
    "functions-sendLater-enqueuers",
    {
        "location": REGION,
        "name": "sendLater",
        "role": "roles/cloudtasks.enqueuer",
        "members": ["serviceAccount:fn"],
    },
)


def live(**changes: Any) -> dict[str, Any]:
    """The queues of the region, as the Cloud Tasks API lists them."""
    one = {
        "name": NAME,
        "state": "RUNNING",
        "rateLimits": {"maxConcurrentDispatches": 6, "maxDispatchesPerSecond": 500.0, "maxBurstSize": 100},
        "retryConfig": {"maxAttempts": 3, "minBackoff": "0.100s", "maxBackoff": "3600s"},
    }
    return {QUEUES: {"queues": [{**one, **changes}]}}


def test_a_queue_that_exists_is_adopted_with_its_tasks() -> None:
    looked = look(live(), QUEUE)
    (found,) = looked.found
    assert (found.urn, found.id) == (QUEUE.urn, NAME)
    assert row(looked, QUEUE).verdict is Verdict.SAME
    assert [one.kind for one in looked.rows] == ["task queue"], "a declared queue is no extra one"


def test_a_queue_that_does_not_exist_is_created() -> None:
    assert row(look({}, QUEUE), QUEUE).verdict is Verdict.CREATED


def test_other_limits_are_changes() -> None:
    changed = look(live(retryConfig={"maxAttempts": 100, "minBackoff": "0.1s"}), QUEUE)
    assert [(it.property, it.old, it.new) for it in row(changed, QUEUE).changes] == [
        ("retryConfig.maxAttempts", "100", "3")
    ]


def test_a_disabled_queue_is_refused_with_the_command_that_resumes_it() -> None:
    """firebase-tools disables the queue of a function that it deletes."""
    found = row(look(live(state="DISABLED"), QUEUE), QUEUE)
    assert found.verdict is Verdict.REFUSED
    assert found.fix.startswith(f"gcloud tasks queues resume sendLater --location {REGION} --project crm\n")


def test_a_paused_queue_stays_paused_and_the_report_says_so() -> None:
    looked = look(live(state="PAUSED"), QUEUE)
    assert row(looked, QUEUE).reason == "it is paused: its tasks wait, also after the `up`"
    assert len(looked.found) == 1


def test_who_loses_the_right_to_add_tasks_is_named() -> None:
    policy = {"bindings": [{"role": "roles/cloudtasks.enqueuer", "members": ["serviceAccount:old"]}]}
    looked = look({**live(), f"{NAME}:getIamPolicy": policy}, QUEUE, ENQUEUERS)
    found = next(one for one in looked.found if one.urn == ENQUEUERS.urn)
    assert found.id == f"{NAME}/roles/cloudtasks.enqueuer"
    assert [(it.old, it.new) for it in row(looked, ENQUEUERS).changes] == [
        ('"serviceAccount:old"', "removed"),
        ("null", '"serviceAccount:fn"'),
    ]


def test_members_that_may_not_be_read_are_said_to_be_removed() -> None:
    looked = look({**live(), f"{NAME}:getIamPolicy": DENIED}, QUEUE, ENQUEUERS)
    assert "the `up` removes those that are not declared" in row(looked, ENQUEUERS).reason
    assert any("sendLater" in one for one in looked.unread)
