"""All tests use the stand-ins of the sandbox, also where Pulumi is installed."""

from __future__ import annotations

import os

from sandbox.engine import toolchain

# To run a test with the installed CLI and its plugins: SANDBOX_ENGINE=installed.
os.environ.setdefault(toolchain.ENGINE_VARIABLE, toolchain.BUILT)
