"""Errors of dynamic providers that Pulumi shows without a traceback.

The SDK's provider process returns every exception with its traceback (`pulumi.dynamic.__main__`, 3.272), and
has no type for an error that is not a defect. A `UserError` is returned as its text; other exceptions keep
their traceback, which is needed to find the defect.
"""

from __future__ import annotations

import sys
import traceback

from pulumi import dynamic


class UserError(Exception):
    """The text contains what happened, where, and `fix:` with a command or an edit. It contains no secret."""


class _TracebackOfDefectsOnly:
    """The part of the module `traceback` that the SDK's process uses."""

    @staticmethod
    def format_exc() -> str:
        error = sys.exc_info()[1]
        return str(error) if isinstance(error, UserError) else traceback.format_exc()


def report_user_errors_without_traceback() -> None:
    """Make the SDK's provider process return a `UserError` as its text; no effect in other processes.

    It replaces only the name `traceback` in the SDK's `__main__`.
    """
    process = sys.modules["__main__"]
    name = getattr(getattr(process, "__spec__", None), "name", "")
    if name == "pulumi.dynamic.__main__" and hasattr(process, "traceback"):
        vars(process)["traceback"] = _TracebackOfDefectsOnly


class Provider(dynamic.ResourceProvider):
    """The base of the dynamic providers. The pickle of an instance without attributes is only its class."""

    serialize_as_secret_always = False  # the pickle is a module path, not a secret

    def configure(self, req: dynamic.ConfigureRequest) -> None:
        """Show errors without a traceback."""
        del req
        report_user_errors_without_traceback()
