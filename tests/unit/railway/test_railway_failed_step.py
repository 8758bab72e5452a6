"""The error of a failed deployment contains no value of a variable."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from railway.clock import Clock
from railway.deployment_wait import DeploymentWait, Expectations
from railway.graphql.credentials import Access
from railway.graphql.errors import AmbiguousError, DeploymentError
from railway.graphql.models import DeploymentView, EnvironmentView, InstanceView, ProjectView, Snapshot
from railway.snapshot import EnvironmentCache

if TYPE_CHECKING:
    from railway.graphql.api import RailwayApi

pytestmark = pytest.mark.unit

SECRET = "hunter2-very-secret"
ACCESS = Access("http://127.0.0.1:9/graphql/v2", "token", "bearer")
EXPECT = Expectations(
    log_lines=(),
    log_fix="",
    domain="d",
    health_path="/health",
    wait_seconds=1,
    health_seconds=1,
    stable_seconds=0,
)


class Failed:
    """An API whose one deployment has failed, with a value in the reason of its step."""

    def __init__(self) -> None:
        self.clock = Clock(0.001)

    def deployment(self, deployment_id: str) -> DeploymentView:
        return DeploymentView(deployment_id, "FAILED", datetime(2026, 1, 1, tzinfo=UTC))

    def failed_step(self, deployment_id: str) -> tuple[str, str]:
        return "BUILD_IMAGE", f"the build command exited with code 1: --password={SECRET}"

    def logs(self, deployment_id: str, limit: int, *, build: bool = False) -> list[str]:
        return []


class Unread(Failed):
    """One that cannot resolve a reference."""

    def rendered_variables(self, project_id: str, environment_id: str, service_id: str) -> dict[str, str]:
        raise AmbiguousError("RenderedVariablesRead", "HTTP 502")


def message(api: Failed, entry: dict[str, Any]) -> str:
    """The message when the service has one variable, PASSWORD."""
    stack = EnvironmentCache(cast("RailwayApi", api), "p", "e", threading.RLock())
    instance = InstanceView("s", {}, None, (), (), ())
    config = {"services": {"s": {"variables": {"PASSWORD": entry}}}}
    stack.seed(
        Snapshot(
            ProjectView("p", "crm", "", "", (), (), ()),
            EnvironmentView("e", "production", (instance,), (), (), config),
        )
    )
    with pytest.raises(DeploymentError) as caught:
        DeploymentWait(stack, "s", ACCESS, EXPECT).wait("d")
    return str(caught.value)


def test_a_value_in_its_reason_is_replaced_by_its_name() -> None:
    text = message(Failed(), {"value": SECRET})
    assert (
        "in step BUILD_IMAGE (status FAILED): the build command exited with code 1: --password=[PASSWORD]"
        in text
    )
    assert SECRET not in text


@pytest.mark.parametrize(
    ("api", "entry", "words"),
    [
        (
            Failed(),
            {"isSealed": True},
            "in step BUILD_IMAGE (status FAILED): (reason hidden: sealed variables cannot be masked in it)",
        ),
        (Unread(), {"value": "${{db.PASSWORD}}"}, "(reason hidden: the variables to mask in it could not be"),
    ],
    ids=("sealed", "unread"),
)
def test_its_reason_is_not_shown_if_a_value_is_unknown(
    api: Failed, entry: dict[str, Any], words: str
) -> None:
    text = message(api, entry)
    assert words in text
    assert SECRET not in text
