"""The source archive of a functions codebase."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A zip on this machine. `object_name` carries the content's hash: equal content, equal name."""

    path: Path
    sha256: str
    object_name: str
