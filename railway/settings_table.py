"""The settings of a service instance: each field of `ServiceSettingsArgs` is one row of the table.

A row has the property, its type and default, and, in its metadata, Railway's name and how the setting is
written, read, compared, validated and reset. Everything else follows from the rows: the field selection of
the snapshot documents, `to_input`, `from_instance`, `mismatches` and the provider's comparison. To add a
setting of Railway's `ServiceInstanceUpdateInput`, add one row.

A null changes nothing on Railway, so a setting that is no longer declared is reset by writing Railway's
default. A setting that was never declared is compared with that default: a start command that was set in
the dashboard is drift. The exceptions have `undeclared_because`: Railway chooses their values itself.
"""

# ruff: noqa: RUF009  (the calls make fields of the dataclass)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from railway.args import ServiceScopeArgs
from railway.fields import (
    Field,
    Mismatch,
    column,
    fields_of,
    flag,
    folder,
    number,
    optional,
    text,
    texts,
    upper,
)
from railway.validation import (
    BUILDERS,
    RESTART_POLICIES,
    Rule,
    boolean,
    not_negative,
    one_of,
    positive,
    quoting,
    repository,
    url_path,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi


@dataclass(frozen=True, kw_only=True)
class Setting(Field):
    """One row. Its `default` is Railway's value when the setting was never written.

    Args:
        input: its name in Railway's ServiceInstanceUpdateInput and in ServiceInstance.
        reset: the value that is written to reset it, if it is not the default.
        undeclared_because: why an undeclared setting is left to Railway; "": it is compared with `default`.
    """

    input: str
    reset: object
    undeclared_because: str = ""


def _row(input: str, *, value: object = None, **columns: Any) -> Any:
    """A field of `ServiceSettingsArgs` that is a row of the table; see `Setting`."""
    return optional(value, Setting, input=input, **{"reset": columns.get("default", ""), **columns})


def _integer(input: str, default: int, rule: Rule, **columns: Any) -> Any:
    return _row(input, default=default, normal=number, rules=(rule, whole), **columns)


def _flag(input: str) -> Any:
    return _row(input, default=False, normal=flag, rules=(boolean,))


@dataclass(frozen=True, kw_only=True)
class ServiceSettingsArgs(ServiceScopeArgs):
    """Inputs of the settings of a service.

    None means not set: a value set in the dashboard is drift and is reset to Railway's default. Railway keeps
    its own choice of an undeclared builder, overlap_seconds, draining_seconds, region,
    repo, branch and image; they are reset when they were declared before.

    Args:
        has_volume: whether a volume is attached; then there is exactly one replica.
        repo: GitHub repository, owner/name; requires a branch.
        branch: the branch whose pushes are deployed.
        check_suites: wait for GitHub's checks of a commit before deploying it.
        image: a container image, instead of a repository.

    The settings below are documented where they are declared.
    """

    KEYS = ("allow_new_volume", "railway_config_file", "region")

    has_volume: pulumi.Input[bool] = field(metadata=column(normal=flag, required=False, rules=(boolean,)))
    repo: pulumi.Input[str] | None = optional(rules=(quoting(repository),))
    branch: pulumi.Input[str] | None = None
    check_suites: pulumi.Input[bool] | None = optional(normal=flag, default=False, rules=(boolean,))
    image: pulumi.Input[str] | None = None

    replicas: pulumi.Input[int] = _integer("numReplicas", 1, positive, value=1)
    """The number of containers."""
    root_directory: pulumi.Input[str] | None = _row("rootDirectory", normal=folder)
    """The folder of the code in the repository."""
    builder: pulumi.Input[str] | None = _row(
        "builder",
        reset="RAILPACK",
        normal=upper,
        rules=(one_of(*BUILDERS),),
        undeclared_because="a service keeps the builder that was Railway's default when it was created",
    )
    """One of `BUILDERS`. For a Dockerfile, set `dockerfile_path` instead."""
    build_command: pulumi.Input[str] | None = _row("buildCommand")
    """Runs during the build."""
    dockerfile_path: pulumi.Input[str] | None = _row("dockerfilePath")
    """The path of the Dockerfile."""
    watch_patterns: pulumi.Input[Sequence[pulumi.Input[str]]] | None = _row(
        "watchPatterns", reset=[], normal=texts
    )
    """A push that changes no file of these patterns is not deployed."""
    railway_config_file: pulumi.Input[str] | None = _row("railwayConfigFile")
    """A config file in the repository. Railway stops reading these files on 2026-12-01."""
    start_command: pulumi.Input[str] | None = _row("startCommand")
    """Starts the container; executed without a shell."""
    pre_deploy_command: pulumi.Input[Sequence[pulumi.Input[str]]] | None = _row(
        "preDeployCommand", reset=[], normal=texts
    )
    """Runs before each deployment."""
    healthcheck_path: pulumi.Input[str] | None = _row("healthcheckPath", rules=(quoting(url_path),))
    """Must return status 200 before a deployment is successful."""
    healthcheck_timeout: pulumi.Input[int] | None = _integer("healthcheckTimeout", 300, positive)
    """Seconds; Railway's default is 300."""
    restart_policy_type: pulumi.Input[str] | None = _row(
        "restartPolicyType", default="ON_FAILURE", normal=upper, rules=(one_of(*RESTART_POLICIES),)
    )
    """One of `RESTART_POLICIES`."""
    restart_policy_max_retries: pulumi.Input[int] | None = _integer(
        "restartPolicyMaxRetries", 10, not_negative
    )
    """Railway's default is 10."""
    cron_schedule: pulumi.Input[str] | None = _row("cronSchedule")
    """When the service runs: five cron fields, in UTC. It then has exactly one replica."""
    sleep_application: pulumi.Input[bool] | None = _flag("sleepApplication")
    """Stop the container while there is no traffic."""
    overlap_seconds: pulumi.Input[int] | None = _integer(
        "overlapSeconds", 0, not_negative, undeclared_because="a RAILWAY_ variable may set it"
    )
    """How long the old deployment continues to run after the new one has started."""
    draining_seconds: pulumi.Input[int] | None = _integer(
        "drainingSeconds", 0, not_negative, undeclared_because="a RAILWAY_ variable may set it"
    )
    """The time between SIGTERM and SIGKILL."""
    region: pulumi.Input[str] | None = _row(
        "region", undeclared_because="Railway chooses it, for a service with a volume by the volume"
    )
    """Where the service runs."""
    ipv6_egress_enabled: pulumi.Input[bool] | None = _flag("ipv6EgressEnabled")
    """Allow outgoing connections over IPv6."""


SETTINGS = tuple(row for row in fields_of(ServiceSettingsArgs) if isinstance(row, Setting))
"""The rows, in the order in which they are declared."""


def to_input(declared: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, object]:
    """The ServiceInstanceUpdateInput for the declared settings.

    All declared settings are always written, because an update without `numReplicas` resets it to 1.

    Args:
        declared: the declared properties.
        before: the recorded properties, and those that are `undeclared`; they are reset if not declared now.
    """
    sent: dict[str, object] = {}
    for row in SETTINGS:
        value = row.normal(declared.get(row.name))
        if value is not None:
            sent[row.input] = value
        elif row.normal(before.get(row.name)) is not None:
            sent[row.input] = row.reset
    source = {kind: declared[kind] for kind in ("repo", "image") if declared.get(kind)}
    if source:
        sent["source"] = source
    return sent


def from_instance(node: Mapping[str, Any]) -> dict[str, object]:
    """The live properties of a ServiceInstance, as far as it has them."""
    live: dict[str, object] = {row.name: row.normal(node[row.input]) for row in SETTINGS}
    source = node["source"] or {}
    live["repo"], live["image"] = text(source.get("repo")), text(source.get("image"))
    return live


def undeclared(declared: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, object]:
    """Live values of undeclared settings that differ from Railway's default, except those that are left to
    Railway.

    Args:
        declared: the declared properties.
        live: the live properties, as `from_instance` returns them.
    """
    found: dict[str, object] = {}
    for row in SETTINGS:
        if row.undeclared_because or row.normal(declared.get(row.name)) is not None:
            continue
        value = row.normal(live.get(row.name))
        if value is not None and value != row.normal(row.default):
            found[row.name] = value
    return found


def mismatches(
    sent: Mapping[str, object],
    declared: Mapping[str, Any],
    node: Mapping[str, Any],
) -> list[Mismatch]:
    """What Railway returns differently from what was written, as far as it can be read.

    Args:
        sent: the ServiceInstanceUpdateInput that was written.
        declared: the declared properties from which it was made.
        node: the ServiceInstance after the write.
    """
    live = from_instance(node)
    found: list[Mismatch] = []
    for row in SETTINGS:
        reset = row.normal(declared.get(row.name)) is None
        if row.input not in sent or (reset and row.undeclared_because):
            continue
        value, written = row.value(live), row.value(declared)
        if value != written:
            found.append(Mismatch(row.name, value, written))
    if declared.get("image") and live["image"] != text(declared["image"]):
        found.append(Mismatch("image", live["image"], declared["image"]))
    return found
