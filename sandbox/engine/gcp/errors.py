"""The errors of the stand-in plugin, as the engine shows them."""

from __future__ import annotations

from typing import Any


class GcpError(Exception):
    """A request failed or a resource is not supported. The message is shown to the user."""


class InitFailedError(GcpError):
    """The object exists but is not as declared: it is kept in the state, and the operation fails.

    Args:
        message: the error.
        identifier: the object's Pulumi id.
        state: its output properties.
    """

    def __init__(self, message: str, identifier: str, state: dict[str, Any]) -> None:
        super().__init__(message)
        self.identifier = identifier
        self.state = state
