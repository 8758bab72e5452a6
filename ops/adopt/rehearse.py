"""`python -m ops adopt --rehearse`: the adoption, lived to its end on the sandbox.

What exists on both clouds is copied, which only reads. A sandbox in a temporary folder gets the copies, and a
stack of its own gets the program with the user's config. There `ops adopt --yes`, `pulumi up` and a preview
with refresh run, which must be empty. Neither the clouds nor the user's stack are written.

The sandbox is another program (`python -m sandbox copy`): what deploys production does not import it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from firebase.errors import JsonObject
from ops import stack
from ops.adopt import google_copy, railway_copy, rehearsal_stack
from ops.adopt.live import CountedApi
from ops.adopt.rehearsal_stack import Done, Scratch
from ops.adopt.run import Options
from ops.refresh_noise import without_noise
from railway.graphql.credentials import access_from
from settings.keys import NAMESPACE
from settings.model import KEYS
from settings.reader import is_placeholder, set_command
from user_errors import add_fix, printable, shell_word

EMPTY, FAILED = 0, 1
STOP_SECONDS = 120.0
DRIFT = ("--refresh", "--run-program", "--expect-no-changes", "--diff", "--suppress-outputs")
_NEEDED = ("starlette", "graphql")
"""Packages that the sandbox needs, and a deployment does not (requirements-dev.txt)."""


def rehearse(options: Options) -> int:
    """Rehearse the adoption of a stack.

    Args:
        options: those of the command. `write_config` and `secrets_from_google` write into the file of the
            rehearsal; `report` is written by its adoption; `yes` and `ask` have no effect.

    Returns:
        0 if the preview after the `up` is empty, 1 if a step failed.

    Raises:
        StackError: there is no Pulumi CLI or no such stack, its config cannot be read, or the sandbox did not
            start.
        UserError: a cloud could not be read.
        OSError: the temporary folder could not be written.
        KeyboardInterrupt: the process was interrupted or terminated; everything has been taken down.
    """
    _check_sandbox()
    if known := len(stack.resources(options.stack)):
        _say(f"the stack {options.stack} has {known} resources in its state; the rehearsal begins with none")
    _say(f"reading the config of the stack {options.stack}, and its secrets; they stay on this machine")
    config, secrets = rehearsal_stack.config_of(options.stack)
    plain = stack.config(options.stack).get
    _say("reading what exists on Google and Railway; nothing is written")
    copies, left_out = _read(options.stack, plain)
    _say_copied(copies, left_out)
    with (
        _terminated(),
        tempfile.TemporaryDirectory(prefix="rehearsal-", ignore_cleanup_errors=True) as folder,
    ):
        _say(f"starting a sandbox with the copies in {folder}")
        with _sandbox(Path(folder) / "sandbox", copies) as environ:
            scratch = Scratch(Path(folder) / "program", environ, options.stack)
            code = _live(scratch, options, lambda: scratch.prepare(config, secrets))
    if Path(folder).exists():
        _say(add_fix(f"the temporary folder could not be deleted: {folder}", f"rm -rf {shell_word(folder)}"))
    return code


def _read(name: str, config: Callable[[str], str | None]) -> tuple[JsonObject, list[str]]:
    """What exists on both clouds, and what could not be read of it."""
    project = config(f"{NAMESPACE}:googleProject")
    if not project or is_placeholder(project):
        what = f"the stack {name} does not set {NAMESPACE}:googleProject"
        raise stack.StackError(what, set_command("googleProject", "<your Google project's id>"))
    marker = f"{NAMESPACE}/{name.rpartition('/')[2]}"
    railway, denied = railway_copy.read(access_from(os.environ, config), config, marker)
    regions = [_setting(config, "region")]
    database = _setting(config, "firestoreDatabase")
    api = CountedApi()
    google, more = google_copy.read(api, project, database, regions)
    return {"google": google, "railway": railway}, [*more, *denied]


def _setting(config: Callable[[str], str | None], key: str) -> str:
    value = config(f"{NAMESPACE}:{key}")
    return value if value and not is_placeholder(value) else str(KEYS[key].default or "")


def _say_copied(copies: JsonObject, left_out: Sequence[str]) -> None:
    google = cast("JsonObject", copies["google"])
    objects = cast("list[JsonObject]", google["objects"])
    kinds: dict[str, int] = {"enabled APIs": len(google["apis"]), "buckets": len(google["buckets"])}
    kinds["IAM policies"] = len(google["policies"])
    for one in objects:
        kind = _kind(str(cast("JsonObject", one["object"])["name"]))
        kinds[kind] = kinds.get(kind, 0) + 1
    shown = ", ".join(f"{kind} {number}" for kind, number in sorted(kinds.items()) if number)
    _say(f"  Google, {cast('JsonObject', google['project'])['projectId']}: {shown}")
    railway = cast("JsonObject", copies["railway"])
    project = cast("JsonObject | None", railway.get("project"))
    if project is None:
        _say("  Railway: no project of this stack (railwayProjectId is not set)")
    else:
        environment = cast("JsonObject", railway.get("environment") or {})
        counts = {
            "services": len(environment.get("instances") or []),
            "volumes": len(environment.get("volumes") or []),
            "triggers": len(environment.get("triggers") or []),
        }
        shown = ", ".join(f"{kind} {number}" for kind, number in counts.items())
        _say(f"  Railway, {project['name']}: {shown}")
    _say("  not copied:")
    for line in [*left_out, *google_copy.NOT_COPIED, *railway_copy.NOT_COPIED]:
        _say(f"    {line}")


def _kind(name: str) -> str:
    """The collection in a resource name: "indexes" of .../collectionGroups/threads/indexes/CICAg."""
    return "releases" if "/releases/" in name else name.split("/")[-2]


def _live(scratch: Scratch, options: Options, prepare: Callable[[], str]) -> int:
    """Run the steps; the exit code."""
    _say(f"creating the stack {scratch.name} of the rehearsal, with the config of {options.stack}")
    if output := prepare():
        return _failed("create the stack", output)
    again = [f"--{flag}" for flag, wanted in _passed_on(options).items() if wanted]
    if options.report is not None:
        again += ["--report", f"json:{options.report.absolute()}"]
    _say_step(f"python -m ops adopt --yes {' '.join(again)}".rstrip())
    adopted = scratch.ops("adopt", "--stack", scratch.name, "--yes", *again, show=_until_next_steps())
    if adopted.returncode != 0:
        return _failed("ops adopt", "")
    _say_step("pulumi up")
    options_of_all = ("--stack", scratch.name, "--non-interactive", "--color", "never")
    up = scratch.run("pulumi", "up", "--yes", "--skip-preview", "--suppress-progress", *options_of_all)
    if up.returncode != 0:
        return _failed("pulumi up", up.stdout)
    for line in rehearsal_stack.summary(up.stdout):
        _say(line)
    _say_step("pulumi preview --refresh --run-program --expect-no-changes")
    drift = scratch.run("pulumi", "preview", *DRIFT, "--suppress-progress", *options_of_all)
    if drift.returncode != 0:
        return _failed("the preview after the up, which must be empty", _without_noise(drift))
    _say("the preview is empty")
    _say(
        "\nthe rehearsal succeeded: what exists was adopted, the `up` made what is declared, and nothing is "
        "left to change. Nothing was written on the clouds or in your stack.\n"
        f"to adopt:\n  .venv/bin/python -m ops adopt --stack {options.stack}"
    )
    return EMPTY


def _until_next_steps() -> Callable[[str], None]:
    """Show the output of an adoption without the commands at its end.

    They name the user's stack too, which is not adopted yet.
    """
    ended = False

    def show(line: str) -> None:
        nonlocal ended
        ended = ended or line == "next:"
        if not ended:
            _say(line)

    return show


def _passed_on(options: Options) -> Mapping[str, bool]:
    return {
        "drop-undeclared-variables": options.drop_undeclared,
        "write-config": options.write_config,
        "secrets-from-google": options.secrets_from_google,
    }


def _without_noise(done: Done) -> str:
    return "".join(without_noise(done.stdout.splitlines(keepends=True)))


def _failed(step: str, output: str) -> int:
    what = f"\nthe rehearsal failed in this step: {step}"
    if output:
        what += "\n" + "\n".join(f"  {line}" for line in output.rstrip().splitlines())
    fix = (
        "correct what the step reports, then run the rehearsal again\n"
        "Nothing was written on the clouds or in your stack."
    )
    _say(add_fix(what, fix))
    return FAILED


def _check_sandbox() -> None:
    fix = "make setup  # in a checkout of this program with the folder sandbox"
    if not (stack.PROJECT / "sandbox" / "copies.py").is_file():
        raise stack.StackError("the folder sandbox is not beside the program: there is no rehearsal", fix)
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise stack.StackError(
            f"the sandbox needs packages that are not installed: {', '.join(missing)}", fix
        )


@contextmanager
def _sandbox(root: Path, copies: JsonObject) -> Generator[dict[str, str]]:
    """A sandbox with the copies while the block runs; yields the environment that leads to it.

    It ends when its standard input is closed, so also when this process is killed.

    Raises:
        StackError: it did not start; its own error is on stderr.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "copy", "--root", str(root)],
        cwd=stack.PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # the terminal's Ctrl-C must not end it before the commands that use it
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        try:
            process.stdin.write(json.dumps(copies) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            line = ""
        else:
            line = process.stdout.readline()
        if not line:
            what = "the sandbox of the rehearsal did not start; the error above says why"
            raise stack.StackError(what, "correct what it reports, then run the rehearsal again")
        ready = cast("dict[str, list[str] | dict[str, str]]", json.loads(line))
        yield rehearsal_stack.environment(
            cast("list[str]", ready["unset"]), cast("dict[str, str]", ready["variables"])
        )
    finally:
        _say("taking the sandbox down")
        try:
            process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def _terminated() -> Generator[None]:
    """Take everything down when this process is interrupted or terminated; a second signal has no effect."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(*_: object) -> None:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say_step(command: str) -> None:
    _say(f"\n== {command}")


def _say(line: str) -> None:
    sys.stdout.write(printable(line) + "\n")
    sys.stdout.flush()
