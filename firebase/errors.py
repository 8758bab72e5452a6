"""The error of a failed Google call, and the type of a JSON object in an answer."""

from __future__ import annotations

from typing import Any

from user_errors import UserError

JsonObject = dict[str, Any]


class GoogleError(UserError):
    """A call to Google that did not succeed, and what to do about it.

    `status` is the HTTP status, None when there was no answer at all. `reason` is Google's own word
    (NOT_FOUND, SERVICE_DISABLED, ...), empty when the body had none.
    """

    def __init__(self, operation: str, status: int | None, reason: str, message: str, fix: str) -> None:
        self.operation = operation
        self.status = status
        self.reason = reason
        self.fix = fix
        head = f"Google, {operation}: {message}"
        detail = " ".join(str(part) for part in (status, reason) if part)
        super().__init__(f"{head} ({detail}). {fix}" if detail else f"{head}. {fix}")
