"""A file of security rules, as firebase.json names it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from settings.files import read_text
from settings.problems import Problem

MAX_RULES_BYTES = 262_144  # security rules as text (Firestore docs, "Limits of security rules")


@dataclass(frozen=True, kw_only=True)
class RulesFile:
    """Security rules: the path in firebase.json (part of the ruleset's identity) and the text."""

    name: str
    content: str


def read(path: Path, name: str) -> tuple[RulesFile | None, list[Problem]]:
    """The rules in a file, None if it cannot be read; and what is wrong with them before they are compiled.

    Args:
        path: the file.
        name: its path in firebase.json.
    """
    content, problems = read_text(path, name)
    if content is None:
        return None, problems
    if not content.strip():
        fix = f"Write the rules, or remove {name} from firebase.json."
        problems.append(Problem(key=name, what="is empty: clients could read and write nothing.", fix=fix))
    if (size := len(content.encode())) > MAX_RULES_BYTES:
        what = f"has {size} bytes; security rules can have {MAX_RULES_BYTES}."
        fix = "Shorten the rules: replace repeated conditions with a function of the rules."
        problems.append(Problem(key=name, what=what, fix=fix))
    return RulesFile(name=name, content=content), problems
