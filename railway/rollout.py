"""Wait for one deployment to become healthy, and say why if it does not.

Healthy means: Railway says SUCCESS (or SLEEPING) and still says so a moment later, the log has every
expected line, and the health check answers 200. Every status ends the wait, or is waited on with a
deadline; every change of status is said, once. Refuses to print a log line with a variable's value in it;
where a value cannot be known (a sealed variable), no log lines are printed at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from railway import health
from railway.clock import Clock, Deadline, format_duration, log_progress
from railway.errors import DeploymentError, RequestError, StatusUnknownError
from railway.graphql.api import RailwayApi
from railway.graphql.credentials import Access
from railway.graphql.models import GOOD_STATUSES, WAITING_FOR_A_PERSON, DeploymentView
from railway.redact import redact
from railway.snapshot import EnvironmentCache

_POLL = 5.0
_LINES = 20
_FOLLOWED = 3
_READ = 1000
"""Log lines that are read at a time."""
_BUILD_STEPS = {"SNAPSHOT_CODE", "BUILD_IMAGE", "PUBLISH_IMAGE"}
_MEND = "mend what its log says, push it, then run `pulumi up` again"
_ADVICE_BY_STATUS = {
    "SKIPPED": "Railway skips a commit that changes no file of the watch patterns, or that says so: push one "
    "that does, or correct the watch patterns; then run `pulumi up` again",
    "REMOVED": "somebody removed or cancelled it; run `pulumi up` again to deploy anew",
}
_HINTS = {
    "NEEDS_APPROVAL": ": approve it in Railway's dashboard",
    "WAITING": ": it waits for GitHub's checks of its commit",
}
_ADVICE_BY_STEP = {
    "SNAPSHOT_CODE": "check that the repository has the declared branch, and that Railway's GitHub app may "
    "read it; then run `pulumi up` again",
    "HEALTHCHECK": "Railway wants exactly 200 from the health path on the port in PORT; mend that, push it, "
    "then run `pulumi up` again",
}


@dataclass(frozen=True, kw_only=True)
class Expectations:
    """What a healthy deployment shows.

    Args:
        log_lines: text that must be in its log.
        domain: its public host name.
        health_path: what must answer 200 there.
        wait_seconds: how long Railway may take to build and start it.
        health_seconds: how long log and health check may take after that.
        hold_seconds: how long it must stay up.
    """

    log_lines: Sequence[str]
    domain: str
    health_path: str
    wait_seconds: float
    health_seconds: float
    hold_seconds: float


class Rollout:
    """The wait for one service's deployment.

    Args:
        api: how to ask.
        stack: the service's environment.
        service_id: the service.
        access: for the edge's address.
        expect: what healthy means.
    """

    def __init__(
        self, api: RailwayApi, cache: EnvironmentCache, service_id: str, access: Access, expect: Expectations
    ) -> None:
        self._api = api
        self._stack = cache
        self._service_id = service_id
        self._access = access
        self._expect = expect
        self._clock: Clock = api.client.clock
        self._seen: dict[str, list[str]] = {}

    def watch(self, deployment_id: str) -> DeploymentView:
        """Wait until the deployment is healthy; if a newer one takes its place, wait for that one.

        Raises:
            DeploymentError: it is not, with the step, the last log lines and the next thing to do.
            LostSightError: a request failed, so that nobody knows what became of it.
        """
        try:
            return self._watch(deployment_id)
        except RequestError as failure:
            lost = StatusUnknownError(next(reversed(self._seen), deployment_id), failure)
        raise lost from None

    def _watch(self, deployment_id: str) -> DeploymentView:
        deadline = self._clock.deadline(self._expect.wait_seconds)
        for _ in range(_FOLLOWED):
            reached = self._reach(deployment_id, deadline)
            if reached.status in GOOD_STATUSES:
                reached = self._hold(reached, deadline)
            if reached.status in GOOD_STATUSES:
                reached = self._prove(reached)
            if reached.status in GOOD_STATUSES:
                return reached
            newer = self._newer_than(reached) if reached.status == "REMOVED" else None
            if newer is None:
                raise self._failure(reached)
            log_progress(f"deployment {reached.id} was replaced by {newer.id}; waiting for that one")
            deployment_id = newer.id
        raise DeploymentError(
            f"newer deployments replaced ours {_FOLLOWED} times while we waited; the last is {deployment_id}",
            fix="wait until nobody pushes, then run `pulumi up` again",
            deployment_id=deployment_id,
        )

    def _reach(self, deployment_id: str, deadline: Deadline) -> DeploymentView:
        """Wait until nothing more happens by itself."""
        pause = _POLL / 4
        while True:
            deployment = self._look(deployment_id)
            if deployment.over:
                return deployment
            if deadline.passed:
                raise self._never(deployment)
            deadline.sleep(pause)
            pause = min(_POLL, pause * 1.5)

    def _look(self, deployment_id: str) -> DeploymentView:
        """The deployment as it is now; a status that is new is said and kept."""
        seen = self._seen.setdefault(deployment_id, [])
        deployment = self._api.deployment(deployment_id)
        if not seen or seen[-1] != deployment.status:
            seen.append(deployment.status)
            hint = _HINTS.get(deployment.status)
            most = f"{hint}; waiting {format_duration(self._expect.wait_seconds)} at most" if hint else ""
            log_progress(f"deployment {deployment_id} is {deployment.status}{most}")
        return deployment

    def _never(self, deployment: DeploymentView) -> DeploymentError:
        waited = format_duration(self._expect.wait_seconds)
        if deployment.status in WAITING_FOR_A_PERSON:
            what = "an approval" if deployment.status == "NEEDS_APPROVAL" else "GitHub's checks"
            then = "then run `pulumi up` again: it waits for this same deployment"
            return DeploymentError(
                f"the deployment {deployment.id} is {deployment.status}: it has been waiting for {what} for "
                f"{waited}",
                fix=f"approve it in Railway's dashboard; {then}"
                if deployment.status == "NEEDS_APPROVAL"
                else f"make the checks of its commit pass on GitHub; {then}",
                deployment_id=deployment.id,
                status=deployment.status,
            )
        step, _ = self._step(deployment.id)
        return DeploymentError(
            f"the deployment {deployment.id} is still {deployment.status}{f' ({step})' if step else ''} "
            f"after {waited}{self._last_lines(deployment)}",
            fix="look at it in Railway's dashboard. `pulumi up` again waits for it once more; if it is "
            "stuck, cancel it there first, and `pulumi up` deploys anew",
            deployment_id=deployment.id,
            status=deployment.status,
        )

    def _hold(self, deployment: DeploymentView, deadline: Deadline) -> DeploymentView:
        """SUCCESS can become CRASHED: look once more after a moment."""
        if self._expect.hold_seconds > 0:
            self._clock.sleep(self._expect.hold_seconds)
        again = self._look(deployment.id)
        return again if again.over else self._reach(deployment.id, deadline)

    def _newer_than(self, deployment: DeploymentView) -> DeploymentView | None:
        newest = self._api.newest_deployments(
            self._stack.project_id, self._stack.environment_id, self._service_id
        )
        return next(
            (one for one in newest if one.id != deployment.id and one.created_at >= deployment.created_at),
            None,
        )

    def _prove(self, deployment: DeploymentView) -> DeploymentView:
        """The log has what it must have, and the health check answers 200. It may end badly meanwhile:
        then how."""
        deadline = self._clock.deadline(self._expect.health_seconds)
        missing = list(self._expect.log_lines)
        pause = _POLL / 4
        while missing:
            missing = self._missing(deployment.id, missing)
            if not missing:
                break
            now = self._look(deployment.id)
            if now.bad:
                return now
            if deadline.passed:
                raise DeploymentError(
                    f"the deployment {deployment.id} runs, but its log does not say: "
                    f"{'; '.join(missing)}{self._last_lines(deployment)}",
                    fix="mend what keeps the backend from saying it (of the usual two: SESSIONS_PATH "
                    "and the volume's mount path, the service account), or, if it says so in other words, "
                    "change whatsapp-crm:logExpectations; then `pulumi up` again",
                    deployment_id=deployment.id,
                    status=deployment.status,
                )
            deadline.sleep(pause)
            pause = min(_POLL, pause * 1.5)
        return self._prove_health(deployment, deadline)

    def _missing(self, deployment_id: str, expected: Sequence[str]) -> list[str]:
        """Which of these lines its log does not have."""
        lines = self._api.logs(deployment_id, _READ)
        log = "\n".join(lines)
        missing = [line for line in expected if line not in log]
        if len(lines) < _READ:
            return missing
        # It has written more since its start than was read: each line is looked for by itself.
        return [
            line
            for line in missing
            if not any(line in found for found in self._api.logs(deployment_id, 1, phrase=line))
        ]

    def _prove_health(self, deployment: DeploymentView, deadline: Deadline) -> DeploymentView:
        pause = _POLL / 4
        while True:
            answer = health.status_of(
                self._expect.domain,
                self._expect.health_path,
                self._access.edge_url,
                min(10.0, self._access.timeout),
            )
            if answer == "200":
                log_progress(f"deployment {deployment.id}: {self._expect.health_path} answers 200")
                return deployment
            now = self._look(deployment.id)
            if now.bad:
                return now
            if deadline.passed:
                raise DeploymentError(
                    f"the deployment {deployment.id} runs, but "
                    f"https://{self._expect.domain}{self._expect.health_path} does not answer 200: "
                    f"{answer}{self._last_lines(deployment)}",
                    fix="make the backend answer 200 there (exactly, no redirect), then `pulumi up` again",
                    deployment_id=deployment.id,
                    status=deployment.status,
                )
            deadline.sleep(pause)
            pause = min(_POLL, pause * 1.5)

    def _failure(self, deployment: DeploymentView) -> DeploymentError:
        step, words = self._step(deployment.id)
        was = [status for status in self._seen.get(deployment.id, []) if status in GOOD_STATUSES]
        after = f" after it had been {was[-1]}" if was else ""
        where = f" in step {step}" if step else ""
        why = f": {self._clean(words)}" if words else ""
        return DeploymentError(
            f"the deployment {deployment.id} ended "
            f"{deployment.status}{after}{where}{why}"
            f"{self._last_lines(deployment, build=step in _BUILD_STEPS)}",
            fix=_ADVICE_BY_STEP.get(step) or _ADVICE_BY_STATUS.get(deployment.status) or _MEND,
            deployment_id=deployment.id,
            status=deployment.status,
        )

    def _step(self, deployment_id: str) -> tuple[str, str]:
        try:
            return self._api.failed_step(deployment_id)
        except RequestError as error:
            # The failure is what the person must see; that its reason could not be read is said beside it.
            return "", f"(its steps could not be read: {error.traced_reason})"

    def _last_lines(self, deployment: DeploymentView, *, build: bool = False) -> str:
        try:
            secrets = self._secrets()
            if secrets is None:
                return (
                    "\n  Its log is not shown here: some variables are sealed, so their values could not be "
                    f"taken out of it. See it with: railway logs {deployment.id}"
                )
            lines = self._api.logs(deployment.id, _LINES, build=build)
            if not lines and not build:
                # What never started has written nothing, but its build may have.
                lines = self._api.logs(deployment.id, _LINES, build=True)
        except RequestError as error:
            return f"\n  Its log cannot be shown: Railway {error.operation}: {error.traced_reason}"
        if not lines:
            return "\n  Its log is empty."
        text = redact("\n".join(lines[-_LINES:]), secrets)
        return "\n  Last log lines:" + "".join(f"\n  | {line}" for line in text.splitlines()[-_LINES:])

    def _clean(self, words: str) -> str:
        try:
            secrets = self._secrets()
        except RequestError as error:
            return f"(not shown: the values to take out of it could not be read: {error.traced_reason})"
        return "(not shown: some variables are sealed)" if secrets is None else redact(words, secrets)

    def _secrets(self) -> list[tuple[str, str]] | None:
        """Name and value of every variable the service can see; None if one of them cannot be known."""
        seen = [self._stack.variables(self._service_id), self._stack.variables(None)]
        pairs = [(name, value) for variables in seen for name, value in variables.items()]
        if any(value is None for _, value in pairs):
            return None
        known = [(name, value) for name, value in pairs if value is not None]
        if any("${{" in value for _, value in known):
            cache = self._stack
            rendered = self._api.rendered_variables(cache.project_id, cache.environment_id, self._service_id)
            known += rendered.items()
        return known
