"""A resource that does nothing, in a module of its own so that it is pickled by name."""

from __future__ import annotations

from typing import Any

from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider


class TrivialProvider(ResourceProvider):
    """Makes nothing and never changes."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Give it an id."""
        return CreateResult("trivial", props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Say that nothing changed."""
        return DiffResult(changes=False)


class Trivial(Resource, module="bench", name="Trivial"):
    """One trivial resource."""

    def __init__(self, name: str) -> None:
        super().__init__(TrivialProvider(), name, {})
