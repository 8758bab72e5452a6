"""A resource without behaviour, in its own module so that it is pickled by reference."""

from __future__ import annotations

from typing import Any

from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider


class TrivialProvider(ResourceProvider):
    """Creates nothing and never changes."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Return an id."""
        return CreateResult("trivial", props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Return no changes."""
        return DiffResult(changes=False)


class Trivial(Resource, module="bench", name="Trivial"):
    """One resource."""

    def __init__(self, name: str) -> None:
        super().__init__(TrivialProvider(), name, {})
