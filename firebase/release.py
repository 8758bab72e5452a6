"""The release of security rules, of Firestore or Cloud Storage, which decides the ruleset that is enforced.

Runbook: "firebase deploy --only firestore:rules", "rules active with never delete on
clients/messages/threads".

pulumi-gcp's `firebaserules.Release` replaces the release on every change (DELETE, then POST); in between, the
database or the bucket has no rules. This resource updates it in place, as the Firebase CLI does: PATCH, or
POST if there is none (Firebase Rules API v1, `projects.releases`). A database and a bucket have one release
each, by its name, so an existing one is adopted.

Refuses to delete the release: without it the database or the bucket has no rules.

The class path `firebase.release.RulesReleaseProvider` is in the state of every stack. Renaming the module or
the class breaks refresh and delete of existing stacks.
"""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi import dynamic
from pulumi.output import contains_unknowns

from firebase.errors import GoogleError, JsonObject
from firebase.rest import GoogleApi, shared_api
from firebase.ruleset_history import prune, was_created_for
from user_errors import Provider, add_fix

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS = ("project", "release_name", "ruleset_name")
IDENTITY = ("project", "release_name")
RELEASE_NAME = re.compile(
    r"cloud\.firestore(/[a-z][a-z0-9-]{2,61}[a-z0-9])?|firebase\.storage/[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"
)
HISTORY = "rulesets"
"""The output with the ids of the rulesets that this stack has created."""
NOT_FOUND = 404
CONFLICT = 409

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RulesReleaseArgs:
    """The arguments of a `RulesRelease`.

    Args:
        project: the project id.
        release_name: `cloud.firestore`, `cloud.firestore/<database>` for a named database, or
            `firebase.storage/<bucket>`.
        ruleset_name: `projects/<project>/rulesets/<id>`, or only the id.
        created: when the ruleset was created (`createTime`): one that this stack has made is known by it, and
            is deleted when it is old (`firebase.ruleset_history`). Empty: none is deleted.
    """

    project: pulumi.Input[str]
    release_name: pulumi.Input[str] = "cloud.firestore"
    ruleset_name: pulumi.Input[str]
    created: pulumi.Input[str] = ""


def release_name(database: str) -> str:
    """The name of a database's release (Firebase Rules API, `Release.name`)."""
    return "cloud.firestore" if database == "(default)" else f"cloud.firestore/{database}"


def storage_release_name(bucket: str) -> str:
    """The name of a bucket's release (firebase-tools 15.34, `src/rulesDeploy.ts`)."""
    return f"firebase.storage/{bucket}"


def full_ruleset_name(project: str, name: str) -> str:
    """A ruleset's full resource name, from the full name or the id."""
    return name if name.startswith("projects/") else f"projects/{project}/rulesets/{name}"


def text_digest(files: Mapping[str, str]) -> str:
    """sha256 of a ruleset's files, names and contents."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{content}\0".encode())
    return digest.hexdigest()


def get_release(api: GoogleApi, project: str, name: str) -> JsonObject | None:
    """The release, None if it does not exist.

    Raises:
        GoogleError: the release could not be read.
    """
    try:
        return api.call(
            "GET",
            "firebaserules",
            f"projects/{project}/releases/{name}",
            operation=f"read the rules release {name} of {project}",
            repeatable=True,
        )
    except GoogleError as error:
        if error.status == NOT_FOUND and error.reason == "NOT_FOUND":  # not the 404 page of a proxy
            return None
        raise


def put_release(api: GoogleApi, project: str, release_name: str, ruleset_name: str) -> str:
    """Create the release or update it in place; returns when it was updated last, "" if it is a new one.

    Raises:
        GoogleError: the release is unchanged.
    """
    full_name = f"projects/{project}/releases/{release_name}"
    release: JsonObject = {"name": full_name, "rulesetName": ruleset_name}
    operation = f"set the rules release {release_name} of {project} to {ruleset_name}"
    existing = get_release(api, project, release_name)
    if existing is None:
        path = f"projects/{project}/releases"
        try:
            # A repeated POST gets a 409, and the PATCH below then has no effect.
            api.call("POST", "firebaserules", path, operation=operation, body=release, repeatable=True)
        except GoogleError as error:
            if error.status != CONFLICT:
                raise
        else:
            return ""
    elif existing.get("rulesetName") == ruleset_name:
        return str(existing.get("updateTime", ""))
    body = {"release": release}
    api.call("PATCH", "firebaserules", full_name, operation=operation, body=body, repeatable=True)
    return str((existing or {}).get("updateTime", ""))


class RulesReleaseProvider(Provider):
    """The provider of `RulesRelease`."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Validate the names."""
        name = news.get("release_name")
        failures: list[dynamic.CheckFailure] = []
        if not contains_unknowns(name) and not RELEASE_NAME.fullmatch(str(name)):
            reason = add_fix(
                f"{name!r} is neither cloud.firestore, cloud.firestore/<database> nor "
                "firebase.storage/<bucket>",
                "pass firebase.release.release_name(<database id>), or storage_release_name(<bucket>)",
            )
            failures.append(dynamic.CheckFailure("release_name", reason))
        failures += [
            dynamic.CheckFailure(key, add_fix("must not be empty", f"pass {key}"))
            for key in ("project", "ruleset_name")
            if not contains_unknowns(news.get(key)) and not news.get(key)
        ]
        return dynamic.CheckResult(news, failures)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        """Another project or name is a replacement, another ruleset an update."""
        unknown = any(contains_unknowns(news.get(key)) for key in FIELDS)
        before, after = _normal(olds), _normal(news)
        changed = [
            key for key in FIELDS if not contains_unknowns(news.get(key)) and before[key] != after[key]
        ]
        return dynamic.DiffResult(
            changes=unknown or bool(changed), replaces=[key for key in IDENTITY if key in changed]
        )

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Create the release, or adopt the existing one."""
        fields = _normal(props)
        put_release(shared_api(), **fields)
        return dynamic.CreateResult(f"projects/{fields['project']}/releases/{fields['release_name']}", fields)

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Read the ruleset that is enforced."""
        fields = _normal(props)
        release = get_release(shared_api(), fields["project"], fields["release_name"])
        if release is None:
            return dynamic.ReadResult(None, {})
        found = {**fields, "ruleset_name": str(release.get("rulesetName", ""))}
        return dynamic.ReadResult(id_, _with_history(found, _ours(props)), dict(found))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        """Update the release in place, and delete rulesets of this stack that are too many."""
        fields = _normal(news)
        before = put_release(shared_api(), **fields)
        ours, new = _ours(olds), fields["ruleset_name"].rpartition("/")[2]
        if new not in ours and was_created_for(str(news.get("created") or ""), before):
            ours = [*ours, new]
        try:
            ours = prune(shared_api(), fields["project"], ours)
        except GoogleError as error:  # the rules are released; the next edit tries again
            _log.warning(
                add_fix("Old rulesets of %s were not deleted: %s", "%s"),
                *(fields["project"], error.what, error.fix),
            )
        return dynamic.UpdateResult(_with_history(fields, ours))

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Keep the release and log a warning."""
        # On stderr, which the CLI shows: pulumi.log has no engine in this process.
        _log.warning(
            add_fix(
                "The rules release %(release_name)s of %(project)s is kept, with the ruleset "
                "%(ruleset_name)s: without it there are no rules.",
                "to delete it as well, send DELETE projects/%(project)s/releases/%(release_name)s to the "
                "Firebase Rules API",
            ),
            _normal(props),
        )


def _ours(props: Mapping[str, Any]) -> list[str]:
    """The ids of the rulesets that this stack has created, the oldest first."""
    return [str(one) for one in props.get(HISTORY) or ()]


def _with_history(fields: Mapping[str, str], ours: list[str]) -> dict[str, Any]:
    return {**fields, **({HISTORY: ours} if ours else {})}


def _normal(props: Mapping[str, Any]) -> dict[str, str]:
    fields = {key: str(props.get(key) or "") for key in FIELDS}
    if fields["ruleset_name"] and not contains_unknowns(props.get("ruleset_name")):
        fields["ruleset_name"] = full_ruleset_name(fields["project"], fields["ruleset_name"])
    return fields


class RulesRelease(dynamic.Resource, module="firebase", name="RulesRelease"):
    """The rules release as a resource.

    Example:
        ruleset = gcp.firebaserules.Ruleset("ruleset", source={"files": [...]})
        RulesRelease("release", RulesReleaseArgs(project="my-crm", ruleset_name=ruleset.id))
    """

    project: pulumi.Output[str]
    release_name: pulumi.Output[str]
    ruleset_name: pulumi.Output[str]

    def __init__(self, name: str, args: RulesReleaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(RulesReleaseProvider(), name, dict(vars(args)), opts)
