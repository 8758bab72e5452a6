"""Config with which an adoption changes less: settings with the values that Railway has today."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from components.backend import MEGABYTES_PER_GIGABYTE
from settings.model import KEYS
from settings.railway_rules import MANAGED_VARIABLES
from settings.reader import remove_command, set_command
from settings.variables import VARIABLE_NAME


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """One `pulumi config set`.

    Args:
        key: the config key, without the namespace.
        value: its value as text; a secret one must not be printed. "" without `secret` removes the key.
        part: the part of the key: `.NAME`, `[0]`, or "" for all of it.
        secret: whether it is set with `--secret`.
        reason: what it keeps, in a sentence without a full stop.
    """

    key: str
    value: str = field(repr=False)
    part: str = ""
    secret: bool = False
    reason: str

    @property
    def command(self) -> str:
        """The command that sets it; Pulumi asks for a secret value."""
        if not self.value and not self.secret:
            return remove_command(self.key, self.part)
        return set_command(self.key, "" if self.secret else self.value, self.part, secret=self.secret)


_SETTINGS: Mapping[str, Mapping[str, str]] = {
    "Project": {"project_name": "railwayProjectName"},
    "Volume": {"volume_name": "volumeName", "mount_path": "volumeMountPath", "size_mb": "volumeSizeGb"},
    "ServiceDomain": {"target_port": "targetPort"},
    "ServiceLimits": {"cpus": "cpuLimit", "memory_gb": "memoryLimitGb"},
    "VolumeBackupSchedule": {"kinds": "volumeBackups"},
    "ServiceSettings": {
        "repo": "repo",
        "check_suites": "waitForChecks",
        "root_directory": "rootDirectory",
        "builder": "builder",
        "build_command": "buildCommand",
        "dockerfile_path": "dockerfilePath",
        "watch_patterns": "watchPatterns",
        "railway_config_file": "railwayConfigFile",
        "start_command": "startCommand",
        "pre_deploy_command": "preDeployCommand",
        "healthcheck_path": "healthPath",
        "healthcheck_timeout": "healthTimeout",
        "restart_policy_type": "restartPolicy",
        "restart_policy_max_retries": "restartMaxRetries",
        "sleep_application": "sleepApplication",
        "overlap_seconds": "overlapSeconds",
        "draining_seconds": "drainingSeconds",
        "ipv6_egress_enabled": "ipv6Egress",
    },
}
"""Resource -> property -> config key (`components.backend`). The branch is not proposed: production deploys
main."""
_NOT_ALONE = {"SESSIONS_PATH", "FIREBASE_SERVICE_ACCOUNT_JSON"}
"""Variables that follow from another object: the volume, and a key that the program creates."""


def of_property(resource: str, name: str, live: object) -> Iterator[Proposal]:
    """The proposals that keep the live value of a property.

    Args:
        resource: the resource's class, such as "Volume".
        name: the property.
        live: its live value in normal form; none is proposed for None, which most settings cannot express.
    """
    key = _SETTINGS.get(resource, {}).get(name)
    several = name == "repo" and ", " in str(live)  # of several triggers, which config cannot express
    if key is None or live is None or several:
        return
    reason = f"keeps {name.replace('_', ' ')} as it is on Railway"
    if name == "size_mb" and isinstance(live, int | float):
        live = live / MEGABYTES_PER_GIGABYTE
    if not isinstance(live, list):
        yield Proposal(key=key, value=_text(live), reason=reason)
        return
    items = [str(item) for item in cast("list[object]", live)]
    if name == "pre_deploy_command" and len(items) == 1:
        yield Proposal(key=key, value=items[0], reason=reason)
        return
    for at, item in enumerate(items):
        yield Proposal(key=key, part=f"[{at}]", value=item, reason=reason)


def of_variable(name: str, live: str) -> Iterator[Proposal]:
    """The proposals that keep the live value of a variable of the backend; none if no config can express it.

    Values of variables are secret: nothing on Railway says which ones are not.
    """
    reason = f"keeps the variable {name}"
    key = MANAGED_VARIABLES.get(name)
    if key is None:
        if live and VARIABLE_NAME.fullmatch(name):
            yield Proposal(key="backendVariables", part=f".{name}", value=live, secret=True, reason=reason)
    elif key == "adminToken":
        if len(live) >= KEYS[key].min_length:
            yield Proposal(key=key, value=live, secret=True, reason=reason)
    elif name not in _NOT_ALONE and (live.isdecimal() or live in ("true", "false")):
        yield Proposal(key=key, value=live, reason=reason)


def of_name(key: str, value: str, what: str) -> Proposal:
    """The proposal that names the object that exists.

    Args:
        key: the config key of its name.
        value: its live name.
        what: the object, such as "the service of the project".
    """
    return Proposal(key=key, value=value, reason=f"names {what}")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.9g}"
    return value if isinstance(value, str) else json.dumps(value)
