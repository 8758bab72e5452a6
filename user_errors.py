"""Errors of dynamic providers that a person reads as they are.

The SDK's provider process answers every exception with its traceback (`pulumi.dynamic.__main__`, 3.272), and
has no type for one that is not a defect. So a `UserError` is answered with its text alone.
Refuses to hide the frames of anything else: they are what a defect is found by.
"""

from __future__ import annotations

import sys
import traceback


class UserError(Exception):
    """Its text is complete: what happened, where, what to do now. It holds no secret."""


class _TracebackOfDefectsOnly:
    """What the SDK's process uses of `traceback`."""

    @staticmethod
    def format_exc() -> str:
        error = sys.exc_info()[1]
        return str(error) if isinstance(error, UserError) else traceback.format_exc()


def report_user_errors_without_traceback() -> None:
    """Let this process, if it is the SDK's provider process, answer a `UserError` with its text.

    Called by each provider's `configure`. Only the name in the SDK's own module is replaced; where the SDK
    has none, errors keep their frames.
    """
    process = sys.modules["__main__"]
    name = getattr(getattr(process, "__spec__", None), "name", "")
    if name == "pulumi.dynamic.__main__" and hasattr(process, "traceback"):
        vars(process)["traceback"] = _TracebackOfDefectsOnly
