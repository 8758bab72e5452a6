"""Waiting for a deployment to become healthy, and the error if it does not.

A deployment is healthy if Railway returns SUCCESS (or SLEEPING) and still does after a moment, its log has
every expected line, and the health check returns status 200. Each new status is logged once. No log line
is shown with the value of a variable in it; if a value cannot be read (a sealed variable), no line is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from railway import health
from railway.clock import Deadline, format_duration, log_progress
from railway.graphql.credentials import Access
from railway.graphql.errors import DeploymentError, RequestError, StatusUnknownError
from railway.graphql.models import SUCCESSFUL_STATUSES, DeploymentView
from railway.redact import redact
from railway.snapshot import EnvironmentCache

_POLL = 5.0
_SHOWN_LINES = 20
_FOLLOWED = 3
_READ_LINES = 1000
_BUILD_STEPS = {"SNAPSHOT_CODE", "BUILD_IMAGE", "PUBLISH_IMAGE"}


_BLOCKED = {
    "NEEDS_APPROVAL": ("it needs an approval", "approve it in Railway's dashboard"),
    "WAITING": (
        "Railway waits for GitHub's checks of its commit",
        "make the checks of its commit pass on GitHub",
    ),
}
"""The statuses in which Railway waits for another action: the reason, and the action."""
_DEFAULT_FIX = "correct the cause shown in the log, push, then run pulumi up again"
_STATUS_VERBS = {"REMOVED": "was removed or cancelled on Railway", "SKIPPED": "was skipped by Railway"}
_FIX_BY_STATUS = {
    "SKIPPED": "push a commit that changes a file that matches a watch pattern, or correct the watch "
    "patterns; with check_suites, make the GitHub workflows of the commit pass; then run `pulumi up` again",
    "REMOVED": "run `pulumi up` again, which starts a new deployment",
}
_FIX_BY_STEP = {
    "SNAPSHOT_CODE": "check that the repository has the declared branch, and that Railway's GitHub app can "
    "read it; then run `pulumi up` again",
    "HEALTHCHECK": "the service must return status 200 on the health check path, at the port in the "
    "variable PORT; correct that, push, then run `pulumi up` again",
}


@dataclass(frozen=True, kw_only=True)
class Expectations:
    """What a healthy deployment shows.

    Args:
        log_lines: texts that its log must contain.
        log_fix: how to fix a log that does not contain them.
        domain: its public host name; "": no health check.
        health_path: the path that must return status 200.
        wait_seconds: how long Railway may take to build and start it.
        health_seconds: how long the log lines and the health check may take after that.
        stable_seconds: how long it must keep running.
    """

    log_lines: Sequence[str]
    log_fix: str
    domain: str
    health_path: str
    wait_seconds: float
    health_seconds: float
    stable_seconds: float


class DeploymentWait:
    """The wait for the deployment of one service.

    Args:
        cache: the service's environment.
        service_id: the service.
        access: for the address of the edge and the timeout.
        expect: what a healthy deployment shows.
    """

    def __init__(
        self, cache: EnvironmentCache, service_id: str, access: Access, expect: Expectations
    ) -> None:
        self._cache = cache
        self._api = cache.api
        self._service_id = service_id
        self._access = access
        self._expect = expect
        self._clock = cache.api.clock
        self._statuses: dict[str, list[str]] = {}

    def wait(self, deployment_id: str) -> DeploymentView:
        """Wait until the deployment, or a newer one that replaces it, is healthy.

        Raises:
            DeploymentError: it is not healthy; with the step, the last log lines and a fix.
            StatusUnknownError: a request failed, so its status is not known.
        """
        try:
            return self._wait(deployment_id)
        except RequestError as failure:
            unknown = StatusUnknownError(next(reversed(self._statuses), deployment_id), failure)
        raise unknown from None

    def _wait(self, deployment_id: str) -> DeploymentView:
        deadline = self._clock.deadline(self._expect.wait_seconds)
        for _ in range(_FOLLOWED):
            deployment = self._wait_until_finished(deployment_id, deadline)
            if deployment.successful:
                deployment = self._check_stable(deployment, deadline)
            if deployment.successful:
                deployment = self._verify(deployment)
            if deployment.successful:
                return deployment
            newer = self._newer_than(deployment) if deployment.status == "REMOVED" else None
            if newer is None:
                raise self._failure(deployment)
            log_progress(f"deployment {deployment.id} was replaced by {newer.id}; waiting for that one")
            deployment_id = newer.id
        raise DeploymentError(
            f"the deployment was replaced by a newer one {_FOLLOWED} times during the wait, last by "
            f"{deployment_id}",
            fix="wait until there are no more pushes to the branch, then run `pulumi up` again",
        )

    def _wait_until_finished(self, deployment_id: str, deadline: Deadline) -> DeploymentView:
        """Wait until its status is final."""
        last: list[DeploymentView] = []

        def finished() -> DeploymentView | None:
            last[:] = [self._read(deployment_id)]
            return last[0] if last[0].finished else None

        found = deadline.poll(finished, every=_POLL)
        if found is None:
            raise self._timed_out(last[0])
        return found

    def _timed_out(self, deployment: DeploymentView) -> DeploymentError:
        waited = format_duration(self._expect.wait_seconds)
        what = f"the deployment {deployment.id} is still {deployment.status}"
        blocked = _BLOCKED.get(deployment.status)
        if blocked is not None:
            what = f"{what} after {waited}: {blocked[0]}"
            fix = f"{blocked[1]}; then run `pulumi up` again, which waits for this deployment"
        else:
            step, _ = self._failed_step(deployment.id)
            where = f" in step {step}" if step else ""
            what = f"{what}{where} after {waited}{self._last_lines(deployment)}"
            fix = (
                "open the deployment in Railway's dashboard. If it makes progress, run `pulumi up` again to "
                "wait for it. If not, cancel it there, then run `pulumi up`, which starts a new deployment"
            )
        return DeploymentError(what, fix=fix)

    def _read(self, deployment_id: str) -> DeploymentView:
        """The current deployment; a new status is logged and recorded."""
        statuses = self._statuses.setdefault(deployment_id, [])
        deployment = self._api.deployment(deployment_id)
        if not statuses or statuses[-1] != deployment.status:
            statuses.append(deployment.status)
            blocked = _BLOCKED.get(deployment.status)
            longest = format_duration(self._expect.wait_seconds)
            reason = f": {blocked[0]}; waiting at most {longest}" if blocked else ""
            log_progress(f"deployment {deployment_id} is {deployment.status}{reason}")
        return deployment

    def _check_stable(self, deployment: DeploymentView, deadline: Deadline) -> DeploymentView:
        """Read it once more after a moment: a deployment can crash after SUCCESS."""
        if self._expect.stable_seconds > 0:
            self._clock.sleep(self._expect.stable_seconds)
        current = self._read(deployment.id)
        return current if current.finished else self._wait_until_finished(deployment.id, deadline)

    def _newer_than(self, deployment: DeploymentView) -> DeploymentView | None:
        newest = self._api.newest_deployments(
            self._cache.project_id, self._cache.environment_id, self._service_id
        )
        return next(
            (one for one in newest if one.id != deployment.id and one.created_at >= deployment.created_at),
            None,
        )

    def _verify(self, deployment: DeploymentView) -> DeploymentView:
        """Wait for the log lines and the health check. A deployment that fails meanwhile is returned."""
        deadline = self._clock.deadline(self._expect.health_seconds)
        missing: Sequence[str] = list(self._expect.log_lines)
        current = deployment

        def failed() -> bool:
            nonlocal current
            current = self._read(deployment.id)
            return current.failed

        def logged() -> bool | None:
            nonlocal missing
            missing = self._missing(deployment.id, missing)
            return True if not missing or failed() else None

        if missing:
            deadline.poll(logged, every=_POLL)
        if missing and not current.failed:
            raise DeploymentError(
                f"the deployment {deployment.id} runs, but its log does not contain: {'; '.join(missing)}"
                f"{self._last_lines(deployment)}",
                fix=self._expect.log_fix,
            )
        if current.failed or not self._expect.domain:
            return current
        found = health.wait_until_healthy(
            self._expect.domain,
            self._expect.health_path,
            deadline=deadline,
            edge_url=self._access.edge_url,
            timeout=min(10.0, self._access.timeout),
            stop=failed,
        )
        if not found.healthy and not current.failed:
            raise DeploymentError(
                f"the deployment {deployment.id} runs, but https://{self._expect.domain}"
                f"{self._expect.health_path} does not return status 200: {found.outcome}"
                f"{self._last_lines(deployment)}",
                fix="make the service return status 200 there, without a redirect, then run `pulumi up` "
                "again",
            )
        if found.healthy:
            log_progress(f"deployment {deployment.id}: {self._expect.health_path} returned {found.outcome}")
        return deployment if found.healthy else current

    def _missing(self, deployment_id: str, expected: Sequence[str]) -> list[str]:
        """The expected lines that its log does not contain."""
        lines = self._api.logs(deployment_id, _READ_LINES)
        log = "\n".join(lines)
        missing = [line for line in expected if line not in log]
        if len(lines) < _READ_LINES:
            return missing
        # The log is longer than what was read: search for each line.
        return [
            line
            for line in missing
            if not any(line in found for found in self._api.logs(deployment_id, 1, phrase=line))
        ]

    def _failure(self, deployment: DeploymentView) -> DeploymentError:
        step, reason = self._failed_step(deployment.id)
        successful = [
            status for status in self._statuses.get(deployment.id, []) if status in SUCCESSFUL_STATUSES
        ]
        before = f"; it was {successful[-1]} before" if successful else ""
        where = f" in step {step}" if step else ""
        why = f": {self._redacted(reason)}" if reason else ""
        what = _STATUS_VERBS.get(deployment.status, "failed")
        return DeploymentError(
            f"the deployment {deployment.id} {what}{where} (status {deployment.status}{before}){why}"
            f"{self._last_lines(deployment, build=step in _BUILD_STEPS)}",
            fix=_FIX_BY_STEP.get(step) or _FIX_BY_STATUS.get(deployment.status) or _DEFAULT_FIX,
        )

    def _failed_step(self, deployment_id: str) -> tuple[str, str]:
        try:
            return self._api.failed_step(deployment_id)
        except RequestError as error:
            # The failure of the deployment is what must be shown; this only completes it.
            return "", f"(its steps could not be read: {error.traced_reason})"

    def _last_lines(self, deployment: DeploymentView, *, build: bool = False) -> str:
        try:
            secrets = self._secrets()
            if secrets is None:
                return (
                    "\n  Its log is not shown: Railway does not reveal sealed variables, so their values "
                    f"could not be masked in it. To read it: railway logs {deployment.id}"
                )
            lines = self._api.logs(deployment.id, _SHOWN_LINES, build=build)
            if not lines and not build:
                # A container that never started logged nothing, but its build may have.
                lines = self._api.logs(deployment.id, _SHOWN_LINES, build=True)
        except RequestError as error:
            return f"\n  Its log cannot be shown: {error.what}"
        if not lines:
            return "\n  Its log is empty."
        text = redact("\n".join(lines[-_SHOWN_LINES:]), secrets)
        return "\n  Last log lines:" + "".join(f"\n  | {line}" for line in text.splitlines()[-_SHOWN_LINES:])

    def _redacted(self, reason: str) -> str:
        try:
            secrets = self._secrets()
        except RequestError as error:
            return f"(reason hidden: the variables to mask in it could not be read: {error.traced_reason})"
        return (
            "(reason hidden: sealed variables cannot be masked in it)"
            if secrets is None
            else redact(reason, secrets)
        )

    def _secrets(self) -> list[tuple[str, str]] | None:
        """Name and value of every variable of the service; None if a value cannot be read."""
        cache = self._cache
        maps = [cache.variables(self._service_id), cache.variables(None)]
        pairs = [(name, value) for variables in maps for name, value in variables.items()]
        if any(value is None for _, value in pairs):
            return None
        known = [(name, value) for name, value in pairs if value is not None]
        if any("${{" in value for _, value in known):
            rendered = self._api.rendered_variables(cache.project_id, cache.environment_id, self._service_id)
            known += rendered.items()
        return known
