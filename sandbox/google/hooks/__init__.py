"""The behaviour that is specific to a product, one module per product; everything else is generic.

`HANDLERS` maps a method's id (or "version/id" for one version only) to its handler; `RAW` maps a first path
segment to an endpoint that no discovery document describes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.google.hooks import (
    firebase,
    firestore,
    firestore_backups,
    first_generation,
    functions,
    iam_credentials,
    identity_platform,
    logging,
    projects,
    pubsub,
    rules,
    run,
    scheduler,
    secrets,
    service_accounts,
    service_keys,
    services,
    storage,
    tasks,
    uploads,
)

if TYPE_CHECKING:
    from sandbox.google.hooks.uploads import RawEndpoint
    from sandbox.google.request import Handler

HANDLERS: dict[str, Handler] = {
    **firebase.HANDLERS,
    **firestore.HANDLERS,
    **firestore_backups.HANDLERS,
    **first_generation.HANDLERS,
    **functions.HANDLERS,
    **iam_credentials.HANDLERS,
    **identity_platform.HANDLERS,
    **logging.HANDLERS,
    **projects.HANDLERS,
    **pubsub.HANDLERS,
    **rules.HANDLERS,
    **run.HANDLERS,
    **scheduler.HANDLERS,
    **secrets.HANDLERS,
    **service_accounts.HANDLERS,
    **service_keys.HANDLERS,
    **services.HANDLERS,
    **storage.HANDLERS,
    **tasks.HANDLERS,
}

RAW: dict[str, RawEndpoint] = uploads.ENDPOINTS
