"""Compile security rules with a Firestore emulator that is already running.

The way out while Google's own compiler cannot be asked yet: before the first `up`, the Firebase Rules API of
a new project is off. Refuses to start an emulator, and to touch the rules that it has in force: the text is
loaded for a project that nobody uses.
"""

from __future__ import annotations

import re
from typing import Any, cast

import requests

from checkout.app import RulesFile
from settings.problems import Problem

HOST_VARIABLE = "FIRESTORE_EMULATOR_HOST"
SCRATCH_PROJECT = "rules-compile"
SECONDS = 30
_ERROR_LINE = re.compile(r"L(\d+):(\d+) (.*)")  # how the emulator writes one error


def compile_problems(host: str, rules: RulesFile) -> list[Problem] | None:
    """What the emulator's compiler says against the rules; None when the emulator does not answer as one.

    Args:
        host: `host:port`, as `FIRESTORE_EMULATOR_HOST` has it.
        rules: the file.
    """
    try:
        answer = requests.put(
            f"http://{host}/emulator/v1/projects/{SCRATCH_PROJECT}:securityRules",
            json={"rules": {"files": [{"name": rules.name, "content": rules.content}]}},
            headers={"Authorization": "Bearer owner"},
            timeout=SECONDS,
        )
    except requests.RequestException:
        return None
    if answer.status_code == 200:
        return []
    if answer.status_code != 400:
        return None
    body = cast("dict[str, Any]", answer.json())
    lines = (_ERROR_LINE.fullmatch(line) for line in str(body["error"]["message"]).splitlines())
    return [
        Problem(
            key=rules.name,
            what=f"The rules do not compile (line {found[1]}, column {found[2]}): {found[3]}",
            mend=f"Correct {rules.name}, line {found[1]}, then run `pulumi preview` again.",
        )
        for found in lines
        if found
    ] or None
