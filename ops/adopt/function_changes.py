"""What the next `up` changes of a function: the live function of a list compared with the declared inputs.

pulumi-gcp names the properties as the API does. A property that is not declared is compared if the `up`
removes it. The place of the source is not compared: Google names its own copy of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from components.verification_spec import SOURCE_VARIABLE
from firebase.errors import JsonObject
from ops.adopt.model import UNKNOWN, Change, text

SERVICE = (
    "availableMemory",
    "availableCpu",
    "timeoutSeconds",
    "maxInstanceCount",
    "maxInstanceRequestConcurrency",
    "ingressSettings",
    "vpcConnector",
    "vpcConnectorEgressSettings",
    "serviceAccountEmail",
    "allTrafficOnLatestRevision",  # absent where requests are sent to a chosen revision
)
BUILD = ("runtime", "entryPoint")
REMOVED: Mapping[str, tuple[str, ...]] = {
    "": ("description", "kmsKeyName"),
    "buildConfig": ("workerPool",),
    "serviceConfig": (
        *("vpcConnector", "directVpcNetworkInterface", "directVpcEgress"),
        *("secretVolumes", "binaryAuthorizationPolicy"),
    ),
}
"""By block: what the `up` removes if it is not declared. Google chooses the other properties then."""
FIXED = (
    ("eventType", "event type"),
    ("triggerRegion", "trigger region"),
    ("pubsubTopic", "Pub/Sub topic"),
)
"""What Google does not change of a trigger in place."""
PULUMI_NAMES = {"directVpcNetworkInterface": "directVpcNetworkInterfaces"}
"""By the API's name of a property: pulumi-gcp's, where it is another one."""
EFFECTS = ("is rebuilt", "gets a new revision", "is only relabelled")
FIRST_GENERATION = "GEN_1"
ACTIVE, DELETING = "ACTIVE", "DELETING"
STATES = {
    "FAILED": "its last deployment failed (state FAILED): calls of it may fail",
    "DEPLOYING": "it is being deployed (state DEPLOYING): what is then live may differ from this report",
}
"""What a state of a function means (Cloud Functions API v2, `Function.State`)."""
LABELS = ("labels.", "labels[")
"""The engine writes `labels["deployment-tool"]`."""


def changes(live: JsonObject, declared: JsonObject, adopted: Mapping[str, str] | None = None) -> list[Change]:
    """The properties that differ.

    Args:
        live: the function in the form of the Cloud Functions API v2.
        declared: the inputs of `gcp.cloudfunctionsv2.Function`.
        adopted: the adopted version of each secret, by the secret's id. Of other secrets, the `up` creates
            a version.
    """
    return [
        *_build(live, declared),
        *_service(live, declared, adopted or {}),
        *_event(live, declared),
        *_removed(live, declared),
        *_labels(live, declared),
    ]


def effect(found: Sequence[Change]) -> str:
    """What the changes mean for the function: rebuilt, a new revision, or only relabelled."""
    if any(one.property.startswith("buildConfig.") for one in found):
        return EFFECTS[0]
    if any(not one.property.startswith(LABELS) for one in found):
        return EFFECTS[1]
    return EFFECTS[2]


def replaced_because(live: JsonObject, declared: JsonObject) -> str:
    """Why Google cannot change the function in place to what is declared; "" if it can."""
    if live.get("environment") == FIRST_GENERATION:
        return "is of the 1st generation, which Google does not change to the 2nd in place"
    before, after = _block(live, "eventTrigger"), _block(declared, "eventTrigger")
    if bool(before) != bool(after):
        kinds = "an event trigger", "HTTPS"
        old, new = kinds if before else kinds[::-1]
        return f"has {old} and is declared with {new}, which Google does not change in place"
    for name, what in FIXED:
        old, new = before.get(name), after.get(name)
        if old and new and new != UNKNOWN and old != new:
            return f"has the {what} {old} and is declared with {new}, which Google does not change in place"
    return ""


def state_notes(live: JsonObject) -> Iterator[str]:
    """What the report says of a function that is not active; empty for one that is."""
    state = str(live.get("state") or ACTIVE)
    if state != ACTIVE:
        yield STATES.get(state, f"its state is {state}")


def runs_by_itself(function: JsonObject) -> bool:
    """Whether events or a schedule call it."""
    labels = cast("JsonObject", function.get("labels") or {})
    return bool(function.get("eventTrigger")) or "deployment-scheduled" in labels


def _build(live: JsonObject, declared: JsonObject) -> Iterator[Change]:
    before, after = _block(live, "buildConfig"), _block(declared, "buildConfig")
    yield from _plain("buildConfig", BUILD, before, after)
    variables, declared_ones = (_block(it, "environmentVariables") for it in (before, after))
    removed = {name: variables[name] for name in variables.keys() - declared_ones.keys() - {SOURCE_VARIABLE}}
    yield from _values("buildConfig.environmentVariables", removed, {}, is_secret=True)
    old, new = variables.get(SOURCE_VARIABLE), declared_ones.get(SOURCE_VARIABLE)
    if old != new:
        source = text(old) if old else '"another source archive"'
        yield Change(property="buildConfig.source", old=source, new=text(new))


def _service(live: JsonObject, declared: JsonObject, adopted: Mapping[str, str]) -> Iterator[Change]:
    before, after = _block(live, "serviceConfig"), _block(declared, "serviceConfig")
    yield from _plain("serviceConfig", SERVICE, before, after)
    least = (int(before.get("minInstanceCount") or 0), int(after.get("minInstanceCount") or 0))
    if least[0] != least[1]:
        yield Change(property="serviceConfig.minInstanceCount", old=str(least[0]), new=str(least[1]))
    yield from _values(
        "serviceConfig.environmentVariables",
        _block(before, "environmentVariables"),
        _block(after, "environmentVariables"),
        is_secret=True,
    )
    yield from _values(
        "serviceConfig.secretEnvironmentVariables",
        _secrets(before, adopted),
        _secrets(after, adopted),
        is_secret=False,
    )


def _secrets(service: JsonObject, adopted: Mapping[str, str]) -> JsonObject:
    """Secret and version by variable; the version is unknown until it is adopted or created."""
    found: JsonObject = {}
    for one in cast("list[JsonObject]", service.get("secretEnvironmentVariables") or []):
        version = one.get("version")
        if version == UNKNOWN:
            version = adopted.get(str(one["secret"]), "(created by the up)")
        found[str(one["key"])] = f"{one['secret']} version {version}"
    return found


def _event(live: JsonObject, declared: JsonObject) -> Iterator[Change]:
    before, after = _block(live, "eventTrigger"), _block(declared, "eventTrigger")
    if not after:
        return
    yield from _plain("eventTrigger", ("retryPolicy", "serviceAccountEmail"), before, after)
    old, new = _filters(before), _filters(after)
    if old != new:
        yield Change(property="eventTrigger.eventFilters", old=text(old), new=text(new))


def _filters(trigger: JsonObject) -> list[str]:
    filters = cast("list[JsonObject]", trigger.get("eventFilters") or [])
    return sorted(f"{one.get('attribute')}={one.get('value')}" for one in filters)


def _removed(live: JsonObject, declared: JsonObject) -> Iterator[Change]:
    for block, names in REMOVED.items():
        before, after = (_block(it, block) if block else it for it in (live, declared))
        for name in names:
            if before.get(name) and not after.get(PULUMI_NAMES.get(name, name)):
                yield Change(property=f"{block}.{name}".lstrip("."), old=text(before[name]), new="null")


def _labels(live: JsonObject, declared: JsonObject) -> Iterator[Change]:
    """The declared ones: other labels stay."""
    before = _block(live, "labels")
    after = {key: value for key, value in _block(declared, "labels").items() if key != "__defaults"}
    kept = {key: value for key, value in before.items() if key in after}
    yield from _values("labels", kept, after, is_secret=False)


def _plain(
    block: str, names: tuple[str, ...], before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Change]:
    for name in names:
        old, new = before.get(name), after.get(name)
        if new in (None, "") or _normal(old) == _normal(new):
            continue
        yield Change(property=f"{block}.{name}", old=text(old), new=text(new))


def _normal(value: Any) -> str:
    """`256M` and `256Mi` differ, 1 and "1" do not."""
    return value if isinstance(value, str) else json.dumps(value)


def _values(block: str, before: JsonObject, after: JsonObject, *, is_secret: bool) -> Iterator[Change]:
    for key in sorted({*before, *after} - {"__defaults"}):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        yield Change(
            property=f"{block}.{key}",
            old="null" if key not in before else text(old, is_secret=is_secret),
            new="null" if key not in after else text(new, is_secret=is_secret and new != UNKNOWN),
        )


def _block(value: JsonObject, name: str) -> JsonObject:
    return cast("JsonObject", value.get(name) or {})
