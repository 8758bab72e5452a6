"""The rules of Railway's settings, as in `settings.rules`.

What a plan allows is known as far as Railway documents it. The rest is reported by Railway's API.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from uuid import UUID

from railway.validation import SETTABLE_VARIABLES, is_railways, repository
from settings.keys import NAMESPACE
from settings.parsing import look_alike
from settings.reader import MAX_STRING, ConfigReader, part_of, remove_command, set_command
from settings.regions import RAILWAY_PLAN_VOLUME_GB, RAILWAY_PLANS
from settings.rules import matching
from settings.variables import VARIABLE_NAME, looks_secret
from user_errors import OR

# Set by the program from other settings, or from what it creates.
MANAGED_VARIABLES = {
    "SESSIONS_PATH": "volumeMountPath",
    "PORT": "targetPort",
    "FIREBASE_SERVICE_ACCOUNT_JSON": "serviceAccountKeyRotation",
    "ADMIN_TOKEN": "adminToken",
    "WHATSAPP_SYNC_FULL_HISTORY": "syncFullHistory",
    "WHATSAPP_BACKFILL_COUNT": "backfillCount",
    "WHATSAPP_BACKFILL_THREADS": "backfillThreads",
}
_RAILWAYS_DOMAINS = (".railway.app", ".railway.internal")
# All variables and arguments of a program (execve(2), ARG_MAX: a quarter of the stack of 8 MB), and some for
# the variables of the program and of Railway.
_MAX_VARIABLES = 1_500_000
_CONFIG_FILES = (".toml", ".json")
_LONGEST_HOST = 253  # RFC 1035, without the last dot
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_REPO_ADDRESS = re.compile(r"(?:https://github\.com/|git@github\.com:)?([\w-]+/[\w.-]+?)(?:\.git)?/?$")

railway_name = matching(
    r"[A-Za-z0-9][A-Za-z0-9_.-]*( [A-Za-z0-9_.-]+)*",
    "a valid Railway name (letters, digits, . - _ and single spaces; a letter or digit first)",
)


def railway_id(value: object) -> str | None:
    """The id of a project or workspace, as Railway writes it: another spelling would be another object."""
    try:
        spelled = str(UUID(str(value)))
    except ValueError:
        return "is not a Railway id (a UUID such as b7d1c0de-1234-4abc-8def-000000000001)"
    return None if spelled == value else f"is not in the spelling of Railway's API, which is {spelled}"


def railway_id_fix(name: str) -> Callable[[str], str | None]:
    """The command that sets a key to an id in Railway's spelling."""

    def fix(value: str) -> str | None:
        try:
            return set_command(name, UUID(value))
        except ValueError:
            return None

    return fix


def repo_fix(value: str) -> str | None:
    """owner/name of a repository's address."""
    address = _REPO_ADDRESS.match(value)
    return set_command("repo", address[1]) if address and not repository(address[1]) else None


def builder_fix(value: str) -> str | None:
    """Railway's API has no builder DOCKERFILE: it builds from a Dockerfile when its path is set."""
    if value.upper() != "DOCKERFILE":
        return None
    return f"{set_command('dockerfilePath', 'Dockerfile')}\n{remove_command('builder')}"


def host(value: object) -> str | None:
    """A domain of one's own."""
    if str(value).lower().endswith(_RAILWAYS_DOMAINS):
        return (
            "is a domain that only Railway assigns; the stack output backend_url shows the backend's address"
        )
    if _is_host(str(value)):
        return None
    return "is not a host name (lower-case letters, digits, dashes and dots, without https://, path or port)"


def host_fix(value: str) -> str | None:
    """The host of an address."""
    # Not urlsplit: it raises for half of an address.
    found = re.split(r"[/?#:]", value.lower().rpartition("//")[2])[0].strip(".")
    return set_command("customDomain", found) if _is_host(found) and not host(found) else None


def _is_host(text: str) -> bool:
    return len(text) <= _LONGEST_HOST and _HOST.fullmatch(text) is not None


def config_file(value: object) -> str | None:
    """A railway.toml or railway.json in the repository."""
    if "://" in str(value):
        return "is an address; it must be a path in the backend's repository"
    if PurePosixPath(str(value)).suffix not in _CONFIG_FILES:
        return "is not a Railway config file: the name must end in .toml or .json"
    return None


def config_file_fix(value: str) -> str | None:
    """The file's name in an address."""
    name = PurePosixPath(value.partition("?")[0]).name
    return set_command("railwayConfigFile", f"/{name}") if "://" in value and not config_file(name) else None


def check_branch(read: ConfigReader, branch: str, *, production: bool) -> None:
    """Production is what is on main."""
    if production and branch != "main" and "branch" not in read.invalid:
        read.add(
            "branch",
            f"is {read.shown('branch', branch)}, but a production stack deploys main."
            f"{look_alike(branch, 'main')}",
            set_command("branch", "main"),
        )


def check_replicas(read: ConfigReader, replicas: int) -> None:
    """One, because of the volume and of the sessions."""
    if replicas != 1 and "replicas" not in read.invalid:
        read.add(
            "replicas",
            f"is {replicas}, but must be 1: Railway allows one instance for a service with a volume, and two "
            "would open the same WhatsApp sessions.",
            set_command("replicas", 1),
        )


def check_volume_size(read: ConfigReader, size_gb: float, plan: str) -> None:
    """Within the plan."""
    most = RAILWAY_PLAN_VOLUME_GB.get(plan, max(RAILWAY_PLAN_VOLUME_GB.values()))
    if "volumeSizeGb" in read.invalid or 0.001 <= size_gb <= most:
        return
    if size_gb < 0.001:
        reason = "a volume has at least 0.001 GB"
    else:
        reason = f"volumes of the {plan} plan have up to {most:g} GB"
    read.add(
        "volumeSizeGb", f"is {size_gb:g} GB, but {reason}.", set_command("volumeSizeGb", f"{min(50, most):g}")
    )


def check_limits(read: ConfigReader, cpus: float | None, memory_gb: float | None, plan: str) -> None:
    """CPU and memory within the plan: beyond all its instances is an error, beyond one is a warning."""
    limits = RAILWAY_PLANS.get(plan)
    if limits is None or "railwayPlan" in read.invalid:
        return
    for name, value, unit in (("cpuLimit", cpus, "vCPU"), ("memoryLimitGb", memory_gb, "GB")):
        if value is None or name in read.invalid or value <= limits.of_one:
            continue
        fix = f"{set_command(name, f'{limits.of_one:g}')}\n{OR}{remove_command(name)}"
        if value > limits.of_all:
            what = f"a service of the {plan} plan can have {limits.of_all:g} {unit} in all its instances"
            read.add(name, f"is {value:g}, but {what}.", fix)
        else:
            what = f"one instance of the {plan} plan can have {limits.of_one:g} {unit}"
            read.warn(name, f"is {value:g}, but {what}, as far as Railway documents it.", fix)


def warn_mount_path(read: ConfigReader, path: str) -> None:
    """Railway builds the application into /app, which a volume would hide."""
    if path == "/app" and "volumeMountPath" not in read.invalid:
        read.warn(
            "volumeMountPath",
            "is /app, the folder into which Railway builds the application: the volume would hide it.",
            f"ignore this warning if a Dockerfile uses another folder\n"
            f"{OR}{set_command('volumeMountPath', '/app/sessions')}",
        )


def check_backend_variables(read: ConfigReader, variables: Mapping[str, str]) -> None:
    """Additional variables of the backend."""
    sizes = [len(name.encode()) + len(value.encode()) + 2 for name, value in variables.items()]
    total = sum(size for size in sizes if size <= MAX_STRING)  # a larger one is reported by its name
    if total > _MAX_VARIABLES:
        what = f"has {total} bytes in all; Linux starts no program with more than {_MAX_VARIABLES}."
        remove = remove_command("backendVariables", ".NAME")
        read.add("backendVariables", what, f"{remove}\nRun this for the largest variables.")
    for name, value in variables.items():
        part = part_of(name)
        remove = remove_command("backendVariables", part)
        rename = f"{remove}\nThen choose another name."
        if name in MANAGED_VARIABLES:
            source = f"{NAMESPACE}:{MANAGED_VARIABLES[name]}"
            what, fix = (
                f"{name} is managed by the program.",
                f"{remove}\nTo change its value, use {source}.",
            )
        elif is_railways(name):
            settable = ", ".join(sorted(SETTABLE_VARIABLES))
            what = (
                f"{name} is reserved: Railway sets it itself. You can set only these RAILWAY_ variables: "
                f"{settable}."
            )
            fix = rename
        elif not VARIABLE_NAME.fullmatch(name):
            what, fix = f'"{name}" is not a variable name (letters, digits, _; no digit first).', rename
        elif not value:
            what = f"{name} is empty, which Railway rejects."
            fix = f"{set_command('backendVariables', '<string>', part)}\n{OR}{remove}"
        elif len(name.encode()) + len(value.encode()) >= MAX_STRING:
            what = (
                f"{name} has {len(value.encode())} bytes; Linux starts no program with a variable of more "
                f"than {MAX_STRING}."
            )
            fix = f"{set_command('backendVariables', '<string>', part)}\n{OR}{remove}"
        elif looks_secret(name) and not read.is_secret("backendVariables"):
            what = f"{name} looks like a secret, but is stored in plain text."
            fix = set_command("backendVariables", part=part, secret=True)
        else:
            continue
        read.add("backendVariables", what, fix)
