"""Section B of the runbook, Firebase: what is declared is live, and nothing has more rights than it needs."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Sequence
from typing import cast

from firebase.errors import GoogleError, JsonObject
from firebase.index_builds import BROKEN, MISSING, READY, broken_fix
from firebase.release import text_digest
from firebase.unknown_credentials import NOT_FOUND
from ops import access, google, verify
from ops.check_results import CheckResult
from ops.readiness.context import Context
from ops.readiness.findings import counted, failed, of_results, passed, some, unknown
from ops.readiness.model import Finding
from user_errors import shell_word

LATEST = "latest"


def everything_live(context: Context) -> Finding:
    """B1: each function, index, scheduler job and the rules' release exist. Their state is B2 to B4."""
    spec, missing = context.spec, list[str]()
    missing += [f"function {region}/{name}" for region, name in _missing_functions(context)]
    missing += [f"index {key}" for key, state in context.indexes.items() if state == MISSING]
    if spec.release is not None and not context.released:
        missing.append(f"rules {spec.release}")
    jobs = google.jobs(context.google, spec.project, {region for region, _ in context.declared.jobs})
    missing += [
        f"scheduler job {region}/{name}"
        for region, name in context.declared.jobs
        if (region, name) not in jobs
    ]
    counts = {
        "function": len(spec.functions),
        "index or field override": len(context.indexes),
        "scheduler job": len(context.declared.jobs),
        "release of rules": int(spec.release is not None),
    }
    asked = ", ".join(f"{count} x {what}" for what, count in counts.items() if count)
    seen = context.seen(f"Google: does each declared object exist? {asked}", some(missing) or "all exist")
    if missing:
        return failed(f"missing: {some(missing, ', ')}", context.refresh, seen)
    return passed(f"all {sum(counts.values())} declared objects exist: {asked}", seen)


def indexes_ready(context: Context) -> Finding:
    """B2: no declared index is being built, broken or missing."""
    found = context.indexes
    seen = context.seen(
        "Firestore: the state of each declared index and field override",
        ", ".join(f"{list(found.values()).count(state)} {state}" for state in sorted({*found.values()})),
    )
    waiting = {key: state for key, state in found.items() if state not in READY}
    if not waiting:
        return passed(f"all {len(found)} indexes and field overrides are READY", seen)
    text = some((f"{key}: {state}" for key, state in sorted(waiting.items())))
    states = {*waiting.values()}
    broken = [key for key, state in waiting.items() if state in BROKEN]
    if broken:
        return failed(text, broken_fix(broken, context.refresh), seen)
    if states == {MISSING}:
        return failed(text, context.refresh, seen, follows=("B1",))
    fix = (
        "wait until Firestore has built them, which takes 10 to 60 minutes on a large collection:\n"
        f"{context.again('--retry-until 60m')}"
    )
    return failed(text, fix, seen, waiting=MISSING not in states)


def functions_active(context: Context) -> Finding:
    """B3: each declared function is ACTIVE and was built from the declared archive."""
    gone = set(_missing_functions(context))
    there = tuple(one for one in context.spec.functions if (one.region, one.id) not in gone)
    live = context.functions
    results = list(verify.functions(dataclasses.replace(context.spec, functions=there), live))
    states = [str(live[one.region, one.id].get("state", "")) for one in there]
    seen = context.seen(
        "Cloud Functions: state and source archive of each declared function",
        ", ".join(f"{states.count(state)} {state}" for state in sorted({*states})) or "none",
    )
    finding = of_results(results, f"all {len(there)} functions are ACTIVE, from the declared archive", seen)
    if gone and not any(one.failed for one in results):
        return failed(f"{counted(len(gone), 'function')} missing", context.refresh, seen, follows=("B1",))
    deploying = [state for state in states if state != "ACTIVE"]
    if finding.fix and deploying and {*deploying} == {"DEPLOYING"}:
        return dataclasses.replace(finding, waiting=True)
    return finding


def rules_active(context: Context) -> Finding:
    """B4: the released texts are the declared ones. Other rules that allow deletes are B5's failure."""
    spec, name = context.spec, context.released
    if spec.release is None:
        return unknown("the app declares no security rules", "name the rules in firebase.json")
    if not name:
        return failed("no release: the database has no rules", context.refresh, follows=("B1",))
    live = text_digest(context.rules)
    seen = context.seen(f"Firebase Rules: sha256 of the text of {name}", live)
    if live == spec.rules_digest:
        right = f"the text of {name} is the declared one"
        if others := list(verify.other_rules(spec, context.google)):
            more = counted(len(spec.other_rulesets), "other release")
            return of_results(others, f"{right}; so are those of {more}", seen)
        return passed(right, seen)
    return failed(
        f"{name} is released, and its text is not the declared one",
        context.refresh,
        seen,
        follows=("B5",),
    )


def never_delete(context: Context) -> Finding:
    """B5: the released text proves that no client may delete, and Google denies every attempt."""
    spec, name = context.spec, context.released
    if not spec.never_delete:
        fix = f"pulumi config rm whatsapp-crm:neverDelete -s {shell_word(context.stack)}"
        return failed("neverDelete is empty: no collection is protected", fix)
    if not name:
        return failed("no release: the database has no rules", context.refresh, follows=("B1",))
    declared = text_digest(context.rules) == spec.rules_digest
    results = list(verify.never_delete_lines(spec, context.google, name, context.rules, declared=declared))
    seen = [context.seen(f"{one.thing} of {name}", one.found) for one in results]
    protected = ", ".join(spec.never_delete)
    return of_results(results, f"no client may delete in {protected}: proven on the live text", *seen)


def secrets_present(context: Context) -> Finding:
    """B6: each secret's declared version is enabled, and the functions are pinned to it."""
    spec, problems, fixes = context.spec, list[str](), list[str]()
    project = spec.project
    for secret, version in sorted(spec.secrets.items()):
        state = secret_state(context, secret, version)
        if state == "DISABLED":
            problems.append(f"{secret}: version {version} is DISABLED")
            fixes.append(f"gcloud secrets versions enable {version} --secret {secret} --project {project}")
        elif state != "ENABLED":
            problems.append(f"{secret}: version {version} is {state or 'missing'}")
            fixes.append(context.refresh)
    for function, _, secret, version in context.secrets_read():
        if secret in spec.secrets and version != spec.secrets[secret]:
            pinned = "not pinned" if version in ("", LATEST) else f"pinned to version {version}"
            problems.append(f"{function} is {pinned} of {secret}, not to {spec.secrets[secret]}")
            fixes.append(context.refresh)
    names = ", ".join(f"{name} version {version}" for name, version in sorted(spec.secrets.items()))
    seen = context.seen(
        f"Secret Manager, Cloud Functions: {names or 'no secrets'}", some(problems) or "as pinned"
    )
    if problems:
        return failed(some(problems), "\n".join(dict.fromkeys(fixes)), seen)
    return passed(f"present, enabled and pinned: {', '.join(sorted(spec.secrets)) or 'no secrets'}", seen)


def secret_readers(context: Context) -> Finding:
    """B7: each secret is readable by exactly the accounts of the functions that use it."""
    results = list(
        access.members(context.declared.state, context.google, context.stack, of=(access.SECRETS,))
    )
    count = len(context.spec.secrets)
    seen = context.seen(f"Secret Manager: who has access to {counted(count, 'secret')}", _shown(results))
    return of_results(results, f"{counted(count, 'secret')}: each has exactly its readers", seen)


def backend_address(context: Context) -> Finding:
    """B8: what functions read as the backend's address is the backend's address."""
    name = context.settings.secrets.backend_url_variable
    expected = context.spec.backend_url.rstrip("/")
    readers: dict[tuple[str, str], list[str]] = {}
    for function, variable, secret, version in context.secrets_read():
        if variable == name:
            readers.setdefault((secret, version), []).append(function)
    plain = _plain(context, name)
    if not readers and not plain:
        fix = "pulumi config set whatsapp-crm:backendUrlVariable <the variable that the functions read>"
        return failed(f"no function reads {name}", fix)
    wrong = [function for function, value in plain.items() if value.rstrip("/") != expected]
    for (secret, version), functions in readers.items():
        if _value(context, secret, version).rstrip("/") != expected:
            wrong += functions
    asked = (
        f"{name} of {counted(len(plain) + sum(map(len, readers.values())), 'function')}: is it {expected}?"
    )
    seen = context.seen(asked, f"not in {', '.join(sorted(wrong))}" if wrong else "yes")
    if wrong:
        found = f"{name} is another address in {some(sorted(wrong), ', ')}"
        return failed(found, context.refresh, seen)
    return passed(f"{name} is {expected}", seen)


def least_privilege(context: Context) -> Finding:
    """B9: no account has a role, no key and no secret version works, that is not declared."""
    state, api = context.declared.state, context.google
    results = [
        *access.credentials(state, api),
        *access.members(state, api, context.stack, of=(access.ACCOUNTS, access.SERVICES, access.QUEUES)),
        *access.project_roles(state, api, context.declared.project_roles),
    ]
    passes = "; ".join(f"{one.thing}: {one.found}" for one in results if not one.failed)
    seen = context.seen(
        "Google: keys, secret versions, IAM policies of the stack's accounts", _shown(results)
    )
    return of_results(results, passes or "nothing has rights", seen)


def _shown(results: Sequence[CheckResult]) -> str:
    return some(f"{one.thing}: {one.found}" for one in results)


def _missing_functions(context: Context) -> list[tuple[str, str]]:
    declared = ((one.region, one.id) for one in context.spec.functions)
    return [place for place in declared if place not in context.functions]


def secret_state(context: Context, secret: str, version: str) -> str:
    """The state of a version; "" if it does not exist."""
    try:
        return context.secret_state(secret, version)
    except GoogleError as error:
        if error.status == NOT_FOUND:
            return ""
        raise


def _plain(context: Context, name: str) -> dict[str, str]:
    """The functions that have a variable in plain text, with its value."""
    found: dict[str, str] = {}
    for (_, function), one in sorted(context.functions.items()):
        service = cast("JsonObject", one.get("serviceConfig") or {})
        variables = cast("JsonObject", service.get("environmentVariables") or {})
        if name in variables:
            found[function] = str(variables[name])
    return found


def _value(context: Context, secret: str, version: str) -> str:
    """The value of a version, which is only compared."""
    path = f"projects/{context.spec.project}/secrets/{secret}/versions/{version}:access"
    operation = f"compare {secret} with the backend's address"
    found = context.google.call("GET", "secretmanager", path, operation=operation, repeatable=True)
    data = cast("JsonObject", found.get("payload") or {}).get("data", "")
    return base64.b64decode(str(data)).decode("utf-8", "replace").strip()
