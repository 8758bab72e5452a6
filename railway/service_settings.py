"""The settings of a service in one environment: source, branch, replicas, commands, health check, region.

All settings are written in one request that deploys nothing, and read back; then the deployment trigger is
brought to the declared branch, or deleted where an image is declared. Which settings there are, and how an
undeclared one is compared, is in `settings_table`.

One change in the dashboard is not detected: that of the trigger's root directory, which Railway's API can
write but not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from railway import deployment_trigger, other_environments, revision, volume_region
from railway.args import Props, how_to_set
from railway.clock import log_progress
from railway.deleted_volume import check_volume_exists
from railway.deployment_trigger import DeploymentTrigger
from railway.fields import FieldProblem, Mismatch, fields_of, is_unknown, text
from railway.graphql.models import Snapshot
from railway.provider import RailwayProvider, RailwayResource
from railway.settings_table import (
    SETTINGS,
    ServiceSettingsArgs,
    from_instance,
    mismatches,
    to_input,
    undeclared,
)
from railway.snapshot import EnvironmentCache
from user_errors import OR, add_fix


class ServiceSettingsProvider(RailwayProvider):
    """Provider of `ServiceSettings`."""

    FIELDS = fields_of(ServiceSettingsArgs)

    def validate(self, olds: Props, news: Props) -> list[FieldProblem]:
        """Settings that exclude each other."""

        def known(name: str, props: Props = news) -> Any:
            value = props.get(name)
            return None if is_unknown(value) else value

        found = deployment_trigger.validate(news)
        replicas = known("replicas")
        several = isinstance(replicas, int | float) and replicas > 1
        if several and known("has_volume") is True:
            reason = add_fix(
                f"is {replicas:g}, but Railway allows exactly 1 replica for a service with a volume",
                how_to_set(news, "replicas", 1),
            )
            found.append(FieldProblem("replicas", reason))
        if several and known("cron_schedule"):
            reason = add_fix(
                f"is {replicas:g}, but a service with a cron schedule has exactly 1 replica",
                how_to_set(news, "replicas", 1),
            )
            found.append(FieldProblem("replicas", reason))
        if known("repo") and known("image"):
            reason = add_fix("a service has a repository or an image, not both", "remove one of them")
            found.append(FieldProblem("image", reason))
        before, now = known("region", olds), known("region")
        if known("has_volume") is True and before and now and before != now:
            reason = add_fix(
                f"cannot change from {before} to {now} while a volume is attached: Railway would run the "
                "service without its data, or stop it until the volume is moved",
                f"{how_to_set(news, 'region', before)}\n{OR}{volume_region.how_to_move(news)}",
            )
            found.append(FieldProblem("region", reason))
        return found

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Write all settings, and reset undeclared ones that were set before."""
        return f"{props['environment_id']}/{props['service_id']}", self._write(props, {}, None)

    def read_object(self, _id: str, props: Props) -> dict[str, Any] | None:
        """The live values of the declared settings, and undeclared ones that differ from the default."""
        view, service_id = self.environment(props).snapshot(), props["service_id"]
        instance = view.instance(service_id)
        if instance is None:
            return None
        live = from_instance(instance.node)
        unset = {row.name: None for row in SETTINGS if not row.undeclared_because}
        found = unset | undeclared(props, live)
        if props.get("repo") is not None or props.get("image") is not None:
            source = deployment_trigger.live_properties(view.triggers(service_id), live["repo"])
            live |= source
            # Railway never chooses these by itself, so a value that is not declared is drift.
            found |= {name: value or None for name, value in source.items()}
        return found | self.declared_only(props, live)

    def update_object(self, _id: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Write all settings; the trigger only where the source changed."""
        if set(changed) == {"has_volume"}:
            return {}
        return self._write(news, olds, frozenset(changed))

    def delete_object(self, _id: str, _props: Props) -> None:
        """Does nothing: the settings are deleted with their service."""

    def _write(self, props: Props, before: Props, changed: frozenset[str] | None) -> dict[str, Any]:
        """Write the settings and the trigger. `changed` is None for a creation."""
        cache, service_id = self.environment(props), props["service_id"]
        with cache.lock:
            view = cache.snapshot()
            instance = view.existing_instance(service_id)
            allowed = self.allows_new_volume(props)
            check_volume_exists(view, service_id, props, allow_new_volume=allowed)
            latest, triggers = instance.latest, view.triggers(service_id)
            # A service that was created in this `up` has not been read yet, and has no settings.
            live = from_instance(instance.node) if instance.node else {}
            sent = to_input(props, {**before, **undeclared(props, live)})
            # Railway rejects a config file for new services, but keeps an existing one (Railway docs,
            # config-as-code), so an adopted service may have one.
            if "railwayConfigFile" in sent and sent["railwayConfigFile"] == live.get("railway_config_file"):
                del sent["railwayConfigFile"]
            sent = volume_region.keep_with_volume(view, service_id, props, sent)
            if warning := other_environments.shared_settings_warning(cache.api, view, service_id):
                log_progress(warning)
            ids = {"serviceId": service_id, "environmentId": cache.environment_id}
            written = cache.api.write("ServiceInstanceUpdate", **ids, input=sent)
            cache.invalidate()
            self._read_back(cache, sent, props)
            if changed is None or deployment_trigger.SOURCE & changed:
                latest = cache.snapshot().existing_instance(service_id).latest
                trigger = DeploymentTrigger(cache, service_id)
                if props.get("repo"):
                    if changed is None:
                        unknown = bool(text(props.get("root_directory")) or live.get("root_directory"))
                    else:
                        unknown = "root_directory" in changed
                    written = trigger.sync(props, root_directory_unknown=unknown) or written
                elif props.get("image") or before.get("repo"):
                    trigger.delete(triggers)
        chosen = bool(props.get("repo")) and (changed is None or bool(deployment_trigger.COMMIT & changed))
        return {"revision": revision.new(written, latest, source=chosen)}

    def _read_back(self, cache: EnvironmentCache, sent: Mapping[str, object], props: Props) -> None:
        service_id = props["service_id"]
        service = cache.snapshot().service(service_id)

        def differences(view: Snapshot) -> list[Mismatch]:
            instance = view.existing_instance(service_id)
            return mismatches(sent, props, instance.node)

        cache.read_back(
            f"the settings of the service {service.name if service else service_id}",
            differences,
            fix="set them in Railway's dashboard (the service, Settings), or remove them from the program; "
            "then run `pulumi up` again, which writes and reads all settings once more",
        )


class ServiceSettings(RailwayResource[ServiceSettingsArgs], module="railway", name="ServiceSettings"):
    """Settings of a service in an environment; the id is "<environment id>/<service id>".

    `revision` changes with every write.

    Example:
        args = railway.ServiceSettingsArgs(**ids, has_volume=False, repo="example/api", branch="main")
        railway.ServiceSettings("api", args)
    """

    PROVIDER = ServiceSettingsProvider
    revision: pulumi.Output[str]
