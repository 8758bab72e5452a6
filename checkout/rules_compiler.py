"""Compile the security rules before any resource is registered.

Google's compiler is asked (`projects.test`), so that rules which do not compile stop a deployment before it
starts. Text that compiled once is not asked again. Before the first `up` the Firebase Rules API of a new
project is still off; then a running Firestore emulator compiles instead, where there is one: the text is
loaded for a project that nobody uses, and the rules in force there stay.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pulumi

from checkout.app import RulesFile
from firebase.errors import GoogleError
from firebase.rest import GoogleApi
from settings.problems import Problem

HOST_VARIABLE = "FIRESTORE_EMULATOR_HOST"
SCRATCH_PROJECT = "rules-compile"
SECONDS = 30
# Answers that mean "not yet", before the first `up` has turned the API on. Creating the ruleset then
# compiles.
NOT_YET = ("SERVICE_DISABLED",)
_ERROR_LINE = re.compile(r"L(\d+):(\d+) (.*)")  # how the emulator writes one error


def compile_problems(api: GoogleApi, project: str, rules: RulesFile, cache: Path) -> list[Problem]:
    """What Google's compiler says against the rules; empty when they compile.

    Args:
        api: the client.
        project: whose compiler is asked; nothing in the project is changed (`projects.test`).
        rules: the file.
        cache: a folder in which a success is remembered, by the text's hash, the project and the endpoint.
    """
    source = {"files": [{"name": rules.name, "content": rules.content}]}
    try:
        identity = "\n".join((api.base("firebaserules"), project, rules.name, rules.content))
        remembered = cache / "rules" / hashlib.sha256(identity.encode()).hexdigest()
        if remembered.exists():
            return []
        answer = api.call(
            "POST",
            "firebaserules",
            f"projects/{project}:test",
            operation=f"compile {rules.name}",
            body={"source": source},
            repeatable=True,
        )
    except GoogleError as error:
        if error.reason in NOT_YET:
            host = os.environ.get(HOST_VARIABLE)
            compiled = _compile_on_emulator(host, rules) if host else None
            if compiled is not None:
                return compiled
            pulumi.log.warn(
                f"{rules.name} was not compiled: the Firebase Rules API of {project} is still off. "
                "`pulumi up` turns it on, and compiles the rules when it makes the ruleset."
            )
            return []
        return [Problem(key=rules.name, what=f"The rules could not be compiled: {error}", fix=error.fix)]
    problems = [
        _problem(rules.name, issue)
        for issue in cast("list[Mapping[str, Any]]", answer.get("issues") or [])
        if issue.get("severity", "ERROR") == "ERROR"
    ]
    if not problems:
        remembered.parent.mkdir(parents=True, exist_ok=True)
        remembered.touch()
    return problems


def _problem(name: str, issue: Mapping[str, Any]) -> Problem:
    where: Mapping[str, Any] = issue.get("sourcePosition") or {}
    line, column = where.get("line"), where.get("column")
    place = f" (line {line}, column {column})" if line else ""
    return Problem(
        key=name,
        what=f"The rules do not compile{place}: {issue.get('description', 'no reason given')}",
        fix=f"Correct {name}{f', line {line}' if line else ''}, then run `pulumi preview` again.",
    )


def _compile_on_emulator(host: str, rules: RulesFile) -> list[Problem] | None:
    """What the emulator's compiler says against the rules; None when the emulator does not answer as one.

    Args:
        host: `host:port`, as `FIRESTORE_EMULATOR_HOST` has it.
        rules: the file.
    """
    import requests  # here, because a preview whose rules were compiled before sends nothing

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
            fix=f"Correct {rules.name}, line {found[1]}, then run `pulumi preview` again.",
        )
        for found in lines
        if found
    ] or None
