"""Resource types that are one REST object each: created, read, patched and deleted by name.

Property names are the API's, except those in `api_names`. Responses are reduced to the properties that the
SDK declares; numbers in strings (the APIs' form of 64 bits) become numbers.

Requests contain no null, except where the real plugin sends one (a type's own `body`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, cast

from sandbox.engine.gcp.diff import is_empty
from sandbox.engine.gcp.errors import GcpError, InitFailedError, kept_in_state
from sandbox.engine.gcp.model import (
    Change,
    OperationContext,
    ResourceType,
    State,
    label_outputs,
    labels_to_send,
)
from sandbox.engine.gcp.rest import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.engine.gcp.model import Settings
    from sandbox.engine.gcp.rest import Json
    from sandbox.engine.gcp.sdk_types import SdkType


class RestResource(ResourceType):
    """A resource type with one REST object.

    Attributes:
        product: the API.
        template: the object's name, which is also its Pulumi id; its variables are inputs.
        collection: a template of the path to which it is POSTed.
        create_query: query parameters of the creation, templates.
        create_method: POST to the collection, or PUT to the object.
        body_name: a template of `name` in the body of the creation; "" for none.
        api_names: the API's names of inputs, if they differ.
        outputs: properties that the server computes, with the same name in the SDK.
        operations: whether changes return a long-running operation.
        timeout_minutes: the time-out of an operation, unless the program sets one.
        uses_mask: whether an update sends `updateMask`.
        reads_after_create: how often the real plugin reads a new object, because of slow replicas.
        has_labels: whether it has labels, to which Pulumi's attribution label is added.
    """

    product: ClassVar[str]
    template: ClassVar[str]
    collection: ClassVar[str]
    create_query: ClassVar[Mapping[str, str]] = {}
    create_method: ClassVar[str] = "POST"
    body_name: ClassVar[str] = ""
    api_names: ClassVar[Mapping[str, str]] = {}
    outputs: ClassVar[tuple[str, ...]] = ()
    operations: ClassVar[bool] = False
    timeout_minutes: ClassVar[float] = 20.0
    uses_mask: ClassVar[bool] = True
    reads_after_create: ClassVar[int] = 1
    has_labels: ClassVar[bool] = False

    def body(self, inputs: State, settings: Settings) -> Json:
        """Return the object's request body, without its name."""
        variables = _variables(self.template)
        body: Json = {}
        for name, value in inputs.items():
            if name not in variables and name not in self.local and name != "labels" and value is not None:
                body[self.api_names.get(name, name)] = value
        if self.has_labels:
            body["labels"] = labels_to_send(inputs, settings)
        return body

    def state(self, found: Json, identifier: str, before: State, settings: Settings) -> State:
        """Return the outputs for the server's object.

        Args:
            found: the server's object.
            identifier: the Pulumi id.
            before: inputs or earlier outputs, for properties that cannot be read back.
            settings: the provider's configuration.
        """
        variables = self.parse(identifier, settings)
        outputs: State = {}
        for name, sdk in self.kind_fields().items():
            if name in variables:
                outputs[name] = variables[name]
            elif name in self.local:
                outputs[name] = before.get(name)
            elif name != "labels" or not self.has_labels:
                outputs[name] = coerced(sdk, found.get(self.api_names.get(name, name)))
        for name in self.outputs:
            outputs[name] = found.get(name)
        if self.has_labels:
            outputs.update(label_outputs(before, cast("dict[str, str]", found.get("labels") or {}), settings))
        return {name: value for name, value in outputs.items() if value is not None}

    def kind_fields(self) -> Mapping[str, SdkType]:
        """Return the inputs that are sent."""
        fields = self.sdk.inputs.fields
        return {name: sdk for name, sdk in fields.items() if not self.supported or name in self.supported}

    def identifier(self, inputs: State) -> str:
        """Return the object's name, from its inputs."""
        return fill(self.template, inputs)

    def collection_path(self, inputs: State) -> str:
        """Return the path at which objects of this type are created."""
        return fill(self.collection, inputs)

    def parse(self, identifier: str, settings: Settings) -> dict[str, str]:
        """Return the template's variables in an id; the short forms for imports are supported.

        Raises:
            GcpError: the id has none of these forms.
        """
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(self.template))
        match = re.fullmatch(pattern, identifier)
        if match:
            return match.groupdict()
        names = _variables(self.template)
        parts = identifier.split("/")
        known = {"project": settings.project, "location": settings.region, "region": settings.region}
        for missing in range(len(names)):
            if len(parts) == len(names) - missing and all(known.get(name) for name in names[:missing]):
                given = dict(zip(names[missing:], parts, strict=True))
                return {**{name: known[name] for name in names[:missing]}, **given}
        message = f"{identifier!r} is not the id of a {self.label}: it must have the form {self.template}"
        raise GcpError(message)

    def get(self, context: OperationContext, path: str) -> Json | None:
        """Return the object at a path; None if it does not exist."""
        try:
            return context.rest.get(self.product, path)
        except ApiError as error:
            if error.status in {404, 410}:
                return None
            raise

    def create(self, context: OperationContext, inputs: State) -> tuple[str, State]:
        """Create the object, wait for it, and read it back."""
        name = self.identifier(inputs)
        body = self.body(inputs, context.settings)
        if self.body_name:
            body = {"name": fill(self.body_name, inputs), **body}
        query = {key: fill(value, inputs) for key, value in self.create_query.items()}
        path = name if self.create_method == "PUT" else self.collection_path(inputs)
        response = context.rest.send(self.create_method, self.product, path, query=query, body=body)
        if self.operations:
            response = self.wait_for_create(context, response, name, inputs)
        created = self.created_name(response, name)
        with kept_in_state(self.label, created, inputs):
            for _ in range(self.reads_after_create - 1):
                self.get(context, created)
            return self.read_back(context, created, inputs)

    def created_name(self, response: Json, name: str) -> str:
        """Return the id of the created object; from the response, if the server names it."""
        del response
        return name

    def wait_for_create(self, context: OperationContext, response: Json, name: str, inputs: State) -> Json:
        """Wait for the operation that creates an object."""
        del name, inputs
        return context.rest.wait(
            self.product, response, context.wait_seconds(self.timeout_minutes), context.log
        )

    def read_back(self, context: OperationContext, identifier: str, inputs: State) -> tuple[str, State]:
        """Return the id and the outputs of an object that was just written."""
        found = self.get(context, identifier)
        if found is None:
            message = f"{self.label} {identifier} was created but could not be read"
            raise InitFailedError(message, identifier, dict(inputs))
        return identifier, self.state(found, identifier, inputs, context.settings)

    def read(self, context: OperationContext, identifier: str, state: State) -> tuple[str, State] | None:
        """Read the object."""
        full = fill(self.template, self.parse(identifier, context.settings))
        found = self.get(context, full)
        return None if found is None else (full, self.state(found, full, state, context.settings))

    def update(
        self, context: OperationContext, identifier: str, inputs: State, state: State, changes: list[Change]
    ) -> State:
        """Patch what changed, wait, and read back. If only local properties changed, nothing is sent."""
        del state
        tops = {change.top for change in changes} - self.local
        if tops:
            mask = sorted(self.api_names.get(top, top) for top in tops)
            query = {"updateMask": ",".join(mask)} if self.uses_mask else {}
            body = self.patch_body(self.body(inputs, context.settings), mask)
            response = context.rest.send("PATCH", self.product, identifier, query=query, body=body)
            if self.operations:
                context.rest.wait(
                    self.product, response, context.wait_seconds(self.timeout_minutes), context.log
                )
        return self.read_back(context, identifier, inputs)[1]

    def patch_body(self, body: Json, mask: list[str]) -> Json:
        """Return the body of an update, from the whole object."""
        del mask
        return body

    def delete(self, context: OperationContext, identifier: str, state: State) -> None:
        """Delete the object and wait for the operation."""
        del state
        try:
            response = context.rest.send("DELETE", self.product, identifier)
        except ApiError as error:
            if error.status == 404:
                return
            raise
        if self.operations:
            context.rest.wait(self.product, response, context.wait_seconds(self.timeout_minutes), context.log)


def fill(template: str, values: Mapping[str, Any]) -> str:
    """Return a template with its variables filled in.

    Raises:
        GcpError: a variable has no value.
    """

    def value(match: re.Match[str]) -> str:
        found = values.get(match[1])
        if found in {None, ""}:
            message = f"{match[1]} is missing. fix: set it on the resource, or set gcp:{match[1]}"
            raise GcpError(message)
        return str(found)

    return re.sub(r"\{(\w+)\}", value, template)


def _variables(template: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", template)


def coerced(sdk: SdkType, value: Any) -> Any:
    """Return a response's value in the SDK's type: undeclared properties removed, numbers as numbers."""
    if sdk.kind == "object" and isinstance(value, dict):
        pairs = cast("Json", value)
        found = {name: coerced(item, pairs[name]) for name, item in sdk.fields.items() if name in pairs}
        return {name: item for name, item in found.items() if item is not None}
    if sdk.kind == "list" and isinstance(value, list) and sdk.item is not None:
        return [coerced(sdk.item, item) for item in cast("list[Any]", value)]
    if sdk.kind == "map" and isinstance(value, dict) and sdk.item is not None:
        return {key: coerced(sdk.item, item) for key, item in cast("Json", value).items()}
    if sdk.kind in {"integer", "number"} and isinstance(value, str):
        return int(value) if re.fullmatch(r"-?\d+", value) else float(value)
    return value


def without_empty(value: Json) -> Json:
    """Return an object without its empty properties, which these APIs treat as unset."""
    return {key: item for key, item in value.items() if not is_empty(item)}
