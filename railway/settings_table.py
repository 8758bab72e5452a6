"""What a service's instance can be told: one row per setting, used for writing, reading, comparing and
checking.

Each row knows Railway's name of the setting, where it is read back, and how it is taken back: null
changes nothing on Railway, so a setting that the program no longer declares is set to what Railway does
when nothing is said. Where "nothing" is such a value, one that the program never declared is compared with
it too: a start command or a cron schedule that somebody set by hand is drift. Refuses to judge what Railway
chooses itself when nothing is said: `left_alone` says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from railway.fields import (
    Field,
    Normal,
    Rule,
    boolean,
    flag,
    folder,
    mapping,
    not_negative,
    number,
    one_of,
    positive,
    quoting,
    text,
    texts,
    upper,
    whole,
)
from railway.read_back import Mismatch
from railway.validation import BUILDERS, RESTART_POLICIES, url_path


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
        left_alone: why one that nobody declared is Railway's business; "": it is compared with `default`.
    """

    name: str
    input: str
    cleared: object = ""
    normal: Normal = text
    default: object = None
    rules: tuple[Rule, ...] = ()
    reads: bool = True
    left_alone: str = ""

    @property
    def field(self) -> Field:
        """The row for comparing and checking."""
        return Field(name=self.name, normal=self.normal, default=self.default, rules=self.rules)


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="replicas", input="numReplicas", cleared=1, normal=number, default=1, rules=(positive, whole)
    ),
    Setting(name="root_directory", input="rootDirectory", normal=folder),
    Setting(
        name="builder",
        input="builder",
        cleared="RAILPACK",
        normal=upper,
        rules=(one_of(*BUILDERS),),
        left_alone="a service keeps the builder that was Railway's default when it was made",
    ),
    Setting(name="build_command", input="buildCommand"),
    Setting(name="dockerfile_path", input="dockerfilePath"),
    Setting(
        name="nixpacks_plan",
        input="nixpacksPlan",
        cleared={},
        normal=mapping,
        left_alone="it belongs to a builder that Railway may have chosen",
    ),
    Setting(name="watch_patterns", input="watchPatterns", cleared=[], normal=texts),
    Setting(name="railway_config_file", input="railwayConfigFile"),
    Setting(name="start_command", input="startCommand"),
    Setting(name="pre_deploy_command", input="preDeployCommand", cleared=[], normal=texts),
    Setting(name="healthcheck_path", input="healthcheckPath", rules=(quoting(url_path),)),
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
        rules=(one_of(*RESTART_POLICIES),),
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
        left_alone="the variable RAILWAY_DEPLOYMENT_OVERLAP_SECONDS may say it, too",
    ),
    Setting(
        name="draining_seconds",
        input="drainingSeconds",
        cleared=0,
        normal=number,
        default=0,
        rules=(not_negative, whole),
        left_alone="the variable RAILWAY_DEPLOYMENT_DRAINING_SECONDS may say it, too",
    ),
    Setting(name="region", input="region", left_alone="Railway places a service, beside its volume"),
    Setting(
        name="multi_region_config",
        input="multiRegionConfig",
        cleared={},
        normal=mapping,
        reads=False,
        left_alone="Railway writes down there where it has placed the service",
    ),
    Setting(
        name="ipv6_egress_enabled",
        input="ipv6EgressEnabled",
        cleared=False,
        normal=flag,
        default=False,
        rules=(boolean,),
    ),
    Setting(
        name="registry_credentials",
        input="registryCredentials",
        cleared={"username": "", "password": ""},
        normal=mapping,
        reads=False,
        left_alone="they cannot be read back",
    ),
)


def to_input(declared: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, object]:
    """The ServiceInstanceUpdateInput for what is declared.

    Everything declared is always sent, because an update without `numReplicas` sets it back to 1.

    Args:
        declared: the declared properties.
        before: the recorded ones, and those that are `undeclared`; what is not declared now is taken back.
    """
    sent: dict[str, object] = {}
    for setting in SETTINGS:
        value = setting.normal(declared.get(setting.name))
        if value is not None:
            sent[setting.input] = value
        elif setting.normal(before.get(setting.name)) is not None:
            sent[setting.input] = setting.cleared
    if declared.get("multi_region_config"):
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


def undeclared(declared: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, object]:
    """Live values that the program does not declare and that differ from what Railway does when nothing is
    said, of those settings that are not left alone.

    Args:
        declared: the declared properties.
        live: the live ones, as `from_instance` returns them.
    """
    found: dict[str, object] = {}
    for setting in SETTINGS:
        if setting.name == "replicas" and declared.get("multi_region_config"):
            continue  # they follow from the map
        if setting.left_alone or setting.normal(declared.get(setting.name)) is not None:
            continue
        value = setting.normal(live.get(setting.name))
        if value is not None and value != setting.normal(setting.default):
            found[setting.name] = value
    return found


def mismatches(
    sent: Mapping[str, object],
    declared: Mapping[str, Any],
    node: Mapping[str, Any],
    config: Mapping[str, Any] | None,
) -> tuple[Mismatch, ...]:
    """What Railway reads back differently from what was sent. What cannot be read back is left out.

    Args:
        sent: the ServiceInstanceUpdateInput.
        declared: the declared properties that it was made of.
        node: the service instance after it.
        config: the service's part of the environment's config after it, None if it cannot be read.
    """
    live = from_instance(node, config)
    found: list[Mismatch] = []
    for setting in SETTINGS:
        taken_back = setting.normal(declared.get(setting.name)) is None
        if setting.input not in sent or not setting.reads or (taken_back and setting.left_alone):
            continue
        value, wanted = setting.field.value(live), setting.field.value(declared)
        if value != wanted:
            found.append(Mismatch(setting.name, value, wanted))
    if declared.get("image") and live["image"] != text(declared["image"]):
        found.append(Mismatch("image", live["image"], declared["image"]))
    hidden = ((config or {}).get("deploy") or {}).get("registryCredentials")
    taken_back = "registryCredentials" in sent and not declared.get("registry_credentials")
    if taken_back and isinstance(hidden, Mapping) and any(cast("Mapping[str, object]", hidden).values()):
        found.append(Mismatch("registry_credentials", "still there", None))
    return tuple(found)
