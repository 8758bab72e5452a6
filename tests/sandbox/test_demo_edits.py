"""The edits of the demo find the stack's objects in a state of the stand-in and in one of the real plugin."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.stack_state import (
    FUNCTION_TYPE,
    INVOKER_TYPE,
    RAILWAY_TYPE,
    RELEASE_TYPE,
    Resource,
    example_edits,
)
from sandbox.supervisor import Running

pytestmark = pytest.mark.sandbox

RUNNING = Running(
    pid=1, railway_url="http://r", google_url="http://g", firestore_host="f:1", proxy_url="http://p"
)
PLACE = {"project": "crm-sandbox", "location": "europe-west1"}


def resource(type_: str, **inputs: Any) -> Resource:
    return Resource(f"urn::{type_}", type_, "id", inputs, inputs)


@pytest.mark.parametrize(
    "service", ["sendmessage", "projects/crm-sandbox/locations/europe-west1/services/sendmessage"]
)
def test_five_edits_whichever_name_a_service_has_in_the_state(service: str) -> None:
    found = [
        resource(RAILWAY_TYPE + "Service", project_id="p", environment_id="e"),
        resource(FUNCTION_TYPE, name="collect", **PLACE),
        resource(FUNCTION_TYPE, name="sendMessage", **PLACE),
        resource(INVOKER_TYPE, name=service, members=["allUsers"]),
        resource(RELEASE_TYPE, project="crm-sandbox"),
    ]
    assert [edit.description for edit in example_edits(RUNNING, found)] == [
        "Railway: the service deploys from the branch `audit-whatsapp-30`",
        "Railway: the variable DEBUG is added",
        "Google: the function sendMessage is no longer public",
        "Google: the function collect has 1Gi of memory",
        "Google: other Firestore rules are released",
    ]
