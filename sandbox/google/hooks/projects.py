"""Resource Manager: projects and their policies. Refuses to create or delete projects: all are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sandbox.google import iam
from sandbox.google.generic import listing

if TYPE_CHECKING:
    from sandbox.google.request import Call, Handler
    from sandbox.google.store import Json


def get(call: Call) -> Json:
    return call.cloud.project(call.project)


def listed(call: Call) -> Json:
    return listing(call, [project for _, project in call.store.items("projects")], "projects")


def ancestry(call: Call) -> Json:
    return {"ancestor": [{"resourceId": {"type": "project", "id": call.project}}]}


def get_policy(call: Call) -> Json:
    return iam.read(call.cloud, "projects", call.project)


def set_policy(call: Call) -> Json:
    return iam.write(call, "projects", call.project, cast("Json", call.body.get("policy", {})))


def test(call: Call) -> Json:
    return {"permissions": call.body.get("permissions", [])}


HANDLERS: dict[str, Handler] = {
    "cloudresourcemanager.projects.get": get,
    "cloudresourcemanager.projects.list": listed,
    "cloudresourcemanager.projects.getAncestry": ancestry,
    "cloudresourcemanager.projects.getIamPolicy": get_policy,
    "cloudresourcemanager.projects.setIamPolicy": set_policy,
    "cloudresourcemanager.projects.testIamPermissions": test,
}
