"""Secret Manager: secrets and their versions.

Messages never contain a payload, and outputs never contain a write-only payload.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, ClassVar, cast

from sandbox.engine.gcp.errors import GcpError, InitFailedError, kept_in_state
from sandbox.engine.gcp.model import Change, OperationContext, ResourceType, State
from sandbox.engine.gcp.rest import ApiError
from sandbox.engine.gcp.standard import RestResource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.engine.gcp.model import Settings
    from sandbox.engine.gcp.rest import Json

PRODUCT = "secretmanager"


class Secret(RestResource):
    """A secret without its payloads. Its `name` output contains the project's number."""

    pulumi_type = "gcp:secretmanager/secret:Secret"
    product = PRODUCT
    template = "projects/{project}/secrets/{secretId}"
    collection = "projects/{project}/secrets"
    create_query: ClassVar[Mapping[str, str]] = {"secretId": "{secretId}"}
    autoname = "secretId"
    supported = frozenset(
        {
            "annotations",
            "deletionPolicy",
            "deletionProtection",
            "expireTime",
            "labels",
            "project",
            "replication",
            "rotation",
            "secretId",
            "topics",
            "ttl",
            "versionAliases",
            "versionDestroyTtl",
        }
    )
    replace = frozenset({"secretId", "project", "replication", "replication.auto", "replication.userManaged"})
    keep = frozenset({"replication.auto.customerManagedEncryption"})
    local = frozenset({"deletionPolicy", "deletionProtection", "ttl"})
    defaults: ClassVar[Mapping[str, Any]] = {"deletionProtection": False}
    computed = frozenset({"project", "expireTime"})
    outputs = ("name", "createTime")
    has_labels = True

    def body(self, inputs: State, settings: Settings) -> Json:
        """Return the request body. Automatic replication has another name in the API; `ttl` is write-only."""
        body = super().body(inputs, settings)
        replication = cast("State", inputs["replication"])
        if replication.get("auto") is not None:
            body["replication"] = {"automatic": replication["auto"]}
        if inputs.get("ttl") is not None:
            body["ttl"] = inputs["ttl"]
        return body

    def state(self, found: Json, identifier: str, before: State, settings: Settings) -> State:
        """Return the outputs, with the SDK's name for automatic replication."""
        replication = cast("Json", found.get("replication") or {})
        if "automatic" in replication:
            found = {**found, "replication": {"auto": replication["automatic"] or {}}}
        outputs = super().state(found, identifier, before, settings)
        return {**outputs, "effectiveAnnotations": dict(cast("Json", found.get("annotations") or {}))}

    def delete(self, context: OperationContext, identifier: str, state: State) -> None:
        """Delete the secret with all its versions, unless it is protected."""
        if state.get("deletionProtection"):
            message = (
                f"cannot delete {identifier}: deletionProtection is true.\n"
                "fix: set it to false, run pulumi up, then delete"
            )
            raise GcpError(message)
        super().delete(context, identifier, state)


class SecretVersion(ResourceType):
    """One payload of a secret. The server numbers it; it can be disabled and destroyed, but not changed."""

    pulumi_type = "gcp:secretmanager/secretVersion:SecretVersion"
    replace = frozenset({"secret", "secretData", "secretDataWoVersion", "isSecretDataBase64", "project"})
    local = frozenset(
        {"secretData", "secretDataWo", "secretDataWoVersion", "isSecretDataBase64", "deletionPolicy"}
    )
    defaults: ClassVar[Mapping[str, Any]] = {"enabled": True}
    computed = frozenset({"project"})
    deletion_policies = ("DELETE", "DISABLE", "ABANDON", "PREVENT")

    def failures(self, inputs: State) -> list[tuple[str, str]]:
        """Require exactly one payload."""
        given = [name for name in ("secretData", "secretDataWo") if inputs.get(name) is not None]
        if len(given) != 1:
            return [("secretData", "exactly one of secretData and secretDataWo must be set")]
        return []

    def equivalent(self, pattern: str, old: Any, new: Any, inputs: State, state: State) -> bool:
        """A write-only payload is not compared; a secret may be given by id, name or short name."""
        if pattern == "secretDataWo":
            return True
        if pattern == "secret" and isinstance(old, str) and isinstance(new, str):
            return old.rpartition("/")[2] == new.rpartition("/")[2]
        return False

    def create(self, context: OperationContext, inputs: State) -> tuple[str, State]:
        """Add a version, then enable or disable it, as the real plugin does."""
        text = cast("str", inputs.get("secretData") or inputs.get("secretDataWo") or "")
        encoded = text if inputs.get("isSecretDataBase64") else base64.b64encode(text.encode()).decode()
        secret = str(inputs["secret"])
        parent = secret if "/" in secret else f"projects/{inputs['project']}/secrets/{secret}"
        created = context.rest.send(
            "POST", PRODUCT, f"{parent}:addVersion", body={"payload": {"data": encoded}}
        )
        name = str(created["name"])
        with kept_in_state("the version", name, inputs):
            self._enable(context, name, inputs)
            found = self.read(context, name, inputs)
        if found is None:
            message = f"the version {name} was created but could not be read"
            raise InitFailedError(message, name, {})
        return found

    def _enable(self, context: OperationContext, name: str, inputs: State) -> None:
        action = "disable" if inputs.get("enabled") is False else "enable"
        context.rest.send("POST", PRODUCT, f"{name}:{action}")

    def read(self, context: OperationContext, identifier: str, state: State) -> tuple[str, State] | None:
        """Read the version, and its payload if it is enabled. A destroyed one does not exist."""
        try:
            found = context.rest.get(PRODUCT, identifier)
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        if found.get("state") == "DESTROYED":
            return None
        name = str(found["name"])
        preserved = {key: state[key] for key in self.local - {"secretDataWo"} if state.get(key) is not None}
        if found.get("state") == "ENABLED" and not state.get("secretDataWoVersion"):
            preserved["secretData"] = self._payload(context, name, state)
        outputs: State = {
            **preserved,
            "secret": state.get("secret") or name.partition("/versions/")[0],
            "name": name,
            "version": name.rpartition("/")[2],
            "enabled": found.get("state") == "ENABLED",
            "createTime": found.get("createTime"),
            "destroyTime": found.get("destroyTime"),
        }
        return name, {key: value for key, value in outputs.items() if value is not None}

    def _payload(self, context: OperationContext, name: str, state: State) -> str | None:
        """Read the payload, as the plugin does since Terraform's google-beta 8; without the right keep it."""
        try:
            found = context.rest.get(PRODUCT, f"{name}:access")
        except ApiError:
            return cast("str | None", state.get("secretData"))
        data = str(cast("Json", found["payload"])["data"])
        return data if state.get("isSecretDataBase64") else base64.b64decode(data).decode()

    def update(
        self, context: OperationContext, identifier: str, inputs: State, state: State, changes: list[Change]
    ) -> State:
        """Enable or disable."""
        if any(change.top == "enabled" for change in changes):
            self._enable(context, identifier, inputs)
        found = self.read(context, identifier, inputs)
        if found is None:
            message = f"the version {identifier} has been destroyed"
            raise GcpError(message)
        return found[1]

    def delete(self, context: OperationContext, identifier: str, state: State) -> None:
        """Destroy the payload; the version's number stays. `DISABLE` only disables it."""
        action = "disable" if state.get("deletionPolicy") == "DISABLE" else "destroy"
        try:
            context.rest.send("POST", PRODUCT, f"{identifier}:{action}")
        except ApiError as error:
            # Already destroyed (400), or its secret does not exist (404): there is nothing to do.
            if error.status != 404 and not (error.status == 400 and "DESTROYED" in error.message.upper()):
                raise
