"""E6: the app's Firebase project is ours, on every platform and in every flavour."""

from __future__ import annotations

import plistlib
import re
from collections.abc import Iterator
from pathlib import Path
from xml.parsers.expat import ExpatError

from checkout.flutter.analysis import Analysis, distinct
from checkout.flutter.results import Finding, LineResult
from checkout.flutter.sources import enters, relative
from checkout.flutter.values import HOLE, Str
from settings.files import FileError, is_file, read_bytes, walk
from settings.parsing import mapping, parse_json

ANDROID, APPLE, RC, FIREBASE = (
    "google-services.json",
    "GoogleService-Info.plist",
    ".firebaserc",
    "firebase.json",
)
_WEB = re.compile(r"""["']?projectId["']?\s*[:=]\s*["']([^"']+)["']""")
_MOST_BYTES = 2_000_000


def check(app: Analysis) -> LineResult:
    """The line E6."""
    unknown = [*app.unread]
    findings: list[Finding] = []
    places = 0
    for file, line, project, build in _all(app, unknown):
        places += 1
        finding = _wrong(app, file, line, project, build)
        if finding is not None:
            findings.append(finding)
    if not places and not unknown:
        unknown.append(
            f"{app.entry[0]}:1: no FirebaseOptions, {ANDROID} or {APPLE} names a Firebase project."
        )
    checked = f"{places} places that name a Firebase project; ours is {app.project.project_id}"
    return LineResult(
        id="E6", findings=distinct(findings), unknown=tuple(dict.fromkeys(unknown)), checked=checked
    )


Named = tuple[str, int, str, str]


def _all(app: Analysis, unknown: list[str]) -> Iterator[Named]:
    """(file, line, project, variable of the build) of every place."""
    yield from _options(app, unknown)
    root = app.sources.packages[0].folder
    seen: set[Path] = set()
    for package in app.sources.packages:
        for path in walk(package.folder, enters):
            if path in seen:
                continue
            seen.add(path)
            file = relative(path, root)
            if path.name == ANDROID:
                yield from _json(path, file, unknown, ("project_info", "project_id"))
            elif path.name == APPLE or (
                path.suffix == ".plist" and path.name.startswith("GoogleService-Info")
            ):
                yield from _plist(path, file, unknown)
            elif path.name == RC:
                yield from _firebaserc(path, file, unknown)
            elif path.name == FIREBASE:
                yield from _flutterfire(path, file)
            elif "web" in path.parts and path.suffix in (".html", ".js"):
                yield from _web(path, file)
    if not is_file(root / RC) and is_file(root.parent / RC):
        yield from _firebaserc(root.parent / RC, f"../{RC}", unknown)


def _options(app: Analysis, unknown: list[str]) -> Iterator[Named]:
    """`FirebaseOptions(projectId: ...)`, wherever it is."""
    for seen, values in app.log.options:
        known = [alt.value for alt in values if isinstance(alt.value, Str) and HOLE not in alt.value.text]
        if len(known) < len(values) or not values:
            unknown.append(f"{seen.file}:{seen.line}: the projectId of these FirebaseOptions is not known.")
        for value in known:
            file, line = seen.file, seen.line
            if not value.text and value.set_by_build:
                unknown.append(
                    f"{file}:{line}: the build gives the projectId ({value.set_by_build}); it has no default."
                )
            else:
                yield file, line, value.text, value.set_by_build


def _wrong(app: Analysis, file: str, line: int, project: str, build: str) -> Finding | None:
    ours = app.project.project_id
    if project == ours or project in app.names.other_projects.split():
        return None
    if build:
        what = f"the Firebase project is {project} unless the build sets {build}; ours is {ours}."
        fix = f"write {ours} as the default value of {build}."
    else:
        what = f"the Firebase project is {project}, but ours is {ours}."
        fix = f"flutterfire configure --project={ours}"
        if file.endswith((RC, FIREBASE)):
            fix = f"write {ours} there."
    return Finding(file=file, line=line, what=what, fix=fix)


def _text(path: Path) -> str | None:
    try:
        return read_bytes(path, limit=_MOST_BYTES).decode(errors="replace")
    except FileError:
        return None


def _line_of(text: str, value: str) -> int:
    """The line that names a project, 1 if none does."""
    for number, line in enumerate(text.split("\n"), start=1):
        if value and f'"{value}"' in line:
            return number
    return 1


def _json(path: Path, file: str, unknown: list[str], keys: tuple[str, ...]) -> Iterator[Named]:
    text = _text(path)
    found, problems = parse_json(text, file) if text is not None else (None, [])
    value: object = found
    for key in keys:
        value = (mapping(value) or {}).get(key)
    if text is None or found is None or problems or not isinstance(value, str):
        unknown.append(f"{file}:1: does not name a project ({'.'.join(keys)}).")
        return
    yield file, _line_of(text, value), value, ""


def _plist(path: Path, file: str, unknown: list[str]) -> Iterator[Named]:
    try:
        raw = read_bytes(path, limit=_MOST_BYTES)
        found: object = plistlib.loads(raw)
    except (FileError, plistlib.InvalidFileException, ExpatError, ValueError, KeyError, TypeError):
        unknown.append(f"{file}:1: is not a property list that can be read.")
        return
    value = (mapping(found) or {}).get("PROJECT_ID")
    if not isinstance(value, str):
        unknown.append(f"{file}:1: does not name a project (PROJECT_ID).")
        return
    lines = raw.decode(errors="replace").split("\n")
    at = next((n for n, line in enumerate(lines, start=1) if f">{value}<" in line), 1)
    yield file, at, value, ""


def _firebaserc(path: Path, file: str, unknown: list[str]) -> Iterator[Named]:
    text = _text(path)
    found, problems = parse_json(text, file) if text is not None else (None, [])
    if text is None or found is None or problems:
        unknown.append(f"{file}:1: is not JSON that can be read.")
        return
    for value in (mapping(found.get("projects")) or {}).values():
        if isinstance(value, str):
            yield file, _line_of(text, value), value, ""


def _flutterfire(path: Path, file: str) -> Iterator[Named]:
    """What `flutterfire configure` writes into firebase.json, under `flutter`."""
    text = _text(path)
    found, _ = parse_json(text, file) if text is not None else (None, [])
    waiting: list[object] = [(found or {}).get("flutter")]
    while waiting:
        one = mapping(waiting.pop()) or {}
        value = one.get("projectId")
        if isinstance(value, str):
            yield file, _line_of(text or "", value), value, ""
        waiting += one.values()


def _web(path: Path, file: str) -> Iterator[Named]:
    text = _text(path)
    for number, line in enumerate((text or "").split("\n"), start=1):
        for match in _WEB.finditer(line):
            yield file, number, match[1], ""
