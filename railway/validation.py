"""What Railway accepts: enumerations, limits, the rules of single values, and exactly one token.

A rule takes a value and returns what is wrong with it, as the end of a sentence that begins with the value or
the property, or None. The providers use these rules, and so can a program for its own config. Nothing here
imports an HTTP client or a Pulumi resource.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from urllib.parse import urlsplit

Rule = Callable[[object], str | None]

# Railway's GraphQL schema: Builder, RestartPolicyType, VolumeInstanceBackupScheduleKind.
BUILDERS = ("RAILPACK", "NIXPACKS", "HEROKU", "PAKETO")
RESTART_POLICIES = ("ON_FAILURE", "ALWAYS", "NEVER")
BACKUP_KINDS = ("DAILY", "WEEKLY", "MONTHLY")

SETTABLE_VARIABLES = frozenset(
    {
        "RAILWAY_API_TOKEN",
        "RAILWAY_DEPLOYMENT_DRAINING_SECONDS",
        "RAILWAY_DEPLOYMENT_OVERLAP_SECONDS",
        "RAILWAY_DOCKERFILE_PATH",
        "RAILWAY_HEALTHCHECK_TIMEOUT_SEC",
        "RAILWAY_RUN_UID",
        "RAILWAY_SHM_SIZE_BYTES",
        "RAILWAY_TOKEN",
    }
)
"""The RAILWAY_ variables that users set on a service (Railway docs: variables reference, feature flags)."""

NUMBERS = {"RAILWAY_WAIT_SCALE": 100.0, "RAILWAY_TIMEOUT_SECONDS": 3600.0}
"""The environment variables with a number, and the largest number."""
_LEAST, _MAX_NUMBER = 1e-6, 40  # of such a number: its value, and its characters

_REPOSITORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[A-Za-z0-9._-]{1,100}(?<!\.git)")


def is_railways(name: str) -> bool:
    """Whether only Railway sets a variable of this name."""
    return name.startswith("RAILWAY_") and name not in SETTABLE_VARIABLES


RAILWAYS_ENDPOINTS = ("backboard.railway.com", "backboard.railway.app")
"""The hosts of Railway's API. Other subdomains, such as those of up.railway.app, are users' own services."""


def endpoint(value: object) -> str | None:
    """An address to which a token may be sent: https, or http on this machine.

    The reason never contains the address, which may hold a password.
    """
    text = str(value)
    if not text.isascii() or not text.isprintable() or " " in text:
        return "contains a character that no address has"
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises ValueError if it is no number
        if parts.username is not None or parts.password is not None:
            return "contains a user name or a password"
        if parts.scheme == "https" and parts.hostname:
            return None
        if parts.scheme == "http" and _is_loopback(parts.hostname or ""):
            return None
    except ValueError:
        pass  # "https://[" is no address at all
    return "must be an https address: the token is sent to it"


def railways_endpoint(value: object) -> str | None:
    """An address of Railway's own API.

    A stack's file may name no other: whoever can edit that file could send the token elsewhere.
    """
    if wrong := endpoint(value):
        return wrong
    parts = urlsplit(str(value))
    if parts.scheme == "https" and parts.hostname in RAILWAYS_ENDPOINTS and parts.port in (None, 443):
        return None
    return f"is not an address of Railway's API (https://{RAILWAYS_ENDPOINTS[0]})"


def token(value: object) -> str | None:
    """A token that an HTTP header can hold. The reason never contains it."""
    text = str(value)
    if text.isascii() and text.isprintable() and " " not in text:
        return None
    return "contains a character that no token has, such as a space or a line break"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def at_most_characters(limit: int) -> Rule:
    """A text of up to `limit` characters."""

    def rule(value: object) -> str | None:
        length = len(str(value))
        return None if length <= limit else f"has {length} characters; Railway allows {limit}"

    return rule


name_length = at_most_characters(32)
"""The name of a project, environment, service or volume."""


# Where a volume would hide what the container needs (Filesystem Hierarchy Standard 3.0, proc(5), sysfs(5)).
_KERNEL_FOLDERS = {"/dev": "devices", "/proc": "processes", "/sys": "the kernel"}
# Refused with everything in them. Of /usr only such folders: an application may be in /usr/app.
_PROGRAMS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "libexec")
_SYSTEM_TREES = {
    "/bin": "the programs of the system",
    "/boot": "the kernel",
    "/etc": "the configuration of the system, such as its certificates",
    "/lib": "the libraries of the system",
    "/lib32": "the libraries of the system",
    "/lib64": "the libraries of the system",
    "/libx32": "the libraries of the system",
    "/nix": "the programs and libraries that Nixpacks installs",
    "/run": "the sockets and locks of running programs",
    "/sbin": "the programs of the system",
    **{f"/usr/{name}": "the programs and libraries of the system" for name in _PROGRAMS},
    # Images for Node.js have node and npm here, those for Python their standard library.
    **{f"/usr/local/{name}": "the programs and libraries of the image" for name in _PROGRAMS},
    "/usr/share/ca-certificates": "the certificates of the system",
    "/usr/share/nodejs": "the packages of Node.js that the system installs",
    "/usr/share/zoneinfo": "the time zones of the system",
    "/var/lock": "the locks of running programs",
    "/var/run": "the sockets and locks of running programs",
}
# Only these themselves are refused: a folder in them hides nothing.
_SHARED_FOLDERS = {
    "/home": "the folders of all users",
    "/opt": "installed programs, such as yarn",
    "/root": "the folder of the user root, with the configuration of its programs",
    "/tmp": "the temporary files of all programs, which would never be deleted",  # noqa: S108  (a name)
    "/usr": "the programs and libraries of the system",
    "/usr/local": "the programs and libraries of the image, such as node",
    "/usr/share": "the files of installed programs, such as time zones",
    "/usr/src": "the application, if it is in /usr/src/app",
    "/var": "the data of the system",
    "/var/lib": "the data of installed programs",
}
_PACKAGES = "node_modules"
_MAX_MOUNT_PATH = 255


def mount_path(value: object) -> str | None:
    """Where a volume is mounted in the container."""
    path = str(value)
    if not path.startswith("/"):
        return "is not absolute; a mount path starts with a slash, as in /app/data"
    if path == "/" or {".", ".."} & {*path.split("/")}:
        return "must name a folder of its own, without . or .., as in /app/data"
    if path.endswith("/") or "//" in path or any(char.isspace() for char in path):
        return "must have no slash at its end, no // and no spaces, as in /app/data"
    if not path.isascii() or not path.isprintable() or len(path) > _MAX_MOUNT_PATH:
        return f"must be up to {_MAX_MOUNT_PATH} visible ASCII characters, as in /app/data"
    top = f"/{path.split('/')[1]}"
    if top in _KERNEL_FOLDERS:
        return f"is in {top}, where Linux shows {_KERNEL_FOLDERS[top]}; use a folder such as /app/data"
    if path in _SHARED_FOLDERS:
        return f"would hide {_SHARED_FOLDERS[path]}; use a folder of its own, such as /app/data"
    for folder, what in _SYSTEM_TREES.items():
        if _is_in(path, folder):
            return f"is in {folder}, which holds {what}; use a folder such as /app/data"
    if _PACKAGES in path.split("/"):
        return f"would hide packages that the build installs in {_PACKAGES}; use a folder such as /app/data"
    return None


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


# RFC 3986, 3.3 and 3.4: the characters of a path, and of the query after it.
_URL_PATH = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
_MAX_URL_PATH = 2_000


def url_path(value: object) -> str | None:
    """The path of a URL, with or without a query."""
    path = str(value)
    if not path.startswith("/") or path.startswith("//") or any(char.isspace() for char in path):
        return "must start with one slash and have no spaces, as in /health"
    if "#" in path:
        return "has a #, and what follows it is never sent to a server; write it as %23, or remove it"
    if len(path) > _MAX_URL_PATH:
        return f"has {len(path)} characters; a path can have {_MAX_URL_PATH} here"
    if not _URL_PATH.fullmatch(path):
        odd = next((char for char in path if not _URL_PATH.fullmatch(f"/{char}")), "%")
        return f"has {odd!a}, which no path of a URL can have; write it as % and two hexadecimal digits"
    if {".", ".."} & {*path.partition("?")[0].split("/")}:
        return "must have no part . or .., which clients remove"
    return None


def positive_number(text: str, most: float) -> str | None:
    """A number of an environment variable: above 0, and not so large that a wait with it never ends."""
    try:
        number = float(text) if len(text) <= _MAX_NUMBER else math.nan
    except ValueError:
        number = math.nan
    return None if _LEAST <= number <= most else f"is not a number from {_LEAST:g} to {most:g}"


def repository(value: object) -> str | None:
    """A GitHub repository as owner/name."""
    usual = _REPOSITORY.fullmatch(str(value)) and str(value).partition("/")[2] not in (".", "..")
    return None if usual else "is not a GitHub repository; write owner/name"


def quoting(rule: Rule) -> Rule:
    """A rule whose reason begins with the value."""

    def quoted(value: object) -> str | None:
        reason = rule(value)
        return None if reason is None else f"{value!r} {reason}"

    return quoted


def positive(value: object) -> str | None:
    """A number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{value!r} is not a number"
    return None if value > 0 else f"is {value}; it must be more than 0"


def not_negative(value: object) -> str | None:
    """A number from 0 up."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{value!r} is not a number"
    return None if value >= 0 else f"is {value}; it must not be negative"


def whole(value: object) -> str | None:
    """An integer."""
    if isinstance(value, bool) or not isinstance(value, int):
        return f"{value!r} is not an integer"
    return None


def boolean(value: object) -> str | None:
    """A boolean."""
    return None if isinstance(value, bool) else f"{value!r} is not a boolean"


def port(value: object) -> str | None:
    """A TCP port."""
    wrong = whole(value)
    if wrong:
        return wrong
    assert isinstance(value, int)
    return None if 1 <= value <= 65535 else f"{value} is not a port (1 to 65535)"


def one_of(*allowed: str) -> Rule:
    """A value of an enumeration, or a list of such values."""

    def rule(value: object) -> str | None:
        items = [str(item) for item in value] if isinstance(value, list) else [str(value)]
        wrong = [item for item in items if item not in allowed]
        return f"{', '.join(wrong)} is not one of {', '.join(allowed)}" if wrong else None

    return rule
