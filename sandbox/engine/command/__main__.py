"""Entry point of the `command` plugin. Refuses to run by itself: the engine starts it."""

from __future__ import annotations

import sys

from sandbox.engine import installed
from sandbox.engine.command.provider import CommandPlugin
from sandbox.engine.plugin import serve
from sandbox.engine.protocol import provider_pb2_grpc

_THREADS = 32  # commands wait more than they work


def main() -> None:
    """Serve the engine whose address is the last argument."""
    plugin = CommandPlugin(version=installed.version("pulumi-command"), engine_address=sys.argv[-1])
    serve(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(plugin, server), _THREADS)
