"""Clients that look at the rules without pause while the rules are edited and `up` is killed.

`Prober` reads the release, and sends writes that every declared text forbids to Google's emulator, one after
the other, in a thread. A moment without a release, a release with a text that is not declared, and a write
that is let in are counted. `RulesLab` edits the rules under the real engine, whose `up` it kills while a
request to Google is held.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import requests
import yaml

from sandbox.environment import GOOGLE_PROJECT, GOOGLE_TOKEN
from sandbox.faults import ACTOR_HEADER, MANUAL
from sandbox.firestore import FirestoreEmulator
from tests.e2e.engine_kills import kill_tree, remove_torn_files
from tests.e2e.google_outcome import assert_rules_always_closed
from tests.e2e.google_world import STACK, GoogleWorld, Tools, settings
from tests.rules.firestore_client import DENIED, OK, Client, user_token

SECONDS = 30
EDITS = 10
RELEASE = f"/firebaserules/v1/projects/{GOOGLE_PROJECT}/releases/cloud.firestore"
HEADERS = {"Authorization": f"Bearer {GOOGLE_TOKEN}", ACTOR_HEADER: MANUAL}
BASE = """\
rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    match /threads/{thread} {
      allow get: if request.auth != null;
      allow create: if request.auth != null && %s;
      allow delete: if false;
    }
  }
}
"""
DOCUMENT = "threads/kept"


def text(edit: int) -> str:
    """The rules after an edit, each with another condition of creating; all forbid what the prober tries."""
    return BASE % f"request.resource.data.edit == {edit}"


@dataclass
class Seen:
    """What the prober saw. `denied`: forbidden writes that were denied; `rulesets`: the released ones."""

    reads: int = 0
    without_release: int = 0
    denied: int = 0
    let_in: list[str] = field(default_factory=list[str])
    rulesets: set[str] = field(default_factory=set[str])
    errors: list[str] = field(default_factory=list[str])


class Prober:
    """Reads the release and tries forbidden writes until `with` ends; `seen` has what it saw.

    Args:
        google: the address of the Google sandbox.
        emulator: the emulator into which it loads released rules.
    """

    def __init__(self, google: str, emulator: FirestoreEmulator) -> None:
        self.seen = Seen()
        self._google = google
        url, project = emulator.url, GOOGLE_PROJECT
        self._owner = Client(url=url, project=project, token="owner")
        self._stranger = Client(url=url, project=project, token="")
        self._user = Client(url=url, project=project, token=user_token(project, "member"))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._probe, daemon=True)

    def __enter__(self) -> Prober:
        assert self._owner.overwrite(DOCUMENT, {"edit": 0}) == OK
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(SECONDS)
        assert not self._thread.is_alive(), "the prober hangs"

    def _probe(self) -> None:
        try:
            with requests.Session() as session:
                while not self._ended.is_set():
                    self._read(session)
                    self._write()
        # The thread's exception would be lost; the test fails with it.
        except Exception as error:  # noqa: BLE001
            self.seen.errors.append(repr(error))

    def _read(self, session: requests.Session) -> None:
        answer = session.get(f"{self._google}{RELEASE}", headers=HEADERS, timeout=SECONDS)
        self.seen.reads += 1
        if answer.status_code == requests.codes.not_found:
            self.seen.without_release += 1
        else:
            answer.raise_for_status()
            self.seen.rulesets.add(str(answer.json()["rulesetName"]))

    def _write(self) -> None:
        attempts = {
            "a stranger deletes": self._stranger.delete(DOCUMENT),
            "a user deletes": self._user.delete(DOCUMENT),
            "a user changes": self._user.update(DOCUMENT, {"edit": 99}),
            "a stranger creates": self._stranger.create("threads/new", {"edit": 1}),
        }
        for what, status in attempts.items():
            if status == DENIED:
                self.seen.denied += 1
            else:
                self.seen.let_in.append(f"{what}: HTTP {status}")


@dataclass(frozen=True)
class Kill:
    """A kill of the engine while the `nth` request to Google of an `up` is held, or the nth of an operation.

    `when`: "before" or "after" its effect.
    """

    nth: int
    when: str
    operation: str = "*"

    def __str__(self) -> str:
        return f"rules-{self.operation.rpartition('.')[2]}-{self.nth}-{self.when}"


class RulesLab:
    """A stack of an app with rules only, on both sandboxes and the emulator, whose rules are probed."""

    def __init__(self) -> None:
        self._kept = ExitStack()
        self.edits = 0
        self.kills = 0

    def __enter__(self) -> RulesLab:
        folder = Path(self._kept.enter_context(tempfile.TemporaryDirectory(prefix="rules-prober-")))
        self.emulator = self._kept.enter_context(FirestoreEmulator())
        self._tools = Tools(folder / "tools")
        self._app = folder / "app"
        self._app.mkdir()
        (self._app / "firebase.json").write_text('{"firestore": {"rules": "firestore.rules"}}')
        document = settings(self._app)
        del document["config"]["whatsapp-crm:secrets"]
        (self._tools.program / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(document))
        self.world = GoogleWorld(folder / "world", self._tools, self.emulator.host)
        self._kept.enter_context(self.world)
        self.world.call(command=["pulumi", "stack", "init", STACK, "--non-interactive"])
        self.declare(text(0))
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kept.close()

    def prober(self) -> Prober:
        """A prober of this stack's rules."""
        return Prober(self.world.google_url, self.emulator)

    def declare(self, rules: str) -> None:
        """Write rules into the app."""
        (self._app / "firestore.rules").write_text(rules)

    def edit(self) -> None:
        """Declare other rules."""
        self.edits += 1
        self.declare(text(self.edits))

    def up(self) -> None:
        """Apply.

        Raises:
            AssertionError: it failed.
        """
        self.world.run("up", "--yes", "--skip-preview")

    def requests(self) -> int:
        """How many requests an `up` that edits the rules sends to Google."""
        self.edit()
        self.world.google("counters/reset", {})
        self.up()
        counted = cast("dict[str, int]", self.world.google("counters")["operations"])
        return sum(counted.values())

    def kill(self, kill: Kill) -> bool:
        """Edit the rules, kill the `up` at a request, then another `up`; whether that request came."""
        self.edit()
        self.world.google("hold", {"operation": kill.operation, "nth": kill.nth, "when": kill.when})
        process = subprocess.Popen(
            self.world.command("up", "--yes", "--skip-preview"),
            cwd=self._tools.program,
            env=self.world.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        held: dict[str, Any] = {}
        while process.poll() is None and "operation" not in held:
            held = self.world.google("held?timeout=0.2")
        kill_tree(process.pid)
        process.wait()
        self.world.google("release", {})
        came = "operation" in held
        self.kills += came
        remove_torn_files(self.world.folder / "state")
        self.world.run("cancel", "--yes")
        self.up()
        return came

    def declared(self) -> list[str]:
        """Every text that was declared so far."""
        return [text(edit) for edit in range(self.edits + 1)]

    def assert_never_open(self, seen: Seen) -> None:
        """No moment without a release, none with other rules, no forbidden write let in.

        Raises:
            AssertionError: there was one, or the prober saw nothing.
        """
        assert not seen.errors, seen.errors
        assert seen.reads
        assert seen.denied
        assert seen.without_release == 0
        assert not seen.let_in, seen.let_in
        assert_rules_always_closed(self.world.folder / "google.json", self.declared())


def boundaries(requests: int) -> Iterator[Kill]:
    """Every moment between two requests."""
    for nth in range(1, requests + 1):
        yield Kill(nth, "before")
        yield Kill(nth, "after")


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one run of the prober measured. `requests`: of one `up` that edits the rules, to Google."""

    requests: int
    edits: int
    kills: int
    reads: int
    denied: int
    without_release: int
    let_in: int


def probe(kills: Iterable[Kill] | None = None) -> Figures:
    """Edit the rules at least EDITS times, kill `up` at each moment, and probe meanwhile.

    Args:
        kills: the moments; all of an `up` that edits the rules if None. One that does not come, because this
            `up` sends fewer requests, counts as an edit.

    Raises:
        AssertionError: the rules were open for a moment.
    """
    with RulesLab() as lab:
        with lab.prober() as prober:
            count = lab.requests()
            for kill in boundaries(count) if kills is None else kills:
                lab.kill(kill)
            while kills is None and lab.edits < EDITS:
                lab.edit()
                lab.up()
        seen = prober.seen
        lab.assert_never_open(seen)
        return Figures(
            requests=count,
            edits=lab.edits,
            kills=lab.kills,
            reads=seen.reads,
            denied=seen.denied,
            without_release=seen.without_release,
            let_in=len(seen.let_in),
        )
