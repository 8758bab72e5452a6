"""The results of discovery as a folder, so that one machine runs the code and another one uses what it found.

`python -m ops discover` writes the folder where there are no credentials. With the environment variable
`CRM_DISCOVERED` set to it, the program runs no code of the checkout: each codebase must have a result whose
archive has the same digest as the one that the program packs. It is a variable and not an option because
Pulumi starts the program and gives it no arguments; it is no setting of the stack because it says where the
program runs, not what production is.

The folder contains `discovered.json` and the archive of each codebase, which holds the built code.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from checkout import discovery
from checkout.archive import write_atomically
from checkout.discovery import Discovered
from settings.files import FileError, read_bytes
from settings.parsing import json_value, mapping
from settings.problems import Problem
from user_errors import OR

VARIABLE = "CRM_DISCOVERED"
FILE = "discovered.json"
MAX_BYTES = 64_000_000
_FORMAT = "2"
_OPS = ".venv/bin/python -m ops"
_COMMAND = f"{_OPS} discover --stack <stack> --out"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one codebase of the project contains. `sha256` is the digest of its archive."""

    codebase: str
    project: str
    sha256: str
    discovered: Discovered

    @property
    def archive(self) -> str:
        """The name of the archive in the folder."""
        return f"{self.sha256}.zip"


@dataclass(frozen=True, kw_only=True)
class Results:
    """The results in a folder. `shown` names it in messages."""

    folder: Path
    shown: str
    results: tuple[Result, ...]

    def of(
        self, codebase: str, where: str, sha256: str, project: str
    ) -> tuple[Discovered | None, list[Problem]]:
        """The result for an archive, or the problem that there is none."""
        same_name = [result for result in self.results if result.codebase == codebase]
        found = next((result for result in same_name if result.sha256 == sha256), None)
        again = f"{_COMMAND} {self.shown}"
        if found is not None and found.project == project:
            return found.discovered, []
        if found is not None:
            what = f"{self.shown} is the result for the project {found.project}, not for {project}."
            return None, [Problem(key=VARIABLE, what=what, fix=again)]
        if not same_name:
            what = f"{self.shown} has no result for the functions in {where} (codebase {codebase})."
            return None, [Problem(key=VARIABLE, what=what, fix=again)]
        what = (
            f"the functions in {where} are not those that were loaded: their archive has the SHA-256 "
            f"{sha256[:12]}…, and {self.shown} is the result for {same_name[0].sha256[:12]}…."
        )
        fix = f"{_OPS} unpack {self.shown} --stack <stack>  # writes what was built\n{OR}{again}"
        return None, [Problem(key=VARIABLE, what=what, fix=fix)]


def load(folder: Path, shown: str) -> tuple[Results | None, list[Problem]]:
    """The results in a folder, or the problem that it has none."""
    try:
        document = mapping(json_value(read_bytes(folder / FILE, limit=MAX_BYTES, follow=False).decode()))
    except (FileError, ValueError):
        document = None
    entries = None if document is None else mapping(document.get("results"))
    fix = f"{_COMMAND} {shown}\n{OR}unset {VARIABLE}"
    if entries is None or document is None or document.get("format") != _FORMAT:
        what = f"{shown} contains no {FILE} of this version of the program."
        return None, [Problem(key=VARIABLE, what=what, fix=fix)]
    found: list[Result] = []
    for sha256, entry in entries.items():
        fields = mapping(entry) or {}
        discovered = discovery.from_json(fields)
        if discovered is None or not _DIGEST.fullmatch(sha256):
            return None, [Problem(key=VARIABLE, what=f"{shown}/{FILE} is damaged.", fix=fix)]
        codebase, project = str(fields.get("codebase")), str(fields.get("project"))
        found.append(Result(codebase=codebase, project=project, sha256=sha256, discovered=discovered))
    return Results(folder=folder, shown=shown, results=tuple(found)), []


def write(folder: Path, results: Sequence[tuple[Result, Path]]) -> None:
    """Write results, each with its archive. What an earlier run wrote is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.zip"):
        old.unlink()
    entries = {
        result.sha256: {
            "codebase": result.codebase,
            "project": result.project,
            **json.loads(discovery.as_json(result.discovered)),
        }
        for result, _ in results
    }
    for result, archive in results:
        shutil.copyfile(archive, folder / result.archive)
    document = {"format": _FORMAT, "results": entries}
    write_atomically(folder / FILE, json.dumps(document, indent=1, sort_keys=True).encode())
