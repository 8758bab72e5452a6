"""Variables: single, many, shared, sealed; unrendered and as a deployment sees them.

Only a deployment sees the value of a sealed variable. Source: Railway's schema (skipDeploys, replace);
Railway docs, variables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import deploys, errors, records
from sandbox.railway.rendering import railway_variables, references, resolved_variables, user_variables
from sandbox.railway.writes import put_variables

if TYPE_CHECKING:
    from sandbox.railway.context import Context


def variables(
    _: None,
    context: Context,
    project_id: str,
    environment_id: str,
    service_id: str | None = None,
    unrendered: bool | None = None,
) -> dict[str, str | None]:
    """Return a service's variables, or the shared ones; the value of a sealed one is null."""
    context.reject_viewer()
    check_ids(context, project_id, environment_id, service_id)
    rows = user_variables(context.store, environment_id, service_id)
    found: dict[str, str | None] = {}
    if service_id is not None and (not unrendered or context.switches.railway_variables_in_unrendered):
        found |= railway_variables(context.store, service_id, environment_id)
    if unrendered or service_id is None:
        found |= {row.name: row.value for row in rows}
    else:
        found |= resolved_variables(context.store, service_id, environment_id)
    return {**found, **{row.name: None for row in rows if row.is_sealed}}


def for_deployment(
    _: None, context: Context, project_id: str, environment_id: str, service_id: str
) -> dict[str, str]:
    context.reject_viewer()
    check_ids(context, project_id, environment_id, service_id)
    return resolved_variables(context.store, service_id, environment_id)


def check_ids(context: Context, project_id: str, environment_id: str, service_id: str | None) -> None:
    """Reject ids that do not belong together.

    Raises:
        GraphQLError: unknown, no access, or of another project.
    """
    context.project(project_id)
    if context.environment(environment_id).project_id != project_id:
        raise context.missing_error("Environment")
    if service_id is not None and context.service(service_id).project_id != project_id:
        raise context.missing_error("Service")


def redeploy(context: Context, environment_id: str, service_id: str | None) -> None:
    """Deploy the service again; for a shared variable, every service that refers to it."""
    for row in list(context.store.instances.values()):
        if row.environment_id != environment_id or row.deleted_at is not None:
            continue
        if service_id is None:
            used = any(
                "shared." in reference
                for variable in user_variables(context.store, environment_id, row.service_id)
                for reference in references(variable.value)
            )
            if not used:
                continue
        elif row.service_id != service_id:
            continue
        deploys.redeploy_after_change(context.store, row)


def check_names(values: dict[str, Any]) -> None:
    """Reject what Railway rejects in a map of variables.

    Raises:
        GraphQLError: an empty name, or a value that is not a string.
    """
    for name, value in values.items():
        if not name.strip():
            raise errors.bad_input("Variable names cannot be empty")
        if not isinstance(value, str):
            raise errors.bad_input(f"Variable {name} must be a string")


def collection_upsert(_: None, context: Context, input: dict[str, Any]) -> bool:
    """Set many variables at once: one deployment, or none with skipDeploys."""
    service_id = input.get("service_id")
    check_ids(context, input["project_id"], input["environment_id"], service_id)
    check_names(input["variables"])
    put_variables(
        context, input["environment_id"], service_id, input["variables"], replace=bool(input.get("replace"))
    )
    if not input.get("skip_deploys") and context.switches.variable_upsert_deploys:
        redeploy(context, input["environment_id"], service_id)
    return True


def upsert(_: None, context: Context, input: dict[str, Any]) -> bool:
    values = {input["name"]: input["value"]}
    service_id = input.get("service_id")
    check_ids(context, input["project_id"], input["environment_id"], service_id)
    check_names(values)
    put_variables(context, input["environment_id"], service_id, values)
    if not input.get("skip_deploys") and context.switches.variable_upsert_deploys:
        redeploy(context, input["environment_id"], service_id)
    return True


def delete(_: None, context: Context, input: dict[str, Any]) -> bool:
    """Delete one variable; the deployment cannot be skipped."""
    service_id = input.get("service_id")
    check_ids(context, input["project_id"], input["environment_id"], service_id)
    if not put_variables(context, input["environment_id"], service_id, {input["name"]: None}):
        raise context.missing_error("Variable")
    redeploy(context, input["environment_id"], service_id)
    return True


def shared_configure(_: None, context: Context, input: dict[str, Any]) -> records.Variable:
    """Add a reference to a shared variable to services, and remove it from others."""
    check_ids(context, input["project_id"], input["environment_id"], None)
    name = input["name"]
    found = [row for row in user_variables(context.store, input["environment_id"], None) if row.name == name]
    if not found:
        raise context.missing_error("Variable")
    for service_id in (*input["enabled_service_ids"], *input["disabled_service_ids"]):
        check_ids(context, input["project_id"], input["environment_id"], service_id)
    for service_id in input["enabled_service_ids"]:
        put_variables(context, input["environment_id"], service_id, {name: f"${{{{shared.{name}}}}}"})
    for service_id in input["disabled_service_ids"]:
        put_variables(context, input["environment_id"], service_id, {name: None})
    return found[0]


def variable_references(source: records.Variable, _: Context) -> list[str]:
    return references(source.value)


def variable_service(source: records.Variable, context: Context) -> records.Service:
    return context.service(source.service_id or "")


def variable_environment(source: records.Variable, context: Context) -> records.Environment:
    return context.environment(source.environment_id)


FIELDS = {
    "Query.variables": variables,
    "Query.variablesForServiceDeployment": for_deployment,
    "Mutation.variableCollectionUpsert": collection_upsert,
    "Mutation.variableUpsert": upsert,
    "Mutation.variableDelete": delete,
    "Mutation.sharedVariableConfigure": shared_configure,
    "Variable.references": variable_references,
    "Variable.service": variable_service,
    "Variable.environment": variable_environment,
}
