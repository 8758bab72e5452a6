"""Enabled APIs, Google's service agents, service accounts and their keys.

Uploaded public keys (`publicKeyData`) are not supported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from sandbox.engine.gcp.batches import Batches
from sandbox.engine.gcp.errors import GcpError, InitFailedError, kept_in_state
from sandbox.engine.gcp.model import Change, OperationContext, ResourceType, State
from sandbox.engine.gcp.rest import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.engine.gcp.model import Settings

_SERVICES, _PROJECTS, _IAM = "serviceusage", "cloudresourcemanager", "iam"


class Service(ResourceType):
    """An enabled API. It stays enabled when the resource is deleted, unless `disableOnDestroy` is set."""

    pulumi_type = "gcp:projects/service:Service"
    supported = frozenset(
        {"deletionPolicy", "disableDependentServices", "disableOnDestroy", "project", "service"}
    )
    replace = frozenset({"service", "project"})
    local = frozenset({"deletionPolicy", "disableDependentServices", "disableOnDestroy"})
    computed = frozenset({"project"})

    def create(self, context: OperationContext, inputs: State) -> tuple[str, State]:
        """Enable the API if it is not enabled, together with others that are enabled now."""
        project, service = _project(inputs), str(inputs["service"])
        if service in _enabled(context, project):
            preserved = {key: inputs.get(key) for key in self.local}
            return f"{project}/{service}", {"project": project, "service": service, **preserved}
        enabled = _ENABLE.submit(project, service, lambda names: _enable(context, project, names))
        if service not in enabled:
            message = f"{service} was enabled in {project} but is not in the list of enabled services"
            raise GcpError(message)
        found = self.read(context, f"{project}/{service}", inputs)
        if found is None:
            message = f"{service} was disabled in {project} right after it was enabled"
            raise GcpError(message)
        return found

    def read(self, context: OperationContext, identifier: str, state: State) -> tuple[str, State] | None:
        """Find the API among the enabled ones."""
        project, _, service = identifier.rpartition("/")
        project = project or context.settings.project
        context.rest.get(_PROJECTS, f"projects/{project}")
        if service not in _enabled(context, project):
            return None
        preserved = {key: state[key] for key in self.local if state.get(key) is not None}
        return f"{project}/{service}", {"project": project, "service": service, **preserved}

    def update(
        self, context: OperationContext, identifier: str, inputs: State, state: State, changes: list[Change]
    ) -> State:
        """Only destroy options can change: nothing is sent."""
        return inputs

    def delete(self, context: OperationContext, identifier: str, state: State) -> None:
        """Disable the API only if `disableOnDestroy` is set."""
        if not state.get("disableOnDestroy"):
            return
        project, _, service = identifier.rpartition("/")
        body = {"disableDependentServices": bool(state.get("disableDependentServices"))}
        operation = context.rest.send(
            "POST", _SERVICES, f"projects/{project}/services/{service}:disable", body=body
        )
        context.rest.wait(_SERVICES, operation, context.wait_seconds(20), context.log)


_LIST: Batches[None, set[str]] = Batches(largest=10_000)
_ENABLE: Batches[str, set[str]] = Batches(largest=20)  # Service Usage API, `BatchEnableServicesRequest`


def _enabled(context: OperationContext, project: str) -> set[str]:
    """Return the short names of a project's enabled APIs: one list for all who ask at the same time."""
    return _LIST.submit(project, None, lambda _asked: _list(context, project))


def _enable(context: OperationContext, project: str, services: list[str]) -> set[str]:
    """Enable APIs; return the enabled ones."""
    path = f"projects/{project}/services"
    if len(services) == 1:
        operation = context.rest.send("POST", _SERVICES, f"{path}/{services[0]}:enable", body={})
    else:
        body = {"serviceIds": services}
        operation = context.rest.send("POST", _SERVICES, f"{path}:batchEnable", body=body)
    context.rest.wait(_SERVICES, operation, context.wait_seconds(20), context.log)
    return _list(context, project)


def _list(context: OperationContext, project: str) -> set[str]:
    query = {"fields": "services/name,nextPageToken", "filter": "state:ENABLED", "pageSize": "200"}
    names: set[str] = set()
    while True:
        page = context.rest.get(_SERVICES, f"projects/{project}/services", query)
        for service in cast("list[Mapping[str, Any]]", page.get("services") or []):
            names.add(str(service["name"]).rpartition("/")[2])
        if not page.get("nextPageToken"):
            return names
        query = {**query, "pageToken": str(page["nextPageToken"])}


class ServiceIdentity(ResourceType):
    """Google's service agent of an API. Created once, never read, never deleted."""

    pulumi_type = "gcp:projects/serviceIdentity:ServiceIdentity"
    replace = frozenset({"*"})
    computed = frozenset({"project"})

    def create(self, context: OperationContext, inputs: State) -> tuple[str, State]:
        """Generate the service agent; the response names it."""
        project, service = _project(inputs), str(inputs["service"])
        name = f"projects/{project}/services/{service}"
        path = f"{name}:generateServiceIdentity"
        operation = context.rest.send("POST", _SERVICES, path, generated=True)
        created = context.rest.wait(_SERVICES, operation, context.wait_seconds(20), context.log)
        state: State = {"project": project, "service": service}
        if created.get("email"):
            state.update(email=created["email"], member=f"serviceAccount:{created['email']}")
        return name, state

    def read(self, context: OperationContext, identifier: str, state: State) -> tuple[str, State] | None:
        """Return the state: the API has no method to read it."""
        return identifier, state

    def delete(self, context: OperationContext, identifier: str, state: State) -> None:
        """Do nothing: a service agent cannot be deleted."""


class Account(ResourceType):
    """A service account."""

    pulumi_type = "gcp:serviceaccount/account:Account"
    autoname = "accountId"
    autoname_length = 30
    replace = frozenset({"accountId", "project"})
    local = frozenset({"createIgnoreAlreadyExists", "deletionPolicy"})
    defaults: ClassVar[Mapping[str, Any]] = {"disabled": False}
    computed = frozenset({"project"})

    def preview_outputs(self, inputs: State, settings: Settings) -> State:
        """Return the email, which follows from id and project."""
        account, project = inputs.get("accountId"), inputs.get("project")
        if not isinstance(account, str) or not isinstance(project, str):
            return {}
        email = f"{account}@{project}.iam.gserviceaccount.com"
        name = f"projects/{project}/serviceAccounts/{email}"
        return {"email": email, "member": f"serviceAccount:{email}", "name": name}

    def create(self, context: OperationContext, inputs: State) -> tuple[str, State]:
        """Create the account; an existing one is used only with `createIgnoreAlreadyExists`."""
        project, account = _project(inputs), str(inputs["accountId"])
        name = f"projects/{project}/serviceAccounts/{account}@{project}.iam.gserviceaccount.com"
        fields = {key: inputs[key] for key in ("displayName", "description") if inputs.get(key)}
        body = {"accountId": account, "serviceAccount": fields}
        try:
            created = context.rest.send("POST", _IAM, f"projects/{project}/serviceAccounts", body=body)
            name = str(created.get("name") or name)
        except ApiError as error:
            if error.status != 409 or not inputs.get("createIgnoreAlreadyExists"):
                raise
        with kept_in_state("the account", name, inputs):
            if inputs.get("disabled"):
                context.rest.send("POST", _IAM, f"{name}:disable")
            return self._settled(context, name, inputs)

    def _settled(self, context: OperationContext, name: str, inputs: State) -> tuple[str, State]:
        """Read the account three times: the real plugin waits until all replicas have the change."""
        for _ in range(2):
            _get(context, name)
        return _require_found(self.read(context, name, inputs), name)

    def read(self, context: OperationContext, identifier: str, state: State) -> tuple[str, State] | None:
        """Read the account."""
        found = _get(context, identifier)
        if found is None:
            return None
        email = str(found["email"])
        preserved = {key: state[key] for key in self.local if state.get(key) is not None}
        outputs: State = {
            **preserved,
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
        return str(found.get("name") or identifier), {k: v for k, v in outputs.items() if v is not None}

    def update(
        self, context: OperationContext, identifier: str, inputs: State, state: State, changes: list[Change]
    ) -> State:
        """Patch names with the account's etag; enable or disable with a separate request."""
        tops = {change.top for change in changes}
        fields = sorted(tops & {"displayName", "description"})
        if fields:
            found = _get(context, identifier) or {}
            account = {key: inputs.get(key) or "" for key in fields}
            if found.get("etag"):
                account["etag"] = found["etag"]
            mask = ",".join({"displayName": "display_name"}.get(key, key) for key in fields)
            context.rest.send("PATCH", _IAM, identifier, body={"serviceAccount": account, "updateMask": mask})
        if "disabled" in tops:
            context.rest.send(
                "POST", _IAM, f"{identifier}:{'disable' if inputs.get('disabled') else 'enable'}"
            )
        return self._settled(context, identifier, inputs)[1]

    def delete(self, context: OperationContext, identifier: str, state: State) -> None:
        """Delete the account and with it its keys."""
        _delete(context, identifier)


class Key(ResourceType):
    """A key of a service account: the private part is returned once, at creation."""

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

    def create(self, context: OperationContext, inputs: State) -> tuple[str, State]:
        """Create the key; take the private part from the response, the rest from reading it."""
        account = str(inputs["serviceAccountId"])
        if "/" not in account:
            address = account
            if "@" not in address:
                address = f"{account}@{context.settings.project}.iam.gserviceaccount.com"
            account = f"projects/-/serviceAccounts/{address}"
        body = {key: inputs[key] for key in ("keyAlgorithm", "privateKeyType")}
        created = context.rest.send("POST", _IAM, f"{account}/keys", body=body)
        name = str(created["name"])
        before = {**inputs, "privateKey": created.get("privateKeyData")}
        with kept_in_state("the key", name, before):
            self.read(context, name, before)  # the real plugin reads twice
            return _require_found(self.read(context, name, before), name)

    def read(self, context: OperationContext, identifier: str, state: State) -> tuple[str, State] | None:
        """Read the public part."""
        requested = {"publicKeyType": str(state.get("publicKeyType") or self.defaults["publicKeyType"])}
        found = _get(context, identifier, requested)
        if found is None:
            return None
        preserved = {key: state[key] for key in (*self.local, "privateKey") if state.get(key) is not None}
        outputs: State = {
            "serviceAccountId": identifier.partition("/keys/")[0],
            **preserved,
            "name": found.get("name"),
            "keyAlgorithm": found.get("keyAlgorithm"),
            "publicKey": found.get("publicKeyData"),
            "validAfter": found.get("validAfterTime"),
            "validBefore": found.get("validBeforeTime"),
        }
        return identifier, {key: value for key, value in outputs.items() if value is not None}

    def update(
        self, context: OperationContext, identifier: str, inputs: State, state: State, changes: list[Change]
    ) -> State:
        """Only the deletion policy can change: nothing is sent."""
        return {**state, "deletionPolicy": inputs.get("deletionPolicy")}

    def delete(self, context: OperationContext, identifier: str, state: State) -> None:
        """Delete the key."""
        _delete(context, identifier)


def _project(inputs: State) -> str:
    project = inputs.get("project")
    if not project:
        message = "project is missing. fix: set it on the resource, or set gcp:project"
        raise GcpError(message)
    return str(project)


def _get(context: OperationContext, path: str, query: Mapping[str, str] | None = None) -> State | None:
    try:
        return context.rest.get(_IAM, path, query)
    except ApiError as error:
        if error.status == 404:
            return None
        raise


def _delete(context: OperationContext, path: str) -> None:
    try:
        context.rest.send("DELETE", _IAM, path)
    except ApiError as error:
        if error.status != 404:
            raise


def _require_found(found: tuple[str, State] | None, name: str) -> tuple[str, State]:
    if found is None:
        message = f"{name} was created but could not be read"
        raise InitFailedError(message, name, {})
    return found
