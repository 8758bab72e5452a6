"""What Railway accepts: enumerations, limits, the rules of single values, and exactly one token.

A rule takes a value and returns what is wrong with it, as the end of a sentence that begins with the value or
the property, or None. The providers use these rules, and so can a program for its own config. Nothing here
imports an HTTP client or a Pulumi resource.
"""

from __future__ import annotations

import ipaddress
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


def mount_path(value: object) -> str | None:
    """Where a volume is mounted in the container."""
    path = str(value)
    if not path.startswith("/"):
        return "is not absolute; a mount path starts with a slash, as in /app/data"
    if path == "/" or {".", ".."} & {*path.split("/")}:
        return "must name a folder of its own, without . or .., as in /app/data"
    if path.endswith("/") or "//" in path or any(char.isspace() for char in path):
        return "must have no slash at its end, no // and no spaces, as in /app/data"
    return None


def url_path(value: object) -> str | None:
    """The path of a URL."""
    path = str(value)
    if not path.startswith("/") or path.startswith("//") or any(char.isspace() for char in path):
        return "must start with one slash and have no spaces, as in /health"
    return None


def repository(value: object) -> str | None:
    """A GitHub repository as owner/name."""
    return None if _REPOSITORY.fullmatch(str(value)) else "is not a GitHub repository; write owner/name"


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
