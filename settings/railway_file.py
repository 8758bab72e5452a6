"""A Railway config file in the app's checkout (railway.toml, railway.json): its values by our config keys.

Railway reads such a file at each deployment, and lets it win over the service's settings, until 2026-12-01;
from then on it is ignored (Railway docs, config-as-code). So its values are the defaults of our keys, and a
value that differs from the stack's config is a problem: today the file would win, and in December the config.
What this backend cannot have (several instances, a cron job) is a problem too, and what has no key of ours is
a warning: nothing in the file is ignored without a message.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from settings.files import exists, is_dir, is_file, leaves, read_text
from settings.keys import NAMESPACE, ValueType
from settings.model import KEYS
from settings.parsing import JsonError, document_problem, json_value, kind_of, mapping, strings
from settings.problems import Problem
from settings.reader import BadValueError, parse, remove_command, set_command
from user_errors import OR, add_fix

LAST_DAY = "2026-12-01"
NAMES = ("railway.toml", "railway.json")
_GIGABYTE = 1_000_000_000
_KEYS = {key.file: key for key in KEYS.values() if key.file}
_IGNORED = {"deploy.runtime"}


@dataclass
class RailwayFile:
    """The content of a file.

    Args:
        name: the file, relative to the app's folder.
        values: config key -> value.
        sources: config key -> its place in the file, as in `deploy.startCommand`.
        problems: what must be fixed before anything is sent.
        warnings: what does not stop the program.
    """

    name: str
    values: dict[str, object] = field(default_factory=dict[str, object])
    sources: dict[str, str] = field(default_factory=dict[str, str])
    problems: list[Problem] = field(default_factory=list[Problem])
    warnings: list[str] = field(default_factory=list[str])


def find(app_dir: Path, *, given: str | None, root_directory: str | None) -> Path | None:
    """The file that Railway would read: the first of `candidates` that exists."""
    paths = candidates(app_dir, given=given, root_directory=root_directory)
    return next((path for path in paths if exists(path) and not is_dir(path)), None)


def candidates(app_dir: Path, *, given: str | None, root_directory: str | None) -> list[Path]:
    """Where Railway's file can be: the one that is named, or the one beside the backend's code.

    The checkout may be the whole repository or a part of it, so a path in the repository is looked for from
    each folder that may be the repository's or the backend's. A path outside of the checkout is left out:
    `text_rules.inside_repository` reports it.
    """
    own = [app_dir / part.strip("/") for part in (root_directory, "backend") if part]
    # A path counts from the repository's root; of unnamed ones the backend's own goes before the root's.
    folders = [app_dir, *own] if given else [*own, app_dir]
    names = [given.strip("/"), Path(given).name] if given else list(NAMES)
    paths = [folder / name for folder in folders for name in names]
    return [path for path in paths if Path(os.path.normpath(path)).is_relative_to(app_dir)]


def load(path: Path, app_dir: Path, environment: str, *, named: bool) -> RailwayFile:
    """Read a file for one environment: `environments.<name>` in it goes before the rest.

    `named`: the config names it, so that it has to be forgotten there too.
    """
    name = path.relative_to(app_dir).as_posix()
    found = RailwayFile(name=name)
    if leaves(path, app_dir):
        what = "is a link, or is behind a link, that leads out of the folder of appDir. It is not read."
        found.problems.append(
            Problem(key=name, what=what, fix=f"replace {name} by a regular file, or delete it")
        )
        return found
    if not named:
        found.warnings += _ignored(path, name)
    text, problems = read_text(path, name)
    if text is None:
        found.problems += problems
        return found
    try:
        document = mapping(_toml(text) if path.suffix == ".toml" else json_value(text.removeprefix("\ufeff")))
        what = "does not contain an object."
    except JsonError as error:
        document, what = None, f"cannot be read: {error.what}"
    if document is None:
        found.problems.append(Problem(key=name, what=what, fix=f"correct {name}, or delete it"))
        return found
    for place, value in _settings(document, environment):
        _take(found, place, value)
    commands = [_command(key, value) for key, value in sorted(found.values.items())]
    fix = ["to keep its values:", *commands, f"Then delete {name}"] if commands else [f"delete {name}"]
    if named:
        fix[-1] += ", and run:"
        fix.append(remove_command("railwayConfigFile"))
    found.warnings.append(
        add_fix(f"{name}: Railway ignores this file from {LAST_DAY}.", "\n".join(fix), "    ")
    )
    return found


def _toml(text: str) -> object:
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        why = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise JsonError(f"{why}.", "") from None
    if wrong := document_problem(document):
        raise JsonError(wrong, "")
    return document


def _ignored(path: Path, name: str) -> list[str]:
    """A warning for the other file in the same folder."""
    others = [other for other in NAMES if other != path.name and is_file(path.parent / other)]
    what = "this file is read; {} beside it is not. Railway may read the other one."
    fix = "delete the one that is not needed"
    return [str(Problem(key=name, what=what.format(other), fix=fix)) for other in others]


def conflict(found: RailwayFile, key: str, shown: str) -> Problem:
    """The problem of a key whose value in the stack's config differs; `shown` is that value."""
    place = found.sources[key]
    return Problem(
        key=f"{NAMESPACE}:{key}",
        what=f"is {shown}, but {found.name} has {place} = {json.dumps(found.values[key])}. Until {LAST_DAY} "
        "Railway uses the file, and from then on this setting.",
        fix=f"remove {place} from {found.name}\n{OR}{remove_command(key)}  # keeps the value of the file",
    )


def absent(given: str, app_dir: Path) -> tuple[str, str]:
    """What is wrong, and the fix, where the config names a file that is not in the checkout."""
    what = f"{given} is not in {app_dir}, so its values could not be compared with these settings."
    fix = f"add it to the checkout\n{OR}{remove_command('railwayConfigFile')}  # if the file was deleted"
    return f"{what} Railway ignores such files from {LAST_DAY}.", fix


def equals(explicit: object, value: object) -> bool:
    """Whether a config value (a string, or JSON in a string) equals a file's value."""
    if isinstance(value, str):
        return str(explicit).strip() == value
    if not isinstance(explicit, str):
        return explicit == value
    try:
        return json_value(explicit) == value
    except JsonError:
        return False


def _settings(document: Mapping[str, object], environment: str) -> Iterator[tuple[str, object]]:
    """Each setting with its place; a null is no setting."""
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
        return  # Railway then builds from build.dockerfilePath, or from the Dockerfile in the root directory
    if place in ("deploy.multiRegionConfig", "deploy.limitOverride"):
        _take_nested(found, place, value)
    elif place in _KEYS:
        _keep(found, place, place, value)
    elif place in ("deploy.numReplicas", "deploy.cronSchedule"):
        if value != 1:
            reason = (
                "the backend must always run"
                if place == "deploy.cronSchedule"
                else "two instances would open the same WhatsApp sessions"
            )
            _refuse(found, place, f"{str(value)[:60]} is not possible: {reason}.")
    elif place not in _IGNORED:
        found.warnings.append(f"{found.name}: {place} has no setting here and is not used.")


def _take_nested(found: RailwayFile, place: str, value: object) -> None:
    nested = mapping(value)
    if nested is None:
        _refuse(found, place, f"must be an object, but is {kind_of(value)}.")
    elif place == "deploy.limitOverride":
        for name, limit in (mapping(nested.get("containers")) or {}).items():
            key = f"{place}.containers.{name}"
            if limit is not None and key in _KEYS:
                _keep(found, key, key, limit, scale=_GIGABYTE if name == "memoryBytes" else 1)
    else:
        regions = {name: mapping(part) or {} for name, part in nested.items() if part is not None}
        if len(regions) > 1 or any(part.get("numReplicas", 1) != 1 for part in regions.values()):
            _refuse(found, place, "more than one instance is not possible: the backend has a volume.")
        else:
            for region in regions:
                _keep(found, place, "deploy.region", region)


def _keep(found: RailwayFile, place: str, key_place: str, value: object, *, scale: int = 1) -> None:
    """Keep a value under the key of `key_place`; `place` is where the file has it."""
    key = _KEYS[key_place]
    items = strings(value) if place == "deploy.preDeployCommand" else None
    if items is not None and len(items) == 1:
        value = items[0]  # Railway allows a list, but runs one command
    try:
        if key.value_type is ValueType.STRING and not isinstance(value, str):
            raise BadValueError(kind_of(value))
        read = parse(key.value_type, value)
    except BadValueError as error:
        _refuse(found, place, f"must be {key.value_type.noun}, but is {error}.")
        return
    if isinstance(read, float):
        read /= scale
    elif isinstance(read, tuple):
        read = list(strings(read) or ())
    elif isinstance(read, str) and key.choices:
        read = read.upper()
    found.values[key.name], found.sources[key.name] = read, place


def _refuse(found: RailwayFile, place: str, what: str) -> None:
    found.problems.append(
        Problem(key=found.name, what=f"{place}: {what}", fix=f"remove {place} from {found.name}")
    )


def _command(key: str, value: object) -> str:
    items = strings(value)
    if items is None:
        return set_command(key, value if isinstance(value, str) else json.dumps(value))
    return "\n".join(set_command(key, item, f"[{at}]") for at, item in enumerate(items))
