"""The source of a service: a copy of a folder of this machine, for each deployment.

Railway takes the root directory of a commit. If the folder is in a git repository that has the commit, so
does the sandbox. Most of its commits are its own, though: then it copies the files as they are now, without
those that git ignores.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

LEFT_OUT = ("node_modules", ".git", ".sandbox")
_SECONDS = 120


class SnapshotError(Exception):
    """There is nothing to take. The text says why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where the repositories are on this machine.

    Args:
        default: the folder of every repository that `by_repo` does not name.
        by_repo: folder by "owner/name".
    """

    default: Path
    by_repo: Mapping[str, Path] = field(default_factory=dict[str, Path])

    def folder(self, repo: str, root_directory: str | None) -> Path:
        """Return the folder of a service.

        Raises:
            SnapshotError: it does not exist, or is outside the repository's folder.
        """
        repository = self.by_repo.get(repo, self.default).resolve()
        found = (repository / (root_directory or "").strip("/")).resolve()
        if not found.is_relative_to(repository) or not found.is_dir():
            raise SnapshotError(
                f"the root directory {root_directory or '/'} does not exist in {repository}, "
                f"which the sandbox takes for {repo}"
            )
        return found


def check_out(folder: Path, commit: str | None, target: Path) -> str:
    """Copy a service's folder to `target`, which must not exist; return what was copied, for the log.

    Raises:
        SnapshotError: git failed, or the commit has no such folder.
    """
    target.mkdir(parents=True, mode=0o700)
    top = _git(folder, "rev-parse", "--show-toplevel")
    if top is None:
        shutil.copytree(
            folder, target, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*LEFT_OUT)
        )
        return f"the files in {folder}"
    if commit is not None and _git(folder, "cat-file", "-e", f"{commit}^{{commit}}") is not None:
        inside = folder.relative_to(Path(top.strip()).resolve()).as_posix()
        tree = commit if inside == "." else f"{commit}:{inside}"
        _extract(folder, tree, target)
        return f"commit {commit} of {folder}"
    listed = _git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard") or ""
    for name in filter(None, listed.split("\0")):
        source, copy = folder / name, target / name
        if PurePosixPath(name).parts[0] in LEFT_OUT or not (source.is_file() or source.is_symlink()):
            continue  # deleted, or a submodule
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, copy, follow_symlinks=False)
    return f"the files in {folder} as they are: the commit is the sandbox's own"


def _extract(folder: Path, tree: str, target: Path) -> None:
    archive = subprocess.run(
        ["git", "archive", "--format=tar", tree],
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=_SECONDS,
    )
    if archive.returncode != 0:
        raise SnapshotError(f"git archive {tree}: {archive.stderr.decode(errors='replace').strip()}")
    subprocess.run(
        ["tar", "--extract", "--directory", str(target)], input=archive.stdout, check=True, timeout=_SECONDS
    )


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what a git command prints; None if it fails, or without git."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
