"""The Node runtime of a functions codebase.

As with the Firebase CLI: `runtime` in firebase.json, else `engines.node` in package.json. The stack's
`functionsRuntime` overrides both. A newer runtime than this list is a warning; a decommissioned one is an
error, because Google rejects it after everything else has been deployed.
"""

from __future__ import annotations

import re
from pathlib import Path

from checkout import package_json
from settings.keys import NAMESPACE
from settings.parsing import not_known
from settings.problems import Problem
from user_errors import OR, add_fix

SUPPORTED = ("nodejs22", "nodejs24")
# Dates of decommission (Cloud Functions docs, runtime support).
DECOMMISSIONED = {
    "nodejs10": "2025-01-30", "nodejs12": "2025-01-30", "nodejs14": "2025-01-30", "nodejs16": "2025-01-30",
    "nodejs18": "2025-10-30", "nodejs20": "2026-10-30",
}  # fmt: skip
_KEY = f"{NAMESPACE}:functionsRuntime"
_FIX = f"pulumi config set {_KEY} {SUPPORTED[0]}"

Chosen = tuple[str, list[Problem], list[str]]


def choose(override: str | None, declared: str | None, folder: Path, where: str) -> Chosen:
    """The runtime of the codebase in `folder` ("" with a problem), the problems and the warnings.

    Args:
        override: `functionsRuntime` of the stack.
        declared: `runtime` in firebase.json.
        folder: the folder with package.json.
        where: the codebase's name in messages.
    """
    if override is not None:
        return _validated(override, _KEY, where)
    if declared is not None:
        return _validated(declared, "firebase.json", where)
    package, problems = package_json.read(folder, where)
    if problems:
        return "", problems, []
    engine = package_json.section(package or {}, "engines").get("node")
    if engine is None:
        return _problem(where, "neither firebase.json nor package.json names a runtime.")
    match = re.fullmatch(r"\s*[\^~v=]?(\d+)(?:\.[\dx*]+)*\s*", str(engine))
    if match is None:
        what = f'"engines": {{"node": "{engine}"}} does not name one major version.'
        return _problem(f"{where}/package.json", what, f'Write "engines": {{"node": "22"}}, or: {_FIX}')
    return _validated(f"nodejs{match.group(1)}", f"{where}/package.json", where)


def _problem(place: str, what: str, fix: str = _FIX) -> Chosen:
    return "", [Problem(key=place, what=what, fix=fix)], []


def _validated(runtime: str, place: str, where: str) -> Chosen:
    match = re.fullmatch(r"nodejs(\d{1,3})", runtime)
    if match is None:
        return _problem(place, f'"{runtime}" (for {where}) is not a Node.js runtime such as {SUPPORTED[0]}.')
    if runtime in DECOMMISSIONED:
        ended = f"was decommissioned on {DECOMMISSIONED[runtime]}: Google no longer deploys it."
        return _problem(place, f"{runtime} (for {where}) {ended}")
    if runtime in SUPPORTED:
        return runtime, [], []
    if int(match.group(1)) < 22:
        return _problem(place, f"{runtime} (for {where}) does not exist on Google.")
    unknown = not_known(runtime, SUPPORTED)
    fix = f"ignore this warning if the name is correct\n{OR}{_FIX}"
    return runtime, [], [add_fix(f"the runtime {runtime} ({place}) {unknown}", fix, "    ")]
