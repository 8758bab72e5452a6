"""Files and folders of the app that its code cannot read while it is loaded: they may hold credentials.

They are found by the names that `checkout.credentials` knows, and in files of configuration by their content.
The archive contains none of them either, except `.npmrc`, `.yarnrc` and `.yarnrc.yml` without a token, which
only the installation of packages reads. Installed packages are not searched.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from checkout import credentials
from checkout.package_json import MODULES
from settings.files import is_dir, is_file

MOST_HIDDEN = 1000  # each is a mount, which Linux counts; bubblewrap takes 9,000 arguments
MOST_ENTRIES = 100_000  # of one folder, with all below it
_MOST_HIDDEN_IN_FOLDER = 100  # a folder that the code does not need is hidden as a whole beyond
_ANYWHERE = (".git", ".npmrc", ".yarnrc", ".yarnrc.yml", ".pypirc", ".runtimeconfig.json")
# Tools keep credentials of any name in them. In the codebase they are part of what is deployed.
_OUTSIDE = (".config", ".docker")
_READ = ("", ".json", ".yaml", ".yml", ".toml", ".txt", ".ini", ".conf", ".cfg", ".properties",
         ".pem", ".key", ".crt", ".cer", ".der")  # fmt: skip
_MOST_READ = 1_000_000  # bytes


class TooMuchError(Exception):
    """There is too much to search or to hide. The text completes "because"."""


@dataclass(frozen=True, kw_only=True)
class Hidden:
    """Absolute paths. `empty` are folders, and files such as .env, whose values the code has as variables.

    To read one of `denied`, a file, is an error, which names it.
    """

    empty: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()


def search(visible: Sequence[Path], needed: Sequence[Path]) -> Hidden:
    """What is hidden.

    Args:
        visible: the folders that the code can read, except installed packages; no links.
        needed: the folders that it needs: the codebase, and linked packages that it depends on. Only what is
            in them is hidden, not they themselves.

    Raises:
        TooMuchError: more would have to be searched or hidden than is possible.
    """
    places = _Places(visible=visible, needed=needed)
    hidden: dict[Path, bool] = {}
    trees = list(visible)
    while trees:
        tree = trees.pop()
        if places.contains_needed(tree) and not places.is_needed(tree):
            folder = _Folder(tree, places)
            if folder.count > MOST_ENTRIES:
                raise TooMuchError(_too_many(tree))
            found = folder.hidden
            trees += folder.left
        else:
            found = _below(tree, places)
        hidden |= found
        if len(hidden) > MOST_HIDDEN:
            what = f"more than {MOST_HIDDEN:,} files and folders that may hold credentials"
            raise TooMuchError(f"{what} would have to be hidden from it, such as {next(iter(hidden))}")
    return Hidden(
        empty=tuple(sorted(str(path) for path, is_empty in hidden.items() if is_empty)),
        denied=tuple(sorted(str(path) for path, is_empty in hidden.items() if not is_empty)),
    )


@dataclass(frozen=True, kw_only=True)
class _Places:
    visible: Sequence[Path]
    needed: Sequence[Path]

    def contains_needed(self, path: Path) -> bool:
        """Whether the path is a needed folder, or contains one."""
        return any(one.is_relative_to(path) for one in self.needed)

    def is_needed(self, path: Path) -> bool:
        """Whether the path is a needed folder, or is in one."""
        return any(path.is_relative_to(one) for one in self.needed)

    def is_visible(self, path: Path) -> bool:
        """Whether the code could read the path."""
        return MODULES not in path.parts and any(path.is_relative_to(one) for one in self.visible)


def _below(tree: Path, places: _Places) -> dict[Path, bool]:
    """What is hidden in a folder and in all below it: the folder itself if that is too much."""
    is_needed = places.is_needed(tree)
    most = MOST_HIDDEN if is_needed else _MOST_HIDDEN_IN_FOLDER
    hidden: dict[Path, bool] = {}
    count, folders = 0, [tree]
    while folders and len(hidden) <= most and count <= MOST_ENTRIES:
        folder = _Folder(folders.pop(), places)
        count += folder.count
        hidden |= folder.hidden
        folders += folder.left
    if not is_needed and (len(hidden) > most or count > MOST_ENTRIES):
        return {tree: True}
    if count > MOST_ENTRIES:
        raise TooMuchError(_too_many(tree))
    return hidden


def _too_many(folder: Path) -> str:
    return f"{folder} has more than {MOST_ENTRIES:,} files and folders: too many to search for credentials"


class _Folder:
    """The entries of one folder: what is hidden, and whether it is empty then; the folders that are left."""

    def __init__(self, folder: Path, places: _Places) -> None:
        self.hidden: dict[Path, bool] = {}
        self.left: list[Path] = []
        self.count = 0
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    self.count += 1
                    if self.count > MOST_ENTRIES or len(self.hidden) > MOST_HIDDEN:
                        return
                    self._add(entry, places)
        except OSError:
            if not places.contains_needed(folder):
                self.hidden[folder] = True

    def _add(self, entry: os.DirEntry[str], places: _Places) -> None:
        path, name = Path(entry.path), entry.name.lower()
        is_folder = entry.is_dir(follow_symlinks=False)
        named = credentials.is_named(path.parent.name, name) or name in _ANYWHERE
        named = named or (name in _OUTSIDE and not places.is_needed(path))
        if entry.is_symlink():
            if not named or not places.is_visible(path := Path(os.path.realpath(path))):
                return
            is_folder = is_dir(path)
            if not is_folder and not is_file(path):
                return  # to nothing, or to itself
        elif is_folder and (not named or places.contains_needed(path)):
            if entry.name != MODULES:
                self.left.append(path)
            return
        if not places.contains_needed(path) and (named or _has_credential(entry)):
            self.hidden[path] = is_folder or name.startswith(".env") or name.endswith(".env")


def _has_credential(entry: os.DirEntry[str]) -> bool:
    try:
        is_small = entry.is_file(follow_symlinks=False) and entry.stat().st_size <= _MOST_READ
    except OSError:
        return False
    suffix = PurePath(credentials.original_name(entry.name)).suffix
    return is_small and suffix in _READ and credentials.has_content(Path(entry.path))
