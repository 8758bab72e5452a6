"""package.json of a functions codebase, read as the Firebase CLI reads it.

The Firebase CLI uses `cjson`, npm and Node their own parsers: all accept a byte order mark, and `cjson` also
comments.
"""

from __future__ import annotations

from pathlib import Path

from settings.files import exists, is_file
from settings.parsing import mapping, read_json
from settings.problems import Problem

NAME = "package.json"
MODULES = "node_modules"
"""The folder of the installed packages."""


def read(folder: Path, where: str) -> tuple[dict[str, object] | None, list[Problem]]:
    """The content of `folder`/package.json: None without a problem if there is no such file.

    Args:
        folder: the folder of the codebase or package.
        where: the folder's name in messages.
    """
    path = folder / NAME
    return read_json(path, f"{where}/{NAME}") if exists(path) else (None, [])


def of_package(folder: Path) -> dict[str, object]:
    """The content of an installed package's package.json, {} if it cannot be read."""
    return read(folder, "")[0] or {}


def entry(folder: Path, package: dict[str, object]) -> Path | None:
    """The file that Node loads for the folder (`main`), None if it does not exist."""
    main = package.get("main")
    base = folder / (main if isinstance(main, str) else "index.js")
    names = (base, Path(f"{base}.js"), Path(f"{base}.json"), base / "index.js")
    return next((name for name in names if is_file(name)), None)


def section(package: dict[str, object], *names: str) -> dict[str, object]:
    """The entries of these sections ("scripts", "dependencies") together."""
    return {name: value for section in names for name, value in (mapping(package.get(section)) or {}).items()}
