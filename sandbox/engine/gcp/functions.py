"""Cloud Functions of the second generation. Errors are the API's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from sandbox.engine.gcp.errors import GcpError, InitFailedError
from sandbox.engine.gcp.model import OperationContext, State
from sandbox.engine.gcp.standard import RestResource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.engine.gcp.model import Settings
    from sandbox.engine.gcp.rest import Json

_COMPUTED = {
    "project",
    "buildConfig.automaticUpdatePolicy",
    "buildConfig.build",
    "buildConfig.dockerRepository",
    "buildConfig.environmentVariables",
    "buildConfig.onDeployUpdatePolicy.runtimeVersion",
    "buildConfig.serviceAccount",
    "buildConfig.source.storageSource.generation",
    "eventTrigger.pubsubTopic",
    "eventTrigger.serviceAccountEmail",
    "eventTrigger.trigger",
    "eventTrigger.triggerRegion",
    "serviceConfig.availableCpu",
    "serviceConfig.availableMemory",
    "serviceConfig.directVpcEgress",
    "serviceConfig.environmentVariables",
    "serviceConfig.gcfUri",
    "serviceConfig.maxInstanceCount",
    "serviceConfig.maxInstanceRequestConcurrency",
    "serviceConfig.secretVolumes.versions",
    "serviceConfig.service",
    "serviceConfig.serviceAccountEmail",
    "serviceConfig.timeoutSeconds",
    "serviceConfig.uri",
}
INTERFACE, INTERFACES = "directVpcNetworkInterface", "directVpcNetworkInterfaces"
"""The API's name of a property, and Pulumi's (not recorded: from the provider's source and the SDK)."""


class Function(RestResource):
    """A function with its build, its Cloud Run service and optionally its trigger."""

    pulumi_type = "gcp:cloudfunctionsv2/function:Function"
    product = "cloudfunctions"
    template = "projects/{project}/locations/{location}/functions/{name}"
    collection = "projects/{project}/locations/{location}/functions"
    create_query: ClassVar[Mapping[str, str]] = {"functionId": "{name}"}
    body_name = template
    autoname = "name"
    replace = frozenset({"location", "name", "project", "buildConfig.source.repoSource.projectId"})
    defaults: ClassVar[Mapping[str, Any]] = {
        "serviceConfig.allTrafficOnLatestRevision": True,
        "serviceConfig.ingressSettings": "ALLOW_ALL",
    }
    computed = frozenset(_COMPUTED)
    output_only = frozenset(
        {
            "buildConfig.build",
            "eventTrigger.trigger",
            "serviceConfig.gcfUri",
            "serviceConfig.service",
            "serviceConfig.uri",
        }
    )
    unsent = frozenset({"serviceConfig.gcfUri"})
    unordered = frozenset({"eventTrigger.eventFilters"})
    outputs = ("environment", "state", "updateTime", "url")
    operations = True
    timeout_minutes = 60.0
    has_labels = True

    def body(self, inputs: State, settings: Settings) -> Json:
        """Return the request body: whole blocks, with the two update policies as null if they are unset."""
        body = super().body(inputs, settings)
        build = cast("Json | None", body.get("buildConfig"))
        if build is not None:
            policies = {"automaticUpdatePolicy": None, "onDeployUpdatePolicy": None}
            body["buildConfig"] = {**policies, **build}
        service = cast("Json | None", body.get("serviceConfig"))
        if service is not None and INTERFACES in service:
            # The provider's schema is Pulumi's, in the singular (`expand…DirectVpcNetworkInterface`).
            renamed = {key: value for key, value in service.items() if key != INTERFACES}
            body["serviceConfig"] = {**renamed, INTERFACE: service[INTERFACES]}
        return body

    def state(self, found: Json, identifier: str, before: State, settings: Settings) -> State:
        """Return the outputs, with the declared source: the API names Google's copy of it.

        The real plugin keeps the declared one, too.
        """
        service = cast("Json", found.get("serviceConfig") or {})
        if INTERFACE in service:
            found = {**found, "serviceConfig": {**service, INTERFACES: service[INTERFACE]}}
        outputs = super().state(found, identifier, before, settings)
        computed, declared = _storage_source(outputs), _storage_source(before)
        computed.update({name: value for name, value in declared.items() if value is not None})
        return outputs

    def wait_for_create(self, context: OperationContext, response: Json, name: str, inputs: State) -> Json:
        """Wait for the build. A function whose build fails exists, and is kept in the state."""
        try:
            return super().wait_for_create(context, response, name, inputs)
        except GcpError as error:
            found = self.get(context, name)
            if found is None:
                raise
            state = self.state(found, name, inputs, context.settings)
            message = f"Error waiting to create function: {error}"
            raise InitFailedError(message, name, state) from error

    def equivalent(self, pattern: str, old: Any, new: Any, inputs: State, state: State) -> bool:
        """The server may set LOG_EXECUTION_ID itself."""
        return pattern == "serviceConfig.environmentVariables.LOG_EXECUTION_ID" and new is None


def _storage_source(state: State) -> Json:
    """Return the part of a state with the source's location; a new empty object if there is none."""
    found: Any = state
    for name in ("buildConfig", "source", "storageSource"):
        found = found.get(name) or {}
    return cast("Json", found)
