"""Run the app's own tests of its security rules before anything is changed (`firestoreRulesTests`).

Google's Firestore emulator is started with the rules of the checkout, then the command, such as `npm test`,
in the folder of firebase.json, with the variables of `firebase emulators:exec`. A failure is a problem of the
preview, and of the update of an `up`, before its first change.

The command is code of the checkout and is isolated as a predeploy command is (`checkout.predeploy`), with one
difference: it changes nothing of the checkout. The emulator runs in the same isolation (`checkout
.rules_tests_process`): the command reaches it, and no other server.

`pulumi up` runs the program twice. The update does not run the tests again if no file of the app has changed
since its preview ran them. With `CRM_DISCOVERED` no code of the checkout is run: `ops discover` has run the
tests, and its record must be of the same rules and the same command.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from checkout import (
    firebase_json,
    firestore_emulator,
    isolation,
    node_process,
    node_program,
    predeploy,
    programs,
    temporary_folder,
)
from checkout.archive import write_atomically
from checkout.discovered import VARIABLE
from checkout.firestore_emulator import FirestoreError
from checkout.isolation import IsolationError, View
from checkout.node_process import Finished
from checkout.package_json import MODULES
from progress import SlowRequest
from settings.files import FileError, read_bytes, walk
from settings.keys import NAMESPACE
from settings.model import LONGEST_RULES_TESTS, GoogleSettings
from settings.parsing import mapping, read_json
from settings.problems import Problem, bounded
from settings.reader import remove_command, set_command
from user_errors import OR

SETTING = "firestoreRulesTests"
KEY = f"{NAMESPACE}:{SETTING}"
RECORD = "rules-tests.json"
"""The file of a passed run in the folder of `ops discover`."""
_PROGRAM = Path(__file__).with_name("rules_tests_process.py")
_PORT = 8080  # of firebase-tools, which tests may name
_LINES = 30  # of the output of tests that failed
_SHOWN_COMMAND = 200  # characters
_MAX_RECORD = 100_000  # bytes
_JAVA_CONFIGURATION = "/etc"  # Debian links the configuration of a Java to a folder of this one
_NOT_WALKED = (MODULES, ".git")


@dataclass(frozen=True, kw_only=True)
class OwnTests:
    """The tests of an app's rules.

    Args:
        google: the command, its time limit, and the project.
        app_dir: the folder of firebase.json.
        rules: the path of the rules in firebase.json.
        text: the rules.
        isolate: false if the user asked for that: `ops discover --no-isolation`.
    """

    google: GoogleSettings
    app_dir: Path
    rules: str
    text: str
    isolate: bool = True

    @property
    def command(self) -> str:
        """The command."""
        return self.google.firestore_rules_tests or ""

    @property
    def identity(self) -> str:
        """A digest of what a run is about: the command, the project and the rules."""
        parts = (self.command, self.google.project, self.rules, self.text)
        return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the tests did. `not_isolated` is why they were not isolated; "" if they were, or did not run."""

    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    not_isolated: str = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warning that they were not isolated."""
        return (f"{KEY}: {isolation.warning(self.not_isolated)}",) if self.not_isolated else ()


def without_rules() -> Problem:
    """The problem that there is nothing to test."""
    what = "is set, but firebase.json names no Firestore rules (key `rules` of `firestore`)."
    return Problem(key=KEY, what=what, fix=remove_command(SETTING))


def run(tests: OwnTests, cache_dir: Path, *, after_preview: bool) -> Outcome:
    """Run the tests, unless a preview has run them and no file of the app has changed since.

    Args:
        tests: the tests.
        cache_dir: where the digest of the app at the last passed run is kept.
        after_preview: whether this is the update of a `pulumi up`.
    """
    record = cache_dir / "rules-tests" / f"{tests.identity}.json"
    if after_preview and _recorded(record) == _digest(tests):
        return Outcome(notes=(f"{tests.rules}: the preview has run {_shown(tests.command)}: passed.",))
    try:
        emulator = firestore_emulator.find_emulator(os.environ)
        java = Path(firestore_emulator.find_java(os.environ))
    except FirestoreError as error:
        what, _, fix = str(error).partition("\nfix: ")
        what = f"the tests of {tests.rules} need Google's emulator: {what}"
        return Outcome(problems=(Problem(key=KEY, what=what, fix=f"{fix}\n{OR}{remove_command(SETTING)}"),))
    outcome = _Run(tests, emulator, java).run()
    if not outcome.problems:
        write_atomically(record, json.dumps(_digest(tests)).encode())
    return outcome


def write_record(folder: Path, tests: OwnTests) -> None:
    """Record in the folder of `ops discover` that the tests passed."""
    write_atomically(folder / RECORD, json.dumps({"passed": tests.identity}).encode())


def remove_record(folder: Path) -> None:
    """Remove the record of an earlier run."""
    (folder / RECORD).unlink(missing_ok=True)


def check_record(folder: Path, shown: str, tests: OwnTests) -> Outcome:
    """Whether `ops discover` has run these tests on these rules.

    Args:
        folder: its folder.
        shown: the folder in messages.
        tests: the tests.
    """
    passed: object = None
    with suppress(FileError, ValueError):
        document = mapping(json.loads(read_bytes(folder / RECORD, limit=_MAX_RECORD, follow=False)))
        passed = (document or {}).get("passed")
    if passed == tests.identity:
        return Outcome(
            notes=(f"{tests.rules}: `ops discover` has run {_shown(tests.command)}: passed ({shown}).",)
        )
    what = f"{shown} has no passed run of {_shown(tests.command)} on these rules ({tests.rules})."
    fix = f".venv/bin/python -m ops discover --stack <stack> --out {shown}"
    return Outcome(problems=(Problem(key=VARIABLE, what=what, fix=fix),))


class _Run:
    """One run of the tests."""

    def __init__(self, tests: OwnTests, emulator: Path, java: Path) -> None:
        self._tests = tests
        self._app_dir = tests.app_dir.resolve()
        self._emulator = emulator.resolve()  # as it is in the view
        self._java = Path(os.path.realpath(java))

    def run(self) -> Outcome:
        """Start the emulator and the command, and wait for both."""
        with temporary_folder.create("rules-tests-") as folders:
            for new in ("home", "tmp"):
                (folders.results / new).mkdir()
            started = folders.results / "started"
            checkout = isolation.checkout_of(self._app_dir, self._app_dir)
            with SlowRequest(self._tests.rules, bounded(self._tests.command, _SHOWN_COMMAND)) as waiting:
                waiting.reason = "it has not ended"
                try:
                    finished = node_process.run(
                        node_process.Command(
                            line=self._line(folders.results, started),
                            folder=self._app_dir,
                            environment=self._environment(folders.results, checkout),
                            timeout=self._tests.google.firestore_rules_tests_timeout,
                            results=folders.results,
                            root=folders.root,
                            checkout=checkout,
                            isolate=self._tests.isolate,
                        ),
                        self._view,
                    )
                except IsolationError as error:
                    what = f"the tests of {self._tests.rules} were not run: they cannot be isolated: {error}."
                    fix = f"{isolation.FIX_OF_ERROR}\n{OR}{remove_command(SETTING)}"
                    return Outcome(problems=(Problem(key=KEY, what=what, fix=fix),))
            return self._outcome(finished, was_started=started.exists())

    def _line(self, results: Path, started: Path) -> Sequence[str]:
        rules = str(self._app_dir / self._tests.rules)
        # The address is added where the port is known: `rules_tests_process`.
        *emulator, _host, _port = firestore_emulator.start_command(self._emulator, str(self._java), 0)
        request = {
            "emulator": [*emulator, f"--rules={rules}"],
            # Both streams in the order in which they were written.
            "command": ["/bin/sh", "-c", f"exec 2>&1\n{self._tests.command}"],
            "port": _declared_port(self._app_dir),
            "started": str(started),
            "log": str(results / "emulator.log"),
            "seconds": self._tests.google.firestore_rules_tests_timeout,
        }
        return [os.path.realpath(sys.executable), "-I", "-S", str(_PROGRAM), json.dumps(request)]

    def _environment(self, results: Path, checkout: Path) -> dict[str, str]:
        project = self._tests.google.project
        given = {name: os.environ[name] for name in predeploy.ENVIRONMENT if name in os.environ}
        return {
            **given,
            **predeploy.QUIET,
            "GCLOUD_PROJECT": project,
            "FIREBASE_CONFIG": json.dumps(
                {
                    "projectId": project,
                    "storageBucket": f"{project}.appspot.com",
                    "databaseURL": f"https://{project}.firebaseio.com",
                }
            ),
            "JAVA": str(self._java),
            "PATH": programs.search_path(os.environ, checkout),
            "HOME": str(results / "home"),
            "TMPDIR": str(results / "tmp"),
        }

    def _view(self) -> View:
        shown = [
            *node_program.with_npm(self._app_dir, self._app_dir),
            self._java.parent.parent,
            self._emulator.parent,
            *Path(_JAVA_CONFIGURATION).glob("java*"),
            Path(sys.base_prefix),
            _PROGRAM,
        ]
        return isolation.view(self._app_dir, self._app_dir, shown)

    def _outcome(self, finished: Finished, *, was_started: bool) -> Outcome:
        tests, limit = self._tests, self._tests.google.firestore_rules_tests_timeout
        shown = _shown(tests.command)
        printed = node_process.shown(finished.output, _LINES if finished.code else 5)
        if finished.code == 0:
            note = "\n    ".join((f"{tests.rules}: ran {shown} on the Firestore emulator: passed", *printed))
            return Outcome(notes=(note,), not_isolated=finished.not_isolated)
        how = f"failed with exit code {finished.code}"
        fix = self._by_hand()
        if finished.was_abandoned:
            how = "failed: the process that started it was ended"
        elif finished.code is None:
            how = f"did not end: with the start of the emulator it may take {limit} seconds"
            longer = set_command("firestoreRulesTestsTimeout", min(2 * limit, LONGEST_RULES_TESTS))
            fix = f"{longer}\n{OR}{fix}"
        elif finished.code < 0:
            how = f"was ended by {node_process.signal_name(-finished.code)}"
        subject = f"{shown}, the tests of {tests.rules},"
        if not was_started:
            subject = f"the Firestore emulator ({self._emulator}) did not start, so {shown} did not run: it"
            fix = f"{self._java} -version  # the emulator needs 17 or later\n{OR}{remove_command(SETTING)}"
        text = "".join(f"\n      {line}" for line in printed)
        what = f"{subject} {how}.{' It printed:' if text else ''}{text}"
        problem = Problem(key=tests.rules, what=what, fix=fix)
        return Outcome(problems=(problem,), not_isolated=finished.not_isolated)

    def _by_hand(self) -> str:
        """The command with which a developer sees the same."""
        tests = self._tests
        run = f"npx firebase-tools emulators:exec --only firestore --project {tests.google.project}"
        line = f"cd {shlex.quote(str(self._app_dir))} && {run} {shlex.quote(tests.command)}"
        if not tests.command.isprintable():
            line = f"cd {shlex.quote(str(self._app_dir))}  # then run the tests yourself"
        return f"correct the rules or the tests; to run them:\n{line}\n{OR}{remove_command(SETTING)}"


def _declared_port(app_dir: Path) -> int:
    """The port in firebase.json, which tests may name; 8080 if it has none, as in firebase-tools."""
    document, _ = read_json(app_dir / firebase_json.FILE, firebase_json.FILE)
    emulators = mapping((document or {}).get("emulators")) or {}
    port = (mapping(emulators.get("firestore")) or {}).get("port")
    return port if isinstance(port, int) and 0 < port < 65_536 else _PORT


def _digest(tests: OwnTests) -> str:
    """A digest of the app's files: names, sizes and times, not what is in installed packages."""
    digest = hashlib.sha256(tests.identity.encode())
    for path in walk(tests.app_dir, lambda folder: folder.name not in _NOT_WALKED):
        try:
            found = path.stat()
        except OSError:
            continue  # removed in the meantime
        line = f"{path.relative_to(tests.app_dir)}\0{found.st_size}\0{found.st_mtime_ns}\0"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _recorded(record: Path) -> str:
    try:
        return str(json.loads(read_bytes(record)))
    except (FileError, ValueError):
        return ""


def _shown(command: str) -> str:
    return f"`{bounded(command, _SHOWN_COMMAND)}`"
