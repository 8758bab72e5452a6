"""The error of a failed call to Google, and the type of a JSON object."""

from __future__ import annotations

from typing import Any

from user_errors import UserError, add_fix, printable

JsonObject = dict[str, Any]


class GoogleError(UserError):
    """A call to Google that failed.

    Args:
        what: what happened, without a full stop at its end.
        fix: the command or edit to use.
        status: the HTTP status, None without a response.
        reason: Google's error code, such as NOT_FOUND or SERVICE_DISABLED, or `transport.NO_QUOTA_PROJECT`;
            empty without one.
    """

    def __init__(self, what: str, fix: str, *, status: int | None = None, reason: str = "") -> None:
        self.status = status
        self.reason = reason
        self.fix = fix
        detail = " ".join(str(part) for part in (status, reason) if part)
        self.what = printable(f"{what.rstrip('.')}{f' ({detail})' if detail else ''}.")
        super().__init__(add_fix(self.what, fix))
