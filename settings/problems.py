"""Problems of the settings and the app, each with its place (a config key or a file) and its fix.

Loaders return problems instead of raising at the first one, so that one run reports all of them. A problem
never contains a secret value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from user_errors import printable


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that must be fixed before anything is sent to Railway or Google.

    Args:
        key: the config key (`whatsapp-crm:branch`), the environment variable, or the file (`firebase.json`).
        what: what is wrong, a full sentence.
        fix: the exact command or edit.
    """

    key: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.key}: {self.what}\n    fix: {self.fix}"


def render(problems: Iterable[Problem]) -> str:
    """All problems as one numbered text, in the order given."""
    listed = tuple(problems)
    count = "1 problem" if len(listed) == 1 else f"{len(listed)} problems"
    lines = [f"{count} in the settings or the app. Nothing was changed on Railway or Google."]
    lines += [f"{number}. {problem}" for number, problem in enumerate(listed, start=1)]
    return printable("\n".join(lines))
