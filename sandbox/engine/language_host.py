"""The `python` language host: runs a Pulumi program for the engine if the official host is not installed.

The program runs in this process, with the interpreter of its `virtualenv` option (if that is another one, a
second host is started with it). The program's folder stays on `sys.path` until the last output is resolved.

Attaching a debugger and generating code are not supported; no command of the sandbox uses them. The
`toolchain` option `poetry` is not supported, because only Poetry knows where its environment is.
"""

from __future__ import annotations

import asyncio
import os
import runpy
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, cast

import grpc
import pulumi
from google.protobuf import empty_pb2, json_format
from pulumi import log
from pulumi.automation._server import LanguageServer
from pulumi.runtime import reset_options, run_in_stack, set_all_config
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from sandbox.engine import starting
from sandbox.engine.plugin import serve
from sandbox.engine.required import required_plugins

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_TASKS_PER_PARALLEL = 4  # what the SDK's own hosts use
MESSAGE_SHOWN = 32  # the exit code of a program that has shown its error. Source: pulumi-language-python-exec


class VirtualenvError(Exception):
    """The project names a virtual environment that cannot be used. The message has the fix."""


def _interpreter(info: language_pb2.ProgramInfo) -> Path:
    """Return the interpreter that the project's runtime options select."""
    options = cast("dict[str, object]", json_format.MessageToDict(info.options))
    toolchain = str(options.get("toolchain", "pip"))
    if toolchain not in {"pip", "uv"}:
        message = (
            f"Pulumi.yaml: the runtime option `toolchain: {toolchain}` is not supported by the sandbox.\n"
            "fix: use `toolchain: pip` (or uv) with a `virtualenv`"
        )
        raise VirtualenvError(message)
    folder = str(options.get("virtualenv", ".venv" if toolchain == "uv" else ""))
    if not folder:
        return Path(sys.executable)
    python = Path(info.root_directory, folder, "bin", "python")
    if not python.is_file():
        message = (
            f"Pulumi.yaml: the runtime option `virtualenv: {folder}` names no Python environment.\n"
            f"fix: python3 -m venv {folder} && {folder}/bin/python -m pip install -r requirements.txt"
        )
        raise VirtualenvError(message)
    return python


def trimmed_traceback(error: BaseException, folder: Path) -> str:
    """Return an error's traceback from the program's first own frame on, or all of it without such a frame.

    Args:
        error: the uncaught exception.
        folder: the program's folder.
    """
    trace: TracebackType | None = error.__traceback__
    while trace is not None and not _is_program_file(trace.tb_frame.f_code.co_filename, folder):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace or error.__traceback__)).rstrip()


def _is_program_file(name: str, folder: Path) -> bool:
    path = Path(name)
    return (
        path.is_relative_to(folder)
        and "site-packages" not in path.parts
        and not path.is_relative_to(sys.prefix)
    )


class LanguageHost(LanguageServer):
    """The language runtime service that the engine calls.

    Args:
        engine_address: the address to which the program's messages are sent.
        interpreter: the Python that this host runs with, by the name with which it was started. Behind a
            launcher the resolved name differs, and each host would start another one.
    """

    def __init__(self, engine_address: str, interpreter: Path) -> None:
        super().__init__(lambda: None)
        self._interpreter = interpreter
        self._engine_address = engine_address
        self._children: dict[Path, language_pb2_grpc.LanguageRuntimeStub] = {}

    def Handshake(
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        """Store the engine's address, which an attached host does not get as an argument."""
        self._engine_address = request.engine_address or self._engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """Return the SDK's version as the version of this host."""
        return plugin_pb2.PluginInfo(version=metadata.version("pulumi"))

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Do nothing: the engine closes the monitor, which ends the program."""
        return empty_pb2.Empty()

    def About(
        self, request: language_pb2.AboutRequest, context: grpc.ServicerContext
    ) -> language_pb2.AboutResponse:
        """Return the interpreter and its version."""
        child = self._child(request.info, context)
        if child:
            return child.About(request)
        version = ".".join(str(number) for number in sys.version_info[:3])
        return language_pb2.AboutResponse(executable=sys.executable, version=version)

    def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        """Return the provider plugins that the environment's packages require."""
        child = self._child(request.info, context)
        if child:
            return child.GetRequiredPackages(request)
        return language_pb2.GetRequiredPackagesResponse(
            packages=[
                plugin_pb2.PackageDependency(
                    name=plugin.name, kind="resource", version=plugin.version, server=plugin.server
                )
                for plugin in required_plugins()
            ]
        )

    def GetRequiredPlugins(
        self, request: language_pb2.GetRequiredPluginsRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPluginsResponse:
        """Return the same as `GetRequiredPackages`, in the older format."""
        return language_pb2.GetRequiredPluginsResponse(
            plugins=[
                plugin_pb2.PluginDependency(
                    name=plugin.name, kind="resource", version=plugin.version, server=plugin.server
                )
                for plugin in required_plugins()
            ]
        )

    def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        """Return every distribution of the environment (for `pulumi about`)."""
        child = self._child(request.info, context)
        if child:
            return child.GetProgramDependencies(request)
        found = sorted({(dist.name, dist.version) for dist in metadata.distributions()})
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(name=name, version=version) for name, version in found]
        )

    def InstallDependencies(
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        """Install the program's requirements.txt into its environment (`pulumi install`)."""
        python = self._python(request.info, context)
        requirements = Path(request.info.program_directory, "requirements.txt")
        if not requirements.is_file():
            yield language_pb2.InstallDependenciesResponse(
                stdout=b"no requirements.txt: nothing to install\n"
            )
            return
        process = subprocess.Popen(
            [str(python), "-m", "pip", "install", "-r", str(requirements)],
            cwd=request.info.program_directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if process.stdout is not None:
            for line in process.stdout:
                yield language_pb2.InstallDependenciesResponse(stdout=line)
        if process.wait() != 0:
            context.abort(grpc.StatusCode.INTERNAL, f"pip install ended with code {process.returncode}")

    def Run(
        self, request: language_pb2.RunRequest, context: grpc.ServicerContext
    ) -> language_pb2.RunResponse:
        """Run the program to its end. `bail` tells the engine that its error is already shown."""
        child = self._child(request.info, context)
        if child:
            return child.Run(request)
        folder = Path(request.info.program_directory or request.pwd)
        reset_options(
            project=request.project,
            monitor_address=request.monitor_address,
            engine_address=self._engine_address,
            stack=request.stack,
            parallel=request.parallel,
            preview=request.dryRun,
            organization=request.organization or "organization",
        )
        set_all_config(dict(request.config), list(request.configSecretKeys))
        entry = request.info.entry_point if request.info.entry_point not in {"", "."} else "__main__.py"
        if not (folder / entry).is_file():
            log.error(f"unable to find the program {entry} in {folder}")
            return language_pb2.RunResponse(bail=True)
        os.chdir(request.pwd or folder)
        sys.argv = [str(folder / entry), *request.args]
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
        error = _run(folder / entry, max(request.parallel, 1) * _TASKS_PER_PARALLEL)
        sys.stdout.flush()
        sys.stderr.flush()
        return _run_response(error, folder)

    def _python(self, info: language_pb2.ProgramInfo, context: grpc.ServicerContext) -> Path:
        try:
            return _interpreter(info)
        except VirtualenvError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))

    def _child(
        self, info: language_pb2.ProgramInfo, context: grpc.ServicerContext
    ) -> language_pb2_grpc.LanguageRuntimeStub | None:
        """Return the host that runs with the project's interpreter, or None if that is this one."""
        python = self._python(info, context)
        if python == self._interpreter or python.parent.parent.resolve() == Path(sys.prefix).resolve():
            return None
        if python not in self._children:
            process = subprocess.Popen(
                [*starting.host(str(python)), self._engine_address, str(python)],
                stdout=subprocess.PIPE,
                text=True,
            )
            port = process.stdout.readline().strip() if process.stdout is not None else ""
            if not port:
                context.abort(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    f"the Pulumi SDK cannot be loaded with {python}.\n"
                    f"fix: {python} -m pip install -r requirements.txt",
                )
            channel = grpc.insecure_channel(f"127.0.0.1:{port}")
            self._children[python] = language_pb2_grpc.LanguageRuntimeStub(channel)
        return self._children[python]


def _run(program: Path, threads: int) -> BaseException | None:
    """Run a program in an event loop of its own; return the exception it raised, if any."""

    def body() -> None:
        runpy.run_path(str(program), run_name="__main__")

    async def whole() -> BaseException | None:
        # Taken from the task instead of caught: a program may raise any exception, and all are reported.
        task = asyncio.ensure_future(run_in_stack(body))
        await asyncio.wait([task])
        return task.exception()

    loop = asyncio.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(threads))
    loop.set_exception_handler(lambda _loop, _context: None)  # a failed program leaves pending tasks
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(whole())
    except SystemExit as stop:
        return stop if stop.code not in {0, None} else None
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()


def _run_response(error: BaseException | None, folder: Path) -> language_pb2.RunResponse:
    if error is None:
        return language_pb2.RunResponse()
    if isinstance(error, pulumi.RunError):
        log.error(str(error))
        return _ended_with(1)
    if isinstance(error, grpc.RpcError) and cast("grpc.Call", error).code() == grpc.StatusCode.UNAVAILABLE:
        return language_pb2.RunResponse(bail=True)  # the engine is shutting down and has reported why
    if isinstance(error, SystemExit):
        if error.code == MESSAGE_SHOWN:
            return language_pb2.RunResponse(bail=True)
        if isinstance(error.code, int):
            return _ended_with(error.code)
        sys.stderr.write(f"{error.code}\n")
        return _ended_with(1)
    log.error(f"Program failed with an unhandled exception:\n{trimmed_traceback(error, folder)}")
    return language_pb2.RunResponse(bail=True)


def _ended_with(code: int) -> language_pb2.RunResponse:
    return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {code}")


def main() -> None:
    """Serve the engine at the first argument; the second names the interpreter, if it is not this one."""
    address, *interpreter = sys.argv[1:]
    host = LanguageHost(address, Path(interpreter[0] if interpreter else sys.executable))
    serve(lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server), threads=4)
