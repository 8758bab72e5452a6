"""Match a pattern that a codebase declares for a param, in a process of its own.

The time that a pattern such as `(a+)+$` takes doubles with each character of the value. Python cannot end a
match, but it can end a process.
"""

from __future__ import annotations

import json
import subprocess
import sys

SECONDS = 5
_MATCHED, _NOT_MATCHED = 10, 11
_CODE = f"""
import json, re, sys
pattern, text = json.load(sys.stdin)
sys.exit({_MATCHED} if re.search(pattern, text) else {_NOT_MATCHED})
"""


def matches(pattern: str, text: str) -> bool | None:
    """Whether the pattern matches a part of the text. None if Python cannot tell: it is not a pattern of
    Python's, or takes longer than SECONDS.
    """
    if pattern.isalnum():
        return pattern in text
    try:
        ran = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _CODE],
            input=json.dumps([pattern, text]).encode(),
            capture_output=True,
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return None
    return {_MATCHED: True, _NOT_MATCHED: False}.get(ran.returncode)
