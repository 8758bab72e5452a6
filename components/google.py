"""The one Google provider. Every Google resource of the program comes from it and from nothing else.

It refuses the default provider (`pulumi:disable-default-providers` in the stack files names gcp): a forgotten
`provider=` must fail, not deploy to whatever project someone's gcloud points at. It takes no credential: the
plugin reads GOOGLE_OAUTH_ACCESS_TOKEN, GOOGLE_CREDENTIALS or the application default login, so none is in
state. Whoever deploys with a personal login also sets USER_PROJECT_OVERRIDE=true and GOOGLE_BILLING_PROJECT,
which the Firebase Rules API asks of such logins (pulumi-gcp, provider configuration).
"""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from settings.model import GoogleSettings


def provider(settings: GoogleSettings, after: pulumi.Resource) -> gcp.Provider:
    """The provider, bound to the project and region of the settings.

    Args:
        settings: Google's settings.
        after: what must have come to be before anything on Google is changed.
    """
    return gcp.Provider(
        "google",
        project=settings.project,
        region=settings.region,
        opts=pulumi.ResourceOptions(depends_on=[after]),
    )


def load_sdk() -> tuple[type[pulumi.CustomResource], ...]:
    """Load the slow parts of the SDK, a quarter of a second in all; they load when they are first named."""
    return (
        gcp.cloudfunctionsv2.Function,
        gcp.cloudrunv2.ServiceIamMember,
        gcp.cloudscheduler.Job,
        gcp.secretmanager.Secret,
        gcp.storage.Bucket,
    )


def account_email(account_id: str, project: str) -> str:
    """A service account's e-mail, computed.

    Computed and not taken from the account's output, so that a preview never shows it as unknown.
    """
    return f"{account_id}@{project}.iam.gserviceaccount.com"


def member(email: str) -> str:
    """The IAM member of a service account."""
    return f"serviceAccount:{email}"
