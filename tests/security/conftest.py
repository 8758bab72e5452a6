"""The fixtures of the other layers."""

from __future__ import annotations

from tests.components.conftest import run
from tests.conformance.conftest import google, google_environ, google_process
from tests.e2e.conftest import sandbox, stack

__all__ = ["google", "google_environ", "google_process", "run", "sandbox", "stack"]
