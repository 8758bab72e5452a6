"""The one deployment of an `up`: everything that needs one comes before it, without deploying.

`revisions` are the marks that the writes left. If one is new, the newest commit of the branch is deployed
once, unless Railway has already started a deployment after all of them; then that one is waited on. A
rollback by hand is drift: what it runs is not what is declared.
Refuses to call an `up` done before the backend is healthy: see `rollout`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi import dynamic

from railway import revision
from railway.deleted_volume import refuse_without
from railway.errors import (
    AmbiguousError,
    DeploymentError,
    NotFoundError,
    RejectedError,
    RequestError,
    ServerFaultError,
    StatusUnknownError,
    WaitTimeoutError,
)
from railway.fields import Field, boolean, flag, not_negative, number, positive, quoting, texts
from railway.graphql.models import GOOD_STATUSES, DeploymentView, InstanceView
from railway.provider import Props, RailwayProvider, inputs_of, instance_of, is_deleted
from railway.validation import url_path

if TYPE_CHECKING:
    from railway.rollout import Rollout
    from railway.snapshot import EnvironmentCache

LOG_EXPECTATIONS = ("sessions dir exists/writable: true", "Firebase initialized")


@dataclass(frozen=True, kw_only=True)
class DeploymentArgs:
    """Inputs of a deployment.

    Args:
        project_id: the project.
        environment_id: the environment.
        service_id: the service.
        revisions: `revision` of everything that needs a deployment when it changes.
        domain: the public host name of the service.
        health_path: what must answer 200 there.
        log_expectations: text that must be in the log.
        wait_seconds: how long Railway may take.
        hold_seconds: how long it must stay up after that.
        health_seconds: how long log and health check may take.
        rollback: after a failure, run the last good deployment again, and fail all the same.
    """

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    service_id: pulumi.Input[str]
    revisions: Sequence[pulumi.Input[str]]
    domain: pulumi.Input[str]
    health_path: pulumi.Input[str] = "/health"
    log_expectations: Sequence[str] = LOG_EXPECTATIONS
    wait_seconds: pulumi.Input[int] = 1200
    hold_seconds: pulumi.Input[int] = 5
    health_seconds: pulumi.Input[int] = 120
    rollback: pulumi.Input[bool] = False


class DeploymentProvider(RailwayProvider):
    """Deploys once, and waits until it is healthy."""

    FIELDS = (
        Field(name="project_id", required=True, replace=True),
        Field(name="environment_id", required=True, replace=True),
        Field(name="service_id", required=True, replace=True),
        Field(name="revisions", normal=texts),
        Field(name="domain", required=True),
        Field(name="health_path", rules=(quoting(url_path),)),
        Field(name="log_expectations", normal=texts),
        Field(name="wait_seconds", normal=number, rules=(positive,)),
        Field(name="hold_seconds", normal=number, rules=(not_negative,)),
        Field(name="health_seconds", normal=number, rules=(positive,)),
        Field(name="rollback", normal=flag, default=False, rules=(boolean,)),
        # Always declared true: a deployment that crashed since is drift, and the next `up` deploys again.
        Field(name="running", normal=flag),
        # Always declared false: a rollback runs with an earlier deployment's variables and image.
        Field(name="rolled_back", normal=flag, default=False),
    )

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Deploy, or wait on what has already started."""
        return f"{props['environment_id']}/{props['service_id']}", self._roll_out(props)

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The newest deployment of the service."""
        del id_
        view = self.environment(props).snapshot()
        instance = None if is_deleted(view) else view.instance(props["service_id"])
        if instance is None:
            return None
        latest = instance.latest
        return {
            "running": _running(instance),
            "rolled_back": latest is not None and latest.rolled_back,
            "deployment_id": latest.id if latest else None,
            "status": latest.status if latest else None,
            "commit": latest.commit or None if latest else None,
        }

    def update_object(self, id_: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Deploy, if something that needs it changed; else only look again whether it is healthy."""
        del id_
        if not {"revisions", "running", "rolled_back"} & set(changed):
            matters = {"domain", "health_path", "log_expectations"} & set(changed)
            return self._verify(olds, news) if matters else {}
        return self._roll_out(news)

    def delete_object(self, id_: str, props: Props) -> None:
        """Nothing: a deployment goes with its service, and stopping it is no part of forgetting it."""
        del id_, props

    def _rollout(self, cache: EnvironmentCache, props: Props) -> Rollout:
        # Here and not above: check and diff send nothing and must not load an HTTP library.
        from railway.rollout import Expectations, Rollout

        expect = Expectations(
            log_lines=props.get("log_expectations") or (),
            domain=props["domain"],
            health_path=props.get("health_path") or "/health",
            wait_seconds=float(props.get("wait_seconds") or 1200),
            health_seconds=float(props.get("health_seconds") or 120),
            hold_seconds=float(props.get("hold_seconds") or 0),
        )
        return Rollout(self.railway.api, cache, props["service_id"], self.access, expect)

    def _verify(self, olds: Props, props: Props) -> dict[str, Any]:
        cache = self.environment(props)
        latest = instance_of(cache.snapshot(), props["service_id"]).latest
        deployment_id = latest.id if latest else str(olds.get("deployment_id") or "")
        return _outs(self._rollout(cache, props).watch(deployment_id))

    def _roll_out(self, props: Props) -> dict[str, Any]:
        cache = self.environment(props)
        with cache.lock:
            view = cache.refresh()
            refuse_without(view, props["service_id"], self.access)
            instance = instance_of(view, props["service_id"])
            good = next((one for one in instance.active if one.status in GOOD_STATUSES), None)
            latest = instance.latest
            if latest is not None and self._contains(latest, cache, props):
                started = latest
            else:
                started = self._start(cache, instance)
            cache.invalidate()
        try:
            return _outs(self._rollout(cache, props).watch(started.id))
        except DeploymentError as error:
            if props.get("rollback") is True and good is not None:
                raise self._rolled_back(good, error, cache, props) from None
            raise

    def _contains(self, latest: DeploymentView, cache: EnvironmentCache, props: Props) -> bool:
        """Whether the newest deployment runs with all that was written."""
        revisions = list(props.get("revisions") or ())
        if latest.bad or latest.rolled_back or not revision.contains(latest, revisions):
            return False
        newest = self.railway.api.newest_deployments(
            cache.project_id, cache.environment_id, props["service_id"]
        )
        return revision.sure(latest, newest, revisions)

    def _start(self, cache: EnvironmentCache, instance: InstanceView) -> DeploymentView:
        """Deploy once, and find out which deployment that is: Railway's answer does not say."""
        api, service_id, before = self.railway.api, instance.service_id, instance.latest
        image = bool((instance.node.get("source") or {}).get("image"))

        def appeared(seconds: float) -> DeploymentView | None:
            return self._newer_than(before.id if before else "", cache, service_id, seconds)

        def deploy() -> None:
            try:
                api.deploy_latest(cache.environment_id, service_id)
            except (NotFoundError, RejectedError) as error:
                # What Railway knows is the newest commit only where nothing was deployed yet.
                if not _about_commit(error) or not (image or before is None):
                    raise
                api.deploy_known(cache.environment_id, service_id)

        for last in (False, True):
            try:
                deploy()
            except (AmbiguousError, ServerFaultError):
                # It may have started: only when none appears is it safe to ask again.
                found = appeared(15)
                if found is not None:
                    return found
                if last:
                    raise
            else:
                break
        found = appeared(90)
        if found is None:
            raise DeploymentError(
                "Railway took the request to deploy, but no deployment appeared within 90 s",
                fix="look at the service in Railway's dashboard (source, branch, a GitHub account "
                "that may read it), then run `pulumi up` again",
            )
        return found

    def _newer_than(
        self, deployment_id: str, cache: EnvironmentCache, service_id: str, seconds: float
    ) -> DeploymentView | None:
        """The newest deployment once it is another one; None: not in time."""

        def look() -> DeploymentView | None:
            newest = self.railway.api.newest_deployments(cache.project_id, cache.environment_id, service_id)
            return next((one for one in newest[:1] if one.id != deployment_id), None)

        try:
            return self.wait_for("the new deployment", look, seconds=seconds, every=2.0)
        except WaitTimeoutError:
            return None

    def _rolled_back(
        self, good: DeploymentView, error: DeploymentError, cache: EnvironmentCache, props: Props
    ) -> DeploymentError:
        api = self.railway.api
        try:
            if api.deployment(good.id).status in GOOD_STATUSES:
                done = "still runs: Railway kept it"
            else:
                done = self._run_again(good, cache, props)
        except RequestError as failure:
            done = f"could not be run again: {failure.traced_reason}"
        return DeploymentError(
            f"{error.what}\n  the last good deployment ({good.id}) {done}",
            fix=error.fix,
            deployment_id=error.deployment_id,
            status=error.status,
        )

    def _run_again(self, good: DeploymentView, cache: EnvironmentCache, props: Props) -> str:
        """Roll back, wait, and say what became of it."""
        newest = self.railway.api.newest_deployments(
            cache.project_id, cache.environment_id, props["service_id"]
        )
        self.railway.api.rollback(good.id)
        again = self._newer_than(newest[0].id if newest else "", cache, props["service_id"], 90)
        if again is None:
            return "was to be run again, but no deployment appeared within 90 s"
        try:
            self._rollout(cache, props).watch(again.id)
        except DeploymentError as failed:
            first = failed.what.partition("\n")[0]
            return f"was run again and is not healthy either: {first}"
        except StatusUnknownError:
            return f"is being run again as {again.id}; what became of it could not be seen"
        return f"runs again as {again.id}, and is healthy"


class Deployment(dynamic.Resource, module="railway", name="Deployment"):
    """A healthy deployment of a service; its id is "<environment>/<service>".

    `deployment_id`, `status`, `commit`, `running` and `rolled_back` are those of the service's newest
    deployment.
    """

    deployment_id: pulumi.Output[str]
    status: pulumi.Output[str]
    commit: pulumi.Output[str]
    running: pulumi.Output[bool]
    rolled_back: pulumi.Output[bool]

    def __init__(self, name: str, args: DeploymentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        props = inputs_of(args, "deployment_id", "status", "commit")
        props |= {"running": True, "rolled_back": False}
        super().__init__(DeploymentProvider(), name, props, opts)


def _about_commit(error: RequestError) -> bool:
    # An image has no newest commit, and a service that never deployed may have none that Railway knows.
    words = error.reason.lower()
    return "commit" in words or "deployment not found" in words or "source" in words or "repo" in words


def _running(instance: InstanceView) -> bool:
    latest = instance.latest
    if latest is None:
        return False
    if latest.status in {"FAILED", "CRASHED"}:
        return False
    if latest.status in {"REMOVED", "SKIPPED"} or (latest.stopped and latest.status != "SLEEPING"):
        return any(one.status in GOOD_STATUSES for one in instance.active)
    return True


def _outs(deployment: DeploymentView) -> dict[str, Any]:
    return {"deployment_id": deployment.id, "status": deployment.status, "commit": deployment.commit or None}
