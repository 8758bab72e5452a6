"""Calls outside the main products: a project's Firebase SDK config, billing, default service account.

Apps and billing accounts are not managed: every project of the sandbox has billing enabled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.google.errors import ApiError

if TYPE_CHECKING:
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json


def sdk_config(request: ApiRequest) -> Json:
    return {
        "projectId": request.project,
        "databaseURL": f"https://{request.project}-default-rtdb.firebaseio.com",
        "storageBucket": f"{request.project}.firebasestorage.app",
        "locationId": "us-central",
    }


def get_project(request: ApiRequest) -> Json:
    project = request.cloud.project(request.project)
    return {
        "projectId": request.project,
        "projectNumber": project["projectNumber"],
        "displayName": project["name"],
        "name": f"projects/{request.project}",
        "resources": {"storageBucket": f"{request.project}.firebasestorage.app"},
        "state": "ACTIVE",
    }


def default_bucket(request: ApiRequest) -> Json:
    """Return the default bucket: the one of the project's name that exists, of the newer form first."""
    project = request.project
    for bucket in (f"{project}.firebasestorage.app", f"{project}.appspot.com"):
        if request.store.get("storage/buckets", bucket) is not None:
            return {
                "name": f"projects/{project}/defaultBucket",
                "bucket": {"name": f"projects/{project}/buckets/{bucket}"},
            }
    raise ApiError("NOT_FOUND", f"Requested entity was not found: projects/{project}/defaultBucket")


def compute_project(request: ApiRequest) -> Json:
    """Return the part of a project that clients read: the default service account."""
    project = request.cloud.project(request.project)
    number = project["projectNumber"]
    return {
        "kind": "compute#project",
        "id": number,
        "name": request.project,
        "creationTimestamp": project["createTime"],
        "defaultServiceAccount": f"{number}-compute@developer.gserviceaccount.com",
    }


def billing(request: ApiRequest) -> Json:
    return {
        "name": f"projects/{request.project}/billingInfo",
        "projectId": request.project,
        "billingAccountName": "billingAccounts/000000-000000-000000",
        "billingEnabled": True,
    }


HANDLERS: dict[str, Handler] = {
    "firebase.projects.getAdminSdkConfig": sdk_config,
    "firebase.projects.get": get_project,
    "firebasestorage.projects.getDefaultBucket": default_bucket,
    "compute.projects.get": compute_project,
    "cloudbilling.projects.getBillingInfo": billing,
}
