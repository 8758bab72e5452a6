"""What a stack's acceptance has shown so far: a file beside the program that git ignores.

It is replaced as a whole after each result, so that an interrupted run continues with the next test, and
`python -m ops readiness` reads it. A new run keeps the file of the one before under the name of that run.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from firebase.errors import JsonObject
from ops import stack
from ops.acceptance.model import Result, Verdict
from ops.readiness.model import Evidence
from user_errors import shell_word

FOLDER = stack.PROJECT / ".acceptance"
VERSION = 1


class ProgressError(stack.StackError):
    """The file is damaged, or another run is under way.

    Args:
        what, fix: see `StackError`.
    """

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what, fix)
        self.what = what
        self.fix = fix


@dataclass
class Progress:
    """One run.

    Args:
        stack, project: the stack, and its Google project.
        run: the id of the run; it marks what the run makes.
        hands: "loopback" or "person".
        client: the phone of the test client, E.164.
        accounts: the ids of the two accounts.
        started: when.
        deployed: `deployed.digest` of what was tested.
        archived: whether everything that the run made is archived.
        made: the paths of these documents; some may not exist.
        lines: the last result of each test, by its id.
    """

    stack: str
    project: str
    run: str
    hands: str
    client: str
    accounts: tuple[str, str]
    started: datetime
    deployed: str
    archived: bool = False
    made: list[str] = field(default_factory=list[str])
    lines: dict[str, Result] = field(default_factory=dict[str, Result])

    def document(self) -> JsonObject:
        """The content of the file."""
        shown = {name: value for name, value in asdict(self).items() if name != "lines"}
        lines = {name: _line(result) for name, result in sorted(self.lines.items())}
        return {"version": VERSION, **shown, "started": _shown(self.started), "lines": lines}


def path(name: str, folder: Path | None = None) -> Path:
    """The file of a stack."""
    return (folder or FOLDER) / f"{quote(name, safe='')}.json"


def read(name: str, folder: Path | None = None) -> Progress | None:
    """The last run of a stack; None if there was none.

    Args:
        name: the stack.
        folder: where the files are, if not in FOLDER.

    Raises:
        ProgressError: the file is damaged.
    """
    file = path(name, folder)
    try:
        return _parsed(cast("Mapping[str, Any]", json.loads(file.read_text(encoding="utf-8"))))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        shown = os.path.relpath(file, file.parent.parent)  # the folder in which commands run
        fix = f"mv {shell_word(shown)} {shell_word(f'{shown}.damaged')}"
        raise ProgressError(f"{shown} is not a record of an acceptance", fix) from None


def write(progress: Progress) -> None:
    """Replace the file of the stack.

    Raises:
        OSError: it could not be written.
    """
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    file = path(progress.stack)
    partial = file.with_suffix(".part")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as output:
        json.dump(progress.document(), output, indent=2, ensure_ascii=False)
        output.flush()
        os.fsync(output.fileno())
    partial.replace(file)


def keep(before: Progress) -> Path:
    """Keep the file of a run that another follows; returns its new place."""
    file = path(before.stack)
    kept = file.with_name(f"{file.stem}.{before.run}.json")
    if file.exists():
        file.rename(kept)
    return kept


@contextmanager
def hold(name: str) -> Generator[None]:
    """One run of a stack at a time on this machine.

    Raises:
        ProgressError: another one is under way.
    """
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(path(name).with_suffix(".lock"), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ProgressError(
                f"another `python -m ops accept` of the stack {name} is under way on this machine",
                "Wait until it has ended. Then run the command again.",
            ) from None
        yield
    finally:
        os.close(descriptor)


def _shown(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _line(result: Result) -> JsonObject:
    evidence = [{**asdict(one), "at": _shown(one.at)} for one in result.evidence]
    return {
        **asdict(result),
        "verdict": result.verdict.value,
        "at": _shown(result.at),
        "evidence": evidence,
    }


def _parsed(document: Mapping[str, Any]) -> Progress:
    if document["version"] != VERSION:
        raise ValueError(document["version"])
    first, second = document["accounts"]
    return Progress(
        stack=str(document["stack"]),
        project=str(document["project"]),
        run=str(document["run"]),
        hands=str(document["hands"]),
        client=str(document["client"]),
        accounts=(str(first), str(second)),
        started=_time(document["started"]),
        deployed=str(document["deployed"]),
        archived=document["archived"] is True,
        made=[str(one) for one in document["made"]],
        lines={str(name): _result(line) for name, line in document["lines"].items()},
    )


def _result(line: Mapping[str, Any]) -> Result:
    evidence = tuple(
        Evidence(asked=str(one["asked"]), answer=str(one["answer"]), at=_time(one["at"]))
        for one in line["evidence"]
    )
    return Result(
        id=str(line["id"]),
        verdict=Verdict(line["verdict"]),
        at=_time(line["at"]),
        by=str(line["by"]),
        attempt=int(line["attempt"]),
        seconds=float(line["seconds"]),
        found=str(line["found"]),
        fix=str(line["fix"]),
        evidence=evidence,
    )
