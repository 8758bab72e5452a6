"""The deployment trigger has the declared branch, or `up` fails."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from railway.clock import Clock
from railway.deployment_trigger import DeploymentTrigger
from railway.graphql.errors import MissingError
from railway.graphql.models import EnvironmentView, ProjectView, Snapshot, TriggerView
from railway.snapshot import EnvironmentCache

if TYPE_CHECKING:
    from railway.graphql.api import RailwayApi

pytestmark = pytest.mark.unit

PROPS = {"repo": "o/r", "branch": "main"}
WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)


class Triggers:
    """An API that accepts every trigger, and returns given branches.

    Args:
        answers: the branch of each answer, "" for the one that was asked for; the last one stays.
    """

    def __init__(self, *answers: str) -> None:
        self.clock = Clock(0.001)
        self._answers = list(answers)
        self.deleted: list[str] = []
        self.updates = 0

    def create(self, operation: str, read: object, **fields: Any) -> tuple[TriggerView, datetime | None]:
        assert (operation, fields["provider"]) == ("TriggerCreate", "github")
        return self._answer("new", fields)

    def write_object(
        self, operation: str, read: object, **variables: Any
    ) -> tuple[TriggerView, datetime | None]:
        assert operation == "TriggerUpdate"
        self.updates += 1
        return self._answer(variables["id"], variables["input"])

    def write(self, operation: str, **variables: Any) -> None:
        assert operation == "TriggerDelete"
        self.deleted.append(variables["id"])

    def _answer(self, trigger_id: str, fields: dict[str, Any]) -> tuple[TriggerView, datetime | None]:
        branch = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        kept = TriggerView(
            trigger_id, "s", fields["repository"], branch or fields["branch"], fields["checkSuites"]
        )
        return kept, WRITTEN


def sync(api: Triggers, *branches: str) -> tuple[TriggerView, ...]:
    """Sync triggers of these branches; returns the triggers that are cached then."""
    triggers = tuple(TriggerView(f"t{n}", "s", "o/r", branch, False) for n, branch in enumerate(branches))
    stack = EnvironmentCache(cast("RailwayApi", api), "p", "e", threading.RLock())
    environment = EnvironmentView("e", "production", (), (), triggers, None)
    stack.seed(Snapshot(ProjectView("p", "crm", "", "", (), (), ()), environment))
    DeploymentTrigger(stack, "s").sync(PROPS, root_directory_unknown=False)
    return stack.snapshot().triggers("s")


@pytest.mark.parametrize("branches", [(), ("old",)], ids=("made", "changed"))
def test_a_response_with_another_branch_is_an_error(branches: tuple[str, ...]) -> None:
    """Pushes to that one would be deployed."""
    with pytest.raises(MissingError, match="returned the branch other of o/r instead of main of o/r"):
        sync(Triggers("other"), *branches)


def test_a_new_trigger_of_another_branch_is_updated_once() -> None:
    """Railway may create it on the repository's default branch."""
    api = Triggers("other", "")
    assert [one.branch for one in sync(api)] == ["main"]
    assert api.updates == 1


def test_other_triggers_are_deleted() -> None:
    """A second one would deploy its branch, too."""
    api = Triggers("")
    assert [(one.id, one.branch) for one in sync(api, "old", "main", "third")] == [("t0", "main")]
    assert api.deleted == ["t1", "t2"]
