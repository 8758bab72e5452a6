"""The base of the stand-in plugins: the process, and the calls that do not depend on a resource type.

A plugin ends when its parent process does; otherwise it would stay and hold its port if the engine is killed.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent import futures
from typing import TYPE_CHECKING

import grpc

from sandbox.engine.protocol import (
    empty_pb2,
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_MESSAGE_LIMIT_BYTES = 400 << 20  # as the engine's own channels
_PARENT_CHECK_SECONDS = 1.0


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_SECONDS)
    os._exit(0)


def serve(add: Callable[[grpc.Server], object], threads: int) -> None:
    """Serve until the engine ends this process. The engine reads the port from the first line of stdout.

    Args:
        add: registers the servicer with the server.
        threads: the number of calls that run at the same time.
    """
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the engine ends a plugin with it: avoid a traceback
    server = grpc.server(
        futures.ThreadPoolExecutor(threads),
        options=[("grpc.max_receive_message_length", _MESSAGE_LIMIT_BYTES)],
    )
    add(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    os.write(1, f"{port}\n".encode())
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    server.wait_for_termination()


class ProviderPlugin(provider_pb2_grpc.ResourceProviderServicer):
    """The calls that are the same for every provider.

    Args:
        version: the plugin's version, which is the SDK's.
        engine_address: the address to which messages are sent; "" until the handshake.
        accept_secrets: whether values arrive marked as secret. If not, the engine marks an output itself if
            an input of the same name is secret.
    """

    def __init__(self, *, version: str, engine_address: str, accept_secrets: bool) -> None:
        self._version = version
        self._accept_secrets = accept_secrets
        self._engine: engine_pb2_grpc.EngineStub | None = None
        self._connect(engine_address)

    def _connect(self, address: str) -> None:
        if address and self._engine is None:
            self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def log(self, urn: str, message: str, *, ephemeral: bool = False, warning: bool = False) -> None:
        """Show a message beside a resource.

        Args:
            urn: the resource.
            message: one or more lines, without secrets.
            ephemeral: show it in the progress line only.
            warning: show it as a warning, not as information.
        """
        if self._engine is not None:
            severity = engine_pb2.WARNING if warning else engine_pb2.INFO
            self._engine.Log(
                engine_pb2.LogRequest(severity=severity, message=message, urn=urn, ephemeral=ephemeral)
            )

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Store the engine's address; return this plugin's features."""
        self._connect(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=self._accept_secrets, accept_resources=False, accept_outputs=False
        )

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """Return the version."""
        return plugin_pb2.PluginInfo(version=self._version)

    def Attach(self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Store the engine's address, if the engine did not start this process."""
        self._connect(request.address)
        return empty_pb2.Empty()

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Accept the provider's configuration."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """A changed configuration replaces nothing."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Return this plugin's features, for engines that ask only here."""
        return provider_pb2.ConfigureResponse(
            acceptSecrets=self._accept_secrets, supportsPreview=True, acceptResources=False
        )

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Do nothing: every wait has a time-out."""
        return empty_pb2.Empty()
