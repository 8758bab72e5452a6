"""tsconfig.json: which files the TypeScript compiler reads, and where it writes each of them.

As TypeScript does (TSConfig reference): comments and trailing commas are allowed, `extends` names one or more
files or packages, a folder in `include` stands for everything below it, and `node_modules` and the output
folder are excluded by default.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from wcmatch import glob

from settings.parsing import mapping, strings

_STRING_OR_COMMENT = re.compile(r'("(?:\\.|[^"\\\n])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_STRING_OR_COMMA = re.compile(r'("(?:\\.|[^"\\\n])*")|,(?=\s*[}\]])')
_DEEPEST = 10  # of `extends`: it may be circular
_PATHS = ("outDir", "rootDir", "outFile", "tsBuildInfoFile")
_FOLDERS_LEFT_OUT = ("node_modules", "bower_components", "jspm_packages")
_COMPILED = {".ts": ".js", ".tsx": ".js", ".mts": ".mjs", ".cts": ".cjs"}
_DECLARATIONS = (".d.ts", ".d.mts", ".d.cts")
_SCRIPTS = (".js", ".jsx", ".mjs", ".cjs")


@dataclass(frozen=True, kw_only=True)
class TsConfig:
    """One configuration with what it extends. Paths in `options` and the lists are absolute.

    `include` is None if neither `include` nor `files` is set.
    """

    path: Path
    options: Mapping[str, object] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None

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
        return next((path for path in found if path is not None and path.is_file()), None)

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
        if root is None and not any(path.is_file() for path in found):
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
            last = relative.rpartition("/")[2]
            is_file = "*" in last or "?" in last or "." in last[1:]
            found.append(relative if is_file else "**/*" if relative == "." else f"{relative}/**/*")
        return found


def load(path: Path) -> TsConfig | None:
    """The configuration, None if it or a file that it extends cannot be read."""
    return _load(path, path.parent, _DEEPEST)


def _load(path: Path, config_dir: Path, depth: int) -> TsConfig | None:
    document = _read(path)
    if document is None or depth == 0:
        return None

    def absolute(value: str) -> str:
        return os.path.normpath(path.parent / value.replace("${configDir}", str(config_dir)))

    found = TsConfig(path=path)
    extended = document.get("extends")
    for name in [extended] if isinstance(extended, str) else strings(extended) or ():
        base_path = _extended(path.parent, name)
        base = None if base_path is None else _load(base_path, config_dir, depth - 1)
        if base is None:
            return None
        found = replace(base, path=path, options={**found.options, **base.options})
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
    return replace(found, options={**found.options, **own}, **lists)


def _read(path: Path) -> dict[str, object] | None:
    try:
        text = path.read_text(encoding="utf-8-sig")
        text = _STRING_OR_COMMENT.sub(lambda match: match.group(1) or " ", text)
        return mapping(json.loads(_STRING_OR_COMMA.sub(lambda match: match.group(1) or "", text)))
    except (OSError, ValueError, RecursionError):
        return None


def _extended(folder: Path, name: str) -> Path | None:
    if name.startswith((".", "/")):
        bases = [folder / name]
    else:
        bases = [above / "node_modules" / name for above in (folder, *folder.parents)]
    for base in bases:
        for path in (base, base.with_name(f"{base.name}.json"), base / "tsconfig.json"):
            if path.is_file():
                return path
    return None


def _match(name: str, patterns: Sequence[str]) -> bool:
    return bool(patterns) and glob.globmatch(name, patterns, flags=glob.GLOBSTAR | glob.FORCEUNIX | glob.CASE)


def _walk(folder: Path) -> Iterator[Path]:
    """The files below `folder`, sorted, without dependencies and hidden folders."""
    for current, below, names in os.walk(folder):
        below[:] = sorted(one for one in below if one not in _FOLDERS_LEFT_OUT and not one.startswith("."))
        yield from (Path(current, name) for name in sorted(names))
