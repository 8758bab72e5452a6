"""The base class of all components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

Resources = Sequence[pulumi.Resource]


class Component(pulumi.ComponentResource):
    """A component of type `whatsapp-crm:components:<Class>`. The type is part of the URN of each child."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"whatsapp-crm:components:{type(self).__name__}", name, None, opts)

    def child(self, **options: Any) -> pulumi.ResourceOptions:
        """Options for a child. The component's own options are not merged in: `ResourceOptions.merge` would
        give the children its parent, imports and aliases."""
        return pulumi.ResourceOptions(parent=self, **options)
