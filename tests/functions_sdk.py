"""The packages of functions, installed once for all tests that load or compile functions."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from filelock import FileLock

from tests.bad_settings import EXAMPLE_APP, ROOT

MAJORS = ROOT / "tests/sdks"  # of firebase-functions


def installed(folder: Path = EXAMPLE_APP / "functions") -> Path:
    """The dependencies of a folder (the example's functions), installed once per lock file and kept."""
    names = ("package.json", "package-lock.json")
    digest = hashlib.sha256(b"".join((folder / name).read_bytes() for name in names)).hexdigest()[:16]
    kept = ROOT / ".cache" / "test-functions"
    kept.mkdir(parents=True, exist_ok=True)
    target = kept / digest
    with FileLock(kept / f"{digest}.lock"):
        if not (target / "done").is_file():
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            for name in names:
                shutil.copy(folder / name, target)
            subprocess.run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=target,
                check=True,
                capture_output=True,
                timeout=600,
            )
            (target / "done").touch()
    return target / "node_modules"


def of_major(major: str) -> dict[str, Path]:
    """The packages `firebase-functions`, of one major, and `firebase-admin`, by name.

    The majors before the example's are installed side by side, under other names, with one firebase-admin.
    """
    if major == "7":
        packages, sdk = installed(), "firebase-functions"
    else:
        packages, sdk = installed(MAJORS), f"firebase-functions-{major}"
    return {"firebase-functions": packages / sdk, "firebase-admin": packages / "firebase-admin"}


TYPESCRIPT = "5.9.3"


def with_typescript(folder: Path) -> Path:
    """Make `folder` a node_modules with the same dependencies and TypeScript, by links."""
    kept = ROOT / ".cache" / "test-functions"
    target = kept / f"typescript-{TYPESCRIPT}"
    packages = installed()
    with FileLock(kept / f"{target.name}.lock"):
        if not (target / "done").is_file():
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            subprocess.run(
                ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", f"typescript@{TYPESCRIPT}"],
                cwd=target,
                check=True,
                capture_output=True,
                timeout=600,
            )
            (target / "done").touch()
    (folder / ".bin").mkdir(parents=True)
    for package in packages.iterdir():
        if not package.name.startswith("."):
            (folder / package.name).symlink_to(package)
    (folder / "typescript").symlink_to(target / "node_modules" / "typescript")
    (folder / ".bin" / "tsc").symlink_to("../typescript/bin/tsc")
    return folder
