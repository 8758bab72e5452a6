"""The archive that a function is built from, while only other functions change (`updateOnlyChanged`).

Each archive contains the whole codebase, so each change of it is another archive. This resource holds the one
that its function was built from until the digest of the files that count for the function changes
(`checkout.reach`). The archives stay in the bucket, so a function can be updated from an earlier one.

The class path `components.function_source.FunctionSourceProvider` is in the state of every stack that has the
setting: renaming the module or the class breaks existing stacks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import dynamic

from components._base import GuardProvider


@dataclass(frozen=True, kw_only=True)
class FunctionSourceArgs:
    """The arguments of a `FunctionSource`.

    Args:
        digest: of the files that count for the function.
        object: the name of the newest archive in the bucket.
        generation: of this object, as text: a number in Pulumi's state has 53 bits.
    """

    digest: str
    object: str
    generation: pulumi.Input[str]


class FunctionSourceProvider(GuardProvider):
    """The provider of `FunctionSource`: nothing exists outside of the state."""

    ID = "source"

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """A change if the digest is another one. Otherwise the engine keeps the outputs."""
        return dynamic.DiffResult(changes=_olds.get("digest") != _news.get("digest"))

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Hold this archive."""
        return dynamic.CreateResult(self.ID, props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Hold the newest archive."""
        return dynamic.UpdateResult(_news)


class FunctionSource(dynamic.Resource, module="components", name="FunctionSource"):
    """The archive as a resource; `object` and `generation` are those of the function.

    Example:
        source = FunctionSource("ask-source", FunctionSourceArgs(digest="4821...", object="functions/a.zip",
                                generation=archive.generation.apply(str)), opts)
    """

    object: pulumi.Output[str]
    generation: pulumi.Output[str]

    def __init__(self, name: str, args: FunctionSourceArgs, opts: pulumi.ResourceOptions) -> None:
        super().__init__(FunctionSourceProvider(), name, dict(vars(args)), opts)
