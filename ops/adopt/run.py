"""`python -m ops adopt`: the report, the import, its check, and the way back.

The clouds are only read. Without `yes` nothing is written at all; with it, only Pulumi's state is. A run that
was killed is continued by the same command: what the state has is no longer imported.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from firebase.errors import JsonObject
from ops import stack
from ops.adopt import google, matrix, plan, railway, record
from ops.adopt.live import CountedApi
from ops.adopt.model import Declared, Found, Looked, Row, Verdict
from ops.adopt.proposals import Proposal
from railway.graphql.credentials import access_from
from user_errors import printable

ADOPTED, REFUSED = 0, 1
PASSES = 4
"""An import makes values known (the backend's address) by which the next pass finds more."""
PROVIDER = "pulumi:providers:gcp"
LOCKED = "currently locked by"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The command's options.

    Args:
        stack: the stack.
        yes: import without a question.
        drop_undeclared: whether the next `up` may remove variables of the backend that are sealed and not
            declared.
        report: where to write the report as JSON; None: nowhere.
        ask: asks a question on the terminal, and returns whether the answer is yes; None without a terminal.
    """

    stack: str
    yes: bool = False
    drop_undeclared: bool = False
    report: Path | None = None
    ask: Callable[[str], bool] | None = None


def adopt(options: Options) -> int:
    """Report what exists, and import it.

    Returns:
        0 if everything that exists is adopted, or could be; 1 if something cannot be adopted.

    Raises:
        StackError: there is no Pulumi CLI or no such stack, or a Pulumi command failed.
        UserError: a cloud could not be read.
        OSError: the report or the record could not be written.
    """
    with tempfile.TemporaryDirectory(prefix="adopt-") as folder:
        outcome = _adopt(options, Path(folder))
    if options.report is not None:
        matrix.write_report(
            options.report,
            options.stack,
            outcome.rows,
            adopted=outcome.adopted,
            requests=outcome.requests,
        )
    return outcome.code


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    code: int
    rows: Sequence[Row]
    adopted: int = 0
    requests: int


def _adopt(options: Options, folder: Path) -> _Outcome:
    name = options.stack
    interrupted = stack.pending_creations(name)
    _say("reading what the program declares: pulumi preview")
    first = plan.read(name, folder)
    looked, proposals = _look(options, first.declared)
    created = {str(step["urn"]) for step in first.steps if step.get("op") == "create"}
    # What the record names and the state lacks was not imported: the import was killed.
    imported = _undoable(name) - created
    rows = [*matrix.engine_rows(first.steps, imported), *looked.rows]
    matrix.show(name, rows, sys.stdout)
    refused = sum(row.verdict is Verdict.REFUSED for row in rows)
    if proposals:
        _say("\nconfig that keeps what Railway has, where you want that:")
        for proposal in proposals:
            _say(f"  {proposal.command}    # {proposal.reason}")
    _say(f"\n{len(looked.found)} to import; {looked.requests} requests to Google")
    if refused:
        _say(f"{refused} cannot be adopted: nothing was imported")
        return _Outcome(code=REFUSED, rows=rows, requests=looked.requests)
    half = _half_replaced(name)
    if not (looked.found or interrupted or half) or not _agreed(
        options, len(looked.found), interrupted, half
    ):
        return _Outcome(code=ADOPTED, rows=rows, requests=looked.requests)
    if half:
        _read_half_replaced(name, half, folder)
        first = plan.read(name, folder)
        looked, _ = _look(options, first.declared)
    last, looked, adopted, urns = _import_all(options, first, looked, folder)
    imported |= urns
    rows = [*matrix.engine_rows(last.steps, imported), *looked.rows]
    wrong = _wrong(first, last, imported)
    if wrong:
        _say(f"after the import, `pulumi preview -s {name}` shows what must not happen:")
        for line in wrong:
            _say(f"  {line}")
        _say(f"  fix: .venv/bin/python -m ops adopt --stack {name} --undo")
    else:
        _forget_interrupted(name, interrupted, last.steps)
        _say_adopted(name, adopted, rows)
    code = REFUSED if wrong else ADOPTED
    return _Outcome(code=code, rows=rows, adopted=adopted, requests=looked.requests)


def undo(name: str) -> int:
    """Take exactly what was imported out of the state again.

    Raises:
        StackError: there is no Pulumi CLI or no such stack, or an `up` has built on what was imported.
        OSError: the record could not be deleted.
    """
    recorded = set(record.read(name))
    state = stack.resources(name)
    imported = [str(one["urn"]) for one in state if str(one["urn"]) in recorded]
    built = _built_on(recorded, state)
    if built:
        raise stack.StackError(
            f"an `up` has built {len(built)} resources of the stack {name} on what was imported, such as "
            f"{built[0]}: they cannot stay in the state without it",
            "to let Pulumi forget everything and leave both clouds as they are, see docs/adopt.md, "
            '"Go back, or leave"',
        )
    if imported:
        done = stack.pulumi("state", "delete", "--stack", name, "--force", "--yes", *imported)
        if done.returncode != 0:
            raise _failed(name, "pulumi state delete", done.stdout + done.stderr)
    record.remove(name)
    _say(f"removed from the state of {name}: {len(imported)} resources; nothing changed on the clouds")
    return ADOPTED


def _undoable(name: str) -> set[str]:
    """The recorded URNs; none once an `up` has built on them: the next one may replace what was imported."""
    recorded = set(record.read(name))
    return recorded if recorded and not _built_on(recorded, stack.resources(name)) else set()


def _built_on(recorded: Collection[str], state: Sequence[JsonObject]) -> list[str]:
    """The URNs of resources in the state that use imported ones, and were not imported."""
    return [str(one["urn"]) for one in state if str(one["urn"]) not in recorded and _uses(one, recorded)]


def _uses(resource: JsonObject, urns: Collection[str]) -> bool:
    provider = str(resource.get("provider") or "").rpartition("::")[0]
    return bool({str(resource.get("parent")), provider, *(resource.get("dependencies") or [])} & set(urns))


def _look(options: Options, declared: Sequence[Declared]) -> tuple[Looked, Sequence[Proposal]]:
    """What both clouds have, and config with which the next `up` changes less."""
    provider = next((one for one in declared if one.type == PROVIDER), None)
    found = Looked()
    if provider is not None:
        found = google.look(declared, str(provider.inputs["project"]), CountedApi())
    if not any(one.type.startswith(railway.TYPE) for one in declared):
        return found, ()
    config = stack.config(options.stack).get
    access = access_from(os.environ, config)
    other = railway.look(declared, access, config, drop_undeclared=options.drop_undeclared)
    both = Looked(
        rows=[*found.rows, *other.rows], found=[*found.found, *other.found], requests=found.requests
    )
    return both, other.proposals


def _agreed(options: Options, number: int, interrupted: Sequence[str], half: Sequence[str]) -> bool:
    if options.yes:
        return True
    what = f"{number} objects into the state of {options.stack}"
    if interrupted:
        what += f", and forget {len(interrupted)} interrupted creations"
    if half:
        what += f", and read {len(half)} objects again whose replacement was interrupted"
    if options.ask is not None:
        return options.ask(f"Import {what}? Nothing changes on the clouds.")
    _say(f"to import {what}: .venv/bin/python -m ops adopt --stack {options.stack} --yes")
    return False


def _import_all(
    options: Options, first: plan.Plan, looked: Looked, folder: Path
) -> tuple[plan.Plan, Looked, int, set[str]]:
    """Import, and look again, until there is nothing left to import.

    Returns:
        The last preview, what it left, how many objects were imported, and the URNs that the state got.
    """
    name = options.stack
    last, adopted, requests, urns = first, 0, looked.requests, set[str]()
    for _ in range(PASSES):
        if not looked.found:
            break
        _say(f"importing {len(looked.found)}, then another pulumi preview")
        urns |= _import(name, last, looked.found, folder)
        adopted += len(looked.found)
        last = plan.read(name, folder)
        looked, _ = _look(options, last.declared)
        requests += looked.requests
    return last, Looked(rows=looked.rows, found=looked.found, requests=requests), adopted, urns


def _import(name: str, planned: plan.Plan, found: Sequence[Found], folder: Path) -> set[str]:
    """Import; return the URNs that the state got."""
    document = plan.import_file(planned, found)
    kept = {str(one["urn"]) for one in stack.resources(name)}
    added = _imported(planned, found) - kept
    record.write(name, [*record.read(name), *added])
    file = folder / "imports.json"
    _write_private(file, document)
    options = ("--file", str(file), "--generate-code=false", "--protect=false", "--yes", "--skip-preview")
    done = stack.pulumi("import", "--stack", name, *options)
    file.unlink()
    state = {str(one["urn"]) for one in stack.resources(name)}
    if done.returncode != 0:
        raise _failed(name, "pulumi import", done.stdout + done.stderr)
    record.write(name, [urn for urn in record.read(name) if urn in state])
    protected = [one.urn for one in found if one.protect]
    if protected:
        done = stack.pulumi("state", "protect", "--stack", name, "--yes", *protected)
        if done.returncode != 0:
            raise _failed(name, "pulumi state protect", done.stdout + done.stderr)
    return added


def _imported(planned: plan.Plan, found: Sequence[Found]) -> set[str]:
    """The URNs that an import may add: the objects, their parents, the providers and the stack itself."""
    urns = {one.urn for one in found}
    # A default provider is no step of a preview.
    providers = {one.provider.rpartition("::")[0] for one in planned.declared if one.urn in urns}
    return urns | plan.ancestors(planned, found) | (providers - {""})


def _wrong(first: plan.Plan, last: plan.Plan, adopted: Collection[str]) -> list[str]:
    """What a preview would do to objects that exist, and did not do before the import."""
    before = {(step["urn"], step["op"]) for step in first.steps}
    found: list[str] = []
    for step in last.steps:
        urn, operation = str(step["urn"]), str(step["op"])
        destroys = operation in plan.DESTRUCTIVE and (urn, operation) not in before
        if destroys or (operation == "create" and urn in adopted):
            reasons = step.get("replaceReasons") or step.get("diffReasons") or []
            found.append(f"{operation} {urn}" + (f" ({', '.join(reasons)})" if reasons else ""))
    return found


def _half_replaced(name: str) -> list[str]:
    """The URNs of objects that an `up` deleted and did not record the new creation of."""
    return [str(one["urn"]) for one in stack.resources(name) if one.get("pendingReplacement")]


def _read_half_replaced(name: str, urns: Sequence[str], folder: Path) -> None:
    """Have the state say what exists of half-replaced objects: what was created again, or nothing.

    The engine reads no resource that waits for its creation, and imports none. So the mark is removed first.
    A run that is killed in between leaves a resource that the next `up` replaces once more.
    """
    document = stack.export(name)
    for one in cast("list[JsonObject]", document["deployment"]["resources"]):
        if one["urn"] in urns:
            del one["pendingReplacement"]
    file = folder / "state.json"
    _write_private(file, document)
    done = stack.pulumi("stack", "import", "--stack", name, "--file", str(file))
    file.unlink()
    if done.returncode != 0:
        raise _failed(name, "pulumi stack import", done.stdout + done.stderr)
    targets = [option for urn in urns for option in ("--target", urn)]
    done = stack.pulumi("refresh", "--stack", name, *targets, "--yes", "--skip-preview")
    if done.returncode != 0:
        raise _failed(name, "pulumi refresh", done.stdout + done.stderr)
    state = {str(one["urn"]) for one in stack.resources(name)}
    for urn in urns:
        result = "was created, and is adopted" if urn in state else "was deleted only, and is created again"
        _say(f"interrupted replacement of {urn.rpartition('::')[2]}: it {result}")


def _write_private(file: Path, document: JsonObject) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as output:
        json.dump(document, output)


def _forget_interrupted(name: str, interrupted: Sequence[str], steps: Sequence[JsonObject]) -> None:
    """Drop the notes of interrupted creations, once it is known of each whether its object exists."""
    if not interrupted:
        return
    created = {str(step["urn"]) for step in steps if step.get("op") in ("create", "create-replacement")}
    for urn in interrupted:
        result = "does not exist, or is created again" if urn in created else "exists, and is adopted"
        _say(f"interrupted creation of {urn.rpartition('::')[2]}: {result}")
    # Only the note is dropped: the target keeps Pulumi from reading every other resource.
    options = ("--clear-pending-creates", "--target", stack.root_urn(name), "--yes", "--skip-preview")
    done = stack.pulumi("refresh", "--stack", name, *options)
    if done.returncode != 0:
        raise _failed(name, "pulumi refresh --clear-pending-creates", done.stdout + done.stderr)
    if any("::gcp:serviceaccount/key:Key::" in f"::{urn.rpartition('$')[2]}" for urn in interrupted):
        _say(f"a key may have been created: .venv/bin/python -m ops verify --stack {name} names it")


def _say_adopted(name: str, adopted: int, rows: Sequence[Row]) -> None:
    numbers = {verdict: sum(row.verdict is verdict for row in rows) for verdict in Verdict}
    _say(
        f"adopted: {adopted}. The next `up` changes {numbers[Verdict.CHANGES]} objects in place, creates "
        f"{numbers[Verdict.CREATED]}, and replaces or deletes none of them.\n"
        f"next: pulumi preview -s {name} --diff, then pulumi up -s {name}. "
        f"The way back: .venv/bin/python -m ops adopt --stack {name} --undo"
    )


def _failed(name: str, command: str, output: str) -> stack.StackError:
    if LOCKED in output:
        return stack.StackError(
            f"`{command}` failed: another Pulumi run locks the stack {name}, or one that was killed did",
            f"if no other run is under way: pulumi cancel {name} --yes; then run the command again",
        )
    return stack.StackError(
        f"`{command}` failed:\n{output.strip()}",
        "run the command again: it continues. To go back: "
        f".venv/bin/python -m ops adopt --stack {name} --undo",
    )


def _say(line: str) -> None:
    sys.stdout.write(printable(line) + "\n")
    sys.stdout.flush()
