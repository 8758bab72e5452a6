"""Problems of the settings and the app, each with its place (a config key or a file) and its fix.

Loaders return problems instead of raising at the first one, so that one run reports all of them. A problem
never contains a secret value. What is shown is bounded: a value or a file of 50 MB would otherwise be written
to the terminal, the log of CI and a comment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from user_errors import add_fix, printable

MAX_KEY, MAX_WHAT, MAX_FIX = 200, 2_000, 2_000  # characters of a problem that are shown
MAX_TEXT = 4_000  # characters of a warning or a note
MAX_SHOWN = 100  # problems, warnings and notes of one run that are shown


def bounded(text: str, limit: int) -> str:
    """The text as it may be shown: cut after `limit` characters, halves of characters replaced.

    A file's name can hold such halves (U+D800 to U+DFFF), which no message can be encoded with.
    """
    cut = text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} more characters)"
    return cut.encode(errors="replace").decode()


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that must be fixed before anything is sent to Railway or Google.

    Args:
        key: the config key (`whatsapp-crm:branch`), the environment variable, or the file (`firebase.json`).
        what: what is wrong, a full sentence.
        fix: the exact command or edit; see `add_fix` for several lines.
    """

    key: str
    what: str
    fix: str

    def __str__(self) -> str:
        key, what, fix = bounded(self.key, MAX_KEY), bounded(self.what, MAX_WHAT), bounded(self.fix, MAX_FIX)
        return add_fix(f"{key}: {what}", fix, "    ")


def first(texts: Sequence[str], noun: str) -> list[str]:
    """The first MAX_SHOWN warnings or notes, bounded, and how many are left out. `noun`: "warnings"."""
    shown = [bounded(text, MAX_TEXT) for text in texts[:MAX_SHOWN]]
    more = len(texts) - MAX_SHOWN
    return [*shown, f"… and {more} more {noun}, which are not shown."] if more > 0 else shown


def render(problems: Iterable[Problem]) -> str:
    """All problems as one numbered text, in the order given; the first MAX_SHOWN of them."""
    listed = tuple(problems)
    count = "1 problem" if len(listed) == 1 else f"{len(listed)} problems"
    lines = [f"{count} in the settings or the app. Nothing was changed on Railway or Google."]
    lines += [f"{number}. {problem}" for number, problem in enumerate(listed[:MAX_SHOWN], start=1)]
    if len(listed) > MAX_SHOWN:
        lines.append(f"… and {len(listed) - MAX_SHOWN} more. Fix these, then run `pulumi preview` again.")
    return printable("\n".join(lines))
