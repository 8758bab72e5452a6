"""The process that serves one sandbox.

Only one process can serve a folder. With `attached`, it ends with the process that started it. With `run`, it
also starts what is deployed; those processes never outlive it (`sandbox.processes`).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
import threading
from typing import TYPE_CHECKING, TypeVar, cast

import requests
from filelock import Timeout

from sandbox import firestore_export, running, stack_state
from sandbox.firestore import FirestoreEmulator
from sandbox.google.app import create_app as google_app
from sandbox.google.running.runner import FunctionsRunner
from sandbox.local_server import LocalServer
from sandbox.proxy import RefusingProxy
from sandbox.railway.app import create_app as railway_app
from sandbox.railway.running.runner import RailwayRunner
from sandbox.railway.running.sources import Sources
from sandbox.run_server import RunServer
from sandbox.supervisor import Running, Sandbox, SandboxError
from user_errors import add_fix

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from starlette.types import ASGIApp

    from sandbox.running import RunOptions

Server = TypeVar("Server", LocalServer, RefusingProxy)


def serve(root: Path, *, attached: bool = False, run: RunOptions | None = None) -> None:
    """Serve the sandbox in `root` until SIGTERM or SIGINT or, if attached, until standard input is closed.

    Args:
        root: the folder of its state.
        attached: end when standard input is closed.
        run: what it runs; None to run nothing.

    Raises:
        SandboxError: another process already serves this folder.
    """
    sandbox = Sandbox(root)
    os.umask(0o077)  # the state and the log contain the values of variables and secrets
    sandbox.make_folder()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    if attached:
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), ended.set()), daemon=True).start()
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(sandbox.lock().acquire(timeout=0))
        except Timeout:
            raise SandboxError(
                add_fix(f"the sandbox `{sandbox.name}` is already running.", sandbox.command("down"), "")
            ) from None
        functions = _functions_runner(root, run) if run else None
        options = functions.emulator_options if functions else []
        emulator = stack.enter_context(
            FirestoreEmulator(options=[*firestore_export.load_options(root / "firestore"), *options])
        )
        ports = _Ports(root / "ports.json")
        run_server = RunServer(root) if run else None
        auth_host = ""
        railway_runner: RailwayRunner | None = None
        if run is not None and run_server is not None:
            auth = stack.enter_context(ports.server("auth", run_server.app()))
            auth_host = auth.url.removeprefix("http://")
            railway_runner = _railway_runner(root, run, running.emulator_variables(emulator.host, auth_host))
        railway = stack.enter_context(
            ports.server("railway", railway_app(root / "railway.json", runner=railway_runner))
        )
        google = stack.enter_context(
            ports.server(
                "google",
                google_app(root / "google.json", firestore_emulator=emulator.host, functions=functions),
            )
        )
        proxy = stack.enter_context(
            ports.on_kept_port("proxy", lambda port: RefusingProxy(port, _upstream_proxy(os.environ)))
        )
        # Any app can be deployed: its settings name the location of the database.
        stack_state.post_admin(google.url, "/admin/switches", {"firestore_located_by_trigger": True})
        runners: running.Runners | None = None
        if run and run_server and railway_runner and functions:
            functions.context = running.RunContext(
                root=root,
                app=run.app,
                railway_url=railway.url,
                google_url=google.url,
                firestore_host=emulator.host,
                auth_host=auth_host,
                address_of=railway_runner.address_of,
            )
            started = running.Runners([railway_runner, functions])
            runners = run_server.runners = stack.enter_context(started)
        sandbox.write_running_file(
            Running(
                pid=os.getpid(),
                railway_url=railway.url,
                google_url=google.url,
                firestore_host=emulator.host,
                proxy_url=proxy.url,
                auth_host=auth_host,
                run_app=str(run.app.resolve()) if run else "",
            )
        )
        ended.wait()
        if runners is not None:
            runners.stop()  # before the documents are saved
        for project in _projects_with_rules(google):
            firestore_export.save(emulator, project, root / "firestore")
        sandbox.running_file.unlink(missing_ok=True)


def _railway_runner(root: Path, run: RunOptions, variables: Mapping[str, str]) -> RailwayRunner:
    """Return what runs the deployments of the Railway sandbox."""
    sources = Sources(default=run.app, by_repo=run.sources)
    return RailwayRunner(root / "run" / "railway", sources, variables, running.DEFAULTS)


def _functions_runner(root: Path, run: RunOptions) -> FunctionsRunner:
    """Return what runs the functions of the Google sandbox, with the packages that the app has installed."""
    folders = [run.app, *run.app.glob("*"), *run.app.glob("*/*")]
    installed = [folder for folder in folders if (folder / "package-lock.json").exists()]
    return FunctionsRunner(root / "run" / "functions", installed=installed)


def _projects_with_rules(google: LocalServer) -> list[str]:
    """Return the projects with released security rules: only these can have documents."""
    state = requests.get(f"{google.url}/admin/state", timeout=firestore_export.SECONDS)
    state.raise_for_status()
    found = (re.fullmatch(r"firebaserules/projects/([^/]+)/releases", key) for key in state.json())
    return [match[1] for match in found if match]


def _upstream_proxy(environ: Mapping[str, str]) -> str:
    """Return the machine's own HTTPS proxy; "" if there is none."""
    return next((environ[name] for name in ("https_proxy", "HTTPS_PROXY") if environ.get(name)), "")


class _Ports:
    """The ports of the servers, kept in a file so that a shell's variables stay valid after a restart.

    A port that is in use by another process is replaced.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ports = cast("dict[str, int]", json.loads(file.read_text())) if file.exists() else {}

    def server(self, name: str, app: ASGIApp) -> LocalServer:
        return self.on_kept_port(name, lambda port: LocalServer(app, port))

    def on_kept_port(self, name: str, make: Callable[[int], Server]) -> Server:
        try:
            server = make(self._ports.get(name, 0))
        except OSError:
            server = make(0)
        self._ports[name] = server.port
        self._file.write_text(json.dumps(self._ports))
        return server
