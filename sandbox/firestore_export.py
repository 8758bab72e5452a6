"""Keep the Firestore emulator's documents across a restart of the sandbox.

The emulator keeps them in memory; it exports one database on request and can load an export when it starts.
An export is deleted only after the next one is complete. Documents written after the last orderly stop are
lost if the machine crashes: the emulator has no journal.
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
    """Return the emulator's options that load the newest export in `folder`; [] if there is none."""
    exports = sorted(folder.glob(f"*/{METADATA}"), key=lambda path: path.stat().st_mtime_ns)
    return [f"--import-data={exports[-1]}"] if exports else []


def save(emulator: FirestoreEmulator, project: str, folder: Path) -> None:
    """Export the project's `(default)` database into `folder`; the previous export is kept as well.

    Raises:
        requests.HTTPError: the emulator rejected the request.
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
