"""The few calls outside the main products: a project's Firebase SDK config, billing, default account.

Refuses to manage apps or billing: every project of the sandbox has billing enabled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.google.request import Call, Handler
    from sandbox.google.store import Json


def sdk_config(call: Call) -> Json:
    return {
        "projectId": call.project,
        "databaseURL": f"https://{call.project}-default-rtdb.firebaseio.com",
        "storageBucket": f"{call.project}.firebasestorage.app",
        "locationId": "us-central",
    }


def get_project(call: Call) -> Json:
    project = call.cloud.project(call.project)
    return {
        "projectId": call.project,
        "projectNumber": project["projectNumber"],
        "displayName": project["name"],
        "name": f"projects/{call.project}",
        "resources": {"storageBucket": f"{call.project}.firebasestorage.app"},
        "state": "ACTIVE",
    }


def compute_project(call: Call) -> Json:
    """What is read of it: the default service account."""
    project = call.cloud.project(call.project)
    number = project["projectNumber"]
    return {
        "kind": "compute#project",
        "id": number,
        "name": call.project,
        "creationTimestamp": project["createTime"],
        "defaultServiceAccount": f"{number}-compute@developer.gserviceaccount.com",
    }


def billing(call: Call) -> Json:
    return {
        "name": f"projects/{call.project}/billingInfo",
        "projectId": call.project,
        "billingAccountName": "billingAccounts/000000-000000-000000",
        "billingEnabled": True,
    }


HANDLERS: dict[str, Handler] = {
    "firebase.projects.getAdminSdkConfig": sdk_config,
    "firebase.projects.get": get_project,
    "compute.projects.get": compute_project,
    "cloudbilling.projects.getBillingInfo": billing,
}
