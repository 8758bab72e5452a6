"""What the last successful `pulumi up` of a stack declared, from its state. The state only gives names and
values to look for: what is live is read from the clouds (`ops.readiness.context`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from components.verification_spec import Spec
from firebase.errors import JsonObject
from ops import access, stack

RAILWAY = "pulumi-python:dynamic/railway:"
INDEX_BUILDS = "pulumi-python:dynamic/firebase:IndexBuilds"
JOB = "gcp:cloudscheduler/job:Job"
PROJECT_MEMBER = "gcp:projects/iAMMember:IAMMember"
ANYBODY = "allUsers"


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What was declared.

    Args:
        spec: what the verification of that `up` looked for.
        state: the resources of the state.
        fields: full name of each Firestore field override, by its key.
        jobs: region and id of each Cloud Scheduler job.
        public: region and Cloud Run service of each function that anybody may call.
        project_roles: pairs of role and member that the program granted in the project.
        project_id, environment_id, service_id: Railway's ids.
        service: inputs of the service's settings: repo, branch, replicas.
        volume: inputs of the volume, with its id.
        domain: the service's domain on Railway.
        custom_domain: None if there is none.
        log_lines: what the backend's log must contain.
        backup_kinds: when Railway backs up the volume.
    """

    spec: Spec
    state: Sequence[JsonObject]
    fields: Mapping[str, str]
    jobs: Sequence[tuple[str, str]]
    public: frozenset[tuple[str, str]]
    project_roles: frozenset[tuple[str, str]]
    project_id: str
    environment_id: str
    service_id: str
    service: JsonObject
    volume: JsonObject
    domain: str
    custom_domain: str | None
    log_lines: Sequence[str]
    backup_kinds: Sequence[str]


def read(name: str) -> Declared:
    """What a stack declares.

    Args:
        name: the stack.

    Raises:
        StackError: there is no Pulumi CLI or no such stack, no `up` of it has succeeded, or its state lacks a
            part of the backend.
    """
    state = stack.resources(name)
    return of_state(name, state)


def of_state(name: str, state: Sequence[JsonObject], verified: Spec | None = None) -> Declared:
    """What the resources of a state declare; see `read`.

    Args:
        name: the stack.
        state: its resources.
        verified: what an `up` that is under way has verified; the state has it when the `up` has ended.
    """
    spec = stack.verification(name, state) if verified is None else verified
    settings = _only(name, state, "ServiceSettings")
    deployment = _only(name, state, "Deployment")
    volume = _one(name, state, RAILWAY + "Volume")
    custom = _all(state, RAILWAY + "CustomDomain")
    backups = _all(state, RAILWAY + "VolumeBackupSchedule")
    builds = _all(state, INDEX_BUILDS)
    return Declared(
        spec=spec,
        state=state,
        fields=cast("Mapping[str, str]", builds[0].get("fields") or {}) if builds else {},
        jobs=[(str(one["region"]), str(one["name"])) for one in _all(state, JOB)],
        public=frozenset(
            (str(one["location"]), _last(str(one["name"])))
            for one in _all(state, access.INVOKERS)
            if ANYBODY in cast("Sequence[str]", one.get("members") or ())
        ),
        project_roles=frozenset(
            (str(one["role"]), str(one["member"])) for one in _all(state, PROJECT_MEMBER)
        ),
        project_id=str(settings["project_id"]),
        environment_id=str(settings["environment_id"]),
        service_id=str(settings["service_id"]),
        service=settings,
        volume={**_inputs(volume), "id": volume["id"]},
        domain=str(deployment.get("domain") or ""),
        custom_domain=str(custom[0]["domain"]) if custom else None,
        log_lines=tuple(map(str, cast("Sequence[object]", deployment.get("log_expectations") or ()))),
        backup_kinds=tuple(
            str(kind) for one in backups for kind in cast("Sequence[object]", one.get("kinds") or ())
        ),
    )


def _only(name: str, state: Sequence[JsonObject], kind: str) -> JsonObject:
    return _inputs(_one(name, state, RAILWAY + kind))


def _one(name: str, state: Sequence[JsonObject], type_: str) -> JsonObject:
    for one in state:
        if one.get("type") == type_ and not one.get("delete"):
            return one
    what = f"the state of the stack {name} has no {type_.rpartition(':')[2]}"
    raise stack.StackError(what, f"pulumi up --stack {name}")


def _all(state: Sequence[JsonObject], type_: str) -> list[JsonObject]:
    return [_inputs(one) for one in state if one.get("type") == type_ and not one.get("delete")]


def _inputs(resource: JsonObject) -> JsonObject:
    return cast("JsonObject", resource.get("inputs") or {})


def _last(name: str) -> str:
    return name.rpartition("/")[2]
