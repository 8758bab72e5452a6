"""The environment's config document: patches committed at once, staged or previewed, and their results.

Committing staged changes commits all of them, whoever staged them. Source: Railway's schema
(environmentPatchCommit, environmentStageChanges); Railway docs, staged-changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import config_document, errors, records
from sandbox.railway.connections import page
from sandbox.railway.resolvers import backups
from sandbox.railway.store import new_id

if TYPE_CHECKING:
    from sandbox.railway.context import Context

Json = dict[str, Any]


def require_object(value: Any) -> Json:
    """Return a config document as it was sent.

    Raises:
        GraphQLError: it is not an object.
    """
    if not isinstance(value, dict):
        raise errors.bad_input("Config must be an object")
    return value


def apply_patch(
    context: Context,
    environment: records.Environment,
    patch: Json,
    message: str | None,
    *,
    skip_deploys: bool,
) -> records.Patch:
    """Commit a patch and add it to the environment's history."""
    now = context.now
    failed = config_document.commit(context, environment, patch, skip_deploys=skip_deploys)
    created = records.Patch(
        id=new_id(),
        environment_id=environment.id,
        patch=patch,
        created_at=now,
        updated_at=now,
        staged=False,
        message=message,
        applied_at=now + context.switches.patch_seconds,
        last_applied_error=failed,
    )
    context.store.patches[created.id] = created
    return created


def commit_result(context: Context, created: records.Patch) -> str:
    """Return the String of a commit, as the switch sets it: it is not documented."""
    return {"patch_id": created.id, "workflow_id": f"workflow-{created.id}", "empty": ""}[
        context.switches.patch_commit_returns
    ]


def patch_commit(
    _: None, context: Context, environment_id: str, patch: Any = None, commit_message: str | None = None
) -> str:
    environment = context.environment(environment_id)
    created = apply_patch(
        context, environment, require_object(patch or {}), commit_message, skip_deploys=False
    )
    return commit_result(context, created)


def staged_patch(context: Context, environment_id: str) -> records.Patch:
    """Return the environment's staged patch; an empty one if nothing is staged."""
    for row in context.store.patches.values():
        if row.environment_id == environment_id and row.staged:
            return row
    now = context.now
    created = records.Patch(
        id=new_id(), environment_id=environment_id, patch={}, created_at=now, updated_at=now, staged=True
    )
    context.store.patches[created.id] = created
    return created


def staged_changes(_: None, context: Context, environment_id: str) -> records.Patch:
    return staged_patch(context, context.environment(environment_id).id)


def stage(
    _: None, context: Context, environment_id: str, input: Any, merge: bool | None = None
) -> records.Patch:
    """Stage a patch in place of what is staged already, or merged into it."""
    environment = context.environment(environment_id)
    row, requested = staged_patch(context, environment.id), require_object(input)
    row.patch = merge_patches(row.patch, requested) if merge else requested
    row.updated_at = context.now
    return row


def merge_patches(base: Json, more: Json) -> Json:
    """Merge two patches; a null stays, because it deletes."""
    both = dict(base)
    for name, value in more.items():
        old = both.get(name)
        both[name] = merge_patches(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return both


def commit_staged(
    _: None,
    context: Context,
    environment_id: str,
    commit_message: str | None = None,
    skip_deploys: bool | None = None,
) -> str:
    """Commit everything that is staged."""
    environment = context.environment(environment_id)
    row = staged_patch(context, environment.id)
    if not row.patch:
        raise errors.bad_input("No staged changes to commit")
    created = apply_patch(context, environment, row.patch, commit_message, skip_deploys=bool(skip_deploys))
    del context.store.patches[row.id]
    return commit_result(context, created)


def patches(_: None, context: Context, environment_id: str, **paging: Any) -> Json:
    """Return the applied patches, newest first."""
    context.environment(environment_id)
    rows = [
        row
        for row in context.store.patches.values()
        if row.environment_id == environment_id and not row.staged
    ]
    return page(rows[::-1], context.switches.page_limit, **paging)


def patch_by_id(_: None, context: Context, id: str) -> records.Patch:
    context.require_token()
    found = context.store.patches.get(id)
    if found is None:
        raise context.missing_error("EnvironmentPatch")
    context.environment(found.environment_id)
    return found


def patch_status(source: records.Patch, context: Context) -> str:
    if source.staged:
        return "STAGED"
    return "COMMITTED" if (source.applied_at or 0) <= context.now else "APPLYING"


def patch_applied(source: records.Patch, context: Context) -> float | None:
    due = source.applied_at
    return due if due is not None and due <= context.now else None


def patch_error(source: records.Patch, context: Context) -> str | None:
    return source.last_applied_error if patch_applied(source, context) else None


def patch_text(source: records.Patch, _: Context, decrypt_variables: bool | None = None) -> Json:
    return source.patch if decrypt_variables else masked(source.patch)


def masked(patch: Json) -> Json:
    """Return a patch without the values of its variables."""
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


def patch_environment(source: records.Patch, context: Context) -> records.Environment:
    return context.environment(source.environment_id)


def without_networking(change_set: Json) -> Json:
    """Return a change set without its domains, which Railway ignores without an error."""
    services = {
        key: {name: part for name, part in entry.items() if name != "networking"}
        for key, entry in (change_set.get("services") or {}).items()
    }
    return {**change_set, "services": services} if services else change_set


def operations(patch: Json, path: str = "") -> list[Json]:
    """Return the values that a change set writes, as operations."""
    found: list[Json] = []
    for name, value in patch.items():
        full_path = f"{path}.{name}".lstrip(".")
        if isinstance(value, dict) and value:
            found += operations(value, full_path)
        else:
            kind = "delete" if value is None else "update"
            found.append(
                {
                    "kind": kind,
                    "path": full_path,
                    "summary": f"{kind} {full_path}",
                    "status": "applied",
                    "outputs": None,
                }
            )
    return found


def preview_change_set(_: None, context: Context, environment_id: str, input: Any) -> Json:
    """Experimental at Railway: return what a change set would do."""
    context.environment(environment_id)
    requested = without_networking(require_object(input))
    return {
        "change_set": requested,
        "diagnostics": [],
        "effects": [row["path"] for row in operations(requested)],
    }


def apply_change_set(
    _: None,
    context: Context,
    environment_id: str,
    input: Any,
    commit_message: str | None = None,
    base_config_etag: str | None = None,
    wait_for_completion: bool | None = None,
) -> Json:
    """Experimental at Railway: apply a patch unless the config has changed since `baseConfigEtag`."""
    del wait_for_completion
    environment = context.environment(environment_id)
    if base_config_etag is not None and base_config_etag != config_document.etag(context.store, environment):
        raise errors.bad_input("Environment config has changed since baseConfigEtag")
    requested = without_networking(require_object(input))
    count = len(context.store.deployments)
    created = apply_patch(context, environment, requested, commit_message, skip_deploys=False)
    started = list(context.store.deployments)[count:]
    return {**change_set_result(context, created), "deployment_id": started[-1] if started else None}


def change_set_result(context: Context, created: records.Patch) -> Json:
    """Return an applied change set as a result."""
    return {
        "id": created.id,
        "status": patch_status(created, context),
        "deployment_id": None,
        "staged_patch_id": None,
        "diagnostics": [],
        "changes": operations(created.patch),
    }


def change_set_apply(_: None, context: Context, environment_id: str, id: str) -> Json:
    found = patch_by_id(None, context, id)
    if found.environment_id != environment_id:
        raise context.missing_error("EnvironmentPatch")
    return change_set_result(context, found)


def workflow_status(_: None, context: Context, workflow_id: str) -> Json:
    context.require_token()
    if workflow_id.startswith(backups.WORKFLOW):
        return backups.workflow_status(context, workflow_id)
    found = context.store.patches.get(workflow_id.removeprefix("workflow-"))
    if found is None or not workflow_id.startswith("workflow-"):
        return {"status": "NotFound", "error": None}
    if patch_status(found, context) == "APPLYING":
        return {"status": "Running", "error": None}
    error = patch_error(found, context)
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
