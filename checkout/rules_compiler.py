"""Compile the security rules before any resource is registered.

Google compiles them (`projects.test`), so that rules which do not compile stop a deployment before it starts.
A success is cached. Before the first `up`, the Firebase Rules API of a new project is off: then the Firestore
emulator compiles them, if one is running, for a project that does not exist, so that the emulator's own rules
do not change.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pulumi

from checkout.rules_file import RulesFile
from firebase.errors import GoogleError
from firebase.rest import GoogleApi
from settings.problems import Problem

HOST_VARIABLE = "FIRESTORE_EMULATOR_HOST"
SCRATCH_PROJECT = "rules-compile"
SECONDS = 30
_ERROR_LINE = re.compile(r"L(\d+):(\d+) (.*)")  # one error of the emulator


def compile_problems(api: GoogleApi, project: str, rules: RulesFile, cache: Path) -> list[Problem]:
    """The compiler's errors; empty if the rules compile.

    Args:
        api: the client.
        project: the project whose API is called; nothing in it changes.
        rules: the file.
        cache: a folder for successes, by the text's hash, the project and the endpoint.
    """
    source = {"files": [{"name": rules.name, "content": rules.content}]}
    try:
        identity = "\n".join((api.base("firebaserules"), project, rules.name, rules.content))
        compiled = cache / "rules" / hashlib.sha256(identity.encode()).hexdigest()
        if compiled.exists():
            return []
        response = api.call(
            "POST",
            "firebaserules",
            f"projects/{project}:test",
            operation=f"compile {rules.name}",
            body={"source": source},
            repeatable=True,
        )
    except GoogleError as error:
        if error.reason != "SERVICE_DISABLED":
            what = f"the rules could not be compiled: {error.what}"
            return [Problem(key=rules.name, what=what, fix=error.fix)]
        host = os.environ.get(HOST_VARIABLE)
        on_emulator = _compile_on_emulator(host, rules) if host else None
        if on_emulator is None:
            pulumi.log.warn(
                f"{rules.name} was not compiled: the Firebase Rules API of {project} is off. "
                "`pulumi up` enables it, and compiles the rules when it creates the ruleset."
            )
        return on_emulator or []
    problems: list[Problem] = []
    for issue in cast("list[Mapping[str, Any]]", response.get("issues") or []):
        if issue.get("severity", "ERROR") == "ERROR":
            position: Mapping[str, Any] = issue.get("sourcePosition") or {}
            reason = issue.get("description", "no reason given")
            problems.append(_problem(rules, position.get("line"), position.get("column"), reason))
    if not problems:
        compiled.parent.mkdir(parents=True, exist_ok=True)
        compiled.touch()
    return problems


def _problem(rules: RulesFile, line: object, column: object, reason: object) -> Problem:
    place = f" (line {line}, column {column})" if line else ""
    at = f", line {line}" if line else ""
    return Problem(
        key=rules.name,
        what=f"the rules do not compile{place}: {reason}",
        fix=f"Correct {rules.name}{at}, then run `pulumi preview` again.",
    )


def _compile_on_emulator(host: str, rules: RulesFile) -> list[Problem] | None:
    """The emulator's compile errors; None if no emulator responds at `host` (`host:port`)."""
    import requests  # not loaded in a preview whose rules were compiled before

    try:
        response = requests.put(
            f"http://{host}/emulator/v1/projects/{SCRATCH_PROJECT}:securityRules",
            json={"rules": {"files": [{"name": rules.name, "content": rules.content}]}},
            headers={"Authorization": "Bearer owner"},
            timeout=SECONDS,
        )
    except (requests.RequestException, ValueError):  # ValueError: not an address
        return None
    if response.status_code == 200:
        return []
    if response.status_code != 400:
        return None
    message = str(cast("dict[str, Any]", response.json())["error"]["message"])
    errors = (_ERROR_LINE.fullmatch(line) for line in message.splitlines())
    return [_problem(rules, error[1], error[2], error[3]) for error in errors if error] or None
