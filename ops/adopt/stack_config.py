"""The stack's own file: which settings it chooses, and writing others into it with `pulumi config set`.

Values go to the CLI by its stdin: a command line can be read by other users of the machine. Secret ones are
encrypted by the CLI. It writes a copy, which then replaces the file: half of a list would look like a choice,
which the next run keeps.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ops import stack, stack_file
from ops.adopt.proposals import Proposal
from settings.files import is_file, read_text
from settings.keys import NAMESPACE
from settings.parsing import mapping, sequence
from settings.problems import render
from settings.reader import is_placeholder
from user_errors import shell_word


class StackFile:
    """The config in a stack's file. Values that are placeholders count as not set.

    Args:
        name: the stack.

    Raises:
        StackError: the file cannot be read.
    """

    def __init__(self, name: str) -> None:
        self._config: Mapping[str, object] = {}
        file = stack_file.name_of(name)
        if not is_file(stack.PROJECT / file):
            return
        text, problems = read_text(stack.PROJECT / file, file)
        document, more = (None, []) if text is None else stack_file.parse(text, file)
        if document is None:
            raise stack.StackError(render([*problems, *more]), f"correct {file}")
        self._config = mapping(document.get("config")) or {}

    @property
    def config(self) -> Mapping[str, object]:
        """Every key, with its namespace, as the file has it: secrets are encrypted."""
        return self._config

    def placeholders(self) -> list[str]:
        """The keys of this program whose values are placeholders."""
        prefix = f"{NAMESPACE}:"
        found = (
            key for key, value in self._config.items() if isinstance(value, str) and is_placeholder(value)
        )
        return [key.removeprefix(prefix) for key in found if key.startswith(prefix)]

    def value(self, key: str) -> object:
        """The value of a key; None if it is not set."""
        found = self._config.get(f"{NAMESPACE}:{key}")
        return None if isinstance(found, str) and is_placeholder(found) else found

    def strings(self, key: str) -> tuple[str, ...]:
        """The items of a list; empty if it is not set."""
        return tuple(str(item) for item in sequence(self.value(key)) or ())

    def chooses(self, proposal: Proposal) -> bool:
        """Whether the file sets what the proposal sets, to whatever value."""
        value = self.value(proposal.key)
        fields = mapping(value)
        if fields is None or not proposal.part:
            return value is not None
        return _item(proposal.part) in fields


def write(name: str, proposals: Sequence[Proposal]) -> None:
    """Set every proposal in the stack's file, or none.

    Raises:
        StackError: the CLI could not write one, or the file was edited meanwhile; the file is as it was.
        OSError: the copy could not be written.
    """
    if not proposals:
        return
    shown = stack_file.name_of(name)
    file = (stack.PROJECT / shown).resolve()
    # The CLI chooses the format by the suffix. A killed run leaves the copy, and the next one replaces it.
    copy = file.with_name(f".{file.stem}.new{file.suffix}")
    before = file.read_bytes() if file.exists() else None
    copy.unlink(missing_ok=True)
    try:
        if before is not None:
            shutil.copy(file, copy)
        for one in proposals:
            _set(name, copy, one)
        if (file.read_bytes() if file.exists() else None) != before:
            what = f"{shown} was edited while settings were written, so none was"
            raise stack.StackError(what, "run the command again")
        copy.replace(file)
    finally:
        copy.unlink(missing_ok=True)


def _set(name: str, file: Path, one: Proposal) -> None:
    """Set one proposal in a file, or remove its key."""
    key = f"{NAMESPACE}:{one.key}{one.part}"
    common = ("--stack", name, "--config-file", str(file))
    if not one.value and not one.secret:
        verb, done = "remove", stack.pulumi("config", "rm", *common, key)
    else:
        path = ("--path",) if one.part else ()
        # The CLI takes one of the three. An item is a string, as in `settings.reader.set_command`.
        plain = ("--type", "string") if one.part else ("--plaintext",)
        kind = ("--secret",) if one.secret else plain
        # The CLI removes one line feed at the end.
        done = stack.pulumi("config", "set", *common, *path, *kind, key, stdin=f"{one.value}\n")
        verb = "set"
    if done.returncode != 0:
        what = f"pulumi could not {verb} {key}: {done.stderr.strip()}"
        raise stack.StackError(what, f"{one.command} --stack {shell_word(name)}")


def _item(part: str) -> str:
    """The name in `.NAME` or `["NAME"]`."""
    if part.startswith("."):
        return part[1:]
    names: list[Any] = json.loads(part)
    return str(names[0])
