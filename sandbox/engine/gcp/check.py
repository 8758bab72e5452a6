"""Check a resource's inputs against the SDK's types, and add defaults.

Unknown, missing and wrongly typed properties are errors, and so are properties of the SDK that this plugin
does not send: ignoring one would make a program look deployed when it is not.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast

from sandbox.engine.gcp.diff import DEFAULTS_KEY
from sandbox.engine.protocol import Asset, Unknown

if TYPE_CHECKING:
    from sandbox.engine.gcp.model import ResourceType, Settings, State
    from sandbox.engine.gcp.sdk_types import SdkType

_UNSET = (None, "", [])
_TYPE_NAMES = {
    "string": "a string",
    "boolean": "a boolean",
    "integer": "a whole number",
    "number": "a number",
    "list": "a list",
    "map": "a map",
    "object": "an object",
    "asset": "a file or text asset",
}


def failures(resource_type: ResourceType, inputs: State) -> list[tuple[str, str]]:
    """Return the errors in a resource's inputs, as pairs of property path and reason."""
    sdk = resource_type.sdk.inputs
    found = _object_failures(sdk, inputs, "")
    for name in sorted(set(inputs) & set(sdk.fields)):
        if resource_type.supported and name not in resource_type.supported and inputs[name] is not None:
            found.append(
                (name, "pulumi-gcp has this property, but the sandbox's gcp plugin does not send it")
            )
    policy = inputs.get("deletionPolicy")
    if isinstance(policy, str) and policy not in resource_type.deletion_policies:
        found.append(
            ("deletionPolicy", f"must be one of {', '.join(resource_type.deletion_policies)}, not {policy!r}")
        )
    return found or resource_type.failures(inputs)


def _object_failures(sdk: SdkType, value: State, path: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, item in value.items():
        if name == DEFAULTS_KEY:
            continue
        where = f"{path}.{name}" if path else name
        if name in sdk.fields:
            if item is not None:
                found.extend(_failures(sdk.fields[name], item, where))
            continue
        near = get_close_matches(name, sdk.fields, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known properties: {', '.join(sorted(sdk.fields))}"
        found.append((where, f"unknown property; {hint}"))
    missing = sorted(name for name in sdk.required if value.get(name) is None)
    found.extend((f"{path}.{name}" if path else name, "missing required property") for name in missing)
    return found


def _failures(sdk: SdkType, value: Any, path: str) -> list[tuple[str, str]]:
    if isinstance(value, Unknown) or sdk.kind == "any":
        return []
    if sdk.kind == "asset":
        return [] if isinstance(value, Asset) else [(path, f"must be {_TYPE_NAMES['asset']}")]
    if sdk.kind == "list" and isinstance(value, list) and sdk.item is not None:
        items = list(enumerate(cast("list[Any]", value)))
        return [bad for at, item in items for bad in _item_failures(sdk.item, item, f"{path}[{at}]")]
    if sdk.kind == "map" and isinstance(value, dict) and sdk.item is not None:
        pairs = cast("State", value).items()
        return [bad for key, item in pairs for bad in _item_failures(sdk.item, item, f"{path}.{key}")]
    if sdk.kind == "object" and isinstance(value, dict):
        return _object_failures(sdk, cast("State", value), path)
    if not _is_scalar(sdk.kind, value):
        return [(path, f"must be {_TYPE_NAMES[sdk.kind]}, not {_describe(value)}")]
    return []


def _item_failures(sdk: SdkType, value: Any, path: str) -> list[tuple[str, str]]:
    if value is None:
        return [(path, f"must be {_TYPE_NAMES[sdk.kind]}, not null")]
    return _failures(sdk, value, path)


def _is_scalar(kind: str, value: Any) -> bool:
    match kind:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            return False


def _describe(value: Any) -> str:
    """Return a value's type without the value, which may be secret."""
    kinds: dict[type, str] = {str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return kinds.get(type(value), "a list" if isinstance(value, list) else "an object")


def with_defaults(resource_type: ResourceType, inputs: State, settings: Settings, state: State) -> State:
    """Return inputs as they are sent and compared: with defaults and with values that the server has filled.

    Args:
        resource_type: the resource type.
        inputs: the program's inputs; unknown values stay unknown.
        settings: the provider's configuration.
        state: the outputs known so far; empty for a new object.
    """
    own = {key: value for key, value in inputs.items() if key != DEFAULTS_KEY}
    completed = _with_defaults(resource_type, resource_type.sdk.inputs, own, state, "")
    fields = resource_type.sdk.inputs.fields
    provided = (("project", settings.project), ("region", settings.region), ("location", settings.region))
    for name, value in provided:
        if (
            name in fields
            and name not in resource_type.sdk.inputs.required
            and completed.get(name) is None
            and value
        ):
            completed[name] = value
    return completed


def _with_defaults(
    resource_type: ResourceType, sdk: SdkType, value: State, state: State, pattern: str
) -> State:
    completed: State = {}
    for name, item in sdk.fields.items():
        where = f"{pattern}.{name}" if pattern else name
        given, known = value.get(name), state.get(name)
        if isinstance(given, dict) and item.kind == "object":
            known = cast("State", known) if isinstance(known, dict) else {}
            completed[name] = _with_defaults(resource_type, item, cast("State", given), known, where)
        elif isinstance(given, list) and item.item is not None and item.item.kind == "object":
            entries = cast("list[Any]", given)
            inner = item.item
            completed[name] = [
                _with_defaults(resource_type, inner, cast("State", entry), {}, where)
                if isinstance(entry, dict)
                else entry
                for entry in entries
            ]
        elif given is not None:
            completed[name] = given
        elif where in resource_type.defaults:
            completed[name] = resource_type.defaults[where]
        elif known in _UNSET or (known == {} and item.kind == "map"):
            continue
        elif where in resource_type.computed and where not in resource_type.unsent:
            completed[name] = _without_unset(known)
    return completed


def _without_unset(known: Any) -> Any:
    """Return a recorded value without the properties for which the server has none."""
    if not isinstance(known, dict):
        return known
    pairs = cast("State", known).items()
    return {name: _without_unset(item) for name, item in pairs if item not in _UNSET}
