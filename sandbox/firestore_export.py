"""Keep the Firestore emulator's documents across a restart of the sandbox.

The emulator holds them in memory; it exports one database on request and loads an export when it starts.
Refuses to throw an export away before the next one is whole. What was written after the last orderly stop is
lost when the machine dies: the emulator offers no journal.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.firestore import FirestoreEmulator

SECONDS = 60
METADATA = "*.overall_export_metadata"


def load_options(folder: Path) -> list[str]:
    """The emulator's options that load the newest export in `folder`; none when there is none."""
    exports = sorted(folder.glob(f"*/{METADATA}"), key=lambda path: path.stat().st_mtime_ns)
    return [f"--import-data={exports[-1]}"] if exports else []


def save(emulator: FirestoreEmulator, project: str, folder: Path) -> None:
    """Export the project's `(default)` database into `folder`; the export before it is kept as well.

    Raises:
        requests.HTTPError: the emulator refused.
    """
    folder.mkdir(parents=True, exist_ok=True)
    earlier = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    name = str(1 + max((int(path.name) for path in earlier if path.name.isdecimal()), default=0))
    requests.post(
        f"{emulator.url}/emulator/v1/projects/{project}:export",
        json={
            "database": f"projects/{project}/databases/(default)",
            "export_directory": str(folder),
            "export_name": name,
        },
        headers={"Authorization": "Bearer owner"},
        timeout=SECONDS,
    ).raise_for_status()
    for old in earlier[:-1]:
        shutil.rmtree(old)
