"""The state of a Railway sandbox from objects that were copied from a real account (`sandbox.copies`).

A copied deployment has come to its end: its history has the steps that Railway went through. A deployment
that was under way goes on by this sandbox's clock.
"""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import datetime
from typing import Any, cast

from sandbox.railway import deploys, records
from sandbox.railway.resolvers.backups import SCHEDULES
from sandbox.railway.store import Store, commit_hash, initial_store, new_id

Json = dict[str, Any]

PLACEHOLDER = "not-copied-by-the-rehearsal"
"""The value of every variable."""

PENDING_SECONDS = 48 * 3600.0
"""For how long Railway keeps a deleted volume (Railway docs, volumes/reference)."""

_STEPS = ("QUEUED", "INITIALIZING", "BUILDING", "DEPLOYING")
_OUTCOMES = {"CRASHED": "crashed", "SLEEPING": "sleeping"}
_FIELDS = {item.name for item in fields(records.Instance)}


def store_of(copy: Json) -> Store:
    """Return the state with a copy, and with the sandbox's own account token.

    Args:
        copy: `workspaces` (id -> name), `projects` (without content), `repos` (name -> branches), and, if the
            stack has a project, `project` and the content of its `environment`.

    Raises:
        KeyError: the copy is incomplete.
    """
    return _Loading(copy).load()


class _Loading:
    def __init__(self, copy: Json) -> None:
        self._copy = copy
        self._store = initial_store()
        self._now = self._store.now()

    def load(self) -> Store:
        store, copy, now = self._store, self._copy, self._now
        workspaces = cast("dict[str, str]", copy["workspaces"])
        store.tokens = {key: one for key, one in store.tokens.items() if one.kind == "account"}
        store.workspaces = {
            key: records.Workspace(id=key, name=name, created_at=now) for key, name in workspaces.items()
        }
        store.repos = {
            name: records.Repo(id=name, branches={branch: commit_hash() for branch in ("main", *branches)})
            for name, branches in cast("dict[str, list[str]]", copy["repos"]).items()
        }
        for one in cast("list[Json]", copy["projects"]):
            self._project(one)
        if "project" in copy:
            self._add(copy["project"])
        if "environment" in copy:
            self._content(copy["environment"])
        return store

    def _project(self, one: Json) -> records.Project:
        made = records.Project(
            id=one["id"],
            name=one["name"],
            created_at=self._now,
            updated_at=self._now,
            workspace_id=one["workspaceId"] or None,
            description=one["description"],
            base_environment_id=one.get("primaryEnvironmentId") or None,
        )
        self._store.projects[made.id] = made
        return made

    def _add(self, one: Json) -> None:
        """A project with the names of its parts."""
        store, now, project = self._store, self._now, self._project(one).id
        for it in one["environments"]:
            store.environments[it["id"]] = records.Environment(
                id=it["id"], project_id=project, name=it["name"], created_at=now, updated_at=now
            )
        for it in one["services"]:
            store.services[it["id"]] = records.Service(
                id=it["id"], project_id=project, name=it["name"], created_at=now, updated_at=now
            )
        for it in one["volumes"]:
            store.volumes[it["id"]] = records.Volume(
                id=it["id"], project_id=project, name=it["name"], created_at=now
            )

    def _content(self, environment: Json) -> None:
        """What is in the environment. Deployments come last: they copy settings and volumes."""
        place = cast("str", environment["id"])
        if "instances" not in environment:
            return
        self._variables(place, None, environment["variables"])
        for one in environment["volumes"]:
            self._volume(place, one)
        for one in environment["triggers"]:
            self._trigger(place, one)
        for one in environment["instances"]:
            self._instance(place, one)

    def _variables(self, environment: str, service: str | None, names: list[Json]) -> None:
        for one in names:
            made = records.Variable(
                id=new_id(),
                environment_id=environment,
                service_id=service,
                name=one["name"],
                value=PLACEHOLDER,
                created_at=self._now,
                updated_at=self._now,
                is_sealed=one["sealed"],
            )
            self._store.variables[made.id] = made

    def _volume(self, environment: str, one: Json) -> None:
        now = self._now
        schedules = [
            {"id": new_id(), "kind": kind, "created_at": now}
            for kind in SCHEDULES
            if kind in one["backupKinds"]
        ]
        made = records.VolumeInstance(
            id=one["id"],
            volume_id=one["volumeId"],
            environment_id=environment,
            service_id=one["serviceId"],
            mount_path=one["mountPath"],
            size_mb=one["sizeMB"],
            created_at=now,
            visible_at=0,
            ready_at=0,
            region=one["region"],
            is_pending_deletion=one["deleted"],
            delete_due=now + PENDING_SECONDS if one["deleted"] else None,
            backup_schedules=schedules,
            backups=[_backup(it) for it in one["backups"]],
        )
        self._store.volume_instances[made.id] = made

    def _trigger(self, environment: str, one: Json) -> None:
        repository, branch = one["repository"], one["branch"]
        repo = self._store.repos.setdefault(
            repository, records.Repo(id=repository, branches={"main": commit_hash()})
        )
        repo.branches.setdefault(branch, commit_hash())
        self._store.triggers[one["id"]] = records.Trigger(
            id=one["id"],
            project_id=self._store.environments[environment].project_id,
            environment_id=environment,
            service_id=one["serviceId"],
            provider="github",
            repository=repository,
            branch=branch,
            check_suites=one["checkSuites"],
            visible_at=0,
        )

    def _instance(self, environment: str, one: Json) -> None:
        store, now, service = self._store, self._now, one["serviceId"]
        made = records.Instance(
            id=one["id"],
            service_id=service,
            environment_id=environment,
            created_at=now,
            updated_at=now,
            visible_at=0,
            multi_region_config=one["multiRegionConfig"],
            limit_override=one["limits"],
        )
        for name, value in cast("Json", one["settings"]).items():
            attribute = _snake_case(name)
            if value is not None and attribute in _FIELDS:
                setattr(made, attribute, value)
        source = cast("Json", one["settings"].get("source") or {})
        made.source_repo, made.source_image = source.get("repo"), source.get("image")
        store.instances[made.id] = made
        self._variables(environment, service, one["variables"])
        project = store.environments[environment].project_id
        for it in one["domains"]:
            store.domains[it["id"]] = records.Domain(
                id=it["id"],
                service_id=service,
                environment_id=environment,
                project_id=project,
                domain=it["domain"],
                created_at=now,
                updated_at=now,
                active_at=0,
                custom=it.get("custom", False),
                target_port=it["targetPort"],
                dns_propagated=it.get("verified", False),
                verification_token=new_id() if it.get("custom") else "",
            )
        for it in one["tcpProxies"]:
            store.tcp_proxies[it["id"]] = records.TcpProxy(
                id=it["id"],
                service_id=service,
                environment_id=environment,
                domain=it["domain"],
                application_port=it["applicationPort"],
                proxy_port=it["proxyPort"],
                created_at=now,
                updated_at=now,
                active_at=0,
            )
        for it in one["deployments"]:
            self._deployment(made, it)

    def _deployment(self, instance: records.Instance, one: Json) -> None:
        store = self._store
        source, branch, newest = deploys.source_head(store, instance)
        at, status, seconds = _epoch(one["createdAt"]), one["status"], store.switches.deploy_step_seconds
        commit = one["commit"] or newest
        if source is not None and branch is not None and one["commit"]:
            # Railway does not say what the branch's newest commit is.
            store.repos[source].branches[branch] = one["commit"]
        made = records.Deployment(
            id=one["id"],
            project_id=store.environments[instance.environment_id].project_id,
            environment_id=instance.environment_id,
            service_id=instance.service_id,
            created_at=at,
            step_seconds=seconds,
            outcome=_OUTCOMES.get(status, "success"),
            reason=one["reason"] or "deploy",
            status=status,
            status_updated_at=at,
            repo=source,
            branch=branch,
            image=None if source else instance.source_image,
            commit_hash=commit if source else None,
            variables={
                row.name: row.value
                for row in store.variables.values()
                if (row.environment_id, row.service_id) == (instance.environment_id, instance.service_id)
            },
            settings=deploys.copied_settings(instance),
            mounts=deploys.mounts(store, instance),
        )
        if status not in _STEPS:
            made.history = [[step, at + number * seconds] for number, step in enumerate(_STEPS)]
            if status in ("CRASHED", "SLEEPING"):
                made.history.append(["SUCCESS", at + len(_STEPS) * seconds])
        made.history.append([status, at + len(made.history) * seconds])
        store.deployments[made.id] = made


def _backup(one: Json) -> Json:
    return {
        "id": one["id"],
        "name": one["name"],
        "created_at": _epoch(one["createdAt"]),
        "expires_at": _epoch(one["expiresAt"]) if one["expiresAt"] else None,
        "schedule_id": None,
        "creator_id": None,
        "external_id": f"copy-{one['id']}",
        "referenced_mb": one["usedMB"],
        "used_mb": one["usedMB"],
        "volume_instance_size_mb": None,
        "error": None,
    }


def _snake_case(name: str) -> str:
    return re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", name)


def _epoch(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
