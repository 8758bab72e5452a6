"""What a service's instance can be told: one row per setting, used for writing, reading, comparing and
checking.

Each row knows Railway's name of the setting, where it is read back, and how it is taken back: null
changes nothing on Railway, so a setting that the program no longer declares is set to what Railway does
when nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from railway.diff import (
    Field,
    Normal,
    Rule,
    boolean,
    flag,
    mapping,
    not_negative,
    number,
    one_of,
    positive,
    starts_with_slash,
    text,
    texts,
    upper,
    whole,
)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting.

    Args:
        name: our property.
        input: its name in Railway's ServiceInstanceUpdateInput.
        cleared: the value that takes it back.
        normal: its normal form.
        default: what Railway does when nothing is said.
        rules: what values are wrong.
        reads: whether the instance says its value; False: only the environment's config does, or nothing.
    """

    name: str
    input: str
    cleared: object = ""
    normal: Normal = text
    default: object = None
    rules: tuple[Rule, ...] = ()
    reads: bool = True

    @property
    def field(self) -> Field:
        """The row for comparing and checking."""
        return Field(name=self.name, normal=self.normal, default=self.default, rules=self.rules)


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="replicas", input="numReplicas", cleared=1, normal=number, default=1, rules=(positive, whole)
    ),
    Setting(name="root_directory", input="rootDirectory"),
    Setting(
        name="builder",
        input="builder",
        cleared="RAILPACK",
        normal=upper,
        rules=(one_of("RAILPACK", "NIXPACKS", "HEROKU", "PAKETO"),),
    ),
    Setting(name="build_command", input="buildCommand"),
    Setting(name="dockerfile_path", input="dockerfilePath"),
    Setting(name="nixpacks_plan", input="nixpacksPlan", cleared={}, normal=mapping),
    Setting(name="watch_patterns", input="watchPatterns", cleared=[], normal=texts),
    Setting(name="railway_config_file", input="railwayConfigFile"),
    Setting(name="start_command", input="startCommand"),
    Setting(name="pre_deploy_command", input="preDeployCommand", cleared=[], normal=texts),
    Setting(name="healthcheck_path", input="healthcheckPath", rules=(starts_with_slash,)),
    Setting(
        name="healthcheck_timeout",
        input="healthcheckTimeout",
        cleared=300,
        normal=number,
        default=300,
        rules=(positive, whole),
    ),
    Setting(
        name="restart_policy_type",
        input="restartPolicyType",
        cleared="ON_FAILURE",
        normal=upper,
        default="ON_FAILURE",
        rules=(one_of("ALWAYS", "NEVER", "ON_FAILURE"),),
    ),
    Setting(
        name="restart_policy_max_retries",
        input="restartPolicyMaxRetries",
        cleared=10,
        normal=number,
        default=10,
        rules=(not_negative, whole),
    ),
    Setting(name="cron_schedule", input="cronSchedule"),
    Setting(
        name="sleep_application",
        input="sleepApplication",
        cleared=False,
        normal=flag,
        default=False,
        rules=(boolean,),
    ),
    Setting(
        name="overlap_seconds",
        input="overlapSeconds",
        cleared=0,
        normal=number,
        default=0,
        rules=(not_negative, whole),
    ),
    Setting(
        name="draining_seconds",
        input="drainingSeconds",
        cleared=0,
        normal=number,
        default=0,
        rules=(not_negative, whole),
    ),
    Setting(name="region", input="region"),
    Setting(name="multi_region_config", input="multiRegionConfig", cleared={}, normal=mapping, reads=False),
    Setting(
        name="ipv6_egress_enabled",
        input="ipv6EgressEnabled",
        cleared=False,
        normal=flag,
        default=False,
        rules=(boolean,),
    ),
    Setting(name="registry_credentials", input="registryCredentials", normal=mapping, reads=False),
)


def to_input(declared: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, object]:
    """The ServiceInstanceUpdateInput for what is declared.

    Everything declared is always sent, because an update without `numReplicas` sets it back to 1.

    Args:
        declared: the declared properties.
        before: the recorded ones; what was declared then and is not now is taken back.
    """
    sent: dict[str, object] = {}
    for setting in SETTINGS:
        value = setting.normal(declared.get(setting.name))
        if value is not None:
            sent[setting.input] = value
        elif setting.normal(before.get(setting.name)) is not None and setting.name != "registry_credentials":
            sent[setting.input] = setting.cleared
    if "multiRegionConfig" in sent:
        # Both say how many and where; Railway takes the map.
        sent.pop("region", None)
        sent.pop("numReplicas", None)
    source = {kind: declared[kind] for kind in ("repo", "image") if declared.get(kind)}
    if source:
        sent["source"] = source
    return sent


def from_instance(node: Mapping[str, Any], config: Mapping[str, Any] | None) -> dict[str, object]:
    """Our properties as an instance, and where it does not say it the environment's config, has them.

    Args:
        node: the service instance.
        config: the service's part of the environment's config, None if it cannot be read.
    """
    live: dict[str, object] = {
        setting.name: setting.normal(node[setting.input]) for setting in SETTINGS if setting.reads
    }
    source = node["source"] or {}
    live["repo"], live["image"] = text(source.get("repo")), text(source.get("image"))
    if config is not None:
        live["multi_region_config"] = mapping((config.get("deploy") or {}).get("multiRegionConfig"))
    return live
