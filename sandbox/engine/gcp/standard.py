"""The resource types that are one REST object each: made, read, patched and deleted by its name.

The SDK's property names are the API's, but for what a type says in `api_names`. Answers are cut down to
what the SDK declares, with numbers in strings (how the APIs send 64 bits) made numbers again.

Refuses a null in a request, except where the real plugin sends one (a type's own `body`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, cast

from sandbox.engine.gcp.diff import is_empty
from sandbox.engine.gcp.errors import GcpError, InitFailedError
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
    """A table row: what is sent where.

    Attributes:
        product: the API.
        template: the object's name, which is also its Pulumi id; its variables are inputs.
        collection: where it is made (by POST), a template.
        create_query: query parameters of the creation, templates.
        create_method: POST to the collection, or PUT to the object.
        body_name: the `name` in the body of the creation, a template; "" for none.
        api_names: inputs that the API calls otherwise.
        outputs: properties that the server computes, read back under the same name.
        operations: whether changes answer with a long-running operation.
        minutes: how long an operation may take, unless the program says otherwise.
        masked: whether an update names its fields in `updateMask`.
        labelled: whether it has labels, which get Pulumi's mark.
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
    has_labels: ClassVar[bool] = False

    def body(self, inputs: State, settings: Settings) -> Json:
        """Return the object as it is sent, without its name."""
        variables = _variables(self.template)
        body: Json = {}
        for name, value in inputs.items():
            if name not in variables and name not in self.local and name != "labels" and value is not None:
                body[self.api_names.get(name, name)] = value
        if self.has_labels:
            body["labels"] = labels_to_send(inputs, settings)
        return body

    def state(self, found: Json, identifier: str, before: State, settings: Settings) -> State:
        """Return the outputs for an object as the server sent it.

        Args:
            found: the server's object.
            identifier: the Pulumi id.
            before: inputs or earlier outputs: where what cannot be read back comes from.
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
        """Return the inputs that are carried."""
        fields = self.sdk.inputs.fields
        return {name: sdk for name, sdk in fields.items() if not self.supported or name in self.supported}

    def identifier(self, inputs: State) -> str:
        """Return the object's name, from its inputs."""
        return fill(self.template, inputs)

    def collection_path(self, inputs: State) -> str:
        """Return where objects of this type are made."""
        return fill(self.collection, inputs)

    def parse(self, identifier: str, settings: Settings) -> dict[str, str]:
        """Return the template's variables in an id; the short forms that an import takes are understood.

        Raises:
            GcpError: the id is none of them.
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
        message = f"{identifier!r} is not the id of a {self.label}: it should look like {self.template}"
        raise GcpError(message)

    def get(self, context: OperationContext, path: str) -> Json | None:
        """Return the object at a path; None when it is gone."""
        try:
            return context.rest.get(self.product, path)
        except ApiError as error:
            if error.status in {404, 410}:
                return None
            raise

    def create(self, context: OperationContext, inputs: State) -> tuple[str, State]:
        """Make the object, wait for it, and read it back."""
        name = self.identifier(inputs)
        body = self.body(inputs, context.settings)
        if self.body_name:
            body = {"name": fill(self.body_name, inputs), **body}
        query = {key: fill(value, inputs) for key, value in self.create_query.items()}
        path = name if self.create_method == "PUT" else self.collection_path(inputs)
        answer = context.rest.send(self.create_method, self.product, path, query=query, body=body)
        if self.operations:
            answer = self.wait_for_create(context, answer, name, inputs)
        return self.read_back(context, self.created_name(answer, name), inputs)

    def created_name(self, answer: Json, name: str) -> str:
        """Return the id of what was made; for objects that the server names, from its answer."""
        del answer
        return name

    def wait_for_create(self, context: OperationContext, answer: Json, name: str, inputs: State) -> Json:
        """Wait for an operation that made an object."""
        del name, inputs
        return context.rest.wait(
            self.product, answer, context.wait_seconds(self.timeout_minutes), context.log
        )

    def read_back(self, context: OperationContext, identifier: str, inputs: State) -> tuple[str, State]:
        # Once, where the real plugin asks up to four times for fear of a slow replica: the sandbox has none.
        found = self.get(context, identifier)
        if found is None:
            message = f"{self.label} {identifier} was made and then could not be found"
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
        """Patch what changed, wait, and read back. Only local properties changed: nothing is sent."""
        del state
        tops = {change.top for change in changes} - self.local
        if tops:
            mask = sorted(self.api_names.get(top, top) for top in tops)
            query = {"updateMask": ",".join(mask)} if self.uses_mask else {}
            body = self.patch_body(self.body(inputs, context.settings), mask)
            answer = context.rest.send("PATCH", self.product, identifier, query=query, body=body)
            if self.operations:
                context.rest.wait(
                    self.product, answer, context.wait_seconds(self.timeout_minutes), context.log
                )
        return self.read_back(context, identifier, inputs)[1]

    def patch_body(self, body: Json, mask: list[str]) -> Json:
        """Return the body of an update, from the whole object."""
        del mask
        return body

    def delete(self, context: OperationContext, identifier: str, state: State) -> None:
        """Delete the object and wait until it is gone."""
        del state
        try:
            answer = context.rest.send("DELETE", self.product, identifier)
        except ApiError as error:
            if error.status == 404:
                return
            raise
        if self.operations:
            context.rest.wait(self.product, answer, context.wait_seconds(self.timeout_minutes), context.log)


def fill(template: str, values: Mapping[str, Any]) -> str:
    """Return a template with its variables replaced.

    Raises:
        GcpError: a variable has no value.
    """

    def value(match: re.Match[str]) -> str:
        found = values.get(match[1])
        if found in {None, ""}:
            message = f"{match[1]} is required: set it on the resource, or gcp:{match[1]}"
            raise GcpError(message)
        return str(found)

    return re.sub(r"\{(\w+)\}", value, template)


def _variables(template: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", template)


def coerced(sdk: SdkType, value: Any) -> Any:
    """Return a value of an answer in the SDK's type: undeclared properties dropped, numbers as numbers."""
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
    """Return an object without its empty properties: unset and empty are the same to these APIs."""
    return {key: item for key, item in value.items() if not is_empty(item)}
