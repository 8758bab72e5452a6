"""The environment variables that make the program use a running sandbox.

They contain no secret: every value is the sandbox's own and public.
"""

from __future__ import annotations

RAILWAY_TOKEN = "sandbox-account-token"  # noqa: S105 - valid in the sandbox only
GOOGLE_TOKEN = "sandbox-google-token"  # noqa: S105 - valid in the sandbox only
GOOGLE_VIEWER_TOKEN = "sandbox-google-viewer-token"  # noqa: S105 - it may only read
GOOGLE_PROJECT = "crm-sandbox"

# Variable of the gcp plugin -> path of that product on the Google sandbox.
GOOGLE_ENDPOINTS = {
    "GOOGLE_FIRESTORE_CUSTOM_ENDPOINT": "/firestore/v1/",
    "GOOGLE_FIREBASERULES_CUSTOM_ENDPOINT": "/firebaserules/v1/",
    "GOOGLE_FIREBASE_STORAGE_CUSTOM_ENDPOINT": "/firebasestorage/v1beta/",
    "GOOGLE_CLOUDFUNCTIONS2_CUSTOM_ENDPOINT": "/cloudfunctions/v2beta/",
    "GOOGLE_CLOUD_RUN_V2_CUSTOM_ENDPOINT": "/run/v2/",
    "GOOGLE_SECRET_MANAGER_CUSTOM_ENDPOINT": "/secretmanager/v1/",
    "GOOGLE_IAM_BETA_CUSTOM_ENDPOINT": "/iam/v1/",
    "GOOGLE_RESOURCE_MANAGER_CUSTOM_ENDPOINT": "/crm/v1/",
    "GOOGLE_SERVICE_USAGE_CUSTOM_ENDPOINT": "/serviceusage/v1/",
    "GOOGLE_STORAGE_CUSTOM_ENDPOINT": "/storage/v1/",
    "GOOGLE_CLOUD_SCHEDULER_CUSTOM_ENDPOINT": "/cloudscheduler/v1/",
    "GOOGLE_PUBSUB_CUSTOM_ENDPOINT": "/pubsub/v1/",
    "GOOGLE_CLOUD_TASKS_CUSTOM_ENDPOINT": "/cloudtasks/v2/",
    "GOOGLE_EVENTARC_CUSTOM_ENDPOINT": "/eventarc/v1/",
    "GOOGLE_IDENTITY_PLATFORM_CUSTOM_ENDPOINT": "/identitytoolkit/v2/",
    "GOOGLE_LOGGING_CUSTOM_ENDPOINT": "/logging/v2/",
}


def endpoints(railway_url: str, google_url: str, firestore_host: str, proxy_url: str) -> dict[str, str]:
    """Return the variables that make the program and its plugins use a running sandbox.

    Args:
        railway_url: base URL of the Railway server, without a trailing slash.
        google_url: base URL of the Google server, without a trailing slash.
        firestore_host: `host:port` of the Firestore emulator.
        proxy_url: the proxy that refuses what has no endpoint on the sandbox.
    """
    return {
        "RAILWAY_API_URL": f"{railway_url}/graphql/v2",
        "RAILWAY_EDGE_URL": railway_url,
        "RAILWAY_API_TOKEN": RAILWAY_TOKEN,
        "RAILWAY_WAIT_SCALE": "0.1",  # the sandbox is faster than Railway: shorter waits between polls
        "GITHUB_API_URL": f"{railway_url}/github",
        "GOOGLE_EDGE_URL": google_url,
        "GOOGLE_OAUTH_ACCESS_TOKEN": GOOGLE_TOKEN,
        "GOOGLE_PROJECT": GOOGLE_PROJECT,
        "PULUMI_GCP_SKIP_REGION_VALIDATION": "true",  # the plugin has no endpoint setting for it
        "FIRESTORE_EMULATOR_HOST": firestore_host,
        **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), proxy_url),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost"),
        **{name: google_url + path for name, path in GOOGLE_ENDPOINTS.items()},
    }
