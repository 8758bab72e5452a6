"""`discover` loads the functions where there are no credentials; `unpack` adds what was built.

`discover` runs code of the checkout, and needs no token, no state and no key. A job with credentials then
runs the program with `CRM_DISCOVERED`, and runs no code of the checkout (`checkout.discovered`).
"""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import NoReturn, TextIO

from checkout import app, credentials, discovered, firebase_json
from checkout.archive import MAX_BYTES, MAX_ENTRIES
from ops import stack_file
from ops.new_file import write_new
from ops.stack import PROJECT, StackError
from settings.files import MAX_FOLDERS_DEEP, FileError, read_bytes, shown_name
from settings.model import Settings
from settings.problems import render
from user_errors import printable

COMMAND = ".venv/bin/python -m ops"
_MAX_BYTES = 2 * MAX_BYTES  # of an archive with its headers
_ENCRYPTED = 1  # the flag of an entry (APPNOTE.TXT, 4.4.4)
# Read by this program from the checkout alone; a new one would change the settings. In lower case.
_CONFIGURATION = {".git", ".firebaserc", "firebase.json", "railway.toml", "railway.json"}
_SHOWN, _SHOWN_NAME = 10, 200
_Content = tuple[zipfile.ZipInfo, Path, bytes]


def discover(stack: str, out: Path, output: TextIO, project: Path = PROJECT) -> None:
    """Load the functions of the stack's app, and write the results and the archives to the folder `out`.

    Raises:
        StackError: the settings or the app have problems.
    """
    settings = _settings(stack, project)
    loaded, problems, warnings = app.load_code(settings)
    output.writelines(printable(f"warning: {warning}\n") for warning in warnings)
    output.writelines(printable(f"{note}\n") for one in loaded for note in one.notes)
    if problems:
        raise StackError(
            render(problems), f"correct these, then run: {COMMAND} discover --stack {stack} --out {out}"
        )
    results = [
        (
            discovered.Result(
                codebase=one.source.name,
                project=settings.google.project,
                sha256=one.archive.sha256,
                discovered=one.discovered,
            ),
            one.archive.path,
        )
        for one in loaded
    ]
    discovered.write(out, results)
    output.writelines(
        f"codebase {shown_name(one.source.relative)}: archive {one.archive.sha256}\n" for one in loaded
    )
    output.write(f"{len(results)} codebase(s) written to {shown_name(str(out / discovered.FILE))}\n")


def unpack(stack: str, folder: Path, output: TextIO, project: Path = PROJECT) -> None:
    """Add the files of each archive in `folder` that the checkout does not have, such as built output.

    No file is written outside of the codebase's folder, and none of the checkout is replaced.

    Raises:
        StackError: the folder has no usable results, an archive is not the one of its result, or it has a
            file of the checkout with other content.
    """
    settings = _settings(stack, project)
    again = f"{COMMAND} unpack {folder} --stack {stack}"
    results, problems = discovered.load(folder, str(folder))
    if results is None:
        raise StackError(
            render(problems), f"write the folder where there are no credentials, then run: {again}"
        )
    found, problems = firebase_json.load(settings.app_dir, settings.google.firestore_database)
    if found is None:
        raise StackError(render(problems), f"correct these, then run: {again}")
    for source in found.codebases:
        for result in results.results:
            if result.codebase == source.name:
                target = source.folder.resolve()
                if project.resolve().is_relative_to(target):
                    what = f"the functions' folder {source.relative} contains this program"
                    raise StackError(what, "move the functions to a folder of their own")
                count = _unpack(folder / result.archive, result.sha256, target, source.relative)
                output.write(f"codebase {shown_name(source.relative)}: {count} files of {result.sha256}\n")


def _settings(stack: str, project: Path) -> Settings:
    settings, problems = stack_file.load(stack, project)
    if settings is None:
        raise StackError(render(problems), f"correct {stack_file.name_of(stack)} in {project}")
    return settings


def _unpack(archive: Path, expected: str, target: Path, where: str) -> int:
    """Add the files of one archive to the codebase's folder, all of them or none."""
    fix = f"run `{COMMAND} discover` again"
    try:
        with archive.open("rb") as file:
            data = file.read(_MAX_BYTES)
    except OSError as error:
        raise StackError(f"{archive} cannot be read: {error.strerror}", fix) from None
    if sha256(data).hexdigest() != expected:
        raise StackError(f"{archive} has not the SHA-256 that its name says", fix)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            entries = packed.infolist()
            if sum(one.file_size for one in entries) > _MAX_BYTES or len(entries) > MAX_ENTRIES:
                raise StackError(f"{archive} is too large", fix)
            places = list(_places(entries, target, archive))
            contents = [(entry, path, packed.read(entry)) for entry, path in places]
        new = _new_files(contents, where, archive)
        for entry, path, content in new:
            path.parent.mkdir(parents=True, exist_ok=True)
            mode = 0o755 if entry.external_attr >> 16 & stat.S_IXUSR else 0o644
            write_new(path, [content], mode)
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, struct.error) as error:
        raise StackError(f"{archive} cannot be unpacked: {shown_name(str(error))}", fix) from None
    return len(entries)


def _places(
    entries: list[zipfile.ZipInfo], target: Path, archive: Path
) -> Iterator[tuple[zipfile.ZipInfo, Path]]:
    """Each entry with the path to which it is written.

    The archive may come from a machine on which anything ran: a path that leaves the folder, also by a link
    in it, is refused, and so is what `checkout.archive` never packs.
    """
    seen: set[str] = set()
    for entry in entries:
        name = PurePosixPath(entry.filename)
        path = target / name
        inside = not name.is_absolute() and ".." not in name.parts and len(name.parts) <= MAX_FOLDERS_DEEP
        if not inside or entry.is_dir() or Path(os.path.realpath(path.parent)) != path.parent:
            _refuse(archive, entry, "which would be written elsewhere")
        if credentials.has_name(name.as_posix()) or _CONFIGURATION & {part.lower() for part in name.parts}:
            _refuse(archive, entry, "which no archive may contain")
        if entry.filename in seen:
            _refuse(archive, entry, "twice")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & _ENCRYPTED:
            _refuse(archive, entry, "which is compressed or encrypted")
        seen.add(entry.filename)
        yield entry, path


def _refuse(archive: Path, entry: zipfile.ZipInfo, why: str) -> NoReturn:
    fix = f"delete this archive, which `ops discover` did not write, and run `{COMMAND} discover` again"
    raise StackError(f"{archive} contains {shown_name(entry.filename[:_SHOWN_NAME])!r}, {why}", fix)


def _new_files(contents: list[_Content], where: str, archive: Path) -> list[_Content]:
    """The files that the checkout does not have. Those that it has must have the same content.

    The files of the checkout were reviewed. Code of the app ran where the archive was made, and could have
    changed them: with the source folder ".", the security rules too.
    """
    new: list[_Content] = []
    changed: list[str] = []
    for entry, path, content in contents:
        if not os.path.lexists(path):
            new.append((entry, path, content))
        elif not _has(path, content):
            changed.append(f"{where}/{shown_name(entry.filename)}")
    if changed:
        shown = ", ".join(changed[:_SHOWN]) + (" ..." if len(changed) > _SHOWN else "")
        raise StackError(
            f"{archive} has other content than the checkout for {shown}. "
            "Only files that the checkout does not have are added",
            "if they are built: remove them from the repository (git rm -r --cached <folder>) and add the "
            "folder to .gitignore, or commit the new build; in a working copy, delete what an earlier build "
            "left. "
            f"Otherwise run `{COMMAND} discover` on this checkout again",
        )
    return new


def _has(path: Path, content: bytes) -> bool:
    try:
        return read_bytes(path, limit=MAX_BYTES) == content
    except FileError:
        return False
