"""What all components share: the type token, and how children are made theirs.

It refuses to merge a caller's options into children. `ResourceOptions.merge` would hand the children the
component's own parent, imports and aliases, and mending that later changes URNs, which replaces resources.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

Resources = Sequence[pulumi.Resource]


class Component(pulumi.ComponentResource):
    """A component of type `whatsapp-crm:platform:<Class>`; the class name is in every URN below it."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"whatsapp-crm:platform:{type(self).__name__}", name, None, opts)

    def child(self, **extra: Any) -> pulumi.ResourceOptions:
        """Options of a child: this component as parent, and what the child itself needs."""
        return pulumi.ResourceOptions(parent=self, **extra)
