"""What a typed call sends."""

from __future__ import annotations

from typing import Any, cast

import pytest

from railway.graphql.api import RailwayApi
from railway.graphql.client import Answer, RailwayClient
from railway.graphql.documents import Document

pytestmark = pytest.mark.unit

TRIGGER = {"id": "t", "serviceId": "s", "repository": "o/r", "branch": "main", "checkSuites": False}


class Sent:
    """A client that records what it would send."""

    def __init__(self) -> None:
        self.input: dict[str, Any] = {}

    def execute(self, document: Document, variables: dict[str, Any]) -> Answer:
        """Answers with the trigger."""
        self.input = variables["input"]
        return Answer({"deploymentTriggerCreate": TRIGGER}, None)


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_empty_field_is_not_sent(nothing: str | None) -> None:
    """Railway answers 504 to an empty region, and a null has a meaning."""
    sent = Sent()
    RailwayApi(cast("RailwayClient", sent)).create_trigger(
        branch="main", rootDirectory=nothing, checkSuites=False
    )
    assert sent.input == {"provider": "github", "branch": "main", "checkSuites": False}
