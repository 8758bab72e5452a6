"""The sandbox's own controls: what no API of Railway can do, but a test or a person at the show must.

Refuses nothing that would be unreal at Railway: this is the hand of the world, not of a user. A user's hand
is an ordinary API call with the header `X-Sandbox-Actor: hand`.
"""

from __future__ import annotations

from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.railway import deploys, records, settings, volume_rules
from sandbox.railway.store import commit_hash, new_id
from sandbox.railway.tick import apply_due_changes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from starlette.requests import Request

    from sandbox.railway.store import Store

Json = dict[str, Any]


def is_watched(instance: records.Instance, changed: list[str]) -> bool:
    """Whether one of the changed files is one that the service watches."""
    patterns = [pattern.lstrip("/") for pattern in instance.watch_patterns]
    return not patterns or any(fnmatch(path, pattern) for path in changed for pattern in patterns)


class Admin:
    """The admin routes over one store.

    Args:
        store: the world.
        state_file: where it is kept, or None.
        begin_again: empties the world, the counters, the faults and the pauses.
    """

    def __init__(self, store: Store, state_file: Path | None, reset_all: Callable[[], None]) -> None:
        self.store = store
        self.state_file = state_file
        self.reset_all = reset_all

    def routes(self) -> list[Route]:
        """All routes of this module; what they change is written down at once."""

        def post(path: str, action: Callable[[Json, Request], Any]) -> Route:
            return Route(path, self.endpoint(action), methods=["POST"])

        def get(path: str, look: Callable[[Json, Request], Any]) -> Route:
            return Route(path, self.endpoint(look), methods=["GET"])

        return [
            get("/admin/state", lambda _body, _request: self.store.as_dict()),
            get("/admin/switches", lambda _body, _request: self.store.switches.as_dict()),
            post("/admin/switches", self.set_switches),
            post("/admin/reset", self.reset),
            post("/admin/clock", self.advance_clock),
            post("/admin/repos", self.push),
            post("/admin/tokens", self.add_token),
            post("/admin/workspaces", self.add_workspace),
            post("/admin/dns", self.set_dns),
            post("/admin/seal", self.seal_variable),
            post("/admin/deployments/{id}", self.set_deployment_status),
            get("/admin/volumes/{id}/files", self.list_files),
            post("/admin/volumes/{id}/files", self.write_files),
            post("/admin/volumes/{id}/restore", self.restore_volume),
            post("/admin/volumes/{id}/move", self.move_volume),
        ]

    def endpoint(self, action: Callable[[Json, Request], Any]) -> Callable[[Request], Awaitable[Response]]:
        """An action as a route: 400 for a wish that cannot be read, 404 for no such thing."""

        async def answer(request: Request) -> Response:
            apply_due_changes(self.store)
            try:
                body: Json = await request.json() if request.method == "POST" and await request.body() else {}
                result = action(body, request)
            except KeyError as error:
                return JSONResponse({"error": f"there is no {error}"}, 404)
            except (ValueError, TypeError) as error:
                return JSONResponse({"error": str(error)}, 400)
            if request.method == "POST":
                self.store.save(self.state_file)
            return JSONResponse(result)

        return answer

    def set_switches(self, body: Json, _: Request) -> Json:
        """Set switches by name."""
        self.store.switches.update(body)
        return self.store.switches.as_dict()

    def reset(self, body: Json, _: Request) -> Json:
        """A new world on the same port."""
        self.reset_all()
        return body

    def advance_clock(self, body: Json, _: Request) -> Json:
        """{"advance": seconds}: let time pass."""
        self.store.offset += float(body["advance"])
        apply_due_changes(self.store)
        return {"now": self.store.now()}

    def push(self, body: Json, _: Request) -> Json:
        """{"repo", "branch", "sha", "default_branch"}: push a commit; who follows the branch deploys.

        "changed": the files of the commit, matched against watchPatterns (SKIPPED where none fits);
        "checks": "pending" makes deployments with checkSuites wait; "delete": true removes the branch.
        """
        found = self.store.repos.setdefault(body["repo"], records.Repo(id=body["repo"], branches={}))
        if "default_branch" in body:
            found.default_branch = body["default_branch"]
        branch = body.get("branch", found.default_branch)
        if body.get("delete"):
            del found.branches[branch]
            return {"repo": found.id, "branches": found.branches, "deployments": []}
        before = found.branches.get(branch)
        found.branches[branch] = body.get("sha") or commit_hash()
        started: list[str] = []
        if before != found.branches[branch] and self.store.switches.autodeploy_on_push:
            started = [row.id for row in self.deploy_branch(found, branch, body)]
        return {"repo": found.id, "branches": found.branches, "deployments": started}

    def deploy_branch(self, repo: records.Repo, branch: str, body: Json) -> list[records.Deployment]:
        """Deploy every service whose trigger follows a branch, unless its autodeploy is off."""
        started: list[records.Deployment] = []
        for trigger in self.store.triggers.values():
            if (trigger.repository, trigger.branch) != (repo.id, branch):
                continue
            for row in list(self.store.instances.values()):
                place = (row.service_id, row.environment_id)
                if (
                    place != (trigger.service_id, trigger.environment_id)
                    or row.deleted_at
                    or not row.auto_deploy
                ):
                    continue
                outcome = None
                if "changed" in body and not is_watched(row, body["changed"]):
                    outcome = "skipped"
                elif trigger.check_suites and body.get("checks") == "pending":
                    outcome = "waiting"
                started.append(deploys.start(self.store, row, "push", outcome=outcome))
        return started

    def add_token(self, body: Json, _: Request) -> Json:
        """{"kind", "token", "workspace_id" | "project_id" and "environment_id"}; "revoke": true ends it."""
        if body.get("revoke"):
            for key in [row.id for row in self.store.tokens.values() if row.token == body["token"]]:
                del self.store.tokens[key]
            return {}
        if body["kind"] not in ("account", "workspace", "project"):
            raise ValueError("kind is account, workspace or project")
        created = records.Token(
            id=new_id(),
            token=body["token"],
            kind=body["kind"],
            name=body.get("name", body["kind"]),
            created_at=self.store.now(),
            workspace_id=body.get("workspace_id"),
            project_id=body.get("project_id"),
            environment_id=body.get("environment_id"),
        )
        self.store.tokens[created.id] = created
        return {"id": created.id}

    def add_workspace(self, body: Json, _: Request) -> Json:
        """{"name"}: another workspace."""
        created = records.Workspace(id=new_id(), name=body["name"], created_at=self.store.now())
        self.store.workspaces[created.id] = created
        return {"id": created.id}

    def set_dns(self, body: Json, _: Request) -> Json:
        """{"domain", "propagated"}: the DNS records of a custom domain are there, or gone."""
        for row in self.store.domains.values():
            if row.custom and row.domain == body["domain"] and row.deleted_at is None:
                row.dns_propagated = bool(body.get("propagated", True))
                return {"domain": row.domain, "propagated": row.dns_propagated}
        raise KeyError(body["domain"])

    def seal_variable(self, body: Json, _: Request) -> Json:
        """{"environment_id", "service_id", "name"}: seal a variable, as a person can in the dashboard."""
        for row in self.store.variables.values():
            if (row.environment_id, row.service_id, row.name) == (
                body["environment_id"],
                body.get("service_id"),
                body["name"],
            ):
                row.is_sealed = True
                return {"name": row.name}
        raise KeyError(body["name"])

    def set_deployment_status(self, body: Json, request: Request) -> Json:
        """{"status"}: put a deployment into a state now (for example CRASHED long after SUCCESS)."""
        found = self.store.deployments[request.path_params["id"]]
        deploys.set_status(found, body["status"], self.store.now())
        return {"id": found.id, "status": found.status}

    def instances(self, request: Request) -> list[records.VolumeInstance]:
        """The instances of the volume in the path, or that volume instance."""
        key = request.path_params["id"]
        rows = [row for row in self.store.volume_instances.values() if key in (row.volume_id, row.id)]
        if not rows:
            raise KeyError(key)
        return rows

    def list_files(self, _: Json, request: Request) -> Json:
        """The files on a volume, by environment."""
        return {row.environment_id: row.files for row in self.instances(request)}

    def write_files(self, body: Json, request: Request) -> Json:
        """{"path": "text"}: write files onto a volume."""
        for row in self.instances(request):
            row.files.update({str(path): str(text) for path, text in body.items()})
        return self.list_files(body, request)

    def restore_volume(self, body: Json, request: Request) -> Json:
        """Take a volume's deletion back, as the mail of Railway's offers for 48 hours."""
        for row in self.instances(request):
            volume_rules.restore(row)
        return {"restored": len(self.instances(request)), **body}

    def move_volume(self, body: Json, request: Request) -> Json:
        """Move a volume to a region with the service that it is on, as the dashboard does."""
        if body["region"] not in settings.REGIONS:
            raise ValueError(f"regions are {', '.join(settings.REGIONS)}")
        for row in self.instances(request):
            row.region = body["region"]
            for instance in self.store.instances.values():
                if (instance.service_id, instance.environment_id) == (row.service_id, row.environment_id):
                    instance.region = row.region
        return {"moved": len(self.instances(request)), **body}
