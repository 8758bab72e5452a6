"""The checks of the Flutter app, lines E1 to E7 of the runbook, for `ops readiness`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from checkout.flutter.results import LINES, LineResult, Names, Project


def check_app(root: Path, names: Names, project: Project) -> Sequence[LineResult]:
    """The answer to each line of the runbook's section E, in its order.

    Args:
        root: the folder of the Flutter app, see `find_app`.
        names: what the app calls things; `settings.flutter_names.names_of(settings.flutter_names)`.
        project: what the app has to agree with.
    """
    raise NotImplementedError  # being built: the interface is fixed


def find_app(checkout: Path, given: str | None) -> tuple[Path | None, str]:
    """The folder of the Flutter app, or why there is none to check.

    Args:
        checkout: the folder of firebase.json (`appDir`).
        given: the setting `flutterApp`.
    """
    raise NotImplementedError  # being built: the interface is fixed


__all__ = ["LINES", "check_app", "find_app"]
