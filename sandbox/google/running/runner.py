"""The deployed functions as processes: everything that `sandbox up --run` adds to the Google sandbox.

One object for the whole: the Google app calls it from its event loop (deployments, requests, jobs, tasks),
the daemon from its own thread (`start`, `stop`, `status`), the emulator's events arrive in a third.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from sandbox import ai_provider
from sandbox.google.running import events, jobs, messages, revisions, stored_objects
from sandbox.google.running.deployments import Deployments
from sandbox.google.running.edge import Edge
from sandbox.google.running.front import Front
from sandbox.google.running.instance import require_framework
from sandbox.google.running.instances import Instances, Limits
from sandbox.google.running.log import Log
from sandbox.google.running.queues import Dispatcher
from sandbox.google.running.receiver import create_receiver
from sandbox.google.running.sources import Sources
from sandbox.local_server import LocalServer
from sandbox.running import Started

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from pathlib import Path

    from starlette.types import ASGIApp

    from sandbox.google.cloud import Cloud
    from sandbox.google.operations import Effect
    from sandbox.google.running.revisions import Revision
    from sandbox.google.store import Json
    from sandbox.running import RunContext

STOP_SECONDS = 30.0
PAUSE = 1.0  # seconds between two looks for idle processes
AI_HOSTS = ("api.groq.com", "api.openai.com")
RAILWAY_DOMAINS = "*.up.railway.app"
GOOGLE_HOSTS = (
    "*.googleapis.com",
    "*.cloudfunctions.net",
    "*.run.app",
    "metadata.google.internal",
    "169.254.169.254",
)

T = TypeVar("T")


class FunctionsRunner:
    """Runs the functions of a Google sandbox.

    Args:
        folder: for unpacked sources, packages and the log.
        installed: folders of functions of the checkout, whose packages may be used.
        limits: how many processes run at once, and how long.

    Example:
        runner = FunctionsRunner(root / "run" / "functions", installed=[Path("examples/crm/functions")])
        emulator = FirestoreEmulator(options=runner.emulator_options)
        google = LocalServer(create_app(file, emulator.host, functions=runner))
        runner.context = context      # before start(), when all servers listen
        runner.start()
    """

    def __init__(self, folder: Path, *, installed: Sequence[Path] = (), limits: Limits | None = None) -> None:
        self.context: RunContext | None = None
        self._log = Log(folder / "functions.log")
        self._folder = folder
        self._sources = Sources(folder, installed)
        self._limits = limits or Limits()
        self._receiver = create_receiver(self._receive)
        self._ai = LocalServer(ai_provider.create_app())
        self._loop: asyncio.AbstractEventLoop | None = None
        self._served = threading.Event()
        self._tasks = set[asyncio.Task[None]]()
        self._started = False

    @property
    def emulator_options(self) -> list[str]:
        """The options of the Firestore emulator that sends the events here."""
        return [f"--functions_emulator={self._receiver.url.removeprefix('http://')}"]

    # What the daemon calls.

    def start(self) -> None:
        """Begin: the events arrive, and what was deployed earlier can be called.

        Raises:
            InstanceError: functions-framework or Node.js is not installed.
        """
        require_framework()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._receiver.start()
        self._ai.start()
        self._started = True
        self._run(self._begin)

    def stop(self) -> None:
        """End every process and everything that is under way."""
        if self._started:
            self._started = False
            self._run(self._end)
            self._receiver.stop()
            self._ai.stop()

    def status(self) -> list[Started]:
        """Return the functions with a process."""
        return [
            Started(
                what=f"function {one.revision.function}",
                state="running" if one.in_flight else "idle",
                pid=one.pid,
                address=f"https://{one.revision.region}-{one.revision.project}.cloudfunctions.net/"
                f"{one.revision.function}",
            )
            for one in self._instances.all()
        ]

    def _run(self, call: Callable[[], Coroutine[None, None, T]]) -> T:
        assert self._served.wait(STOP_SECONDS), "the Google app is not served"
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(STOP_SECONDS)

    # What the Google app calls.

    def attach(self, cloud: Cloud) -> None:
        """Connect with the state of the Google sandbox; called once, when the app is made."""
        self._cloud = cloud
        self._instances = Instances(cloud, self._sources, self._log, self._limits, self._provided)
        self._deployments = Deployments(
            cloud, self._sources, self._instances, lambda: self._surroundings().firestore_host
        )
        self._edge = Edge(cloud, self._instances, self._log)
        self._delivery = events.Delivery(cloud, self._edge)
        self._dispatcher = Dispatcher(cloud, self._edge)

    def front(self, app: ASGIApp) -> Front:
        """Return the app that answers for the functions' addresses, and passes all else to `app`."""
        return Front(app, self._cloud, self._edge)

    def served_in(self, loop: asyncio.AbstractEventLoop) -> None:
        """Name the event loop of the Google app."""
        self._loop = loop
        self._served.set()

    def deploy(self, operation: str, function: Json, service: Json, effects: Sequence[Effect]) -> None:
        """See `RunHook`."""
        self._background(self._deployments.deploy(operation, function, service, effects))

    def run_job(self, name: str, at: str) -> None:
        """Run a job of Cloud Scheduler."""
        self._background(jobs.run(self._cloud, self._edge, name, at))

    def entries(self) -> list[Json]:
        """Return the entries of the functions' logs, the oldest first."""
        return self._log.entries()

    def publish(self, topic: str, message: Json) -> None:
        """Send a message to the functions on a topic."""
        for function in messages.targets(self._cloud, topic):
            headers, body = messages.event(function, topic, message)
            self._background(self._delivery.deliver(function, headers, body))

    def stored(self, kind: str, stored: Json) -> None:
        """Send an event about an object of a bucket: finalized, deleted or metadataUpdated."""
        headers, body = stored_objects.event(kind, stored)
        for function in stored_objects.targets(self._cloud, kind, stored["bucket"]):
            self._background(self._delivery.deliver(function, headers, body))

    def run_task(self, name: str) -> None:
        """Send a task of Cloud Tasks now."""
        self._dispatcher.force(name)

    # In the event loop.

    async def _begin(self) -> None:
        for function in revisions.functions(self._cloud):
            await self._deployments.register(function)
        self._background(self._dispatcher.run())
        self._background(self._look_after())

    async def _end(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._instances.close()

    def _background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            handler = task.get_loop().call_exception_handler  # into the sandbox's log
            handler({"message": "running functions", "exception": task.exception(), "task": task})

    async def _look_after(self) -> None:
        """Stop what is idle, and what was deleted."""
        while True:
            await asyncio.sleep(PAUSE)
            for instance in self._instances.all():
                _, project, _, region, _, key = instance.revision.service.split("/")
                if revisions.serving(self._cloud, project, region, key) is None:
                    await self._instances.stop(instance.revision.service)
            await self._instances.stop_idle()

    def _receive(self, project: str, key: str, headers: Mapping[str, str], body: bytes) -> None:
        """Accept an event, in the receiver's thread."""
        if self._loop is not None and self._started:
            self._loop.call_soon_threadsafe(self._accept, project, key, headers, body)

    def _accept(self, project: str, key: str, headers: Mapping[str, str], body: bytes) -> None:
        data = events.decoded(body)
        if events.changes_nothing(data):
            return
        for function, _ in events.targets(self._cloud, project, key):
            self._background(self._delivery.deliver(function, headers, data))

    def _surroundings(self) -> RunContext:
        assert self.context is not None, "set the context before start()"
        return self.context

    def _provided(self, revision: Revision, own: dict[str, str]) -> dict[str, str]:
        """Return the variables with which a function uses the sandbox's services."""
        context = self._surroundings()
        edges: dict[str, str] = {RAILWAY_DOMAINS: context.railway_url}
        edges |= dict.fromkeys(GOOGLE_HOSTS, context.google_url)
        edges |= dict.fromkeys(AI_HOSTS, self._ai.url)
        for value in own.values():  # a domain of the company's own
            host = _host(value)
            address = context.address_of(host) if host else None
            if address is not None:
                edges[host] = address
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._folder),
            **context.environment(),
            "GCE_METADATA_HOST": "metadata.google.internal",
            "METADATA_SERVER_DETECTION": "assume-present",
            "SANDBOX_CALLER": revision.service,
            "SANDBOX_EDGES": json.dumps(edges),
        }


def _host(value: str) -> str:
    """Return the host of an https address; "" for any other text."""
    if not value.startswith("https://"):
        return ""
    with contextlib.suppress(ValueError):
        return urlsplit(value).hostname or ""
    return ""
