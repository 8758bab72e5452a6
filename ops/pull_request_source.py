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
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TextIO, cast

from ops import stack_file
from ops.stack import PROJECT, StackError
from settings.keys import NAMESPACE
from settings.parsing import mapping, sequence
from settings.problems import render

PROGRAM = (
    "Pulumi.yaml", "__main__.py", "checkout", "components", "firebase", "ops", "railway", "requirements.txt",
    "settings", "user_errors.py", "progress.py",
)  # fmt: skip
_APP_DIR = f"{NAMESPACE}:appDir"
_LARGEST_FILE = 1_000_000  # bytes of the stack's file
_SHOWN = 10


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
    except (OSError, tarfile.TarError) as error:
        raise StackError(f"{source} cannot be read: {error}", "run the workflow again") from None
    (project / name).write_text(text, encoding="utf-8")
    if changed:
        shown = ", ".join(changed[:_SHOWN]) + (" ..." if len(changed) > _SHOWN else "")
        output.write(
            f"This pull request changes the program ({shown}). The preview is by the program of its base; "
            "the plan of the workflow Deployment is by the new one.\n"
        )
    if skipped:
        output.write(f"Not taken from the pull request, because they leave the app: {', '.join(skipped)}\n")


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
        what = f"the pull request changes {', '.join(wrong)} in {name}, which a preview does not take from it"
        raise StackError(
            what, "merge that change alone; the plan of the workflow Deployment shows its effect"
        )
    app_dir = PurePosixPath(os.path.normpath(str(config.get(_APP_DIR))))
    top = app_dir.parts[0] if app_dir.parts else ""
    if app_dir.is_absolute() or top in ("", "..", *PROGRAM) or top.startswith((".", "Pulumi.")):
        what = f"{_APP_DIR} in {name} is {app_dir}, but the app must be in a folder of this repository"
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
            if file is None or own.read() != file.read():
                yield name


def _extract(
    archive: tarfile.TarFile, members: dict[str, tarfile.TarInfo], app_dir: PurePosixPath, project: Path
) -> list[str]:
    """Replace the app's folder; returns the links in it that leave it, which are left out."""
    skipped: list[str] = []
    with tempfile.TemporaryDirectory(dir=project, prefix=".pull-request-") as temporary:
        new = Path(temporary, "app")
        new.mkdir()
        for name, member in members.items():
            path = PurePosixPath(name)
            if not path.is_relative_to(app_dir) or ".git" in path.parts or path == app_dir:
                continue
            inside = member.replace(name=path.relative_to(app_dir).as_posix())
            try:
                if member.islnk():
                    raise tarfile.LinkOutsideDestinationError(member, name)
                archive.extract(inside, new, filter="data")
            except tarfile.FilterError:
                skipped.append(name)
        target = project / app_dir
        if target.is_symlink():
            target.unlink()
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        new.rename(target)
    return skipped
