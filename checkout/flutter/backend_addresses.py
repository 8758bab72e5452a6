"""E5: the app does not know the backend's address; only the functions do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from checkout.flutter.analysis import Analysis, distinct
from checkout.flutter.results import Finding, LineResult
from checkout.flutter.sources import enters, pubspec, relative
from checkout.flutter.values import HOLE
from settings.files import FileError, is_dir, is_file, leaves, read_bytes, walk
from settings.parsing import mapping

_RAILWAY = re.compile(r"[\w-]+\.(?:up\.railway\.app|railway\.internal)(?![\w-]|\.\w)", re.IGNORECASE)
_SUFFIXES = (
    ".json",
    ".yaml",
    ".yml",
    ".env",
    ".xml",
    ".plist",
    ".properties",
    ".gradle",
    ".kts",
    ".html",
    ".js",
    ".xcconfig",
    ".swift",
    ".kt",
    ".java",
    ".arb",
    ".txt",
    ".ini",
    ".toml",
    ".cfg",
    ".conf",
    ".csv",
    ".sh",
    ".bat",
    ".ps1",
)
_SCRIPTS = ("Makefile", "makefile", "justfile", "Justfile", "Fastfile")
_EDITORS = (".vscode", ".idea", ".run")
_PLATFORMS = (
    "android",
    "ios",
    "macos",
    "windows",
    "linux",
    "web",
    "assets",
    "config",
    "env",
    "flavors",
    "lib",
    "scripts",
    "script",
    "tool",
    "fastlane",
)
_MOST_BYTES = 2_000_000
_LOCAL = ("", "localhost", "127.0.0.1", "0.0.0.0", "::1")  # noqa: S104  (of a sandbox)
FIX = "remove the address: the app calls the functions, and only they know the backend."


def check(app: Analysis) -> LineResult:
    """The line E5."""
    hosts = tuple(host for one in app.project.backend_addresses if (host := host_of(one)) not in _LOCAL)
    findings: list[Finding] = []
    texts = {
        *app.pieces,
        *((one.file, one.line, one.text) for one in app.log.said),
        *((one.file, one.line, one.address) for one in app.log.requests),
    }
    for file, line, text in texts:
        found = address_in(text, hosts)
        if found:
            findings.append(_finding(file, line, found))
    count = 0
    read: set[Path] = set()
    for package in app.sources.packages:
        root = app.sources.packages[0].folder
        for path in (*_other_files(package.folder), *_declared_assets(package.folder)):
            if path in read:
                continue
            read.add(path)
            count += 1
            findings += _of_file(path, root, hosts)
    unknown = [*app.unread, *_set_by_build(app)]
    literals = len({(file, line) for file, line, _ in texts})
    checked = f"{len(app.sources.units)} Dart files, {literals} texts, {count} other files"
    return LineResult(
        id="E5", findings=_once(findings), unknown=tuple(dict.fromkeys(unknown)), checked=checked
    )


def host_of(address: str) -> str:
    """The host of an address, or of what is one already; lower case, "" for none.

    Example:
        >>> host_of("https://CRM.example.com/health"), host_of("crm.example.com")
        ('crm.example.com', 'crm.example.com')
    """
    text = address if "//" in address else f"//{address}"
    try:
        return (urlsplit(text).hostname or "").lower()
    except ValueError:
        return ""


def host_and_path(address: str) -> tuple[str, str]:
    """The host of an address, "" if it is not known before the app runs, and its path."""
    scheme, _, rest = address.partition("?")[0].rpartition("://")
    host, _, path = rest.partition("/") if scheme else ("", "", rest)
    return ("" if host.startswith(HOLE) else host), path.strip("/")


def address_in(text: str, hosts: tuple[str, ...]) -> str:
    """The address of the backend that a text names; "" if it names none."""
    lowered = text.lower()
    for host in hosts:
        if re.search(rf"(?<![\w.-]){re.escape(host)}(?![\w-]|\.\w)", lowered):
            return host
    found = _RAILWAY.search(lowered.replace(HOLE, "x"))
    return found[0] if found else ""


def _finding(file: str, line: int, address: str) -> Finding:
    return Finding(file=file, line=line, what=f"the app names the backend's address {address}.", fix=FIX)


def _once(findings: list[Finding]) -> tuple[Finding, ...]:
    """One finding for each place."""
    kept: dict[tuple[str, int], Finding] = {}
    for one in distinct(findings):
        kept.setdefault((one.file, one.line), one)
    return tuple(kept.values())


def _set_by_build(app: Analysis) -> Iterator[str]:
    """Addresses that are only known when the app is built."""
    for one in app.log.requests:
        host = urlsplit(one.address.replace(HOLE, "")).netloc if "//" in one.address else ""
        if one.set_by_build and not host.strip("/").strip():
            yield (
                f"{one.file}:{one.line}: the address is given by the build ({one.set_by_build}); it can be "
                "the backend's."
            )


def _other_files(folder: Path) -> Iterator[Path]:
    """Files besides Dart that are built into the app or configure it."""
    for path in walk(folder, _enters):
        parts = path.relative_to(folder).parts
        named = path.suffix.lower() in _SUFFIXES or path.name.startswith(".env") or path.name in _SCRIPTS
        if named and (len(parts) == 1 or parts[0] in (*_PLATFORMS, *_EDITORS) or _is_asset(parts)):
            yield path


def _enters(folder: Path) -> bool:
    """Also the folders in which editors keep the arguments of a build."""
    return enters(folder) or folder.name in _EDITORS


def _declared_assets(folder: Path) -> Iterator[Path]:
    """The files that pubspec.yaml names as assets, with whatever suffix."""
    flutter = mapping((pubspec(folder) or {}).get("flutter")) or {}
    given: object = flutter.get("assets")
    for entry in cast("list[object]", given) if isinstance(given, list) else ():
        name = entry if isinstance(entry, str) else (mapping(entry) or {}).get("path")
        if not isinstance(name, str):
            continue
        path = folder / name
        if leaves(path, folder):
            continue
        if is_file(path):
            yield path
        elif is_dir(path):
            yield from (one for one in walk(path, lambda _: False) if is_file(one))


def _is_asset(parts: tuple[str, ...]) -> bool:
    return parts[0].startswith("asset") or parts[0] in ("resources", "res", "data", "dart_defines")


def _of_file(path: Path, root: Path, hosts: tuple[str, ...]) -> Iterator[Finding]:
    try:
        text = read_bytes(path, limit=_MOST_BYTES).decode(errors="replace")
    except FileError:
        return  # larger than any configuration
    for number, line in enumerate(text.split("\n"), start=1):
        found = address_in(line, hosts)
        if found:
            yield _finding(relative(path, root), number, found)
