"""The GraphQL endpoint: rate limits first, then parsing, validation and authorisation, then the effect.

A document that the SDL does not allow gets HTTP 400. An exception that is not an error of Railway's is raised
and not returned as a response, so that a defect of the sandbox cannot look like a defect of the program.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
)
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from sandbox.faults import ACTOR_HEADER, MANUAL, RequestInfo, json_body
from sandbox.railway import errors
from sandbox.railway.context import Context, identify
from sandbox.railway.schema import default_field
from sandbox.railway.tick import apply_due_changes

if TYPE_CHECKING:
    from pathlib import Path

    from graphql import GraphQLSchema
    from starlette.types import Receive, Scope, Send

    from sandbox.railway.limits import Limits
    from sandbox.railway.store import Store


@dataclass(eq=False, kw_only=True)
class Mutation:
    """A mutation in progress, and the environments that it affects."""

    environments: set[str]
    overlapped: bool = False


def describe(_: Scope, body: bytes) -> RequestInfo:
    """Return the operationName of a request, or the name of its only operation, or its first field."""
    payload: Any = json_body(body)
    if not isinstance(payload, dict):
        return RequestInfo(operation="(not GraphQL)")
    fields = cast("dict[str, Any]", payload)
    if isinstance(fields.get("operationName"), str) and fields["operationName"]:
        return RequestInfo(operation=fields["operationName"])
    try:
        document = parse(str(fields.get("query") or ""))
    except GraphQLSyntaxError:
        return RequestInfo(operation="(not GraphQL)")
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            first = node.selection_set.selections[0]
            name = (
                node.name.value if node.name else getattr(getattr(first, "name", None), "value", "(unnamed)")
            )
            return RequestInfo(operation=name)
    return RequestInfo(operation="(not GraphQL)")


@lru_cache(maxsize=512)
def parse_and_validate(
    schema: GraphQLSchema, query: str
) -> tuple[DocumentNode | None, list[GraphQLError], str]:
    """Parse and validate a document. Cached, because programs send the same few documents.

    Returns:
        The document (None if it cannot be parsed), its errors, and the error code.
    """
    try:
        document = parse(query)
    except GraphQLSyntaxError as error:
        return None, [error], "GRAPHQL_PARSE_FAILED"
    return document, validate(schema, document), "GRAPHQL_VALIDATION_FAILED"


class Endpoint:
    """The ASGI app behind /graphql/v2.

    Args:
        store: the state.
        schema: our SDL with resolvers.
        limits: the rate limits.
        state_file: the file in which the state is saved, or None.
    """

    def __init__(self, store: Store, schema: GraphQLSchema, limits: Limits, state_file: Path | None) -> None:
        self.store = store
        self.schema = schema
        self.limits = limits
        self.state_file = state_file
        self.in_flight: list[Mutation] = []
        self.overlaps = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self.handle(request)
        await response(scope, receive, send)

    async def handle(self, request: Request) -> Response:
        """Return the response to one POST."""
        manual = Headers(scope=request.scope).get(ACTOR_HEADER) == MANUAL
        body = await request.body()
        if not manual and self.limits.edge_limited(request.scope.get("query_string", b"")):
            return PlainTextResponse("error code: 1015", 429)
        context = Context(store=self.store, caller=identify(self.store, request.headers))
        payload: Any = json_body(body)
        if not isinstance(payload, dict) or not isinstance(payload.get("query"), str):
            return self.error_response(
                400, [GraphQLError("Problem processing request")], errors.BAD_INPUT, {}
            )
        fields = cast("dict[str, Any]", payload)
        headers: dict[str, str] = {}
        document, invalid, code = parse_and_validate(self.schema, fields["query"])
        if not manual:
            headers, spent = self.limits.charge(context.caller.token_id, self.cost(document))
            if spent:
                message = "Rate limit exceeded, please try again later"
                return self.error_response(429, [GraphQLError(message)], errors.INTERNAL, headers)
        if document is None or invalid:
            return self.error_response(400, invalid, code, headers)
        return await self.execute(context, document, fields, headers, manual=manual)

    async def execute(
        self,
        context: Context,
        document: DocumentNode,
        fields: dict[str, Any],
        headers: dict[str, str],
        *,
        manual: bool,
    ) -> Response:
        """Execute a valid document and save the state."""
        variables: dict[str, Any] = fields.get("variables") or {}
        node = get_operation_ast(document, fields.get("operationName"))
        mutates = node is not None and node.operation.value == "mutation"
        if mutates and context.caller.viewer:
            return self.error_response(200, [errors.not_authorized()], errors.INTERNAL, headers)
        if mutates and not manual:
            mutation = self.begin_mutation(variables)
            await asyncio.sleep(self.store.switches.mutation_seconds)
            self.in_flight.remove(mutation)
            context.overlapped = mutation.overlapped
            if mutation.overlapped and self.store.switches.overlap_fails_all:
                return self.error_response(
                    200, [errors.graphql_error("Problem processing request")], errors.INTERNAL, headers
                )
        apply_due_changes(self.store)
        result = execute_sync(
            self.schema,
            document,
            context_value=context,
            variable_values=variables,
            operation_name=fields.get("operationName"),
            field_resolver=default_field,
        )
        if mutates:
            self.store.save(self.state_file)
        return self.to_response(result, headers)

    def cost(self, document: DocumentNode | None) -> int:
        """Return how many requests of the budget a document counts as."""
        if document is None or self.store.switches.root_fields_count_as_one:
            return 1
        roots = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        return max(1, sum(len(node.selection_set.selections) for node in roots))

    def begin_mutation(self, variables: dict[str, Any]) -> Mutation:
        """Register a mutation; mark it and all others of the same environment as overlapping."""
        mutation = Mutation(environments=self.environments_in(variables))
        for other in self.in_flight:
            if other.environments & mutation.environments:
                mutation.overlapped = other.overlapped = True
        self.overlaps += mutation.overlapped
        self.in_flight.append(mutation)
        return mutation

    def environments_in(self, value: Any) -> set[str]:
        """Return the environments that a mutation's variables name, directly or through an object in one."""
        if isinstance(value, dict):
            return {found for item in value.values() for found in self.environments_in(item)}
        if isinstance(value, list):
            return {found for item in cast("list[Any]", value) for found in self.environments_in(item)}
        if not isinstance(value, str):
            return set()
        if value in self.store.environments:
            return {value}
        for table in (
            self.store.domains,
            self.store.triggers,
            self.store.volume_instances,
            self.store.deployments,
            self.store.tcp_proxies,
        ):
            row = table.get(value)
            if row is not None:
                return {row.environment_id}
        return set()

    def to_response(self, result: ExecutionResult, headers: dict[str, str]) -> Response:
        """Return an execution's result as an HTTP response.

        Raises:
            BaseException: a resolver raised an exception that is not an error of Railway's.
        """
        status = 200
        for error in result.errors or []:
            cause = error.original_error
            if isinstance(cause, errors.ProxyResponse):
                return PlainTextResponse(cause.text, cause.status)
            if cause is not None and not isinstance(cause, GraphQLError):
                raise cause
            if error.path is None:
                # The document is valid, but its variables are not.
                status = self.store.switches.bad_variables_status
                return self.error_response(status, result.errors or [], errors.BAD_INPUT, headers)
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            position = self.store.switches.trace_id_position
            body["errors"] = [errors.to_json(error, errors.INTERNAL, position) for error in result.errors]
        return JSONResponse(body, status, headers)

    def error_response(self, status: int, found: list[Any], code: str, headers: dict[str, str]) -> Response:
        """Return a response with errors and without data."""
        position = self.store.switches.trace_id_position
        entries = [errors.to_json(error, code, position) for error in found]
        body: dict[str, Any] = {"errors": entries} if status == 400 else {"data": None, "errors": entries}
        return JSONResponse(body, status, headers)
