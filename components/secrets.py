"""Secret Manager: the secrets of the functions, a version for each value, and who may read which.

Runbook: "secrets RAILWAY_WHATSAPP_URL, OPENAI_API_KEY or GROQ_API_KEY, ADMIN_EMAILS". The address of the
backend flows here from Railway's domain by itself.

A new value is a new version, made before the functions move to it; the old one is destroyed at the end of the
same `up`, when no function is pinned to it any more (a replacement, created first). A secret can be read
by the service accounts of the functions that use it and by nobody else.

It refuses write-only arguments (`secret_data_wo`). Pulumi writes those into the state's inputs all the same,
encrypted like any other secret, and then no longer sees when they change (pulumi-terraform-bridge issue
3201).
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from checkout.endpoints import Endpoint
from components._base import Component
from components.apis import Apis
from components.google import member
from components.identities import Identities, runtime_email
from settings.model import GoogleSettings, SecretSettings


@dataclass(frozen=True, kw_only=True)
class SecretsArgs:
    """secrets: the configured values. backend_url: the one value that the program knows by itself.

    endpoints: the functions that may use them. identities: the accounts; a reader waits for its own.
    """

    google: GoogleSettings
    secrets: SecretSettings
    backend_url: pulumi.Input[str]
    endpoints: tuple[Endpoint, ...]
    identities: Identities
    apis: Apis


class Secrets(Component):
    """The secrets. `versions` are the numbers to pin, by name."""

    versions: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: SecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.versions = {}
        self._readers: dict[str, dict[str, gcp.secretmanager.SecretIamMember]] = {}
        self._project = args.google.project
        values: dict[str, pulumi.Input[str]] = {
            **args.secrets.values,
            args.secrets.backend_url_secret: args.backend_url,
        }
        for secret_name, value in sorted(values.items()):
            secret = gcp.secretmanager.Secret(
                f"{name}-{secret_name}",
                project=self._project,
                secret_id=secret_name,
                replication={"auto": {}},
                opts=self.child(depends_on=args.apis.of("secretmanager")),
            )
            version = gcp.secretmanager.SecretVersion(
                f"{name}-{secret_name}-version",
                secret=secret.id,
                secret_data=pulumi.Output.secret(value),
                opts=self.child(),
            )
            self.versions[secret_name] = version.version
            self._readers[secret_name] = {
                email: self._reader(name, secret, secret_name, email, args)
                for email in readers(secret_name, args.endpoints, self._project)
            }
        self.register_outputs({"versions": self.versions})

    def _reader(
        self, name: str, secret: gcp.secretmanager.Secret, secret_name: str, email: str, args: SecretsArgs
    ) -> gcp.secretmanager.SecretIamMember:
        account = args.identities.accounts.get(email)
        return gcp.secretmanager.SecretIamMember(
            f"{name}-{secret_name}-{email.split('@', 1)[0]}",
            project=self._project,
            secret_id=secret_name,
            role="roles/secretmanager.secretAccessor",
            member=member(email),
            opts=self.child(depends_on=[secret, *([account] if account else [])]),
        )

    def ready_for(self, endpoint: Endpoint) -> list[pulumi.Resource]:
        """What must exist before the function can start: the right to read each of its secrets.

        Raises:
            KeyError: the function uses a secret that is not among the values; the settings refuse that
            earlier.
        """
        email = runtime_email(endpoint, self._project)
        return [self._readers[use.secret][email] for use in endpoint.secrets]


def readers(secret: str, endpoints: tuple[Endpoint, ...], project: str) -> list[str]:
    """The service accounts of the functions that use the secret."""
    return sorted(
        {
            runtime_email(endpoint, project)
            for endpoint in endpoints
            if any(use.secret == secret for use in endpoint.secrets)
        }
    )
