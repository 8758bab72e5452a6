"""Run the `predeploy` commands of a functions codebase before its code is loaded (`runPredeploy`).

As in the Firebase CLI (firebase-tools 15.34, `src/deploy/lifecycleHooks.ts`): one after the other, by a
shell, in the folder of firebase.json, with GCLOUD_PROJECT, PROJECT_DIR and RESOURCE_DIR. Variables are
replaced in single quotes too. The CLI does not run a command that contains `=`, and removes single quotes and
some backslashes (cross-env 7, `parseCommand`); here both have their meaning.

The commands are code of the checkout and of its packages, and are isolated as code that is loaded is
(`checkout.isolation`), with one difference: they can change the codebase's folder, except what is in its
`node_modules`, which discovery identifies by the lock files. Their environment has none of this program's
variables but PATH and the language; they have no network, a time limit, and a home folder that is removed.

Code that can write can leave files that a program of this machine runs later, with credentials. So commands
are not run if the folder contains this program or what it reads besides the functions, and a new `.git`, in
which git would look for commands, is a problem. What they do to sources, which someone runs later, remains.

`pulumi up` runs the program twice, for the preview and for the update. The update does not run the commands
again if the codebase is as they have left it: it deploys what the preview has shown.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from checkout import (
    archive,
    compiled_output,
    isolation,
    node_process,
    node_program,
    programs,
    temporary_folder,
)
from checkout.firebase_json import CodebaseSource, FirebaseJson
from checkout.isolation import IsolationError, View
from checkout.node_process import Finished
from checkout.package_json import MODULES
from checkout.temporary_folder import Folders
from progress import SlowRequest
from settings.files import FileError, is_dir, read_bytes, walk
from settings.keys import NAMESPACE
from settings.model import LONGEST_PREDEPLOY
from settings.problems import Problem, bounded
from settings.reader import PROGRAM_DIR, set_command
from user_errors import OR, add_fix, shell_word

_SHELL, _GIT = "/bin/sh", ".git"
ENVIRONMENT = ("CI", "LANG", "LC_ALL", "NODE_ENV")
"""The variables of this process that a command of the app gets."""
# npm asks the registry for its newest version, and waits for the answer.
QUIET = {"NO_UPDATE_NOTIFIER": "1", "NPM_CONFIG_UPDATE_NOTIFIER": "false", "NO_COLOR": "1"}
_LINES = 20  # of the output of a command that failed
_SHOWN_COMMAND = 200  # characters
_NOT_FOUND = 127  # exit code of a shell
_WROTE_ELSEWHERE = re.compile(r"\bEROFS\b|Read-only file system", re.IGNORECASE)
_DENIED = re.compile(r"\bEACCES\b|Permission denied", re.IGNORECASE)
_CONNECTION = re.compile(r"\b(?:EAI_AGAIN|ENOTFOUND|ENETUNREACH|EHOSTUNREACH|ECONNREFUSED)\b")
_SETTING = f"{NAMESPACE}:runPredeploy"


@dataclass(frozen=True, kw_only=True)
class Codebase:
    """A codebase whose commands are run.

    Args:
        source: the codebase.
        app_dir: the folder of firebase.json.
        project: the id of the Google project.
        timeout: seconds for all commands.
        configuration: files of the app, besides firebase.json, that this program reads for other purposes.
        isolate: false if the user asked for that: `ops discover --no-isolation`.
    """

    source: CodebaseSource
    app_dir: Path
    project: str
    timeout: int
    configuration: Sequence[Path]
    isolate: bool = True


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the commands did. `not_isolated` is why they were not isolated; "" if they were, or none ran."""

    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    not_isolated: str = ""


def configuration(found: FirebaseJson) -> tuple[Path, ...]:
    """The files that firebase.json names, besides the functions."""
    others = [one.rules for one in (*found.storage, *found.databases)]
    others += [one.indexes for one in found.databases]
    return tuple(path for path in (found.rules, found.indexes, *others) if path is not None)


def run(codebase: Codebase, cache_dir: Path, *, after_preview: bool) -> Outcome:
    """Run the commands, unless a preview has run them and nothing has changed since.

    Args:
        codebase: the codebase.
        cache_dir: where archives are, and the digest of the codebase after the commands.
        after_preview: whether this is the update of a `pulumi up`, whose preview has run the commands.
    """
    source = codebase.source
    record = cache_dir / "predeploy" / f"{_identity(codebase)}.json"
    unchanged = after_preview and _recorded(record) == _digest(codebase, cache_dir) != ""
    if unchanged and not any(compiled_output.validate(source)):
        return Outcome(notes=(f"{source.relative}: the preview has run the predeploy commands.",))
    if inside := _contained(codebase):
        what = f"its predeploy commands could change {inside}, which is in the functions' folder."
        fix = f"move the functions to a folder of their own\n{OR}{set_command('runPredeploy', 'false')}"
        return Outcome(problems=(Problem(key=source.relative, what=what, fix=fix),))
    before = _repositories(source.folder)
    outcome = _Run(codebase).all()
    if new := sorted(_repositories(source.folder) - before):
        what = f"a predeploy command created {new[0]}: git would run commands that it names."
        problem = Problem(key=source.relative, what=what, fix=f"rm -r {shell_word(new[0])}")
        return replace(outcome, problems=(*outcome.problems, problem))
    if not outcome.problems and (digest := _digest(codebase, cache_dir)):
        archive.write_atomically(record, json.dumps(digest).encode())
    return outcome


def not_run(source: CodebaseSource, *, is_current: bool) -> str:
    """The warning that the commands were not run.

    Args:
        source: the codebase.
        is_current: whether no output is known to be older than its sources; other warnings name what is.
    """
    what = f"its predeploy commands were not run: {bounded('; '.join(source.predeploy), _SHOWN_COMMAND)}."
    if is_current and compiled_output.output_folders(source):
        what += " The compiled output is not older than its sources."
    return add_fix(what, f"run them before the preview\n{OR}{set_command('runPredeploy', 'true')}", "    ")


def may_run(problem: Problem) -> Problem:
    """A problem of the compiled output, whose fix also names the setting with which a preview compiles."""
    return replace(problem, fix=f"{problem.fix}\n{OR}{set_command('runPredeploy', 'true')}")


class _Run:
    """One run of all commands."""

    def __init__(self, codebase: Codebase) -> None:
        self._codebase = codebase
        self._source = codebase.source
        self._folder = codebase.source.folder.resolve()
        self._app_dir = codebase.app_dir.resolve()

    def all(self) -> Outcome:
        """Run the commands in order, up to the first that fails."""
        codebase, notes = self._codebase, list[str]()
        until = time.monotonic() + codebase.timeout
        reason = ""
        view = functools.cache(self._view)
        with temporary_folder.create("predeploy-") as folders:
            for new in ("home", "tmp"):
                (folders.results / new).mkdir()
            try:
                for command in self._source.predeploy:
                    left = until - time.monotonic()
                    finished = self._one(command, view, folders, max(left, 0.1))
                    reason = finished.not_isolated or reason
                    if finished.code != 0:
                        problem = self._failed(command, finished)
                        return Outcome(problems=(problem,), notes=tuple(notes), not_isolated=reason)
                    notes.append(self._note(command, finished))
            except IsolationError as error:
                what = f"its predeploy commands were not run, because they cannot be isolated: {error}."
                fix = f"{isolation.FIX_OF_ERROR}\n{OR}{set_command('runPredeploy', 'false')}"
                problem = Problem(key=self._source.relative, what=what, fix=fix)
                return Outcome(problems=(problem,), notes=tuple(notes))
        return Outcome(notes=tuple(notes), not_isolated=reason)

    def _view(self) -> View:
        installed = node_program.with_npm(self._folder, self._app_dir)
        view = isolation.view(self._folder, self._app_dir, installed)
        modules = self._folder / MODULES
        fixed = (str(modules),) if is_dir(modules) and not modules.is_symlink() else ()
        return replace(view, changeable=(str(self._folder),), fixed=fixed)

    def _one(self, command: str, view: Callable[[], View], folders: Folders, seconds: float) -> Finished:
        checkout = isolation.checkout_of(self._folder, self._app_dir)
        environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
        environment |= {
            **QUIET,
            **self._variables(),
            "PATH": programs.search_path(os.environ, checkout),
            "HOME": str(folders.results / "home"),
            "TMPDIR": str(folders.results / "tmp"),
        }
        with SlowRequest(self._source.relative, bounded(command, _SHOWN_COMMAND)) as waiting:
            waiting.reason = "it has not ended"
            return node_process.run(
                node_process.Command(
                    # Both streams in the order in which they were written.
                    line=[_SHELL, "-c", f"exec 2>&1\n{as_the_cli(command)}"],
                    folder=self._app_dir,
                    environment=environment,
                    timeout=seconds,
                    results=folders.results,
                    root=folders.root,
                    checkout=checkout,
                    isolate=self._codebase.isolate,
                ),
                view,
            )

    def _variables(self) -> dict[str, str]:
        return {
            "GCLOUD_PROJECT": self._codebase.project,
            "PROJECT_DIR": str(self._app_dir),
            "RESOURCE_DIR": str(self._folder),
        }

    def _note(self, command: str, finished: Finished) -> str:
        printed = node_process.shown(finished.output)
        return "\n    ".join(
            (f"{self._source.relative}: ran the predeploy command {_shown(command)}", *printed)
        )

    def _failed(self, command: str, finished: Finished) -> Problem:
        source, output = self._source, finished.output
        fix = self._by_hand(command)
        how = f"failed with exit code {finished.code}"
        if finished.was_abandoned:
            how = "failed: the process that started it was ended"
        elif finished.code is None:
            how = f"did not end: all commands together may take {self._codebase.timeout} seconds"
            longer = set_command("predeployTimeout", min(2 * self._codebase.timeout, LONGEST_PREDEPLOY))
            fix = f"{longer}\n{OR}{fix}"
        elif finished.code < 0:
            how = f"was ended by {node_process.signal_name(-finished.code)}"
        elif finished.code == _NOT_FOUND:
            how = "failed: a program was not found, or cannot be seen by isolated commands"
        if not finished.not_isolated:
            limits = [
                f"It could change only {source.relative}, without {MODULES}."
                if _WROTE_ELSEWHERE.search(output)
                else "",
                "It had no network." if _CONNECTION.search(output) else "",
                *self._hidden(finished),
            ]
            how = " ".join([f"{how}.", *filter(None, limits)]).rstrip(".")
        printed = "".join(f"\n      {line}" for line in node_process.shown(output, _LINES))
        what = f"the predeploy command {_shown(command)} {how}.{' It printed:' if printed else ''}{printed}"
        return Problem(key=source.relative, what=what, fix=fix)

    def _hidden(self, finished: Finished) -> list[str]:
        """What the output names of the files that the command cannot read."""
        denied = [line for line in finished.output.splitlines() if _DENIED.search(line)]
        hidden = (path for path in finished.hidden if any(Path(path).name in line for line in denied))
        return [f"It could not read {path}, which may hold credentials." for path in list(hidden)[:1]]

    def _by_hand(self, command: str) -> str:
        variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in self._variables().items())
        line = f"cd {shlex.quote(str(self._app_dir))} && {variables} sh -c {shlex.quote(command)}"
        if not command.isprintable():
            line = "run the command yourself"
        # Without isolation: the user sees whether that makes the difference.
        return f"{line}\n{OR}{set_command('runPredeploy', 'false')}"


def as_the_cli(command: str) -> str:
    """The command as the Firebase CLI gives it to a shell, which expands it before another shell runs it."""
    escaped = command.replace('"', '\\"')
    return f'{_SHELL} -c "{escaped}"'


def _shown(command: str) -> str:
    return f"`{bounded(command, _SHOWN_COMMAND)}`"


def _contained(codebase: Codebase) -> Path | None:
    """What no command may change, and the folder contains; None if it contains nothing of that kind."""
    folder = codebase.source.folder.resolve()
    kept = [PROGRAM_DIR, codebase.app_dir / "firebase.json", *codebase.configuration]
    kept += [
        Path(file) for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))
    ]
    return next((path for path in kept if path.resolve().is_relative_to(folder)), None)


def _repositories(folder: Path) -> set[Path]:
    """Everything called .git in the folder, links too, except in installed packages."""
    found: set[Path] = set()

    def enter(path: Path) -> bool:
        if os.path.lexists(path / _GIT):
            found.add(path / _GIT)
        return path.name not in (_GIT, MODULES)

    enter(folder)
    for _ in walk(folder, enter):
        pass
    return found


def _identity(codebase: Codebase) -> str:
    source = codebase.source
    parts = (source.name, os.fspath(source.folder), codebase.project, *source.predeploy)
    return hashlib.sha256(os.fsencode("\0".join(parts))).hexdigest()


def _digest(codebase: Codebase, cache_dir: Path) -> str:
    """The digest of the codebase's archive; "" if it cannot be packed, which is reported later."""
    source = codebase.source
    packed, _ = archive.build(
        source.folder, source.ignore, source.name, source.relative, cache_dir / "archives"
    )
    return "" if packed is None else packed.sha256


def _recorded(record: Path) -> str:
    try:
        return str(json.loads(read_bytes(record)))
    except (FileError, ValueError):
        return ""
