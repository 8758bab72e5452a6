"""The errors of the stand-in plugin, as the engine shows them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
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


@contextmanager
def kept_in_state(label: str, identifier: str, inputs: Mapping[str, Any]) -> Generator[None]:
    """Keep an object in the state if a request after its creation fails, as the real plugin does.

    Args:
        label: what it is, for the message.
        identifier: the object's Pulumi id.
        inputs: what is recorded as its state; the next update reads the rest.

    Raises:
        InitFailedError: a request failed.
    """
    try:
        yield
    except InitFailedError:
        raise
    except (GcpError, OSError) as error:
        message = f'Error when reading or editing {label} "{identifier}": {error}'
        raise InitFailedError(message, identifier, dict(inputs)) from error
