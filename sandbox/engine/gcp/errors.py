"""The errors of the stand-in plugin, as the engine reports them."""

from __future__ import annotations

from typing import Any


class GcpError(Exception):
    """A call failed or a resource cannot be handled. The text is shown to the user."""


class InitFailedError(GcpError):
    """The object exists but is not as it should be: it is kept in the state, and the operation fails.

    Args:
        message: what is wrong.
        identifier: the object's Pulumi id.
        state: its output properties.
    """

    def __init__(self, message: str, identifier: str, state: dict[str, Any]) -> None:
        super().__init__(message)
        self.identifier = identifier
        self.state = state
