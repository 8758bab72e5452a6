"""What is on a volume: in the state, or in a folder if processes use the volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.railway import records


class VolumeContents(Protocol):
    """The files of volume instances: text by path."""

    def files(self, row: records.VolumeInstance) -> dict[str, str]:
        """Return all files."""
        ...

    def write(self, row: records.VolumeInstance, files: Mapping[str, str]) -> None:
        """Write files; others are kept."""
        ...

    def size(self, row: records.VolumeInstance) -> int:
        """Return the size of all files in bytes."""
        ...


class RecordedContents:
    """The files are part of the state."""

    def files(self, row: records.VolumeInstance) -> dict[str, str]:
        return row.files

    def write(self, row: records.VolumeInstance, files: Mapping[str, str]) -> None:
        row.files.update(files)

    def size(self, row: records.VolumeInstance) -> int:
        return sum(len(text) for text in row.files.values())
