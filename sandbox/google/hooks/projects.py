"""Resource Manager: projects and their policies. Projects cannot be created or deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sandbox.google import iam
from sandbox.google.generic import list_page

if TYPE_CHECKING:
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json


def get(request: ApiRequest) -> Json:
    return request.cloud.project(request.project)


def list_projects(request: ApiRequest) -> Json:
    return list_page(request, [project for _, project in request.store.items("projects")], "projects")


def ancestry(request: ApiRequest) -> Json:
    return {"ancestor": [{"resourceId": {"type": "project", "id": request.project}}]}


def get_policy(request: ApiRequest) -> Json:
    return iam.read_policy(request.cloud, "projects", request.project)


def set_policy(request: ApiRequest) -> Json:
    return iam.write_policy(
        request, "projects", request.project, cast("Json", request.body.get("policy", {}))
    )


def test(request: ApiRequest) -> Json:
    return {"permissions": request.body.get("permissions", [])}


HANDLERS: dict[str, Handler] = {
    "cloudresourcemanager.projects.get": get,
    "cloudresourcemanager.projects.list": list_projects,
    "cloudresourcemanager.projects.getAncestry": ancestry,
    "cloudresourcemanager.projects.getIamPolicy": get_policy,
    "cloudresourcemanager.projects.setIamPolicy": set_policy,
    "cloudresourcemanager.projects.testIamPermissions": test,
}
