"""Why the functions of a codebase did not load: one problem, with the place in the codebase if known."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from checkout import credentials, package_json
from checkout.discovery_source import Source
from checkout.node_process import Finished, cut, shown, signal_name
from settings.files import walk
from settings.keys import NAMESPACE
from settings.model import LONGEST_DISCOVERY
from settings.parsing import mapping
from settings.problems import Problem
from settings.reader import remove_command, set_command
from user_errors import OR, shell_word

_SYNTAX_SECONDS = 30  # for all files
_SYNTAX_CHECKED_FILES = 200
# Starts only where no path can have started before: the output may be a megabyte of "/".
_FILE_LINE = re.compile(r"(?:file://|(?<![^\s:()'\"]))(/[^\s:()'\"]+\.[cm]?[jt]s):(\d+)")
_MISSING_MODULE = re.compile(r"Cannot find (?:module|package) '([^']+)'")
# Errors of firebase-functions and firebase-admin about a value that FIREBASE_CONFIG has not; what it is, and
# its setting.
_MISSING_CONFIG = (
    (
        re.compile(r"Missing bucket name|Bucket name not specified or invalid"),
        "storageBucket",
        "storage bucket",
        set_command("storageBucket", "<my-crm.firebasestorage.app>"),
    ),
    (
        re.compile(r"Can't determine Firebase Database URL|config value databaseURL"),
        "databaseURL",
        "Realtime Database",
        set_command("databaseUrl", "<https://my-crm-default-rtdb.firebaseio.com>"),
    ),
)
# Codes of connections that fail (errno.h, netdb.h), and messages of fetch() and google-auth-library.
_CONNECTION = re.compile(
    r"\b(?:EAI_AGAIN|ENOTFOUND|ENETUNREACH|EHOSTUNREACH|ECONNREFUSED|EADDRNOTAVAIL|fetch failed"
    r"|Could not load the default credentials)\b"
)
# Errors of Node's file system and of its loaders.
_UNREADABLE = re.compile(
    r"(?:\b(?:EACCES|ENOENT)\b[^'\n]{0,200}|Cannot find module )'(?P<path>[^'\n]{1,4096})'"
    r"(?:\nRequire stack:\n- (?P<by>/[^\n]{1,4096}))?"
)
_MOST_UNREADABLE = 100
# The first line of a report that Node writes: of an error, of a lack of memory, of an abort.
_REPORT = re.compile(r"^(?:(?:file:/|node:|/).*:\d+$|<--- |#  ?Fatal|----- )", re.MULTILINE)
_REASON = re.compile(r'The promise rejected with the reason "(.*)"', re.DOTALL)
_ERROR = re.compile(r"\s*(?:\w*Error\b|Uncaught)")
_OF_NODE = ("NODE_", "OPENSSL_")  # variables that Node reads before it runs code (`node --help`)
_NO_NETWORK = "code has no network while the functions are listed"
_MESSAGE_LENGTH = 1000  # of an error of the code, which may be of any length


def explain(source: Source, node: str, finished: Finished, report: Mapping[str, object]) -> Problem:
    """The problem. `report` is what the hook wrote, {} if the process was killed."""
    failure = _Failure(source, finished, report)
    found = (
        failure.timed_out_or_killed()
        or failure.not_started()
        or failure.ended_by_the_code()
        or failure.reported_by_the_sdk(node)
    )
    printed = "".join(f"\n      {line}" for line in failure.printed())
    what = found.what + (f" The code printed:{printed}" if printed else "")
    return Problem(key=found.key, what=what, fix=found.fix)


class _Failure:
    """One run that gave no manifest."""

    def __init__(self, source: Source, finished: Finished, report: Mapping[str, object]) -> None:
        self._source = source
        self._code = finished.code
        self._finished = finished
        self._hook_ran = bool(report)
        self._exit = mapping(report.get("exit")) or {}
        self._uncaught = mapping(report.get("uncaught")) or {}
        error = mapping(report.get("error"))
        self._reported = None if error is None else f"{error.get('message')}\n{error.get('stack')}"

    def timed_out_or_killed(self) -> Problem | None:
        """A time-out or a signal: the hook reports nothing."""
        source = self._source
        if self._finished.was_abandoned:
            what = "the process that started Node was ended while the functions were loaded."
            return self._problem(what, f"{self._reproduce()}  # loads the same code")
        if self._code is None:
            network = "; note that it has no network access while the functions are listed"
            return self._problem(
                f"the functions did not load within {source.timeout} seconds. Code at the top level of a "
                f"module takes too long{'' if self._finished.not_isolated else network}.",
                "move that code into a function\n"
                f"{OR}{set_command('discoveryTimeout', min(2 * source.timeout, LONGEST_DISCOVERY))}",
            )
        if "JavaScript heap out of memory" in self._finished.stderr:
            fix = "Move the code that needs so much memory into a function."
            return self._problem("Node ran out of memory while the functions were loaded.", fix)
        if self._code < 0:
            name = signal_name(-self._code)
            why = " The system sends it when memory runs out." if name == "SIGKILL" else ""
            fix = f"{self._reproduce()}  # loads the same code"
            return self._problem(f"{name} ended Node while the functions were loaded.{why}", fix)
        return None

    def not_started(self) -> Problem | None:
        """A variable of the functions, such as NODE_OPTIONS, keeps Node from starting."""
        names = [name for name in sorted(self._source.environment) if name.startswith(_OF_NODE)]
        if self._hook_ran or not names:
            return None
        name = "NODE_OPTIONS" if "NODE_OPTIONS" in names else names[0]
        lines = [line for line in self._finished.output.splitlines() if line.strip()]
        message = next((line for line in lines if _ERROR.match(line)), lines[-1] if lines else "no message")
        return self._problem(
            f"Node did not start with the functions' variable {' and '.join(names)}: {_first_line(message)}.",
            f"Correct or remove {name} in the .env file; if the config sets it: "
            f"{remove_command('functionVariables', f'.{name}')}",
        )

    def ended_by_the_code(self) -> Problem | None:
        """The code called process.exit, let an error escape, or waits for something that cannot happen."""
        known = self._known()
        if known is not None:
            return known
        if self._uncaught and self._reported is None:
            at = self._at(str(self._uncaught.get("stack")))
            message = str(self._uncaught.get("message"))
            reason = _REASON.search(message)
            message = _first_line(reason.group(1) if reason else message)
            rejected = self._uncaught.get("origin") == "unhandledRejection"
            how = (
                f"a promise that was rejected{at} was not handled"
                if rejected
                else f"an error thrown{at} was not caught"
            )
            fix = "Handle it, or move that code into a function."
            return self._problem(f"{how} while the functions were loaded: {message}.", fix)
        stack = str(self._exit.get("stack", ""))
        if self._exit:
            at, code = self._at(stack), self._exit.get("code")
            what = f"the code{at} ended the process (exit code {code}) while it was loaded."
            return self._problem(what, "Remove the call of process.exit, or move it into a function.")
        if self._reported is None:
            what = "the code waits for something that never happens: a top-level await does not end."
            return self._problem(what, "Move what is awaited into a function.")
        return None

    def reported_by_the_sdk(self, node: str) -> Problem:
        """What the SDK reports."""
        text = self._error()
        if not _place(self._source, text):
            text += _syntax_error(self._source, node)
        place = _place(self._source, text)
        at = f"error at {place}: " if place else ""
        message = (
            _message(text, self._reported)
            or f"firebase-functions ended with exit code {self._code} and no message"
        )
        fix = f"Correct {place}." if place else f"{self._reproduce()}  # shows the same error"
        return self._problem(f"the functions do not load: {at}{message}.", fix)

    def printed(self) -> tuple[str, ...]:
        """The last lines that the code printed, without the report of the error."""
        ours = _REPORT.split(self._finished.stderr, maxsplit=1)[0]
        return shown(f"{self._finished.stdout}\n{ours}")

    def _known(self) -> Problem | None:
        """Errors with a certain fix."""
        source, text = self._source, self._error()
        at = self._at(text)
        hidden = self._hidden()
        if hidden is not None:
            return hidden
        missing = _MISSING_MODULE.search(text)
        if missing is not None and not missing.group(1).startswith((".", "/")):
            name = "/".join(missing.group(1).split("/")[: 2 if missing.group(1).startswith("@") else 1])
            declared = name in package_json.section(package_json.of_package(source.folder), "dependencies")
            fix = f"cd {shell_word(source.folder)} && npm {'ci' if declared else f'install {name}'}"
            return self._problem(f"the module {name} is used{at}, but is not installed.", fix)
        for pattern, value, thing, fix in _MISSING_CONFIG:
            if pattern.search(text) is not None and value not in source.google.firebase_config:
                return self._problem(f"the code{at} uses the app's {thing}, which is not configured.", fix)
        return self._without_network()

    def _error(self) -> str:
        """The error that ended the run; all output if the code itself ended it, perhaps after it wrote why.

        The code may also have written errors that it caught: they ended nothing.
        """
        if self._reported is not None:
            return self._reported
        if self._uncaught:
            return "\n".join(str(self._uncaught.get(name, "")) for name in ("message", "stack"))
        return self._finished.output

    def _hidden(self) -> Problem | None:
        """The code reads a file that it cannot see because it may hold credentials."""
        source, text = self._source, self._error()
        folder = source.folder.resolve()
        for match in islice(_UNREADABLE.finditer(text), _MOST_UNREADABLE):
            # Relative to the working directory, or, in `require()`, to the file that Node lists next.
            origin = Path(match["by"]).parent if match["by"] else folder
            path = Path(os.path.normpath(origin / match["path"]))
            if any(path.is_relative_to(one) for one in self._finished.hidden):
                name = os.path.relpath(path, source.app_dir.resolve())
                what = (
                    f"the code{self._at(text)} reads {name}, which it cannot read while the functions are "
                    "listed because it may hold credentials."
                )
                if credentials.is_registry_file(folder, path):
                    return self._problem(what, "Move the code that reads it into a function.")
                return self._problem(
                    f"{what} It is not deployed either.",
                    f'Read it from a secret: defineSecret("NAME"), with the value in {NAMESPACE}:secrets. '
                    "On Google, initializeApp() needs no key.",
                )
        return None

    def _without_network(self) -> Problem | None:
        """A connection failed that is possible where the code is not isolated."""
        text = self._error()
        failed = _CONNECTION.search(text)
        if failed is None or self._finished.not_isolated:
            return None
        line = next(line for line in text.splitlines() if failed.group() in line)
        return self._problem(
            f"a connection of the code{self._at(text)} failed: {_NO_NETWORK}. {_first_line(line)}.",
            "Move what connects into a function, or into onInit() of firebase-functions.",
        )

    def _problem(self, what: str, fix: str) -> Problem:
        return Problem(key=self._source.where, what=what, fix=fix)

    def _at(self, text: str) -> str:
        place = _place(self._source, text)
        return f" at {place}" if place else ""

    def _reproduce(self) -> str:
        return f"cd {shell_word(self._source.folder)} && node ."


def _first_line(text: str) -> str:
    first = next((line.strip() for line in text.splitlines() if line.strip()), "no message")
    return cut(first, _MESSAGE_LENGTH).rstrip(".")


def _message(output: str, reported: str | None) -> str:
    """The line with the error: the SDK's report, else the first that looks like an error, else the last."""
    if reported is not None:
        return _first_line(reported)
    lines = output.strip().splitlines()
    errors = [line for line in lines if _ERROR.match(line)]
    message = (errors[0] if errors else lines[-1] if lines else "").strip()
    return cut(message, _MESSAGE_LENGTH).rstrip(".")


def _place(source: Source, output: str) -> str:
    """`functions/index.js:12`: the first place in the codebase's code that the output names."""
    for file, line in _FILE_LINE.findall(output):
        path = Path(file)
        for root in (source.folder, source.folder.resolve()):
            if "node_modules" not in path.parts and path.is_relative_to(root):
                return f"{source.where}/{path.relative_to(root).as_posix()}:{line}"
    return ""


def _syntax_error(source: Source, node: str) -> str:
    """What `node --check`, which runs nothing, says about the first file with a syntax error.

    The SDK reports a syntax error in an ES module without file and line.
    """
    walked = walk(source.folder, lambda folder: folder.name != "node_modules")
    files = (path for path in walked if path.suffix in (".js", ".mjs", ".cjs"))
    until = time.monotonic() + _SYNTAX_SECONDS
    for path in islice(files, _SYNTAX_CHECKED_FILES):
        left = until - time.monotonic()
        if left <= 0:
            return ""
        check = [node, "--check", str(path)]
        if not path.is_file():
            continue  # a FIFO or a device
        try:
            ran = subprocess.run(check, env={}, capture_output=True, text=True, check=False, timeout=left)
        except subprocess.TimeoutExpired:
            continue
        if ran.returncode != 0:
            return f"\n{ran.stderr}"
    return ""
