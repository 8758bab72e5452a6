"""The last step of `up`: what was declared is read again from the live sides, and must be well.

Runbook: "indexes are Ready, functions Deployed, rules active", "/health 200"; the risk "unhealthy backend".

It runs `python -m ops verify`. What the program knows by itself goes to it as JSON lines on stdin, what
only the clouds know (ids, versions, the deployment) in one environment variable each, so that a preview
names the part that will be different instead of calling the whole declaration unknown. Either changes
whenever something was deployed: the preview shows this step exactly when it will run, and an unchanged
stack does not run it. A failure fails the update with the failing lines.

It refuses to hold anything secret: names, versions and digests only, since all of it is kept in the state.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_command as command

from components._base import Component
from components.backend import Backend
from components.functions import Functions
from components.indexes import Indexes
from components.rules import Rules
from components.secrets import Secrets
from settings.model import GoogleSettings

# The project's own virtualenv first, as Pulumi.yaml names it: an absolute path of this machine would be a
# change on the next one. The plugin runs it in the project's folder.
RUN = 'PATH=".venv/bin:$PATH" exec python -m ops verify'
HEALTH_WAIT_SECONDS = 60


def runner() -> command.Provider:
    """The provider of the command. One of our own, because Pulumi starts the plugin where it is declared:
    at once, and not when all else is done."""
    return command.Provider("runner")


@dataclass(frozen=True, kw_only=True)
class VerificationArgs:
    """What was declared, part by part."""

    google: GoogleSettings
    rules: Rules | None
    indexes: Indexes
    secrets: Secrets
    functions: Functions
    backend: Backend


def declared(args: VerificationArgs) -> str:
    """What the program knows by itself, as `ops.verify.parse` reads it.

    One JSON value a line and not one document: of lines a preview shows the changed ones, of a document all.
    """
    functions = sorted(args.functions.deployed, key=lambda one: (one.endpoint.region, one.endpoint.id))
    head: dict[str, Any] = {
        "project": args.google.project,
        "database": args.google.firestore_database,
        "release": args.rules and args.rules.release_name,
        "rules_digest": args.rules and args.rules.digest,
        "health_path": args.backend.health_path,
        "wait_seconds": HEALTH_WAIT_SECONDS,
    }
    lines = [
        {
            "id": deployed.endpoint.id,
            "region": deployed.endpoint.region,
            "source": deployed.source_object,
            "digest": deployed.digest,
        }
        for deployed in functions
    ]
    return "\n".join(json.dumps(line) for line in (head, *lines))


def answered(args: VerificationArgs) -> dict[str, pulumi.Input[str]]:
    """What only the clouds know, by environment variable, each as JSON."""
    backend = args.backend
    variables: dict[str, Any] = {
        "VERIFY_BACKEND": {"url": backend.url, "deployment": backend.deployment.deployment_id},
        "VERIFY_INDEXES": args.indexes.ids,
        "VERIFY_SECRETS": args.secrets.versions,
    }
    if args.rules:
        variables["VERIFY_RULESET"] = args.rules.ruleset_name
    return {name: pulumi.Output.json_dumps(value, sort_keys=True) for name, value in variables.items()}


class Verification(Component):
    """The step."""

    def __init__(self, name: str, args: VerificationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        command.local.Command(
            f"{name}-run",
            create=RUN,
            update=RUN,
            stdin=declared(args),
            environment=answered(args),
            interpreter=["/bin/sh", "-c"],
            # Else the environment of the second run holds the output of the first.
            add_previous_output_in_env=False,
            opts=self.child(
                depends_on=[*args.indexes.ready, *args.functions.ready, args.backend.deployment],
            ),
        )
        self.register_outputs({})
