"""A service, identified in the project by its name.

It is created without a source, so that nothing is deployed before its variables, volume and settings are
written. It counts as deleted only if Railway reports it for its id, not because a list does not have it.
It is not deleted while other environments would lose it too.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pulumi

from railway import other_environments
from railway.args import EnvironmentScopeArgs, Props, how_to_set, key_or_property
from railway.fields import column, fields_of
from railway.graphql.errors import (
    MissingError,
    NotAuthorizedError,
    RefusedError,
    RejectedError,
    WaitTimeoutError,
    remove_from_state,
)
from railway.graphql.models import InstanceView, Named, Snapshot
from railway.provider import RailwayProvider, RailwayResource
from railway.snapshot import EnvironmentCache
from railway.validation import name_length
from railway.waiting import create_once, wait_for
from user_errors import OR


@dataclass(frozen=True, kw_only=True)
class ServiceArgs(EnvironmentScopeArgs):
    """Inputs of a service.

    Args:
        service_name: its name, at most 32 characters.
    """

    KEYS = ("environment_name", "service_name")

    service_name: pulumi.Input[str] = field(metadata=column(rules=(name_length,)))


class ServiceProvider(RailwayProvider):
    """Provider of `Service`."""

    FIELDS = fields_of(ServiceArgs)

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Find the service by its name or create it, and wait for its instance in the environment."""
        cache, name = self.environment(props), props["service_name"]
        with cache.lock:

            def named(view: Snapshot) -> Named | None:
                return next((one for one in view.services if one.name == name), None)

            view = cache.snapshot()
            if view.is_deleted:
                raise MissingError(
                    f"the Railway environment {props['environment_id']} is deleted",
                    fix="run `pulumi up --refresh --run-program`",
                )
            found = named(view)
            existed = found is not None
            if found is None:
                found = create_once(
                    self.clock,
                    lambda: cache.api.create("ServiceCreate", Named.of, **cache.ids, name=name)[0],
                    lambda: named(cache.refresh()),
                )
            try:
                self._wait_for_instance(cache, found)
            except WaitTimeoutError:
                if not existed:
                    raise
                raise not_in_environment(found, view, props) from None
        return found.id, {}

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live service."""
        view = self.environment(props).snapshot()
        if view.is_deleted:
            return None
        service = view.service(id_)
        if service is None:
            if self._is_deleted(id_):
                return None
            raise MissingError(
                f"the Railway service {id_} exists, but not in the project {props['project_id']}",
                fix="remove it from the state, which changes nothing on Railway:\n"
                f"{remove_from_state('service')}\npulumi up",
            )
        if view.instance(id_) is None:
            raise not_in_environment(service, view, props)
        return {"service_name": service.name}

    def update_object(self, id_: str, _olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Rename the service."""
        if "service_name" in changed:
            cache = self.environment(news)
            with cache.lock:
                try:
                    cache.api.write("ServiceUpdate", id=id_, input={"name": news["service_name"]})
                except RejectedError:
                    _check_name_is_free(cache.refresh(), id_, news)
                    raise
                finally:
                    cache.invalidate()
        return {}

    def delete_object(self, id_: str, props: Props) -> None:
        """Delete the service, if no other environment would lose it; its volume is kept."""
        cache = self.environment(props)
        with cache.lock:
            view = cache.refresh()
            if view.is_deleted:
                return
            service = view.service(id_)
            if service is not None:
                others = other_environments.with_service(cache.api, view, id_)
                if others and view.instance(id_) is None:
                    return
                other_environments.check_delete(view, service, others)
            cache.delete("ServiceDelete", id=id_, environmentId=cache.environment_id)

    def _wait_for_instance(self, cache: EnvironmentCache, service: Named) -> None:
        if cache.snapshot().instance(service.id) is not None:
            return

        def exists() -> bool | None:
            return cache.api.has_instance(cache.project_id, cache.environment_id, service.id) or None

        wait_for(self.clock, f"the instance of service {service.name}", exists, seconds=120)

        def add(view: Snapshot) -> Snapshot:
            project, environment = view.project, view.environment
            if project is None or environment is None or view.instance(service.id) is not None:
                return view
            if view.service(service.id) is None:
                view = replace(view, project=replace(project, services=(*project.services, service)))
            created = InstanceView(service.id, {}, None, (), (), ())
            return view.with_environment(instances=(*environment.instances, created))

        cache.update(add)

    def _is_deleted(self, service_id: str) -> bool:
        try:
            return self.railway.api.service_is_deleted(service_id)
        except NotAuthorizedError:
            raise MissingError(
                f"the service {service_id} is not in the project's list, and this token cannot read whether "
                "it is deleted",
                fix="use an account or workspace token in RAILWAY_API_TOKEN",
            ) from None


class Service(RailwayResource[ServiceArgs], module="railway", name="Service"):
    """A Railway service; the id is Railway's.

    Example:
        railway.Service("api", railway.ServiceArgs(**ids, service_name="api"))
    """

    PROVIDER = ServiceProvider


def not_in_environment(service: Named, view: Snapshot, props: Props) -> MissingError:
    """The error for a service of the project that has no instance in the environment.

    Railway's API cannot add an existing service to another environment (Railway docs, environments: the
    dashboard can, with "Sync environments").

    Args:
        service: the service.
        view: the environment.
        props: the properties of the resource.
    """
    environment = view.environment.name if view.environment else ""
    return MissingError(
        f"the service {service.name} ({service.id}) exists in the Railway project, but not in the "
        f"environment {environment}, and Railway's API cannot add it there",
        fix=f"open {environment} in Railway's dashboard, press Sync, choose an environment that has the "
        "service, select only the service, and deploy the change; then run `pulumi up --refresh "
        "--run-program`\n"
        f"{OR}use an environment that has it ({key_or_property(props, 'environment_name')})\n"
        f"If no environment has it, create an empty service with another name in {environment} in the "
        "dashboard, then:\n"
        f"{how_to_set(props, 'service_name', '<name>')}",
    )


def _check_name_is_free(view: Snapshot, id_: str, props: Props) -> None:
    name = props["service_name"]
    same_name = next((one for one in view.services if one.name == name and one.id != id_), None)
    if same_name is None:
        return
    service = view.service(id_)
    current = service.name if service else id_
    raise RefusedError(
        f"the Railway service {current} ({id_}) of this stack cannot be renamed to {name}: another service "
        f"of the project ({same_name.id}) has that name",
        fix=f"{how_to_set(props, 'service_name', current)}\n"
        "If the other service is the right one, remove this one from the state, which changes nothing on "
        "Railway:\n"
        f"{remove_from_state('service')}\n"
        f"Then `pulumi up` adopts {same_name.id}.",
    ) from None
