"""Waiting for Firestore's index builds: `firebase.index_builds.IndexBuilds` waits for all of a database.

A build takes 10 to 60 minutes on a large collection, and Firestore runs builds side by side. So the indexes
and field overrides are submitted without waiting (`skip_wait` of `gcp.firestore.Index` and `Field`), and this
resource polls the two lists of the database until every declared one is READY (Firestore Admin API v1,
`Index.State`, `Field.indexConfig.indexes[].state`, `Field.ttlConfig.state`).

The class path `firebase.index_builds.IndexBuildsProvider` is in the state of every stack: renaming the module
or the class breaks refresh of existing stacks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pulumi
from pulumi import dynamic
from pulumi.output import contains_unknowns

from firebase.errors import JsonObject
from firebase.polling import poll
from firebase.rest import GoogleApi, shared_api
from progress import log_line
from user_errors import Provider, UserError, add_fix

FIELDS = ("project", "database", "indexes", "fields", "wait_seconds")
IDENTITY = ("project", "database")
READY = frozenset({"READY", "ACTIVE"})
MISSING = "MISSING"
BROKEN = frozenset({"NEEDS_REPAIR"})
OVERRIDES = "indexConfig.usesAncestorConfig:false OR ttlConfig:*"
"""Lists the fields with settings of their own (Firestore Admin API, fields.list)."""

TWO_HOURS = 7200
REPORT_SECONDS = 60.0
LISTED_SECONDS = 30.0
"""How long a list may lack an index that was just created."""
SHOWN = 5


REFRESH = "pulumi up --refresh --run-program"


def broken_fix(keys: Sequence[str], refresh: str = REFRESH) -> str:
    """The fix for indexes that Firestore could not build; `refresh` creates them again."""
    return (
        f"delete {', '.join(keys)} in the Firebase console (Firestore Database, Indexes), then create them "
        f"again:\n{refresh}"
    )


class IndexBuildError(UserError):
    """At least one index is not READY.

    Args:
        states: the state of each index or override that is not READY, by its key.
        elapsed: seconds waited.
        total: how many were waited for.
    """

    def __init__(self, states: Mapping[str, str], elapsed: float, total: int) -> None:
        self.states = dict(states)
        broken = sorted(key for key, state in states.items() if state in BROKEN)
        missing = sorted(key for key, state in states.items() if state == MISSING)
        if broken:
            fix = broken_fix(broken)
        elif missing:
            fix = f"{REFRESH}  # creates again what was deleted elsewhere"
        else:
            fix = (
                "run `pulumi up` again: the builds go on by themselves, and the next `up` waits for the rest"
            )
        listed = "\n".join(f"    {key}: {state}" for key, state in sorted(states.items()))
        what = (
            f"{len(states)} of {total} Firestore indexes and field overrides are not READY after "
            f"{_duration(elapsed)}:\n{listed}"
        )
        super().__init__(add_fix(what, fix))


@dataclass(frozen=True, kw_only=True)
class IndexBuildsArgs:
    """What to wait for.

    Args:
        project: the project id.
        database: the database id.
        indexes: full name of each composite index, by its canonical key.
        fields: full name of each field override, by its key.
        wait_seconds: how long one `up` waits, in seconds.
    """

    project: pulumi.Input[str]
    database: pulumi.Input[str]
    indexes: pulumi.Input[Mapping[str, pulumi.Input[str]]]
    fields: pulumi.Input[Mapping[str, pulumi.Input[str]]]
    wait_seconds: pulumi.Input[int] = TWO_HOURS


def states(api: GoogleApi, props: Mapping[str, Any]) -> dict[str, str]:
    """The state of each declared index and override, by key. MISSING: the list does not have it.

    Raises:
        GoogleError: a list could not be read.
    """
    indexes: Mapping[str, str] = props.get("indexes") or {}
    fields: Mapping[str, str] = props.get("fields") or {}
    root = f"projects/{props['project']}/databases/{props['database']}/collectionGroups/-"
    found: dict[str, str] = {}
    if indexes:
        listed = {
            str(one["name"]): str(one.get("state", ""))
            for one in api.listed("firestore", f"{root}/indexes", "indexes", "list the Firestore indexes")
        }
        found |= {key: listed.get(name, MISSING) for key, name in indexes.items()}
    if fields:
        listed = {
            str(one["name"]): _field_state(one)
            for one in api.listed(
                "firestore", f"{root}/fields", "fields", "list the field overrides", {"filter": OVERRIDES}
            )
        }
        # A field without a setting of its own is not listed: nothing is built for it.
        found |= {key: listed.get(name, "READY") for key, name in fields.items()}
    return found


def _field_state(field: JsonObject) -> str:
    """The worst state among a field's indexes and its time to live."""
    config = cast("JsonObject", field.get("indexConfig") or {})
    all_states = [
        str(one.get("state", "READY")) for one in cast("list[JsonObject]", config.get("indexes") or [])
    ]
    ttl = cast("JsonObject | None", field.get("ttlConfig"))
    if ttl:
        all_states.append(str(ttl.get("state", "ACTIVE")))
    broken = [state for state in all_states if state in BROKEN]
    building = [state for state in all_states if state not in READY]
    return next(iter(broken + building), "READY")


def wait(
    api: GoogleApi,
    props: Mapping[str, Any],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Poll until everything is READY, and report the progress on stderr, which the engine shows.

    Raises:
        IndexBuildError: an index needs repair or is missing, or the time is over.
        GoogleError: a list could not be read.
    """
    started = clock()
    reported_at, reported_ready = -REPORT_SECONDS, -1
    found: dict[str, str] = {}
    waiting: dict[str, str] = {}

    def attempt() -> bool | None:
        nonlocal reported_at, reported_ready, found, waiting
        found = states(api, props)
        elapsed = clock() - started
        waiting = {key: state for key, state in found.items() if state not in READY}
        if not waiting:
            if reported_ready >= 0:
                _log_progress(
                    f"all {len(found)} indexes and field overrides are READY after {_duration(elapsed)}"
                )
            return True
        missing = MISSING in waiting.values() and elapsed >= LISTED_SECONDS
        if missing or BROKEN & {*waiting.values()}:
            raise IndexBuildError(waiting, elapsed, len(found))
        ready = len(found) - len(waiting)
        if ready != reported_ready or elapsed - reported_at >= REPORT_SECONDS:
            _log_progress(
                f"{ready} of {len(found)} indexes and field overrides are READY after {_duration(elapsed)}; "
                f"building: {_some(sorted(waiting))}"
            )
            reported_at, reported_ready = elapsed, ready
        return None

    longest = float(props.get("wait_seconds") or TWO_HOURS)
    if poll(attempt, seconds=longest, sleep=sleep, clock=clock) is None:
        raise IndexBuildError(waiting, clock() - started, len(found))


def _log_progress(line: str) -> None:
    log_line(f"firestore: {line}")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _some(keys: list[str]) -> str:
    more = len(keys) - SHOWN
    return ", ".join(keys[:SHOWN]) + (f" and {more} more" if more > 0 else "")


class IndexBuildsProvider(Provider):
    """Waits in create and update; deletes nothing."""

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        """Another index, or one that a refresh found not READY, is an update: it waits."""
        changed = [
            key for key in FIELDS if contains_unknowns(news.get(key)) or olds.get(key) != news.get(key)
        ]
        replaces = [key for key in IDENTITY if key in changed and not contains_unknowns(news.get(key))]
        return dynamic.DiffResult(changes=bool(changed or olds.get("not_ready")), replaces=replaces)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Wait for all builds.

        Raises:
            IndexBuildError: something is not READY in time; the next `up` waits again.
        """
        wait(shared_api(), props)
        name = f"projects/{props['project']}/databases/{props['database']}/index-builds"
        return dynamic.CreateResult(name, _outputs(props, []))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Read which of them are READY now."""
        found = states(shared_api(), props)
        waiting = sorted(f"{key}: {state}" for key, state in found.items() if state not in READY)
        return dynamic.ReadResult(id_, _outputs(props, waiting), {key: props.get(key) for key in FIELDS})

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        """Wait for all builds; see `create`."""
        wait(shared_api(), news)
        return dynamic.UpdateResult(_outputs(news, []))


def _outputs(props: Mapping[str, Any], not_ready: list[str]) -> dict[str, Any]:
    return {key: props.get(key) for key in FIELDS} | {"not_ready": not_ready}


class IndexBuilds(dynamic.Resource, module="firebase", name="IndexBuilds"):
    """All index builds of a database. What queries Firestore depends on it.

    `not_ready` names, after a refresh, each index that is not READY with its state.

    Example:
        builds = IndexBuilds(
            "builds",
            IndexBuildsArgs(
                project="p", database="(default)", indexes={"threads-a-b": index.id}, fields={}
            ),
        )
    """

    not_ready: pulumi.Output[list[str]]

    def __init__(self, name: str, args: IndexBuildsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        props: dict[str, Any] = {key: getattr(args, key) for key in FIELDS}
        super().__init__(IndexBuildsProvider(), name, {**props, "not_ready": None}, opts)
