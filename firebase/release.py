"""The release of Firestore's security rules: which ruleset clients meet. `firebase.release.RulesRelease`.

Runbook: "firebase deploy --only firestore:rules", "rules active with never delete on
clients/messages/threads".

pulumi-gcp's own `firebaserules.Release` deletes the release and creates it again whenever the rules
change, and between the two clients meet a database without rules. This resource moves the release in
place, as the official Firebase CLI does: PATCH, or POST when there is none yet (Firebase Rules API v1,
`projects.releases`).

It refuses to delete: a database whose rules were taken away is worse than one with rules nobody manages, so
`delete` leaves the release and says so. A release that is there already is adopted, since there can be
only one of a name and it is the one that clients meet.

The class path `firebase.release.RulesReleaseProvider` is written into every stack's state: renaming the
module or the class breaks refresh of existing stacks.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi import dynamic
from pulumi.output import contains_unknowns

from firebase.errors import GoogleError, JsonObject
from firebase.rest import GoogleApi
from user_errors import report_user_errors_without_traceback

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS = ("project", "release_name", "ruleset_name")
IDENTITY = ("project", "release_name")
RELEASE_NAME = re.compile(r"cloud\.firestore(/[a-z][a-z0-9-]{2,61}[a-z0-9])?")
NOT_FOUND = 404
CONFLICT = 409

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RulesReleaseArgs:
    """What the release is.

    project: the project id. release_name: `cloud.firestore`, or `cloud.firestore/<database>` for a named
    database. ruleset_name: `projects/<project>/rulesets/<id>`, or the bare id.
    """

    project: pulumi.Input[str]
    release_name: pulumi.Input[str] = "cloud.firestore"
    ruleset_name: pulumi.Input[str]


def release_name(database: str) -> str:
    """The name of the release that a database's clients meet (Firebase Rules API, `Release.name`)."""
    return "cloud.firestore" if database == "(default)" else f"cloud.firestore/{database}"


def full_ruleset_name(project: str, name: str) -> str:
    """A ruleset's full resource name; providers report it in full or as the bare id."""
    return name if name.startswith("projects/") else f"projects/{project}/rulesets/{name}"


def text_digest(files: Mapping[str, str]) -> str:
    """sha256 over the names and texts of a ruleset's files: what "the declared text is released" compares."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{content}\0".encode())
    return digest.hexdigest()


@functools.cache
def _api() -> GoogleApi:
    return GoogleApi()


def get_release(api: GoogleApi, project: str, name: str) -> JsonObject | None:
    """The live release, None when there is none.

    Raises:
        GoogleError: anything but a clear answer; a refusal is never taken for absence.
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
        if error.status == NOT_FOUND and error.reason == "NOT_FOUND":
            return None  # Google's own word for it; a proxy's 404 page is not
        raise


def point(api: GoogleApi, project: str, name: str, ruleset: str) -> None:
    """Make the release point at the ruleset, in place. Safe to repeat: the end is the same however often
    it runs.

    Raises:
        GoogleError: the release could not be moved; it still points where it pointed.
    """
    full_name = f"projects/{project}/releases/{name}"
    release: JsonObject = {"name": full_name, "rulesetName": ruleset}
    operation = f"point the rules release {name} of {project} at {ruleset}"
    live = get_release(api, project, name)
    if live is None:
        try:
            api.call(
                "POST",
                "firebaserules",
                f"projects/{project}/releases",
                operation=operation,
                body=release,
                repeatable=True,  # a second one is refused with 409, which the PATCH below mends
            )
        except GoogleError as error:
            if error.status != CONFLICT:
                raise
        else:
            return
    elif live.get("rulesetName") == ruleset:
        return
    api.call(
        "PATCH", "firebaserules", full_name, operation=operation, body={"release": release}, repeatable=True
    )


class RulesReleaseProvider(dynamic.ResourceProvider):
    """Create, read, update the release; see the module. It holds no state, so its pickle is its name."""

    serialize_as_secret_always = False  # the pickle is a module path: nothing to hide

    def configure(self, req: dynamic.ConfigureRequest) -> None:
        """What Google answers is read by a person."""
        del req
        report_user_errors_without_traceback()

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Refuse names that the Rules API would refuse, in the preview."""
        failures: list[dynamic.CheckFailure] = []
        name = news.get("release_name")
        if not contains_unknowns(name) and not RELEASE_NAME.fullmatch(str(name)):
            failures.append(
                dynamic.CheckFailure(
                    "release_name", f"{name!r} is neither cloud.firestore nor cloud.firestore/<database>"
                )
            )
        failures += [
            dynamic.CheckFailure(key, "must not be empty")
            for key in ("project", "ruleset_name")
            if not contains_unknowns(news.get(key)) and not news.get(key)
        ]
        return dynamic.CheckResult(news, failures)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        """Another database or project is another release; another ruleset is an update in place."""
        unknown = any(contains_unknowns(news.get(key)) for key in FIELDS)
        before, after = _normal(olds), _normal(news)
        changed = [
            key for key in FIELDS if not contains_unknowns(news.get(key)) and before[key] != after[key]
        ]
        return dynamic.DiffResult(
            changes=unknown or bool(changed), replaces=[key for key in IDENTITY if key in changed]
        )

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Adopt the release that is there, or make it; either way it then points at the ruleset."""
        wanted = _normal(props)
        point(_api(), **_target(wanted))
        return dynamic.CreateResult(f"projects/{wanted['project']}/releases/{wanted['release_name']}", wanted)

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """What clients meet now: a release that somebody repointed shows as another `ruleset_name`."""
        known = _normal(props)
        live = get_release(_api(), known["project"], known["release_name"])
        if live is None:
            return dynamic.ReadResult(None, {})
        found = {**known, "ruleset_name": str(live.get("rulesetName", ""))}
        return dynamic.ReadResult(id_, found, dict(found))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        """Move the release in place."""
        wanted = _normal(news)
        point(_api(), **_target(wanted))
        return dynamic.UpdateResult(wanted)

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Keep the release: clients must never meet a database without rules."""
        known = _normal(props)
        # The Pulumi CLI shows a provider's stderr; pulumi.log has no engine to speak to in this process.
        _log.warning(
            "The rules release %s of %s stays and still points at %s: without it clients would meet "
            "a database without rules. To really remove it, send DELETE projects/%s/releases/%s to "
            "the Firebase Rules API.",
            known["release_name"],
            known["project"],
            known["ruleset_name"],
            known["project"],
            known["release_name"],
        )


def _normal(props: Mapping[str, Any]) -> dict[str, str]:
    """The managed fields in their normal form, from inputs, outputs or a mixture."""
    fields = {key: str(props.get(key) or "") for key in FIELDS}
    if fields["ruleset_name"] and not contains_unknowns(props.get("ruleset_name")):
        fields["ruleset_name"] = full_ruleset_name(fields["project"], fields["ruleset_name"])
    return fields


def _target(fields: Mapping[str, str]) -> dict[str, str]:
    return {
        "project": fields["project"],
        "name": fields["release_name"],
        "ruleset": fields["ruleset_name"],
    }


class RulesRelease(dynamic.Resource, module="firebase", name="RulesRelease"):
    """The rules release as a resource.

    Example: `RulesRelease("rules", RulesReleaseArgs(project="p", ruleset_name=ruleset.name))`.
    """

    project: pulumi.Output[str]
    release_name: pulumi.Output[str]
    ruleset_name: pulumi.Output[str]

    def __init__(self, name: str, args: RulesReleaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        props: dict[str, Any] = {
            "project": args.project,
            "release_name": args.release_name,
            "ruleset_name": args.ruleset_name,
        }
        super().__init__(RulesReleaseProvider(), name, props, opts)
