"""Security rules: compiled before anything happens, a ruleset for the text, the release that clients meet.

Runbook: "firebase deploy --only firestore:rules"; the line "rules active with never delete on
clients/messages/threads" is the text itself, which the tests on the emulator prove.

`compile_problems` asks Google's compiler in the preview, before a resource is registered: rules that do
not compile must stop a deployment before it starts, not in its middle. What compiled once is not asked again.

It refuses to delete: rulesets are kept for the console's history and for a way back, and the release is never
taken away (see `firebase.release`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pulumi
import pulumi_gcp as gcp

from checkout.app import RulesFile
from components._base import Component
from components.apis import Apis
from firebase.release import RulesRelease, RulesReleaseArgs, release_name, text_digest
from firebase.rest import GoogleApi, GoogleError
from settings.model import GoogleSettings
from settings.problems import Problem

# Answers that mean "not yet", before the first `up` has turned the API on. Creating the ruleset then
# compiles.
NOT_YET = ("SERVICE_DISABLED",)


@dataclass(frozen=True, kw_only=True)
class RulesArgs:
    """google: the project and the database. rules: the file's name and text. apis: the enabled ones."""

    google: GoogleSettings
    rules: RulesFile
    apis: Apis


class Rules(Component):
    """The ruleset and its release.

    `ruleset_name` is the full name, `release_name` the release's short one, `digest` that of the declared
    text (`firebase.release.text_digest`).
    """

    ruleset_name: pulumi.Output[str]
    release_name: str
    digest: str
    release: RulesRelease

    def __init__(self, name: str, args: RulesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        ruleset = gcp.firebaserules.Ruleset(
            f"{name}-ruleset",
            project=args.google.project,
            source={"files": [{"name": args.rules.name, "content": args.rules.content}]},
            opts=self.child(depends_on=args.apis.of("firebaserules"), retain_on_delete=True),
        )
        self.release_name = release_name(args.google.firestore_database)
        self.digest = text_digest({args.rules.name: args.rules.content})
        self.release = RulesRelease(
            f"{name}-release",
            RulesReleaseArgs(
                project=args.google.project, release_name=self.release_name, ruleset_name=ruleset.id
            ),
            self.child(retain_on_delete=True),
        )
        self.ruleset_name = self.release.ruleset_name
        self.register_outputs({"ruleset_name": self.ruleset_name})


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
            from checkout import rules_compiler  # loads an HTTP client, see firebase.transport

            host = os.environ.get(rules_compiler.HOST_VARIABLE)
            compiled = rules_compiler.compile_problems(host, rules) if host else None
            if compiled is not None:
                return compiled
            pulumi.log.warn(
                f"{rules.name} was not compiled: the Firebase Rules API of {project} is still off. "
                "`pulumi up` turns it on, and compiles the rules when it makes the ruleset."
            )
            return []
        return [Problem(key=rules.name, what=f"The rules could not be compiled: {error}", mend=error.mend)]
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
        mend=f"Correct {name}{f', line {line}' if line else ''}, then run `pulumi preview` again.",
    )
