"""A Railway config file in the app's checkout (railway.toml, railway.json): what it says, as values of our
own config keys.

Railway reads such a file at each deployment, and lets it win over the service's settings, until 2026-12-01;
from then on nobody reads it (Railway docs, config-as-code). So its values are the defaults of our keys, and
what it says otherwise than the stack's config is a problem: today the file would win, and in December the
config.
Refuses to take over what this backend cannot be (several instances, a cron job) and to drop anything
without a word: what has no key of ours is a problem or a warning that names it.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from settings.keys import NAMESPACE
from settings.parsing import kind_of, mapping, strings
from settings.problems import Problem

LAST_DAY = "2026-12-01"
NAMES = ("railway.toml", "railway.json")
_GIGABYTE = 1_000_000_000


class _BadValueError(ValueError):
    """A value of the file has not the type of its key; the text says what it must be."""


@dataclass
class RailwayFile:
    """What a file says.

    Args:
        name: the file, relative to the app's folder.
        values: config key -> value.
        sources: config key -> its place in the file, as in `deploy.startCommand`.
        problems: what must be mended before anything is sent.
        warnings: what a person should know.
    """

    name: str
    values: dict[str, object] = field(default_factory=dict[str, object])
    sources: dict[str, str] = field(default_factory=dict[str, str])
    problems: list[Problem] = field(default_factory=list[Problem])
    warnings: list[str] = field(default_factory=list[str])


def find(app_dir: Path, *, given: str | None, root_directory: str | None) -> Path | None:
    """The file that Railway would read: the one that is named, or the one beside the backend's code.

    The checkout may be the whole repository or a part of it, so a path in the repository is looked for from
    each folder that may be the repository's or the backend's.
    """
    own = [app_dir / part.strip("/") for part in (root_directory, "backend") if part]
    # A path counts from the repository's root; of unnamed ones the backend's own goes before the root's.
    folders = [app_dir, *own] if given else [*own, app_dir]
    names = [given.strip("/"), Path(given).name] if given else list(NAMES)
    candidates = [folder / name for folder in folders for name in names]
    return next((path for path in candidates if path.is_file()), None)


def load(path: Path, app_dir: Path, environment: str, *, named: bool) -> RailwayFile:
    """Read a file for one environment: `environments.<name>` in it goes before the rest.

    `named`: the config names it, so that it has to be forgotten there too.
    """
    name = path.relative_to(app_dir).as_posix() if path.is_relative_to(app_dir) else path.name
    found = RailwayFile(name=name)
    if not named:
        found.warnings += _ignored(path, name)
    try:
        text = path.read_text(encoding="utf-8")
        document = mapping(tomllib.loads(text) if path.suffix == ".toml" else json.loads(text))
    except (OSError, ValueError) as error:
        found.problems.append(
            Problem(key=name, what=f"cannot be read: {error}.", fix=f"correct {name}, or delete it")
        )
        return found
    if document is None:
        found.problems.append(Problem(key=name, what="holds no object.", fix=f"correct {name}, or delete it"))
        return found
    for place, value in _settings(document, environment):
        _take(found, place, value)
    commands = [_command(key, value) for key, value in sorted(found.values.items())]
    kept = (
        "\n    ".join(["To keep what it says:", *commands]) if commands else "It says nothing that is kept."
    )
    forget = f"; pulumi config rm {NAMESPACE}:railwayConfigFile" if named else ""
    found.warnings.append(
        f"{name}: Railway stops reading this file on {LAST_DAY}. {kept}\n    Then delete {name}{forget}"
    )
    return found


def _ignored(path: Path, name: str) -> list[str]:
    """The other file in the same folder, which would otherwise be passed over in silence."""
    others = [other for other in NAMES if other != path.name and (path.parent / other).is_file()]
    return [
        f"{name}: this file counts here, and the {other} beside it does not. Railway may follow the other: "
        "delete the one that is not meant"
        for other in others
    ]


def conflict(found: RailwayFile, key: str, shown: str) -> Problem:
    """The problem of a key that the stack's config sets otherwise; `shown` is the config's value."""
    place = found.sources[key]
    return Problem(
        key=f"{NAMESPACE}:{key}",
        what=f"is {shown}, but {found.name} says {place} = {json.dumps(found.values[key])}. Until {LAST_DAY} "
        "Railway follows the file, and this setting from then on.",
        fix=f"take {place} out of {found.name}  (or pulumi config rm {NAMESPACE}:{key}, to keep the file's)",
    )


def absent(given: str, app_dir: Path) -> str:
    """The warning about a file that the config names and the checkout lacks."""
    return (
        f"{NAMESPACE}:railwayConfigFile: Railway stops reading such files on {LAST_DAY}, and {given} is not "
        f"in {app_dir}, so what it says could not be compared with these settings. If it is deleted: "
        f"pulumi config rm {NAMESPACE}:railwayConfigFile"
    )


def same(stated: object, value: object) -> bool:
    """Whether a config value (text, or JSON in a text) says what a file's value says."""
    if isinstance(value, str):
        return str(stated).strip() == value
    if not isinstance(stated, str):
        return stated == value
    try:
        return json.loads(stated) == value
    except ValueError:
        return False


def _settings(document: Mapping[str, object], environment: str) -> Iterator[tuple[str, object]]:
    """Each setting with its place; null says nothing."""
    sections = {name: mapping(document.get(name)) or {} for name in ("build", "deploy")}
    own = mapping((mapping(document.get("environments")) or {}).get(environment)) or {}
    for section, entries in sections.items():
        entries |= mapping(own.get(section)) or {}
        for name, value in entries.items():
            if value is not None:
                yield f"{section}.{name}", value
    for name in document:
        if name not in {*sections, "environments", "$schema"}:
            yield name, document[name]


def _take(found: RailwayFile, place: str, value: object) -> None:
    if place == "build.builder" and str(value).upper() == "DOCKERFILE":
        return  # what builds is then the file at build.dockerfilePath, or the one at the root
    if place in _KEYS:
        key, read = _KEYS[place]
        _keep(found, place, key, read, value)
    elif place in ("deploy.multiRegionConfig", "deploy.limitOverride"):
        _take_nested(found, place, value)
    elif place == "deploy.numReplicas" or place == "deploy.cronSchedule":
        if value != 1:
            reason = "one instance owns all WhatsApp sessions, and the backend always runs"
            _refuse(found, place, f"{json.dumps(value)} is not possible: {reason}.")
    elif place not in _SILENT:
        found.warnings.append(f"{found.name}: {place} has no setting here and is not taken over.")


def _take_nested(found: RailwayFile, place: str, value: object) -> None:
    nested = mapping(value)
    if nested is None:
        _refuse(found, place, f"must be an object, but is {kind_of(value)}.")
    elif place == "deploy.limitOverride":
        limits = mapping(nested.get("containers")) or {}
        for name, key, read in (("cpu", "cpuLimit", _number), ("memoryBytes", "memoryLimitGb", _gigabytes)):
            if limits.get(name) is not None:
                _keep(found, f"{place}.containers.{name}", key, read, limits[name])
    else:
        regions = {name: mapping(part) or {} for name, part in nested.items() if part is not None}
        if len(regions) > 1 or any(part.get("numReplicas", 1) != 1 for part in regions.values()):
            _refuse(found, place, "more than one instance is not possible: it has a volume.")
        else:
            for region in regions:
                _keep(found, place, "railwayRegion", _text, region)


def _keep(found: RailwayFile, place: str, key: str, read: Callable[[object], object], value: object) -> None:
    try:
        found.values[key] = read(value)
        found.sources[key] = place
    except _BadValueError as error:
        _refuse(found, place, f"must be {error}, but is {kind_of(value)}.")


def _refuse(found: RailwayFile, place: str, what: str) -> None:
    found.problems.append(
        Problem(key=found.name, what=f"{place}: {what}", fix=f"take {place} out of {found.name}")
    )


def _command(key: str, value: object) -> str:
    if isinstance(value, list):
        parts = (f"'{NAMESPACE}:{key}[{at}]' {json.dumps(item)}" for at, item in enumerate(value))
        return "; ".join(f"pulumi config set --path {part}" for part in parts)
    return f"pulumi config set {NAMESPACE}:{key} {json.dumps(value)}"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _BadValueError("a text")
    return value.strip()


def _upper(value: object) -> str:
    return _text(value).upper()


def _one_text(value: object) -> str:
    """A text, or a list with one: Railway runs one command before a deployment."""
    items = strings(value)
    return _text(items[0] if items is not None and len(items) == 1 else value)


def _texts(value: object) -> list[str]:
    items = strings(value)
    if items is None:
        raise _BadValueError("a list of texts")
    return list(items)


def _whole(value: object) -> int:
    """A whole number; Railway takes it as a text too."""
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    if isinstance(number, bool) or not isinstance(number, int):
        raise _BadValueError("a whole number")
    return number


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _BadValueError("a number")
    return value


def _gigabytes(value: object) -> float:
    return _number(value) / _GIGABYTE


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _BadValueError("true or false")
    return value


_KEYS: dict[str, tuple[str, Callable[[object], object]]] = {
    "build.builder": ("builder", _upper),
    "build.buildCommand": ("buildCommand", _text),
    "build.watchPatterns": ("watchPatterns", _texts),
    "build.dockerfilePath": ("dockerfilePath", _text),
    "deploy.startCommand": ("startCommand", _text),
    "deploy.preDeployCommand": ("preDeployCommand", _one_text),
    "deploy.healthcheckPath": ("healthPath", _text),
    "deploy.healthcheckTimeout": ("healthTimeout", _whole),
    "deploy.restartPolicyType": ("restartPolicy", _upper),
    "deploy.restartPolicyMaxRetries": ("restartMaxRetries", _whole),
    "deploy.sleepApplication": ("sleepApplication", _flag),
    "deploy.overlapSeconds": ("overlapSeconds", _whole),
    "deploy.drainingSeconds": ("drainingSeconds", _whole),
    "deploy.region": ("railwayRegion", _text),
}
_SILENT = {"deploy.runtime"}
