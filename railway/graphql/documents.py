"""The operations of `documents.graphql`, each with the fragments that it uses.

A test validates all of them against Railway's schema, and the variables of every call against its operation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast

from railway.settings_table import SETTINGS

_REPEATABLE = {
    *("ProjectUpdate", "ProjectDelete", "EnvironmentRename", "EnvironmentDelete", "ServiceUpdate"),
    *("ServiceDelete", "ServiceInstanceUpdate", "ServiceLimitsUpdate", "TriggerUpdate", "TriggerDelete"),
    *("VolumeRename", "VolumeMount", "VolumeDelete", "ConfigPatch", "BackupScheduleUpdate"),
    *("VariablesWrite", "DomainUpdate", "DomainDelete", "CustomDomainUpdate", "CustomDomainDelete"),
    *("TcpProxyDelete",),
}
"""The mutations that are idempotent. Every other one creates or deploys something with each call."""

_DEFINITION = re.compile(
    r"^(?P<kind>query|mutation|fragment) (?P<name>\w+).*?(?=^(?:query|mutation|fragment|#)|\Z)",
    re.MULTILINE | re.DOTALL,
)
_SPREAD = re.compile(r"\.\.\.(\w+)")


@dataclass(frozen=True, kw_only=True)
class Document:
    """One operation.

    Args:
        name: the name of the operation, for messages.
        text: the GraphQL text.
        kind: query or mutation.
        repeatable: whether a mutation is idempotent.
    """

    name: str
    text: str
    kind: Literal["query", "mutation"]
    repeatable: bool = False


def _load() -> dict[str, Document]:
    source = Path(__file__).with_name("documents.graphql").read_text(encoding="utf-8")
    found = list(_DEFINITION.finditer(source))
    fragments = {one["name"]: one[0].strip() for one in found if one["kind"] == "fragment"}
    settings = " ".join(row.input for row in SETTINGS)
    fragments["SettingParts"] = f"{fragments['SettingParts'].removesuffix('}')}  {settings}\n}}"
    documents: dict[str, Document] = {}
    for one in found:
        if one["kind"] == "fragment":
            continue
        parts = [one[0].strip()]
        for part in parts:  # grows by the fragments that a fragment uses
            used = (fragments[name] for name in _SPREAD.findall(part))
            parts += [text for text in used if text not in parts]
        documents[one["name"]] = Document(
            name=one["name"],
            text="\n".join(parts),
            kind=cast('Literal["query", "mutation"]', one["kind"]),
            repeatable=one["name"] in _REPEATABLE,
        )
    return documents


DOCUMENTS: Final[Mapping[str, Document]] = _load()
"""All operations by name."""
