"""The state of a stack, read with the Pulumi CLI. Secrets in it stay encrypted."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from components.verification_spec import Spec, SpecError, from_lines
from firebase.errors import JsonObject

PROJECT = Path(__file__).resolve().parent.parent
SANDBOX = 'for the sandbox: eval "$(.venv/bin/python -m sandbox env)"'
COMMAND = "command:local:Command"


class StackError(Exception):
    """The state could not be read, or does not contain what was looked for."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what}\n  fix: {fix}")


def verification(stack: str) -> Spec:
    """What the last successful `pulumi up` of the stack verified.

    Raises:
        StackError: there is no such stack, or no `up` of it has succeeded.
    """
    for resource in _resources(stack):
        inputs = cast("JsonObject", resource.get("inputs") or {})
        if resource.get("type") == COMMAND and "VERIFY_BACKEND_URL" in (inputs.get("environment") or {}):
            try:
                return from_lines(inputs["stdin"], inputs["environment"])
            except SpecError:
                what = f"the stack {stack} was deployed by another version of this program"
                raise StackError(what, f"pulumi up --stack {stack}") from None
    raise StackError(f"no `pulumi up` of the stack {stack} has succeeded yet", f"pulumi up --stack {stack}")


def _resources(stack: str) -> Iterator[JsonObject]:
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        raise StackError("pulumi is not on PATH", f"install the Pulumi CLI, or {SANDBOX}")
    done = subprocess.run(
        [pulumi, "stack", "export", "--stack", stack, "--non-interactive"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if "no stack named" in done.stderr:
        raise StackError(f"there is no stack {stack}", f"choose one of `pulumi stack ls`, or {SANDBOX}")
    if done.returncode != 0:
        raise StackError(
            f"pulumi could not read the stack {stack}: {done.stderr.strip()}",
            f"pulumi login, then pulumi stack export --stack {stack}; {SANDBOX}",
        )
    state = cast("JsonObject", json.loads(done.stdout))["deployment"]
    yield from (
        one for one in cast("list[JsonObject]", state.get("resources") or []) if not one.get("delete")
    )
