"""Variables: one, many, shared, sealed; as they were written and as a deployment sees them.

Refuses to show a sealed value to anybody but a deployment. Source: Railway's schema (skipDeploys, replace);
Railway docs, variables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import deploys, problems
from sandbox.railway import records as r
from sandbox.railway.rendering import authored, provided, references, rendered
from sandbox.railway.writes import put_variables

if TYPE_CHECKING:
    from sandbox.railway.context import Call


def variables(
    _: None,
    call: Call,
    project_id: str,
    environment_id: str,
    service_id: str | None = None,
    unrendered: bool | None = None,
) -> dict[str, str | None]:
    """A service's variables, or the shared ones; a sealed one shows no value."""
    check(call, project_id, environment_id, service_id)
    rows = authored(call.store, environment_id, service_id)
    found: dict[str, str | None] = {}
    if service_id is not None and (not unrendered or call.switches.railway_variables_in_unrendered):
        found |= provided(call.store, service_id, environment_id)
    if unrendered or service_id is None:
        found |= {row.name: row.value for row in rows}
    else:
        found |= rendered(call.store, service_id, environment_id)
    return {**found, **{row.name: None for row in rows if row.is_sealed}}


def for_deployment(
    _: None, call: Call, project_id: str, environment_id: str, service_id: str
) -> dict[str, str]:
    check(call, project_id, environment_id, service_id)
    return rendered(call.store, service_id, environment_id)


def check(call: Call, project_id: str, environment_id: str, service_id: str | None) -> None:
    """Refuse places that do not belong together.

    Raises:
        GraphQLError: unknown, foreign, or of another project.
    """
    call.project(project_id)
    if call.environment(environment_id).project_id != project_id:
        raise call.missing("Environment")
    if service_id is not None and call.service(service_id).project_id != project_id:
        raise call.missing("Service")


def redeploy(call: Call, environment_id: str, service_id: str | None) -> None:
    """Deploy the service again, or for a shared variable every service that refers to it."""
    for row in list(call.store.instances.values()):
        if row.environment_id != environment_id or row.deleted_at is not None:
            continue
        if service_id is None:
            used = any(
                "shared." in reference
                for variable in authored(call.store, environment_id, row.service_id)
                for reference in references(variable.value)
            )
            if not used:
                continue
        elif row.service_id != service_id:
            continue
        deploys.after_change(call.store, row)


def check_names(values: dict[str, Any]) -> None:
    """Refuse what Railway would not take as a map of variables.

    Raises:
        GraphQLError: an empty name, or a value that is no text.
    """
    for name, value in values.items():
        if not name.strip():
            raise problems.bad_input("Variable names cannot be empty")
        if not isinstance(value, str):
            raise problems.bad_input(f"Variable {name} must be a string")


def collection_upsert(_: None, call: Call, input: dict[str, Any]) -> bool:
    """Set many variables at once: one deployment, or none with skipDeploys."""
    service_id = input.get("service_id")
    check(call, input["project_id"], input["environment_id"], service_id)
    check_names(input["variables"])
    put_variables(
        call, input["environment_id"], service_id, input["variables"], replace=bool(input.get("replace"))
    )
    if not input.get("skip_deploys") and call.switches.variable_upsert_deploys:
        redeploy(call, input["environment_id"], service_id)
    return True


def upsert(_: None, call: Call, input: dict[str, Any]) -> bool:
    values = {input["name"]: input["value"]}
    service_id = input.get("service_id")
    check(call, input["project_id"], input["environment_id"], service_id)
    check_names(values)
    put_variables(call, input["environment_id"], service_id, values)
    if not input.get("skip_deploys") and call.switches.variable_upsert_deploys:
        redeploy(call, input["environment_id"], service_id)
    return True


def delete(_: None, call: Call, input: dict[str, Any]) -> bool:
    """Delete one variable; there is no way to skip the deployment."""
    service_id = input.get("service_id")
    check(call, input["project_id"], input["environment_id"], service_id)
    if not put_variables(call, input["environment_id"], service_id, {input["name"]: None}):
        raise call.missing("Variable")
    redeploy(call, input["environment_id"], service_id)
    return True


def shared_configure(_: None, call: Call, input: dict[str, Any]) -> r.Variable:
    """Give services a reference to a shared variable, and take it from others."""
    check(call, input["project_id"], input["environment_id"], None)
    name = input["name"]
    found = [row for row in authored(call.store, input["environment_id"], None) if row.name == name]
    if not found:
        raise call.missing("Variable")
    for service_id in (*input["enabled_service_ids"], *input["disabled_service_ids"]):
        check(call, input["project_id"], input["environment_id"], service_id)
    for service_id in input["enabled_service_ids"]:
        put_variables(call, input["environment_id"], service_id, {name: f"${{{{shared.{name}}}}}"})
    for service_id in input["disabled_service_ids"]:
        put_variables(call, input["environment_id"], service_id, {name: None})
    return found[0]


def variable_references(source: r.Variable, _: Call) -> list[str]:
    return references(source.value)


def variable_service(source: r.Variable, call: Call) -> r.Service:
    return call.service(source.service_id or "")


def variable_environment(source: r.Variable, call: Call) -> r.Environment:
    return call.environment(source.environment_id)


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
