"""Put a pull request's app and settings in place of those of its base, for a preview by the base's program.

The job that previews a pull request can read production. So it runs no code of the pull request: the program
and its packages are the base's. The pull request gives data, as an archive that a job without rights made:
the app's folder, and the settings of the stack. Of the stack's file only plain values of this program's keys
may differ: other keys choose the key that decrypts the state, or an address to which a token is sent, and an
encrypted value of the base under another key could be shown.
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TextIO, cast

from ops import stack_file
from ops.new_file import write_new
from ops.stack import PROJECT, StackError
from settings.files import MAX_FOLDERS_DEEP, shown_name, shown_names
from settings.keys import NAMESPACE
from settings.parsing import mapping, sequence
from settings.problems import render

PROGRAM = (
    "Pulumi.yaml", "__main__.py", "checkout", "components", "firebase", "ops", "railway", "requirements.txt",
    "settings", "user_errors.py", "progress.py",
)  # fmt: skip
_APP_DIR = f"{NAMESPACE}:appDir"
_LARGEST_FILE = 1_000_000  # bytes of the stack's file
_MAX_BYTES, _MAX_FILES = 1_000_000_000, 100_000  # of the app's files
_MAX_NAME, _MAX_PATH = 255, 3_000  # bytes: Linux's limits, less what is before the app's folder
_CHUNK = 1 << 20


def take(stack: str, source: Path, output: TextIO, project: Path = PROJECT) -> None:
    """Replace the app and the stack's settings in `project` by those in `source`, a tar of the repository.

    Raises:
        StackError: the pull request changes what a preview by the base's program must not take from it.
    """
    name = stack_file.name_of(stack)
    try:
        with tarfile.open(source, "r:") as archive:
            members = {_relative(member.name): member for member in archive.getmembers()}
            text = _text(archive, members.get(name), name)
            ours = (project / name).read_text(encoding="utf-8") if (project / name).is_file() else ""
            app_dir = _app_dir(_document(text, name), _document(ours or "config: {}", name), name)
            changed = sorted(_changed(archive, members, project))
            skipped = _extract(archive, members, app_dir, project)
    except (OSError, tarfile.TarError, ValueError, OverflowError) as error:
        what = f"{source} cannot be read: {shown_name(str(error))}"
        raise StackError(what, "run the workflow again") from None
    (project / name).write_text(text, encoding="utf-8")
    if changed:
        output.write(
            f"This pull request changes the program ({shown_names(changed)}). "
            "The preview is by the program of its base; "
            "the plan of the workflow Deployment is by the new one.\n"
        )
    if skipped:
        output.write(
            "Not taken from the pull request, because they leave the app or are no files: "
            f"{shown_names(skipped)}\n"
        )


def _relative(name: str) -> str:
    return PurePosixPath(name).as_posix()


def _document(text: str, name: str) -> dict[str, object]:
    document, problems = stack_file.parse(text, name)
    if document is None:
        raise StackError(render(problems), f"correct {name}")
    return document


def _text(archive: tarfile.TarFile, member: tarfile.TarInfo | None, name: str) -> str:
    file = archive.extractfile(member) if member is not None and member.isreg() else None
    if member is None or file is None or member.size > _LARGEST_FILE:
        raise StackError(f"the pull request has no usable {name}", f"add {name} to the repository")
    try:
        return file.read().decode()
    except UnicodeDecodeError as error:
        raise StackError(f"{name} of the pull request is not UTF-8: {error}", f"correct {name}") from None


def _app_dir(theirs: dict[str, object], ours: dict[str, object], name: str) -> PurePosixPath:
    """The app's folder, after a comparison of all that a pull request may not change."""
    config, base = mapping(theirs.get("config")) or {}, mapping(ours.get("config")) or {}
    prefix = f"{NAMESPACE}:"
    keys = {key for key in {*config, *base} if not key.startswith(prefix) or key == _APP_DIR}
    wrong = [key for key in sorted(keys) if config.get(key) != base.get(key)]
    wrong += [key for key in sorted({*theirs, *ours} - {"config"}) if theirs.get(key) != ours.get(key)]
    known = _encrypted(base)
    wrong += [place for place, value in _encrypted(config).items() if known.get(place) != value]
    if wrong:
        what = (
            f"the pull request changes {shown_names(wrong)} in {name}, which a preview does not take from it"
        )
        raise StackError(
            what, "merge that change alone; the plan of the workflow Deployment shows its effect"
        )
    app_dir = PurePosixPath(os.path.normpath(str(config.get(_APP_DIR))))
    top = app_dir.parts[0] if app_dir.parts else ""
    if app_dir.is_absolute() or top in ("", "..", *PROGRAM) or top.startswith((".", "Pulumi.")):
        shown = shown_name(str(app_dir))
        what = f"{_APP_DIR} in {name} is {shown}, but the app must be in a folder of this repository"
        raise StackError(what, f"pulumi config set {_APP_DIR} ./app")
    return app_dir


def _encrypted(value: object, place: str = "") -> dict[str, object]:
    """Each encrypted value by its place.

    A preview decrypts them. Copied to another key, the value of a secret could be shown in the comment.
    """
    found: dict[str, object] = {}
    if isinstance(value, Mapping):
        for key, part in cast("Mapping[object, object]", value).items():
            if key == "secure":
                found[place] = part
            inner = f"{place}.{key}" if place else str(key)
            found |= _encrypted(part, inner)
    for number, item in enumerate(sequence(value) or ()):
        found |= _encrypted(item, f"{place}[{number}]")
    return found


def _changed(archive: tarfile.TarFile, members: dict[str, tarfile.TarInfo], project: Path) -> Iterator[str]:
    """The files of the program that are not the same in the pull request."""
    ours = {
        path.relative_to(project).as_posix()
        for top in PROGRAM
        for path in (project / top, *(project / top).rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    }
    theirs = {
        name
        for name, member in members.items()
        if name.split("/")[0] in PROGRAM and member.isreg() and not name.endswith(".pyc")
    }
    yield from ours ^ theirs
    for name in ours & theirs:
        file = archive.extractfile(members[name])
        with (project / name).open("rb") as own:
            content = own.read()
        if file is None or file.read(len(content) + 1) != content:
            yield name


def _extract(
    archive: tarfile.TarFile, members: dict[str, tarfile.TarInfo], app_dir: PurePosixPath, project: Path
) -> list[str]:
    """Replace the app's folder; returns what is left out, such as devices and links that leave.

    Nothing relies on the filters of `tarfile`, which could be bypassed in Python before 3.11.13
    (CVE-2025-4517 and others): each path is checked here, and files are written before there is any link.
    """
    taken: dict[PurePosixPath, tarfile.TarInfo] = {}
    skipped: list[str] = []
    for name, member in members.items():
        path = PurePosixPath(name)
        if not path.is_relative_to(app_dir) or path == app_dir:
            continue
        inside = path.relative_to(app_dir)
        if ".git" in {part.lower() for part in inside.parts}:
            continue
        kept = (member.isreg() and not member.issparse()) or member.isdir() or member.issym()
        if not kept or not _is_path(inside):
            skipped.append(name)
        else:
            taken[inside] = member
    if sum(member.size for member in taken.values()) > _MAX_BYTES or len(taken) > _MAX_FILES:
        what = f"the app of the pull request has more than {_MAX_BYTES // 1_000_000} MB or too many files"
        raise StackError(what, "remove from the repository what the app does not need")
    with tempfile.TemporaryDirectory(dir=project, prefix=".pull-request-") as temporary:
        new = Path(temporary, "app")
        new.mkdir()
        for path, member in taken.items():
            if member.isdir():
                (new / path).mkdir(parents=True, exist_ok=True)
            elif member.isreg():
                _write(archive, member, new / path)
        skipped += [taken[path].name for path in _link(taken, new)]
        target = project / app_dir
        if target.is_symlink():
            target.unlink()
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        new.rename(target)
    return skipped


def _is_path(path: PurePosixPath) -> bool:
    sizes = [len(os.fsencode(part)) for part in path.parts]
    too_long = max(sizes) > _MAX_NAME or sum(sizes) + len(sizes) > _MAX_PATH
    return (
        ".." not in path.parts and len(sizes) <= MAX_FOLDERS_DEEP and not too_long and "\0" not in str(path)
    )


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    file = archive.extractfile(member)
    assert file is not None  # the member is a regular file
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o755 if member.mode & stat.S_IXUSR else 0o644
    with file:
        write_new(path, iter(lambda: file.read(_CHUNK), b""), mode)


def _link(taken: Mapping[PurePosixPath, tarfile.TarInfo], new: Path) -> list[PurePosixPath]:
    """Create the links that lead to something in the folder `new`; returns the others.

    Where a link leads depends on the other links. So all are created, and those that leave are removed.
    """
    refused: list[PurePosixPath] = []
    links = {path: member.linkname for path, member in taken.items() if member.issym()}
    created: list[PurePosixPath] = []
    for path, linkname in links.items():
        place = new / path
        # Through a link that exists by now, the place could be outside.
        if os.path.lexists(place) or Path(os.path.realpath(place.parent)) != place.parent:
            refused.append(path)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(linkname)
        created.append(path)
    leaving = [path for path in created if links[path].startswith("/") or _leaves(new / path, new)]
    for path in leaving:
        (new / path).unlink()
    return refused + leaving


def _leaves(link: Path, folder: Path) -> bool:
    try:
        return not Path(os.path.realpath(link, strict=True)).is_relative_to(folder)
    except OSError:  # it leads to nothing, to itself, or through a path that is too long to be resolved
        return True
