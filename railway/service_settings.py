"""Everything a service's instance can be told: source, branch, replicas, health check, commands, regions.

All of it is written at once, without a deployment; then the deployment trigger, where Railway keeps the
branch, is brought to the declared one. Refuses what would lose data or be dropped without a word:
replicas beside a volume or a cron schedule, a repository without a branch, a move of a service with a
volume to another region.

Registry credentials cannot be read back: a change of them by hand is not seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pulumi
from pulumi import dynamic

from railway import region, revision
from railway.diff import Field, FieldProblem, boolean, flag, is_unknown, repository
from railway.model import StackView, TriggerView
from railway.provider import Props, RailwayProvider, gone, inputs_of, instance_of
from railway.settings_table import SETTINGS, from_instance, to_input
from railway.snapshot import Stack


@dataclass(frozen=True, kw_only=True)
class ServiceSettingsArgs:
    """Inputs. What is None is Railway's business: it is neither written nor compared.

    Args:
        project_id: the project.
        environment_id: the environment.
        service_id: the service.
        has_volume: whether a volume is attached; then there is exactly one replica.
        repo: GitHub repository, owner/name; wants a branch.
        branch: the branch whose pushes are deployed.
        image: a container image, instead of a repository.
        replicas: how many run.
        check_suites: wait for GitHub's checks before deploying a push.
        root_directory: the folder of the code inside the repository.
        builder: RAILPACK, NIXPACKS, HEROKU or PAKETO; for a Dockerfile set dockerfile_path.
        build_command: runs in the build.
        dockerfile_path: the Dockerfile.
        nixpacks_plan: Nixpacks' own JSON.
        watch_patterns: a push that touches none of these is not deployed.
        railway_config_file: a config file in the repository; Railway stops reading these on 2026-12-01.
        start_command: executed, not run by a shell.
        pre_deploy_command: runs before each deployment.
        healthcheck_path: must answer 200 exactly before a deployment counts.
        healthcheck_timeout: seconds, 300 if nothing is said.
        restart_policy_type: ALWAYS, NEVER or ON_FAILURE.
        restart_policy_max_retries: 10 if nothing is said.
        cron_schedule: five fields, UTC; then there is exactly one replica.
        sleep_application: let it sleep without traffic.
        overlap_seconds: the old deployment runs on that long beside the new one.
        draining_seconds: between SIGTERM and SIGKILL.
        region: where it runs.
        multi_region_config: {region: {"numReplicas": n}}, instead of region and replicas.
        ipv6_egress_enabled: outgoing IPv6.
        registry_credentials: {"username", "password"} for a private image.
    """

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    service_id: pulumi.Input[str]
    has_volume: pulumi.Input[bool]
    repo: pulumi.Input[str] | None = None
    branch: pulumi.Input[str] | None = None
    image: pulumi.Input[str] | None = None
    replicas: pulumi.Input[int] = 1
    check_suites: pulumi.Input[bool] | None = None
    root_directory: pulumi.Input[str] | None = None
    builder: pulumi.Input[str] | None = None
    build_command: pulumi.Input[str] | None = None
    dockerfile_path: pulumi.Input[str] | None = None
    nixpacks_plan: pulumi.Input[Mapping[str, object]] | None = None
    watch_patterns: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None
    railway_config_file: pulumi.Input[str] | None = None
    start_command: pulumi.Input[str] | None = None
    pre_deploy_command: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None
    healthcheck_path: pulumi.Input[str] | None = None
    healthcheck_timeout: pulumi.Input[int] | None = None
    restart_policy_type: pulumi.Input[str] | None = None
    restart_policy_max_retries: pulumi.Input[int] | None = None
    cron_schedule: pulumi.Input[str] | None = None
    sleep_application: pulumi.Input[bool] | None = None
    overlap_seconds: pulumi.Input[int] | None = None
    draining_seconds: pulumi.Input[int] | None = None
    region: pulumi.Input[str] | None = None
    multi_region_config: pulumi.Input[Mapping[str, object]] | None = None
    ipv6_egress_enabled: pulumi.Input[bool] | None = None
    registry_credentials: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None


class ServiceSettingsProvider(RailwayProvider):
    """Writes, reads and compares all settings of one service in one environment."""

    FIELDS = (
        Field(name="project_id", required=True, replace=True),
        Field(name="environment_id", required=True, replace=True),
        Field(name="service_id", required=True, replace=True),
        Field(name="has_volume", normal=flag, rules=(boolean,)),
        Field(name="repo", rules=(repository,)),
        Field(name="branch"),
        Field(name="image"),
        Field(name="check_suites", normal=flag, default=False, rules=(boolean,)),
        *(setting.field for setting in SETTINGS),
    )

    def wrong(self, olds: Props, news: Props) -> list[FieldProblem]:
        """What does not go together."""

        def known(name: str, props: Props = news) -> Any:
            value = props.get(name)
            return None if is_unknown(value) else value

        found: list[FieldProblem] = []
        regions = known("multi_region_config")
        replicas = _replicas(regions) if isinstance(regions, Mapping) else known("replicas")
        several = isinstance(replicas, int | float) and replicas > 1
        if several and known("has_volume") is True:
            found.append(
                FieldProblem(
                    "replicas",
                    f"is {replicas:g}, but the service has a volume: Railway allows exactly 1 replica "
                    "then, and two would both write the same sessions",
                )
            )
        if several and known("cron_schedule"):
            found.append(
                FieldProblem("replicas", f"is {replicas:g}, but a cron service has exactly 1 replica")
            )
        if known("repo") and known("image"):
            found.append(FieldProblem("image", "a service runs a repository or an image, not both"))
        if bool(news.get("repo")) != bool(news.get("branch")):
            name = "branch" if news.get("repo") else "repo"
            found.append(FieldProblem(name, "repo and branch belong together: give both, or none"))
        was, now = known("region", olds), known("region")
        if known("has_volume") is True and was and now and was != now:
            found.append(
                FieldProblem(
                    "region",
                    f"cannot change from {was} to {now} while a volume is attached: Railway would move "
                    "the volume, with a downtime; do it in the dashboard, then declare it",
                )
            )
        return found

    def make(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Write all of it."""
        return f"{props['environment_id']}/{props['service_id']}", self._write(props, {}, source=True)

    def see(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live settings of what is declared."""
        del id_
        stack = self.stack(props)
        view = stack.look()
        instance = None if gone(view) else view.instance(props["service_id"])
        if instance is None:
            return None
        live = from_instance(instance.node, view.config_of(props["service_id"]))
        if props.get("repo") is not None:
            triggers = view.triggers(props["service_id"])
            # More than one should not be; all of them show, so that it is seen and mended.
            live["branch"] = ", ".join(sorted({one.branch for one in triggers})) or None
            live["check_suites"] = any(one.check_suites for one in triggers)
            sources = {one.repository for one in triggers} - {live["repo"]}
            if sources and live["repo"] is not None:
                live["repo"] = ", ".join(sorted({str(live["repo"]), *sources}))
        return self.managed(props, live)

    def change(self, id_: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Write all of it again; the trigger only where the source changed."""
        del id_
        if set(changed) == {"has_volume"}:
            return {}
        return self._write(
            news, olds, source=bool({"repo", "branch", "check_suites", "image"} & set(changed))
        )

    def drop(self, id_: str, props: Props) -> None:
        """Nothing: settings live and die with their service."""
        del id_, props

    def _write(self, props: Props, before: Props, *, source: bool) -> dict[str, Any]:
        stack, service_id = self.stack(props), props["service_id"]
        with stack.changing:
            instance = instance_of(stack.look(), service_id)
            latest, sent = instance.latest, to_input(props, before)
            # Railway refuses to be told of a config file, but leaves one where it is (Railway docs,
            # config-as-code): a service that is taken over may have one. A new one has not been read yet.
            if sent.get("railwayConfigFile") == instance.node.get("railwayConfigFile"):
                sent.pop("railwayConfigFile", None)
            sent = region.staying(stack.look(), service_id, props, sent)
            written = self.railway.api.update_instance(service_id, stack.environment_id, sent)
            stack.drop()
            if source and props.get("repo"):
                view = stack.look()
                latest = instance_of(view, service_id).latest
                written = self._follow(stack, view.triggers(service_id), props) or written
        return {"revision": revision.new(written, latest, source=source and bool(props.get("repo")))}

    def _follow(self, stack: Stack, triggers: tuple[TriggerView, ...], props: Props) -> datetime | None:
        """Let pushes to the declared branch, and to no other, be deployed. None: that is so already."""
        api, service_id = self.railway.api, props["service_id"]
        wanted = {
            "repository": props["repo"],
            "branch": props["branch"],
            "checkSuites": bool(props.get("check_suites")),
        }

        def make() -> tuple[TriggerView, datetime | None]:
            return api.create_trigger(
                projectId=stack.project_id,
                environmentId=stack.environment_id,
                serviceId=service_id,
                rootDirectory=props.get("root_directory"),
                **wanted,
            )

        def find() -> tuple[TriggerView, datetime | None] | None:
            seen = stack.look_again().triggers(service_id)
            return (seen[0], None) if seen else None

        written: datetime | None = None
        if triggers:
            trigger = triggers[0]
        else:
            trigger, written = self.once(make, find)
        if (trigger.repository, trigger.branch, trigger.check_suites) != tuple(wanted.values()):
            trigger, written = api.update_trigger(trigger.id, **wanted)
        for extra in triggers[1:]:
            api.delete_trigger(extra.id)
        stack.patch(lambda view: _with_trigger(view, trigger))
        return written


class ServiceSettings(dynamic.Resource, module="railway", name="ServiceSettings"):
    """Settings of a service in an environment; its id is "<environment>/<service>".

    `revision` is new with every write.
    """

    revision: pulumi.Output[str]
    branch: pulumi.Output[str | None]
    replicas: pulumi.Output[int]

    def __init__(
        self, name: str, args: ServiceSettingsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props = inputs_of(args, "revision")
        if args.registry_credentials is not None:
            props["registry_credentials"] = pulumi.Output.secret(args.registry_credentials)
        secret = pulumi.ResourceOptions(additional_secret_outputs=["registry_credentials"])
        super().__init__(ServiceSettingsProvider(), name, props, pulumi.ResourceOptions.merge(opts, secret))


def _replicas(regions: Mapping[str, Any]) -> float:
    counts = [region.get("numReplicas", 1) for region in regions.values() if isinstance(region, Mapping)]
    return sum(count for count in counts if isinstance(count, int | float))


def _with_trigger(view: StackView, trigger: TriggerView) -> StackView:
    if view.environment is None:
        return view
    others = tuple(one for one in view.environment.triggers if one.service_id != trigger.service_id)
    return replace(view, environment=replace(view.environment, triggers=(*others, trigger)))
