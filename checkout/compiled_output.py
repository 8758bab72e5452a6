"""Whether the compiled output of a TypeScript codebase exists and is up to date.

Unbuilt code often loads without an error and exports fewer functions, which a preview would then delete.
Nothing is built here; the problem names the command.

A missing file is a problem if the TypeScript compiler makes the output, because it writes one file for each
source. A bundler does not: then only the entry file is looked at.

An old file is found by its content where the compiler has recorded it (`.tsbuildinfo`), else by the time of
the last change: the newest source is newer than the newest output. Times mean something only if the output
was built in this checkout. So it is a warning if git tracks the output (a clone gives all files the time of
the clone), in CI (a restored cache keeps its old times), if a bundler or an unknown command makes the output,
and if the compiler is incremental (it does not write an unchanged file again). Two seconds are tolerated:
archives round times, and a copy gives each file the time at which it was copied.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from checkout import package_json, tsconfig
from checkout.archive import excluded_by
from checkout.firebase_json import CodebaseSource
from checkout.tsconfig import TsConfig, Unread
from settings.files import MAX_SOURCE_BYTES, FileError, is_file, read_bytes, shown_names
from settings.parsing import json_value, mapping, sequence
from settings.problems import Problem
from user_errors import add_fix, shell_word

_TSC = re.compile(r"(?:^|[\s/])tsc(?=\s|$)(?P<options>[^&|;]*)")
_RUNNERS = re.compile(r"\b(?:npm|yarn|pnpm|bun|run-s|run-p|npm-run-all)\b")
_PROJECT = re.compile(r"(?:^|\s)(?:-p|--project)[\s=]+(\S+)")
_OUT_DIR = re.compile(r"\s--outDir[\s=]+(\S+)")
_NOT_BUILDS = re.compile(r"test|lint|check|types?|watch|format")
_TESTS = re.compile(r"\.(?:test|spec)\.[a-z]+$|(?:^|/)(?:__tests__|__mocks__|tests?)/")
_TOLERANCE_SECONDS = 2
_SHOWN = 3


def validate(source: CodebaseSource) -> tuple[list[Problem], list[str]]:
    """The problems and the warnings of a codebase; none if it is not compiled."""
    package, _ = package_json.read(source.folder, source.relative)
    if package is None:
        return [], []
    problems: list[Problem] = []
    warnings: list[str] = []
    builds, unread = _builds(source, package)
    for build in builds:
        if build.sources:
            more, also = build.missing() or build.older()
            problems += more
            warnings += also
    return problems, [*warnings, *unread]


def output_folders(source: CodebaseSource) -> tuple[Path, ...]:
    """The folders that contain compiled output; none if the codebase is not compiled."""
    package, _ = package_json.read(source.folder, source.relative)
    builds, _ = ([], []) if package is None else _builds(source, package)
    if not builds:
        return ()
    folders = (*(build.config.out_dir for build in builds), builds[0].entry.parent)
    return tuple(folder for folder in folders if folder is not None and folder != source.folder)


@dataclass(frozen=True, kw_only=True)
class _Build:
    """How a project of a codebase is compiled.

    `sources` are compiled by no other project. `by_tsc`: the TypeScript compiler makes the output. `entry` is
    `main`.
    """

    source: CodebaseSource
    config: TsConfig
    sources: Sequence[Path]
    by_tsc: bool
    entry: Path
    command: str

    def name(self, path: Path) -> str:
        return _name(path, self.source.folder)

    def missing(self) -> tuple[list[Problem], list[str]] | None:
        """A problem for all sources without output."""
        if not self.by_tsc:
            return None
        lost: list[str] = []
        for path in self.sources:
            places = self.config.outputs_of(path, self.sources)
            names = [self.name(place) for place in places]
            deployed = [name for name in names if not self._is_ignored(name)]
            if deployed and not any(is_file(place) for place in places):
                lost.append(f"{self.name(path)} ({deployed[0]} does not exist)")
        if not lost:
            return None
        verb = "is" if len(lost) == 1 else "are"
        what = f"{shown_names(lost, _SHOWN)} {verb} not compiled."
        return [Problem(key=self.source.relative, what=what, fix=self.command)], []

    def older(self) -> tuple[list[Problem], list[str]]:
        """A problem or a warning if the output was made from other sources."""
        changed = self._changed_since_build()
        if changed is not None:
            if not changed:
                return [], []
            what = f"{self.name(changed[0])} has changed since it was compiled."
            return [Problem(key=self.source.relative, what=what, fix=self.command)], []
        outputs = self.outputs()
        if not outputs:
            return [], []
        newest_source, newest_output = max(self.sources, key=_time), max(outputs, key=_time)
        if _time(newest_source) <= _time(newest_output) + _TOLERANCE_SECONDS:
            return [], []
        what = f"{self.name(newest_source)} is newer than the compiled output ({self.name(newest_output)})."
        certain = (
            self.by_tsc
            and not os.environ.get("CI")
            and self.config.build_info() is None
            and not _is_tracked(newest_output)
        )
        if certain:
            return [Problem(key=self.source.relative, what=what, fix=self.command)], []
        return [], [add_fix(what, self.command, "    ")]

    def outputs(self) -> list[Path]:
        if not self.by_tsc:
            return [self.entry] if is_file(self.entry) and self.entry not in self.sources else []
        places = (place for path in self.sources for place in self.config.outputs_of(path, self.sources))
        return [place for place in places if is_file(place)]

    def _changed_since_build(self) -> list[Path] | None:
        """The sources whose content is not the compiled one; None if the compiler has not recorded it.

        TypeScript up to 6 records the SHA-256 of each file (`fileInfos`); 7 uses a hash that Python has not.
        """
        path = self.config.build_info()
        if path is None or not self.by_tsc:
            return None
        try:
            info = mapping(json_value(read_bytes(path, limit=MAX_SOURCE_BYTES).decode())) or {}
        except (FileError, ValueError):
            return None
        info = mapping(info.get("program")) or info
        if info.get("affectedFilesPendingEmit"):
            return None
        recorded: dict[Path, str] = {}
        for name, entry in zip(
            sequence(info.get("fileNames")) or [], sequence(info.get("fileInfos")) or [], strict=False
        ):
            version = (mapping(entry) or {"version": entry}).get("version")
            recorded[Path(os.path.normpath(path.parent / str(name)))] = str(version)
        if not all(len(recorded.get(one, "")) == 64 for one in self.sources):
            return None
        return [one for one in self.sources if recorded[one] != _digest(one)]

    def _is_ignored(self, name: str) -> bool:
        return excluded_by(self.source.ignore, self.source.relative, name) is not None


def _builds(source: CodebaseSource, package: dict[str, object]) -> tuple[list[_Build], list[str]]:
    """The projects that make the codebase's output, and warnings about configurations that are not read."""
    folder = source.folder
    entry = folder / str(package.get("main", "index.js"))
    if entry.suffix in (".ts", ".mts", ".cts"):
        return [], []  # Node reads it without a compiler
    scripts = {name: str(text) for name, text in package_json.section(package, "scripts").items()}
    commands = _commands(source.predeploy, scripts)
    runs = [match["options"] for text in commands for match in _TSC.finditer(text)]
    runs = [options for options in runs if "--noEmit" not in options]
    command = f"cd {shell_word(folder)} && npx tsc"
    if "build" in scripts:
        command = f"cd {shell_word(folder)} && npm run build"
    elif source.predeploy:
        command = "\n".join(source.predeploy).replace("$RESOURCE_DIR", str(folder))
    builds: dict[tuple[Path, Path | None], _Build] = {}
    warnings: dict[str, None] = {}
    loaded: dict[Path, TsConfig | None] = {}
    sources: dict[tuple[Path, Path | None], list[Path]] = {}

    def sources_of(config: TsConfig) -> list[Path]:
        key = (config.path, config.out_dir)
        if key not in sources:
            sources[key] = config.sources()
        return sources[key]

    for run in runs or [""]:
        configs, unread = _projects(run, folder, loaded)
        warnings |= dict.fromkeys(_unread(one, folder) for one in unread)
        for config in configs:
            if not commands and config.out_dir is None:
                continue
            by_tsc = bool(runs) or not commands
            (_, *others), _ = tsconfig.with_references(config, loaded)
            theirs = {path for other in others for path in sources_of(other)}
            own = [path for path in sources_of(config) if path not in theirs]
            build = _Build(
                source=source,
                config=config,
                sources=[path for path in own if not _TESTS.search(_name(path, folder))],
                # Without the options of a file that cannot be read, the place of the output is not known.
                by_tsc=by_tsc and config.emits and not (config.unread and config.out_dir is None),
                entry=entry,
                command=command,
            )
            builds.setdefault((config.path, config.out_dir), build)
    return list(builds.values()), list(warnings)


def _name(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _projects(
    run: str, folder: Path, loaded: dict[Path, TsConfig | None]
) -> tuple[list[TsConfig], list[Unread]]:
    """The projects with output in `folder` that `tsc` with the options `run` reads.

    Only `tsc --build` compiles what a project references. For `tsc` alone, a reference counts if it was
    compiled at all.
    """
    words = [word.strip("\"'") for word in run.split()]
    builds = words[:1] in (["-b"], ["--build"])
    names = [_option(_PROJECT, run, "tsconfig.json")]
    if builds:
        names = [word for word in words[1:] if not word.startswith("-") and word not in ("true", "false")]
    found: list[TsConfig] = []
    unread: list[Unread] = []
    for name in names or ["."]:
        path = _file_of_project(name, folder)
        if path is None or not (builds or path.is_relative_to(folder)):
            continue
        config = tsconfig.load(path)
        if config is None:
            unread.append(Unread(path, "", path.name, "is not valid JSON"))
            continue
        if option := _option(_OUT_DIR, run, ""):
            out_dir = os.path.normpath(folder / option)
            config = replace(config, options={**config.options, "outDir": out_dir})
        (_, *others), more = tsconfig.with_references(config, loaded)
        unread += more
        compiled = others if builds else [other for other in others if _is_compiled(other)]
        found += [
            one
            for one in (config, *compiled)
            if (one.out_dir or one.path.parent).is_relative_to(folder) or one.path.is_relative_to(folder)
        ]
    return found, unread


def _file_of_project(name: str, folder: Path) -> Path | None:
    """Commands run in the codebase's folder or, as predeploy commands do, in the app's."""
    paths = (Path(os.path.normpath(base / name)) for base in (folder, *folder.parents))
    return next((path for one in paths if is_file(path := tsconfig.file_of(one))), None)


def _is_compiled(config: TsConfig) -> bool:
    sources = config.sources()
    return any(is_file(place) for path in sources for place in config.outputs_of(path, sources))


def _option(pattern: re.Pattern[str], run: str, default: str) -> str:
    match = pattern.search(run)
    return default if match is None else match[1].strip("\"'")


def _unread(one: Unread, folder: Path) -> str:
    file = os.path.relpath(one.file, folder)
    if not one.key:
        what = f"{file} {one.why}: the compiled output is not validated."
        return add_fix(what, f"Correct {file}.", "    ")
    what = f'"{one.key}" of {file}: {one.name} {one.why}. The compiled output is validated without it.'
    is_package = one.key == "extends" and not one.name.startswith((".", "/")) and one.why == "does not exist"
    fix = f"cd {shell_word(folder)} && npm install" if is_package else f'Correct "{one.key}" in {file}.'
    return add_fix(what, fix, "    ")


def _commands(predeploy: Sequence[str], scripts: dict[str, str]) -> list[str]:
    """The commands that build the codebase: `build`, predeploy, and the scripts that they run."""
    named = [name for name in scripts if name in ("build", "prebuild", "postbuild")]
    if not named and not predeploy:
        named = [name for name in scripts if not _NOT_BUILDS.search(name) and "tsc" in scripts[name]]
    found = {**dict.fromkeys(predeploy), **dict.fromkeys(scripts[name] for name in named)}
    todo = list(found)
    while todo:
        text = todo.pop()
        if not _RUNNERS.search(text):
            continue
        for name, script in scripts.items():
            if script not in found and re.search(rf"(?<![\w:.-]){re.escape(name)}(?![\w:.-])", text):
                found[script] = None
                todo.append(script)
    return list(found)


def _time(path: Path) -> float:
    return path.stat().st_mtime


def _digest(path: Path) -> str:
    try:
        content = read_bytes(path, limit=MAX_SOURCE_BYTES)
    except FileError:
        return ""  # the archive reports it
    return hashlib.sha256(content.removeprefix(b"\xef\xbb\xbf")).hexdigest()


def _is_tracked(path: Path) -> bool:
    """Whether git has the file. Without git there is no clone.

    Git runs commands that a repository's own config names (`core.fsmonitor`), and the checkout can contain a
    bare repository with such a config: neither is used. Nor does git fetch objects that an index needs.
    """
    settings = ("safe.bareRepository=explicit", "core.fsmonitor=false", "protocol.allow=never")
    command = [
        "git",
        *(word for one in settings for word in ("-c", one)),
        "-C",
        str(path.parent),
        "ls-files",
        "--error-unmatch",
        "--",
        path.name,
    ]
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
