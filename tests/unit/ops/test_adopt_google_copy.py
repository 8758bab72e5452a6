"""What a rehearsal copies of a Google project: names of variables, and no value that may be secret."""

from __future__ import annotations

from typing import Any

import pytest

from ops.adopt import google_copy
from tests.unit.ops.google_project import BASE, FUNCTIONS, REGION, Project

pytestmark = pytest.mark.unit

SERVICE = f"{BASE}/locations/{REGION}/services/send"


def test_values_of_an_apps_variables_are_not_copied_whatever_their_names_begin_with() -> None:
    own = {"FIREBASE_CONFIG": "{}", "FUNCTION_TARGET": "send", "LOG_EXECUTION_ID": "true"}
    secret = dict.fromkeys(("GOOGLE_CLIENT_SECRET", "FUNCTION_KEY", "EVENTARC_TOKEN", "KEY"), "hush")
    function: dict[str, Any] = {
        "name": f"{BASE}/locations/{REGION}/functions/send",
        "serviceConfig": {"environmentVariables": {**own, **secret}},
    }
    container = {"env": [{"name": name, "value": value} for name, value in {**own, **secret}.items()]}
    project = Project(
        {
            BASE: {"projectId": "crm"},
            FUNCTIONS: {"functions": [function]},
            f"{BASE}/locations/{REGION}/services": {
                "services": [{"name": SERVICE, "template": {"containers": [container]}}]
            },
        }
    )
    copy, _ = google_copy.read(project, "crm", "(default)", [REGION])
    assert "hush" not in repr(copy)
    (found,) = (one["object"] for one in copy["objects"] if one["object"]["name"] == function["name"])
    assert found["serviceConfig"]["environmentVariables"] == {
        **own,
        **dict.fromkeys(secret, google_copy.PLACEHOLDER),
    }
