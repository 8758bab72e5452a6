"""`python -m ops adopt`: the report, the import, its check, and the way back.

The clouds are only read. `write_config` and `secrets_from_google` write the stack's file, `yes` writes
Pulumi's state; without them, nothing is written. A run that was killed is continued by the same command: what
the state has is no longer imported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from checkout.manifest import UNMANAGED
from firebase.errors import JsonObject
from ops import stack, stack_file
from ops.adopt import (
    engine,
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
from ops.adopt.engine import say
from ops.adopt.interrupted import forget_creations, half_replaced, needs_repair, repair
from ops.adopt.live import CountedApi, Live
from ops.adopt.model import Declared, Found, Looked, Row, Verdict
from ops.adopt.proposals import Proposal
from ops.adopt.rights import Right
from ops.adopt.stack_config import StackFile
from railway.graphql.credentials import access_from
from settings.keys import NAMESPACE
from settings.model import BACKEND_URL_VARIABLE
from settings.parsing import mapping
from user_errors import add_fix

ADOPTED, REFUSED = 0, 1
PASSES = 4
"""An import makes values known (the backend's address), and config names objects (the service), by which the
next pass finds more."""
PROVIDER = "pulumi:providers:gcp"
VARIABLE = "railway variable"
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
    say("reading what the program declares: pulumi preview")
    first = plan.read(name, folder)
    seen = _look(options, first.declared)
    for _ in range(PASSES):
        chosen = _to_write(name, seen) if options.write_config else []
        if not chosen:
            break
        _write(name, chosen)
        say("reading again what the program declares: pulumi preview")
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
    say(f"\n{len(looked.found)} to import; {looked.requests} requests to Google")
    if refused:
        say(f"{refused} cannot be adopted: nothing was imported")
        return _Outcome(code=REFUSED, rows=rows, rights=seen.rights, looked=looked)
    state = stack.export(name)
    half = half_replaced(state)
    if not (looked.found or interrupted or half) or not _agreed(
        options, len(looked.found), interrupted, half
    ):
        return _Outcome(code=ADOPTED, rows=rows, rights=seen.rights, looked=looked)
    if needs_repair(state):
        repair(name, state, folder)
        first = plan.read(name, folder)
        looked = _look(options, first.declared).looked
    last, looked, adopted, urns = _import_all(options, first, looked, folder)
    imported |= urns
    rows = [*matrix.engine_rows(last.steps, imported), *looked.rows]
    wrong = _wrong(first, last, imported)
    if wrong:
        what = [f"after the import, `pulumi preview -s {name}` shows what must not happen:"]
        what += [f"  {line}" for line in wrong]
        say(add_fix("\n".join(what), f".venv/bin/python -m ops adopt --stack {name} --undo"))
    else:
        forget_creations(name, interrupted, _created(last.steps))
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
        engine.call("state delete", name, "--force", "--yes", *imported)
    record.remove(name)
    say(f"removed from the state of {name}: {len(imported)} resources; nothing changed on the clouds")
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
        say(f"neither the config nor Secret Manager has a value that can be read of: {', '.join(absent)}")


def _to_write(name: str, seen: _Seen) -> list[Proposal]:
    """What keeps things as they are and the stack's file does not set."""
    file = StackFile(name)
    found = dict.fromkeys([*seen.proposals, *rights.keep_accounts(seen.rights)])
    return [one for one in found if one.value and not file.chooses(one)]


def _write(name: str, proposals: Sequence[Proposal]) -> None:
    stack_config.write(name, proposals)
    for one in proposals:
        say(f"{stack_file.name_of(name)}: {NAMESPACE}:{one.key}{one.part}: {one.reason}")


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
        say(
            f"\nrunning functions in the next `up`: {rebuilt} rebuilt, {revised} with a new revision only, "
            f"{labelled} only relabelled. There is no traffic gap: Cloud Run sends requests to the running "
            "revision until the new one is ready" + (MOVED if moved else "")
        )


def _say_rights(name: str, seen: _Seen) -> None:
    if not seen.rights:
        return
    say("\nservice accounts, and their roles in the project:")
    for line in rights.lines(seen.rights, seen.project, StackFile(name).strings("functionsRoles")):
        say(line)
    if rights.keep_accounts(seen.rights):
        say(
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
            say(f"\n{title}:")
        for one in shown:
            say(f"  {one.command}    # {one.reason}")


def _say_unread(unread: Sequence[str]) -> None:
    if unread:
        say("\nnot read, because the account or token may not. The report says less about:")
    for one in unread:
        say(f"  {one}")


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
    say(f"to import {what}:\n  .venv/bin/python -m ops adopt --stack {options.stack} --yes")
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
        say(f"importing {len(looked.found)}, then another pulumi preview")
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
    options = ("--generate-code=false", "--protect=false", "--yes", "--skip-preview")
    engine.call_with_file("import", name, folder / "imports.json", document, *options)
    state = {str(one["urn"]) for one in stack.resources(name)}
    record.write(name, [urn for urn in record.read(name) if urn in state])
    protected = [one.urn for one in found if one.protect]
    if protected:
        engine.call("state protect", name, "--yes", *protected)
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


def _created(steps: Sequence[JsonObject]) -> set[str]:
    return {str(step["urn"]) for step in steps if step.get("op") in ("create", "create-replacement")}


def _say_adopted(options: Options, adopted: int, rows: Sequence[Row]) -> None:
    name = options.stack
    numbers = {verdict: sum(row.verdict is verdict for row in rows) for verdict in Verdict}
    lost = [row.name for row in rows if row.kind == VARIABLE and row.verdict is Verdict.UNDECLARED]
    if lost and not options.drop_undeclared:
        say(
            f"the next `up` removes these variables of the backend: {', '.join(lost)}. To keep them:\n"
            f"  .venv/bin/python -m ops adopt --stack {name} --write-config"
        )
    say(
        f"adopted: {adopted}. The next `up` changes {numbers[Verdict.CHANGES]} objects in place, creates "
        f"{numbers[Verdict.CREATED]} on the clouds, and replaces or deletes none of them.\n"
        f"next:\n  pulumi preview -s {name} --diff\n  pulumi up -s {name}\n"
        f"to undo the import:\n  .venv/bin/python -m ops adopt --stack {name} --undo"
    )
