"""The rulesets that are released, as an adoption compares them with the declared ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from firebase.errors import JsonObject
from ops.google import ruleset_files


@dataclass(frozen=True)
class Released:
    """The ruleset of a release: its full name, "" if there is no release, and the ruleset itself."""

    name: str = ""
    ruleset: JsonObject = field(default_factory=dict[str, Any])

    @property
    def files(self) -> dict[str, str]:
        """Its files: name -> text."""
        return ruleset_files(self.ruleset)


def release_of(ruleset_resource: str) -> str:
    """The logical name of the release's resource, from that of its ruleset (`components.rules`)."""
    return ruleset_resource.replace("-ruleset", "-release", 1)
