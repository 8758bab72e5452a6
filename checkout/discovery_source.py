"""What discovery is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from settings.model import GoogleSettings


@dataclass(frozen=True, kw_only=True)
class Source:
    """One codebase. `where` names it in messages; `digest` is its archive's hash; `timeout` is seconds.

    `isolate` is false if the user asked for that: `ops discover --no-isolation`.
    """

    folder: Path
    app_dir: Path
    where: str
    digest: str
    google: GoogleSettings
    environment: Mapping[str, str]
    timeout: int
    isolate: bool = True
