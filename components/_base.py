"""The base classes of all components, and of the providers of guards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import pulumi
from pulumi import dynamic

from user_errors import Provider

Resources = Sequence[pulumi.Resource]


class Component(pulumi.ComponentResource):
    """A component of type `whatsapp-crm:components:<Class>`. The type is part of the URN of each child."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"whatsapp-crm:components:{type(self).__name__}", name, None, opts)

    def child(self, **options: Any) -> pulumi.ResourceOptions:
        """Options for a child. The component's own options are not merged in: `ResourceOptions.merge` would
        give the children its parent, imports and aliases."""
        return pulumi.ResourceOptions(parent=self, **options)


class GuardProvider(Provider):
    """The provider of a guard: a resource of which only the inputs are recorded, for the next `check`."""

    ID: ClassVar[str]

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Never a change: the engine records the inputs of an unchanged resource too (`SameStep`)."""
        return dynamic.DiffResult(changes=False)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Only record the inputs."""
        del props
        return dynamic.CreateResult(self.ID, {})

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Return the state."""
        return dynamic.ReadResult(id_, props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Nothing exists outside of the state."""
