"""The source archive of a functions codebase: the same content gives the same bytes and name on any machine.

Entries are sorted, not compressed (compressors differ between machines), and have one fixed date. Of a file's
mode only the owner's executable bit is kept, as git does: 0755 or 0644.

The files are those that the Firebase CLI packs (15.34, `prepareFunctionsUpload`): everything that
`functions.ignore` does not exclude, Markdown and tests included, with links followed. Never packed, whatever
`functions.ignore` says: files with credentials, installed dependencies, `.git`. `Archive.notes` names them,
except the codebase's `.env` files: `checkout.env_files` reads those that count.

Refuses links that leave the codebase's folder or lead back to a folder that contains them, names that other
machines cannot read, files that cannot be read, and folders without end. FIFOs, sockets and devices are not
deployed, and named in a note.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import stat
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from checkout import credentials
from checkout.minimatch import Ignored, PatternError
from settings.files import MAX_FOLDERS_DEEP, FileError, exists, kind, read_bytes, shown_names
from settings.problems import Problem

# The Firebase CLI's `ignore` if firebase.json has none, and what it adds to every `ignore`.
_DEFAULT_IGNORE = ("node_modules", ".git")
_NEVER_BY_THE_CLI = ("firebase-debug.log", "firebase-debug.*.log", ".runtimeconfig.json")
_LOCAL = ("node_modules", ".git", ".ds_store")  # in lower case; installed, or different on each machine
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest date of the zip format
_REGULAR, _EXECUTABLE = 0o100644, 0o100755
_UNIX = 3
MAX_ENTRIES = 20_000  # links to folders can multiply what is in them without end
MAX_BYTES = 100_000_000  # source of one function (Cloud Functions quotas: 100 MB compressed)


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A zip on this machine.

    `object_name` contains the content's hash; `files` are the packed paths, and `contents` has a hash of each
    file's content and mode; `notes` say what is not packed
    although the Firebase CLI packs it. `md5` is the hash in base64 that Cloud Storage reports of what it
    received: another process may change `path` between the hash and the upload.
    """

    path: Path
    sha256: str
    md5: str
    object_name: str
    files: tuple[str, ...]
    contents: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def build(
    folder: Path, ignore: Sequence[str], codebase: str, where: str, out_dir: Path
) -> tuple[Archive | None, list[Problem]]:
    """Pack `folder` into `out_dir`, unless the archive exists. `where` names the folder in messages."""
    try:
        walk = _Walk(folder, _ignored(ignore, where), where)
    except PatternError as error:
        fix = 'Write fewer alternatives in "functions.ignore".'
        return None, [Problem(key="firebase.json", what=f'"functions.ignore" of {where}: {error}.', fix=fix)]
    names = sorted(walk.files(folder, (walk.real_root,)), key=os.fsencode)
    if not names and not walk.problems:
        fix = 'Put the functions there, or correct "source" and "ignore" in firebase.json.'
        if any(pattern.startswith("!") for pattern in ignore):
            fix = 'Remove the patterns with "!" from "functions.ignore": "!name" excludes all but "name".'
        walk.problems.append(Problem(key=where, what="the folder has no file that is deployed.", fix=fix))
    data = b"" if walk.problems else walk.zip(names)
    if walk.problems:
        return None, walk.problems
    digest = hashlib.sha256(data).hexdigest()
    path = out_dir / f"{codebase}-{digest}.zip"
    if not _holds(path, data):
        write_atomically(path, data)
    return Archive(
        path=path,
        sha256=digest,
        md5=base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode(),
        object_name=f"functions/{codebase}-{digest}.zip",
        files=tuple(names),
        contents=walk.contents,
        notes=tuple(walk.notes()),
    ), []


def _holds(path: Path, data: bytes) -> bool:
    try:
        return exists(path) and read_bytes(path, limit=len(data)) == data
    except FileError:
        return False


def excluded_by(ignore: Sequence[str], where: str, name: str) -> str | None:
    """The pattern of `functions.ignore` that excludes the file `name` or a folder that contains it."""
    ignored = _ignored(ignore, where)
    folders = [parent.as_posix() for parent in reversed(PurePosixPath(name).parents)][1:]
    return next((found for one in (*folders, name) if (found := ignored.by(one)) is not None), None)


def write_atomically(path: Path, data: bytes) -> None:
    """Write the file so that another process reads all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(data)
    partial.replace(path)


def _ignored(ignore: Sequence[str], where: str) -> Ignored:
    return Ignored((*(ignore or _DEFAULT_IGNORE), *_NEVER_BY_THE_CLI), where)


class _Walk:
    """Collects and packs the files of a codebase."""

    def __init__(self, root: Path, ignored: Ignored, where: str) -> None:
        self.problems: list[Problem] = []
        self.real_root = os.path.realpath(root)
        self.contents: dict[str, str] = {}
        self._ignored = ignored
        self._root = root
        self._where = where
        self._credentials: list[str] = []
        self._local: list[str] = []
        self._special: list[str] = []
        self._count = 0

    def files(self, folder: Path, above: tuple[str, ...]) -> Iterator[str]:
        """The files below `folder`. `above` are the real paths of it and of the folders that contain it."""
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            self._unreadable(self._name(folder), error)
            return
        if len(above) > MAX_FOLDERS_DEEP:
            name = self._name(folder)
            what = f"is in more than {MAX_FOLDERS_DEEP} folders."
            self._add(f"{name[:60]}…", what, f"Move it up, or {_exclude(name.partition('/')[0])}")
            return
        for entry in found:
            self._count += 1
            if self._count > MAX_ENTRIES:
                if self._count == MAX_ENTRIES + 1:
                    what = f"has more than {MAX_ENTRIES} files and folders."
                    fix = 'Exclude what the functions do not need: "functions.ignore" in firebase.json.'
                    self.problems.append(Problem(key=self._where, what=what, fix=fix))
                return
            path = Path(entry.path)
            name = self._name(path)
            if self._ignored.by(name) is not None:
                continue
            if credentials.has_name(name):
                if not _is_env_file(name):
                    self._credentials.append(name)
            elif entry.name.lower() in _LOCAL:
                self._local.append(name)
            elif not _is_portable(entry.name):
                what = "the name is not valid UTF-8, or contains a backslash, and would change on Google."
                self._add(name, what, f"Rename it, or {_exclude(name)}")
            else:
                yield from self._entry(path, name, above)

    def zip(self, names: Sequence[str]) -> bytes:
        """The archive, empty if there is a problem."""
        size = 0
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for name in names:
                path = self._root / name
                try:
                    status = path.stat()
                    size += status.st_size
                    content = read_bytes(path, limit=MAX_BYTES) if size <= MAX_BYTES else b""
                except FileError as error:
                    self._add(name, f"{error.what}.", f"Make it readable, or {_exclude(name)}")
                    continue
                except OSError as error:
                    self._unreadable(name, error)
                    continue
                if size > MAX_BYTES:
                    what = f"the source has more than {MAX_BYTES // 1_000_000} MB, the limit of Google."
                    fix = 'Exclude what the functions do not need: "functions.ignore" in firebase.json.'
                    self.problems.append(Problem(key=self._where, what=what, fix=fix))
                    break
                info = zipfile.ZipInfo(name, _DATE)
                mode = _EXECUTABLE if status.st_mode & stat.S_IXUSR else _REGULAR
                self.contents[name] = hashlib.sha256(f"{mode}\n".encode() + content).hexdigest()
                info.external_attr = mode << 16
                info.create_system = _UNIX
                archive.writestr(info, content)
        return buffer.getvalue()

    def notes(self) -> Iterator[str]:
        """What differs from the archive of the Firebase CLI, or from what `functions.ignore` seems to say."""
        if self._credentials:
            yield (
                f"not deployed, because they may contain credentials: {', '.join(self._credentials)}. "
                'Add them to "functions.ignore" to hide this note.'
            )
        if self._local:
            yield (
                f"not deployed: {shown_names(self._local)}. Google installs dependencies from the lock file. "
                'Add them to "functions.ignore" to hide this note.'
            )
        if self._special:
            yield f"not deployed, because they are not files: {shown_names(self._special)}."
        for pattern in self._ignored.without_effect:
            shown = pattern.strip().strip("/").removeprefix("./")
            yield (
                f'"{pattern}" in "functions.ignore" matches no file: as in the Firebase CLI, a pattern with '
                f'/ must match the whole path. Write "**/{shown}".'
            )

    def _entry(self, path: Path, name: str, above: tuple[str, ...]) -> Iterator[str]:
        is_link = path.is_symlink()
        try:
            mode = path.stat().st_mode  # of the target, if it is a link
            # From the folder's real path: through many links, each is resolved only once.
            real = os.path.join(above[-1], path.name)  # noqa: PTH118  (realpath takes and gives a string)
            real = os.path.realpath(real, strict=True) if is_link else real
        except OSError as error:
            if is_link:
                self._bad_link(name, "the link leads to nothing that can be read.")
            else:
                self._unreadable(name, error)
            return
        if is_link and not Path(real).is_relative_to(self.real_root):
            self._bad_link(name, "the link leaves the codebase's folder.")
        elif is_link and credentials.has_name(Path(real).relative_to(self.real_root).as_posix()):
            self._credentials.append(name)
        elif stat.S_ISREG(mode):
            if credentials.has_content(path):
                self._credentials.append(name)
            else:
                yield name
        elif stat.S_ISDIR(mode) and real in above:
            self._bad_link(name, "the link leads to a folder that contains it.")
        elif stat.S_ISDIR(mode):
            yield from self.files(path, (*above, real))
        else:
            self._special.append(f"{name} ({kind(mode)})")

    def _name(self, path: Path) -> str:
        """The relative path as Node reads it: a byte that is not UTF-8 becomes U+FFFD."""
        relative = path.relative_to(self._root).as_posix()
        return os.fsencode(relative).decode(encoding="utf-8", errors="replace")

    def _add(self, name: str, what: str, fix: str) -> None:
        self.problems.append(Problem(key=f"{self._where}/{name}", what=what, fix=fix))

    def _bad_link(self, name: str, what: str) -> None:
        self._add(name, what, f"Replace the link by a copy, or {_exclude(name)}")

    def _unreadable(self, name: str, error: OSError) -> None:
        self._add(name, f"cannot be read: {error.strerror}.", f"Make it readable, or {_exclude(name)}")


def _exclude(name: str) -> str:
    # In a pattern these mean something else; U+FFFD stands for a byte that is not UTF-8.
    pattern = re.sub(r"[][{}()!*?+@|#\\\ufffd]", "?", name)
    return f'add "{pattern if "/" not in name else f"**/{pattern}"}" to "functions.ignore" in firebase.json.'


def _is_portable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "\\" not in name


def _is_env_file(name: str) -> bool:
    return name == ".env" or name.startswith(".env.")
