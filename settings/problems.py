"""What is wrong with the settings or the app, said so that a person can mend it.

A `Problem` always names a place (a config key or a file) and the mend (a command or an edit). Loaders
return problems, they do not raise at the first one: whoever sets up a stack should learn everything in
one run. This module refuses to guess: it formats, it never decides what is wrong. It never holds a secret
value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that must be mended before anything is sent to Railway or Google.

    `key`: the config key (`whatsapp-crm:branch`), the environment variable, or the file (`firebase.json`).
    `what`: what is wrong, a full sentence. `mend`: the exact command or edit.
    """

    key: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.key}: {self.what}\n    fix: {self.fix}"


class ProblemsError(Exception):
    """Everything that is wrong, at once. `str()` is the whole text for a person."""

    problems: tuple[Problem, ...]

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(render(self.problems))


def render(problems: Iterable[Problem]) -> str:
    """All problems as one numbered text, in the order given."""
    listed = tuple(problems)
    count = "1 problem" if len(listed) == 1 else f"{len(listed)} problems"
    lines = [f"{count} in the settings or the app. Nothing was sent to Railway or Google."]
    lines += [f"{number}. {problem}" for number, problem in enumerate(listed, start=1)]
    return "\n".join(lines)
