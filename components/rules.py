"""The security rules: a ruleset of their text, and the release that decides which ruleset is enforced.

Runbook: "firebase deploy --only firestore:rules". Before any resource is registered, the text is compiled
(`checkout.rules_compiler`) and must prove that no client may delete clients, messages and threads
(`checkout.never_delete`).

Refuses to delete either: rulesets are kept for the history in the console and for a rollback, the release
because without it the database has no rules (`firebase.release`). Rules that firebase.json no longer names
are an error (`components.rules_guard`).
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from checkout.app import RulesFile
from components._base import Component
from components.apis import Apis
from components.rules_guard import RulesGuard, RulesGuardArgs
from firebase.release import RulesRelease, RulesReleaseArgs, release_name, text_digest
from settings.model import GoogleSettings


@dataclass(frozen=True, kw_only=True)
class RulesArgs:
    """google: the project and the database. rules: the file's name and text, None for an app without rules.
    apis: the enabled APIs."""

    google: GoogleSettings
    rules: RulesFile | None
    apis: Apis


class Rules(Component):
    """The ruleset and its release; for an app without rules, only the guard.

    `ruleset_name` is a full name, `release_name` the release's short name, `digest` the text's digest
    (`firebase.release.text_digest`). They are None for an app without rules.

    Example:
        rules = RulesFile(name="firestore.rules", content="rules_version = '2'; ...")
        Rules("rules", RulesArgs(google=settings.google, rules=rules, apis=apis))
    """

    ruleset_name: pulumi.Output[str] | None = None
    release_name: str | None = None
    digest: str | None = None

    def __init__(self, name: str, args: RulesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        if args.rules is not None:
            self._release(name, args, args.rules)
        RulesGuard(
            f"{name}-guard",
            RulesGuardArgs(
                project=args.google.project,
                release=self.release_name,
                ruleset=self.ruleset_name,
                allowed=args.google.allow_rules_removal,
            ),
            self.child(),
        )
        self.register_outputs({"ruleset_name": self.ruleset_name})

    def _release(self, name: str, args: RulesArgs, rules: RulesFile) -> None:
        ruleset = gcp.firebaserules.Ruleset(
            f"{name}-ruleset",
            project=args.google.project,
            source={"files": [{"name": rules.name, "content": rules.content}]},
            opts=self.child(depends_on=args.apis.of("firebaserules"), retain_on_delete=True),
        )
        self.release_name = release_name(args.google.firestore_database)
        self.digest = text_digest({rules.name: rules.content})
        release = RulesRelease(
            f"{name}-release",
            RulesReleaseArgs(
                project=args.google.project, release_name=self.release_name, ruleset_name=ruleset.id
            ),
            self.child(retain_on_delete=True),
        )
        self.ruleset_name = release.ruleset_name
