"""Firebase rules: rulesets, which must compile, and releases, which load them into the Firestore emulator.

With an emulator, its compiler checks the rules and it runs test suites (`projects.test` with test cases);
without one, only the syntax is checked, and test suites are not supported.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from typing import TYPE_CHECKING, cast

from sandbox.google.compiler import compile_rules, load_rules
from sandbox.google.errors import ApiError, invalid
from sandbox.google.generic import list_page
from sandbox.google.hooks import rules_tests
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from sandbox.google.cloud import Cloud
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json

MAX_RULESETS = 2500
MAX_SOURCE_BYTES = 262_144
FIRESTORE = "cloud.firestore"
SERVICE = re.compile(r"\bservice\s+(cloud\.firestore|firebase\.storage)\b")
DENY_ALL = """rules_version = '2';
service cloud.firestore {
  match /{document=**} {
    allow read, write: if false;
  }
}
"""
"""The rules that apply without a release."""


def _table(project: str, what: str) -> str:
    return f"firebaserules/projects/{project}/{what}"


def _files(source: Json) -> list[Json]:
    files = cast("list[Json]", source.get("files", []))
    if not files:
        raise invalid("Ruleset source must have at least one file.", "ruleset.source.files")
    for file in files:
        if not file.get("name") or not file.get("content"):
            raise invalid("Each source file must have a name and content.", "ruleset.source.files")
    if sum(len(file["content"].encode()) for file in files) > MAX_SOURCE_BYTES:
        raise invalid(f"Ruleset source exceeds {MAX_SOURCE_BYTES} bytes.", "ruleset.source.files")
    return files


async def test(request: ApiRequest) -> Json:
    """`projects.test`: compile, then run the test cases; issues are returned with status 200."""
    source = request.body.get("source")
    if source is None and "/rulesets/" in request.name:
        source = _ruleset(request.cloud, request.name)["source"]
    files = _files(cast("Json", source or {}))
    emulator = request.cloud.emulator
    issues = await compile_rules(emulator, files)
    response: Json = {"issues": issues} if issues else {}
    cases = cast("list[Json]", cast("Json", request.body.get("testSuite") or {}).get("testCases") or [])
    if not cases or any(issue["severity"] == "ERROR" for issue in issues):
        return response
    if emulator is None:
        raise ApiError("UNIMPLEMENTED", "The sandbox runs test suites only with a Firestore emulator.")
    project = rules_tests.new_project()
    await load_rules(emulator, project, files)
    results = await asyncio.to_thread(rules_tests.run_suite, emulator, project, cases)
    return {**response, "testResults": results}


def _issue_line(issue: Json) -> str:
    position = cast("Json", issue["sourcePosition"])
    where = f"[{position['fileName']}] {position.get('line', 1)}:{position.get('column', 1)}"
    return f"{where} {issue['description']}"


async def create_ruleset(request: ApiRequest) -> Json:
    files = _files(cast("Json", request.body.get("source", {})))
    if len(list(request.store.items(_table(request.project, "rulesets")))) >= MAX_RULESETS:
        raise ApiError("RESOURCE_EXHAUSTED", f"A project can have at most {MAX_RULESETS} rulesets.")
    errors = [
        issue for issue in await compile_rules(request.cloud.emulator, files) if issue["severity"] == "ERROR"
    ]
    if errors:
        text = "\n".join(_issue_line(issue) for issue in errors)
        raise ApiError(
            "INVALID_ARGUMENT",
            f"Error compiling rules:\n{text}",
            details=[
                {
                    "@type": "type.googleapis.com/google.rpc.BadRequest",
                    "fieldViolations": [{"field": "ruleset.source", "description": text}],
                },
                {
                    "@type": "type.googleapis.com/google.firebase.rules.v1.TestRulesetResponse",
                    "issues": errors,
                },
            ],
        )
    key = str(uuid.uuid4())
    ruleset: Json = {
        "name": f"projects/{request.project}/rulesets/{key}",
        "source": {"files": files},
        "createTime": timestamp(),
        "metadata": {"services": sorted({*SERVICE.findall("\n".join(file["content"] for file in files))})},
    }
    if request.body.get("attachmentPoint"):
        ruleset["attachmentPoint"] = request.body["attachmentPoint"]
    request.store.put(_table(request.project, "rulesets"), key, ruleset)
    return ruleset


def list_rulesets(request: ApiRequest) -> Json:
    """Return the rulesets, newest first and without their sources, as Google does."""
    stored = [ruleset for _, ruleset in request.store.items(_table(request.project, "rulesets"))][::-1]
    return list_page(
        request, [{k: v for k, v in item.items() if k != "source"} for item in stored], "rulesets"
    )


def delete_ruleset(request: ApiRequest) -> Json:
    ruleset = _ruleset(request.cloud, request.name)
    for _, release in request.store.items(_table(request.project, "releases")):
        if release["rulesetName"] == ruleset["name"]:
            raise ApiError(
                "FAILED_PRECONDITION", f"Ruleset {ruleset['name']} is in use by release {release['name']}."
            )
    request.store.remove(*request.store_key())
    return {}


def _ruleset(cloud: Cloud, name: str) -> Json:
    parent, _, key = name.rpartition("/")
    found = cloud.store.get(f"firebaserules/{parent}", key)
    if found is None:
        raise ApiError("NOT_FOUND", f"Requested entity was not found: {name}")
    return found


def _release(request: ApiRequest) -> tuple[str, Json]:
    key = request.name.split("/releases/", 1)[1]
    found = request.store.get(_table(request.project, "releases"), key)
    if found is None:
        raise ApiError("NOT_FOUND", f"Requested entity was not found: {request.name}")
    return key, found


def get_release(request: ApiRequest) -> Json:
    return _release(request)[1]


def list_releases(request: ApiRequest) -> Json:
    """Return the releases, newest first; the filter supports `name=…` with a trailing `*`."""
    stored = [release for _, release in request.store.items(_table(request.project, "releases"))]
    requested = cast("str", request.query.get("filter", ""))
    if requested.startswith("name="):
        name = requested.removeprefix("name=").strip('"')
        prefix = f"projects/{request.project}/releases/"
        full = name if name.startswith("projects/") else prefix + name
        stored = [
            item
            for item in stored
            if item["name"] == full or (full.endswith("*") and item["name"].startswith(full[:-1]))
        ]
    return list_page(request, sorted(stored, key=lambda one: one["updateTime"], reverse=True), "releases")


async def create_release(request: ApiRequest) -> Json:
    prefix = f"projects/{request.project}/releases/"
    name = request.cloud.canonical(cast("str", request.body.get("name", "")))
    if not name.startswith(prefix) or name == prefix:
        raise invalid(f"Release name must begin with {prefix}", "release.name")
    key = name.removeprefix(prefix)
    if request.store.get(_table(request.project, "releases"), key) is not None:
        raise ApiError("ALREADY_EXISTS", "Requested entity already exists")
    now = timestamp()
    release = {"name": name, "rulesetName": "", "createTime": now, "updateTime": now}
    return await _set_ruleset(request, key, release, cast("str", request.body.get("rulesetName", "")))


async def patch_release(request: ApiRequest) -> Json:
    key, release = _release(request)
    requested = cast("Json", request.body.get("release", {}))
    if requested.get("name") and request.cloud.canonical(requested["name"]) != release["name"]:
        raise invalid("Release name in the body differs from the one in the path.", "release.name")
    return await _set_ruleset(
        request, key, {**release, "updateTime": timestamp()}, cast("str", requested.get("rulesetName", ""))
    )


async def _set_ruleset(request: ApiRequest, key: str, release: Json, ruleset_name: str) -> Json:
    if not ruleset_name:
        raise invalid("Release must name a ruleset.", "release.ruleset_name")
    ruleset = _ruleset(request.cloud, request.cloud.canonical(ruleset_name))
    if key == FIRESTORE:
        await load_rules(request.cloud.emulator, request.project, _files(ruleset["source"]))
    updated = {**release, "rulesetName": ruleset["name"]}
    request.store.put(_table(request.project, "releases"), key, updated)
    return updated


async def delete_release(request: ApiRequest) -> Json:
    key, _ = _release(request)
    if key == FIRESTORE:
        await load_rules(
            request.cloud.emulator, request.project, [{"name": "none.rules", "content": DENY_ALL}]
        )
    request.store.remove(_table(request.project, "releases"), key)
    return {}


async def load_released_rules(cloud: Cloud) -> None:
    """Load every project's released rules into an emulator that was just started."""
    if cloud.emulator is None:
        return
    for project, _ in cloud.store.items("projects"):
        release = cloud.store.get(_table(project, "releases"), FIRESTORE)
        if release is not None:
            await load_rules(
                cloud.emulator, project, _files(_ruleset(cloud, release["rulesetName"])["source"])
            )


_ID = "firebaserules.projects."
HANDLERS: dict[str, Handler] = {
    _ID + "test": test,
    _ID + "rulesets.create": create_ruleset,
    _ID + "rulesets.list": list_rulesets,
    _ID + "rulesets.delete": delete_ruleset,
    _ID + "releases.create": create_release,
    _ID + "releases.get": get_release,
    _ID + "releases.list": list_releases,
    _ID + "releases.patch": patch_release,
    _ID + "releases.delete": delete_release,
}
