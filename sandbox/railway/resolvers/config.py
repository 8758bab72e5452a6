"""The environment's config document: patches committed at once, staged, previewed, and how they ended.

Refuses to commit a part of what is staged: a commit takes everything that anybody staged. Source: Railway's
schema (environmentPatchCommit, environmentStageChanges); Railway docs, staged-changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import config_document, problems
from sandbox.railway import records as r
from sandbox.railway.connections import page
from sandbox.railway.store import new_id

if TYPE_CHECKING:
    from sandbox.railway.context import Call

Json = dict[str, Any]


def object_of(value: Any) -> Json:
    """A config document as sent.

    Raises:
        GraphQLError: it is no object.
    """
    if not isinstance(value, dict):
        raise problems.bad_input("Config must be an object")
    return value


def applied(
    call: Call, environment: r.Environment, patch: Json, message: str | None, *, skip_deploys: bool
) -> r.Patch:
    """Commit a patch and keep it in the environment's history."""
    now = call.now
    failed = config_document.commit(call, environment, patch, skip_deploys=skip_deploys)
    made = r.Patch(
        id=new_id(),
        environment_id=environment.id,
        patch=patch,
        created_at=now,
        updated_at=now,
        staged=False,
        message=message,
        applied_at=now + call.switches.patch_seconds,
        last_applied_error=failed,
    )
    call.store.patches[made.id] = made
    return made


def name_of(call: Call, made: r.Patch) -> str:
    """What the String of a commit is: nobody has written that down."""
    return {"patch_id": made.id, "workflow_id": f"workflow-{made.id}", "empty": ""}[
        call.switches.patch_commit_returns
    ]


def patch_commit(
    _: None, call: Call, environment_id: str, patch: Any = None, commit_message: str | None = None
) -> str:
    environment = call.environment(environment_id)
    made = applied(call, environment, object_of(patch or {}), commit_message, skip_deploys=False)
    return name_of(call, made)


def staged(call: Call, environment_id: str) -> r.Patch:
    """The environment's staged patch; an empty one where nothing is staged."""
    for row in call.store.patches.values():
        if row.environment_id == environment_id and row.staged:
            return row
    now = call.now
    made = r.Patch(
        id=new_id(), environment_id=environment_id, patch={}, created_at=now, updated_at=now, staged=True
    )
    call.store.patches[made.id] = made
    return made


def staged_changes(_: None, call: Call, environment_id: str) -> r.Patch:
    return staged(call, call.environment(environment_id).id)


def stage(_: None, call: Call, environment_id: str, input: Any, merge: bool | None = None) -> r.Patch:
    """Stage a patch, over or into what anybody has staged already."""
    environment = call.environment(environment_id)
    row, wanted = staged(call, environment.id), object_of(input)
    row.patch = join(row.patch, wanted) if merge else wanted
    row.updated_at = call.now
    return row


def join(base: Json, more: Json) -> Json:
    """Two patches as one; a null stays, since it is a wish to delete."""
    both = dict(base)
    for name, value in more.items():
        old = both.get(name)
        both[name] = join(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return both


def commit_staged(
    _: None,
    call: Call,
    environment_id: str,
    commit_message: str | None = None,
    skip_deploys: bool | None = None,
) -> str:
    """Commit everything that anybody staged."""
    environment = call.environment(environment_id)
    row = staged(call, environment.id)
    if not row.patch:
        raise problems.bad_input("No staged changes to commit")
    made = applied(call, environment, row.patch, commit_message, skip_deploys=bool(skip_deploys))
    del call.store.patches[row.id]
    return name_of(call, made)


def patches(_: None, call: Call, environment_id: str, **paging: Any) -> Json:
    """The applied patches, the newest first."""
    call.environment(environment_id)
    rows = [
        row for row in call.store.patches.values() if row.environment_id == environment_id and not row.staged
    ]
    return page(rows[::-1], call.switches.page_limit, **paging)


def patch_by_id(_: None, call: Call, id: str) -> r.Patch:
    call.known()
    found = call.store.patches.get(id)
    if found is None:
        raise call.missing("EnvironmentPatch")
    call.environment(found.environment_id)
    return found


def patch_status(source: r.Patch, call: Call) -> str:
    if source.staged:
        return "STAGED"
    return "COMMITTED" if (source.applied_at or 0) <= call.now else "APPLYING"


def patch_applied(source: r.Patch, call: Call) -> float | None:
    due = source.applied_at
    return due if due is not None and due <= call.now else None


def patch_error(source: r.Patch, call: Call) -> str | None:
    return source.last_applied_error if patch_applied(source, call) else None


def patch_text(source: r.Patch, _: Call, decrypt_variables: bool | None = None) -> Json:
    return source.patch if decrypt_variables else masked(source.patch)


def masked(patch: Json) -> Json:
    """A patch without the values of its variables."""
    shown: Json = {}
    for name, value in patch.items():
        if name in ("variables", "sharedVariables") and isinstance(value, dict):
            shown[name] = {
                key: {**entry, "value": config_document.MASK} if isinstance(entry, dict) else entry
                for key, entry in value.items()
            }
        else:
            shown[name] = masked(value) if isinstance(value, dict) else value
    return shown


def patch_environment(source: r.Patch, call: Call) -> r.Environment:
    return call.environment(source.environment_id)


def without_networking(change_set: Json) -> Json:
    """A change set as Railway takes it: domains are ignored without a word."""
    services = {
        key: {name: part for name, part in entry.items() if name != "networking"}
        for key, entry in (change_set.get("services") or {}).items()
    }
    return {**change_set, "services": services} if services else change_set


def operations(patch: Json, path: str = "") -> list[Json]:
    """The values that a change set writes, as operations."""
    found: list[Json] = []
    for name, value in patch.items():
        place = f"{path}.{name}".lstrip(".")
        if isinstance(value, dict) and value:
            found += operations(value, place)
        else:
            kind = "delete" if value is None else "update"
            found.append(
                {
                    "kind": kind,
                    "path": place,
                    "summary": f"{kind} {place}",
                    "status": "applied",
                    "outputs": None,
                }
            )
    return found


def preview_change_set(_: None, call: Call, environment_id: str, input: Any) -> Json:
    """Experimental at Railway: what a change set would do."""
    call.environment(environment_id)
    wanted = without_networking(object_of(input))
    return {"change_set": wanted, "diagnostics": [], "effects": [row["path"] for row in operations(wanted)]}


def apply_change_set(
    _: None,
    call: Call,
    environment_id: str,
    input: Any,
    commit_message: str | None = None,
    base_config_etag: str | None = None,
    wait_for_completion: bool | None = None,
) -> Json:
    """Experimental at Railway: a patch with a guard against somebody else's edit."""
    del wait_for_completion
    environment = call.environment(environment_id)
    if base_config_etag is not None and base_config_etag != config_document.etag(call.store, environment):
        raise problems.bad_input("Environment config has changed since baseConfigEtag")
    wanted = without_networking(object_of(input))
    count = len(call.store.deployments)
    made = applied(call, environment, wanted, commit_message, skip_deploys=False)
    started = list(call.store.deployments)[count:]
    return {**change_set_result(call, made), "deployment_id": started[-1] if started else None}


def change_set_result(call: Call, made: r.Patch) -> Json:
    """An applied change set as its result."""
    return {
        "id": made.id,
        "status": patch_status(made, call),
        "deployment_id": None,
        "staged_patch_id": None,
        "diagnostics": [],
        "changes": operations(made.patch),
    }


def change_set_apply(_: None, call: Call, environment_id: str, id: str) -> Json:
    found = patch_by_id(None, call, id)
    if found.environment_id != environment_id:
        raise call.missing("EnvironmentPatch")
    return change_set_result(call, found)


def workflow_status(_: None, call: Call, workflow_id: str) -> Json:
    call.known()
    found = call.store.patches.get(workflow_id.removeprefix("workflow-"))
    if found is None or not workflow_id.startswith("workflow-"):
        return {"status": "NotFound", "error": None}
    if patch_status(found, call) == "APPLYING":
        return {"status": "Running", "error": None}
    error = patch_error(found, call)
    return {"status": "Error" if error else "Complete", "error": error}


FIELDS = {
    "Query.environmentStagedChanges": staged_changes,
    "Query.environmentPatches": patches,
    "Query.environmentPatch": patch_by_id,
    "Query.environmentChangeSetApply": change_set_apply,
    "Query.workflowStatus": workflow_status,
    "Mutation.environmentPatchCommit": patch_commit,
    "Mutation.environmentStageChanges": stage,
    "Mutation.environmentPatchCommitStaged": commit_staged,
    "Mutation.environmentPreviewChangeSet": preview_change_set,
    "Mutation.environmentApplyChangeSet": apply_change_set,
    "EnvironmentPatch.status": patch_status,
    "EnvironmentPatch.appliedAt": patch_applied,
    "EnvironmentPatch.lastAppliedError": patch_error,
    "EnvironmentPatch.patch": patch_text,
    "EnvironmentPatch.environment": patch_environment,
}
