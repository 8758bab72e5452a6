"""The production of the WhatsApp CRM: settings -> components -> stack outputs.

Read from top to bottom it is the runbook. It only connects parts: what the settings and the app mean is in
`settings.model` and `checkout.app`, what a part creates is in its component.
"""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace

import pulumi

from checkout.load import load, shown_once
from components.apis import Apis, ApisArgs
from components.backend import Backend, BackendArgs, BackendProject, BackendProjectArgs
from components.database import Database, DatabaseArgs
from components.destroy_guard import Guard, GuardArgs
from components.functions import Functions, FunctionsArgs
from components.google import load_sdk, provider
from components.identities import Identities, IdentitiesArgs
from components.indexes import Indexes, IndexesArgs, component_name
from components.rules import Rules, RulesArgs
from components.secrets import SecretReaders, SecretReadersArgs, Secrets, SecretsArgs
from components.verification import Verification, VerificationArgs, runner

gc.disable()  # the process lives for seconds, and collecting while the SDKs load is a sixth of a preview


async def production() -> dict[str, pulumi.Input[object]]:
    """Declare all resources; returns the stack outputs."""
    settings, app = load()
    google = settings.google
    endpoints = tuple(endpoint for codebase in app.codebases for endpoint in codebase.endpoints)
    railway_project = BackendProject(
        "railway",
        BackendProjectArgs(
            railway=settings.railway, stack_marker=f"{pulumi.get_project()}/{pulumi.get_stack()}"
        ),
    )
    on_google = pulumi.ResourceOptions(providers=[provider(google)])
    on_runner = pulumi.ResourceOptions(providers=[runner()])
    await asyncio.to_thread(load_sdk)  # while Pulumi starts the plugins of Railway, Google and commands

    apis = Apis(
        "apis",
        ApisArgs(google=google, codebases=app.codebases, after=[railway_project.project]),
        on_google,
    )
    database = Database("database", DatabaseArgs(google=google, after=apis.of("firestore")), on_google)
    identities = Identities(
        "identities",
        IdentitiesArgs(google=google, endpoints=endpoints, apis=apis, storage_agent=app.storage_agent),
        on_google,
    )
    rules = Rules(
        "rules",
        RulesArgs(google=google, rules=app.rules, databases=app.databases, storage=app.storage, apis=apis),
        on_google,
    )
    indexes = Indexes(
        "indexes",
        IndexesArgs(google=google, indexes=app.indexes, fields=app.fields, database=database.database),
        on_google,
    )
    other_indexes = {
        one.database: Indexes(
            component_name(one.database),
            IndexesArgs(
                google=replace(google, firestore_database=one.database),
                indexes=one.indexes,
                fields=one.fields,
                database=database.database,
            ),
            on_google,
        )
        for one in app.databases
    }
    indexes_ready = [one for part in (indexes, *other_indexes.values()) for one in part.ready]
    backend = Backend(
        "backend",
        BackendArgs(
            railway=settings.railway,
            backend=settings.backend,
            project=railway_project,
            service_account_json=identities.backend_key,
            after=[*identities.backend_ready, *indexes_ready],
        ),
    )
    secrets = Secrets(
        "secrets",
        SecretsArgs(
            google=google,
            secrets=settings.secrets,
            backend_secret=app.backend_secret,
            backend_url=backend.url,
            endpoints=endpoints,
            identities=identities,
            apis=apis,
        ),
        on_google,
    )
    functions = Functions(
        "functions",
        FunctionsArgs(
            google=google,
            codebases=app.codebases,
            production=settings.production,
            allow_deletion=settings.functions.allow_function_deletion,
            apis=apis,
            identities=identities,
            secrets=secrets,
            backend_url=backend.url,
            after=indexes_ready,
        ),
        on_google,
    )
    readers = SecretReaders(
        "secret-readers",
        SecretReadersArgs(google=google, secrets=secrets, after=functions.ready),
        on_google,
    )
    verification = Verification(
        "verification",
        VerificationArgs(
            google=google,
            identities=identities,
            rules=rules,
            indexes=indexes,
            other_indexes=other_indexes,
            secrets=secrets,
            functions=functions,
            backend=backend,
        ),
        on_runner,
    )
    parts = [
        railway_project,
        apis,
        database,
        identities,
        rules,
        indexes,
        *other_indexes.values(),
        backend,
        secrets,
        functions,
        readers,
        verification,
    ]
    Guard(
        "guard",
        GuardArgs(
            stack=settings.stack,
            volume=backend.volume,
            database=database.database,
            components=parts,
        ),
    )
    return {
        "backend_url": backend.url,
        **({"backend_dns_records": backend.dns_records} if backend.dns_records else {}),
        "google_project": google.project,
        "function_urls": functions.urls,
        "ruleset": rules.ruleset_name,
        "railway_project_id": backend.project_id,
        "railway_service_id": backend.service_id,
        "railway_volume_id": backend.volume.id,
    }


pulumi.run(shown_once(production))
