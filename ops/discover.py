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
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePath, PurePosixPath
from typing import NoReturn, TextIO

from checkout import app, credentials, discovered, firebase_json, rules_tests
from checkout.archive import MAX_BYTES, MAX_ENTRIES
from ops import stack_file
from ops.new_file import write_new
from ops.stack import PROJECT, StackError
from settings import railway_file
from settings.files import MAX_FOLDERS_DEEP, FileError, is_dir, read_bytes, read_text, shown_name, shown_names
from settings.model import Settings
from settings.problems import render
from user_errors import OR, printable, shell_word

COMMAND = ".venv/bin/python -m ops"
_MAX_BYTES = 2 * MAX_BYTES  # of an archive with its headers
_ENCRYPTED = 1  # the flag of an entry (APPNOTE.TXT, 4.4.4)


@dataclass(frozen=True)
class _File:
    """A file of an archive: its name there, and the path to which it is written."""

    name: str
    path: Path
    mode: int
    content: bytes


def discover(stack: str, out: Path, output: TextIO, project: Path = PROJECT, *, isolate: bool = True) -> None:
    """Load the functions of the stack's app, and write the results and the archives to the folder `out`.

    Without `isolate`, their code can read what this process can read.

    Raises:
        StackError: the settings or the app have problems.
    """
    settings = _settings(stack, project)
    loaded, problems, warnings = app.load_code(settings, isolate=isolate)
    tests = None if problems else _rules_tests(settings, isolate=isolate)
    if tests is not None:
        rules_tests.remove_record(out)
        tested = rules_tests.run(tests, app.CACHE_DIR, after_preview=False)
        problems, warnings = list(tested.problems), [*warnings, *tested.warnings]
        output.writelines(printable(f"{note}\n") for note in tested.notes)
    output.writelines(printable(f"warning: {warning}\n") for warning in warnings)
    output.writelines(printable(f"{note}\n") for one in loaded for note in one.notes)
    if problems:
        raise StackError(
            render(problems), f"correct these, then run:\n{COMMAND} discover --stack {stack} --out {out}"
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
    if tests is not None:
        rules_tests.write_record(out, tests)
    output.writelines(
        f"codebase {shown_name(one.source.relative)}: archive {one.archive.sha256}\n" for one in loaded
    )
    output.write(f"{len(results)} codebase(s) written to {shown_name(str(out / discovered.FILE))}\n")


def _rules_tests(settings: Settings, *, isolate: bool) -> rules_tests.OwnTests | None:
    """The tests of the rules, None if there are none.

    Raises:
        StackError: there are tests and no rules.
    """
    if not settings.google.firestore_rules_tests:
        return None
    found, problems = firebase_json.load(settings.app_dir, settings.google.firestore_database)
    text = None
    if found is not None and found.rules is None:
        problems.append(rules_tests.without_rules())
    elif found is not None and found.rules is not None:
        text, more = read_text(found.rules, found.rules_name)
        problems += more
    if found is None or text is None:
        raise StackError(render(problems), f"correct {firebase_json.FILE} or the settings")
    return rules_tests.OwnTests(
        google=settings.google,
        app_dir=settings.app_dir,
        rules=found.rules_name,
        text=text,
        isolate=isolate,
    )


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
            render(problems), f"write the folder where there are no credentials, then run:\n{again}"
        )
    found, problems = firebase_json.load(settings.app_dir, settings.google.firestore_database)
    if found is None:
        raise StackError(render(problems), f"correct these, then run:\n{again}")
    for source in found.codebases:
        for result in results.results:
            if result.codebase == source.name:
                target = source.folder.resolve()
                if project.resolve().is_relative_to(target):
                    what = f"the functions' folder {source.relative} contains this program"
                    raise StackError(what, "move the functions to a folder of their own")
                archive = folder / result.archive
                count = _unpack(archive, result.sha256, target, source.relative, _configuration(settings))
                output.write(f"codebase {shown_name(source.relative)}: {count} files of {result.sha256}\n")


def _settings(stack: str, project: Path) -> Settings:
    settings, problems = stack_file.load(stack, project)
    if settings is None:
        raise StackError(render(problems), f"correct {stack_file.name_of(stack)} in {project}")
    return settings


def _configuration(settings: Settings) -> frozenset[str]:
    """The files that this program reads for its settings, in lower case: some file systems ignore case."""
    app_dir, railway = settings.app_dir.resolve(), settings.railway
    names = (firebase_json.FILE, ".firebaserc")
    paths = [app_dir / name for name in names] + railway_file.candidates(
        app_dir, given=railway.railway_config_file, root_directory=railway.root_directory
    )
    return frozenset(os.path.realpath(path).lower() for path in paths)


def _unpack(archive: Path, expected: str, target: Path, where: str, configuration: frozenset[str]) -> int:
    """Add the files of one archive to the codebase's folder, all of them or none."""
    fix = _again(archive)
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
            files = [_File(entry.filename, path, _mode(entry), packed.read(entry)) for entry, path in places]
        _write(_new_files(files, target, where, archive, configuration))
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, struct.error) as error:
        raise StackError(f"{archive} cannot be unpacked: {shown_name(str(error))}", fix) from None
    return len(entries)


def _mode(entry: zipfile.ZipInfo) -> int:
    return 0o755 if entry.external_attr >> 16 & stat.S_IXUSR else 0o644


def _places(
    entries: list[zipfile.ZipInfo], target: Path, archive: Path
) -> Iterator[tuple[zipfile.ZipInfo, Path]]:
    """Each entry with the path to which it is written, with links resolved.

    The archive may come from a machine on which anything ran: a path that leaves the folder, also by a link
    in it, is refused, and so is what `checkout.archive` never packs. A link to a folder or file of the
    codebase is followed, because the archive has its content under both names.
    """
    seen: set[str] = set()
    for entry in entries:
        name = PurePosixPath(entry.filename)
        inside = not name.is_absolute() and ".." not in name.parts and len(name.parts) <= MAX_FOLDERS_DEEP
        if not inside or entry.is_dir():
            _refuse(archive, entry.filename, "which would be written elsewhere")
        path = Path(os.path.realpath((target / name).parent), name.name)
        if not path.is_relative_to(target):
            _refuse(archive, entry.filename, "which would be written elsewhere")
        end = Path(os.path.realpath(path))
        path = end if end.is_relative_to(target) else path
        if any(_is_never_packed(one) for one in (name, path.relative_to(target))):
            _refuse(archive, entry.filename, "which no archive may contain")
        if entry.filename in seen:
            _refuse(archive, entry.filename, "twice")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & _ENCRYPTED:
            _refuse(archive, entry.filename, "which is compressed or encrypted")
        seen.add(entry.filename)
        yield entry, path


def _is_never_packed(name: PurePath) -> bool:
    return credentials.has_name(name.as_posix()) or ".git" in {part.lower() for part in name.parts}


def _refuse(archive: Path, name: str, why: str) -> NoReturn:
    fix = f"delete this archive, which `ops discover` did not write, then run:\n{_again(archive)}"
    raise StackError(f"{archive} contains {shown_names([name])!r}, {why}", fix)


def _new_files(
    files: list[_File], target: Path, where: str, archive: Path, configuration: frozenset[str]
) -> list[_File]:
    """The files that the checkout does not have. Those that it has must have the same content.

    The files of the checkout were reviewed. Code of the app ran where the archive was made, and could have
    changed them: with the source folder ".", the security rules too.
    """
    new: dict[Path, _File] = {}
    changed: list[str] = []
    for file in files:
        if os.path.lexists(file.path):
            same = _has(file.path, file.content)
        else:
            same = new.setdefault(file.path, file).content == file.content and _can_be_created(file, target)
        if not same:
            changed.append(f"{where}/{file.name}")
    if changed:
        raise StackError(
            f"{archive} has other content than the checkout for {shown_names(changed)}. "
            "Only files that the checkout does not have are added",
            "if they are built, add their folder to .gitignore and remove it from the repository:\n"
            "git rm -r --cached <folder>\n"
            f"{OR}commit the new build, or, in a working copy, delete what an earlier build left\n"
            f"{OR}{_again(archive)}  # on this checkout",
        )
    for file in new.values():
        if not new.keys().isdisjoint(file.path.parents):
            _refuse(archive, file.name, "and a file that would be its folder")
        if os.fspath(file.path).lower() in configuration:
            raise StackError(
                f"{archive} contains {shown_names([file.name])!r}, which the checkout does not have. "
                "This program reads its settings from it",
                'commit the file, or add it to "functions.ignore" in firebase.json; then run:\n'
                f"{_again(archive)}",
            )
    return list(new.values())


def _can_be_created(file: _File, target: Path) -> bool:
    """Whether no folder of the path is a file of the checkout."""
    folders = (one for one in file.path.parents if one.is_relative_to(target))
    return all(is_dir(one) or not os.path.lexists(one) for one in folders)


def _write(files: list[_File]) -> None:
    written: list[Path] = []
    try:
        for file in files:
            file.path.parent.mkdir(parents=True, exist_ok=True)
            write_new(file.path, [file.content], file.mode)
            written.append(file.path)
    except OSError:
        for path in written:
            path.unlink()
        raise


def _again(archive: Path) -> str:
    """The command that writes the folder of an archive."""
    return f"{COMMAND} discover --stack <stack> --out {shell_word(archive.parent)}"


def _has(path: Path, content: bytes) -> bool:
    try:
        return read_bytes(path, limit=MAX_BYTES) == content
    except FileError:
        return False
