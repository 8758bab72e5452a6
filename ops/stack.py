"""The state of a stack, and its drift, read with the Pulumi CLI. Secrets in the state stay encrypted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO, cast

from components.verification_spec import Spec, SpecError, from_lines
from firebase.errors import JsonObject
from ops.refresh_noise import without_noise
from user_errors import OR, add_fix, printable

PROJECT = Path(__file__).resolve().parent.parent
SANDBOX = f'{OR}eval "$(.venv/bin/python -m sandbox env)"'
SANDBOX_STACKS = ("sandbox", "local")
COMMAND = "command:local:Command"
ROOT = "pulumi:pulumi:Stack"


class StackError(Exception):
    """The state could not be read, or does not contain what was looked for."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(printable(add_fix(what, fix)))


def verification(stack: str, state: Sequence[JsonObject]) -> Spec:
    """What the last successful `pulumi up` of the stack verified.

    Args:
        stack: its name.
        state: its `resources`.

    Raises:
        StackError: no `up` of the stack has succeeded.
    """
    for resource in state:
        if resource.get("delete"):
            continue
        inputs = cast("JsonObject", resource.get("inputs") or {})
        if resource.get("type") == COMMAND and "VERIFY_BACKEND_URL" in (inputs.get("environment") or {}):
            try:
                return from_lines(inputs["stdin"], inputs["environment"])
            except SpecError:
                what = f"the stack {stack} was deployed by another version of this program"
                raise StackError(what, f"pulumi up --stack {stack}") from None
    raise StackError(f"no `pulumi up` of the stack {stack} has succeeded yet", f"pulumi up --stack {stack}")


def drift(stack: str, out: TextIO) -> int:
    """Write what differs from the program, except `ops.refresh_noise`; returns Pulumi's exit code.

    Raises:
        StackError: there is no Pulumi CLI.
    """
    options = ("--refresh", "--run-program", "--expect-no-changes", "--diff", "--suppress-outputs")
    command = [_pulumi(), "preview", "--stack", stack, *options, "--suppress-progress", "--non-interactive"]
    with subprocess.Popen(
        command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        for line in without_noise(running.stdout or ()):
            out.write(printable(line))
            out.flush()
    return running.returncode


def pending_creations(stack: str) -> list[str]:
    """The URNs of creations that an `up` of the stack began and did not record the end of.

    Raises:
        StackError: there is no such stack, or no Pulumi CLI.
    """
    pending = cast("list[JsonObject]", _deployment(stack).get("pending_operations") or [])
    return [
        str(cast("JsonObject", one["resource"])["urn"]) for one in pending if one.get("type") == "creating"
    ]


def root_urn(stack: str) -> str:
    """The URN of the stack itself.

    Raises:
        StackError: there is no such stack, no `up` of it has begun, or there is no Pulumi CLI.
    """
    for resource in resources(stack):
        if resource.get("type") == ROOT:
            return str(resource["urn"])
    raise StackError(f"no `pulumi up` of the stack {stack} has begun yet", f"pulumi up --stack {stack}")


def pulumi(*arguments: str, stdin: str = "", **extra: str) -> subprocess.CompletedProcess[str]:
    """Run the Pulumi CLI without questions; the output is returned.

    Args:
        arguments: those of `pulumi`.
        stdin: what the CLI reads from its stdin.
        extra: additional environment variables.

    Raises:
        StackError: there is no Pulumi CLI.
    """
    return subprocess.run(
        [_pulumi(), *arguments, "--non-interactive", "--color", "never"],
        cwd=PROJECT,
        env={**os.environ, **extra},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def config(stack: str) -> dict[str, str]:
    """The stack's config with its secrets in plain text: key with namespace -> value.

    Raises:
        StackError: there is no such stack, its secrets cannot be decrypted, or there is no Pulumi CLI.
    """
    return {key: str(entry.get("value", "")) for key, entry in config_entries(stack).items()}


def config_entries(stack: str) -> dict[str, JsonObject]:
    """The stack's config as `pulumi config --json --show-secrets` prints it: key with namespace -> entry.

    An entry has `value`, `secret`, and for a list or an object `objectValue`.

    Raises:
        StackError: there is no such stack, its secrets cannot be decrypted, or there is no Pulumi CLI.
    """
    done = pulumi("config", "--stack", stack, "--json", "--show-secrets")
    if done.returncode != 0:
        raise StackError(
            f"pulumi could not read the config of the stack {stack}: {done.stderr.strip()}",
            f"pulumi config -s {stack}  # correct what it reports, until it succeeds",
        )
    return cast("dict[str, JsonObject]", json.loads(done.stdout))


def _pulumi() -> str:
    found = shutil.which("pulumi")
    if found is None:
        raise StackError("pulumi is not on PATH", f"install the Pulumi CLI\n{SANDBOX}  # for the sandbox")
    return found


def resources(stack: str) -> list[JsonObject]:
    """The resources of the stack's state, also those that are about to be deleted (`delete` is true).

    Raises:
        StackError: there is no such stack, or no Pulumi CLI.
    """
    return cast("list[JsonObject]", _deployment(stack).get("resources") or [])


def export(stack: str) -> JsonObject:
    """What `pulumi stack export` writes; secrets are encrypted.

    Raises:
        StackError: there is no such stack, or no Pulumi CLI.
    """
    done = pulumi("stack", "export", "--stack", stack)
    sandbox = f"\n{SANDBOX}" if stack in SANDBOX_STACKS else ""
    if "no stack named" in done.stderr:
        raise StackError(f"there is no stack {stack}", f"use a stack that pulumi stack ls lists{sandbox}")
    if done.returncode != 0:
        raise StackError(
            f"pulumi could not read the stack {stack}: {done.stderr.strip()}",
            f"pulumi login <backend URL of the stack>{sandbox}",
        )
    return cast("JsonObject", json.loads(done.stdout))


def _deployment(stack: str) -> JsonObject:
    return cast("JsonObject", export(stack)["deployment"])
