"""The running functions: one process each, started for the first request and stopped when it is idle."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.google.errors import ApiError
from sandbox.google.running.instance import Instance, InstanceError, require_framework
from sandbox.google.running.revisions import SecretError, archive_of, variables
from sandbox.google.running.sources import SourceError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from sandbox.google.cloud import Cloud
    from sandbox.google.running.log import Log
    from sandbox.google.running.revisions import Revision
    from sandbox.google.running.sources import Sources

PORT = "8080"
"""The value of PORT. Nothing listens there: the function gets its requests through a socket."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How many functions run at once.

    Args:
        at_once: processes; the one that was unused for longest makes room for another.
        starting: processes that start at the same time.
        idle_seconds: a process without a request for that long is stopped (Cloud Run: up to 15 minutes).
    """

    at_once: int = 8
    starting: int = 2
    idle_seconds: float = 300.0


class Instances:
    """All processes.

    Args:
        cloud: the state.
        sources: the unpacked archives.
        log: gets what the functions write.
        provided: returns the variables of the sandbox for a revision whose own variables are given.
    """

    def __init__(
        self,
        cloud: Cloud,
        sources: Sources,
        log: Log,
        limits: Limits,
        provided: Callable[[Revision, dict[str, str]], dict[str, str]],
    ) -> None:
        self._cloud = cloud
        self._sources = sources
        self._log = log
        self._limits = limits
        self._provided = provided
        self._current: dict[str, Instance] = {}
        self._retired: list[Instance] = []
        self._fresh: list[Instance] = []
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._starting = asyncio.Semaphore(limits.starting)
        self._reserved = 0
        self._changed = asyncio.Event()
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-functions-")
        self._count = 0
        self._closed = False

    def all(self) -> list[Instance]:
        """Return every running process."""
        return [*self._current.values(), *self._retired, *self._fresh]

    @contextlib.asynccontextmanager
    async def use(self, revision: Revision) -> AsyncGenerator[Instance]:
        """Yield the process of a revision for one request; start it if need be.

        Raises:
            InstanceError: it does not start.
        """
        instance = await self._get(revision)
        try:
            yield instance
        finally:
            instance.in_flight -= 1
            instance.used_at = time.monotonic()
            self._changed.set()
            if instance in self._retired and instance.in_flight == 0:
                await self._end(instance)

    async def replace(self, revision: Revision) -> None:
        """Start a new revision; the one before it gets requests until this one listens.

        Raises:
            InstanceError: it does not start; the one before it goes on.
        """
        instance = await self._start(revision)
        before = self._current.get(revision.service)
        self._current[revision.service] = instance
        if before is not None:
            self._retired.append(before)  # `stop_idle` stops it when its requests have ended

    async def stop(self, service: str) -> None:
        """Stop the process of a service, when its requests have ended."""
        await self._retire(service)

    async def stop_idle(self) -> None:
        """Stop what was not used for `idle_seconds`, or was replaced."""
        for instance in list(self._retired):
            if instance.in_flight == 0:
                await self._end(instance)
        now = time.monotonic()
        for service, instance in list(self._current.items()):
            if instance.in_flight == 0 and now - instance.used_at > self._limits.idle_seconds:
                await self._retire(service)

    async def close(self) -> None:
        """Stop everything; requests that are being processed fail."""
        self._closed = True
        await asyncio.gather(*(instance.stop() for instance in self.all()))
        self._folder.cleanup()

    async def _get(self, revision: Revision) -> Instance:
        async with self._locks[revision.service]:
            known = self._current.get(revision.service)
            if known is not None and (known.has_ended or known.revision.name != revision.name):
                await self._retire(revision.service)
                known = None
            if known is None:
                known = self._current[revision.service] = await self._start(revision)
            known.in_flight += 1
            known.used_at = time.monotonic()
            return known

    async def _retire(self, service: str) -> None:
        instance = self._current.pop(service, None)
        if instance is None:
            return
        self._retired.append(instance)
        if instance.in_flight == 0 or instance.has_ended:
            await self._end(instance)

    async def _end(self, instance: Instance) -> None:
        """Stop a retired process; until it has ended, `close` knows it."""
        await instance.stop()
        if instance in self._retired:
            self._retired.remove(instance)
        self._changed.set()

    async def _start(self, revision: Revision) -> Instance:
        require_framework()
        source = await self._source(revision)
        try:
            own = variables(self._cloud, revision)
        except SecretError as error:
            raise InstanceError(str(error)) from error
        await self._make_room()
        try:
            async with self._starting:
                if self._closed:
                    raise InstanceError("the sandbox is being stopped")
                self._count += 1
                instance = Instance(
                    revision,
                    source,
                    self._environment(revision, own),
                    Path(self._folder.name) / f"{self._count}.sock",
                    self._write,
                )
                self._fresh.append(instance)
                try:
                    await instance.ready()
                # Also a cancelled request: the process must not stay. The exception goes on.
                except BaseException:
                    self._fresh.remove(instance)
                    self._retired.append(instance)
                    await self._end(instance)
                    raise
                self._fresh.remove(instance)
        finally:
            self._reserved -= 1
            self._changed.set()
        return instance

    async def _source(self, revision: Revision) -> Path:
        if revision.digest and self._sources.path(revision.digest).exists():
            return self._sources.path(revision.digest)
        try:
            data = archive_of(self._cloud, revision)
            return self._sources.path(await asyncio.to_thread(self._sources.unpack, data))
        except (ApiError, SourceError) as error:
            raise InstanceError(str(error)) from error

    async def _make_room(self) -> None:
        """Reserve a place; the process that was unused for longest is stopped if all are taken."""
        while len(self._current) + len(self._retired) + self._reserved >= self._limits.at_once:
            idle = [one for one in self._current.values() if one.in_flight == 0]
            if idle:
                await self._retire(min(idle, key=lambda one: one.used_at).revision.service)
                continue
            self._changed.clear()
            await self._changed.wait()
        self._reserved += 1

    def _environment(self, revision: Revision, own: dict[str, str]) -> dict[str, str]:
        """Return the variables of a process; the container's contract comes last (Cloud Run docs)."""
        return {
            **own,
            **self._provided(revision, own),
            "PORT": PORT,
            "K_SERVICE": revision.service_id,
            "K_REVISION": revision.name,
            "K_CONFIGURATION": revision.service_id,
            "FUNCTION_TARGET": revision.entry_point,
            "FUNCTION_SIGNATURE_TYPE": revision.signature,
            "NODE_ENV": own.get("NODE_ENV", "production"),
        }

    def _write(self, instance: Instance, stream: str, line: str) -> None:
        self._log.write(instance.revision, stream, line, instance.id)
