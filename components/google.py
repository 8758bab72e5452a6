"""The Google provider. Every Google resource of the program uses it.

The default provider is disabled in the stack files (`pulumi:disable-default-providers`), so that a resource
without a provider is an error, and is not deployed to the default project of gcloud.

The provider has no credentials in its inputs: the plugin reads GOOGLE_OAUTH_ACCESS_TOKEN, GOOGLE_CREDENTIALS
or the application default credentials. With a personal login, also set USER_PROJECT_OVERRIDE=true and
GOOGLE_BILLING_PROJECT, which the Firebase Rules API requires (pulumi-gcp, provider configuration).

The plugin does not list Compute Engine's regions: where that API is disabled, every command would end with a
warning. `settings.regions` checks the region. `gcp:skipRegionValidation` in a stack file has no effect on an
explicit provider, and the SDK's arguments do not have it, so it is added to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pulumi
import pulumi_gcp as gcp

from settings.model import GoogleSettings

BATCH_PAUSE = "1s"


def provider(settings: GoogleSettings) -> gcp.Provider:
    """The provider for the project and region of the settings.

    It depends on nothing, so that its plugin, which takes seconds to start, starts while the program runs.

    The plugin collects APIs to enable and changes of the project's IAM policy, and sends them together after
    a pause (`send_after`), by default 3 s. Enabling an API takes three such pauses, although the program
    declares all APIs at once. Without batches, each change of the policy is read back by itself, one after
    the other.
    """
    return gcp.Provider(
        "google",
        project=settings.project,
        region=settings.region,
        # `enable_batching` is the default, but false where another field of the block is set.
        # A dictionary would reach the plugin with Python's names, which it does not know.
        batching=gcp.ProviderBatchingArgs(enable_batching=True, send_after=BATCH_PAUSE),
        opts=pulumi.ResourceOptions(transformations=[_skip_region_validation]),
    )


def _skip_region_validation(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
    props = {**cast("Mapping[str, pulumi.Input[object]]", args.props), "skipRegionValidation": "true"}
    return pulumi.ResourceTransformationResult(props, args.opts)


def load_sdk() -> tuple[type[pulumi.CustomResource], ...]:
    """Import the slow modules of the SDK (0.25 s in all), which it imports when they are first used."""
    return (
        gcp.cloudfunctionsv2.Function,
        gcp.cloudrunv2.ServiceIamMember,
        gcp.cloudscheduler.Job,
        gcp.secretmanager.Secret,
        gcp.storage.Bucket,
    )


def account_email(account_id: str, project: str) -> str:
    """The e-mail of a service account. The account's output would be unknown in a preview."""
    return f"{account_id}@{project}.iam.gserviceaccount.com"


def short_name(email: str, project: str) -> str:
    """An account in names of resources: of this project by its name, another by its e-mail.

    Two accounts may have the same name in different projects.
    """
    name, _, domain = email.partition("@")
    return name if domain == f"{project}.iam.gserviceaccount.com" else email


def member(email: str) -> str:
    """The IAM member of a service account."""
    return f"serviceAccount:{email}"
