"""The service accounts and IAM roles, and the backend's key.

Runbook: "FIREBASE_SERVICE_ACCOUNT_JSON" (created here, replaced when `serviceAccountKeyRotation` changes).

Functions with the same set of secrets share a service account, so that a secret can be read only by the
functions that use it; functions without secrets share `crm-fn`. The account's name comes from the set, so the
order of the functions has no effect.

Google's default compute account gets no role and runs no function: it is an editor of the whole project.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from checkout.endpoints import Endpoint, EventTrigger
from checkout.event_triggers import bucket_of
from components import already_exists
from components._base import Component
from components.apis import EVENTS, Apis
from components.google import account_email, member, short_name
from settings.model import GoogleSettings

BACKEND_ACCOUNT = "crm-backend"
FUNCTIONS_ACCOUNT = "crm-fn"
TOKEN_CREATOR = "roles/iam.serviceAccountTokenCreator"  # noqa: S105  (the name of a role)


@dataclass(frozen=True, kw_only=True)
class IdentitiesArgs:
    """google: project, roles and key rotation. endpoints: all functions. apis: the enabled APIs.

    storage_agent: the account that publishes Cloud Storage's events, None if no function receives them.
    """

    google: GoogleSettings
    endpoints: tuple[Endpoint, ...]
    apis: Apis
    storage_agent: str | None = None


def functions_account(secrets: Iterable[str]) -> str:
    """The account id for a set of secrets, of 6 to 30 characters (IAM API, `CreateServiceAccount`)."""
    names = sorted(set(secrets))
    if not names:
        return FUNCTIONS_ACCOUNT
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()
    return f"{FUNCTIONS_ACCOUNT}-{digest[:8]}"


def runtime_email(endpoint: Endpoint, project: str) -> str:
    """The service account that a function runs as: its own `serviceAccount`, else the one of its secrets."""
    named = endpoint.service_account
    if named is None:
        return account_email(functions_account(use.secret for use in endpoint.secrets), project)
    if named.endswith("@"):  # the manifest's short form for an account of this project
        return account_email(named.removesuffix("@"), project)
    return named


class Identities(Component):
    """The service accounts.

    `accounts` has all created accounts by e-mail, `backend_key` the key's JSON (secret), `backend_key_name`
    its name, `backend_ready` the roles of the backend's account.

    Example:
        args = IdentitiesArgs(google=settings.google, endpoints=endpoints, apis=apis)
        key = Identities("identities", args).backend_key
    """

    accounts: dict[str, gcp.serviceaccount.Account]
    backend_key: pulumi.Output[str]
    backend_key_name: pulumi.Output[str]
    backend_ready: list[pulumi.Resource]

    def __init__(self, name: str, args: IdentitiesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._name = name
        self._project = args.google.project
        self._apis = args.apis
        self._ready: dict[str, list[pulumi.Resource]] = {}
        self._receivers: dict[str, list[pulumi.Resource]] = {}
        self._agents_ready: list[pulumi.Resource] = []
        self.accounts = {}
        self._existing = already_exists.hooks(name)
        self._backend(args.google)
        self._functions(args.google, args.endpoints)
        receivers = {
            runtime_email(endpoint, self._project)
            for endpoint in args.endpoints
            if isinstance(endpoint.trigger, EventTrigger)
        }
        if receivers:
            self._events(sorted(receivers))
        # It publishes to a topic of Eventarc, whose name is Eventarc's, so the role is one in the project
        # (Eventarc docs, "Cloud Storage events: required roles"; firebase-tools, `obtainStorageBindings`).
        self._publishers = [self._publisher(args.storage_agent)] if args.storage_agent is not None else []
        self.register_outputs({"accounts": sorted(self.accounts)})

    def ready_for(self, endpoint: Endpoint) -> list[pulumi.Resource]:
        """What a function needs before it runs: its account with roles; for events also Google's agents."""
        email = runtime_email(endpoint, self._project)
        own = self._ready.get(email, [])
        if not isinstance(endpoint.trigger, EventTrigger):
            return own
        publishers = self._publishers if bucket_of(endpoint) is not None else []
        return [*own, *self._receivers[email], *self._agents_ready, *publishers]

    def _publisher(self, email: str) -> gcp.projects.IAMMember:
        return gcp.projects.IAMMember(
            f"{self._name}-agent-storage-pubsub.publisher",
            project=self._project,
            role="roles/pubsub.publisher",
            member=member(email),
            opts=self.child(depends_on=self._apis.of("cloudresourcemanager")),
        )

    def _account(self, account_id: str, title: str, description: str) -> gcp.serviceaccount.Account:
        account = gcp.serviceaccount.Account(
            f"{self._name}-{account_id}",
            project=self._project,
            account_id=account_id,
            display_name=title,
            description=description,
            opts=self.child(depends_on=self._apis.of("iam"), hooks=self._existing),
        )
        self.accounts[account_email(account_id, self._project)] = account
        return account

    def _grant(self, email: str, role: str) -> gcp.projects.IAMMember:
        """A role in the project, granted after its account exists: Google rejects it before."""
        short = short_name(email, self._project)
        account = self.accounts.get(email)
        return gcp.projects.IAMMember(
            f"{self._name}-{short}-{role.removeprefix('roles/')}",
            project=self._project,
            role=role,
            member=member(email),
            opts=self.child(
                depends_on=[*self._apis.of("cloudresourcemanager"), *([account] if account else [])]
            ),
        )

    def _backend(self, settings: GoogleSettings) -> None:
        account = self._account(BACKEND_ACCOUNT, "CRM backend", "The WhatsApp backend on Railway.")
        email = account_email(BACKEND_ACCOUNT, self._project)
        self.backend_ready = [self._grant(email, role) for role in settings.backend_roles]
        key = gcp.serviceaccount.Key(
            f"{self._name}-{BACKEND_ACCOUNT}-key",
            service_account_id=f"projects/{self._project}/serviceAccounts/{email}",
            # Another value creates another key; the old one is deleted at the end of the same `up`, when the
            # backend already uses the new one.
            keepers={"rotation": settings.key_rotation},
            opts=self.child(depends_on=[account]),
        )
        # The id is the name, and is known even if a read after the creation failed.
        self.backend_key_name = key.id
        # The IAM API returns the key file in base64 (`ServiceAccountKey`).
        self.backend_key = pulumi.Output.secret(key.private_key).apply(
            lambda encoded: base64.b64decode(encoded).decode()
        )

    def _functions(self, settings: GoogleSettings, endpoints: tuple[Endpoint, ...]) -> None:
        by_account: dict[str, tuple[str, ...]] = {}
        for endpoint in endpoints:
            if endpoint.service_account is None:
                secrets = tuple(sorted({use.secret for use in endpoint.secrets}))
                by_account[functions_account(secrets)] = secrets
        for account_id, secrets in sorted(by_account.items()):
            reads = ", ".join(secrets) or "no secret"
            account = self._account(account_id, "CRM functions", f"Functions that read {reads}."[:256])
            email = account_email(account_id, self._project)
            grants: list[pulumi.Resource] = [self._grant(email, role) for role in settings.functions_roles]
            if settings.functions_may_create_tokens:
                # Without a key, the Admin SDK's `createCustomToken` has the IAM Credentials API sign.
                grants.append(self._may_create_tokens(email, member(email), account_id, account))
            self._ready[email] = [account, *grants]

    def _may_create_tokens(
        self, email: str, who: pulumi.Input[str], name: str, *after: pulumi.Resource
    ) -> gcp.serviceaccount.IAMMember:
        """Tokens of this account only: in the whole project, the role would mean those of every account."""
        return gcp.serviceaccount.IAMMember(
            f"{self._name}-{name}-{TOKEN_CREATOR.removeprefix('roles/')}",
            service_account_id=f"projects/{self._project}/serviceAccounts/{email}",
            role=TOKEN_CREATOR,
            member=who,
            opts=self.child(depends_on=list(after) or self._apis.of("iam")),
        )

    def _events(self, receivers: list[str]) -> None:
        agents = {
            service: gcp.projects.ServiceIdentity(
                f"{self._name}-agent-{service}",
                project=self._project,
                service=f"{service}.googleapis.com",
                opts=self.child(depends_on=self._apis.of("serviceusage", service)),
            )
            for service in EVENTS
        }
        self._agents_ready = [*agents.values()]
        for email in receivers:
            self._receivers[email] = [self._grant(email, "roles/eventarc.eventReceiver")]
            if not email.endswith(f"@{self._project}.iam.gserviceaccount.com"):
                continue  # its project decides who creates its tokens
            # Pub/Sub delivers an event with a token of the receiver. Where its agent was enabled before
            # 2021-04-09, it needs this role (Eventarc docs, "Roles and permissions for Cloud Run functions
            # targets"); when that was, no API says. Google's example grants it in the whole project.
            account = self.accounts.get(email)
            self._receivers[email].append(
                self._may_create_tokens(
                    email,
                    agents["pubsub"].member,
                    f"agent-pubsub-{short_name(email, self._project)}",
                    *([account] if account else []),
                )
            )
