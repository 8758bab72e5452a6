"""tsconfig.json: which files the TypeScript compiler reads, and where it writes each of them.

As TypeScript does (TSConfig reference): comments and trailing commas are allowed, `extends` names one or more
files or packages, a folder in `include` stands for everything below it, and `node_modules` and the output
folder are excluded by default. As in TypeScript, an `extends` that cannot be read leaves the other options.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from wcmatch import glob

from settings.files import FileError, is_dir, is_file, read_bytes, walk
from settings.parsing import json_value, mapping, sequence, strings

_STRING_OR_COMMENT = re.compile(r'("(?:\\.|[^"\\\n])*"?)|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
_STRING_OR_COMMA = re.compile(r'("(?:\\.|[^"\\\n])*"?)|,(?=\s*[}\]])')
_PATHS = ("outDir", "rootDir", "outFile", "tsBuildInfoFile")
_FOLDERS_LEFT_OUT = ("node_modules", "bower_components", "jspm_packages")
_COMPILED = {".ts": ".js", ".tsx": ".js", ".mts": ".mjs", ".cts": ".cjs"}
_DECLARATIONS = (".d.ts", ".d.mts", ".d.cts")
_MAX_EXTENDS = 20
_MAX_REFERENCES = 100  # projects
_MAX_STARS = 8  # in one pattern: the time to match grows with the power of their number
_SCRIPTS = (".js", ".jsx", ".mjs", ".cjs")


class Unread(NamedTuple):
    """A configuration that cannot be read: the file and the key that name it, its name, and the reason."""

    file: Path
    key: str
    name: str
    why: str


@dataclass(frozen=True, kw_only=True)
class TsConfig:
    """One configuration with what it extends. Paths in `options` and the lists are absolute.

    `include` is None if neither `include` nor `files` is set. `references` are the configurations of other
    projects. `unread` are the files in `extends` and `references` that cannot be read.
    """

    path: Path
    options: Mapping[str, object] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    references: tuple[Path, ...] = ()
    unread: tuple[Unread, ...] = ()

    @property
    def out_dir(self) -> Path | None:
        """Where the output is written; None means next to each source."""
        return self._path("outDir")

    @property
    def emits(self) -> bool:
        """Whether the compiler writes one JavaScript file for each source."""
        others = ("noEmit", "emitDeclarationOnly", "outFile")
        return not any(self.options.get(name) for name in others)

    def build_info(self) -> Path | None:
        """The file with the state of an incremental compilation, if there is one."""
        name = f"{self.path.stem}.tsbuildinfo"
        found = [
            self._path("tsBuildInfoFile"),
            self.path.with_name(name),
            self.out_dir and self.out_dir / name,
        ]
        return next((path for path in found if path is not None and is_file(path)), None)

    def sources(self) -> list[Path]:
        """The files that are compiled, without declarations, in the configuration's folder."""
        scripts = _SCRIPTS if self.options.get("allowJs") and self.out_dir is not None else ()
        out = (str(self.out_dir),) if self.out_dir is not None and self.out_dir != self.path.parent else ()
        include = self._patterns(self.include if self.include is not None else ("**/*",))
        exclude = self._patterns(self.exclude if self.exclude is not None else out)
        exclude += [f"{pattern}/**/*" for pattern in exclude]
        found: list[Path] = []
        for path in _walk(self.path.parent):
            if path.suffix not in (*_COMPILED, *scripts) or path.name.endswith(_DECLARATIONS):
                continue
            name = path.relative_to(self.path.parent).as_posix()
            if str(path) in self.files or (_match(name, include) and not _match(name, exclude)):
                found.append(path)
        return found

    def outputs_of(self, source: Path, sources: Sequence[Path]) -> list[Path]:
        """The places where the output of `source` may be; the first is the most likely.

        Without `rootDir` the place depends on the version of TypeScript and on what the sources import.
        """
        suffix = _COMPILED.get(source.suffix, source.suffix)
        if source.suffix == ".tsx" and self.options.get("jsx") in ("preserve", "react-native"):
            suffix = ".jsx"
        target = source.with_suffix(suffix)
        out, root = self.out_dir, self._path("rootDir")
        if out is None:
            return [target]
        common = Path(os.path.commonpath([path.parent for path in sources]))
        roots = [root] if root is not None else [common, self.path.parent]
        found = [out / target.relative_to(base) for base in roots if target.is_relative_to(base)]
        if root is None and not any(is_file(path) for path in found):
            relative = target.relative_to(self.path.parent).as_posix()
            found += [path for path in _walk(out) if path.as_posix().endswith(f"/{relative}")]
        return found

    def _path(self, name: str) -> Path | None:
        value = self.options.get(name)
        return Path(value) if isinstance(value, str) else None

    def _patterns(self, given: Sequence[str]) -> list[str]:
        """Relative patterns. A path without a wildcard and an extension in its last part is a folder."""
        found: list[str] = []
        for pattern in given:
            relative = os.path.relpath(self.path.parent / pattern, self.path.parent)
            if pattern.replace("**", "").count("*") > _MAX_STARS or pattern.count("**") > _MAX_STARS:
                continue
            last = relative.rpartition("/")[2]
            is_file = "*" in last or "?" in last or "." in last[1:]
            found.append(relative if is_file else "**/*" if relative == "." else f"{relative}/**/*")
        return found


def load(path: Path) -> TsConfig | None:
    """The configuration, None if the file does not exist or is not valid JSON."""
    return _load(path, path.parent, (), {})


def with_references(
    config: TsConfig, loaded: dict[Path, TsConfig | None] | None = None
) -> tuple[list[TsConfig], list[Unread]]:
    """The configuration and those that it references, each once, and all files that cannot be read.

    `loaded` keeps the referenced configurations for the next call: projects can reference each other.
    """
    loaded = {} if loaded is None else loaded
    found = {config.path: config}
    unread = list(config.unread)
    todo = [(config.path, path) for path in config.references]
    seen = {config.path, *config.references}
    for file, path in todo:  # it grows
        if path in found:
            continue
        if len(found) > _MAX_REFERENCES:
            why = f"is one of more than {_MAX_REFERENCES} projects"
            unread.append(Unread(file, "references", os.path.relpath(path, file.parent), why))
            break
        if path not in loaded:
            loaded[path] = load(path)
        referenced = loaded[path]
        if referenced is None:
            why = "is not valid JSON" if is_file(path) else "does not exist"
            unread.append(Unread(file, "references", os.path.relpath(path, file.parent), why))
            continue
        found[path] = referenced
        unread += referenced.unread
        todo += [(path, one) for one in referenced.references if one not in seen]
        seen.update(referenced.references)
    return list(found.values()), unread


def _load(
    path: Path, config_dir: Path, above: tuple[Path, ...], loaded: dict[Path, TsConfig | None]
) -> TsConfig | None:
    """`above` are the files that extend this one; `loaded` are all that were loaded before."""
    if path not in loaded:
        loaded[path] = _load_once(path, config_dir, above, loaded)
    return loaded[path]


def _load_once(
    path: Path, config_dir: Path, above: tuple[Path, ...], loaded: dict[Path, TsConfig | None]
) -> TsConfig | None:
    document = _read(path)
    if document is None:
        return None

    def absolute(value: str) -> str:
        return os.path.normpath(path.parent / value.replace("${configDir}", str(config_dir)))

    found = TsConfig(path=path)
    extended = document.get("extends")
    for name in [extended] if isinstance(extended, str) else strings(extended) or ():
        base_path = _extended(path.parent, name)
        base, why = None, "does not exist"
        if base_path in (*above, path):
            why = "extends this file"
        elif len(above) >= _MAX_EXTENDS:
            why = f"is extended by more than {_MAX_EXTENDS} files in a row"
        elif base_path is not None:
            base, why = _load(base_path, config_dir, (*above, path), loaded), "is not valid JSON"
        if base is None:
            found = replace(found, unread=(*found.unread, Unread(path, "extends", name, why)))
            continue
        found = replace(
            found,
            options={**found.options, **base.options},
            files=base.files or found.files,
            include=found.include if base.include is None else base.include,
            exclude=found.exclude if base.exclude is None else base.exclude,
            unread=tuple(dict.fromkeys((*found.unread, *base.unread))),
        )
    options = mapping(document.get("compilerOptions")) or {}
    own = {
        name: absolute(value) if name in _PATHS and isinstance(value, str) else value
        for name, value in options.items()
    }
    lists = {
        name: tuple(absolute(item) for item in items)
        for name in ("files", "include", "exclude")
        if (items := strings(document.get(name))) is not None
    }
    if "files" in lists:
        lists.setdefault("include", ())
    named = [(mapping(one) or {}).get("path") for one in sequence(document.get("references")) or ()]
    references = tuple(file_of(Path(absolute(name))) for name in named if isinstance(name, str))
    return replace(found, options={**found.options, **own}, references=references, **lists)


def file_of(project: Path) -> Path:
    """The configuration file of a project, which may be named by its folder."""
    return project / "tsconfig.json" if is_dir(project) else project


def _read(path: Path) -> dict[str, object] | None:
    try:
        text = read_bytes(path).decode("utf-8-sig")
        text = _STRING_OR_COMMENT.sub(lambda match: match.group(1) or " ", text)
        return mapping(json_value(_STRING_OR_COMMA.sub(lambda match: match.group(1) or "", text)))
    except (FileError, ValueError):
        return None


def _extended(folder: Path, name: str) -> Path | None:
    if name.startswith((".", "/")):
        bases = [folder / name]
    else:
        bases = [above / "node_modules" / name for above in (folder, *folder.parents)]
    for base in bases:
        for path in (base, Path(f"{base}.json"), base / "tsconfig.json"):
            if is_file(path):
                return Path(os.path.normpath(path))
    return None


def _match(name: str, patterns: Sequence[str]) -> bool:
    return bool(patterns) and glob.globmatch(name, patterns, flags=glob.GLOBSTAR | glob.FORCEUNIX | glob.CASE)


def _walk(folder: Path) -> Iterator[Path]:
    """The files below `folder`, sorted, without dependencies and hidden folders."""
    return walk(folder, lambda one: one.name not in _FOLDERS_LEFT_OUT and not one.name.startswith("."))
