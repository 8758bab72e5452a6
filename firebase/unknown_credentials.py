"""Service account keys and secret versions that work and that the stack does not use.

Google may create a key or a version although the request failed: a lost response, a 503 after the effect, a
killed process. Then the key is valid and nobody has it, or a second version can be read. Neither is in the
state, and a rotation does not end it.

`UnknownCredentials` runs at the end of an `up`, after the verification has shown that the current key and
versions are in use. It disables older versions, deletes older keys if `prune_keys` allows it, and fails with
the commands for what is left. `unknown_keys` and `unknown_versions` only read; `python -m ops verify` uses
them too.

What was in use before this `up` is left alone: the engine deletes it at the end of the same `up`. A failed
run leaves the inputs in the state as they were, so the next `up` runs it again.

The class path `firebase.unknown_credentials.UnknownCredentialsProvider` is in the state of every stack:
renaming the module or the class breaks refresh of existing stacks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import pulumi
from pulumi import dynamic
from pulumi.output import contains_unknowns

from firebase.errors import GoogleError, JsonObject
from firebase.rest import GoogleApi, shared_api
from progress import log_line
from user_errors import Provider, UserError, add_fix

FIELDS = ("project", "accounts", "key", "versions", "prune_keys")
NOT_FOUND = 404


@dataclass(frozen=True, kw_only=True)
class UnknownKey:
    """An enabled user-managed key. `created` is None if Google does not say."""

    project: str
    account: str
    id: str
    created: datetime | None

    @property
    def what(self) -> str:
        """What it is, for messages."""
        created = f", created {self.created:%Y-%m-%d %H:%M:%S}" if self.created else ""
        return f"key {self.id} of {self.account}{created}"

    @property
    def fix(self) -> str:
        """The command that deletes it."""
        return (
            f"gcloud iam service-accounts keys delete {self.id} --iam-account {self.account} "
            f"--project {self.project}"
        )


@dataclass(frozen=True, kw_only=True)
class UnknownVersion:
    """An enabled version of a secret."""

    project: str
    secret: str
    number: int

    @property
    def what(self) -> str:
        """What it is, for messages."""
        return f"version {self.number} of {self.secret}"

    @property
    def fix(self) -> str:
        """The command that disables it."""
        return (
            f"gcloud secrets versions disable {self.number} --secret {self.secret} --project {self.project}"
        )


class UnknownCredentialsError(UserError):
    """Credentials work that the stack does not use.

    Args:
        found: the keys and versions.
    """

    def __init__(self, found: Sequence[UnknownKey | UnknownVersion]) -> None:
        listed = "\n".join(f"    {one.what}\n      command: {one.fix}" for one in found)
        what = f"Active service-account keys or secret versions that are not in the state: {len(found)}"
        fix = "check that nothing uses them, run the commands above, then run pulumi up"
        super().__init__(add_fix(f"{what}\n{listed}", fix))


@dataclass(frozen=True, kw_only=True)
class UnknownCredentialsArgs:
    """What the stack uses.

    Args:
        project: the project id.
        accounts: the e-mails of the stack's service accounts.
        key: the full name of the backend's key.
        versions: the version number of each secret, by the secret's name.
        prune_keys: whether unknown keys of the backend's account that are older than `key` are deleted.
    """

    project: pulumi.Input[str]
    accounts: pulumi.Input[Sequence[pulumi.Input[str]]]
    key: pulumi.Input[str]
    versions: pulumi.Input[Mapping[str, pulumi.Input[str]]]
    prune_keys: pulumi.Input[bool] = False


def unknown_keys(api: GoogleApi, project: str, account: str, known: Collection[str]) -> list[UnknownKey]:
    """The enabled user-managed keys of an account. No keys for an account that does not exist.

    Args:
        api: the client.
        project: the project id.
        account: the account's e-mail.
        known: the ids of keys to leave out.

    Raises:
        GoogleError: the keys could not be read.
    """
    return [
        UnknownKey(project=project, account=account, id=key_id, created=_created(key))
        for key_id, key in _keys(api, project, account).items()
        if key_id not in known and not key.get("disabled")
    ]


def unknown_versions(
    api: GoogleApi, project: str, secret: str, known: Collection[str]
) -> Iterator[UnknownVersion]:
    """The enabled versions of a secret, newest first. No versions for a secret that does not exist.

    Args:
        api: the client.
        project: the project id.
        secret: the secret's name.
        known: the numbers of versions to leave out.

    Raises:
        GoogleError: the versions could not be read.
    """
    path = f"projects/{project}/secrets/{secret}/versions"
    try:
        versions = list(api.listed("secretmanager", path, "versions", f"list the versions of {secret}"))
    except GoogleError as error:
        if error.status == NOT_FOUND:
            return
        raise
    for version in versions:
        number = _last(str(version["name"]))
        if number not in known and version.get("state") == "ENABLED":
            yield UnknownVersion(project=project, secret=secret, number=int(number))


def end_unknown(api: GoogleApi, used: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """Disable and delete what is older than what is used, as far as that is allowed.

    Args:
        api: the client.
        used: the inputs of the resource.
        before: its inputs of the last successful run; empty if there is none.

    Raises:
        UnknownCredentialsError: something is left.
        GoogleError: a request failed. The next run continues.
    """
    left: list[UnknownKey | UnknownVersion] = []
    before_versions = cast("Mapping[str, str]", before.get("versions") or {})
    for secret, number in sorted(cast("Mapping[str, str]", used["versions"]).items()):
        known = {number, before_versions.get(secret, number)}
        for version in unknown_versions(api, str(used["project"]), secret, known):
            if version.number < int(number):
                _disable(api, version, number)
            else:
                left.append(version)
    left += _end_keys(api, used, before)
    if left:
        raise UnknownCredentialsError(left)


def _end_keys(api: GoogleApi, used: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[UnknownKey]:
    project, current = str(used["project"]), _last(str(used["key"]))
    known = {current, _last(str(before.get("key") or ""))}
    backend = str(used["key"]).split("/")[3]
    for account in sorted(cast("Sequence[str]", used["accounts"])):
        unknown = unknown_keys(api, project, account, known)
        prunes = bool(unknown and used.get("prune_keys") and account == backend)
        used_since = _created(_keys(api, project, account).get(current, {})) if prunes else None
        for key in unknown:
            # The times are whole seconds: a key of the same second is the failed attempt before the current.
            if key.created is not None and used_since is not None and key.created <= used_since:
                _delete(api, key)
            else:
                yield key


def _disable(api: GoogleApi, version: UnknownVersion, used: str) -> None:
    path = f"projects/{version.project}/secrets/{version.secret}/versions/{version.number}:disable"
    api.call("POST", "secretmanager", path, operation=f"disable {version.what}", body={}, repeatable=True)
    _log(f"disabled {version.what}: version {used} is in use")


def _delete(api: GoogleApi, key: UnknownKey) -> None:
    path = f"projects/{key.project}/serviceAccounts/{key.account}/keys/{key.id}"
    try:
        api.call("DELETE", "iam", path, operation=f"delete the {key.what}", repeatable=True)
    except GoogleError as error:
        if error.status != NOT_FOUND:  # a repeated request finds it deleted
            raise
    _log(f"deleted the {key.what}: another one is in use")


def _keys(api: GoogleApi, project: str, account: str) -> dict[str, JsonObject]:
    """The user-managed keys of an account by id (IAM API, `projects.serviceAccounts.keys.list`)."""
    path = f"projects/{project}/serviceAccounts/{account}/keys"
    params = {"keyTypes": "USER_MANAGED"}
    operation = f"list the keys of {account}"
    try:
        found = api.call("GET", "iam", path, operation=operation, params=params, repeatable=True)
    except GoogleError as error:
        if error.status == NOT_FOUND:
            return {}
        raise
    keys = cast("list[JsonObject]", found.get("keys") or [])
    return {_last(str(key["name"])): key for key in keys}


def _created(key: JsonObject) -> datetime | None:
    text = key.get("validAfterTime")
    return datetime.fromisoformat(str(text)) if text else None


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _log(line: str) -> None:
    log_line(f"google: {line}")


class UnknownCredentialsProvider(Provider):
    """Runs in create and update; reads and deletes nothing."""

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        """Another key or version, and another setting, runs it again."""
        changed = any(
            contains_unknowns(news.get(name)) or olds.get(name) != news.get(name) for name in FIELDS
        )
        return dynamic.DiffResult(changes=changed)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Look at all credentials."""
        end_unknown(shared_api(), props, {})
        return dynamic.CreateResult(f"projects/{props['project']}", _recorded(props))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        """Look at all credentials but those that the engine is about to delete."""
        end_unknown(shared_api(), news, olds)
        return dynamic.UpdateResult(_recorded(news))


def _recorded(props: Mapping[str, Any]) -> dict[str, Any]:
    return {name: props[name] for name in FIELDS}


class UnknownCredentials(dynamic.Resource, module="firebase", name="UnknownCredentials"):
    """Ends credentials that the stack does not use.

    Example:
        UnknownCredentials(
            "credentials",
            UnknownCredentialsArgs(project="my-crm", accounts=[email], key=key.name, versions=versions),
            pulumi.ResourceOptions(depends_on=[verification]),
        )
    """

    def __init__(
        self, name: str, args: UnknownCredentialsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(UnknownCredentialsProvider(), name, dict(vars(args)), opts)
