"""Files that the functions load on this machine, but that are not deployed: Google could not start them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from checkout import archive, credentials, package_json
from checkout.firebase_json import CodebaseSource
from settings.keys import NAMESPACE
from settings.problems import Problem


def validate(loaded: Iterable[str], packed: Sequence[str], source: CodebaseSource) -> list[Problem]:
    """A problem for each file, and one for each package, that is loaded and not deployed.

    Args:
        loaded: files that Node loaded, relative to the codebase, with links resolved.
        packed: the files of the archive, which contains a linked file under both names.
        source: the codebase.
    """
    lost = sorted(set(loaded) - set(packed))
    if lost:
        root = os.path.realpath(source.folder)
        targets = {os.path.relpath(os.path.realpath(source.folder / name), root) for name in packed}
        lost = [name for name in lost if name not in targets]
    found: dict[str, Problem] = {}
    for name in lost:
        package = _package_outside(name, source)
        what = "the functions load it, but it is not deployed."
        if package is not None:
            what = f"the functions load the package {package} from here, but it is not deployed."
        place = str(PurePosixPath(source.relative) / name)
        fix = _fix(name, package, source)
        found.setdefault(package or name, Problem(key=place, what=what, fix=fix))
    return list(found.values())


def required(packed: Sequence[str], source: CodebaseSource) -> list[Problem]:
    """A problem if package.json or the file that it names as `main` exists and is not deployed."""
    package, _ = package_json.read(source.folder, source.relative)
    if package is None:
        return []
    needed = [package_json.NAME]
    entry = package_json.entry(source.folder, package)
    if entry is not None:
        name = Path(os.path.relpath(entry, source.folder)).as_posix()
        if not name.startswith(".."):
            needed.append(name)
    what = "Google needs it to start the functions, but it is not deployed."
    return [
        Problem(key=f"{source.relative}/{name}", what=what, fix=_fix(name, None, source))
        for name in needed
        if name not in packed
    ]


def _package_outside(name: str, source: CodebaseSource) -> str | None:
    """The package of a file outside of the codebase: one of a workspace, or one linked by `npm link`."""
    if not name.startswith(".."):
        return None
    file = Path(os.path.normpath(source.folder.resolve() / name))
    for folder in file.parents:
        if source.folder.resolve().is_relative_to(folder):
            return None  # the app's own package.json
        package = package_json.of_package(folder).get("name")
        if isinstance(package, str):
            return package
    return None


def _fix(name: str, package: str | None, source: CodebaseSource) -> str:
    where = source.relative
    if package is not None:
        return (
            f"Bundle {package} into the code (for example with esbuild), publish it, or copy it into {where} "
            'and depend on it by "file:".'
        )
    if name.startswith(".."):
        return f"Move it into {where}, or make it a published package: only {where} is deployed."
    if credentials.is_credential(source.folder, name):
        return f'Read it from a secret: defineSecret("NAME"), with the value in {NAMESPACE}:secrets.'
    pattern = archive.excluded_by(source.ignore, where, name)
    if pattern is not None:
        return f'Remove "{pattern}" from "functions.ignore" in firebase.json.'
    return f"Move it into a file of {where} that is deployed."
