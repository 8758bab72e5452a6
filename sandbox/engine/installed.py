"""The installed version of a distribution, without `importlib.metadata`.

That module loads parsers of e-mail and zip files, a third of a plugin's start time, and the engine starts
plugins one after the other in every command. A distribution without a `.dist-info` folder is looked up there.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path


@cache
def version(distribution: str) -> str:
    """Return the version in the name of the distribution's `.dist-info` folder.

    Source: PyPA, "Recording installed projects".

    Raises:
        importlib.metadata.PackageNotFoundError: it is not installed.
    """
    prefix = distribution.replace("-", "_")
    for entry in sys.path:
        for found in Path(entry or ".").glob(f"{prefix}-*.dist-info"):
            return found.name.removeprefix(f"{prefix}-").removesuffix(".dist-info")
    from importlib import metadata

    return metadata.version(distribution)
