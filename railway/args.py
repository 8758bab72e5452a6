"""What the Args of all resources have in common: the place of the object, and the program's config keys.

A fix such as "pulumi config set my-app:volumeName <name>" needs the name of a config key, which only the
program knows. It passes the keys as `ConfigKeys`. They are recorded with the resource's inputs, but never
compared: another key is not a change. Without a key, a fix names the property of the Args class.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from railway.fields import column, flag, mapping, optional
from railway.validation import boolean
from user_errors import shell_word

if TYPE_CHECKING:
    import pulumi

Props = Mapping[str, Any]
"""The properties of a resource, as a provider gets them."""


def switch() -> Any:
    """A boolean property, false by default."""
    return optional(False, normal=flag, rules=(boolean,))


@dataclass(frozen=True, kw_only=True)
class ConfigKeys:
    """The config keys that set properties of these resources, for example "my-app:volumeName".

    Each field is named after the property that the key sets; `size_gb` holds `size_mb` in gigabytes.
    `allow_new_volume` is also read: `pulumi refresh` sees the inputs of the last `up`, so only the config
    shows that a deleted volume may be replaced.
    """

    adopt_project_id: str | None = None
    allow_new_volume: str | None = None
    domain: str | None = None
    environment_name: str | None = None
    log_expectations: str | None = None
    project_name: str | None = None
    railway_config_file: str | None = None
    region: str | None = None
    service_name: str | None = None
    size_gb: str | None = None
    variables: str | None = None
    volume_name: str | None = None
    workspace_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class ResourceArgs:
    """Inputs of every resource.

    Args:
        config_keys: the program's config keys, for error messages.
    """

    KEYS: ClassVar[tuple[str, ...]] = ()
    """Those that the messages of this resource name."""

    config_keys: ConfigKeys | None = optional(normal=mapping, compared=False)


@dataclass(frozen=True, kw_only=True)
class EnvironmentScopeArgs(ResourceArgs):
    """Inputs of a resource in an environment. The examples write the ids as `**ids`.

    Args:
        project_id: the project.
        environment_id: the environment.
    """

    project_id: pulumi.Input[str] = field(metadata=column(replace=True))
    environment_id: pulumi.Input[str] = field(metadata=column(replace=True))


@dataclass(frozen=True, kw_only=True)
class ServiceScopeArgs(EnvironmentScopeArgs):
    """Inputs of a resource of a service.

    Args:
        service_id: the service.
    """

    service_id: pulumi.Input[str] = field(metadata=column(replace=True))


def inputs_of(args: ResourceArgs) -> dict[str, Any]:
    """The properties of a resource that its Args declare."""
    properties: dict[str, Any] = {one.name: getattr(args, one.name) for one in fields(args)}
    if args.config_keys is not None:
        named = {name: getattr(args.config_keys, name) for name in args.KEYS}
        properties["config_keys"] = {name: key for name, key in named.items() if key is not None} or None
    return properties


def config_key(props: Props, name: str) -> str | None:
    """The program's config key for a property, None if it passed none."""
    keys = props.get("config_keys")
    return keys.get(name) if isinstance(keys, Mapping) else None


def key_or_property(props: Props, name: str) -> str:
    """The config key for a property, or the property itself."""
    return config_key(props, name) or name


def how_to_set(props: Props, name: str, value: object) -> str:
    """How to set a property: a command if there is a config key for it. See `shell_word` for placeholders."""
    key = config_key(props, name)
    return f"pulumi config set {key} {shell_word(value)}" if key else f"set {name} to {value} in the program"


def how_to_set_part(props: Props, name: str, part: str, value: object) -> str:
    """How to set a part of a list (`[0]`) or an object (`.NAME`): a command if there is a config key."""
    key = config_key(props, name)
    if key is None:
        return f"set {name}{part} to {value} in the program"
    return f"pulumi config set --path --type string {shlex.quote(f'{key}{part}')} {shell_word(value)}"


def how_to_unset(props: Props, name: str) -> str:
    """How to stop setting a property: a command if there is a config key for it."""
    key = config_key(props, name)
    return f"pulumi config rm {key}" if key else f"remove {name} from the program"
