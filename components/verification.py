"""The last step of `up`: read everything that was declared from the clouds again; it must be healthy.

Runbook: "indexes are Ready, functions Deployed, rules active", "/health 200"; the risk "unhealthy backend".

The step runs `python -m ops verify` (see `components.verification_spec`). Its inputs change whenever
something was deployed, so a preview shows it exactly when it will run, and an unchanged stack does not run
it. If a check fails, the update fails with the lines that failed.

Then everything is proven to be in use, and credentials that are not can end (`firebase.unknown_credentials`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_command as command

from components._base import Component
from components.backend import Backend
from components.functions import Functions
from components.identities import Identities
from components.indexes import Indexes
from components.rules import Rules
from components.secrets import Secrets
from components.verification_spec import Declared, environment_variables
from firebase.unknown_credentials import UnknownCredentials, UnknownCredentialsArgs
from settings.model import GoogleSettings

# The virtualenv that Pulumi.yaml names, relative to the project's folder, where the plugin runs the command:
# an absolute path would differ on the next machine.
RUN = 'PATH=".venv/bin:$PATH" exec python -m ops verify'
HEALTH_WAIT_SECONDS = 60


def runner() -> command.Provider:
    """An explicit provider for the command. Pulumi starts its plugin when it is declared, early, and not when
    the command is."""
    return command.Provider("runner")


@dataclass(frozen=True, kw_only=True)
class VerificationArgs:
    """The components to verify. other_indexes: those of other databases, by the database's id."""

    google: GoogleSettings
    identities: Identities
    rules: Rules
    indexes: Indexes
    other_indexes: Mapping[str, Indexes]
    secrets: Secrets
    functions: Functions
    backend: Backend


class Verification(Component):
    """The verification step.

    Example:
        Verification("verification", VerificationArgs(...), pulumi.ResourceOptions(providers=[runner()]))
    """

    def __init__(self, name: str, args: VerificationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        rules, backend = args.rules, args.backend
        indexes_ready = [one for part in (args.indexes, *args.other_indexes.values()) for one in part.ready]
        declared = Declared(
            stack=pulumi.get_stack(),
            project=args.google.project,
            database=args.google.firestore_database,
            release=rules.release_name,
            rules_digest=rules.digest,
            never_delete=args.google.never_delete,
            allow_client_deletes=args.google.allow_client_deletes,
            health_path=backend.health_path,
            wait_seconds=HEALTH_WAIT_SECONDS,
            other_digests=rules.other_digests,
            functions=tuple(sorted(args.functions.deployed, key=lambda one: (one.region, one.id))),
        )
        verified = command.local.Command(
            f"{name}-run",
            create=RUN,
            update=RUN,
            stdin=declared.to_lines(),
            environment=environment_variables(
                backend_url=backend.url,
                deployment=backend.deployment.deployment_id,
                indexes=args.indexes.ids,
                secrets=args.secrets.versions,
                ruleset=rules.ruleset_name,
                other_rulesets=rules.other_rulesets,
                other_indexes={name: one.ids for name, one in args.other_indexes.items()},
            ),
            interpreter=["/bin/sh", "-c"],
            # Else the environment of the second run contains the output of the first.
            add_previous_output_in_env=False,
            opts=self.child(
                depends_on=[*indexes_ready, *args.functions.ready, args.backend.deployment],
            ),
        )
        UnknownCredentials(
            f"{name}-credentials",
            UnknownCredentialsArgs(
                project=args.google.project,
                accounts=sorted(args.identities.accounts),
                key=args.identities.backend_key_name,
                versions=args.secrets.versions,
                prune_keys=args.google.prune_unknown_keys,
            ),
            self.child(depends_on=[verified]),
        )
        self.register_outputs({})
