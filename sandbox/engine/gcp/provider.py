"""The gRPC service of the stand-in `gcp` plugin.

Resource types, functions and inputs that it does not support are errors in the preview.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, NoReturn, cast

import grpc
from google.protobuf import any_pb2

# The SDK's own copy of this message registers the same name and cannot be loaded beside Google's clients.
from google.rpc import status_pb2

from sandbox.engine.gcp import bridge, check, configuration, diff
from sandbox.engine.gcp.errors import GcpError, InitFailedError
from sandbox.engine.gcp.invokes import INVOKES, SECRET_RESULTS
from sandbox.engine.gcp.model import OperationContext, Settings, State
from sandbox.engine.gcp.registry import RESOURCE_TYPES
from sandbox.engine.gcp.rest import Rest
from sandbox.engine.gcp.sdk_types import SdkTypeError
from sandbox.engine.plugin import ProviderPlugin
from sandbox.engine.protocol import (
    Secret,
    Unknown,
    contains_unknown,
    empty_pb2,
    from_struct,
    provider_pb2,
    to_struct,
)

if TYPE_CHECKING:
    from google.protobuf import struct_pb2

    from sandbox.engine.gcp.model import ResourceType

_SECRET_OUTPUTS = {
    "content",
    "customerEncryption",
    "privateKey",
    "secretData",
    "secretDataWo",
}


class GcpPlugin(ProviderPlugin):
    """One configured provider.

    Secrets arrive unmarked: the engine marks outputs whose input of the same name is secret; outputs that are
    always secret are marked here.
    """

    def __init__(self, *, version: str, engine_address: str) -> None:
        super().__init__(version=version, engine_address=engine_address, accept_secrets=False)
        self._settings = Settings()
        self._rest: Rest | None = None

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Check the configuration.

        Objects, which the SDK writes as JSON, are returned as the plugin writes them: compact, keys sorted.
        """
        found = configuration.failures(from_struct(request.news))
        for value in request.news.fields.values():
            with contextlib.suppress(ValueError):
                document: object = json.loads(value.string_value)
                if isinstance(document, dict | list):
                    value.string_value = json.dumps(document, separators=(",", ":"), sort_keys=True)
        return provider_pb2.CheckResponse(inputs=request.news, failures=_failures(found))

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Set project, region, token and endpoints."""
        config = from_struct(request.args)
        self._settings = configuration.settings(config, os.environ)
        self._rest = Rest(configuration.access(config, os.environ))
        return super().Configure(request, context)

    def Check(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Check the inputs against the SDK's types; generate a name if the program sets none."""
        resource_type = self._resource_type(request.urn, context)
        news, olds = from_struct(request.news), from_struct(request.olds)
        if resource_type.autoname and news.get(resource_type.autoname) is None:
            defaults = cast("list[str]", olds.get(diff.DEFAULTS_KEY) or [])
            if resource_type.autoname in defaults and olds.get(resource_type.autoname):
                name = olds[resource_type.autoname]
            elif request.HasField("autonaming") and request.autonaming.proposed_name:
                name = request.autonaming.proposed_name
            elif request.HasField("autonaming") and request.autonaming.mode == request.autonaming.DISABLE:
                reason = "automatic naming is disabled. fix: set a name"
                return provider_pb2.CheckResponse(failures=_failures([(resource_type.autoname, reason)]))
            else:
                name = resource_type.generated_name(_name(request.urn))
            news = {**news, resource_type.autoname: name, diff.DEFAULTS_KEY: [resource_type.autoname]}
        elif resource_type.autoname:
            news = {**news, diff.DEFAULTS_KEY: []}
        try:
            found = check.failures(resource_type, news)
        except SdkTypeError as error:
            self._abort(context, error)
        recorded = news if found else bridge.checked_inputs(resource_type, news)
        return provider_pb2.CheckResponse(inputs=to_struct(recorded), failures=_failures(found))

    def Diff(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Compare the state with the inputs."""
        resource_type = self._resource_type(request.urn, context)
        inputs = from_struct(request.news)
        found = diff.changes(resource_type, from_struct(request.olds), inputs)
        ignored = set(request.ignoreChanges)
        found = [change for change in found if change.path not in ignored and change.top not in ignored]
        replaces = sorted({change.top for change in found if change.replace})
        response = provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if found else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=sorted({change.top for change in found}),
            replaces=replaces,
            deleteBeforeReplace=bool(replaces) and diff.deletes_before_replace(resource_type, inputs),
            hasDetailedDiff=True,
        )
        for change in found:
            suffix = "_REPLACE" if change.replace else ""
            response.detailedDiff[change.path].kind = provider_pb2.PropertyDiff.Kind.Value(
                change.kind + suffix
            )
        return response

    def Create(
        self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CreateResponse:
        """Create an object; in a preview, return what is known of it."""
        resource_type = self._resource_type(request.urn, context)
        given = from_struct(request.properties)
        inputs = check.with_defaults(resource_type, given, self._settings, {})
        if request.preview:
            return provider_pb2.CreateResponse(
                properties=to_struct(self._preview_outputs(resource_type, inputs))
            )
        try:
            self._require_known(resource_type, inputs)
            identifier, state = resource_type.create(self._operation(request.urn, request.timeout), inputs)
        except InitFailedError as error:
            self._abort_init_failed(context, error, request.properties)
        except (GcpError, OSError) as error:
            self._abort(context, error)
        recorded = bridge.outputs(resource_type, identifier, state, before={})
        return provider_pb2.CreateResponse(id=identifier, properties=_outputs(recorded))

    def Read(
        self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ReadResponse:
        """Read an object for a refresh or an import. The response has no id if it does not exist."""
        resource_type = self._resource_type(request.urn, context)
        before, inputs = from_struct(request.properties), from_struct(request.inputs)
        try:
            found = resource_type.read(self._operation(request.urn, request.timeout), request.id, before)
        except (GcpError, OSError) as error:
            self._abort(context, error)
        if found is None:
            return provider_pb2.ReadResponse()
        identifier, state = found
        recorded = bridge.outputs(
            resource_type, identifier, state, before=before, read=True, imported=not inputs
        )
        if inputs:
            read = bridge.refreshed_inputs(resource_type, inputs, recorded)
        else:
            read = bridge.imported_inputs(resource_type, recorded)
        return provider_pb2.ReadResponse(id=identifier, properties=_outputs(recorded), inputs=to_struct(read))

    def Update(
        self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.UpdateResponse:
        """Change an object in place."""
        resource_type = self._resource_type(request.urn, context)
        state, given = from_struct(request.olds), from_struct(request.news)
        inputs = check.with_defaults(resource_type, given, self._settings, state)
        if request.preview:
            planned = {**state, **inputs, **resource_type.preview_outputs(inputs, self._settings)}
            return provider_pb2.UpdateResponse(properties=_outputs(_without_nulls(planned)))
        changes = diff.changes(resource_type, state, given)
        try:
            self._require_known(resource_type, inputs)
            outputs = resource_type.update(
                self._operation(request.urn, request.timeout), request.id, inputs, state, changes
            )
        except InitFailedError as error:
            self._abort_init_failed(context, error, request.news)
        except (GcpError, OSError) as error:
            self._abort(context, error)
        recorded = bridge.outputs(resource_type, request.id, outputs, before=state)
        return provider_pb2.UpdateResponse(properties=_outputs(recorded))

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Delete an object, if its deletion policy allows it."""
        resource_type = self._resource_type(request.urn, context)
        state = from_struct(request.properties)
        policy = state.get("deletionPolicy")
        if policy == "ABANDON":
            return empty_pb2.Empty()
        try:
            if policy == "PREVENT":
                message = f"cannot delete {resource_type.label} {request.id}: its deletionPolicy is PREVENT"
                raise GcpError(message)
            resource_type.delete(self._operation(request.urn, request.timeout), request.id, state)
        except (GcpError, OSError) as error:
            self._abort(context, error)
        return empty_pb2.Empty()

    def Invoke(
        self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.InvokeResponse:
        """Call a function of the SDK."""
        if request.tok not in INVOKES:
            known = ", ".join(sorted(INVOKES))
            message = f"the sandbox's gcp plugin does not support {request.tok}; supported: {known}"
            context.abort(grpc.StatusCode.UNIMPLEMENTED, message)
        try:
            result = INVOKES[request.tok](self._require_rest(), self._settings, from_struct(request.args))
        except (GcpError, OSError) as error:
            self._abort(context, error)
        marked = {
            key: Secret(value) if key in SECRET_RESULTS and value else value for key, value in result.items()
        }
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(
            to_struct(marked)
        )  # a keyword: not to be written as an attribute
        return response

    def _resource_type(self, urn: str, context: grpc.ServicerContext) -> ResourceType:
        token = urn.split("::")[2].rpartition("$")[2]
        if token not in RESOURCE_TYPES:
            known = ", ".join(sorted(RESOURCE_TYPES))
            message = f"the sandbox's gcp plugin does not support {token}; supported: {known}"
            context.abort(grpc.StatusCode.UNIMPLEMENTED, message)
        return RESOURCE_TYPES[token]

    def _require_rest(self) -> Rest:
        if self._rest is None:
            message = "the provider has not been configured"
            raise GcpError(message)
        return self._rest

    def _operation(self, urn: str, timeout: float) -> OperationContext:
        return OperationContext(
            rest=self._require_rest(),
            settings=self._settings,
            timeout=timeout,
            log=lambda text: self.log(urn, text, ephemeral=True),
        )

    def _preview_outputs(self, resource_type: ResourceType, inputs: State) -> State:
        """Return the outputs before the object is created: computed from the inputs, others unknown."""
        unknown: State = dict.fromkeys(
            resource_type.sdk.outputs - set(resource_type.sdk.inputs.fields), Unknown.value
        )
        for name in resource_type.computed:
            if "." not in name:
                unknown[name] = Unknown.value
        return {**unknown, **inputs, **resource_type.preview_outputs(inputs, self._settings)}

    def _require_known(self, resource_type: ResourceType, inputs: State) -> None:
        for name, value in inputs.items():
            if contains_unknown(value):
                message = f"{resource_type.label}.{name} is still unknown"
                raise GcpError(message)

    def _abort(self, context: grpc.ServicerContext, error: Exception) -> NoReturn:
        context.abort(grpc.StatusCode.UNKNOWN, str(error))

    def _abort_init_failed(
        self, context: grpc.ServicerContext, error: InitFailedError, inputs: struct_pb2.Struct
    ) -> NoReturn:
        """Fail with the object's state: the engine keeps it and updates the object in the next run."""
        detail = any_pb2.Any()
        detail.Pack(
            provider_pb2.ErrorResourceInitFailed(
                id=error.identifier,
                properties=_outputs(_without_nulls(error.state)),
                reasons=[str(error)],
                inputs=inputs,
            )
        )
        status = status_pb2.Status(
            code=grpc.StatusCode.UNKNOWN.value[0], message=str(error), details=[detail]
        )
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, str(error))


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


def _failures(found: list[tuple[str, str]]) -> list[provider_pb2.CheckFailure]:
    return [provider_pb2.CheckFailure(property=key, reason=reason) for key, reason in found]


def _without_nulls(state: State) -> State:
    return {key: value for key, value in state.items() if value is not None and key != diff.DEFAULTS_KEY}


def _outputs(state: State) -> struct_pb2.Struct:
    return to_struct(
        {key: Secret(value) if key in _SECRET_OUTPUTS else value for key, value in state.items()}
    )
