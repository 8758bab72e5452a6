"""Admin routes: control of the sandbox that no Railway API offers, for tests and the demo.

They bypass Railway's rules: a route may put the state into any form that Railway itself could reach. An edit
that a user makes in Railway's dashboard is an ordinary API call with the header `X-Sandbox-Actor: manual`.
"""

from __future__ import annotations

from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.railway import deploys, records, settings, volume_rules
from sandbox.railway.resolvers import backups
from sandbox.railway.store import commit_hash, new_id
from sandbox.railway.tick import apply_due_changes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from starlette.requests import Request

    from sandbox.railway.store import Store

Json = dict[str, Any]

REPLICA_STATUSES = {
    "CRASHED", "CREATED", "EXITED", "INITIALIZING", "REMOVED", "REMOVING", "RESTARTING", "RUNNING", "SKIPPED",
    "STOPPED",
}  # fmt: skip
"""DeploymentInstanceStatus in Railway's schema."""


def is_watched(instance: records.Instance, changed: list[str]) -> bool:
    """Return whether a changed file matches the service's watch patterns."""
    patterns = [pattern.lstrip("/") for pattern in instance.watch_patterns]
    return not patterns or any(fnmatch(path, pattern) for path in changed for pattern in patterns)


class Admin:
    """The admin routes of one store.

    Args:
        store: the state.
        state_file: the file in which it is kept, or None.
        reset_all: clears the state, the counters, the faults and the request holds.
    """

    def __init__(self, store: Store, state_file: Path | None, reset_all: Callable[[], None]) -> None:
        self.store = store
        self.state_file = state_file
        self.reset_all = reset_all

    def routes(self) -> list[Route]:
        """Return the routes. Each POST saves the state."""

        def post(path: str, action: Callable[[Json, Request], Any]) -> Route:
            return Route(path, self.endpoint(action), methods=["POST"])

        def get(path: str, action: Callable[[Json, Request], Any]) -> Route:
            return Route(path, self.endpoint(action), methods=["GET"])

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
            post("/admin/deployments/{id}", self.set_deployment),
            get("/admin/volumes/{id}/files", self.list_files),
            post("/admin/volumes/{id}/files", self.write_files),
            post("/admin/volumes/{id}/fill", self.fill),
            post("/admin/volumes/{id}/backups", self.back_up),
            post("/admin/volumes/{id}/backups/age", self.age_backups),
            post("/admin/volumes/{id}/restore", self.restore_volume),
            post("/admin/volumes/{id}/move", self.move_volume),
        ]

    def endpoint(self, action: Callable[[Json, Request], Any]) -> Callable[[Request], Awaitable[Response]]:
        """Wrap an action as a route: 400 for an invalid body, 404 for an unknown object."""

        async def respond(request: Request) -> Response:
            apply_due_changes(self.store)
            try:
                body: Json = await request.json() if request.method == "POST" and await request.body() else {}
                result = action(body, request)
            except KeyError as error:
                return JSONResponse({"error": f"not found: {error}"}, 404)
            except (ValueError, TypeError) as error:
                return JSONResponse({"error": str(error)}, 400)
            if request.method == "POST":
                self.store.save(self.state_file)
            return JSONResponse(result)

        return respond

    def set_switches(self, body: Json, _: Request) -> Json:
        """Set switches by name."""
        self.store.switches.update(body)
        return self.store.switches.as_dict()

    def reset(self, body: Json, _: Request) -> Json:
        """Replace the state by the initial one, on the same port."""
        self.reset_all()
        return body

    def advance_clock(self, body: Json, _: Request) -> Json:
        """{"advance": seconds}: move the sandbox's clock forward."""
        self.store.offset += float(body["advance"])
        apply_due_changes(self.store)
        return {"now": self.store.now()}

    def push(self, body: Json, _: Request) -> Json:
        """{"repo", "branch", "sha", "default_branch"}: push a commit; deploys the services of the branch.

        "changed": the files of the commit, matched against watchPatterns (status SKIPPED if none matches);
        "checks": "pending" puts deployments with checkSuites into WAITING; "delete": true deletes the branch.
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
                instance_key = (row.service_id, row.environment_id)
                if (
                    instance_key != (trigger.service_id, trigger.environment_id)
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
        """{"kind", "token"} and "workspace_id", or "project_id" and "environment_id": add a token.

        "viewer": true makes it one that changes nothing and sees no variables; "revoke": true removes it.
        """
        if body.get("revoke"):
            for key in [row.id for row in self.store.tokens.values() if row.token == body["token"]]:
                del self.store.tokens[key]
            return {}
        if body["kind"] not in ("account", "workspace", "project"):
            raise ValueError("kind must be account, workspace or project")
        created = records.Token(
            id=new_id(),
            token=body["token"],
            kind=body["kind"],
            name=body.get("name", body["kind"]),
            created_at=self.store.now(),
            workspace_id=body.get("workspace_id"),
            project_id=body.get("project_id"),
            environment_id=body.get("environment_id"),
            viewer=bool(body.get("viewer")),
        )
        self.store.tokens[created.id] = created
        return {"id": created.id}

    def add_workspace(self, body: Json, _: Request) -> Json:
        """{"name"}: add a workspace."""
        created = records.Workspace(id=new_id(), name=body["name"], created_at=self.store.now())
        self.store.workspaces[created.id] = created
        return {"id": created.id}

    def set_dns(self, body: Json, _: Request) -> Json:
        """{"domain", "propagated"}: set whether the DNS records of a custom domain have propagated."""
        for row in self.store.domains.values():
            if row.custom and row.domain == body["domain"] and row.deleted_at is None:
                row.dns_propagated = bool(body.get("propagated", True))
                return {"domain": row.domain, "propagated": row.dns_propagated}
        raise KeyError(body["domain"])

    def seal_variable(self, body: Json, _: Request) -> Json:
        """{"environment_id", "service_id", "name"}: seal a variable (at Railway only the dashboard can)."""
        for row in self.store.variables.values():
            if (row.environment_id, row.service_id, row.name) == (
                body["environment_id"],
                body.get("service_id"),
                body["name"],
            ):
                row.is_sealed = True
                return {"name": row.name}
        raise KeyError(body["name"])

    def set_deployment(self, body: Json, request: Request) -> Json:
        """{"status"}: set the status of a deployment, for example CRASHED after SUCCESS.

        "replicas": the DeploymentInstanceStatus of each replica, [] to derive them from the status again;
        "restarted": the seconds since each start of the same process after the first one, as in a crash loop.
        """
        found = self.store.deployments[request.path_params["id"]]
        if not {"status", "replicas", "restarted"} & body.keys():
            raise KeyError("status")
        unknown = {*body.get("replicas", ())} - REPLICA_STATUSES
        if unknown:
            raise ValueError(f"replicas must be among {', '.join(sorted(REPLICA_STATUSES))}")
        if "restarted" in body:
            if found.runs:
                raise ValueError("a process decides when this deployment starts again")
            found.restarted_at = sorted(self.store.now() - float(ago) for ago in body["restarted"])
        if "replicas" in body:
            found.replicas = list(body["replicas"])
        if "status" in body:
            deploys.set_status(found, body["status"], self.store.now())
        return {"id": found.id, "status": found.status}

    def instances(self, request: Request) -> list[records.VolumeInstance]:
        """Return the volume instances of the id in the path, which is a volume's or a volume instance's."""
        key = request.path_params["id"]
        rows = [row for row in self.store.volume_instances.values() if key in (row.volume_id, row.id)]
        if not rows:
            raise KeyError(key)
        return rows

    def list_files(self, _: Json, request: Request) -> Json:
        """Return the files on a volume, by environment."""
        return {row.environment_id: self.store.contents.files(row) for row in self.instances(request)}

    def write_files(self, body: Json, request: Request) -> Json:
        """{"path": "text"}: write files to a volume."""
        for row in self.instances(request):
            self.store.contents.write(row, {str(path): str(text) for path, text in body.items()})
        return self.list_files(body, request)

    def fill(self, body: Json, request: Request) -> Json:
        """{"other_mb"}: how much data is on a volume beside the files that the sandbox stores."""
        other_mb = float(body["other_mb"])
        if other_mb < 0:
            raise ValueError("other_mb must not be negative")
        for row in self.instances(request):
            row.other_mb = other_mb
        return {"used_mb": [backups.used_mb(self.store, row) for row in self.instances(request)]}

    def back_up(self, _: Json, request: Request) -> Json:
        """Make the next backup of each schedule."""
        made = 0
        for row in self.instances(request):
            for schedule in row.backup_schedules:
                name, used = str(schedule["kind"]).capitalize(), backups.used_mb(self.store, row)
                row.backups.append(backups.taken(row, name, self.store.now(), used, schedule))
                made += 1
        return {"made": made}

    def age_backups(self, body: Json, request: Request) -> Json:
        """{"seconds"}: make the backups of a volume older, as if no other had been made since."""
        seconds, aged = float(body["seconds"]), 0
        for row in self.instances(request):
            for backup in row.backups:
                for name in ("created_at", "expires_at"):
                    if backup[name] is not None:
                        backup[name] -= seconds
                aged += 1
        return {"aged": aged}

    def restore_volume(self, body: Json, request: Request) -> Json:
        """Restore a deleted volume, as Railway's e-mail offers for 48 hours after the deletion."""
        for row in self.instances(request):
            volume_rules.restore(row)
        return {"restored": len(self.instances(request)), **body}

    def move_volume(self, body: Json, request: Request) -> Json:
        """Move a volume and its service to another region, as the dashboard does."""
        if body["region"] not in settings.REGIONS:
            raise ValueError(f"region must be one of {', '.join(settings.REGIONS)}")
        for row in self.instances(request):
            row.region = body["region"]
            for instance in self.store.instances.values():
                if (instance.service_id, instance.environment_id) == (row.service_id, row.environment_id):
                    instance.region = row.region
        return {"moved": len(self.instances(request)), **body}
