"""The dependencies in package.json that Google cannot install, and the packages that it does not install.

Google installs the dependencies of the archive's package.json, without development dependencies. On this
machine a package may also come from a workspace, a link, or a folder above the codebase.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from checkout import package_json
from checkout.firebase_json import CodebaseSource
from settings.files import is_dir, is_file
from settings.problems import Problem
from user_errors import shell_word

_INSTALLED = ("dependencies", "optionalDependencies", "peerDependencies")
_SDK = "firebase-functions"
_LOCAL = ("file:", "link:", "portal:")
_PATHS = ("./", "../", "/", "~/")


def validate(packages: Iterable[str], packed: Sequence[str], source: CodebaseSource) -> list[Problem]:
    """A problem for each dependency that cannot be installed, and each loaded package that is not installed.

    Args:
        packages: names of the packages that the codebase's own files load.
        packed: the files of the archive.
        source: the codebase.
    """
    package, _ = package_json.read(source.folder, source.relative)
    if package is None:
        return []
    needed = set(packages)
    if not is_file(source.folder / "functions.yaml"):
        needed.add(_SDK)
    return [*_declared_problems(package, packed, source), *_missing_problems(package, needed, source)]


def _declared_problems(
    package: dict[str, object], packed: Sequence[str], source: CodebaseSource
) -> Iterator[Problem]:
    for name, version in package_json.section(package, *_INSTALLED).items():
        reason = _not_installable(str(version), packed)
        if reason is not None:
            yield Problem(
                key=f"{source.relative}/{package_json.NAME}",
                what=f'the dependency {name} is "{version}": {reason}',
                fix=f"Publish {name}, copy it into {source.relative} and depend on it by "
                f'"file:", or bundle it into the code and remove it from "dependencies".',
            )


def _missing_problems(
    package: dict[str, object], needed: set[str], source: CodebaseSource
) -> Iterator[Problem]:
    declared = package_json.section(package, *_INSTALLED)
    in_development = package_json.section(package, "devDependencies")
    missing = sorted(needed - set(declared))
    # Node finds the dependencies of dependencies here and on Google.
    indirect = _installed_with(declared, source.folder) if missing else set[str]()
    for name in missing:
        if name not in indirect:
            where = "in devDependencies" if name in in_development else "not in the dependencies"
            yield Problem(
                key=f"{source.relative}/{package_json.NAME}",
                what=f"the functions load {name}, which is {where}: Google does not install it.",
                fix=f"cd {shell_word(source.folder)} && npm install --save-prod {name}",
            )


def _not_installable(version: str, packed: Sequence[str]) -> str | None:
    if version.startswith("workspace:"):
        return "Google has no workspace."
    prefix = next((prefix for prefix in _LOCAL if version.startswith(prefix)), "")
    if not prefix and not version.startswith(_PATHS):
        return None
    target = os.path.normpath(version.removeprefix(prefix))
    if target in packed or f"{target}/{package_json.NAME}" in packed:
        return None
    return "this path is not deployed."


def _installed_with(declared: Iterable[str], folder: Path) -> set[str]:
    """The names of the declared packages and of all that they depend on, as installed on this machine."""
    found: set[str] = set()
    todo = [(name, folder) for name in declared]
    seen: set[Path] = set()
    while todo:
        name, base = todo.pop()
        found.add(name)
        places = (above / "node_modules" / name for above in (base, *base.parents))
        place = next((place.resolve() for place in places if is_dir(place)), None)
        if place is not None and place not in seen:
            seen.add(place)
            names = package_json.section(package_json.of_package(place), *_INSTALLED)
            todo += [(one, place) for one in names]
    return found
