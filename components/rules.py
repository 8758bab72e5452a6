"""The security rules: rulesets of their texts, and the releases that decide which ruleset is enforced.

Runbook: "firebase deploy --only firestore:rules". Before any resource is registered, the texts are compiled
(`checkout.rules_compiler`), and Firestore's must prove that no client may delete clients, messages and
threads (`checkout.never_delete`). Each database has a release, and each bucket of Cloud Storage.

Refuses to delete either: rulesets are kept for the history in the console and for a rollback, a release
because without it the database or the bucket has no rules (`firebase.release`). Rules that firebase.json no
longer names are an error (`components.rules_guard`).
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from checkout.firestore_files import OtherDatabase
from checkout.rules_file import RulesFile
from checkout.storage_rules import BucketRules
from components._base import Component
from components.apis import Apis
from components.rules_guard import RulesGuard, RulesGuardArgs
from firebase.release import (
    RulesRelease,
    RulesReleaseArgs,
    release_name,
    storage_release_name,
    text_digest,
)
from settings.model import GoogleSettings


@dataclass(frozen=True, kw_only=True)
class RulesArgs:
    """google: the project and the database. rules: the file's name and text, None for an app without rules.
    databases: the other databases. storage: the rules of each bucket. apis: the enabled APIs."""

    google: GoogleSettings
    rules: RulesFile | None
    databases: tuple[OtherDatabase, ...] = ()
    storage: tuple[BucketRules, ...] = ()
    apis: Apis


class Rules(Component):
    """The rulesets and their releases; for an app without rules, only the guard.

    `ruleset_name` is a full name, `release_name` the release's short name, `digest` the text's digest
    (`firebase.release.text_digest`). They are None for an app without rules of Firestore. `other_rulesets`
    and `other_digests` have the same of other databases and of buckets, by the release's short name.

    Example:
        rules = RulesFile(name="firestore.rules", content="rules_version = '2'; ...")
        Rules("rules", RulesArgs(google=settings.google, rules=rules, apis=apis))
    """

    ruleset_name: pulumi.Output[str] | None = None
    release_name: str | None = None
    digest: str | None = None
    other_rulesets: dict[str, pulumi.Output[str]]
    other_digests: dict[str, str]

    def __init__(self, name: str, args: RulesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self.other_rulesets, self.other_digests = {}, {}
        releases: dict[str, pulumi.Output[str]] = {}
        if args.rules is not None:
            self.release_name = release_name(args.google.firestore_database)
            self.digest = text_digest({args.rules.name: args.rules.content})
            self.ruleset_name = self._release(
                args.rules, self.release_name, f"{name}-ruleset", f"{name}-release"
            )
            releases[self.release_name] = self.ruleset_name
        others = [
            (f"{name}-database", one.database, release_name(one.database), one.rules)
            for one in args.databases
            if one.rules is not None
        ]
        others += [
            (f"{name}-storage", one.bucket, storage_release_name(one.bucket), one.file)
            for one in args.storage
        ]
        for kind, place, release, file in others:
            self.other_digests[release] = text_digest({file.name: file.content})
            self.other_rulesets[release] = self._release(
                file, release, f"{kind}-ruleset-{place}", f"{kind}-release-{place}"
            )
        RulesGuard(
            f"{name}-guard",
            RulesGuardArgs(
                project=args.google.project,
                releases={**releases, **self.other_rulesets},
                allowed=args.google.allow_rules_removal,
            ),
            self.child(),
        )
        self.register_outputs({"ruleset_name": self.ruleset_name})

    def _release(
        self, file: RulesFile, release: str, ruleset_resource: str, release_resource: str
    ) -> pulumi.Output[str]:
        project = self._args.google.project
        ruleset = gcp.firebaserules.Ruleset(
            ruleset_resource,
            project=project,
            source={"files": [{"name": file.name, "content": file.content}]},
            opts=self.child(depends_on=self._args.apis.of("firebaserules"), retain_on_delete=True),
        )
        released = RulesRelease(
            release_resource,
            RulesReleaseArgs(
                project=project,
                release_name=release,
                ruleset_name=ruleset.id,
                created=ruleset.create_time,
            ),
            self.child(retain_on_delete=True),
        )
        return released.ruleset_name
