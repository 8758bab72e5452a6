"""The deployment at the end of an `up`: everything that requires one is written before it, without deploying.

`revisions` are marks of the writes. If one is new, the newest commit of the branch is deployed once, unless
Railway has already started a deployment after all of the writes; then that one is waited for. `up` succeeds
only when the deployment is healthy, see `deployment_wait`. A rollback on Railway is drift:
what it runs is not what is declared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi

from railway import revision
from railway.args import Props, ServiceScopeArgs, how_to_set_part, switch
from railway.deleted_volume import check_volume_exists
from railway.fields import Field, column, fields_of, flag, number, optional, texts
from railway.graphql.errors import (
    AmbiguousError,
    DeploymentError,
    NotFoundError,
    RejectedError,
    RequestError,
    ServerFaultError,
    StatusUnknownError,
    WaitTimeoutError,
)
from railway.graphql.models import DeploymentView, InstanceView
from railway.provider import RailwayProvider, RailwayResource
from railway.validation import not_negative, positive, quoting, url_path
from railway.waiting import wait_for
from user_errors import OR

if TYPE_CHECKING:
    from railway.deployment_wait import DeploymentWait
    from railway.snapshot import EnvironmentCache


@dataclass(frozen=True, kw_only=True)
class DeploymentArgs(ServiceScopeArgs):
    """Inputs of a deployment.

    Args:
        revisions: the `revision` of every resource that requires a deployment after a change.
        domain: the public host name of the service. None: no health check.
        health_path: the path that must return status 200 there.
        log_expectations: texts that the log must contain.
        log_advice: what to check when it does not contain them; part of the error message, never compared.
        wait_seconds: how long Railway may take to build and start it.
        stable_seconds: how long it must keep running after that, because some services crash late.
        health_seconds: how long the log lines and the health check may take.
        rollback: after a failure, roll back to the last healthy deployment; `up` fails all the same.
    """

    KEYS = ("allow_new_volume", "log_expectations")

    revisions: Sequence[pulumi.Input[str]] = field(metadata=column(normal=texts, required=False))
    domain: pulumi.Input[str] | None = None
    health_path: pulumi.Input[str] = optional("/health", rules=(quoting(url_path),))
    log_expectations: Sequence[str] = optional((), normal=texts)
    log_advice: str | None = optional(compared=False)
    wait_seconds: pulumi.Input[int] = optional(1200, normal=number, rules=(positive,))
    stable_seconds: pulumi.Input[int] = optional(5, normal=number, rules=(not_negative,))
    health_seconds: pulumi.Input[int] = optional(120, normal=number, rules=(positive,))
    rollback: pulumi.Input[bool] = switch()


class DeploymentProvider(RailwayProvider):
    """Provider of `Deployment`."""

    FIELDS = (
        *fields_of(DeploymentArgs),
        # Always declared true: a deployment that crashed since is drift, and the next `up` deploys again.
        Field(name="running", normal=flag),
        # Always declared false: a rollback runs with an earlier deployment's variables and image.
        Field(name="rolled_back", normal=flag, default=False),
    )

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Deploy, or wait for the deployment that has already started."""
        return f"{props['environment_id']}/{props['service_id']}", self._deploy(props)

    def read_object(self, _id: str, props: Props) -> dict[str, Any] | None:
        """The newest deployment of the service."""
        instance = self.environment(props).snapshot().instance(props["service_id"])
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

    def update_object(self, _id: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Deploy after a write; after a change of what healthy means, only verify the running deployment."""
        if {"revisions", "running", "rolled_back"} & set(changed):
            return self._deploy(news)
        return (
            self._verify(olds, news) if {"domain", "health_path", "log_expectations"} & set(changed) else {}
        )

    def delete_object(self, _id: str, _props: Props) -> None:
        """Does nothing: a deployment is deleted with its service, and keeps running until then."""

    def _deployment_wait(self, cache: EnvironmentCache, props: Props) -> DeploymentWait:
        # Imported here: `check` and `diff` send nothing and must not load an HTTP library.
        from railway.deployment_wait import DeploymentWait, Expectations

        advice = f": {props['log_advice']}" if props.get("log_advice") else ""
        expect = Expectations(
            log_lines=props.get("log_expectations") or (),
            log_fix=f"correct the service{advice}\n"
            f"{OR}{how_to_set_part(props, 'log_expectations', '[0]', '<text>')}  # a line that it does log\n"
            "Then run pulumi up again.",
            domain=props.get("domain") or "",
            health_path=props.get("health_path") or "/health",
            wait_seconds=float(props.get("wait_seconds") or 1200),
            health_seconds=float(props.get("health_seconds") or 120),
            stable_seconds=float(props.get("stable_seconds") or 0),
        )
        return DeploymentWait(cache, props["service_id"], self.access, expect)

    def _verify(self, olds: Props, props: Props) -> dict[str, Any]:
        cache = self.environment(props)
        latest = cache.snapshot().existing_instance(props["service_id"]).latest
        deployment_id = latest.id if latest else str(olds.get("deployment_id") or "")
        return _outs(self._deployment_wait(cache, props).wait(deployment_id))

    def _deploy(self, props: Props) -> dict[str, Any]:
        cache, service_id = self.environment(props), props["service_id"]
        with cache.lock:
            view = cache.refresh()
            check_volume_exists(view, service_id, props, allow_new_volume=self.allows_new_volume(props))
            instance = view.existing_instance(service_id)
            healthy = next((one for one in instance.active if one.successful), None)
            latest = instance.latest
            if latest is not None and self._contains_revisions(latest, cache, props):
                started = latest
            else:
                service = view.service(service_id)
                started = self._start(cache, instance, service.name if service else service_id)
            cache.invalidate()
        try:
            return _outs(self._deployment_wait(cache, props).wait(started.id))
        except DeploymentError as error:
            if props.get("rollback") is True and healthy is not None:
                raise self._roll_back(healthy, error, cache, props) from None
            raise

    def _contains_revisions(self, latest: DeploymentView, cache: EnvironmentCache, props: Props) -> bool:
        """Whether the newest deployment runs with everything that was written."""
        revisions = list(props.get("revisions") or ())
        if latest.failed or latest.rolled_back or not revision.began_after(latest, revisions):
            return False
        newest = cache.api.newest_deployments(cache.project_id, cache.environment_id, props["service_id"])
        return revision.runs_declared_commit(latest, newest, revisions)

    def _start(self, cache: EnvironmentCache, instance: InstanceView, name: str) -> DeploymentView:
        """Deploy once, and find the new deployment: Railway's response does not contain its id."""
        service_id, before = instance.service_id, instance.latest
        ids = {"environmentId": cache.environment_id, "serviceId": service_id}
        image = bool((instance.node.get("source") or {}).get("image"))

        def find(seconds: float) -> DeploymentView | None:
            return self._newer_than(before.id if before else "", cache, service_id, seconds)

        def deploy() -> None:
            try:
                cache.api.write("DeployLatest", **ids)
            except (NotFoundError, RejectedError) as error:
                # The commit that Railway knows is the newest one only if nothing was deployed yet.
                if not _about_commit(error) or not (image or before is None):
                    raise
                cache.api.write("DeployKnown", **ids)

        for last in (False, True):
            try:
                deploy()
            except (AmbiguousError, ServerFaultError):
                # It may have started: deploy again only if no deployment appears.
                found = find(15)
                if found is not None:
                    return found
                if last:
                    raise
            else:
                break
        found = find(90)
        if found is None:
            raise DeploymentError(
                f"Railway accepted the request to deploy the service {name}, but no deployment appeared "
                "within 90 s",
                fix=f"check the service {name} in Railway's dashboard (source, branch, a GitHub account that "
                "can read it), then run `pulumi up` again",
            )
        return found

    def _newer_than(
        self, deployment_id: str, cache: EnvironmentCache, service_id: str, seconds: float
    ) -> DeploymentView | None:
        """The newest deployment as soon as it is another one; None if it is not in time."""

        def find() -> DeploymentView | None:
            newest = cache.api.newest_deployments(cache.project_id, cache.environment_id, service_id)
            return next((one for one in newest[:1] if one.id != deployment_id), None)

        try:
            return wait_for(self.clock, "the new deployment", find, seconds=seconds, every=2.0)
        except WaitTimeoutError:
            return None

    def _roll_back(
        self, healthy: DeploymentView, error: DeploymentError, cache: EnvironmentCache, props: Props
    ) -> DeploymentError:
        """Roll back to the last healthy deployment, and return the error with the result."""
        manual = f"roll back to {healthy.id} in Railway's dashboard (the service, Deployments); then "
        rollback = f"the rollback to the last healthy deployment ({healthy.id})"
        try:
            if cache.api.deployment(healthy.id).successful:
                result, manual = f"the last healthy deployment ({healthy.id}) is still running", ""
            else:
                ended, healthy_again = self._run_again(healthy, cache, props)
                result = f"{rollback} {ended}"
                manual = "" if healthy_again else manual
        except RequestError as failure:
            result = f"{rollback} failed: {failure.traced_reason}"
        return DeploymentError(f"{error.what}\n  {result}", fix=f"{manual}{error.fix}")

    def _run_again(self, healthy: DeploymentView, cache: EnvironmentCache, props: Props) -> tuple[str, bool]:
        """Roll back; returns how that ended, and whether it runs or may still become healthy."""
        service_id = props["service_id"]
        newest = cache.api.newest_deployments(cache.project_id, cache.environment_id, service_id)
        cache.api.write("Rollback", id=healthy.id)
        again = self._newer_than(newest[0].id if newest else "", cache, service_id, 90)
        if again is None:
            return "was requested, but no deployment appeared within 90 s", False
        try:
            self._deployment_wait(cache, props).wait(again.id)
        except DeploymentError as failed:
            first_line = failed.what.partition("\n")[0]
            return f"is not healthy either: {first_line}", False
        except StatusUnknownError:
            return f"started the deployment {again.id}, whose status could not be read", True
        return f"succeeded: it runs as {again.id} and is healthy", True


class Deployment(RailwayResource[DeploymentArgs], module="railway", name="Deployment"):
    """A healthy deployment of a service; the id is "<environment id>/<service id>".

    `deployment_id`, `status`, `commit`, `running` and `rolled_back` are those of the service's newest
    deployment.

    Example:
        args = railway.DeploymentArgs(**ids, revisions=[settings.revision], domain=domain.domain)
        railway.Deployment("api", args, pulumi.ResourceOptions(depends_on=[settings, domain]))
    """

    PROVIDER = DeploymentProvider
    deployment_id: pulumi.Output[str]
    status: pulumi.Output[str]
    commit: pulumi.Output[str]
    running: pulumi.Output[bool]
    rolled_back: pulumi.Output[bool]

    def __init__(self, name: str, args: DeploymentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts, running=True, rolled_back=False)


def _about_commit(error: RequestError) -> bool:
    # An image has no newest commit, and a service that was never deployed may have none that Railway knows.
    reason = error.reason.lower()
    return "commit" in reason or "deployment not found" in reason or "source" in reason or "repo" in reason


def _running(instance: InstanceView) -> bool:
    latest = instance.latest
    if latest is None:
        return False
    if latest.status in {"FAILED", "CRASHED"}:
        return False
    if latest.status in {"REMOVED", "SKIPPED"} or (latest.stopped and latest.status != "SLEEPING"):
        return any(one.successful for one in instance.active)
    return True


def _outs(deployment: DeploymentView) -> dict[str, Any]:
    return {"deployment_id": deployment.id, "status": deployment.status, "commit": deployment.commit or None}
