"""The volumes as folders, each used by one process at most.

A process holds the lock of its volume as an open file, so the kernel releases it when the process has ended,
whatever ended it. A process that outlives a killed sandbox for a moment still holds it.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.railway import records


class VolumeFolders:
    """The folders of volume instances: see `sandbox.railway.volume_contents.VolumeContents`.

    Args:
        root: the folder that contains them.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, row: records.VolumeInstance) -> Path:
        """Return a volume's folder. What the state recorded is written to a new one."""
        folder = self._root / row.id
        if not folder.exists():
            draft = self._root / f"{row.id}.new"
            draft.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write(draft, row.files)
            draft.rename(folder)
        return folder

    def files(self, row: records.VolumeInstance) -> dict[str, str]:
        folder = self.folder(row)
        return {
            file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8", errors="replace")
            for file in _files(folder)
        }

    def write(self, row: records.VolumeInstance, files: Mapping[str, str]) -> None:
        _write(self.folder(row), files)

    def size(self, row: records.VolumeInstance) -> int:
        return sum(file.stat().st_size for file in _files(self.folder(row)))

    def lock(self, row: records.VolumeInstance) -> int | None:
        """Return a locked file descriptor, for the process; None while another process has it."""
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = os.open(self._root / f"{row.id}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(found)
            return None
        return found


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.rglob("*")) if file.is_file() and not file.is_symlink())


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        file = (folder / name.lstrip("/")).resolve()
        if not file.is_relative_to(folder.resolve()):
            raise ValueError(f"{name} is outside the volume")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
