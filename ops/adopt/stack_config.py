"""The stack's own file: which settings it chooses, and writing others into it with `pulumi config set`.

Values go to the CLI by its stdin: a command line can be read by other users of the machine. Secret ones are
encrypted by the CLI.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ops import stack, stack_file
from ops.adopt.proposals import Proposal
from settings.files import is_file, read_text
from settings.keys import NAMESPACE
from settings.parsing import mapping, sequence
from settings.problems import render
from settings.reader import is_placeholder


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


def write(name: str, proposals: Iterable[Proposal]) -> None:
    """Set each proposal in the stack's file.

    Raises:
        StackError: the CLI could not write one; those before it are written.
    """
    for one in proposals:
        if not one.value and not one.secret:
            _remove(name, one)
            continue
        path = ("--path",) if one.part else ()
        # The CLI takes one of the three. An item is a string, as in `settings.reader.set_command`.
        plain = ("--type", "string") if one.part else ("--plaintext",)
        kind = ("--secret",) if one.secret else plain
        key = f"{NAMESPACE}:{one.key}{one.part}"
        # The CLI removes one line feed at the end.
        done = stack.pulumi("config", "set", "--stack", name, *path, *kind, key, stdin=f"{one.value}\n")
        if done.returncode != 0:
            raise stack.StackError(
                f"pulumi could not set {key}: {done.stderr.strip()}", f"{one.command} --stack {name}"
            )


def _remove(name: str, one: Proposal) -> None:
    done = stack.pulumi("config", "rm", "--stack", name, f"{NAMESPACE}:{one.key}")
    if done.returncode != 0:
        what = f"pulumi could not remove {NAMESPACE}:{one.key}: {done.stderr.strip()}"
        raise stack.StackError(what, f"{one.command} --stack {name}")


def _item(part: str) -> str:
    """The name in `.NAME` or `["NAME"]`."""
    if part.startswith("."):
        return part[1:]
    names: list[Any] = json.loads(part)
    return str(names[0])
