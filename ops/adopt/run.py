"""`python -m ops adopt`: the report, the import, its check, and the way back.

The clouds are only read. `write_config` and `secrets_from_google` write the stack's file, `yes` writes
Pulumi's state; without them, nothing is written. A run that was killed is continued by the same command: what
the state has is no longer imported.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from checkout.manifest import UNMANAGED
from firebase.errors import JsonObject
from ops import stack, stack_file
from ops.adopt import (
    first_settings,
    function_changes,
    google,
    google_secrets,
    matrix,
    plan,
    railway,
    record,
    rights,
    run_folder,
    stack_config,
)
from ops.adopt.live import CountedApi, Live
from ops.adopt.model import Declared, Found, Looked, Row, Verdict
from ops.adopt.proposals import Proposal
from ops.adopt.rights import Right
from ops.adopt.stack_config import StackFile
from railway.graphql.credentials import access_from
from settings.keys import NAMESPACE
from settings.model import BACKEND_URL_VARIABLE
from settings.parsing import mapping
from user_errors import OR, add_fix, printable

ADOPTED, REFUSED = 0, 1
PASSES = 4
"""An import makes values known (the backend's address), and config names objects (the service), by which the
next pass finds more."""
PROVIDER = "pulumi:providers:gcp"
VARIABLE = "railway variable"
LOCKED = "currently locked by"
MOVED = (
    ". Of functions with another account, calls of events and schedules may be rejected for seconds, until "
    "the new account is their invoker"
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """The command's options.

    Args:
        stack: the stack.
        yes: import without a question.
        drop_undeclared: whether the next `up` may remove variables of the backend that are not declared.
        write_config: write the settings that keep what exists into the stack's file, where it does not set
            them.
        secrets_from_google: write the values that only Secret Manager has into the stack's file, encrypted.
        report: where to write the report as JSON; None: nowhere.
        ask: asks a question on the terminal, and returns whether the answer is yes; None without a terminal.
    """

    stack: str
    yes: bool = False
    drop_undeclared: bool = False
    write_config: bool = False
    secrets_from_google: bool = False
    report: Path | None = None
    ask: Callable[[str], bool] | None = None


def adopt(options: Options) -> int:
    """Report what exists, and import it.

    Returns:
        0 if everything that exists is adopted, or could be; 1 if something cannot be adopted.

    Raises:
        StackError: there is no Pulumi CLI or no such stack, a Pulumi command failed, or another run for the
            stack is under way.
        UserError: a cloud could not be read.
        OSError: the report or the record could not be written.
    """
    with run_folder.hold(options.stack) as folder:
        outcome = _adopt(options, folder)
    if options.report is not None:
        matrix.write_report(
            options.report,
            options.stack,
            outcome.rows,
            outcome.rights,
            adopted=outcome.adopted,
            requests=outcome.looked.requests,
            unread=outcome.looked.unread,
        )
    return outcome.code


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    code: int
    rows: Sequence[Row]
    rights: Sequence[Right]
    adopted: int = 0
    looked: Looked


def _adopt(options: Options, folder: Path) -> _Outcome:
    name = options.stack
    interrupted = stack.pending_creations(name)
    if options.write_config:
        _fill_placeholders(name)
    if options.secrets_from_google:
        _take_secrets(name)
    _say("reading what the program declares: pulumi preview")
    first = plan.read(name, folder)
    seen = _look(options, first.declared)
    for _ in range(PASSES):
        chosen = _to_write(name, seen) if options.write_config else []
        if not chosen:
            break
        _write(name, chosen)
        _say("reading again what the program declares: pulumi preview")
        first = plan.read(name, folder)
        seen = _look(options, first.declared)
    looked = seen.looked
    created = {str(step["urn"]) for step in first.steps if step.get("op") == "create"}
    # What the record names and the state lacks was not imported: the import was killed.
    imported = _undoable(name) - created
    kept = matrix.engine_rows(first.steps, imported, unfinished=bool(looked.found))
    rows = [*kept, *looked.rows]
    matrix.show(name, rows, sys.stdout)
    refused = sum(row.verdict is Verdict.REFUSED for row in rows)
    _say_interruptions(rows)
    _say_rights(name, seen)
    _say_proposals(name, seen.proposals)
    _say_unread(looked.unread)
    _say(f"\n{len(looked.found)} to import; {looked.requests} requests to Google")
    if refused:
        _say(f"{refused} cannot be adopted: nothing was imported")
        return _Outcome(code=REFUSED, rows=rows, rights=seen.rights, looked=looked)
    state = stack.export(name)
    half = _half_replaced(state)
    if not (looked.found or interrupted or half) or not _agreed(
        options, len(looked.found), interrupted, half
    ):
        return _Outcome(code=ADOPTED, rows=rows, rights=seen.rights, looked=looked)
    if half:
        _read_half_replaced(name, state, half, folder)
        first = plan.read(name, folder)
        looked = _look(options, first.declared).looked
    last, looked, adopted, urns = _import_all(options, first, looked, folder)
    imported |= urns
    rows = [*matrix.engine_rows(last.steps, imported), *looked.rows]
    wrong = _wrong(first, last, imported)
    if wrong:
        what = [f"after the import, `pulumi preview -s {name}` shows what must not happen:"]
        what += [f"  {line}" for line in wrong]
        _say(add_fix("\n".join(what), f".venv/bin/python -m ops adopt --stack {name} --undo"))
    else:
        _forget_interrupted(name, interrupted, last.steps)
        _say_adopted(options, adopted, rows)
    code = REFUSED if wrong else ADOPTED
    return _Outcome(code=code, rows=rows, rights=seen.rights, adopted=adopted, looked=looked)


def undo(name: str) -> int:
    """Take exactly what was imported out of the state again.

    Raises:
        StackError: there is no Pulumi CLI or no such stack, another run for the stack is under way, or an
            `up` has built on what was imported.
        OSError: the record could not be deleted.
    """
    with run_folder.hold(name):
        return _undo(name)


def _undo(name: str) -> int:
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


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What both clouds have, the accounts of code, and config with which the next `up` changes less."""

    looked: Looked
    rights: Sequence[Right] = ()
    proposals: Sequence[Proposal] = ()
    project: str = ""


def _look(options: Options, declared: Sequence[Declared]) -> _Seen:
    provider = next((one for one in declared if one.type == PROVIDER), None)
    config = stack.config(options.stack).get
    other = railway.RailwayLook()
    if any(one.type.startswith(railway.TYPE) for one in declared):
        access = access_from(os.environ, config)
        other = railway.look(declared, access, config, drop_undeclared=options.drop_undeclared)
    if provider is None:
        looked = Looked(rows=other.rows, found=other.found, unread=other.unread)
        return _Seen(looked=looked, proposals=other.proposals)
    project = str(provider.inputs["project"])
    live = Live(CountedApi(), project)
    unmanaged = mapping(StackFile(options.stack).value(UNMANAGED)) or {}
    found = google.look(
        declared,
        live,
        {key: str(reason) for key, reason in unmanaged.items()},
        config(f"{NAMESPACE}:backendUrlVariable") or BACKEND_URL_VARIABLE,
    )
    return _Seen(
        rights=rights.look(declared, live, other.backend_account),
        proposals=[*first_settings.of_preview(declared, live, config), *other.proposals],
        looked=Looked(
            rows=[*found.rows, *other.rows],
            found=[*found.found, *other.found],
            requests=live.requests,
            unread=[*live.unread, *other.unread],
        ),
        project=project,
    )


def _fill_placeholders(name: str) -> None:
    """Replace placeholders of the stack's file by what the clouds have: with them, there is no preview."""
    file = StackFile(name)
    project = file.value("googleProject")
    config = stack.config(name).get
    found = list(first_settings.of_railway(file, lambda: access_from(os.environ, config), config))
    if isinstance(project, str):
        found += first_settings.of_google(file, Live(CountedApi(), project))
    _write(name, found)


def _take_secrets(name: str) -> None:
    found, absent = google_secrets.missing(name, CountedApi())
    _write(name, found)
    if absent:
        _say(f"neither the config nor Secret Manager has a value that can be read of: {', '.join(absent)}")


def _to_write(name: str, seen: _Seen) -> list[Proposal]:
    """What keeps things as they are and the stack's file does not set."""
    file = StackFile(name)
    found = dict.fromkeys([*seen.proposals, *rights.keep_accounts(seen.rights)])
    return [one for one in found if one.value and not file.chooses(one)]


def _write(name: str, proposals: Sequence[Proposal]) -> None:
    stack_config.write(name, proposals)
    for one in proposals:
        _say(f"{stack_file.name_of(name)}: {NAMESPACE}:{one.key}{one.part}: {one.reason}")


def _say_interruptions(rows: Sequence[Row]) -> None:
    """What the next `up` does to running functions; the backend's deployment has a row of its own."""
    functions = [row for row in rows if row.kind == "function" and row.verdict is Verdict.CHANGES]
    functions = [row for row in functions if not row.reason.startswith(matrix.OTHER_STEP)]
    effects = [function_changes.effect(row.changes) for row in functions]
    moved = any(
        change.property.endswith(".serviceAccountEmail") for row in functions for change in row.changes
    )
    if effects:
        rebuilt, revised, labelled = map(effects.count, function_changes.EFFECTS)
        _say(
            f"\nrunning functions in the next `up`: {rebuilt} rebuilt, {revised} with a new revision only, "
            f"{labelled} only relabelled. There is no traffic gap: Cloud Run sends requests to the running "
            "revision until the new one is ready" + (MOVED if moved else "")
        )


def _say_rights(name: str, seen: _Seen) -> None:
    if not seen.rights:
        return
    _say("\nservice accounts, and their roles in the project:")
    for line in rights.lines(seen.rights, seen.project, StackFile(name).strings("functionsRoles")):
        _say(line)
    if rights.keep_accounts(seen.rights):
        _say(
            "  to keep the accounts that the functions have today, in the setting functionServiceAccounts:\n"
            f"    .venv/bin/python -m ops adopt --stack {name} --write-config"
        )


def _say_proposals(name: str, proposals: Sequence[Proposal]) -> None:
    file = StackFile(name)
    found = dict.fromkeys(proposals)
    for title, chosen in (
        ("config that keeps what exists; `--write-config` writes it", False),
        (f"{stack_file.name_of(name)} sets these, and the `up` changes what exists; to keep it", True),
    ):
        shown = [one for one in found if file.chooses(one) is chosen]
        if shown:
            _say(f"\n{title}:")
        for one in shown:
            _say(f"  {one.command}    # {one.reason}")


def _say_unread(unread: Sequence[str]) -> None:
    if unread:
        _say("\nnot read, because the account or token may not. The report says less about:")
    for one in unread:
        _say(f"  {one}")


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
    _say(f"to import {what}:\n  .venv/bin/python -m ops adopt --stack {options.stack} --yes")
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
        looked = _look(options, last.declared).looked
        requests += looked.requests
    return last, replace(looked, requests=requests), adopted, urns


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
    """What a preview would do to objects that were imported, or that exist and that it kept before."""
    before = {(step["urn"], step["op"]) for step in first.steps}
    found: list[str] = []
    for step in last.steps:
        urn, operation = str(step["urn"]), str(step["op"])
        destroys = operation in plan.DESTRUCTIVE and (urn in adopted or (urn, operation) not in before)
        if destroys or (operation == "create" and urn in adopted):
            reasons = step.get("replaceReasons") or step.get("diffReasons") or []
            found.append(f"{operation} {urn}" + (f" ({', '.join(reasons)})" if reasons else ""))
    return found


def _half_replaced(state: JsonObject) -> list[str]:
    """The URNs of objects that an `up` deleted and did not record the new creation of."""
    return [str(one["urn"]) for one in _resources(state) if one.get("pendingReplacement")]


def _resources(state: JsonObject) -> list[JsonObject]:
    return cast("list[JsonObject]", state["deployment"].get("resources") or [])


def _read_half_replaced(name: str, state: JsonObject, urns: Sequence[str], folder: Path) -> None:
    """Have the state say what exists of half-replaced objects: what was created again, or nothing.

    The engine reads no resource that waits for its creation, and imports none. So the mark is removed first.
    A run that is killed in between leaves a resource that the next `up` replaces once more.

    Args:
        name: the stack.
        state: the state of the report (`stack.export`). The whole of it is written, so it must not have
            changed since: each write of Pulumi changes the time in the manifest.
        urns: the half-replaced resources.
        folder: a private folder.
    """
    if stack.export(name) != state:
        raise stack.StackError(
            f"another Pulumi run has changed the state of the stack {name} since this command read it; "
            "nothing was written",
            f".venv/bin/python -m ops adopt --stack {name}  # when the other run has ended",
        )
    for one in _resources(state):
        one.pop("pendingReplacement", None)
    file = folder / "state.json"
    _write_private(file, state)
    done = stack.pulumi("stack", "import", "--stack", name, "--file", str(file))
    file.unlink()
    if done.returncode != 0:
        raise _failed(name, "pulumi stack import", done.stdout + done.stderr)
    targets = [option for urn in urns for option in ("--target", urn)]
    done = stack.pulumi("refresh", "--stack", name, *targets, "--yes", "--skip-preview")
    if done.returncode != 0:
        raise _failed(name, "pulumi refresh", done.stdout + done.stderr)
    existing = {str(one["urn"]) for one in stack.resources(name)}
    for urn in urns:
        result = (
            "was created, and is adopted" if urn in existing else "was deleted only, and is created again"
        )
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
        _say(f"a key may have been created. To name it:\n  .venv/bin/python -m ops verify --stack {name}")


def _say_adopted(options: Options, adopted: int, rows: Sequence[Row]) -> None:
    name = options.stack
    numbers = {verdict: sum(row.verdict is verdict for row in rows) for verdict in Verdict}
    lost = [row.name for row in rows if row.kind == VARIABLE and row.verdict is Verdict.UNDECLARED]
    if lost and not options.drop_undeclared:
        _say(
            f"the next `up` removes these variables of the backend: {', '.join(lost)}. To keep them:\n"
            f"  .venv/bin/python -m ops adopt --stack {name} --write-config"
        )
    _say(
        f"adopted: {adopted}. The next `up` changes {numbers[Verdict.CHANGES]} objects in place, creates "
        f"{numbers[Verdict.CREATED]} on the clouds, and replaces or deletes none of them.\n"
        f"next:\n  pulumi preview -s {name} --diff\n  pulumi up -s {name}\n"
        f"to undo the import:\n  .venv/bin/python -m ops adopt --stack {name} --undo"
    )


def _failed(name: str, command: str, output: str) -> stack.StackError:
    if LOCKED in output:
        return stack.StackError(
            f"`{command}` failed: another Pulumi run locks the stack {name}, or one that was killed did",
            f"if no other run is under way:\npulumi cancel {name} --yes\nThen run the command again.",
        )
    return stack.StackError(
        f"`{command}` failed:\n{output.strip()}",
        f"run the command again: it continues\n{OR}.venv/bin/python -m ops adopt --stack {name} --undo",
    )


def _say(line: str) -> None:
    sys.stdout.write(printable(line) + "\n")
    sys.stdout.flush()
