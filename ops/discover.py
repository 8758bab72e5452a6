"""`discover` loads the functions where there are no credentials; `unpack` puts what was built in place.

`discover` runs code of the checkout, and needs no token, no state and no key. A job with credentials then
runs the program with `CRM_DISCOVERED`, and runs no code of the checkout (`checkout.discovered`).
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import TextIO

from checkout import app, discovered, firebase_json
from checkout.archive import MAX_BYTES
from ops import stack_file
from ops.stack import PROJECT, StackError
from settings.model import Settings
from settings.problems import render

COMMAND = ".venv/bin/python -m ops"
_MAX_BYTES = 2 * MAX_BYTES  # of an archive with its headers


def discover(stack: str, out: Path, output: TextIO, project: Path = PROJECT) -> None:
    """Load the functions of the stack's app, and write the results and the archives to the folder `out`.

    Raises:
        StackError: the settings or the app have problems.
    """
    settings = _settings(stack, project)
    loaded, problems, warnings = app.load_code(settings)
    output.writelines(f"warning: {warning}\n" for warning in warnings)
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
    output.writelines(f"{one.source.relative}: archive {one.archive.sha256}\n" for one in loaded)
    output.write(f"{len(results)} codebase(s) written to {out / discovered.FILE}\n")


def unpack(stack: str, folder: Path, output: TextIO, project: Path = PROJECT) -> None:
    """Write the files of each archive in `folder` to its codebase. No file is written outside of it.

    Raises:
        StackError: the folder has no usable results, or an archive is not the one of its result.
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
                count = _unpack(folder / result.archive, result.sha256, source.folder.resolve())
                output.write(f"{source.relative}: {count} files of archive {result.sha256}\n")


def _settings(stack: str, project: Path) -> Settings:
    settings, problems = stack_file.load(stack, project)
    if settings is None:
        raise StackError(render(problems), f"correct {stack_file.name_of(stack)} in {project}")
    return settings


def _unpack(archive: Path, expected: str, target: Path) -> int:
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
            if sum(one.file_size for one in entries) > _MAX_BYTES:
                raise StackError(f"{archive} is too large", fix)
            for entry, path in _places(entries, target, archive):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.unlink(missing_ok=True)
                path.write_bytes(packed.read(entry))
                path.chmod(0o755 if entry.external_attr >> 16 & stat.S_IXUSR else 0o644)
    except (zipfile.BadZipFile, OSError) as error:
        raise StackError(f"{archive} cannot be unpacked: {error}", fix) from None
    return len(entries)


def _places(
    entries: list[zipfile.ZipInfo], target: Path, archive: Path
) -> Iterator[tuple[zipfile.ZipInfo, Path]]:
    """Each entry with the path to which it is written.

    The archive may come from a machine on which anything ran: a path that leaves the folder, also by a link
    in it, is refused.
    """
    for entry in entries:
        name = PurePosixPath(entry.filename)
        path = target / name
        inside = not name.is_absolute() and ".." not in name.parts and ".git" not in name.parts
        if not inside or entry.is_dir() or Path(os.path.realpath(path.parent)) != path.parent:
            fix = (
                f"delete this archive, which `ops discover` did not write, and run `{COMMAND} discover` again"
            )
            raise StackError(f"{archive} contains {entry.filename!r}, which would be written elsewhere", fix)
        yield entry, path
