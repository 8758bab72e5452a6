"""Entry point of the stand-in `gcp` plugin, which the engine starts."""

from __future__ import annotations

import sys

from sandbox.engine import installed
from sandbox.engine.gcp.provider import GcpPlugin
from sandbox.engine.plugin import serve
from sandbox.engine.protocol import provider_pb2_grpc

_THREADS = 32  # calls mostly wait, for index builds even minutes


def main() -> None:
    """Serve the engine; its address is the last argument."""
    plugin = GcpPlugin(version=installed.version("pulumi-gcp"), engine_address=sys.argv[-1])
    serve(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(plugin, server), _THREADS)
