"""What a typed call sends of what it was given."""

from __future__ import annotations

from typing import Any, cast

import pytest

from railway.graphql.api import RailwayApi
from railway.graphql.client import Answer, RailwayClient
from railway.graphql.documents import Document
from railway.graphql.models import TriggerView

pytestmark = pytest.mark.unit

TRIGGER = {"id": "t", "serviceId": "s", "repository": "o/r", "branch": "main", "checkSuites": False}


class Sent:
    """A client that keeps what it was to send."""

    def __init__(self) -> None:
        self.input: dict[str, Any] = {}

    def execute(self, document: Document, variables: dict[str, Any]) -> Answer:
        """The trigger, whatever was asked."""
        self.input = variables["input"]
        return Answer({"deploymentTriggerCreate": TRIGGER}, None)


@pytest.mark.parametrize("nothing", [None, ""])
def test_what_is_not_said_is_not_sent(nothing: str | None) -> None:
    """Railway answers 504 to an empty string where it wants a place, and means something by a null."""
    sent = Sent()
    RailwayApi(cast("RailwayClient", sent)).create(
        "TriggerCreate", TriggerView.of, branch="main", rootDirectory=nothing, checkSuites=False
    )
    assert sent.input == {"branch": "main", "checkSuites": False}
