"""The GraphQL endpoint: limits, then Railway's refusals (parse, validate, authorise), then the effect.

Refuses a document that the SDL does not allow with HTTP 400. An exception that is no answer of Railway's is
raised, not reported as one: a fault of the sandbox must not look like a fault of the program.
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

from sandbox.faults import ACTOR_HEADER, BY_HAND, Described, json_body
from sandbox.railway import problems
from sandbox.railway.context import Call, identify
from sandbox.railway.schema import default_field
from sandbox.railway.tick import let_pass

if TYPE_CHECKING:
    from pathlib import Path

    from graphql import GraphQLSchema
    from starlette.types import Receive, Scope, Send

    from sandbox.railway.limits import Limits
    from sandbox.railway.store import Store


@dataclass(eq=False, kw_only=True)
class Flight:
    """A mutation that is under way, and the environments it touches."""

    environments: set[str]
    overlapped: bool = False


def describe(_: Scope, body: bytes) -> Described:
    """The operationName of a request, or its only operation's name, or its first field."""
    payload: Any = json_body(body)
    if not isinstance(payload, dict):
        return Described(operation="(not GraphQL)")
    fields = cast("dict[str, Any]", payload)
    if isinstance(fields.get("operationName"), str) and fields["operationName"]:
        return Described(operation=fields["operationName"])
    try:
        document = parse(str(fields.get("query") or ""))
    except GraphQLSyntaxError:
        return Described(operation="(not GraphQL)")
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            first = node.selection_set.selections[0]
            name = (
                node.name.value if node.name else getattr(getattr(first, "name", None), "value", "(unnamed)")
            )
            return Described(operation=name)
    return Described(operation="(not GraphQL)")


@lru_cache(maxsize=512)
def examined(schema: GraphQLSchema, query: str) -> tuple[DocumentNode | None, list[GraphQLError], str]:
    """A document parsed and validated: programs send the same few again and again.

    Returns:
        The document (None where it cannot be parsed), what is wrong with it, and the code for that.
    """
    try:
        document = parse(query)
    except GraphQLSyntaxError as error:
        return None, [error], "GRAPHQL_PARSE_FAILED"
    return document, validate(schema, document), "GRAPHQL_VALIDATION_FAILED"


class Endpoint:
    """The ASGI app behind /graphql/v2.

    Args:
        store: the world.
        schema: our SDL with resolvers.
        limits: the rate limits.
        state_file: where the world is kept, or None.
    """

    def __init__(self, store: Store, schema: GraphQLSchema, limits: Limits, state_file: Path | None) -> None:
        self.store = store
        self.schema = schema
        self.limits = limits
        self.state_file = state_file
        self.flights: list[Flight] = []
        self.overlaps = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self.answer(request)
        await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        """Railway's answer to one POST."""
        by_hand = Headers(scope=request.scope).get(ACTOR_HEADER) == BY_HAND
        body = await request.body()
        if not by_hand and self.limits.edge_refuses(request.scope.get("query_string", b"")):
            return PlainTextResponse("error code: 1015", 429)
        call = Call(store=self.store, caller=identify(self.store, request.headers))
        payload: Any = json_body(body)
        if not isinstance(payload, dict) or not isinstance(payload.get("query"), str):
            return self.refused(400, [GraphQLError("Problem processing request")], problems.BAD_INPUT, {})
        fields = cast("dict[str, Any]", payload)
        headers: dict[str, str] = {}
        document, invalid, code = examined(self.schema, fields["query"])
        if not by_hand:
            headers, spent = self.limits.budget(call.caller.token_id, self.cost(document))
            if spent:
                message = "Rate limit exceeded, please try again later"
                return self.refused(429, [GraphQLError(message)], problems.INTERNAL, headers)
        if document is None or invalid:
            return self.refused(400, invalid, code, headers)
        return await self.run(call, document, fields, headers, by_hand=by_hand)

    async def run(
        self,
        call: Call,
        document: DocumentNode,
        fields: dict[str, Any],
        headers: dict[str, str],
        *,
        by_hand: bool,
    ) -> Response:
        """Execute a valid document and write the state down."""
        variables: dict[str, Any] = fields.get("variables") or {}
        node = get_operation_ast(document, fields.get("operationName"))
        mutates = node is not None and node.operation.value == "mutation"
        if mutates and not by_hand:
            flight = self.take_off(variables)
            await asyncio.sleep(self.store.switches.mutation_seconds)
            self.flights.remove(flight)
            call.overlapped = flight.overlapped
            if flight.overlapped and self.store.switches.overlap_fails_all:
                return self.refused(
                    200, [problems.refusal("Problem processing request")], problems.INTERNAL, headers
                )
        let_pass(self.store)
        result = execute_sync(
            self.schema,
            document,
            context_value=call,
            variable_values=variables,
            operation_name=fields.get("operationName"),
            field_resolver=default_field,
        )
        if mutates:
            self.store.save(self.state_file)
        return self.shaped(result, headers)

    def cost(self, document: DocumentNode | None) -> int:
        """What a document counts as against the budget."""
        if document is None or self.store.switches.root_fields_count_as_one:
            return 1
        roots = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        return max(1, sum(len(node.selection_set.selections) for node in roots))

    def take_off(self, variables: dict[str, Any]) -> Flight:
        """Begin a mutation; mark it and every other one of the same environment as overlapping."""
        flight = Flight(environments=self.touched(variables))
        for other in self.flights:
            if other.environments & flight.environments:
                flight.overlapped = other.overlapped = True
        self.overlaps += flight.overlapped
        self.flights.append(flight)
        return flight

    def touched(self, value: Any) -> set[str]:
        """The environments that a mutation's variables name, directly or through a thing in one."""
        if isinstance(value, dict):
            return {found for item in value.values() for found in self.touched(item)}
        if isinstance(value, list):
            return {found for item in cast("list[Any]", value) for found in self.touched(item)}
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

    def shaped(self, result: ExecutionResult, headers: dict[str, str]) -> Response:
        """An execution's result as HTTP.

        Raises:
            BaseException: a resolver failed in a way that is no answer of Railway's.
        """
        status = 200
        for error in result.errors or []:
            cause = error.original_error
            if isinstance(cause, problems.PlainAnswer):
                return PlainTextResponse(cause.text, cause.status)
            if cause is not None and not isinstance(cause, GraphQLError):
                raise cause
            if error.path is None:
                # The document is fine and its variables are not.
                status = self.store.switches.bad_variables_status
                return self.refused(status, result.errors or [], problems.BAD_INPUT, headers)
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            place = self.store.switches.trace_id_position
            body["errors"] = [problems.shape(error, problems.INTERNAL, place) for error in result.errors]
        return JSONResponse(body, status, headers)

    def refused(self, status: int, errors: list[Any], code: str, headers: dict[str, str]) -> Response:
        """An answer without data."""
        place = self.store.switches.trace_id_position
        shaped = [problems.shape(error, code, place) for error in errors]
        body: dict[str, Any] = {"errors": shaped} if status == 400 else {"data": None, "errors": shaped}
        return JSONResponse(body, status, headers)
