"""What the unit tests of the settings and the app share: a stack's config, and an installed functions
SDK.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pulumi
import pytest
from filelock import FileLock
from pulumi.runtime.config import set_all_config

from tests.bad_settings import EXAMPLE_APP, ROOT


@pytest.fixture
def stack() -> Iterator[Callable[[Mapping[str, str], list[str]], pulumi.Config]]:
    """Sets the whole config of a stack: values and the keys that are secret. Clears it afterwards."""

    def put(values: Mapping[str, str], secret: list[str]) -> pulumi.Config:
        set_all_config(dict(values), secret)
        return pulumi.Config("whatsapp-crm")

    yield put
    set_all_config({}, [])


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The dependencies of the example's functions, installed once for each lock file and kept."""
    functions = EXAMPLE_APP / "functions"
    names = ("package.json", "package-lock.json")
    digest = hashlib.sha256(b"".join((functions / name).read_bytes() for name in names)).hexdigest()[:16]
    kept = ROOT / ".cache" / "test-functions"
    kept.mkdir(parents=True, exist_ok=True)
    target = kept / digest
    with FileLock(kept / f"{digest}.lock"):
        if not (target / "done").is_file():
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            for name in names:
                shutil.copy(functions / name, target)
            subprocess.run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=target,
                check=True,
                capture_output=True,
                timeout=600,
            )
            (target / "done").touch()
    return target / "node_modules"
