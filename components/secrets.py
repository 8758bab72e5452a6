"""Secret Manager: the functions' secrets, a version per value, and the accounts that may read them.

Runbook: "secrets RAILWAY_WHATSAPP_URL, OPENAI_API_KEY or GROQ_API_KEY, ADMIN_EMAILS". The value of
RAILWAY_WHATSAPP_URL (`backendUrlVariable`) is the backend's domain on Railway.

A new value is a new version, created before the functions use it. The old version is destroyed at the end of
the same `up`, when no function is pinned to it. Only the service accounts of the functions that use a secret
can read it: each account gets access before its functions use the secret (`Secrets`); after they do, all
others lose it (`SecretReaders`). In the other order, a function that moves to another account could not start
until its new revision is built.

The write-only argument `secret_data_wo` is not used: Pulumi writes it to the state's inputs, encrypted like
any secret, and does not detect changes of it (pulumi-terraform-bridge issue 3201).
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from checkout.endpoints import Endpoint
from components import already_exists
from components._base import Component, Resources
from components.apis import Apis
from components.google import member, short_name
from components.identities import Identities, runtime_email
from settings.model import GoogleSettings, SecretSettings

READER = "roles/secretmanager.secretAccessor"


@dataclass(frozen=True, kw_only=True)
class SecretsArgs:
    """secrets: the configured values. backend_url: the value of `backend_secret`, if that is not None.

    endpoints: the functions. identities: their accounts, which exist before they get access.
    """

    google: GoogleSettings
    secrets: SecretSettings
    backend_secret: str | None
    backend_url: pulumi.Input[str]
    endpoints: tuple[Endpoint, ...]
    identities: Identities
    apis: Apis


class Secrets(Component):
    """The secrets. `versions` has the version numbers that functions are pinned to, by name; `readers` the
    IAM members that may read each secret, and `granted` the resources that grant it.

    Example:
        secrets = Secrets("secrets", SecretsArgs(...))
        options = pulumi.ResourceOptions(depends_on=secrets.ready_for(endpoint))
    """

    versions: dict[str, pulumi.Output[str]]
    readers: dict[str, list[str]]
    granted: dict[str, list[pulumi.Resource]]

    def __init__(self, name: str, args: SecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.versions = {}
        self.readers = {}
        self.granted = {}
        self._readers: dict[tuple[str, str], gcp.secretmanager.SecretIamMember] = {}
        self._project = args.google.project
        values: dict[str, pulumi.Input[str]] = {**args.secrets.values}
        if args.backend_secret is not None:
            values[args.backend_secret] = args.backend_url
        existing = already_exists.hooks(name)
        for secret_name, value in sorted(values.items()):
            secret = gcp.secretmanager.Secret(
                f"{name}-{secret_name}",
                project=self._project,
                secret_id=secret_name,
                replication={"auto": {}},
                opts=self.child(depends_on=args.apis.of("secretmanager"), hooks=existing),
            )
            version = gcp.secretmanager.SecretVersion(
                f"{name}-{secret_name}-version",
                secret=secret.id,
                secret_data=pulumi.Output.secret(value),
                opts=self.child(),
            )
            self.versions[secret_name] = version.version
            emails = readers(secret_name, args.endpoints, self._project)
            self.readers[secret_name] = [member(email) for email in emails]
            for email in emails:
                account = args.identities.accounts.get(email)
                self._readers[secret_name, email] = gcp.secretmanager.SecretIamMember(
                    f"{name}-{secret_name}-{short_name(email, self._project)}",
                    project=self._project,
                    secret_id=secret_name,
                    role=READER,
                    member=member(email),
                    opts=self.child(depends_on=[secret, *([account] if account else [])]),
                )
            grants = [self._readers[secret_name, email] for email in emails]
            self.granted[secret_name] = [*grants] or [secret]
        self.register_outputs({"versions": self.versions})

    def ready_for(self, endpoint: Endpoint) -> list[pulumi.Resource]:
        """The access grants that a function needs before it starts.

        Raises:
            KeyError: the function uses a secret without a value; `checkout.app` reports that earlier.
        """
        email = runtime_email(endpoint, self._project)
        return [self._readers[use.secret, email] for use in endpoint.secrets]


@dataclass(frozen=True, kw_only=True)
class SecretReadersArgs:
    """secrets: the secrets. after: the functions, each of which runs as its declared account."""

    google: GoogleSettings
    secrets: Secrets
    after: Resources


class SecretReaders(Component):
    """Takes access to the secrets from everyone who is not declared.

    A member that somebody adds to the role, or removes from it, is drift. Other roles on a secret, and the
    project's roles, are not managed.

    Example:
        SecretReaders("secret-readers", SecretReadersArgs(secrets=secrets, after=functions.ready, ...))
    """

    def __init__(
        self, name: str, args: SecretReadersArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        first: list[pulumi.Resource] = []
        for secret_name, members in args.secrets.readers.items():
            binding = gcp.secretmanager.SecretIamBinding(
                f"{name}-{secret_name}",
                project=args.google.project,
                secret_id=secret_name,
                role=READER,
                members=members,
                opts=self.child(depends_on=[*args.secrets.granted[secret_name], *(first or args.after)]),
            )
            # The others wait for the first one: the state would have a line for each pair of a secret and a
            # function, and the SDK walks through the graph for each dependency.
            first = first or [binding]
        self.register_outputs({})


def readers(secret: str, endpoints: tuple[Endpoint, ...], project: str) -> list[str]:
    """The service accounts of the functions that use the secret."""
    return sorted(
        {
            runtime_email(endpoint, project)
            for endpoint in endpoints
            if any(use.secret == secret for use in endpoint.secrets)
        }
    )
