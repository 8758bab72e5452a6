"""E7: `flutter analyze` finds nothing, where Flutter is installed.

The analyzer reads the app's code and does not run it, except plugins that analysis_options.yaml enables: with
those it is not run. It gets a home folder that is removed, and none of this program's variables. It cannot be
isolated like code of the functions: the `flutter` command writes to a cache in its own folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from checkout import node_process, programs, temporary_folder
from checkout.flutter.results import Finding, LineResult
from checkout.isolation import View
from checkout.node_process import Command, Finished
from settings.files import is_file, read_text
from settings.parsing import mapping

SECONDS = 300
PACKAGES = ".dart_tool/package_config.json"
OPTIONS = "analysis_options.yaml"
_ISSUE = re.compile(
    r"^\s*(error|warning|info)\s+[•-]\s+(.+?)\s+[•-]\s+(\S.*?):(\d+):(\d+)\s+[•-]\s+(\S+)\s*$"
)
_KEPT = ("LANG", "LC_ALL")
_MOST = 200


def check(root: Path, environ: dict[str, str] | None = None, seconds: float = SECONDS) -> LineResult:
    """The line E7.

    Args:
        root: the folder of the app.
        environ: the environment whose PATH is searched; this process's own if None.
        seconds: the time limit.
    """
    variables = dict(os.environ) if environ is None else environ
    flutter = programs.find("flutter", programs.search_path(variables, root), root)
    if flutter is None:
        return _unknown("flutter is not installed here (not on PATH), so `flutter analyze` was not run")
    if not is_file(root / PACKAGES):
        return _unknown(f"the packages of the app are not installed ({PACKAGES}): run flutter pub get")
    if plugins := _plugins(root):
        return _unknown(f"{OPTIONS} enables the analyzer plugin {plugins}, whose code would run here")
    finished = _run(flutter, root, variables, seconds)
    if finished.code is None:
        return _unknown(f"`flutter analyze` did not end within {seconds:g} seconds")
    findings = tuple(sorted(_issues(finished.output)))
    if finished.code != 0 and not findings:
        last = " / ".join(node_process.shown(finished.output))
        return _unknown(f"`flutter analyze` ended with exit code {finished.code}: {last}")
    return LineResult(id="E7", findings=findings, checked=f"flutter analyze: exit code {finished.code}")


def _unknown(reason: str) -> LineResult:
    return LineResult(id="E7", unknown=(f"{reason}.",), checked="nothing")


def _plugins(root: Path) -> str:
    """The analyzer plugins that the app's options enable, "" for none."""
    path = root / OPTIONS
    text, _ = read_text(path, OPTIONS) if is_file(path) else (None, [])
    try:
        found: object = yaml.safe_load(text or "")
    except (yaml.YAMLError, RecursionError):
        return "(the file cannot be read)"
    options = mapping(found) or {}
    for value in ((mapping(options.get("analyzer")) or {}).get("plugins"), options.get("plugins")):
        if value:
            names = [*(mapping(value) or {})] or (value if isinstance(value, list) else [value])
            return ", ".join(map(str, names))
    return ""


def _run(flutter: str, root: Path, environ: dict[str, str], seconds: float) -> Finished:
    with temporary_folder.create("flutter-") as folders:
        home = folders.results / "home"
        home.mkdir()
        environment = {name: environ[name] for name in _KEPT if name in environ}
        environment |= {
            "PATH": programs.search_path(environ, root),
            "HOME": str(home),
            "CI": "true",
            "FLUTTER_SUPPRESS_ANALYTICS": "true",
            "NO_COLOR": "1",
        }
        command = Command(
            line=[flutter, "--no-version-check", "analyze", "--no-pub"],
            folder=root.resolve(),
            environment=environment,
            timeout=seconds,
            results=folders.results,
            root=folders.root,
            checkout=root.resolve(),
            isolate=False,
        )
        return node_process.run(command, View)


def _issues(output: str) -> Iterator[Finding]:
    for line in output.splitlines()[: _MOST * 10]:
        found = _ISSUE.match(line)
        if found is not None:
            severity, what, file, number, _, code = found.groups()
            yield Finding(
                file=Path(file).as_posix(),
                line=int(number),
                what=f"{severity}: {what} ({code}).",
                fix="flutter analyze",
            )
