"""The source of a deployed function as a folder: its archive, unpacked once, with the packages it asks for.

The packages are those of the checkout if its lock file is the same and it asks for no devDependencies,
which Google does not install; else `npm ci --omit=dev`, or without a lock file `npm install`, once for each
lock file.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import threading
import zipfile
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LOCK = "package-lock.json"
INSTALLED = "node_modules/.package-lock.json"
INSTALL_SECONDS = 600
MAX_UNPACKED = 500_000_000  # bytes of one function, its packages included (Cloud Functions quotas)
_EXECUTABLE = 0o100


class SourceError(Exception):
    """The archive cannot be unpacked, or its packages cannot be installed; with the reason."""


class Sources:
    """The unpacked archives.

    Args:
        folder: where they are kept, by digest.
        installed: folders of functions of the checkout, whose `node_modules` may be used.
    """

    def __init__(self, folder: Path, installed: Sequence[Path]) -> None:
        self._folder = folder
        self._installed = installed
        self._lock = threading.Lock()

    def path(self, digest: str) -> Path:
        """Return the folder of an archive that has been unpacked."""
        return self._folder / "sources" / digest

    def unpack(self, data: bytes) -> str:
        """Unpack an archive, unless it is unpacked already; return its digest.

        Raises:
            SourceError: no zip, a path that leaves the folder, or npm failed.
        """
        digest = hashlib.sha256(data).hexdigest()[:24]
        with self._lock:  # two functions of one archive are deployed at once
            target = self.path(digest)
            if not target.exists():
                draft = target.with_name(f".{digest}.{os.getpid()}")
                shutil.rmtree(draft, ignore_errors=True)
                draft.mkdir(parents=True)
                _extract(data, draft)
                self._add_packages(draft)
                draft.rename(target)
        return digest

    def _add_packages(self, source: Path) -> None:
        manifest = source / "package.json"
        if not manifest.exists():
            return
        try:
            declared = cast("dict[str, Any]", json.loads(manifest.read_bytes()))
        except ValueError as error:
            raise SourceError(f"package.json is not valid JSON: {error}") from error
        if not declared.get("dependencies"):
            return
        lock = source / LOCK
        kept = self._packages_of_checkout(lock) if not declared.get("devDependencies") else None
        (source / "node_modules").symlink_to(kept or self._install(manifest, lock))

    def _packages_of_checkout(self, lock: Path) -> Path | None:
        if not lock.exists():
            return None
        wanted = lock.read_bytes()
        for folder in self._installed:
            known = folder / LOCK
            if known.exists() and known.read_bytes() == wanted and (folder / INSTALLED).exists():
                return (folder / "node_modules").resolve()
        return None

    def _install(self, manifest: Path, lock: Path) -> Path:
        """Return the packages of a lock file, installed in a folder of their own."""
        named = [file for file in (manifest, lock, manifest.with_name(".npmrc")) if file.exists()]
        digest = hashlib.sha256(b"\0".join(file.read_bytes() for file in named)).hexdigest()[:24]
        target = self._folder / "packages" / digest
        if not (target / INSTALLED).exists():
            target.mkdir(parents=True, exist_ok=True)
            for file in named:
                shutil.copy(file, target)
            command = ["npm", "ci" if lock.exists() else "install", "--omit=dev", "--no-audit", "--no-fund"]
            done = subprocess.run(
                [*command, "--prefer-offline", "--loglevel=error"],
                cwd=target,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=INSTALL_SECONDS,
                check=False,
            )
            if done.returncode != 0:
                raise SourceError(f"{' '.join(command)} failed:\n{done.stdout.rstrip()[-2000:]}")
        return (target / "node_modules").resolve()


def _extract(data: bytes, target: Path) -> None:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as error:
        raise SourceError(f"the source archive is not a zip file: {error}") from error
    with archive:
        if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED:
            raise SourceError(f"the source is larger than {MAX_UNPACKED} bytes")
        root = target.resolve()
        for entry in archive.infolist():
            path = (root / entry.filename).resolve()
            if not path.is_relative_to(root):
                raise SourceError(f"{entry.filename!r} leaves the folder of the source")
            archive.extract(entry, root)
            if entry.external_attr >> 16 & _EXECUTABLE:
                path.chmod(0o700)
