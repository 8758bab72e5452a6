"""Everything a service's instance can be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import dynamic

from railway.provider import RailwayProvider, inputs_of


@dataclass(frozen=True, kw_only=True)
class ServiceSettingsArgs:
    """Inputs."""

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    service_id: pulumi.Input[str]

    has_volume: pulumi.Input[bool]
    repo: pulumi.Input[str] | None = None
    branch: pulumi.Input[str] | None = None
    image: pulumi.Input[str] | None = None
    replicas: pulumi.Input[int] = 1
    check_suites: pulumi.Input[bool] | None = None
    root_directory: pulumi.Input[str] | None = None
    builder: pulumi.Input[str] | None = None
    build_command: pulumi.Input[str] | None = None
    dockerfile_path: pulumi.Input[str] | None = None
    nixpacks_plan: pulumi.Input[Mapping[str, object]] | None = None
    watch_patterns: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None
    railway_config_file: pulumi.Input[str] | None = None
    start_command: pulumi.Input[str] | None = None
    pre_deploy_command: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None
    healthcheck_path: pulumi.Input[str] | None = None
    healthcheck_timeout: pulumi.Input[int] | None = None
    restart_policy_type: pulumi.Input[str] | None = None
    restart_policy_max_retries: pulumi.Input[int] | None = None
    cron_schedule: pulumi.Input[str] | None = None
    sleep_application: pulumi.Input[bool] | None = None
    overlap_seconds: pulumi.Input[int] | None = None
    draining_seconds: pulumi.Input[int] | None = None
    region: pulumi.Input[str] | None = None
    multi_region_config: pulumi.Input[Mapping[str, object]] | None = None
    ipv6_egress_enabled: pulumi.Input[bool] | None = None
    registry_credentials: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None


class ServiceSettingsProvider(RailwayProvider):
    """CRUD of ServiceSettings."""


class ServiceSettings(dynamic.Resource, module="railway", name="ServiceSettings"):
    """Everything a service's instance can be told."""

    revision: pulumi.Output[str]

    def __init__(
        self, name: str, args: ServiceSettingsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(ServiceSettingsProvider(), name, inputs_of(args, "revision"), opts)
