"""Projects' APIs and identities: enabled services, Google's service agents, service accounts and their
keys.

Refuses uploaded public keys (`publicKeyData`): nothing here has a private key to keep.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, ClassVar, cast

from sandbox.engine.gcp.errors import GcpError, HalfMadeError
from sandbox.engine.gcp.model import Call, Change, Kind, State
from sandbox.engine.gcp.rest import ApiError
from sandbox.engine.gcp.standard import without_empty

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.engine.gcp.model import Settings

_SERVICES, _PROJECTS, _IAM = "serviceusage", "cloudresourcemanager", "iam"


class Service(Kind):
    """An enabled API. Left enabled when the resource goes, unless `disableOnDestroy` says otherwise."""

    pulumi_type = "gcp:projects/service:Service"
    supported = frozenset(
        {"deletionPolicy", "disableDependentServices", "disableOnDestroy", "project", "service"}
    )
    replace = frozenset({"service", "project"})
    local = frozenset({"deletionPolicy", "disableDependentServices", "disableOnDestroy"})
    computed = frozenset({"project"})

    # Enabling is a change of one list: concurrent calls for the same project are refused by the API.
    _enabling: ClassVar[threading.Lock] = threading.Lock()

    def create(self, call: Call, inputs: State) -> tuple[str, State]:
        """Enable the API if it is not."""
        project, service = _project(inputs), str(inputs["service"])
        with self._enabling:
            if service not in _enabled(call, project):
                operation = call.rest.send("POST", _SERVICES, f"projects/{project}/services/{service}:enable")
                call.rest.wait(_SERVICES, operation, call.wait_seconds(20), call.tell)
                if service not in _enabled(call, project):
                    message = f"{service} was enabled in {project} and is not in the list of enabled services"
                    raise GcpError(message)
        found = self.read(call, f"{project}/{service}", inputs)
        if found is None:
            message = f"{service} has been disabled in {project} meanwhile"
            raise GcpError(message)
        return found

    def read(self, call: Call, identifier: str, state: State) -> tuple[str, State] | None:
        """Look for the API among the enabled ones."""
        project, _, service = identifier.rpartition("/")
        project = project or call.settings.project
        call.rest.get(_PROJECTS, f"projects/{project}")
        if service not in _enabled(call, project):
            return None
        kept = {key: state[key] for key in self.local if state.get(key) is not None}
        return f"{project}/{service}", {"project": project, "service": service, **kept}

    def update(
        self, call: Call, identifier: str, inputs: State, state: State, changes: list[Change]
    ) -> State:
        """Only what happens at the end can change: nothing is sent."""
        return without_empty(inputs)

    def delete(self, call: Call, identifier: str, state: State) -> None:
        """Disable the API only where the program asks for it."""
        if not state.get("disableOnDestroy"):
            return
        project, _, service = identifier.rpartition("/")
        body = {"disableDependentServices": bool(state.get("disableDependentServices"))}
        operation = call.rest.send(
            "POST", _SERVICES, f"projects/{project}/services/{service}:disable", body=body
        )
        call.rest.wait(_SERVICES, operation, call.wait_seconds(20), call.tell)


def _enabled(call: Call, project: str) -> set[str]:
    """Return the short names of a project's enabled APIs, page by page."""
    query = {"fields": "services/name,nextPageToken", "filter": "state:ENABLED", "pageSize": "200"}
    names: set[str] = set()
    while True:
        page = call.rest.get(_SERVICES, f"projects/{project}/services", query)
        for service in cast("list[Mapping[str, Any]]", page.get("services") or []):
            names.add(str(service["name"]).rpartition("/")[2])
        if not page.get("nextPageToken"):
            return names
        query = {**query, "pageToken": str(page["nextPageToken"])}


class ServiceIdentity(Kind):
    """Google's own service agent of an API. Made once, never read, never deleted."""

    pulumi_type = "gcp:projects/serviceIdentity:ServiceIdentity"
    replace = frozenset({"*"})
    computed = frozenset({"project"})

    def create(self, call: Call, inputs: State) -> tuple[str, State]:
        """Ask for the agent; the answer names it."""
        project, service = _project(inputs), str(inputs["service"])
        name = f"projects/{project}/services/{service}"
        operation = call.rest.send("POST", _SERVICES, f"{name}:generateServiceIdentity")
        made = call.rest.wait(_SERVICES, operation, call.wait_seconds(20), call.tell)
        state: State = {"project": project, "service": service}
        if made.get("email"):
            state.update(email=made["email"], member=f"serviceAccount:{made['email']}")
        return name, state

    def read(self, call: Call, identifier: str, state: State) -> tuple[str, State] | None:
        """There is nothing to ask: the API has no call for it."""
        return identifier, state

    def delete(self, call: Call, identifier: str, state: State) -> None:
        """An agent cannot be deleted."""


class Account(Kind):
    """A service account."""

    pulumi_type = "gcp:serviceaccount/account:Account"
    autoname = "accountId"
    autoname_length = 30
    replace = frozenset({"accountId", "project"})
    local = frozenset({"createIgnoreAlreadyExists", "deletionPolicy"})
    defaults: ClassVar[Mapping[str, Any]] = {"disabled": False}
    computed = frozenset({"project"})

    def planned(self, inputs: State, settings: Settings) -> State:
        """The address follows from id and project."""
        account, project = inputs.get("accountId"), inputs.get("project")
        if not isinstance(account, str) or not isinstance(project, str):
            return {}
        email = f"{account}@{project}.iam.gserviceaccount.com"
        name = f"projects/{project}/serviceAccounts/{email}"
        return {"email": email, "member": f"serviceAccount:{email}", "name": name}

    def create(self, call: Call, inputs: State) -> tuple[str, State]:
        """Make the account; take one that is there only where the program says so."""
        project, account = _project(inputs), str(inputs["accountId"])
        name = f"projects/{project}/serviceAccounts/{account}@{project}.iam.gserviceaccount.com"
        fields = {key: inputs[key] for key in ("displayName", "description") if inputs.get(key)}
        body = {"accountId": account, "serviceAccount": fields}
        try:
            made = call.rest.send("POST", _IAM, f"projects/{project}/serviceAccounts", body=body)
            name = str(made.get("name") or name)
        except ApiError as error:
            if error.status != 409 or not inputs.get("createIgnoreAlreadyExists"):
                raise
        if inputs.get("disabled"):
            call.rest.send("POST", _IAM, f"{name}:disable")
        return _known(self.read(call, name, inputs), name)

    def read(self, call: Call, identifier: str, state: State) -> tuple[str, State] | None:
        """Read the account."""
        found = _get(call, identifier)
        if found is None:
            return None
        email = str(found["email"])
        kept = {key: state[key] for key in self.local if state.get(key) is not None}
        done: State = {
            **kept,
            "accountId": email.partition("@")[0],
            "project": found.get("projectId") or identifier.split("/")[1],
            "displayName": found.get("displayName"),
            "description": found.get("description"),
            "disabled": bool(found.get("disabled")),
            "email": email,
            "member": f"serviceAccount:{email}",
            "name": found.get("name"),
            "uniqueId": found.get("uniqueId"),
        }
        return str(found.get("name") or identifier), {k: v for k, v in done.items() if v is not None}

    def update(
        self, call: Call, identifier: str, inputs: State, state: State, changes: list[Change]
    ) -> State:
        """Patch names under the account's etag; enable or disable by a call of its own."""
        tops = {change.top for change in changes}
        fields = sorted(tops & {"displayName", "description"})
        if fields:
            found = _get(call, identifier) or {}
            account = {key: inputs.get(key) or "" for key in fields}
            if found.get("etag"):
                account["etag"] = found["etag"]
            mask = ",".join({"displayName": "display_name"}.get(key, key) for key in fields)
            call.rest.send("PATCH", _IAM, identifier, body={"serviceAccount": account, "updateMask": mask})
        if "disabled" in tops:
            call.rest.send("POST", _IAM, f"{identifier}:{'disable' if inputs.get('disabled') else 'enable'}")
        return _known(self.read(call, identifier, inputs), identifier)[1]

    def delete(self, call: Call, identifier: str, state: State) -> None:
        """Delete the account; its keys go with it."""
        _delete(call, identifier)


class Key(Kind):
    """A key of a service account: made with its private half, which is shown once."""

    pulumi_type = "gcp:serviceaccount/key:Key"
    supported = frozenset(
        {"deletionPolicy", "keepers", "keyAlgorithm", "privateKeyType", "publicKeyType", "serviceAccountId"}
    )
    replace = frozenset({"*"})
    keep = frozenset({"deletionPolicy"})
    local = frozenset({"deletionPolicy", "keepers", "privateKeyType", "publicKeyType", "serviceAccountId"})
    defaults: ClassVar[Mapping[str, Any]] = {
        "keyAlgorithm": "KEY_ALG_RSA_2048",
        "privateKeyType": "TYPE_GOOGLE_CREDENTIALS_FILE",
        "publicKeyType": "TYPE_X509_PEM_FILE",
    }

    def create(self, call: Call, inputs: State) -> tuple[str, State]:
        """Make the key; keep the private half from the answer, the rest from reading it back."""
        account = str(inputs["serviceAccountId"])
        if "/" not in account:
            address = account
            if "@" not in address:
                address = f"{account}@{call.settings.project}.iam.gserviceaccount.com"
            account = f"projects/-/serviceAccounts/{address}"
        body = {key: inputs[key] for key in ("keyAlgorithm", "privateKeyType")}
        made = call.rest.send("POST", _IAM, f"{account}/keys", body=body)
        name = str(made["name"])
        before = {**inputs, "privateKey": made.get("privateKeyData")}
        return _known(self.read(call, name, before), name)

    def read(self, call: Call, identifier: str, state: State) -> tuple[str, State] | None:
        """Read the public half."""
        wanted = {"publicKeyType": str(state.get("publicKeyType") or self.defaults["publicKeyType"])}
        found = _get(call, identifier, wanted)
        if found is None:
            return None
        kept = {key: state[key] for key in (*self.local, "privateKey") if state.get(key) is not None}
        done: State = {
            "serviceAccountId": identifier.partition("/keys/")[0],
            **kept,
            "name": found.get("name"),
            "keyAlgorithm": found.get("keyAlgorithm"),
            "publicKey": found.get("publicKeyData"),
            "validAfter": found.get("validAfterTime"),
            "validBefore": found.get("validBeforeTime"),
        }
        return identifier, {key: value for key, value in done.items() if value is not None}

    def update(
        self, call: Call, identifier: str, inputs: State, state: State, changes: list[Change]
    ) -> State:
        """Only the deletion policy can change: nothing is sent."""
        return {**state, "deletionPolicy": inputs.get("deletionPolicy")}

    def delete(self, call: Call, identifier: str, state: State) -> None:
        """Delete the key."""
        _delete(call, identifier)


def _project(inputs: State) -> str:
    project = inputs.get("project")
    if not project:
        message = "project is required: set it on the resource, or gcp:project"
        raise GcpError(message)
    return str(project)


def _get(call: Call, path: str, query: Mapping[str, str] | None = None) -> State | None:
    try:
        return call.rest.get(_IAM, path, query)
    except ApiError as error:
        if error.status == 404:
            return None
        raise


def _delete(call: Call, path: str) -> None:
    try:
        call.rest.send("DELETE", _IAM, path)
    except ApiError as error:
        if error.status != 404:
            raise


def _known(found: tuple[str, State] | None, name: str) -> tuple[str, State]:
    if found is None:
        message = f"{name} was made and then could not be found"
        raise HalfMadeError(message, name, {})
    return found
