"""The error of a failed call to Google, and the type of a JSON object."""

from __future__ import annotations

from typing import Any

from user_errors import UserError

JsonObject = dict[str, Any]


class GoogleError(UserError):
    """A call to Google that failed.

    Args:
        operation: what the call was for, such as "read the release cloud.firestore".
        message: Google's own message, or ours if there is none.
        fix: what to do.
        status: the HTTP status, None without a response.
        reason: Google's error code, such as NOT_FOUND or SERVICE_DISABLED; empty without one.
    """

    def __init__(
        self, operation: str, message: str, fix: str, *, status: int | None = None, reason: str = ""
    ) -> None:
        self.status = status
        self.reason = reason
        self.fix = fix
        detail = " ".join(str(part) for part in (status, reason) if part)
        self.what = f"Google, {operation}: {message.rstrip('.')}{f' ({detail})' if detail else ''}."
        super().__init__(f"{self.what}\n  fix: {fix}")
