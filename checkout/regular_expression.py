"""Match a pattern that a codebase declares for a param, in a process of its own.

The time that a pattern such as `(a+)+$` takes doubles with each character of the value. Python cannot end a
match, but it can end a process.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass, field

SECONDS = 5
_MATCHED, _NOT_MATCHED = 10, 11
_CODE = f"""
import json, re, sys
pattern, text = json.load(sys.stdin)
sys.exit({_MATCHED} if re.search(pattern, text) else {_NOT_MATCHED})
"""


@dataclass
class Budget:
    """The time for all patterns of a codebase, in seconds."""

    left: float = field(default_factory=lambda: float(SECONDS))


def matches(pattern: str, text: str, budget: Budget | None = None) -> bool | None:
    """Whether the pattern matches a part of the text. None if Python cannot tell: it is not a pattern of
    Python's, or takes longer than what is left of the budget, SECONDS if none is given.
    """
    if pattern.isalnum():
        return pattern in text
    budget = Budget() if budget is None else budget
    if budget.left <= 0:
        return None
    started = time.monotonic()
    try:
        ran = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _CODE],
            input=json.dumps([pattern, text]).encode(),
            capture_output=True,
            check=False,
            timeout=budget.left,
        )
    except subprocess.TimeoutExpired:
        return None
    finally:
        budget.left -= time.monotonic() - started
    return {_MATCHED: True, _NOT_MATCHED: False}.get(ran.returncode)
