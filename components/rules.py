"""Security rules: compiled before anything happens, a ruleset for the text, the release that clients meet.

Runbook: "firebase deploy --only firestore:rules"; the line "rules active with never delete on
clients/messages/threads" is the text itself, which the tests on the emulator prove.

`compile_problems` asks Google's compiler in the preview, before a resource is registered: rules that do
not compile must stop a deployment before it starts, not in its middle. What compiled once is not asked again.

It refuses to delete: rulesets are kept for the console's history and for a way back, and the release is never
taken away (see `firebase.release`).
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
