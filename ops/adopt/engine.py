"""Pulumi commands that write the state of a stack, for `ops adopt`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from firebase.errors import JsonObject
from ops import stack
from user_errors import OR, printable

LOCKED = "currently locked by"


def call(command: str, name: str, *options: str) -> None:
    """Run `pulumi COMMAND --stack NAME OPTIONS`.

    Raises:
        StackError: it failed, or there is no Pulumi CLI.
    """
    done = stack.pulumi(*command.split(), "--stack", name, *options)
    if done.returncode == 0:
        return
    output = done.stdout + done.stderr
    if LOCKED in output:
        raise stack.StackError(
            f"`pulumi {command}` failed: another Pulumi run locks the stack {name}, or one that was killed "
            "did",
            f"if no other run is under way:\npulumi cancel {name} --yes\nThen run the command again.",
        )
    raise stack.StackError(
        f"`pulumi {command}` failed:\n{output.strip()}",
        f"run the command again: it continues\n{OR}.venv/bin/python -m ops adopt --stack {name} --undo",
    )


def call_with_file(command: str, name: str, file: Path, document: JsonObject, *options: str) -> None:
    """Run a command that reads a JSON file. The file has secrets: its mode is 0600, and it is deleted.

    Raises:
        StackError: the command failed, or there is no Pulumi CLI.
        OSError: the file could not be written.
    """
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as output:
            json.dump(document, output)
        call(command, name, "--file", str(file), *options)
    finally:
        file.unlink(missing_ok=True)


def say(line: str) -> None:
    """Print a line, without control characters of what the clouds returned."""
    sys.stdout.write(printable(line) + "\n")
    sys.stdout.flush()
