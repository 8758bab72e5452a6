"""The provider plugins that the installed packages require, as stated in their `pulumi-plugin.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import cast


@dataclass(frozen=True, kw_only=True, order=True)
class RequiredPlugin:
    """A provider plugin: `version` without a leading v; `server` empty for Pulumi's own download server."""

    name: str
    version: str
    server: str


def required_plugins() -> list[RequiredPlugin]:
    """Return the plugins of every installed distribution, sorted by name."""
    found: set[RequiredPlugin] = set()
    for distribution in metadata.distributions():
        # Pulumi's generated packages are called pulumi-<provider>; reading every file list costs 0.2 s.
        if "pulumi" not in distribution.name.lower() or distribution.name.lower() == "pulumi":
            continue
        for file in distribution.files or []:
            if file.name != "pulumi-plugin.json":
                continue
            plugin = cast(
                "dict[str, object]", json.loads(Path(str(distribution.locate_file(file))).read_text("utf-8"))
            )
            if plugin.get("resource") is True:
                found.add(
                    RequiredPlugin(
                        name=str(plugin.get("name") or distribution.name.removeprefix("pulumi-")),
                        version=str(plugin.get("version") or distribution.version).removeprefix("v"),
                        server=str(plugin.get("server") or ""),
                    )
                )
    return sorted(found)
