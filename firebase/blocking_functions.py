"""Which functions Firebase Auth calls before it creates a user, signs one in, or sends a message.

Runbook: "functions Deployed". The triggers are a part of the one configuration of Auth that a project has
(Identity Platform API v2, `Config.blockingFunctions`). pulumi-gcp's `identityplatform.Config` is that whole
configuration: it would reset what the Firebase console has set, and initialise Identity Platform. So this
resource reads `blockingFunctions` and writes that field only, as the Firebase CLI does (15.34,
`services/auth`). In it, it changes the triggers of the program; those of others stay.

- A trigger that leaves the program is removed if it still calls the function that the program had set.
- Credentials that others may need stay forwarded while there are triggers of others.
- The API has no etags: if two programs write at the same moment, the later one wins.

The class path `firebase.blocking_functions.BlockingFunctionsProvider` is in the state of every stack that
uses it. Renaming the module or the class breaks refresh and delete of existing stacks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pulumi
from pulumi import dynamic
from pulumi.output import contains_unknowns

from firebase.errors import GoogleError, JsonObject
from firebase.rest import GoogleApi, shared_api
from user_errors import Provider, UserError, add_fix

EVENTS = ("beforeCreate", "beforeSignIn", "beforeSendEmail", "beforeSendSms")
CREDENTIALS = ("accessToken", "idToken", "refreshToken")
FIELDS = ("project", "triggers", "credentials")
NOT_FOUND, DENIED = 404, 403
DISABLED = "SERVICE_DISABLED"
FIREBASE_AUTH = "FIREBASE_AUTH"
"""The subtype of a project that was not upgraded to Identity Platform."""


@dataclass(frozen=True, kw_only=True)
class BlockingFunctionsArgs:
    """The arguments of `BlockingFunctions`.

    Args:
        project: the project id.
        triggers: the address of the function for each event (see EVENTS).
        credentials: what Auth forwards to them (see CREDENTIALS).
    """

    project: pulumi.Input[str]
    triggers: Mapping[str, pulumi.Input[str]]
    credentials: Sequence[str]


class NotUpgradedError(UserError):
    """The project has no Identity Platform, which blocking functions need."""

    def __init__(self, project: str) -> None:
        super().__init__(add_fix(not_upgraded(project), upgrade(project)))


def not_upgraded(project: str) -> str:
    """What is wrong with a project without Identity Platform."""
    return f"blocking functions need Firebase Authentication with Identity Platform, which {project} has not"


def upgrade(project: str) -> str:
    """Where a person upgrades it. The upgrade has a price, so no program of ours does it."""
    return f"upgrade at https://console.firebase.google.com/project/{project}/authentication/settings"


def config(api: GoogleApi, project: str) -> JsonObject:
    """The configuration of Auth.

    Raises:
        GoogleError: it could not be read.
        NotUpgradedError: there is none, or it is not one of Identity Platform.
    """
    try:
        found = api.call(
            "GET",
            "identitytoolkit",
            f"projects/{project}/config",
            operation=f"read the configuration of Auth in {project}",
            repeatable=True,
        )
    except GoogleError as error:
        if error.status == NOT_FOUND:
            raise NotUpgradedError(project) from None
        raise
    if found.get("subtype") == FIREBASE_AUTH:
        raise NotUpgradedError(project)
    return found


def put(
    api: GoogleApi,
    project: str,
    triggers: Mapping[str, str],
    credentials: Sequence[str],
    former: Mapping[str, str],
) -> None:
    """Have Auth call these functions, and no longer those that the program had set before.

    Args:
        api: the client.
        project: the project id.
        triggers: address by event.
        credentials: what is forwarded.
        former: the triggers that the program had set.

    Raises:
        GoogleError: nothing was changed.
        NotUpgradedError: nothing was changed.
    """
    live = cast("JsonObject", config(api, project).get("blockingFunctions") or {})
    before = addresses(live)
    forwarded = _forwarded(live)
    kept = {event: uri for event, uri in before.items() if event not in triggers and former.get(event) != uri}
    wanted = {*credentials, *(forwarded if kept else ())}
    after = {**kept, **triggers}
    if after == before and (wanted == forwarded or not after):
        return
    body: JsonObject = {
        "blockingFunctions": {
            "triggers": {event: {"functionUri": uri} for event, uri in sorted(after.items())},
            "forwardInboundCredentials": {name: name in wanted for name in CREDENTIALS},
        }
    }
    api.call(
        "PATCH",
        "identitytoolkit",
        f"projects/{project}/config",
        operation=f"set the blocking functions of {project}",
        params={"updateMask": "blockingFunctions"},
        body=body,
        repeatable=True,
    )


def addresses(live: JsonObject) -> dict[str, str]:
    """The address by event of a `BlockingFunctionsConfig`."""
    triggers = cast("dict[str, JsonObject]", live.get("triggers") or {})
    return {event: str(one.get("functionUri") or "") for event, one in triggers.items()}


def _forwarded(live: JsonObject) -> set[str]:
    found = cast("JsonObject", live.get("forwardInboundCredentials") or {})
    return {name for name in CREDENTIALS if found.get(name)}


class BlockingFunctionsProvider(Provider):
    """The provider of `BlockingFunctions`."""

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Require known events; before the first time, also a project that can have such functions."""
        project = news.get("project")
        failures = [
            dynamic.CheckFailure("triggers", add_fix(f"{event} is no event", f"use {', '.join(EVENTS)}"))
            for event in cast("Mapping[str, object]", news.get("triggers") or {})
            if event not in EVENTS
        ]
        if not project:
            failures.append(dynamic.CheckFailure("project", add_fix("must not be empty", "pass project")))
        elif not olds.get("project") and not contains_unknowns(project):
            try:
                config(shared_api(), str(project))
            except NotUpgradedError:
                reason = add_fix(not_upgraded(str(project)), upgrade(str(project)))
                failures.append(dynamic.CheckFailure("project", reason))
            except GoogleError as error:
                # The first `up` enables the API, and a preview may have fewer rights than an `up`.
                if error.reason != DISABLED and error.status != DENIED:
                    raise
        return dynamic.CheckResult(news, failures)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        """Another project is a replacement, anything else an update."""
        unknown = any(contains_unknowns(news.get(key)) for key in FIELDS)
        changed = [key for key in FIELDS if _normal(key, olds.get(key)) != _normal(key, news.get(key))]
        return dynamic.DiffResult(
            changes=unknown or bool(changed), replaces=[key for key in changed if key == "project"]
        )

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Set the triggers."""
        fields = _fields(props)
        put(shared_api(), **fields, former={})
        return dynamic.CreateResult(f"projects/{fields['project']}/config/blockingFunctions", fields)

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Read what Auth calls for the events of the program."""
        fields = _fields(props)
        try:
            found = config(shared_api(), fields["project"])
        except NotUpgradedError:
            return dynamic.ReadResult(None, {})
        live = cast("JsonObject", found.get("blockingFunctions") or {})
        called, forwarded = addresses(live), _forwarded(live)
        own = set(fields["credentials"])
        others = called.keys() - fields["triggers"].keys()
        if not (others and own <= forwarded):
            own = forwarded
        fields = {
            **fields,
            "triggers": {event: called.get(event, "") for event in fields["triggers"]},
            "credentials": sorted(own),
        }
        return dynamic.ReadResult(id_, fields, dict(fields))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        """Set the triggers, and remove those that left the program."""
        fields = _fields(news)
        put(shared_api(), **fields, former=_fields(olds)["triggers"])
        return dynamic.UpdateResult(fields)

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Remove the triggers of the program: Auth would wait for functions that are gone."""
        fields = _fields(props)
        with contextlib.suppress(NotUpgradedError):  # then there are none
            put(shared_api(), fields["project"], {}, (), former=fields["triggers"])


def _fields(props: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "project": str(props.get("project") or ""),
        "triggers": dict(cast("Mapping[str, str]", props.get("triggers") or {})),
        "credentials": sorted(cast("Sequence[str]", props.get("credentials") or ())),
    }


def _normal(key: str, value: Any) -> Any:
    return sorted(value or ()) if key == "credentials" else value


class BlockingFunctions(dynamic.Resource, module="firebase", name="BlockingFunctions"):
    """The blocking functions of the program.

    Example:
        BlockingFunctions("blocking", BlockingFunctionsArgs(
            project="my-crm", triggers={"beforeSignIn": function.service_config.uri}, credentials=("idToken",)
        ))
    """

    project: pulumi.Output[str]
    triggers: pulumi.Output[Mapping[str, str]]
    credentials: pulumi.Output[Sequence[str]]

    def __init__(
        self, name: str, args: BlockingFunctionsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props = {**vars(args), "triggers": dict(args.triggers), "credentials": sorted(args.credentials)}
        super().__init__(BlockingFunctionsProvider(), name, props, opts)
