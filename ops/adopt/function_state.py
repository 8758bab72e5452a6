"""The state of a function for the import file, from the list of all functions.

With these outputs, the engine reads no function by itself, and the next preview shows only what differs.
After its own read, the plugin records no label, and would show each declared one as added.
"""

from __future__ import annotations

from typing import Any, cast

from firebase.errors import JsonObject
from ops.adopt.google_state import GENERATED, KEPT
from ops.adopt.model import SIGNATURE, Declared, Found, secret

PROPERTIES = {
    "": (
        *(
            "buildConfig",
            "description",
            "environment",
            "eventTrigger",
            "kmsKeyName",
            "serviceConfig",
            "state",
        ),
        *("updateTime", "url"),
    ),
    "buildConfig": (
        *("automaticUpdatePolicy", "build", "dockerRepository", "entryPoint", "environmentVariables"),
        *("onDeployUpdatePolicy", "runtime", "serviceAccount", "source", "workerPool"),
    ),
    "buildConfig.onDeployUpdatePolicy": ("runtimeVersion",),
    "buildConfig.source": ("storageSource",),
    "buildConfig.source.storageSource": ("bucket", "generation", "object"),
    "eventTrigger": (
        *("eventFilters", "eventType", "pubsubTopic", "retryPolicy", "serviceAccountEmail", "trigger"),
        "triggerRegion",
    ),
    "eventTrigger.eventFilters": ("attribute", "operator", "value"),
    "serviceConfig": (
        *("allTrafficOnLatestRevision", "availableCpu", "availableMemory", "binaryAuthorizationPolicy"),
        *("environmentVariables", "ingressSettings", "maxInstanceCount", "maxInstanceRequestConcurrency"),
        *("minInstanceCount", "secretEnvironmentVariables", "secretVolumes", "service"),
        *("serviceAccountEmail", "timeoutSeconds", "uri", "vpcConnector", "vpcConnectorEgressSettings"),
    ),
    "serviceConfig.secretEnvironmentVariables": ("key", "projectId", "secret", "version"),
    "serviceConfig.secretVolumes": ("mountPath", "projectId", "secret", "versions"),
    "serviceConfig.secretVolumes.versions": ("path", "version"),
}
"""What pulumi-gcp (9.35) records of a function, by block. It names the properties as the API does."""

VARIABLES = ("buildConfig", "serviceConfig")
"""The blocks with `environmentVariables`."""

UNSET: dict[str, JsonObject] = {
    "buildConfig": {"workerPool": ""},
    "eventTrigger": {"pubsubTopic": ""},
    "serviceConfig": {
        **dict.fromkeys(("binaryAuthorizationPolicy", "directVpcEgress", "gcfUri"), ""),
        **dict.fromkeys(("vpcConnector", "vpcConnectorEgressSettings"), ""),
        "minInstanceCount": 0,
    },
}
"""What the plugin records of a property that the API leaves out. Without it, it shows a change."""


def of(one: Declared, live: JsonObject, identifier: str) -> Found:
    """A function for the import file.

    Args:
        one: the declaration.
        live: the function in the form of the Cloud Functions API v2.
        identifier: the Pulumi id.
    """
    known = cast("JsonObject", _known(live, ""))
    known.update({block: {**unset, **known[block]} for block, unset in UNSET.items() if block in known})
    known.update({block: _closed(known[block], one.raw.get(block)) for block in VARIABLES if block in known})
    source = known.get("buildConfig", {}).get("source", {}).get("storageSource", {})
    if "generation" in source:
        source["generation"] = int(source["generation"])  # the API writes 64 bits as a string
    labels = cast("JsonObject", live.get("labels") or {})
    declared = cast("JsonObject", one.inputs.get("labels") or {})
    own = {key: value for key, value in labels.items() if key in declared}
    _, project, _, location, _, name = identifier.split("/")
    place = {"project": project, "location": location, "name": name}
    marks = {"labels": own, "pulumiLabels": own, "effectiveLabels": labels}
    outputs = cast("JsonObject", _hidden(one.raw, {**KEPT, **known, **place, **marks, "id": identifier}))
    return Found(urn=one.urn, id=identifier, inputs=_shaped(one.raw, outputs), outputs=outputs)


def _known(value: Any, block: str) -> Any:
    """A value without the properties that the plugin does not record."""
    if block not in PROPERTIES:
        return value
    if isinstance(value, list):
        return [_known(item, block) for item in cast("list[Any]", value)]
    fields = cast("JsonObject", value)
    return {
        name: _known(fields[name], f"{block}.{name}".lstrip("."))
        for name in PROPERTIES[block]
        if name in fields
    }


def _closed(block: JsonObject, declared: JsonObject | None) -> JsonObject:
    """The block, in which variables that are not declared are encrypted: nothing says which are secret."""
    variables = cast("JsonObject | None", block.get("environmentVariables"))
    own = cast("JsonObject", (declared or {}).get("environmentVariables") or {})
    if not variables or SIGNATURE in own or SIGNATURE in (declared or {}):  # encrypted as a whole
        return block
    closed = {name: value if name in own else secret(value) for name, value in variables.items()}
    return {**block, "environmentVariables": closed}


def _hidden(declared: Any, live: Any) -> Any:
    """The live values; those of which the program declares a secret, in the form that is encrypted."""
    if not isinstance(declared, dict):
        return live
    fields = cast("JsonObject", declared)
    if SIGNATURE in fields:
        return secret(live)
    if not isinstance(live, dict):
        return live
    return {name: _hidden(fields.get(name), value) for name, value in cast("JsonObject", live).items()}


def _shaped(declared: Any, live: Any) -> Any:
    """The live values of the declared properties: the inputs of the function as it is."""
    if not (isinstance(declared, dict) and isinstance(live, dict)) or SIGNATURE in live:
        return live
    fields, values = cast("JsonObject", declared), cast("JsonObject", live)
    found = {name: _shaped(value, values[name]) for name, value in fields.items() if name in values}
    return {**found, GENERATED: []} if GENERATED in fields else found
