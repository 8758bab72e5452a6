"""The files of a Flutter app: its packages, what of them is compiled into it, and what could not be read.

An app can consist of several packages of one checkout (a workspace, melos, dependencies with `path:`). Only
what is under their library folders is compiled into the app; tests are not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from checkout.flutter import syntax as s
from checkout.flutter.unit_lowering import parse
from settings.files import FileError, is_file, read_bytes, read_text, walk
from settings.parsing import mapping

PUBSPEC, MELOS = "pubspec.yaml", "melos.yaml"
_MOST_PARENTS = 4  # of an app that are looked at for a workspace
_NOT_ENTERED = {
    "build",
    "node_modules",
    "Pods",
    "test",
    "integration_test",
    "test_driver",
    "ephemeral",
    "example",
}
_MOST_BYTES = 5_000_000
"""The largest Dart file that is read; generated translations of large apps have half of it."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """One Dart package: its name, its folder, and the folders of it that are compiled into the app."""

    name: str
    folder: Path
    lib: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What an app consists of.

    Args:
        units: every file that was parsed, by its path relative to the app.
        packages: the packages, the app's own first.
        unread: files that were not read, or not all of which was parsed: `lib/a.dart:3: …`.
    """

    units: dict[str, s.Unit]
    packages: Sequence[Package]
    unread: Sequence[str]


def enters(folder: Path) -> bool:
    """Whether a folder of an app can hold something that a person wrote and that is built."""
    return folder.name not in _NOT_ENTERED and not folder.name.startswith(".")


def read(root: Path, lib: Sequence[str]) -> Sources:
    """Read and parse the Dart code of an app.

    Args:
        root: the folder of the app.
        lib: the folders of the app's own package that are compiled into it.
    """
    packages = tuple(_packages(root, tuple(lib)))
    units: dict[str, s.Unit] = {}
    unread: list[str] = []
    for package in packages:
        for folder in package.lib:
            for path in walk(package.folder / folder, enters):
                if path.suffix != ".dart":
                    continue
                file = relative(path, root)
                if file in units:
                    continue
                try:
                    unit = parse(read_bytes(path, limit=_MOST_BYTES), file)
                except FileError as error:
                    unread.append(f"{file}:1: the file {error.what}.")
                    continue
                except RecursionError:
                    unread.append(f"{file}:1: the file is nested too deeply to be read.")
                    continue
                units[file] = unit
                if unit.errors:
                    lines = ", ".join(map(str, unit.errors[:5]))
                    unread.append(f"{file}:{unit.errors[0]}: not Dart that can be parsed (line {lines}).")
    return Sources(units=units, packages=packages, unread=tuple(unread))


def relative(path: Path, root: Path) -> str:
    """A path relative to the app, with slashes; `../` where it is in another package."""
    return Path(os.path.relpath(path, root)).as_posix()


def _packages(root: Path, lib: tuple[str, ...]) -> Iterator[Package]:
    """The app's package, those in folders below it, and those that it depends on: by path, or by the name of
    one in the same workspace (of pub or melos)."""
    neighbours = _workspace(root)
    waiting = [root, *(path.parent for path in walk(root, enters) if path.name == PUBSPEC)]
    seen: set[str] = set()
    while waiting:
        folder = waiting.pop(0)
        place = os.path.realpath(folder)
        if place in seen:
            continue
        seen.add(place)
        described = pubspec(folder)
        if described is None:
            if folder == root:
                yield Package(name="", folder=root, lib=lib)
            continue
        name = described.get("name")
        yield Package(
            name=name if isinstance(name, str) else "",
            folder=folder,
            lib=lib if folder == root else ("lib",),
        )
        for kind in ("dependencies", "dependency_overrides"):
            for dependency, one in (mapping(described.get(kind)) or {}).items():
                if dependency in neighbours:
                    waiting.append(neighbours[dependency])
                path = (mapping(one) or {}).get("path")
                if isinstance(path, str) and is_file(folder / path / PUBSPEC):
                    waiting.append(Path(os.path.normpath(folder / path)))


def _workspace(root: Path) -> dict[str, Path]:
    """The packages of the workspace that a folder is in, by their names; empty if it is in none."""
    for folder in list(root.resolve().parents)[:_MOST_PARENTS]:
        if is_file(folder / MELOS) or "workspace" in (pubspec(folder) or {}):
            packages = [path.parent for path in walk(folder, enters) if path.name == PUBSPEC]
            named = {str((pubspec(package) or {}).get("name")): package for package in packages}
            return {name: package for name, package in named.items() if package != root.resolve()}
    return {}


def pubspec(folder: Path) -> dict[str, object] | None:
    """The content of a package's pubspec.yaml; None if there is none that can be read."""
    path = folder / PUBSPEC
    if not is_file(path):
        return None
    text, problems = read_text(path, PUBSPEC)
    if text is None or problems:
        return None
    try:
        found: object = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError):
        return None
    return mapping(found)
