"""Programs of this machine that the program starts, never one of the checkout."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from checkout.package_json import MODULES


def search_path(environ: Mapping[str, str], checkout: Path) -> str:
    """PATH without folders that a checkout decides on.

    They are relative folders, folders of `checkout`, and `node_modules/.bin`: npm adds those of all folders
    above the one in which it runs a script.
    """
    return os.pathsep.join(_folders(environ.get("PATH", os.defpath), _real(checkout)))


def find(name: str, path: str, checkout: Path) -> str | None:
    """The program in the folders of `path` that is not a link into the checkout; None if there is none."""
    for folder in path.split(os.pathsep) if path else ():
        found = shutil.which(name, path=folder)
        if found is not None and not _is_inside(found, _real(checkout)):
            return found
    return None


def _folders(path: str, checkout: str) -> Iterator[str]:
    for folder in path.split(os.pathsep):
        if Path(folder).is_absolute() and not _is_inside(folder, checkout):
            yield folder


def _is_inside(path: str, checkout: str) -> bool:
    """Whether the path, or what it leads to, is in the checkout or among the programs of packages."""
    named, real = Path(os.path.normpath(path)), Path(_real(Path(path)))
    return any(
        one.is_relative_to(checkout) or f"/{MODULES}/.bin/" in f"{one.as_posix()}/" for one in (named, real)
    )


def _real(path: Path) -> str:
    return os.path.realpath(path)
