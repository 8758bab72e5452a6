"""Which version of a distribution is installed, without `importlib.metadata`.

That module loads parsers of mail and of zip files, a third of a plugin's start, and the engine starts plugins
one after the other in every command. Refuses to guess: a distribution without a folder of its own is looked
for there.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path


@cache
def version(distribution: str) -> str:
    """Return the version in the name of the distribution's `.dist-info` folder (PyPA, "Recording installed
    projects").

    Raises:
        importlib.metadata.PackageNotFoundError: it is not installed.
    """
    prefix = distribution.replace("-", "_")
    for entry in sys.path:
        for found in Path(entry or ".").glob(f"{prefix}-*.dist-info"):
            return found.name.removeprefix(f"{prefix}-").removesuffix(".dist-info")
    from importlib import metadata

    return metadata.version(distribution)
