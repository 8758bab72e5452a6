"""The resource types that this plugin supports, by token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.engine.gcp import firestore, functions, iam, identities, jobs, secrets, storage

if TYPE_CHECKING:
    from sandbox.engine.gcp.model import ResourceType

RESOURCE_TYPES: dict[str, ResourceType] = {
    kind.pulumi_type: kind
    for kind in (
        firestore.BackupSchedule(),
        firestore.Database(),
        firestore.Field(),
        firestore.Index(),
        firestore.Ruleset(),
        functions.Function(),
        iam.AccountMember(),
        iam.ProjectMember(),
        iam.QueueBinding(),
        iam.SecretBinding(),
        iam.SecretMember(),
        iam.ServiceBinding(),
        iam.ServiceMember(),
        identities.Account(),
        identities.Key(),
        identities.Service(),
        identities.ServiceIdentity(),
        jobs.Job(),
        jobs.Queue(),
        jobs.Topic(),
        secrets.Secret(),
        secrets.SecretVersion(),
        storage.Bucket(),
        storage.BucketObject(),
    )
}
