"""The production of the WhatsApp CRM: settings -> components -> exports.

Read from top to bottom it is the runbook. Nothing is decided here: what the settings and the app mean is in
`settings.model` and `checkout.app`, how a part is made is in its component.
"""

from __future__ import annotations

import asyncio
import gc

import pulumi

from checkout.loading import load
from components.apis import Apis, ApisArgs
from components.backend import Backend, BackendArgs, BackendProject, BackendProjectArgs
from components.functions import Functions, FunctionsArgs
from components.google import load_sdk, provider
from components.guard import Guard, GuardArgs
from components.identities import Identities, IdentitiesArgs
from components.indexes import Indexes, IndexesArgs
from components.rules import Rules, RulesArgs
from components.secrets import Secrets, SecretsArgs
from components.verification import Verification, VerificationArgs, runner

gc.disable()  # the process lives for seconds: collecting while the SDKs load costs a sixth of a preview


async def production() -> dict[str, pulumi.Input[object]]:
    """Declare all of it; returns the stack's outputs."""
    settings, app = load()
    google = settings.google
    endpoints = tuple(endpoint for codebase in app.codebases for endpoint in codebase.endpoints)
    home = BackendProject(
        "railway",
        BackendProjectArgs(
            railway=settings.railway, stack_marker=f"{pulumi.get_project()}/{pulumi.get_stack()}"
        ),
    )
    here = pulumi.ResourceOptions(providers=[provider(google, after=home.project)])
    checked = pulumi.ResourceOptions(providers=[runner()])

    apis = Apis("apis", ApisArgs(google=google, codebases=app.codebases), here)
    identities = Identities("identities", IdentitiesArgs(google=google, endpoints=endpoints, apis=apis), here)
    rules = app.rules and Rules("rules", RulesArgs(google=google, rules=app.rules, apis=apis), here)
    indexes = Indexes(
        "indexes", IndexesArgs(google=google, indexes=app.indexes, fields=app.fields, apis=apis), here
    )
    backend = Backend(
        "backend",
        BackendArgs(
            railway=settings.railway,
            backend=settings.backend,
            home=home,
            service_account_json=identities.backend_key,
            after=[*identities.backend_ready, *indexes.ready],
        ),
    )
    await asyncio.to_thread(load_sdk)  # while Pulumi starts the plugins of what is declared so far
    secrets = Secrets(
        "secrets",
        SecretsArgs(
            google=google,
            secrets=settings.secrets,
            backend_url=backend.url,
            endpoints=endpoints,
            identities=identities,
            apis=apis,
        ),
        here,
    )
    functions = Functions(
        "functions",
        FunctionsArgs(
            google=google,
            codebases=app.codebases,
            apis=apis,
            identities=identities,
            secrets=secrets,
            after=indexes.ready,
        ),
        here,
    )
    verification = Verification(
        "verification",
        VerificationArgs(
            google=google, rules=rules, indexes=indexes, secrets=secrets, functions=functions, backend=backend
        ),
        checked,
    )

    parts = [home, apis, identities, rules, indexes, backend, secrets, functions, verification]
    Guard(
        "guard",
        GuardArgs(
            stack=settings.stack,
            volume=backend.volume,
            everything=[part for part in parts if part is not None],
        ),
    )
    return {
        "backend_url": backend.url,
        **({"backend_dns_records": backend.dns_records} if backend.dns_records else {}),
        "google_project": google.project,
        "function_urls": functions.urls,
        "ruleset": rules.ruleset_name if rules else None,
        "railway_project_id": backend.project_id,
        "railway_service_id": backend.service_id,
        "railway_volume_id": backend.volume.id,
    }


pulumi.run(production)
