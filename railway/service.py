"""A service, made without a source: nothing is deployed before its variables, volume and settings are there.

Refuses to believe that a service is deleted because a list lacks it: Railway is asked by id.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pulumi
from pulumi import dynamic

from railway.diff import Field, at_most_characters
from railway.errors import MissingError, NotAuthorizedError, NotFoundError
from railway.model import InstanceView, Named, StackView
from railway.provider import Props, RailwayProvider, gone, inputs_of
from railway.snapshot import Stack


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
        Field(name="service_name", required=True, rules=(at_most_characters(32),)),
    )

    def make(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Find by name, or make, and wait until it is in the environment."""
        stack, name = self.stack(props), props["service_name"]
        with stack.changing:

            def named(view: StackView) -> Named | None:
                services = view.project.services if view.project else ()
                return next((one for one in services if one.name == name), None)

            view = stack.look()
            if gone(view):
                raise MissingError("the environment is deleted", next_step="run `pulumi up --refresh`")
            found = named(view)
            if found is None:
                found = self.once(
                    lambda: self.railway.api.create_service(stack.project_id, stack.environment_id, name),
                    lambda: named(stack.look_again()),
                )
            self._await_instance(stack, found)
        return found.id, {}

    def see(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live service."""
        view = self.stack(props).look()
        if gone(view):
            return None
        service = view.service(id_)
        if service is None:
            if self._is_deleted(id_):
                return None
            raise MissingError(f"the service {id_} exists, but not in project {props['project_id']}")
        if view.instance(id_) is None:
            raise MissingError(
                f"the service {service.name} ({id_}) exists, but has no instance in environment "
                f"{props['environment_id']}",
                next_step="delete the service in Railway's dashboard (its volume stays), then `pulumi up "
                "--refresh`",
            )
        return {"service_name": service.name}

    def change(self, id_: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Rename it."""
        del olds
        if "service_name" in changed:
            stack = self.stack(news)
            with stack.changing:
                self.railway.api.rename_service(id_, news["service_name"])
                stack.drop()
        return {}

    def drop(self, id_: str, props: Props) -> None:
        """Delete it; its volume stays."""
        stack = self.stack(props)
        with stack.changing:
            try:
                self.railway.api.delete_service(id_, props["environment_id"])
            except NotFoundError:
                return
            finally:
                stack.drop()

    def _await_instance(self, stack: Stack, service: Named) -> None:
        if stack.look().instance(service.id) is not None:
            return
        api = self.railway.api

        def there() -> bool | None:
            return api.instance_is_there(stack.project_id, stack.environment_id, service.id) or None

        self.wait_for(f"the instance of service {service.name}", there, seconds=120)

        def add(view: StackView) -> StackView:
            if view.project is None or view.environment is None:
                return view
            project, environment = view.project, view.environment
            if view.service(service.id) is None:
                project = replace(project, services=(*project.services, service))
            if view.instance(service.id) is None:
                fresh = InstanceView(service.id, {}, None, (), (), ())
                environment = replace(environment, instances=(*environment.instances, fresh))
            return StackView(project, environment)

        stack.patch(add)

    def _is_deleted(self, service_id: str) -> bool:
        try:
            return self.railway.api.service_is_deleted(service_id)
        except NotAuthorizedError:
            raise MissingError(
                f"the service {service_id} is not in the project's list, and this token may not ask "
                "whether it is deleted",
                next_step="use an account or workspace token in RAILWAY_API_TOKEN",
            ) from None


class Service(dynamic.Resource, module="railway", name="Service"):
    """A Railway service; its id is Railway's."""

    project_id: pulumi.Output[str]
    environment_id: pulumi.Output[str]
    service_name: pulumi.Output[str]

    def __init__(self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(ServiceProvider(), name, inputs_of(args), opts)
