"""The security rules: a ruleset of their text, and the release that decides which ruleset is enforced.

Runbook: "firebase deploy --only firestore:rules". That clients, messages and threads cannot be deleted is in
the text itself; the tests on the emulator prove it. The text is compiled before any resource is registered
(`checkout.rules_compiler`).

Refuses to delete either: rulesets are kept for the history in the console and for a rollback, the release
because without it the database has no rules (`firebase.release`).
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from checkout.app import RulesFile
from components._base import Component
from components.apis import Apis
from firebase.release import RulesRelease, RulesReleaseArgs, release_name, text_digest
from settings.model import GoogleSettings


@dataclass(frozen=True, kw_only=True)
class RulesArgs:
    """google: the project and the database. rules: the file's name and text. apis: the enabled APIs."""

    google: GoogleSettings
    rules: RulesFile
    apis: Apis


class Rules(Component):
    """The ruleset and its release.

    `ruleset_name` is a full name, `release_name` the release's short name, `digest` the text's digest
    (`firebase.release.text_digest`).

    Example:
        rules = RulesFile(name="firestore.rules", content="rules_version = '2'; ...")
        Rules("rules", RulesArgs(google=settings.google, rules=rules, apis=apis))
    """

    ruleset_name: pulumi.Output[str]
    release_name: str
    digest: str

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
        release = RulesRelease(
            f"{name}-release",
            RulesReleaseArgs(
                project=args.google.project, release_name=self.release_name, ruleset_name=ruleset.id
            ),
            self.child(retain_on_delete=True),
        )
        self.ruleset_name = release.ruleset_name
        self.register_outputs({"ruleset_name": self.ruleset_name})
