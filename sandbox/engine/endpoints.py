"""The variables with which pulumi-gcp, the real one and the stand-in, talks to a Google of ours.

Refuses to name a project or a token: those are the caller's.
"""

from __future__ import annotations

# Variable's middle part: mount and version. `IAM_BETA` and not `IAM` is what service accounts go by.
_PATHS = {
    "FIRESTORE": "firestore/v1",
    "FIREBASERULES": "firebaserules/v1",
    "CLOUDFUNCTIONS2": "cloudfunctions/v2beta",
    "CLOUD_RUN_V2": "run/v2",
    "SECRET_MANAGER": "secretmanager/v1",
    "IAM_BETA": "iam/v1",
    "RESOURCE_MANAGER": "crm/v1",
    "SERVICE_USAGE": "serviceusage/v1",
    "STORAGE": "storage/v1",
    "CLOUD_SCHEDULER": "cloudscheduler/v1",
    "PUBSUB": "pubsub/v1",
    "CLOUD_TASKS": "cloudtasks/v2",
    "EVENTARC": "eventarc/v1",
}


def google_endpoints(url: str) -> dict[str, str]:
    """Return the `GOOGLE_<PRODUCT>_CUSTOM_ENDPOINT` variables for a server.

    Args:
        url: the server's base address, without a final slash.
    """
    return {f"GOOGLE_{name}_CUSTOM_ENDPOINT": f"{url}/{path}/" for name, path in _PATHS.items()}
