"""The source archive of a functions codebase: the same content gives the same bytes and name on any machine.

Entries are sorted, not compressed (compressors differ between machines), and have one fixed date and mode.
Not packed: dependencies (Google installs them from the lock file), environment and secret files, debug logs,
tests, documentation. `functions.ignore` of firebase.json (gitignore patterns) excludes more; with `!` it
includes a test or document again, but never an environment or secret file.

Refuses links that leave the codebase's folder.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pathspec

from settings.problems import Problem

# Never packed, whatever firebase.json says.
_NEVER = (
    "node_modules/", ".git/", ".env", ".env.*", ".secret.local", ".runtimeconfig.json",
    "firebase-debug.log", "firebase-debug.*.log", ".DS_Store",
)  # fmt: skip
# Not packed unless functions.ignore includes it with a `!` pattern.
_BY_DEFAULT = (
    "*.log", "*.md", "/docs/", "/test/", "/tests/", "__tests__/", "/coverage/", ".nyc_output/", ".github/",
    ".vscode/", ".idea/", ".gitignore", ".gcloudignore", ".eslintrc.*", ".eslintcache",
    "*.test.js", "*.test.cjs", "*.test.mjs", "*.test.ts",
    "*.spec.js", "*.spec.cjs", "*.spec.mjs", "*.spec.ts",
)  # fmt: skip
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest date of the zip format
_MODE = 0o100644 << 16
_UNIX = 3
MAX_BYTES = 100_000_000  # source of one function (Cloud Functions quotas: 100 MB compressed)


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A zip on this machine. `object_name` contains the content's hash; `files` are the packed paths."""

    path: Path
    sha256: str
    object_name: str
    files: tuple[str, ...]


def build(
    folder: Path, ignore: Sequence[str], codebase: str, where: str, out_dir: Path
) -> tuple[Archive | None, list[Problem]]:
    """Pack `folder` into `out_dir`, unless the archive exists. `where` names the folder in messages."""
    names, problems = packed_files(folder, ignore, where)
    if problems:
        return None, problems
    buffer = io.BytesIO()
    size = 0
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            content = (folder / name).read_bytes()
            size += len(content)
            info = zipfile.ZipInfo(name, _DATE)
            info.external_attr = _MODE
            info.create_system = _UNIX
            archive.writestr(info, content)
    if size > MAX_BYTES:
        what = f"the source has {size // 1_000_000} MB; the limit is {MAX_BYTES // 1_000_000} MB."
        fix = 'Exclude what the functions do not need: "functions.ignore" in firebase.json.'
        return None, [Problem(key=where, what=what, fix=fix)]
    data = buffer.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    path = out_dir / f"{codebase}-{digest}.zip"
    if not path.is_file() or path.stat().st_size != len(data):
        write_atomically(path, data)
    object_name = f"functions/{codebase}-{digest}.zip"
    return Archive(path=path, sha256=digest, object_name=object_name, files=names), []


def packed_files(folder: Path, ignore: Sequence[str], where: str) -> tuple[tuple[str, ...], list[Problem]]:
    """The files of `folder` that are deployed: relative paths with `/`, sorted by their bytes."""
    never = pathspec.GitIgnoreSpec.from_lines(_NEVER)
    excluded = pathspec.GitIgnoreSpec.from_lines((*_BY_DEFAULT, *ignore))
    problems: list[Problem] = []
    names = [
        name
        for name in _walk(folder, folder, never, where, problems)
        if not never.match_file(name) and not excluded.match_file(name)
    ]
    if not names and not problems:
        fix = 'Put the functions there, or correct "source" and "ignore" in firebase.json.'
        problems.append(Problem(key=where, what="the folder has no file that is deployed.", fix=fix))
    return tuple(sorted(names, key=os.fsencode)), problems


def write_atomically(path: Path, data: bytes) -> None:
    """Write the file so that another process reads all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(data)
    partial.replace(path)


def _walk(
    folder: Path, root: Path, never: pathspec.GitIgnoreSpec, where: str, problems: list[Problem]
) -> Iterator[str]:
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path = Path(entry.path)
        name = path.relative_to(root).as_posix()
        if entry.is_symlink():
            if never.match_file(name) or never.match_file(f"{name}/"):
                continue
            target = path.resolve()
            if target.is_file() and target.is_relative_to(root.resolve()):
                yield name
                continue
            what = "the link does not point at a file inside the codebase's folder."
            fix = f'Replace the link by a copy, or add "{name}" to "functions.ignore".'
            problems.append(Problem(key=f"{where}/{name}", what=what, fix=fix))
        elif entry.is_dir():
            if not never.match_file(f"{name}/"):
                yield from _walk(path, root, never, where, problems)
        elif entry.is_file():
            yield name
