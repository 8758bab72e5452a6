"""The Google half of the fault matrix: every request of a first `up` failing in every way, and the engine
killed at each; then one more `up`, or the one command that the error names and one more `up`.

The program, the engine and both sandboxes are those of `tests.e2e.google_world`. What must hold after a case:
everything declared exists on Google once and is in the state, nothing else exists (except the leftovers
listed in `LINGERS`, of which none is a key or a secret version that works), the released rules were never
absent and never others than the declared ones, no creation is pending, and a preview with a refresh finds no
change.

A case is an operation of Google's APIs, which of its requests, and a failure. A first `up` of this app sends
about 135 requests of 43 operations (batches differ from run to run), so there would be about 2,150 cases.
About 460 are run; merged are:

- Requests of one operation: the first stands for all, with every failure; of an operation that changes
  something, the last as well, with a failure of each class. The same code of the plugin sends them, for
  objects of one kind, and the same code of the sandbox answers.
- Failures of a read after its effect: a read has none.
- Failures of the plugin's reads: one of each class, repeated by the plugin (429, 500, 502, 503, no answer) or
  not (401, 403, 504, not JSON), by one condition. The program's own reads fail in every way.

"refuse" is not among the failures: for a client without an answer it is "reset_before".
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import requests

from sandbox.engine.gcp.rest import READ_SECONDS_VARIABLE
from tests.e2e.engine_kills import kill_tree, remove_torn_files
from tests.e2e.google_world import RULES, STACK, GoogleWorld, Tools

KINDS = (
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
KILLS = ("kill_before", "kill_after")
RANDOM = re.compile(
    r"v1:[A-Za-z0-9+/=]{12,}:[A-Za-z0-9+/=]+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{16,}|CICAg[0-9a-f]+"
    r"|(?:20|19)\d\d-\d\d-\d\dT[0-9:.]+(?:Z|\+00:00)(?: - [0-9a-f]{8})?|token-[0-9a-f]{12}"
    r"|LS0tLS1[A-Za-z0-9+/=]+|verification-run[0-9a-f]{8}|127\.0\.0\.1:\d+|1000000000\d+|17\d{14}|written-\d{6}|16000000[0-9a-f]+"
)
"""Ids, times, ciphertexts, etags and addresses, which differ from run to run."""
DELETE_KEY = re.compile(
    r"command: gcloud iam service-accounts keys delete (\w+) --iam-account (\S+) --project (\S+)$",
    re.MULTILINE,
)
"""The command that an `up` names for a key that nobody holds."""
KEY_DELETED = "key deleted"
IMPORT = (".venv/bin/python", "-m", "ops", "import", "--stack", STACK)


@dataclass(frozen=True)
class Case:
    """One failure. `nth`: which request of that operation."""

    operation: str
    nth: int
    kind: str

    def __str__(self) -> str:
        return f"google-{self.operation.replace(' ', '-')}{self.nth}-{self.kind}"


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
PLUGIN_READ_KINDS = ("http_503_before", "http_504_before", "permission_denied", "kill_before")
BATCHES_OF_ONE = ("POST serviceusage.services.enable",)
"""Sent instead of `batchEnable` where a batch has one API only, which depends on the machine's speed."""
LAST_KINDS = ("http_503_after", "http_504_after", "kill_after")


def changes(operation: str) -> bool:
    """Whether a request of this operation has an effect."""
    return not operation.startswith("GET ") and not operation.endswith(READS)


def matrix(requests: Mapping[str, int]) -> Iterator[Case]:
    """Every case.

    Args:
        requests: how often each operation is sent in a first `up`.
    """
    for operation, count in requests.items():
        if operation in BATCHES_OF_ONE:
            continue
        kinds: Sequence[str] = (*KINDS, *KILLS)
        if operation.endswith(OWN_READS):
            kinds = [kind for kind in kinds if not kind.endswith("_after")]
        elif not changes(operation):
            kinds = PLUGIN_READ_KINDS
        yield from (Case(operation, 1, kind) for kind in kinds)
        if count > 1 and changes(operation):
            yield from (Case(operation, count, kind) for kind in LAST_KINDS)


class GoogleLab:
    """A stack that was initialized on both sandboxes, copied for each case."""

    def __enter__(self) -> GoogleLab:
        self._folder = tempfile.TemporaryDirectory(prefix="google-faults-")
        self._root = Path(self._folder.name)
        self._number = 0
        self.torn = 0
        self._proven = set[str]()
        """What was compared with a preview already, as `_digest`."""
        self.tools = Tools(self._root / "tools")
        with self._world("empty") as world:
            world.call(command=["pulumi", "stack", "init", STACK, "--non-interactive"])
            world.run("preview", "--suppress-outputs")  # packs and lists the functions, for all cases
        shutil.copytree(self._root / "empty", self._root / "up")
        with self._world("up") as world:
            world.google("counters/reset", {})
            world.run("up", "--yes", "--skip-preview")
            self.requests: dict[str, int] = world.google("counters")["operations"]
            self._declared = _objects(world)
            self._urns = {row["urn"] for row in _deployment(world)["resources"]}
            self._no_change(world)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def run(self, case: Case) -> str:
        """Run a case; return what it took: `up`, `up, up`, `up, up, import, up`, ...

        Raises:
            AssertionError: something is lost, doubled or different.
            NeverCameError: nothing failed, because the request was not sent.
        """
        self._number += 1
        name = str(self._number)
        shutil.copytree(self._root / "empty", self._root / name)
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

    def _run(self, world: GoogleWorld, case: Case) -> str:
        world.google("counters/reset", {})
        took = ["up"]
        interrupted: set[str] = set()
        if case.kind in KILLS:
            world.google("hold", _hold(case))
            if not _killed(world):
                raise NeverCameError(f"{case.operation} number {case.nth} was not sent")
            self.torn += remove_torn_files(world.folder / "state")
            world.run("cancel", "--yes")
            took[0] = "killed up"
            pending = cast("list[dict[str, Any]]", _deployment(world).get("pending_operations") or [])
            interrupted = {str(one["resource"]["type"]) for one in pending if one["type"] == "creating"}
            took += self._repair(world, " ".join(IMPORT))
        else:
            world.google("faults", {"operation": case.operation, "kind": case.kind, "nth": case.nth})
            if case.kind == "hang":  # in no other case: on a busy machine a response takes seconds
                world.environ[READ_SECONDS_VARIABLE] = "5"
            done = world.call("up", "--yes", "--skip-preview")
            world.environ.pop(READ_SECONDS_VARIABLE, None)
            if world.google("counters")["operations"].get(case.operation, 0) < case.nth:
                raise NeverCameError(f"{case.operation} number {case.nth} was not sent")
            failed = done.returncode != 0
            assert not failed or "error:" in done.stdout, done.stdout
            if failed:
                took[0] = "failed up"
                took += self._repair(world, done.stdout)
        if _deployment(world).get("pending_operations"):
            world.run("refresh", "--clear-pending-creates", "--yes", "--skip-preview")
            took.append("clear")
        self._look(world, case, interrupted, took)
        return ", ".join(took)

    def _repair(self, world: GoogleWorld, said: str) -> list[str]:
        """The command that the error names (after a kill the import); then one more `up`.

        A killed engine names nothing: there, the `up` after it may name a key.
        """
        took: list[str] = []
        if " ".join(IMPORT) in said:
            imported = world.call(command=list(IMPORT))
            assert imported.returncode == 0, imported.stdout
            took.append(imported.stdout.rpartition("imported: ")[2][0] + " imported")
        took += _delete_keys(world, said)
        done = world.call("up", "--yes", "--skip-preview")
        if KEY_DELETED not in took and (deleted := _delete_keys(world, done.stdout)):
            took += ["failed up", *deleted]
            done = world.call("up", "--yes", "--skip-preview")
        assert done.returncode == 0, f"after this error, one `up` was not enough:\n{said}\n{done.stdout}"
        return [*took, "up"]

    def _look(self, world: GoogleWorld, case: Case, interrupted: set[str], took: Sequence[str]) -> None:
        found = _objects(world)
        missing = self._declared - found
        assert not missing, f"missing: {dict(missing)}"
        left = found - self._declared
        assert left.keys() <= {*_may_linger(self._declared, case, interrupted)}, f"left: {dict(left)}"
        assert set(left.values()) <= {1}, f"left: {dict(left)}"
        if case.kind.endswith("_after") and case.operation.endswith(tuple(CREATES_ANOTHER)):
            assert left or KEY_DELETED in took, "the failure did not happen: nothing is left"
        deployment = _deployment(world)
        working = _working(world) - {str(row.get("id")) for row in deployment["resources"]}
        assert not working, f"keys or versions that work and are unknown: {working}"
        assert not deployment.get("pending_operations"), "a creation is still pending"
        assert {row["urn"] for row in deployment["resources"]} == self._urns
        _assert_rules_always_closed(world.folder / "google.json")
        self._no_change(world)

    def _no_change(self, world: GoogleWorld) -> None:
        """A preview with a refresh is empty.

        It depends on the state and on what Google has only. Where both are those of an earlier case, it is
        not run again.
        """
        digest = _digest(world)
        if digest not in self._proven:
            world.run("preview", "--refresh", "--run-program", "--expect-no-changes", "--suppress-outputs")
            self._proven.add(digest)

    def _world(self, name: str) -> GoogleWorld:
        return GoogleWorld(self._root / name, self.tools)


def _hold(case: Case) -> dict[str, Any]:
    when = case.kind.removeprefix("kill_")
    return {"operation": case.operation, "nth": case.nth, "when": when}


def _killed(world: GoogleWorld) -> bool:
    """Start an `up`, and kill the engine with all its processes when a request is held; return whether one
    was."""
    process = subprocess.Popen(
        world.command("up", "--yes", "--skip-preview"),
        cwd=world.tools.program,
        env=world.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    held = False
    while process.poll() is None and not held:
        held = "operation" in world.google("held?timeout=0.2")
    kill_tree(process.pid)
    process.wait()
    world.google("release", {})
    return held


def _delete_keys(world: GoogleWorld, said: str) -> list[str]:
    """Do what gcloud would do: delete the keys that an error names. What was done, for each."""
    for key, account, project in dict.fromkeys(DELETE_KEY.findall(said)):
        name = f"projects/{project}/serviceAccounts/{account}/keys/{key}"
        response = requests.delete(
            f"{world.google_url}/iam/v1/{name}", headers={"Authorization": "Bearer sandbox"}, timeout=60
        )
        response.raise_for_status()
    return [KEY_DELETED] * len(set(DELETE_KEY.findall(said)))


def _working(world: GoogleWorld) -> set[str]:
    """The names of all keys, and of all secret versions that can be read."""
    found: set[str] = set()
    for collection, content in cast("dict[str, dict[str, Any]]", world.google("state")).items():
        if collection.endswith("/keys"):
            found.update(f"{collection.removeprefix('iam/')}/{key}" for key in content)
        elif collection.endswith("/versions"):
            found.update(one["name"] for one in content.values() if one["state"] == "ENABLED")
    return found


UNORDERED = ("dependencies", "propertyDependencies", "members", "bindings", "env")
DROPPED = ("created", "modified", "etag")
IGNORED = ("counters", "operations", "sandbox")
LINGERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "/keys": ("gcp:serviceaccount/key:Key", ("serviceAccounts.keys.create", "serviceAccounts.keys.get")),
    "/versions": (
        "gcp:secretmanager/secretVersion:SecretVersion",
        ("secrets.addVersion", "versions.enable", "versions.get", "versions.access"),
    ),
    "/rulesets": ("gcp:firebaserules/ruleset:Ruleset", ("rulesets.create", "rulesets.get")),
}
"""The end of a collection in which one object may be left -> the type whose creation makes another object
each time, and the requests of that creation. Rulesets are a history; `python -m ops verify` names keys and
versions."""
CREATES_ANOTHER = ("serviceAccounts.keys.create", "secrets.addVersion", "rulesets.create")


def _may_linger(declared: Iterable[str], case: Case, interrupted: set[str]) -> Iterator[str]:
    """The collections in which one object may be left: those of the request that failed, or after a kill
    those of the creations that were under way."""
    for collection in declared:
        for end, (type_, operations) in LINGERS.items():
            failed = case.kind not in KILLS and case.operation.endswith(operations)
            if collection.endswith(end) and (failed or type_ in interrupted):
                yield collection


def _objects(world: GoogleWorld) -> Counter[str]:
    """How many objects each collection of Google has; those with a name of ours by name."""
    found = Counter[str]()
    for collection, content in cast("dict[str, dict[str, Any]]", world.google("state")).items():
        if collection not in IGNORED:
            named = not collection.endswith((*LINGERS, "/indexes", "/triggers"))
            found.update(f"{collection}/{name}" if named else collection for name in content)
    return found


def _deployment(world: GoogleWorld) -> dict[str, Any]:
    return json.loads(world.run("stack", "export"))["deployment"]


def _digest(world: GoogleWorld) -> str:
    """State and Google's objects, with random parts replaced by numbers in order of their appearance."""
    resources = sorted(_deployment(world)["resources"], key=lambda row: row["urn"])
    google = cast("dict[str, Any]", world.google("state"))
    whole = [resources, {name: google[name] for name in google if name not in IGNORED}]
    numbers: dict[str, str] = {}
    text = json.dumps(_sorted(whole), sort_keys=True)
    return RANDOM.sub(lambda match: numbers.setdefault(match[0], f"#{len(numbers)}"), text)


def _sorted(value: Any, *, as_set: bool = False) -> Any:
    """The same without order in what has none."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {
            key: _sorted(item, as_set=as_set or key in UNORDERED)
            for key, item in fields.items()
            if key not in DROPPED
        }
    if isinstance(value, list):
        items = [_sorted(item) for item in cast("list[Any]", value)]
        return sorted(items, key=json.dumps) if as_set else items
    return value


def _assert_rules_always_closed(journal: Path) -> None:
    """The history of the release: never removed, and always a ruleset of the declared text.

    Raises:
        AssertionError: it was not.
    """
    texts: dict[str, str] = {}
    releases = 0
    for line in journal.read_text().splitlines():
        collection, name, value = json.loads(line)
        if collection.endswith("/rulesets") and value is not None:
            texts[value["name"]] = value["source"]["files"][0]["content"]
        elif collection.endswith("/releases"):
            releases += 1
            assert value is not None, f"the release {name} was deleted"
            assert texts[value["rulesetName"]] == RULES, "other rules than the declared ones were released"
    assert releases, "no rules were released"
