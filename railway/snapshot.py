"""One shared reading of an environment, and the lock under which it is changed.

All reads of an operation come from one `SnapshotRead`: whoever asks first sends it, the others wait for it.
Our own writes either keep the reading true (`patch`) or drop it. Everything that changes an environment
holds its project's lock, because Railway races there: "Failed to create service domain, please try
again".

Refuses to serve a reading that a write has overtaken, one that is older than two minutes, or half of one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from railway.errors import MissingError
from railway.graphql.models import EnvironmentView, ProjectView, Snapshot

if TYPE_CHECKING:
    from railway.graphql.api import RailwayApi

MAX_AGE = 120.0
"""Seconds for which a reading is good; an `up` may work on Google for an hour between two looks at
Railway."""


@dataclass(frozen=True)
class _Kept:
    view: Snapshot
    at: float


class EnvironmentCache:
    """One environment of one project, as this process knows it. Shared by all threads.

    Args:
        api: how to ask.
        project_id: the project.
        environment_id: the environment.
        lock: held while anything in the project is changed.
    """

    def __init__(self, api: RailwayApi, project_id: str, environment_id: str, lock: threading.RLock) -> None:
        self._api = api
        self.project_id = project_id
        self.environment_id = environment_id
        self.lock = lock
        self._gate = threading.Lock()
        self._kept: _Kept | None = None
        self._flight: Future[Snapshot] | None = None
        self._writes = 0
        self._variables: dict[str | None, Mapping[str, str | None]] = {}

    def snapshot(self) -> Snapshot:
        """What is there, from the shared reading if it is still good.

        Raises:
            RailwayError: it could not be read.
        """
        with self._gate:
            if self._kept is not None and time.monotonic() - self._kept.at < MAX_AGE:
                return self._kept.view
            flight, mine = self._flight, False
            if flight is None:
                flight, mine = Future[Snapshot](), True
                self._flight = flight
            writes = self._writes
        if not mine:
            return flight.result()
        try:
            view = self._read(writes)
        except BaseException as error:
            self._land(flight)
            flight.set_exception(error)
            raise
        self._land(flight)
        flight.set_result(view)
        return view

    def _read(self, writes: int) -> Snapshot:
        """Read until no write of ours came in between."""
        while True:
            view = self._api.snapshot(self.project_id, self.environment_id)
            with self._gate:
                if writes == self._writes:
                    self._kept = _Kept(view, time.monotonic())
                    self._variables.clear()
                    return view
                writes = self._writes

    def _land(self, flight: Future[Snapshot]) -> None:
        with self._gate:
            if self._flight is flight:
                self._flight = None

    def refresh(self) -> Snapshot:
        """What is there now, by a new reading."""
        self.invalidate()
        return self.snapshot()

    def invalidate(self) -> None:
        """Forget the reading: something was changed, and nobody can say what it looks like now."""
        with self._gate:
            self._writes += 1
            self._kept = None
            self._flight = None
            self._variables.clear()

    def update(self, change: Callable[[Snapshot], Snapshot]) -> None:
        """Keep the reading true after a write of ours whose effect is known exactly."""
        with self._gate:
            self._writes += 1
            self._flight = None
            if self._kept is not None:
                self._kept = _Kept(change(self._kept.view), self._kept.at)

    def seed(self, view: Snapshot) -> None:
        """Start from what the answer to a creation said."""
        with self._gate:
            self._writes += 1
            self._kept = _Kept(view, time.monotonic())
            self._variables.clear()

    def variables(self, service_id: str | None) -> Mapping[str, str | None]:
        """The authored variables of a service, or the environment's shared ones. None marks a sealed value.

        From the config that `look` read; where it is masked or may not be read, by a request of its own.
        """
        view = self.snapshot()
        found = authored_variables(view, service_id)
        if found is not None:
            return found
        with self._gate:
            cached = self._variables.get(service_id)
        if cached is not None:
            return cached
        answer = self._api.variables(self.project_id, self.environment_id, service_id)
        with self._gate:
            self._variables[service_id] = answer
        return answer

    def update_variables(self, service_id: str | None, variables: Mapping[str, str | None]) -> None:
        """Keep the reading true after a whole map of variables was written."""

        def change(view: Snapshot) -> Snapshot:
            environment = view.environment
            if environment is None or environment.config is None:
                return view
            written = {name: {"value": value} for name, value in variables.items()}
            config = dict(environment.config)
            if service_id is None:
                config["sharedVariables"] = written
            else:
                services = dict(config.get("services") or {})
                services[service_id] = {**(services.get(service_id) or {}), "variables": written}
                config["services"] = services
            return replace(view, environment=replace(environment, config=config))

        self.update(change)
        with self._gate:
            if service_id in self._variables:
                self._variables[service_id] = dict(variables)


def authored_variables(view: Snapshot, service_id: str | None) -> Mapping[str, str | None] | None:
    """The variables in an environment's config; None if it cannot be read there, or only masked."""
    environment = view.environment
    if environment is None or environment.config is None:
        return None
    if service_id is None:
        entries = environment.config.get("sharedVariables") or {}
    else:
        entries = (view.config_of(service_id) or {}).get("variables") or {}
    found: dict[str, str | None] = {}
    for name, entry in entries.items():
        if entry is None:
            continue
        value = entry.get("value") if isinstance(entry, Mapping) else entry
        sealed = isinstance(entry, Mapping) and bool(entry.get("isSealed"))
        if isinstance(value, str) and len(value) >= 3 and set(value) <= {"*", "•"} and not sealed:
            return None
        found[str(name)] = None if value is None or sealed else str(value)
    return found


class AccountCache:
    """One Railway account as this process knows it: how to ask, and what is known of each environment."""

    def __init__(self, api: RailwayApi) -> None:
        self.api = api
        self._gate = threading.Lock()
        self._stacks: dict[tuple[str, str], EnvironmentCache] = {}
        self._locks: dict[str, threading.RLock] = {}
        self._projects: dict[str, tuple[ProjectView, float]] = {}

    def environment(self, project_id: str, environment_id: str) -> EnvironmentCache:
        """The shared reading of one environment."""
        if not project_id or not environment_id:
            raise MissingError("a resource's state lacks its project or environment id")
        with self._gate:
            key = (project_id, environment_id)
            if key not in self._stacks:
                lock = self._locks.setdefault(project_id, threading.RLock())
                self._stacks[key] = EnvironmentCache(self.api, project_id, environment_id, lock)
            return self._stacks[key]

    def lock(self, project_id: str) -> threading.RLock:
        """The lock of a project; "" for making projects."""
        with self._gate:
            return self._locks.setdefault(project_id, threading.RLock())

    def project(self, project_id: str) -> ProjectView | None:
        """A project, from the last minutes' reading if there is one; None if Railway says that it is
        deleted."""
        with self._gate:
            kept = self._projects.get(project_id)
        if kept is not None and time.monotonic() - kept[1] < MAX_AGE:
            return kept[0]
        project = self.api.project(project_id)
        if project is not None:
            with self._gate:
                self._projects[project_id] = (project, time.monotonic())
        return project

    def invalidate(self, project_id: str) -> None:
        """Forget all readings of a project."""
        with self._gate:
            self._projects.pop(project_id, None)
            stacks = [cache for key, cache in self._stacks.items() if key[0] == project_id]
        for cache in stacks:
            cache.invalidate()

    def seed(self, project: ProjectView, environment_id: str) -> None:
        """A project that was just made has its environments and nothing in them."""
        with self._gate:
            self._projects[project.id] = (project, time.monotonic())
        named = next((one for one in project.environments if one.id == environment_id), None)
        if named is None:
            return
        environment = EnvironmentView(named.id, named.name, (), (), (), {})
        self.environment(project.id, environment_id).seed(Snapshot(project, environment))
