"""Which Node runtime a functions codebase gets.

The stack's `functionsRuntime` first, then `runtime` in firebase.json, then `engines.node` in
package.json, as the official CLI does (the override is ours).
A runtime that Google has decommissioned, or never offered, is a problem: the deploy would fail after
everything else has been changed. One that is newer than those known to this version is a warning.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from settings.keys import NAMESPACE
from settings.parsing import mapping, not_known
from settings.problems import Problem

SUPPORTED = ("nodejs22", "nodejs24")
# Dates of decommission (Cloud Functions docs, runtime support).
DECOMMISSIONED = {
    "nodejs10": "2025-01-30", "nodejs12": "2025-01-30", "nodejs14": "2025-01-30", "nodejs16": "2025-01-30",
    "nodejs18": "2025-10-30", "nodejs20": "2026-10-30",
}  # fmt: skip
_NEWEST = int(SUPPORTED[-1].removeprefix("nodejs"))
_KEY = f"{NAMESPACE}:functionsRuntime"
_SET = f"pulumi config set {_KEY} {SUPPORTED[0]}"


def choose(
    override: str | None, declared: str | None, folder: Path, where: str
) -> tuple[str, list[Problem], list[str]]:
    """The runtime of the codebase in `folder` ("" with a problem), the problems and the warnings.

    `where` names the codebase in messages.
    """
    if override is not None:
        return _check(override, _KEY, where)
    if declared is not None:
        return _check(declared, "firebase.json", where)
    engine = _engine(folder)
    if engine is None:
        what = "neither firebase.json nor package.json names a runtime."
        return "", [Problem(key=where, what=what, fix=_SET)], []
    match = re.fullmatch(r"\s*[\^~v=]?(\d+)(?:\.[\dx*]+)*\s*", engine)
    if match is None:
        problem = Problem(
            key=f"{where}/package.json",
            what=f'"engines": {{"node": "{engine}"}} does not name one major version.',
            fix=f'Write "engines": {{"node": "22"}}, or: {_SET}',
        )
        return "", [problem], []
    return _check(f"nodejs{match.group(1)}", f"{where}/package.json", where)


def _check(runtime: str, place: str, where: str) -> tuple[str, list[Problem], list[str]]:
    if runtime in SUPPORTED:
        return runtime, [], []
    if runtime in DECOMMISSIONED:
        what = f"{runtime} (for {where}) ended on {DECOMMISSIONED[runtime]}: Google no longer deploys it."
    elif match := re.fullmatch(r"nodejs(\d{1,3})", runtime):
        if int(match[1]) > _NEWEST:
            fix = f"ignore this warning if the name is correct; otherwise: {_SET}"
            return runtime, [], [f"{runtime} ({place}) {not_known(runtime, SUPPORTED)}\n    fix: {fix}"]
        what = f"{runtime} (for {where}) is not a runtime that this program knows."
    else:
        what = f'not yet supported by this program: the runtime "{runtime}" (for {where}).'
    return "", [Problem(key=place, what=what, fix=_SET)], []


def _engine(folder: Path) -> str | None:
    path = folder / "package.json"
    if not path.is_file():
        return None
    try:
        package = mapping(json.loads(path.read_text(encoding="utf-8"))) or {}
    except ValueError:
        return None  # discovery reports the file itself, with line and column
    node = (mapping(package.get("engines")) or {}).get("node")
    return str(node) if node is not None else None
