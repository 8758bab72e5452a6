"""What all our dynamic providers share: credentials, check, diff, and the plumbing between the SDK and plain dicts.

A provider instance is pickled into the stack's state by reference to its module and class. So a provider has no
`__init__`, keeps nothing but what `configure` gives it, and its module and class name never change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from typing import TYPE_CHECKING, Any, ClassVar

from pulumi.dynamic import CheckFailure, CheckResult, DiffResult, ResourceProvider

from railway import diff as differ

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

PROVIDER_KEY = "__provider"


def inputs_of(args: DataclassInstance, *outputs: str) -> dict[str, Any]:
    """A resource's property bag: every field of its Args, and the names of the outputs it will have."""
    bag: dict[str, Any] = {field.name: getattr(args, field.name) for field in dataclass_fields(args)}
    return bag | dict.fromkeys(outputs)


class RailwayProvider(ResourceProvider):
    """Base of every provider here."""

    # The pickle holds a module path and a class name: nothing to hide.
    serialize_as_secret_always = False

    FIELDS: ClassVar[tuple[differ.Field, ...]] = ()

    def check(self, _olds: Mapping[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse wrong settings in the preview, before anything is sent."""
        failures = [
            CheckFailure(problem.name, problem.reason)
            for problem in differ.problems(self.FIELDS, _olds, news)
        ]
        return CheckResult(news, failures)

    def diff(self, _id: str, _olds: Mapping[str, Any], _news: Mapping[str, Any]) -> DiffResult:
        """Compare what is recorded (after a refresh: what is live) with what is declared."""
        found = differ.compare(self.FIELDS, _olds, _news)
        return DiffResult(
            changes=bool(found), replaces=list(found.replaces), delete_before_replace=bool(found.replaces)
        )
