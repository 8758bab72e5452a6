"""The last step of `up`: what was declared is read again from the live sides, and must be well.

Runbook: "indexes are Ready, functions Deployed, rules active", "/health 200"; the risk "unhealthy backend".

It runs `python -m ops verify` with the declaration as JSON on stdin. The declaration changes whenever
something was deployed, so a preview shows this step exactly when it will run, and an unchanged stack does
not run it. A failure fails the update with the failing lines.

It refuses to hold anything secret: names, versions and digests only, since stdin is kept in the state.
"""

from __future__ import annotations

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
from components.settings import GoogleSettings

# The project's own virtualenv first, as Pulumi.yaml names it: an absolute path of this machine would be a
# change on the next one. The plugin runs it in the project's folder.
RUN = 'PATH=".venv/bin:$PATH" exec python -m ops verify'
HEALTH_WAIT_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class VerificationArgs:
    """What was declared, part by part."""

    google: GoogleSettings
    rules: Rules | None
    indexes: Indexes
    secrets: Secrets
    functions: Functions
    backend: Backend


def spec(args: VerificationArgs) -> dict[str, Any]:
    """The declaration as `ops.verify.Spec` reads it."""
    rules: dict[str, Any] | None = None
    if args.rules is not None:
        rules = {
            "release": args.rules.release_name,
            "ruleset": args.rules.ruleset_name,
            "digest": args.rules.digest,
        }
    return {
        "project": args.google.project,
        "database": args.google.firestore_database,
        "functions": [
            {
                "id": deployed.endpoint.id,
                "region": deployed.endpoint.region,
                "source": deployed.source_object,
                "digest": deployed.digest,
            }
            for deployed in sorted(
                args.functions.deployed, key=lambda one: (one.endpoint.region, one.endpoint.id)
            )
        ],
        "indexes": args.indexes.ids,
        "rules": rules,
        "secrets": args.secrets.versions,
        "backend": {
            "url": args.backend.url,
            "health_path": args.backend.health_path,
            "deployment": args.backend.deployment.deployment_id,
        },
        "wait_seconds": HEALTH_WAIT_SECONDS,
    }


class Verification(Component):
    """The step."""

    def __init__(self, name: str, args: VerificationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        command.local.Command(
            f"{name}-run",
            create=RUN,
            update=RUN,
            stdin=pulumi.Output.json_dumps(spec(args), sort_keys=True),
            interpreter=["/bin/sh", "-c"],
            # Else the environment of the second run holds the output of the first.
            add_previous_output_in_env=False,
            opts=self.child(depends_on=[*args.indexes.ready, *args.functions.ready, args.backend.deployment]),
        )
        self.register_outputs({})
