"""The deployment trigger of a service: which pushes to which branch Railway deploys.

Railway keeps the branch there and not in the service's settings, so the properties `repo`, `branch` and
`check_suites` of `ServiceSettings` are written to the trigger and read from it. A service should have exactly
one trigger where a repository is declared, and none where an image is declared: a push would deploy the
repository over the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from railway.args import Props
from railway.fields import FieldProblem, text
from railway.graphql.errors import MissingError, NotFoundError
from railway.graphql.models import Snapshot, TriggerView
from railway.snapshot import EnvironmentCache
from railway.waiting import create_once
from user_errors import add_fix

COMMIT = frozenset({"repo", "branch", "check_suites", "image"})
"""The properties that decide which commit is deployed."""
SOURCE = COMMIT | {"root_directory"}
"""The properties that are written to the trigger, or decide whether there is one."""


def validate(declared: Props) -> list[FieldProblem]:
    """A repository requires a branch, and a branch a repository."""
    if bool(declared.get("repo")) == bool(declared.get("branch")):
        return []
    missing, given = ("branch", "repo") if declared.get("repo") else ("repo", "branch")
    return [FieldProblem(missing, add_fix(f"is required when {given} is set", "set both, or neither"))]


def live_properties(triggers: Sequence[TriggerView], repo: object) -> dict[str, Any]:
    """The live `repo`, `branch` and `check_suites`.

    Several triggers show as a comma-separated list, which is drift.

    Args:
        triggers: the service's triggers.
        repo: the repository in the service's settings, None if it has none.
    """
    repositories = {one.repository for one in triggers}
    if repo is not None and repositories - {repo}:
        repo = ", ".join(sorted({str(repo), *repositories}))
    return {
        "repo": repo,
        "branch": ", ".join(sorted({one.branch for one in triggers})) or None,
        "check_suites": any(one.check_suites for one in triggers),
    }


@dataclass(frozen=True)
class DeploymentTrigger:
    """The trigger of one service. Hold the environment's lock while changing it.

    Args:
        cache: the service's environment.
        service_id: the service.
    """

    cache: EnvironmentCache
    service_id: str

    def sync(self, declared: Props, *, root_directory_unknown: bool) -> datetime | None:
        """Create the trigger or update it; delete any other.

        Args:
            declared: `repo`, `branch`, `check_suites` and `root_directory`.
            root_directory_unknown: whether an existing trigger may have another root directory, which
                Railway's API cannot read.

        Returns:
            The earliest time at which a write took effect; None if nothing was written.

        Raises:
            MissingError: Railway returns another branch or repository.
        """
        api, root = self.cache.api, text(declared.get("root_directory"))
        triggers = self.cache.snapshot().triggers(self.service_id)
        wanted = {
            "repository": declared["repo"],
            "branch": declared["branch"],
            "checkSuites": bool(declared.get("check_suites")),
        }

        def differs(trigger: TriggerView) -> bool:
            return (trigger.repository, trigger.branch, trigger.check_suites) != tuple(wanted.values())

        def create() -> tuple[TriggerView, datetime | None]:
            return api.create(
                "TriggerCreate",
                TriggerView.of,
                **self.cache.ids,
                serviceId=self.service_id,
                provider="github",
                rootDirectory=root,
                **wanted,
            )

        def find() -> tuple[TriggerView, datetime | None] | None:
            found = self.cache.refresh().triggers(self.service_id)
            return (found[0], None) if found else None

        written: datetime | None = None
        if triggers:
            trigger = triggers[0]
        else:
            trigger, written = create_once(api.clock, create, find)
        if (root_directory_unknown and written is None) or differs(trigger):
            directory: dict[str, object] = (
                {"rootDirectory": root or ""} if root or root_directory_unknown else {}
            )
            trigger, written = api.write_object(
                "TriggerUpdate", TriggerView.of, id=trigger.id, input={**wanted, **directory}
            )
        if differs(trigger):
            raise MissingError(
                f"Railway accepted the deployment trigger of the service {self.service_id}, but returned the "
                f"branch {trigger.branch} of {trigger.repository} instead of {declared['branch']} of "
                f"{declared['repo']}",
                fix="connect the branch in Railway's dashboard (the service, Settings, Source), then run "
                "`pulumi up` again",
            )
        self._delete(triggers[1:])
        self.cache.update(lambda view: self._with_trigger(view, trigger))
        return written

    def delete(self, known: Sequence[TriggerView]) -> None:
        """Delete all triggers.

        Args:
            known: triggers that Railway's list may not show yet.
        """
        listed = self.cache.snapshot().triggers(self.service_id)
        self._delete(tuple({one.id: one for one in (*known, *listed)}.values()))
        self.cache.update(lambda view: self._with_trigger(view, None))

    def _delete(self, triggers: Sequence[TriggerView]) -> None:
        for one in triggers:
            try:
                self.cache.api.write("TriggerDelete", id=one.id)
            except NotFoundError:
                continue

    def _with_trigger(self, view: Snapshot, trigger: TriggerView | None) -> Snapshot:
        triggers = view.environment.triggers if view.environment else ()
        others = tuple(one for one in triggers if one.service_id != self.service_id)
        return view.with_environment(triggers=others if trigger is None else (*others, trigger))
