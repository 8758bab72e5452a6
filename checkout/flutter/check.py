"""The checks of the Flutter app, lines E1 to E7 of the runbook, for `ops readiness`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from checkout.flutter import (
    account_deletion,
    analyzer,
    backend_addresses,
    deep_calls,
    event_fields,
    firebase_project,
    query_indexes,
    sending,
    sources,
)
from checkout.flutter.analysis import analyse
from checkout.flutter.results import LINES, LineResult, Names, Project
from settings.files import is_dir, walk
from settings.parsing import mapping

_CHECKS = (sending, event_fields, query_indexes, account_deletion, backend_addresses, firebase_project)


def check_app(root: Path, names: Names, project: Project) -> Sequence[LineResult]:
    """The answer to each line of the runbook's section E, in its order.

    Args:
        root: the folder of the Flutter app, see `find_app`.
        names: what the app calls things; `settings.flutter_names.names_of(settings.flutter_names)`.
        project: what the app has to agree with.
    """
    return deep_calls.run(lambda: _check(root, names, project))


def _check(root: Path, names: Names, project: Project) -> Sequence[LineResult]:
    read = sources.read(root, names.lib.split())
    if not read.units:
        reason = f"{names.lib}:1: there is no Dart code in {names.lib}."
        return tuple(LineResult(id=line, unknown=(reason,), checked="0 Dart files") for line in LINES)
    app = analyse(read, names, project)
    return (*(one.check(app) for one in _CHECKS), analyzer.check(root))


def find_app(checkout: Path, given: str | None) -> tuple[Path | None, str]:
    """The folder of the Flutter app, or why there is none to check.

    Args:
        checkout: the folder of firebase.json (`appDir`).
        given: the setting `flutterApp`.

    Returns:
        The folder and "", or None and the reason, a sentence that names the setting.
    """
    if given is not None:
        folder = checkout / given
        if not is_dir(folder):
            return None, f"flutterApp is {given}, but there is no folder {folder}."
        return folder, ""
    found = list(_apps(checkout))
    if len(found) == 1:
        return found[0], ""
    if not found:
        return (
            None,
            f"no {sources.PUBSPEC} in {checkout} depends on flutter: set flutterApp if the app is there.",
        )
    shown = ", ".join(sources.relative(folder, checkout) for folder in found[:5])
    return None, f"several folders hold a Flutter app ({shown}): set flutterApp to one of them."


def _apps(checkout: Path) -> Iterator[Path]:
    """The folders of packages that are apps: they depend on flutter and have a lib/main*.dart.

    A package that depends on flutter without a main is a library of an app.
    """
    packages = [path.parent for path in walk(checkout, sources.enters) if path.name == sources.PUBSPEC]
    flutter = [folder for folder in packages if _depends_on_flutter(folder)]
    mains = [folder for folder in flutter if any(folder.glob("lib/main*.dart"))]
    yield from mains or flutter


def _depends_on_flutter(folder: Path) -> bool:
    described = sources.pubspec(folder) or {}
    return "flutter" in (mapping(described.get("dependencies")) or {})


__all__ = ["LINES", "check_app", "find_app"]
