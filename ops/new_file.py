"""Write a file that does not exist yet, from data of another machine."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def write_new(path: Path, parts: Iterable[bytes], mode: int) -> None:
    """Create the file with the content `parts` and exactly this mode; nothing if that fails.

    Raises:
        FileExistsError: something exists at the path, be it a link that leads to nothing.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(parts)
            os.fchmod(file.fileno(), mode)
    except OSError:
        path.unlink()
        raise
