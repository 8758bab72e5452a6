"""A cache of Railway's environments, shared by all providers of the process.

All reads of one operation use one `SnapshotRead` request: the first reader sends it, the others wait for the
response. Writes either update the cached snapshot or invalidate it. A snapshot is never served after a write
that it does not contain, after two minutes, or in part.

Everything that changes an environment holds the lock of its project, because Railway fails when mutations of
one project overlap ("Failed to create service domain, please try again").
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from railway.clock import Clock
from railway.fields import Mismatch
from railway.graphql.errors import MissingError, NotFoundError, WaitTimeoutError
from railway.graphql.models import EnvironmentView, Named, ProjectView, Snapshot

if TYPE_CHECKING:
    from railway.graphql.api import RailwayApi
    from railway.graphql.credentials import Access

MAX_AGE = 120.0
"""Seconds for which a snapshot is used. An `up` may spend an hour on other clouds between two reads."""

READ_BACK_SECONDS = 20.0
"""For how long Railway may show an old value after a write."""


@dataclass(frozen=True)
class _Cached:
    view: Snapshot
    at: float


class EnvironmentCache:
    """One environment of one project. Safe to share between threads.

    Args:
        api: the API client.
        project_id: the project.
        environment_id: the environment.
        lock: held while anything in the project is changed.
    """

    def __init__(self, api: RailwayApi, project_id: str, environment_id: str, lock: threading.RLock) -> None:
        self.api = api
        self.project_id = project_id
        self.environment_id = environment_id
        self.lock = lock
        self._gate = threading.Lock()
        self._cached: _Cached | None = None
        self._flight: Future[Snapshot] | None = None
        self._writes = 0
        self.backups: dict[str, str] = {}
        """The names of the backups that this process made or found, by the id of their volume."""
        self._variables: dict[str | None, Mapping[str, str | None]] = {}

    def snapshot(self) -> Snapshot:
        """The cached snapshot, or a new one if the cached one can no longer be used.

        Raises:
            RailwayError: it could not be read.
        """
        with self._gate:
            if self._cached is not None and time.monotonic() - self._cached.at < MAX_AGE:
                return self._cached.view
            flight, leads = self._flight, False
            if flight is None:
                flight, leads = Future[Snapshot](), True
                self._flight = flight
            writes = self._writes
        if not leads:
            return flight.result()
        try:
            view = self._read(writes)
        except BaseException as error:
            self._end(flight)
            flight.set_exception(error)
            raise
        self._end(flight)
        flight.set_result(view)
        return view

    def _read(self, writes: int) -> Snapshot:
        """Read until no write happened during the request."""
        while True:
            view = self.api.snapshot(self.project_id, self.environment_id)
            with self._gate:
                if writes == self._writes:
                    self._cached = _Cached(view, time.monotonic())
                    self._variables.clear()
                    return view
                writes = self._writes

    def _end(self, flight: Future[Snapshot]) -> None:
        with self._gate:
            if self._flight is flight:
                self._flight = None

    def refresh(self) -> Snapshot:
        """A new snapshot."""
        self.invalidate()
        return self.snapshot()

    def read_back(self, what: str, mismatches: Callable[[Snapshot], Sequence[Mismatch]], *, fix: str) -> None:
        """Wait until a snapshot shows what was written.

        Railway returns `true` for most mutations, also where it ignores a value. This makes the `up` that
        wrote the value fail, and not a refresh some days later. Invalidate or update the cache first.

        Args:
            what: what was written, for the error message.
            mismatches: compares a snapshot with what was written; empty if it shows all of it.
            fix: the fix of the error.

        Raises:
            WaitTimeoutError: a value was not kept.
            RailwayError: a snapshot could not be read.
        """
        found: Sequence[Mismatch] = ()

        def matches() -> bool | None:
            nonlocal found
            found = mismatches(self.refresh() if found else self.snapshot())
            return None if found else True

        if self.api.clock.deadline(READ_BACK_SECONDS).poll(matches, every=4.0) is None:
            raise WaitTimeoutError(
                f"Railway accepted {what}, but {READ_BACK_SECONDS:.0f} s later "
                f"{'; '.join(str(one) for one in found)}",
                fix=fix,
            )

    @property
    def ids(self) -> dict[str, str]:
        """The ids of project and environment under Railway's names."""
        return {"projectId": self.project_id, "environmentId": self.environment_id}

    @contextmanager
    def deletion(self) -> Generator[None]:
        """Hold the lock while something is deleted; a missing object is not an error."""
        with self.lock, _deletion(self.invalidate):
            yield

    def delete(self, operation: str, **variables: object) -> None:
        """Send a deletion; see `deletion`."""
        with self.deletion():
            self.api.write(operation, **variables)

    def invalidate(self) -> None:
        """Forget the snapshot after a write whose effect is not known exactly."""
        with self._gate:
            self._writes += 1
            self._cached = None
            self._flight = None
            self._variables.clear()

    def update(self, change: Callable[[Snapshot], Snapshot]) -> None:
        """Apply a write whose effect is known exactly to the cached snapshot."""
        with self._gate:
            self._writes += 1
            self._flight = None
            if self._cached is not None:
                self._cached = _Cached(change(self._cached.view), self._cached.at)

    def seed(self, view: Snapshot) -> None:
        """Store the snapshot that follows from the response to a creation."""
        with self._gate:
            self._writes += 1
            self._cached = _Cached(view, time.monotonic())
            self._variables.clear()

    def variables(self, service_id: str | None) -> Mapping[str, str | None]:
        """The authored variables of a service, or with None the shared ones; None as a value: sealed.

        Read from the environment's config in the snapshot, or with a request of its own where the config is
        masked or the token may not read it.
        """
        view = self.snapshot()
        found = authored_variables(view, service_id)
        if found is not None:
            return found
        with self._gate:
            cached = self._variables.get(service_id)
        if cached is not None:
            return cached
        variables = self.api.variables(self.project_id, self.environment_id, service_id)
        with self._gate:
            self._variables[service_id] = variables
        return variables

    def update_variables(self, service_id: str | None, variables: Mapping[str, str | None]) -> None:
        """Apply the write of a whole map of variables to the cache."""

        def change(view: Snapshot) -> Snapshot:
            written = {name: {"value": value} for name, value in variables.items()}
            if service_id is not None:
                return view.with_service_config(service_id, {"variables": written})
            return view.with_config({"sharedVariables": written})

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


@contextmanager
def _deletion(invalidate: Callable[[], None]) -> Generator[None]:
    try:
        yield
    except NotFoundError:
        pass
    finally:
        invalidate()


class AccountCache:
    """One Railway account: its API client, and a cache for each environment."""

    def __init__(self, api: RailwayApi) -> None:
        self.api = api
        self._gate = threading.Lock()
        self._environments: dict[tuple[str, str], EnvironmentCache] = {}
        self._locks: dict[str, threading.RLock] = {}
        self._projects: dict[str, tuple[ProjectView, float]] = {}
        self._lists: dict[str, tuple[list[tuple[Named, str]], float]] = {}

    def environment(self, project_id: str, environment_id: str) -> EnvironmentCache:
        """The cache of one environment."""
        if not project_id or not environment_id:
            raise MissingError(
                "the state of a Railway resource has no project id or no environment id",
                fix="run `pulumi up --refresh --run-program`, which reads them again",
            )
        with self._gate:
            key = (project_id, environment_id)
            if key not in self._environments:
                lock = self._locks.setdefault(project_id, threading.RLock())
                self._environments[key] = EnvironmentCache(self.api, project_id, environment_id, lock)
            return self._environments[key]

    def lock(self, project_id: str) -> threading.RLock:
        """The lock of a project; "" for creating projects."""
        with self._gate:
            return self._locks.setdefault(project_id, threading.RLock())

    def project(self, project_id: str) -> ProjectView | None:
        """A project, cached for two minutes; None if Railway reports that it is deleted."""
        with self._gate:
            cached = self._projects.get(project_id)
        if cached is not None and time.monotonic() - cached[1] < MAX_AGE:
            return cached[0]
        project = self.api.project(project_id)
        if project is not None:
            with self._gate:
                self._projects[project_id] = (project, time.monotonic())
        return project

    def store_projects(self, workspace_id: str, projects: list[tuple[Named, str]]) -> None:
        """Store the projects of a workspace for the next `take_projects`."""
        with self._gate:
            self._lists[workspace_id] = (projects, time.monotonic())

    def take_projects(self, workspace_id: str) -> list[tuple[Named, str]] | None:
        """Return the stored projects of a workspace once; None if there are none, or older than MAX_AGE."""
        with self._gate:
            projects, stored = self._lists.pop(workspace_id, (None, 0.0))
        return projects if time.monotonic() - stored < MAX_AGE else None

    def invalidate(self, project_id: str) -> None:
        """Forget a project and the snapshots of its environments."""
        with self._gate:
            self._projects.pop(project_id, None)
            caches = [cache for key, cache in self._environments.items() if key[0] == project_id]
        for cache in caches:
            cache.invalidate()

    @contextmanager
    def deletion(self, project_id: str) -> Generator[None]:
        """Hold the lock of a project while something of it is deleted; a missing object is not an error."""
        with self.lock(project_id), _deletion(lambda: self.invalidate(project_id)):
            yield

    def seed(self, project: ProjectView, environment_id: str) -> None:
        """Store a project that was just created: it has its environments and nothing in them."""
        with self._gate:
            self._projects[project.id] = (project, time.monotonic())
        named = next((one for one in project.environments if one.id == environment_id), None)
        if named is None:
            return
        environment = EnvironmentView(named.id, named.name, (), (), (), {})
        self.environment(project.id, environment_id).seed(Snapshot(project, environment))


_gate = threading.Lock()
_accounts: dict[Access, AccountCache] = {}


def account_cache(access: Access) -> AccountCache:
    """The cache for an address and a token, with its connection; one for the whole process."""
    # Imported here: `check` and `diff` send nothing and must not load an HTTP library.
    from railway.graphql.api import RailwayApi
    from railway.graphql.client import RailwayClient

    with _gate:
        if access not in _accounts:
            _accounts[access] = AccountCache(RailwayApi(RailwayClient(access, Clock(access.wait_scale))))
        return _accounts[access]
