"""Everything a service's instance can be told: source, branch, replicas, health check, commands, regions.

All of it is written at once, without a deployment, and read back; then the deployment trigger, where
Railway keeps the branch, is brought to the declared one, or taken away where an image is declared. A
setting that nobody declared is compared with nothing, where nothing is a value on Railway (see
`settings_table`): what a hand set is drift, and is taken back, at an adoption too. Refuses what would lose
data or be dropped without a word: replicas beside a volume or a cron schedule, a repository without a
branch, a move of a service with a volume to another region, and a setting that Railway takes and does not
keep.

Not seen are a change by hand of the registry credentials, which cannot be read back, and one of the
trigger's root directory, which Railway's API lets be written and not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pulumi
from pulumi import dynamic

from railway import other_environments, revision, volume_region
from railway.deleted_volume import refuse_without
from railway.errors import MissingError, NotFoundError
from railway.fields import Field, FieldProblem, boolean, flag, is_unknown, quoting, text
from railway.graphql.models import Snapshot, TriggerView
from railway.provider import Props, RailwayProvider, inputs_of, instance_of, is_deleted
from railway.read_back import Mismatch, read_back
from railway.settings_table import SETTINGS, from_instance, mismatches, to_input, undeclared
from railway.snapshot import EnvironmentCache
from railway.validation import repository

_COMMIT = frozenset({"repo", "branch", "check_suites", "image"})
"""What says which commit is deployed."""
_SOURCE = _COMMIT | {"root_directory"}
"""What the deployment trigger says, too."""


@dataclass(frozen=True, kw_only=True)
class ServiceSettingsArgs:
    """Inputs.

    A setting that is None is nothing: one that a hand set is drift, and is taken back. Only builder,
    nixpacks_plan, overlap_seconds, draining_seconds, region, multi_region_config and registry_credentials,
    and the source (repo, branch, image), are Railway's business while they are None; they are taken back
    when they were declared before.

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
        Field(name="repo", rules=(quoting(repository),)),
        Field(name="branch"),
        Field(name="image"),
        Field(name="check_suites", normal=flag, default=False, rules=(boolean,)),
        *(setting.field for setting in SETTINGS),
    )

    def validate(self, olds: Props, news: Props) -> list[FieldProblem]:
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

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Write all of it, and take back what a hand set before."""
        return f"{props['environment_id']}/{props['service_id']}", self._write(props, {}, None)

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live settings of what is declared."""
        del id_
        cache = self.environment(props)
        view = cache.snapshot()
        instance = None if is_deleted(view) else view.instance(props["service_id"])
        if instance is None:
            return None
        live = from_instance(instance.node, view.config_of(props["service_id"]))
        nothing = {one.name: None for one in SETTINGS if not one.left_alone}
        shown = nothing | undeclared(props, live)
        if props.get("multi_region_config") is not None:
            # Number and place follow from the map.
            del live["replicas"], live["region"], shown["replicas"]
        if props.get("repo") is not None or props.get("image") is not None:
            triggers = view.triggers(props["service_id"])
            # More than one should not be; all of them show, so that it is seen and mended.
            live["branch"] = ", ".join(sorted({one.branch for one in triggers})) or None
            live["check_suites"] = any(one.check_suites for one in triggers)
            sources = {one.repository for one in triggers} - {live["repo"]}
            if sources and live["repo"] is not None:
                live["repo"] = ", ".join(sorted({str(live["repo"]), *sources}))
            # A repository beside a declared image, and waiting for checks, are never Railway's choice.
            shown |= {name: live[name] or None for name in ("repo", "branch", "check_suites")}
        return shown | self.declared_only(props, live)

    def update_object(self, id_: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Write all of it again; the trigger only where the source changed."""
        del id_
        if set(changed) == {"has_volume"}:
            return {}
        return self._write(news, olds, frozenset(changed))

    def delete_object(self, id_: str, props: Props) -> None:
        """Nothing: settings live and die with their service."""
        del id_, props

    def _write(self, props: Props, before: Props, changed: frozenset[str] | None) -> dict[str, Any]:
        """Write all settings, and the trigger where the source changed; `changed` is None at a creation."""
        cache, service_id = self.environment(props), props["service_id"]
        with cache.lock:
            view = cache.snapshot()
            instance = instance_of(view, service_id)
            refuse_without(view, service_id, self.access)
            latest, known = instance.latest, view.triggers(service_id)
            # A service that was made in this `up` has not been read yet, and has no settings.
            live = from_instance(instance.node, view.config_of(service_id)) if instance.node else {}
            sent = to_input(props, {**before, **undeclared(props, live)})
            # Railway refuses to be told of a config file, but leaves one where it is (Railway docs,
            # config-as-code): a service that is taken over may have one.
            if "railwayConfigFile" in sent and sent["railwayConfigFile"] == live.get("railway_config_file"):
                del sent["railwayConfigFile"]
            sent = volume_region.staying(view, service_id, props, sent)
            other_environments.say_settings(self.railway.api, view, service_id)
            if "multiRegionConfig" in sent and not props.get("multi_region_config"):
                # By itself: it may go before the number and the region beside it; that is not documented.
                regions = {"multiRegionConfig": sent.pop("multiRegionConfig")}
                self.railway.api.update_instance(service_id, cache.environment_id, regions)
            written = self.railway.api.update_instance(service_id, cache.environment_id, sent)
            cache.invalidate()
            view = self._read_back(cache, sent, props)
            if changed is None or _SOURCE & changed:
                latest = instance_of(view, service_id).latest
                if changed is None:
                    moved = bool(text(props.get("root_directory")) or live.get("root_directory"))
                else:
                    moved = "root_directory" in changed
                if props.get("repo"):
                    triggers = view.triggers(service_id)
                    written = self._follow(cache, triggers, props, moved=moved) or written
                elif props.get("image") or before.get("repo"):
                    # One that was just made may be missing in the list for a moment.
                    triggers = tuple({one.id: one for one in (*known, *view.triggers(service_id))}.values())
                    self._stop_following(cache, triggers, service_id)
        chosen = bool(props.get("repo")) and (changed is None or bool(_COMMIT & changed))
        return {"revision": revision.new(written, latest, source=chosen)}

    def _read_back(self, cache: EnvironmentCache, sent: Mapping[str, object], props: Props) -> Snapshot:
        """Look until Railway says what was written."""
        service_id = props["service_id"]
        service = cache.snapshot().service(service_id)
        name = service.name if service else service_id

        def wrong(view: Snapshot) -> tuple[Mismatch, ...]:
            return mismatches(sent, props, instance_of(view, service_id).node, view.config_of(service_id))

        return read_back(
            self,
            cache,
            f"the settings of the service {name}",
            wrong,
            fix="set it in Railway's dashboard (the service, Settings), or take it out of the program; "
            "then run `pulumi up` again: it writes all of them once more, and looks again",
        )

    def _follow(
        self, cache: EnvironmentCache, triggers: tuple[TriggerView, ...], props: Props, *, moved: bool
    ) -> datetime | None:
        """Let pushes to the declared branch, and to no other, be deployed. None: that is so already.

        Args:
            cache: where.
            triggers: those that are there.
            props: what is declared.
            moved: whether a trigger that is there may have another root directory: it cannot be read.
        """
        api, service_id, root = self.railway.api, props["service_id"], text(props.get("root_directory"))
        wanted = {
            "repository": props["repo"],
            "branch": props["branch"],
            "checkSuites": bool(props.get("check_suites")),
        }

        def make() -> tuple[TriggerView, datetime | None]:
            return api.create_trigger(
                projectId=cache.project_id,
                environmentId=cache.environment_id,
                serviceId=service_id,
                rootDirectory=root,
                **wanted,
            )

        def find() -> tuple[TriggerView, datetime | None] | None:
            seen = cache.refresh().triggers(service_id)
            return (seen[0], None) if seen else None

        written: datetime | None = None
        made = False
        if triggers:
            trigger = triggers[0]
        else:
            trigger, written = self.create_once(make, find)
            made = written is not None
        if (moved and not made) or _followed(trigger) != tuple(wanted.values()):
            place: dict[str, object] = {"rootDirectory": root or ""} if root or moved else {}
            trigger, written = api.update_trigger(trigger.id, **wanted, **place)
        if _followed(trigger) != tuple(wanted.values()):
            raise MissingError(
                f"Railway took the deployment trigger of the service {service_id}, but answered that it "
                f"follows the branch {trigger.branch} of {trigger.repository}, not {props['branch']} of "
                f"{props['repo']}",
                fix="connect the branch in Railway's dashboard (the service, Settings, Source), then "
                "run `pulumi up` again",
            )
        self._delete_triggers(triggers[1:])
        cache.update(lambda view: _with_trigger(view, service_id, trigger))
        return written

    def _stop_following(
        self, cache: EnvironmentCache, triggers: tuple[TriggerView, ...], service_id: str
    ) -> None:
        """Let no push be deployed: a trigger that is left would deploy its repository over the image."""
        self._delete_triggers(triggers)
        cache.update(lambda view: _with_trigger(view, service_id, None))

    def _delete_triggers(self, triggers: tuple[TriggerView, ...]) -> None:
        for one in triggers:
            try:
                self.railway.api.delete_trigger(one.id)
            except NotFoundError:
                continue


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


def _followed(trigger: TriggerView) -> tuple[str, str, bool]:
    return trigger.repository, trigger.branch, trigger.check_suites


def _with_trigger(view: Snapshot, service_id: str, trigger: TriggerView | None) -> Snapshot:
    if view.environment is None:
        return view
    others = tuple(one for one in view.environment.triggers if one.service_id != service_id)
    ours = () if trigger is None else (trigger,)
    return replace(view, environment=replace(view.environment, triggers=(*others, *ours)))
