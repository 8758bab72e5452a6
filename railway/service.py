"""A service, made without a source: nothing is deployed before its variables, volume and settings are there.

Refuses to believe that a service is deleted because a list lacks it: Railway is asked by id. Refuses to
delete one that other environments would lose with ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pulumi
from pulumi import dynamic

from railway import other_environments
from railway.errors import (
    MissingError,
    NotAuthorizedError,
    NotFoundError,
    RefusedError,
    RejectedError,
    WaitTimeoutError,
)
from railway.fields import Field
from railway.graphql.models import InstanceView, Named, Snapshot
from railway.provider import Props, RailwayProvider, inputs_of, is_deleted
from railway.snapshot import EnvironmentCache
from railway.validation import name_length


@dataclass(frozen=True, kw_only=True)
class ServiceArgs:
    """Inputs of a service.

    Args:
        project_id: the project.
        environment_id: the environment.
        service_name: its name, 32 characters at most.
    """

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    service_name: pulumi.Input[str]


class ServiceProvider(RailwayProvider):
    """Finds, makes, renames and deletes a service."""

    FIELDS = (
        Field(name="project_id", required=True, replace=True),
        Field(name="environment_id", required=True, replace=True),
        Field(name="service_name", required=True, rules=(name_length,)),
    )

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Find by name, or make, and wait until it is in the environment."""
        cache, name = self.environment(props), props["service_name"]
        with cache.lock:

            def named(view: Snapshot) -> Named | None:
                services = view.project.services if view.project else ()
                return next((one for one in services if one.name == name), None)

            view = cache.snapshot()
            if is_deleted(view):
                raise MissingError("the environment is deleted", fix="run `pulumi up --refresh`")
            found = named(view)
            known = found is not None
            if found is None:
                found = self.create_once(
                    lambda: self.railway.api.create_service(cache.project_id, cache.environment_id, name),
                    lambda: named(cache.refresh()),
                )
            try:
                self._await_instance(cache, found)
            except WaitTimeoutError:
                if not known:
                    raise
                raise not_here(found, view.environment.name if view.environment else "") from None
        return found.id, {}

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live service."""
        view = self.environment(props).snapshot()
        if is_deleted(view):
            return None
        service = view.service(id_)
        if service is None:
            if self._is_deleted(id_):
                return None
            raise MissingError(f"the service {id_} exists, but not in project {props['project_id']}")
        if view.instance(id_) is None:
            raise not_here(service, view.environment.name if view.environment else "")
        return {"service_name": service.name}

    def update_object(self, id_: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Rename it."""
        del olds
        if "service_name" in changed:
            cache = self.environment(news)
            with cache.lock:
                try:
                    self.railway.api.rename_service(id_, news["service_name"])
                except RejectedError:
                    _refuse_taken_name(cache.refresh(), id_, news["service_name"])
                    raise
                finally:
                    cache.invalidate()
        return {}

    def delete_object(self, id_: str, props: Props) -> None:
        """Delete it; its volume stays. What other environments would lose with it is not deleted."""
        cache = self.environment(props)
        with cache.lock:
            view = cache.refresh()
            if is_deleted(view):
                return
            service = view.service(id_)
            if service is not None:
                others = other_environments.with_service(self.railway.api, view, id_)
                if others and view.instance(id_) is None:
                    return
                other_environments.refuse_delete(view, service, others)
            try:
                self.railway.api.delete_service(id_, props["environment_id"])
            except NotFoundError:
                return
            finally:
                cache.invalidate()

    def _await_instance(self, cache: EnvironmentCache, service: Named) -> None:
        if cache.snapshot().instance(service.id) is not None:
            return
        api = self.railway.api

        def there() -> bool | None:
            return api.instance_is_there(cache.project_id, cache.environment_id, service.id) or None

        self.wait_for(f"the instance of service {service.name}", there, seconds=120)

        def add(view: Snapshot) -> Snapshot:
            if view.project is None or view.environment is None:
                return view
            project, environment = view.project, view.environment
            if view.service(service.id) is None:
                project = replace(project, services=(*project.services, service))
            if view.instance(service.id) is None:
                fresh = InstanceView(service.id, {}, None, (), (), ())
                environment = replace(environment, instances=(*environment.instances, fresh))
            return Snapshot(project, environment)

        cache.update(add)

    def _is_deleted(self, service_id: str) -> bool:
        try:
            return self.railway.api.service_is_deleted(service_id)
        except NotAuthorizedError:
            raise MissingError(
                f"the service {service_id} is not in the project's list, and this token may not ask "
                "whether it is deleted",
                fix="use an account or workspace token in RAILWAY_API_TOKEN",
            ) from None


class Service(dynamic.Resource, module="railway", name="Service"):
    """A Railway service; its id is Railway's."""

    project_id: pulumi.Output[str]
    environment_id: pulumi.Output[str]
    service_name: pulumi.Output[str]

    def __init__(self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(ServiceProvider(), name, inputs_of(args), opts)


def not_here(service: Named, environment: str) -> MissingError:
    """What to do about a service of the project that is not in an environment.

    Railway's API has no call that puts an existing service into another environment (Railway docs,
    environments: "Sync environments" is the dashboard's way).
    """
    return MissingError(
        f"the Railway project has the service {service.name} ({service.id}), but not in the environment "
        f"{environment}; Railway's API cannot put it there",
        fix=f"open {environment} in Railway's dashboard, press Sync, choose the environment that has "
        "the service, keep nothing but it, and deploy the change; then `pulumi up --refresh`. Or use an "
        "environment that has it (whatsapp-crm:railwayEnvironment). If none has it: make an empty service of "
        f"another name in {environment} in the dashboard, and pulumi config set "
        "whatsapp-crm:railwayServiceName <name>",
    )


def _refuse_taken_name(view: Snapshot, id_: str, name: str) -> None:
    services = view.project.services if view.project else ()
    taken = next((one for one in services if one.name == name and one.id != id_), None)
    ours = view.service(id_)
    if taken is None:
        return
    here = ours.name if ours else id_
    raise RefusedError(
        f"our Railway service is named {here} ({id_}); it cannot be named {name}, because another service of "
        f"the project ({taken.id}) has that name",
        fix=f"leave ours its name: pulumi config set whatsapp-crm:railwayServiceName {here}. If the "
        "other is the one with the data: let this stack forget ours, which changes nothing on Railway "
        "(`pulumi state delete --force --target-dependents <urn of the service>`), then `pulumi up` takes "
        "the other over",
    ) from None
