"""Section E of the runbook, the Flutter app. Dart is parsed by `checkout.flutter`; nothing of it is run,
except `flutter analyze` where it is installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ops.readiness.context import Context
from ops.readiness.findings import failed, passed, some, unknown
from ops.readiness.model import Finding


@dataclass(frozen=True, kw_only=True)
class Answer:
    """placeholder"""


def checked(line: str) -> Callable[[Context], Finding]:
    """The check of a line of section E.

    Args:
        line: its id.
    """
    return lambda context: unknown(f"{line} {context.name}", "not built")
