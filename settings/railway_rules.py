"""The rules of what the backend may have on Railway and need not: a domain of its own, backups of the volume,
limits, a Railway config file.

Each adds to the reader's problems, and says what to write instead, made from what was written where that can
be told.
Refuses to guess what a plan allows: Railway says so when it is asked.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from settings.keys import NAMESPACE
from settings.parsing import nearest
from settings.reader import ConfigReader

if TYPE_CHECKING:
    from settings.model import RailwaySettings

BACKUPS = ("DAILY", "WEEKLY", "MONTHLY")
RAILWAYS_OWN = (".railway.app", ".railway.internal")
CONFIG_FILES = (".toml", ".json")
_LONGEST_HOST = 253  # RFC 1035, without the last dot
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


def check(read: ConfigReader, railway: RailwaySettings) -> None:
    """All of them."""
    if railway.custom_domain is not None:
        _domain(read, railway.custom_domain)
    _backups(read, railway.volume_backups)
    if railway.railway_config_file is not None:
        _config_file(read, railway.railway_config_file)


def warnings(railway: RailwaySettings) -> tuple[str, ...]:
    """What is right for one `up` and should not stay."""
    if not railway.allow_new_volume:
        return ()
    text = (
        f"{NAMESPACE}:allowNewVolume is true: a volume that somebody deletes is replaced by an empty one, "
        f"and all WhatsApp accounts pair again. After this up: pulumi config rm {NAMESPACE}:allowNewVolume"
    )
    return (text,)


def _domain(read: ConfigReader, domain: str) -> None:
    name = "customDomain"
    if domain.lower().endswith(RAILWAYS_OWN):
        read.add(
            name,
            f"{read.shown(name, domain)} is a name of Railway's own, which Railway chooses. The backend has "
            "one anyway: the stack output backend_url.",
            f"pulumi config rm {NAMESPACE}:{name}",
        )
    elif not _is_host(domain):
        # By hand: the standard parser raises for half of an address.
        meant = re.split(r"[/?#:]", domain.lower().rpartition("//")[2])[0].strip(".")
        read.add(
            name,
            f"{read.shown(name, domain)} is not a host name: one has small letters, digits, dashes and dots, "
            "and no https://, path or port.",
            f"pulumi config set {NAMESPACE}:{name} {meant if _is_host(meant) else 'crm.example.com'}",
        )


def _is_host(text: str) -> bool:
    return len(text) <= _LONGEST_HOST and _HOST.fullmatch(text) is not None


def _backups(read: ConfigReader, kinds: tuple[str, ...]) -> None:
    name = "volumeBackups"
    for number, kind in enumerate(kinds):
        place = f"--path '{NAMESPACE}:{name}[{number}]'"
        if kind not in BACKUPS:
            read.add(
                name,
                f"{read.shown(name, kind)} is no schedule: there are {', '.join(BACKUPS)}.",
                f"pulumi config set {place} {nearest(kind, BACKUPS) or BACKUPS[0]}",
            )
        elif kind in kinds[:number]:
            read.add(name, f"{kind} is there twice.", f"pulumi config rm {place}")


def _config_file(read: ConfigReader, path: str) -> None:
    name = "railwayConfigFile"
    if "://" in path:
        file = PurePosixPath(path.partition("?")[0]).name
        read.add(
            name,
            f"{read.shown(name, path)} is an address; it must be a path in the backend's repository.",
            f"pulumi config set {NAMESPACE}:{name} /{file}",
        )
    elif PurePosixPath(path).suffix not in CONFIG_FILES:
        read.add(
            name,
            f"{read.shown(name, path)} is no Railway config file: its name ends in .toml or .json.",
            f"pulumi config set {NAMESPACE}:{name} /railway.toml",
        )
