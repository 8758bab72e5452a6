"""A sandbox with copies of what exists in real clouds: for `python -m ops adopt --rehearse`.

One process starts it, reads the copies from its standard input, and keeps the sandbox running until that is
closed, which also happens when the reading process is killed. Nothing here reads a real cloud.
"""

from __future__ import annotations

import json
import secrets
import sys
from typing import TYPE_CHECKING, Any, cast

from sandbox.google import copied as google
from sandbox.google.cloud import Cloud
from sandbox.railway import copied as railway
from sandbox.supervisor import UNSET_VARIABLES, Sandbox, SandboxError

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]


def write(root: Path, copies: Json) -> None:
    """Write the state of a sandbox that has not been started.

    Args:
        root: the sandbox's folder; it exists.
        copies: `google` and `railway`, as `ops.adopt.google_copy` and `ops.adopt.railway_copy` make them.

    Raises:
        SandboxError: the sandbox has a state already.
        KeyError: a copy is incomplete.
    """
    files = root / "google.json", root / "railway.json"
    if any(file.exists() for file in files):
        raise SandboxError(f"{root} has a state already.\nfix: choose a new folder")
    cloud = Cloud(files[0], None)
    google.put(cloud, copies["google"])
    cloud.commit()
    railway.store_of(copies["railway"]).save(files[1])


def serve(root: Path) -> None:
    """Serve a sandbox with the copies in the first line of stdin, until stdin is closed.

    When it is ready, one line on stdout has the environment: `variables` to set, and `unset`, the names of
    variables that would lead to real accounts. The passphrase of the stacks is random.

    Raises:
        SandboxError: it did not start.
        sandbox.engine.toolchain.ToolchainError: there is no engine and none can be built.
    """
    copies = cast("Json", json.loads(sys.stdin.readline()))
    sandbox = Sandbox(root)
    sandbox.make_folder()
    write(root, copies)
    sandbox.start(attached=True)
    try:
        project = cast("str", copies["google"]["project"]["projectId"])
        variables = {
            **sandbox.variables(),
            "GOOGLE_PROJECT": project,
            "PULUMI_CONFIG_PASSPHRASE": secrets.token_urlsafe(24),
        }
        sys.stdout.write(json.dumps({"variables": variables, "unset": list(UNSET_VARIABLES)}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()
    finally:
        sandbox.stop()
