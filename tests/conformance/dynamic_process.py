"""Dynamic providers as the engine meets them: the real `python -m pulumi.dynamic`, over gRPC.

A provider class called from a test can do what the SDK's server cannot (return None from `read`, change its
pickle, keep an integer); here it cannot.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
import pytest
from google.protobuf import json_format, struct_pb2
from pulumi.dynamic import ResourceProvider
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from tests.conformance.warm_processes import WarmProcesses

PROJECT = Path(__file__).parents[2]
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # how the engine writes an unknown string (SDK, runtime/rpc)
SECONDS = 60


@dataclass(frozen=True)
class Difference:
    """The result of `Diff`."""

    changes: bool
    replaces: tuple[str, ...]
    delete_before_replace: bool


@dataclass
class Live:
    """A resource between calls: its id and outputs, as the engine would keep them."""

    id: str
    outs: dict[str, Any] = field(default_factory=dict[str, Any])


class CheckFailedError(AssertionError):
    """`Check` refused the inputs; the message has its reasons."""


REFUSALS = (grpc.RpcError, CheckFailedError)
"""What `Check` and the other calls raise."""


def refusal(
    call: Callable[[], object],
    errors: type[BaseException] | tuple[type[BaseException], ...] = grpc.RpcError,
) -> str:
    """Make a call that must fail; return the error as a user reads it.

    Args:
        call: the call.
        errors: what it may raise; `REFUSALS` if `Check` may be the one that fails.
    """
    with pytest.raises(errors) as caught:
        call()
    error = caught.value
    if isinstance(error, CheckFailedError):
        return str(error)
    assert isinstance(error, grpc.Call)
    return str(error.details())


class _Cold:
    """A process started as the engine starts it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def port(self) -> str:
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "pulumi.dynamic"],
            cwd=PROJECT,
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        port = self._process.stdout.readline().strip()
        assert port, self._process.communicate()[1]
        return port

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> str:
        self._process.terminate()
        return self._process.communicate(timeout=SECONDS)[1]


class _Warm:
    """A process forked with the SDK loaded."""

    def __init__(self, environ: Mapping[str, str], warm: WarmProcesses) -> None:
        self._environ, self._warm = environ, warm
        self._killed = False

    def port(self) -> str:
        self._process = self._warm.start(self._environ)
        self._stdout = self._process.stdout.open()
        port = self._stdout.readline().strip()
        assert port, self._process.stderr.read_text()
        return port

    def kill(self) -> None:
        self._killed = True
        os.kill(self._process.pid, signal.SIGKILL)

    def end(self) -> str:
        if not self._killed:
            os.kill(self._process.pid, signal.SIGTERM)
        with self._stdout:
            self._stdout.read()
        return self._process.stderr.read_text()


class DynamicProcess:
    """The process. Ends with the `with` block; `stderr` is then all it wrote.

    Args:
        environ: the whole environment of the process.
        config: the stack's config, keys with namespaces.
        warm: start it as a fork of a process that has the SDK loaded.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        config: Mapping[str, str] | None = None,
        warm: WarmProcesses | None = None,
    ) -> None:
        self._environ = dict(environ)
        self._config = dict(config or {})
        self.stderr = ""
        self.answers: list[str] = []
        self._started: _Cold | _Warm = _Cold(self._environ) if warm is None else _Warm(self._environ, warm)

    def __enter__(self) -> DynamicProcess:
        port = self._started.port()
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self._stub = provider_pb2_grpc.ResourceProviderStub(self._channel)
        arguments = struct_pb2.Struct()
        arguments.update(self._config)
        self._stub.Configure(provider_pb2.ConfigureRequest(args=arguments), timeout=SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()
        self.stderr = self._started.end()

    def kill(self) -> None:
        """End it as a crash of the machine would."""
        self._started.kill()

    def resource(self, provider: ResourceProvider) -> DynamicResource:
        """Calls on one kind of resource."""
        return DynamicResource(self, self._stub, serialize_provider(provider))


class DynamicResource:
    """The calls of the engine, for one provider class."""

    def __init__(
        self, process: DynamicProcess, stub: provider_pb2_grpc.ResourceProviderStub, pickle: str
    ) -> None:
        self._process = process
        self._stub = stub
        self._pickle = pickle

    def check(self, news: Mapping[str, Any], olds: Mapping[str, Any] | None = None) -> dict[str, str]:
        """What is refused: property -> reason."""
        answer = self._stub.Check(
            provider_pb2.CheckRequest(olds=self._struct(olds or {}), news=self._struct(news)), timeout=SECONDS
        )
        self._keep(answer.inputs)
        return {failure.property: failure.reason for failure in answer.failures}

    def inputs(self, news: Mapping[str, Any], olds: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The inputs that `Check` makes of what is declared; nothing in it may be refused."""
        answer = self._stub.Check(
            provider_pb2.CheckRequest(olds=self._struct(olds or {}), news=self._struct(news)), timeout=SECONDS
        )
        if answer.failures:
            raise CheckFailedError("\n".join(failure.reason for failure in answer.failures))
        return self._keep(answer.inputs)

    def diff(self, live: Live, news: Mapping[str, Any]) -> Difference:
        """What would change."""
        answer = self._stub.Diff(
            provider_pb2.DiffRequest(id=live.id, olds=self._struct(live.outs), news=self._struct(news)),
            timeout=SECONDS,
        )
        assert answer.changes != provider_pb2.DiffResponse.DIFF_UNKNOWN
        return Difference(
            changes=answer.changes == provider_pb2.DiffResponse.DIFF_SOME,
            replaces=tuple(answer.replaces),
            delete_before_replace=answer.deleteBeforeReplace,
        )

    def create(self, props: Mapping[str, Any]) -> Live:
        """Make it."""
        answer = self._stub.Create(
            provider_pb2.CreateRequest(properties=self._struct(props)), timeout=SECONDS
        )
        assert answer.id
        return Live(answer.id, self._keep(answer.properties))

    def read(self, live: Live) -> tuple[Live, dict[str, Any]]:
        """What is there now, and the inputs it amounts to. A blank id means that it is gone."""
        answer = self._stub.Read(
            provider_pb2.ReadRequest(id=live.id, properties=self._struct(live.outs)), timeout=SECONDS
        )
        return Live(answer.id, self._keep(answer.properties)), self._keep(answer.inputs)

    def update(self, live: Live, news: Mapping[str, Any]) -> Live:
        """Change it."""
        answer = self._stub.Update(
            provider_pb2.UpdateRequest(id=live.id, olds=self._struct(live.outs), news=self._struct(news)),
            timeout=SECONDS,
        )
        return Live(live.id, self._keep(answer.properties))

    def delete(self, live: Live) -> None:
        """Take it away."""
        self._stub.Delete(
            provider_pb2.DeleteRequest(id=live.id, properties=self._struct(live.outs)), timeout=SECONDS
        )

    def _struct(self, props: Mapping[str, Any]) -> struct_pb2.Struct:
        made = struct_pb2.Struct()
        made.update({**props, "__provider": self._pickle})
        return made

    def _keep(self, answered: struct_pb2.Struct) -> dict[str, Any]:
        props: dict[str, Any] = json_format.MessageToDict(answered)
        self._process.answers.append(str(props))
        props.pop("__provider", None)
        return props
