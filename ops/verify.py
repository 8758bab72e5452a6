"""`python -m ops verify`: is everything that was declared really there and well?

Runbook: "indexes are Ready, functions Deployed, rules active", "/health 200". The program runs it as the last
step of `pulumi up` (`components.verification`) with what it declared, so that an `up` whose result is not
healthy is a failed `up`.

It refuses to trust what Pulumi believes: everything is read from Google and Railway again. It reads no
secret and is given none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import cast
from urllib.parse import urlsplit

from components.verification_spec import SOURCE_VARIABLE, Spec
from firebase.errors import GoogleError, JsonObject
from firebase.release import get_release
from firebase.rest import GoogleApi
from ops import google
from ops.report import Line
from railway import health
from railway.clock import Clock

AGAIN = "Run `pulumi up` again; if it stays, read the message in the Google Cloud console."


def check(spec: Spec, api: GoogleApi, environ: Mapping[str, str] | None = None) -> list[Line]:
    """Every declared thing, checked. A check that could not be made is a failure of its own line."""
    return [
        *_guarded("functions", _functions(spec, api)),
        *_guarded("indexes", _indexes(spec, api)),
        *_guarded("rules", _rules(spec, api)),
        *_guarded("secrets", _secrets(spec, api)),
        _health(spec, os.environ if environ is None else environ),
    ]


def _guarded(thing: str, lines: Iterator[Line]) -> Iterator[Line]:
    try:
        yield from lines
    except GoogleError as error:
        yield Line(thing=thing, found=f"could not be checked: {error}", fix=error.fix)


def _functions(spec: Spec, api: GoogleApi) -> Iterator[Line]:
    regions = sorted({str(function["region"]) for function in spec.functions})
    live = {region: google.functions(api, spec.project, region) for region in regions}
    for declared in spec.functions:
        region, name = str(declared["region"]), str(declared["id"])
        thing = f"function {region}/{name}"
        found = live[region].get(name)
        if found is None:
            yield Line(thing=thing, found="not there", fix=AGAIN)
            continue
        state = str(found.get("state", ""))
        if state != "ACTIVE":
            messages = cast("list[JsonObject]", found.get("stateMessages") or [])
            said = "; ".join(str(message.get("message", "")) for message in messages)
            yield Line(thing=thing, found=f"{state} {said}".strip(), fix=AGAIN)
            continue
        # Not `source`: Google names its own copy there (`components.functions.SOURCE_VARIABLE`).
        source = _at(found, "buildConfig", "environmentVariables", SOURCE_VARIABLE)
        if source != declared["source"]:
            yield Line(
                thing=thing,
                found=f"runs {source or 'what another tool built'}, not {declared['source']}",
                fix="Somebody deployed past Pulumi: run `pulumi up --refresh`.",
            )
            continue
        yield Line(thing=thing, found="ACTIVE")


def _indexes(spec: Spec, api: GoogleApi) -> Iterator[Line]:
    if not spec.indexes:
        return
    states = google.index_states(api, spec.project, spec.database)
    for key, name in sorted(spec.indexes.items()):
        state = states.get(name, "not there")
        fix = None
        if state != "READY":
            fix = (
                "It is still being built; run `pulumi up` again when it is done."
                if state == "CREATING"
                else "Run `pulumi up --refresh`, which makes it again."
            )
        yield Line(thing=f"index {key}", found=state, fix=fix)


def _rules(spec: Spec, api: GoogleApi) -> Iterator[Line]:
    if spec.release is None or spec.ruleset is None:
        return
    live = get_release(api, spec.project, spec.release)
    thing = f"rules {spec.release}"
    heal = "Run `pulumi up --refresh`, which points the release at the declared rules."
    if live is None:
        yield Line(thing=thing, found="no release: clients meet a database without rules", fix=heal)
    elif live.get("rulesetName") != spec.ruleset:
        yield Line(thing=thing, found=f"points at {live.get('rulesetName')}, not {spec.ruleset}", fix=heal)
    elif google.ruleset_digest(api, spec.ruleset) != spec.rules_digest:
        yield Line(thing=thing, found=f"the text of {spec.ruleset} is not the declared one", fix=heal)
    else:
        yield Line(thing=thing, found="the declared text is released")


def _secrets(spec: Spec, api: GoogleApi) -> Iterator[Line]:
    for name, version in sorted(spec.secrets.items()):
        state = google.secret_version_state(api, spec.project, name, version)
        fix = None
        if state != "ENABLED":
            fix = f"Enable that version of {name} in Secret Manager, or set a new value and `pulumi up`."
        yield Line(thing=f"secret {name}", found=f"version {version} {state}", fix=fix)


def _health(spec: Spec, environ: Mapping[str, str]) -> Line:
    url, path = spec.backend_url, spec.health_path
    found = health.wait_until_healthy(
        urlsplit(url).netloc,
        path,
        deadline=Clock().deadline(spec.wait_seconds),
        edge_url=environ.get("RAILWAY_EDGE_URL"),
    )
    fix = "Read the backend's log on Railway; the deployment that runs is not healthy."
    return Line(thing=f"backend {url}{path}", found=found.answer, fix=None if found.healthy else fix)


def _at(value: JsonObject, *path: str) -> object:
    found: object = value
    for key in path:
        if not isinstance(found, dict):
            return None
        found = found.get(key)
    return found
