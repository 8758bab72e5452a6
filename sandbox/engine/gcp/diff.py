"""The difference between an object's state and the program's inputs. Pure: no request, no clock.

It follows Terraform's rules: the state (what the server returned last) is compared, guided by the type's
schema. A property that is unset and computed by the server is no difference; one that is unset but set on the
server is.

A difference is a path and a kind; it contains no values.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

from sandbox.engine.gcp.model import Change
from sandbox.engine.protocol import Asset, Unknown, contains_unknown

if TYPE_CHECKING:
    from sandbox.engine.gcp.model import ResourceType, State
    from sandbox.engine.gcp.sdk_types import SdkType

DEFAULTS_KEY = "__defaults"  # the names of generated inputs, as the Terraform bridge records them


def changes(resource_type: ResourceType, state: State, inputs: State) -> list[Change]:
    """Return every difference, in the order of the SDK's properties.

    Args:
        resource_type: the resource type.
        state: the outputs of the object.
        inputs: the program's inputs, without defaults; may contain unknown values.
    """
    found = _Comparison(resource_type, inputs, state).object(resource_type.sdk.inputs, state, inputs, "", "")
    return [*found, *resource_type.extra_changes(state, inputs)]


def deletes_before_replace(resource_type: ResourceType, inputs: State) -> bool:
    """Return whether a replacement deletes first: two objects cannot have one name (the bridge's rule)."""
    generated = cast("list[str]", inputs.get(DEFAULTS_KEY) or [])
    return (
        bool(resource_type.autoname)
        and inputs.get(resource_type.autoname) is not None
        and resource_type.autoname not in generated
    )


def is_empty(value: Any) -> bool:
    """Return whether servers leave a value out: null, false, 0, "", [] or an object of these."""
    if isinstance(value, dict):
        return all(is_empty(item) for item in cast("State", value).values())
    return not isinstance(value, Unknown | Asset) and not value


class _Comparison:
    def __init__(self, resource_type: ResourceType, inputs: State, state: State) -> None:
        self._resource_type = resource_type
        self._inputs = inputs
        self._state = state

    def object(self, sdk: SdkType, old: State, new: State, path: str, pattern: str) -> list[Change]:
        found: list[Change] = []
        for name, item in sdk.fields.items():
            where = f"{path}.{name}" if path else name
            found.extend(
                self.value(
                    item, old.get(name), new.get(name), where, f"{pattern}.{name}" if pattern else name
                )
            )
        return found

    def value(self, sdk: SdkType, old: Any, new: Any, path: str, pattern: str) -> list[Change]:
        resource_type = self._resource_type
        default = resource_type.default(pattern)
        if old is None and default is not True:
            old = default  # servers leave out defaults; a missing boolean is false
        if new is None:
            if default is not None:
                new = default
            elif pattern in resource_type.computed or is_empty(old):
                return []
            else:
                return [] if self._equivalent(pattern, old, new) else [self._change(path, pattern, "DELETE")]
        if isinstance(new, Unknown):
            return [self._change(path, pattern, "ADD" if old is None else "UPDATE")]
        if sdk.kind == "object" and isinstance(new, dict):
            if not isinstance(old, dict):
                return self._scalar(old, cast("State", new), path, pattern)
            return self.object(sdk, cast("State", old), cast("State", new), path, pattern)
        if sdk.kind == "map" and isinstance(new, dict):
            return self._map(cast("State", old or {}), cast("State", new), path, pattern)
        if sdk.kind == "list" and isinstance(new, list):
            return self._list(sdk, cast("list[Any]", old or []), cast("list[Any]", new), path, pattern)
        return self._scalar(old, new, path, pattern)

    def _map(self, old: State, new: State, path: str, pattern: str) -> list[Change]:
        found: list[Change] = []
        for key in sorted({*old, *new}):
            where = f"{path}.{key}" if key.isidentifier() else f'{path}["{key}"]'
            if key not in new:
                change = self._change(where, pattern, "DELETE")
            elif key not in old:
                change = self._change(where, pattern, "ADD")
            elif contains_unknown(new[key]) or old[key] != new[key]:
                change = self._change(where, pattern, "UPDATE")
            else:
                continue
            if not self._equivalent(f"{pattern}.{key}", old.get(key), new.get(key)):
                found.append(change)
        return found

    def _list(self, sdk: SdkType, old: list[Any], new: list[Any], path: str, pattern: str) -> list[Change]:
        if self._equivalent(pattern, old, new):
            return []
        if pattern in self._resource_type.unordered and not contains_unknown(new):
            one = Counter(self._key(item, pattern) for item in old)
            if one == Counter(self._key(item, pattern) for item in new):
                return []
        found: list[Change] = []
        item = sdk.item
        for at in range(max(len(old), len(new))):
            where = f"{path}[{at}]"
            if at >= len(new):
                found.append(self._change(where, pattern, "DELETE"))
            elif at >= len(old):
                found.append(self._change(where, pattern, "ADD"))
            elif item is not None:
                found.extend(self.value(item, old[at], new[at], where, pattern))
        return found

    def _key(self, value: Any, pattern: str) -> str:
        """Return a text that is equal for two entries with the same meaning."""

        def bare(item: Any, where: str) -> Any:
            if isinstance(item, dict):
                pairs = cast("State", item).items()
                return {
                    name: bare(inner, f"{where}.{name}")
                    for name, inner in pairs
                    if not is_empty(inner) and f"{where}.{name}" not in self._resource_type.computed
                }
            return self._resource_type.normalize(where, item)

        return json.dumps(bare(value, pattern), sort_keys=True)

    def _scalar(self, old: Any, new: Any, path: str, pattern: str) -> list[Change]:
        if contains_unknown(new):
            return [self._change(path, pattern, "ADD" if old is None else "UPDATE")]
        one, other = self._resource_type.normalize(pattern, old), self._resource_type.normalize(pattern, new)
        if one == other or (is_empty(one) and is_empty(other) and not isinstance(new, dict)):
            return []
        if self._equivalent(pattern, old, new):
            return []
        return [self._change(path, pattern, "ADD" if old is None else "UPDATE")]

    def _equivalent(self, pattern: str, old: Any, new: Any) -> bool:
        return self._resource_type.equivalent(pattern, old, new, self._inputs, self._state)

    def _change(self, path: str, pattern: str, kind: str) -> Change:
        return Change(path=path, pattern=pattern, kind=kind, replace=self._resource_type.replaces(pattern))
