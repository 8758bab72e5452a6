"""The Google half of the fault matrix: every request of a first `up` failing in every way, and the engine,
or the process that sent it, killed at each; the same kills at each request of an `up` that changes an object
of each kind. Then what the errors say, up to the next `up` that succeeds.

The program, the engine and both sandboxes are those of `tests.e2e.google_world`. What must hold after a case:
every error named what to run next, everything declared exists on Google once and is in the state, nothing
else exists (except the leftovers listed in `google_outcome.LINGERS`, of which none is a key or a secret
version that works), the released rules were never absent and never others than the declared ones, no creation
is pending, and a preview with a refresh finds no change.

A case is an operation of Google's APIs, which of its requests, and a failure. A first `up` of this app sends
about 135 requests of 43 operations (batches differ from run to run), so there would be about 2,150 cases.
About 540 are run, and 140 kills of a change; merged are:

- Requests of one operation: the first stands for all, with every failure; of an operation that changes
  something, the last as well, with a failure of each class. The same code of the plugin sends them, for
  objects of one kind, and the same code of the sandbox answers.
- Failures of a read after its effect: a read has none.
- Failures of the plugin's reads: one of each class, repeated by the plugin (429, 500, 502, 503, no answer) or
  not (401, 403, 504, not JSON), by one condition. The program's own reads fail in every way.

"refuse" is not among the failures: for a client without an answer it is "reset_before".
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, cast

import requests

from sandbox.engine.gcp.rest import READ_SECONDS_VARIABLE
from tests.e2e.engine_kills import kill_sender, kill_tree, remove_torn_files
from tests.e2e.google_outcome import (
    CREATES_ANOTHER,
    LINGERS,
    assert_rules_always_closed,
    deployment,
    digest,
    objects,
    working,
)
from tests.e2e.google_world import CHANGED_RULES, RULES, STACK, Declaration, GoogleWorld, Tools

FAILURES = (
    "reset_before",
    "reset_after",
    "http_500",
    "http_502_before",
    "http_502_after",
    "http_503_before",
    "http_503_after",
    "http_504_before",
    "http_504_after",
    "rate_429",
    "not_json",
    "hang",
    "unauthenticated",
    "permission_denied",
)
ENGINE_KILLS = ("kill_before", "kill_after")
PLUGIN_KILLS = ("plugin_kill_before", "plugin_kill_after")
"""Of the process that sent the request: the plugin, the process of the dynamic providers, or the program."""
KILLS = (*ENGINE_KILLS, *PLUGIN_KILLS)
Operation = Literal["create", "change"]
DECLARED: Mapping[Operation, tuple[Declaration, Sequence[str]]] = {
    "create": ("first", (RULES,)),
    "change": ("changed", (RULES, CHANGED_RULES)),
}
"""What each `up` declares, and the rules that may be released until its end."""
ADOPT = f".venv/bin/python -m ops adopt --stack {STACK}"
AGAIN = f"pulumi up -s {STACK}"
NAMES_ADOPT = re.compile(
    rf"^ *(?:error: )?\S+: .*\n *fix: {re.escape(ADOPT)}\n *{re.escape(AGAIN)}$", re.MULTILINE
)
"""An error that names the object and the two commands."""
REFRESH = f"pulumi up --refresh -s {STACK}"
NAMES_REFRESH = re.compile(rf"^ *(?:error: )?\S+: .*\n *fix: {re.escape(REFRESH)}$", re.MULTILINE)
"""An error that names the object, and an `up` that reads it first."""
DELETE_KEY = re.compile(
    r"command: gcloud iam service-accounts keys delete (\w+) --iam-account (\S+) --project (\S+)$",
    re.MULTILINE,
)
"""The command that an `up` names for a key that nobody holds."""
KEY_DELETED = "key deleted"
FAILED_CREATION = re.compile(r"(gcp:\w+:\w+) \S+ \*\*creating failed\*\*")
NEVER_ADOPTED = re.compile(r"gcp:(?:serviceaccount/key:Key|storage/bucketObject:BucketObject)::")
MOST_UPS = 4
SECONDS = 300


@dataclass(frozen=True)
class Case:
    """One failure of an `up`. `nth`: which request of that operation."""

    request: str
    nth: int
    kind: str
    operation: Operation = "create"

    def __str__(self) -> str:
        return f"google-{self.operation}-{self.request.replace(' ', '-')}{self.nth}-{self.kind}"


class NeverCameError(AssertionError):
    """The request that should fail was never sent."""


READS = (".test", ":getIamPolicy", ".getIamPolicy")
"""The ends of POSTs that change nothing."""
OWN_READS = (
    ".releases.get",
    ".indexes.list",
    ".fields.list",
    ".functions.list",
    ".keys.list",
    ".versions.list",
    ".test",
)
"""Reads that the program sends itself, without the plugin."""
PLUGIN_READ_FAILURES = ("http_503_before", "http_504_before", "permission_denied")
BATCHES_OF_ONE = ("POST serviceusage.services.enable",)
"""Sent instead of `batchEnable` where a batch has one API only, which depends on the machine's speed."""
LAST_FAILURES = ("http_503_after", "http_504_after")


def changes(request: str) -> bool:
    """Whether a request of this operation of the API has an effect."""
    return not request.startswith("GET ") and not request.endswith(READS)


def matrix(operation: Operation, requests: Mapping[str, int]) -> Iterator[Case]:
    """Every case of an `up`.

    Args:
        operation: the `up`.
        requests: how often it sends each operation of the APIs.
    """
    for request, count in requests.items():
        if request in BATCHES_OF_ONE:
            continue
        kinds: Sequence[str] = (*FAILURES, *KILLS) if operation == "create" else KILLS
        if not changes(request):
            kinds = [kind for kind in kinds if not kind.endswith("_after")]
            if not request.endswith(OWN_READS):
                kinds = [kind for kind in kinds if kind in (*PLUGIN_READ_FAILURES, *KILLS)]
        yield from (Case(request, 1, kind, operation) for kind in kinds)
        if count > 1 and changes(request):
            last = [kind for kind in (*LAST_FAILURES, "kill_after") if kind in kinds]
            yield from (Case(request, count, kind, operation) for kind in last)


@dataclass(frozen=True, kw_only=True)
class Undisturbed:
    """An `up` without a failure: how often it sent each operation, and what exists after it."""

    requests: Mapping[str, int]
    objects: Counter[str]
    urns: frozenset[str]


class GoogleLab:
    """A stack that was initialized on both sandboxes, copied for each case."""

    def __enter__(self) -> GoogleLab:
        self._folder = tempfile.TemporaryDirectory(prefix="google-faults-")
        self._root = Path(self._folder.name)
        self._number = 0
        self.torn = 0
        self._proven = set[str]()
        """What was compared with a preview already, as `digest`."""
        self._undisturbed: dict[Operation, Undisturbed] = {}
        self.tools = Tools(self._root / "tools")
        with self._world("empty") as world:
            world.call(command=["pulumi", "stack", "init", STACK, "--non-interactive"])
            world.run("preview", "--suppress-outputs")  # packs and lists the functions, for all cases
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def undisturbed(self, operation: Operation) -> Undisturbed:
        """The `up` without a failure, run when it is first asked for."""
        if operation not in self._undisturbed:
            self._start(operation, operation)
            with self._world(operation) as world:
                world.google("counters/reset", {})
                world.run("up", "--yes", "--skip-preview")
                self._undisturbed[operation] = Undisturbed(
                    requests=world.google("counters")["operations"],
                    objects=objects(world),
                    urns=frozenset(row["urn"] for row in deployment(world)["resources"]),
                )
                self._no_change(world)
        return self._undisturbed[operation]

    def matrix(self, operation: Operation) -> list[Case]:
        """Every case of an `up`."""
        return list(matrix(operation, self.undisturbed(operation).requests))

    @contextmanager
    def applied(self, operation: Operation) -> Generator[GoogleWorld]:
        """A copy of what an `up` without a failure leaves."""
        self.undisturbed(operation)
        self._number += 1
        folder = self._root / str(self._number)
        shutil.copytree(self._root / operation, folder)
        self.tools.declare(DECLARED[operation][0])
        try:
            with self._world(folder.name) as world:
                yield world
        finally:
            shutil.rmtree(folder)

    def run(self, case: Case) -> str:
        """Run a case; return what it took: `up`, `failed up, 3 adopted, up`, ...

        Raises:
            AssertionError: something is lost, doubled or different, or an error does not say what to run.
            NeverCameError: nothing failed, because the request was not sent.
        """
        self.undisturbed(case.operation)
        self._number += 1
        name = str(self._number)
        self._start(case.operation, name)
        try:
            with self._world(name) as world:
                return self._run(world, case)
        finally:
            shutil.rmtree(self._root / name)

    def run_until_it_came(self, case: Case) -> str:
        """Run a case; again if its request was not sent, at most twice: batches differ from run to run."""
        for _ in range(2):
            try:
                return self.run(case)
            except NeverCameError:
                continue
        return self.run(case)

    def _start(self, operation: Operation, name: str) -> None:
        """Copy what the operation begins with, and declare what it applies.

        The stack that is changed was adopted: what an `up` then replaces is not the adoption's doing.
        """
        before = "empty"
        if operation == "change":
            self.undisturbed("create")
            before = "create"
        shutil.copytree(self._root / before, self._root / name)
        self.tools.declare(DECLARED[operation][0])
        if operation == "change":
            urns = self.undisturbed("create").urns
            self.tools.record_adoption(urn for urn in urns if not NEVER_ADOPTED.search(urn))

    def _run(self, world: GoogleWorld, case: Case) -> str:
        world.google("counters/reset", {})
        if case.kind in KILLS:
            took, output = self._killed(world, case)
        else:
            world.google("faults", {"operation": case.request, "kind": case.kind, "nth": case.nth})
            if case.kind == "hang":  # in no other case: on a busy machine a response takes seconds
                world.environ[READ_SECONDS_VARIABLE] = "5"
            done = world.call("up", "--yes", "--skip-preview")
            world.environ.pop(READ_SECONDS_VARIABLE, None)
            if world.google("counters")["operations"].get(case.request, 0) < case.nth:
                raise NeverCameError(f"{case.request} number {case.nth} was not sent")
            took, output = ["failed up" if done.returncode else "up"], done.stdout
            assert not done.returncode or "error:" in output, output
        interrupted = _interrupted(world, output)
        if took[0] == "killed up" and _adopts_first(case):
            took.append(_adopt(world))
        if took[0] != "up":
            took += self._until_up(world, output)
        if deployment(world).get("pending_operations"):
            took.append(_adopt(world))
        self._look(world, case, interrupted, took)
        return ", ".join(took)

    def _killed(self, world: GoogleWorld, case: Case) -> tuple[list[str], str]:
        """An `up`, with the engine or the sender of a request killed; how it ended, and what was printed."""
        when = case.kind.rpartition("_")[2]
        world.google("hold", {"operation": case.request, "nth": case.nth, "when": when})
        with (world.folder / "up.log").open("w+") as log:
            process = subprocess.Popen(
                world.command("up", "--yes", "--skip-preview"),
                cwd=world.tools.program,
                env=world.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            held: dict[str, Any] = {}
            while process.poll() is None and "operation" not in held:
                held = world.google("held?timeout=0.2")
            came = "operation" in held
            if came and case.kind in PLUGIN_KILLS:
                kill_sender(process.pid, held["client_port"])
                process.wait(SECONDS)
            else:
                kill_tree(process.pid)
                process.wait()
            log.seek(0)
            output = log.read()
        world.google("release", {})
        if not came:
            raise NeverCameError(f"{case.request} number {case.nth} was not sent")
        if case.kind in PLUGIN_KILLS:
            assert not process.returncode or "error:" in output, output
            return ["failed up" if process.returncode else "up"], output
        self.torn += remove_torn_files(world.folder / "state")
        world.run("cancel", "--yes")
        return ["killed up"], ""

    def _until_up(self, world: GoogleWorld, output: str) -> list[str]:
        """What the errors name, and another `up`, until it succeeds."""
        took: list[str] = []
        for _ in range(MOST_UPS):
            if NAMES_ADOPT.search(output):
                took.append(_adopt(world))
            took += _delete_keys(world, output)
            refresh = ["--refresh"] if NAMES_REFRESH.search(output) else []
            done = world.call("up", "--yes", "--skip-preview", *refresh)
            if done.returncode == 0:
                return [*took, *refresh, "up"]
            took.append("failed up")
            named = any(one.search(done.stdout) for one in (NAMES_ADOPT, NAMES_REFRESH, DELETE_KEY))
            assert named, (
                f"after this, the next `up` fails and does not say what to run:\n{output}\n{done.stdout}"
            )
            output = done.stdout
        raise AssertionError(f"{MOST_UPS} times `up`, and what its errors name, were not enough:\n{output}")

    def _look(self, world: GoogleWorld, case: Case, interrupted: set[str], took: Sequence[str]) -> None:
        expected = self.undisturbed(case.operation)
        found = objects(world)
        missing = expected.objects - found
        assert not missing, f"missing: {dict(missing)}"
        left = found - expected.objects
        assert left.keys() <= {*_may_linger(expected.objects, case, interrupted)}, f"left: {dict(left)}"
        assert set(left.values()) <= {1}, f"left: {dict(left)}"
        # After a kill, the request was certainly sent, and `ops adopt` may have adopted its version.
        injected = case.kind.endswith("_after") and case.kind not in KILLS
        if injected and case.request.endswith(tuple(CREATES_ANOTHER)):
            assert left or KEY_DELETED in took, "the failure did not happen: nothing is left"
        state = deployment(world)
        rows = state["resources"]
        unknown = working(world) - {str(row.get("id")) for row in rows}
        assert not unknown, f"keys or versions that work and are unknown: {unknown}"
        assert not state.get("pending_operations"), "a creation is still pending"
        assert {row["urn"] for row in rows} == expected.urns
        assert not [row["urn"] for row in rows if row.get("delete") or row.get("pendingReplacement")]
        assert_rules_always_closed(world.folder / "google.json", DECLARED[case.operation][1])
        self._no_change(world)

    def _no_change(self, world: GoogleWorld) -> None:
        """A preview with a refresh is empty.

        It depends on the state and on what Google has only. Where both are those of an earlier case, it is
        not run again.
        """
        proven = digest(world)
        if proven not in self._proven:
            world.run("preview", "--refresh", "--run-program", "--expect-no-changes", "--suppress-outputs")
            self._proven.add(proven)

    def _world(self, name: str) -> GoogleWorld:
        return GoogleWorld(self._root / name, self.tools)


def _adopts_first(case: Case) -> bool:
    """Whether the command runs before the `up` that follows a killed one, or only after its error."""
    return case.kind == "kill_before" or case.nth > 1


def _interrupted(world: GoogleWorld, output: str) -> set[str]:
    """The types of the creations that were under way, as `gcp:serviceaccount:Key`."""
    pending = cast("list[dict[str, Any]]", deployment(world).get("pending_operations") or [])
    types = {str(one["resource"]["type"]) for one in pending if one["type"] == "creating"}
    return {re.sub(r"/\w+:", ":", type_) for type_ in types} | set(FAILED_CREATION.findall(output))


def _adopt(world: GoogleWorld) -> str:
    """Run the command that an error names, with `--yes` because there is no terminal; what it did."""
    done = world.call(command=[*ADOPT.split(), "--yes"])
    assert done.returncode == 0, done.stdout
    number = re.search(r"^adopted: (\d+)", done.stdout, re.MULTILINE)
    return f"{number[1] if number else 0} adopted"


def _delete_keys(world: GoogleWorld, said: str) -> list[str]:
    """Do what gcloud would do: delete the keys that an error names. What was done, for each."""
    for key, account, project in dict.fromkeys(DELETE_KEY.findall(said)):
        name = f"projects/{project}/serviceAccounts/{account}/keys/{key}"
        response = requests.delete(
            f"{world.google_url}/iam/v1/{name}", headers={"Authorization": "Bearer sandbox"}, timeout=60
        )
        response.raise_for_status()
    return [KEY_DELETED] * len(set(DELETE_KEY.findall(said)))


def _may_linger(declared: Iterable[str], case: Case, interrupted: set[str]) -> Iterator[str]:
    """The collections in which one object may be left: those of the request that failed, or after a kill
    those of the creations that were under way."""
    for collection in declared:
        for end, (type_, operations) in LINGERS.items():
            failed = case.kind not in KILLS and case.request.endswith(operations)
            if collection.endswith(end) and (failed or type_ in interrupted):
                yield collection
