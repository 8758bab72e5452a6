"""`python -m ops verify`: does everything that was declared exist, and is it healthy?

Runbook: "indexes are Ready, functions Deployed, rules active", "/health 200". The program runs it as the last
step of `pulumi up` (`components.verification`); `--stack NAME` runs it on a stack's state.

Everything is read from Google and the backend again; the state only contains the names to look for. No secret
value is read. The text of the released rules must prove that no client may delete what `neverDelete`
protects, also where another program has released them.

`--stack` also reports keys, secret versions and members of IAM roles that the state does not know
(`ops.access`). During an `up` the state is not complete: it still names what the same `up` deletes at its
end. There, `firebase.unknown_credentials` follows this step.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import cast
from urllib.parse import urlsplit

from checkout import never_delete
from checkout.firebase_json import DEFAULT_DATABASE
from checkout.never_delete import Protection
from components.verification_spec import SOURCE_VARIABLE, Spec
from firebase import index_builds
from firebase.errors import GoogleError, JsonObject
from firebase.release import get_release, release_name, text_digest
from firebase.rest import GoogleApi
from ops import access, google, rules_evidence
from ops.access import refresh
from ops.check_results import CheckResult
from railway import health
from railway.clock import Clock


def up(stack: str) -> str:
    """The command that deploys the stack."""
    return f"pulumi up -s {stack}"


def check(spec: Spec, api: GoogleApi, environ: Mapping[str, str] | None = None) -> list[CheckResult]:
    """One line per declared object. A failed read is a failed line of its own."""
    return [
        *_readable("functions", _read_functions(spec, api)),
        *_readable("indexes", _indexes(spec, api)),
        *_readable("rules", _rules(spec, api)),
        *_readable("secrets", _secrets(spec, api)),
        _health(spec, os.environ if environ is None else environ),
    ]


def check_access(state: Sequence[JsonObject], api: GoogleApi, stack: str) -> list[CheckResult]:
    """What works in the clouds and is not in the state. A failed read is a failed line of its own.

    Args:
        state: the resources of the stack's state.
        api: the client.
        stack: the name of the stack, for commands.
    """
    return [
        *_readable("keys and secret versions", access.credentials(state, api)),
        *_readable("members of IAM roles", access.members(state, api, stack)),
    ]


def _readable(thing: str, lines: Iterator[CheckResult]) -> Iterator[CheckResult]:
    try:
        yield from lines
    except GoogleError as error:
        yield CheckResult(thing=thing, found=f"the check could not run: {error.what}", fix=error.fix)


def _read_functions(spec: Spec, api: GoogleApi) -> Iterator[CheckResult]:
    regions = sorted({function.region for function in spec.functions})
    deployed = {
        (region, name): found
        for region in regions
        for name, found in google.functions(api, spec.project, region).items()
    }
    yield from functions(spec, deployed)


def functions(spec: Spec, deployed: Mapping[tuple[str, str], JsonObject]) -> Iterator[CheckResult]:
    """One line per declared function.

    Args:
        spec: what is declared.
        deployed: the live functions by region and id.
    """
    for declared in spec.functions:
        thing = f"function {declared.region}/{declared.id}"
        found = deployed.get((declared.region, declared.id))
        if found is None:
            yield CheckResult(thing=thing, found="does not exist", fix=refresh(spec.stack))
            continue
        state = str(found.get("state", ""))
        if state != "ACTIVE":
            messages = cast("list[JsonObject]", found.get("stateMessages") or [])
            reason = "; ".join(str(message.get("message", "")) for message in messages)
            fix = (
                f"{up(spec.stack)}\nIf it stays {state}, read the function's log in the Google Cloud console."
            )
            yield CheckResult(thing=thing, found=f"{state} {reason}".strip(), fix=fix)
            continue
        build = cast("JsonObject", found.get("buildConfig") or {})
        source = cast("JsonObject", build.get("environmentVariables") or {}).get(SOURCE_VARIABLE)
        if source != declared.source:
            built = f"was built from {source}" if source else "was deployed by another tool"
            built = f"{built}; expected archive {declared.source}"
            yield CheckResult(thing=thing, found=built, fix=refresh(spec.stack))
            continue
        yield CheckResult(thing=thing, found="ACTIVE")


def _indexes(spec: Spec, api: GoogleApi) -> Iterator[CheckResult]:
    for database, indexes in ((spec.database, spec.indexes), *sorted(spec.other_indexes.items())):
        place = "" if database == spec.database else f"{database} "
        declared = {"project": spec.project, "database": database, "indexes": indexes}
        for key, state in sorted(index_builds.states(api, declared).items()):
            fix = None
            if state != "READY":
                fix = (
                    f"wait until it is built, then run:\n{up(spec.stack)}"
                    if state == "CREATING"
                    else refresh(spec.stack)
                )
                if state in index_builds.BROKEN:
                    fix = index_builds.broken_fix([key], refresh(spec.stack))
            found = "does not exist" if state == index_builds.MISSING else state
            yield CheckResult(thing=f"index {place}{key}", found=found, fix=fix)


def _rules(spec: Spec, api: GoogleApi) -> Iterator[CheckResult]:
    if spec.release is not None and spec.ruleset is not None:
        line, live, files = _released(spec, api, spec.release, spec.ruleset, spec.rules_digest)
        yield line
        if live:
            declared = text_digest(files) == spec.rules_digest
            yield from never_delete_lines(spec, api, live, files, declared=declared)
    yield from other_rules(spec, api)


def other_rules(spec: Spec, api: GoogleApi) -> Iterator[CheckResult]:
    """The rules of other databases and of buckets: whether the declared text is released, and what it denies.

    Raises:
        GoogleError: a release or a ruleset could not be read, or attempts could not be evaluated.
    """
    for release, ruleset in sorted(spec.other_rulesets.items()):
        digest = spec.other_digests.get(release)
        line, live, files = _released(spec, api, release, ruleset, digest)
        yield line
        service, _, name = release.partition("/")
        if live and service == release_name(DEFAULT_DATABASE):
            database = replace(spec, database=name or DEFAULT_DATABASE)
            declared = text_digest(files) == digest
            yield from never_delete_lines(database, api, live, files, declared=declared)


def _released(
    spec: Spec, api: GoogleApi, name: str, ruleset: str, digest: str | None
) -> tuple[CheckResult, str, dict[str, str]]:
    """Whether a release has the declared ruleset and text; its ruleset, "" if it is absent, and the files."""
    thing, fix = f"rules {name}", refresh(spec.stack)
    release = get_release(api, spec.project, name)
    if release is None:
        kind = "bucket" if name.startswith("firebase.storage/") else "database"
        return CheckResult(thing=thing, found=f"no release: the {kind} has no rules", fix=fix), "", {}
    live = str(release.get("rulesetName"))
    files = google.ruleset_files(google.ruleset(api, live))
    found = CheckResult(thing=thing, found="the declared text is released")
    if live != ruleset:
        other = f"the release has the ruleset {live}; expected {ruleset}"
        found = CheckResult(thing=thing, found=other, fix=fix)
    elif text_digest(files) != digest:
        found = CheckResult(thing=thing, found=f"the text of {ruleset} is not the declared one", fix=fix)
    return found, live, files


def never_delete_lines(
    spec: Spec, api: GoogleApi, live: str, files: Mapping[str, str], *, declared: bool
) -> Iterator[CheckResult]:
    """The live text: what it proves, and the results of attempts to delete.

    Args:
        spec: what is declared.
        api: the client.
        live: the full name of the released ruleset.
        files: its files.
        declared: whether their text is the declared one.

    Raises:
        GoogleError: the attempts could not be evaluated.
    """
    protected = Protection(collections=tuple(spec.never_delete), exceptions=dict(spec.allow_client_deletes))
    if not protected.collections:
        return
    thing = "rules: deletes denied (text)"
    problems = [one for name, text in files.items() for one in never_delete.problems(name, text, protected)]
    for problem in problems:
        found = f"{live} at {problem.key}: {problem.what}"
        yield CheckResult(
            thing=thing,
            found=found,
            fix=f"{problem.fix.rstrip('.')}, then run:\n{up(spec.stack)}"
            if declared
            else refresh(spec.stack),
        )
    if not problems:
        exceptions = "".join(f"; except {name}: {why}" for name, why in protected.exceptions.items())
        yield CheckResult(thing=thing, found=", ".join(protected.collections) + exceptions)
    yield _delete_attempts(spec, api, live, "\n".join(files.values()), protected, declared=declared)


def _delete_attempts(
    spec: Spec, api: GoogleApi, live: str, text: str, protected: Protection, *, declared: bool
) -> CheckResult:
    thing = "rules: deletes denied (test requests)"
    documents = never_delete.example_documents(text, protected)
    attempts = rules_evidence.attempts(text, documents, spec.database)
    try:
        allowed = rules_evidence.run(api, live, attempts)
    except GoogleError as error:
        if error.reason == "UNIMPLEMENTED":  # a server that compiles rules and does not evaluate them
            return CheckResult(thing=thing, found="none: this server cannot evaluate rules")
        raise
    of = f"{len(attempts)} on {len(documents)} documents"
    if not allowed:
        return CheckResult(thing=thing, found=f"{of}: all denied")
    some = ", ".join(f"{one.document} by {one.client}" for one in allowed[:3])
    found = f"{of}: {len(allowed)} not denied, such as {some}"
    fix = (
        f"write `allow delete: if false` for these documents in the rules, then run:\n{up(spec.stack)}"
        if declared
        else refresh(spec.stack)
    )
    return CheckResult(thing=thing, found=found, fix=fix)


def _secrets(spec: Spec, api: GoogleApi) -> Iterator[CheckResult]:
    for name, version in sorted(spec.secrets.items()):
        state = google.secret_version_state(api, spec.project, name, version)
        fix = None
        if state == "DISABLED":
            fix = f"gcloud secrets versions enable {version} --secret {name} --project {spec.project}"
        elif state != "ENABLED":
            fix = refresh(spec.stack)  # setting the same value again would change nothing
        yield CheckResult(thing=f"secret {name}", found=f"version {version} {state}", fix=fix)


def _health(spec: Spec, environ: Mapping[str, str]) -> CheckResult:
    url, path = spec.backend_url, spec.health_path
    found = health.wait_until_healthy(
        urlsplit(url).netloc,
        path,
        deadline=Clock().deadline(spec.wait_seconds),
        edge_url=environ.get("RAILWAY_EDGE_URL"),
    )
    fix = None if found.healthy else "read the log of the running deployment in Railway's dashboard"
    return CheckResult(thing=f"backend {url}{path}", found=found.outcome, fix=fix)
