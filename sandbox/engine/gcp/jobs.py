"""Scheduler jobs, Pub/Sub topics and Cloud Tasks queues.

Supported are the properties that triggers of functions need (`supported`); App Engine targets are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from sandbox.engine.gcp.errors import kept_in_state
from sandbox.engine.gcp.model import Change, OperationContext, State
from sandbox.engine.gcp.standard import RestResource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.engine.gcp.model import Settings
    from sandbox.engine.gcp.rest import Json

_SERVER_HEADERS = {"User-Agent": "Google-Cloud-Scheduler", "Content-Type": "application/octet-stream"}
_SERVER_PREFIXES = ("X-Google-", "X-AppEngine-", "Content-Length")


class Job(RestResource):
    """A scheduler job and its target.

    Without `retryConfig`, each preview shows what the server filled in as removed, as with the real plugin
    (recorded from 9.35). With a part of it, none does.
    """

    pulumi_type = "gcp:cloudscheduler/job:Job"
    product = "cloudscheduler"
    template = "projects/{project}/locations/{region}/jobs/{name}"
    collection = "projects/{project}/locations/{region}/jobs"
    body_name = template
    autoname = "name"
    supported = frozenset(
        {
            "attemptDeadline",
            "deletionPolicy",
            "description",
            "httpTarget",
            "name",
            "paused",
            "project",
            "pubsubTarget",
            "region",
            "retryConfig",
            "schedule",
            "timeZone",
        }
    )
    replace = frozenset({"name", "region", "project"})
    defaults: ClassVar[Mapping[str, Any]] = {"attemptDeadline": "180s", "timeZone": "Etc/UTC"}
    computed = frozenset(
        {
            "project",
            "region",
            "paused",
            "retryConfig.maxBackoffDuration",
            "retryConfig.maxDoublings",
            "retryConfig.maxRetryDuration",
            "retryConfig.minBackoffDuration",
            "retryConfig.retryCount",
            "httpTarget.oidcToken.audience",
            "httpTarget.oauthToken.scope",
        }
    )
    outputs = ("state",)
    uses_mask = False

    def body(self, inputs: State, settings: Settings) -> Json:
        """Return the request body: pausing is a separate request."""
        return {key: value for key, value in super().body(inputs, settings).items() if key != "paused"}

    def state(self, found: Json, identifier: str, before: State, settings: Settings) -> State:
        """Return the outputs without the headers that the server adds; `paused` from the job's state."""
        target = cast("Json", found.get("httpTarget") or {})
        headers = cast("dict[str, str]", target.get("headers") or {})
        own = {
            key: value
            for key, value in headers.items()
            if _SERVER_HEADERS.get(key) != value and not key.startswith(_SERVER_PREFIXES)
        }
        if "oidcToken" in target or "oauthToken" in target:
            own.pop("Authorization", None)
        if target:
            target = {key: value for key, value in target.items() if key != "headers"}
            found = {**found, "httpTarget": {**target, "headers": own} if own else target}
        outputs = super().state(found, identifier, before, settings)
        outputs["paused"] = found.get("state") == "PAUSED"
        return outputs

    def normalize(self, pattern: str, value: Any) -> Any:
        """Ignore a final slash of the target's address."""
        return value.rstrip("/") if pattern == "httpTarget.uri" and isinstance(value, str) else value

    def create(self, context: OperationContext, inputs: State) -> tuple[str, State]:
        """Create the job, then pause or resume it, as the real plugin does."""
        name = self.identifier(inputs)
        body = {"name": name, **self.body(inputs, context.settings)}
        context.rest.send("POST", self.product, self.collection_path(inputs), body=body)
        with kept_in_state(self.label, name, inputs):
            self._pause(context, name, inputs)
            return self.read_back(context, name, inputs)

    def update(
        self, context: OperationContext, identifier: str, inputs: State, state: State, changes: list[Change]
    ) -> State:
        """Patch the whole job; pause or resume it if `paused` changed."""
        tops = {change.top for change in changes}
        if tops - self.local - {"paused"}:
            body = self.body(inputs, context.settings)
            context.rest.send("PATCH", self.product, identifier, body=body)
        if "paused" in tops:
            self._pause(context, identifier, inputs)
        return self.read_back(context, identifier, inputs)[1]

    def _pause(self, context: OperationContext, name: str, inputs: State) -> None:
        action = "pause" if inputs.get("paused") else "resume"
        context.rest.send("POST", self.product, f"{name}:{action}", body={})


class Topic(RestResource):
    """A Pub/Sub topic."""

    pulumi_type = "gcp:pubsub/topic:Topic"
    product = "pubsub"
    template = "projects/{project}/topics/{name}"
    create_method = "PUT"
    reads_after_create = 2
    autoname = "name"
    supported = frozenset(
        {"deletionPolicy", "kmsKeyName", "labels", "messageRetentionDuration", "name", "project"}
    )
    replace = frozenset({"name", "project"})
    computed = frozenset({"project"})
    has_labels = True

    def patch_body(self, body: Json, mask: list[str]) -> Json:
        """Return the topic wrapped as the API requires."""
        return {"topic": body}


class Queue(RestResource):
    """A Cloud Tasks queue."""

    pulumi_type = "gcp:cloudtasks/queue:Queue"
    product = "cloudtasks"
    template = "projects/{project}/locations/{location}/queues/{name}"
    collection = "projects/{project}/locations/{location}/queues"
    body_name = template
    autoname = "name"
    supported = frozenset(
        {
            "deletionPolicy",
            "desiredState",
            "location",
            "name",
            "project",
            "rateLimits",
            "retryConfig",
            "stackdriverLoggingConfig",
        }
    )
    replace = frozenset({"name", "location", "project"})
    defaults: ClassVar[Mapping[str, Any]] = {"desiredState": "RUNNING"}
    computed = frozenset(
        {
            "project",
            "rateLimits",
            "rateLimits.maxBurstSize",
            "rateLimits.maxConcurrentDispatches",
            "rateLimits.maxDispatchesPerSecond",
            "retryConfig",
            "retryConfig.maxAttempts",
            "retryConfig.maxBackoff",
            "retryConfig.maxDoublings",
            "retryConfig.maxRetryDuration",
            "retryConfig.minBackoff",
        }
    )
    unsent = frozenset({"rateLimits.maxBurstSize"})
    outputs = ("state",)

    def body(self, inputs: State, settings: Settings) -> Json:
        """Return the request body: pausing is a separate request."""
        return {key: value for key, value in super().body(inputs, settings).items() if key != "desiredState"}

    def state(self, found: Json, identifier: str, before: State, settings: Settings) -> State:
        """Return the outputs. `desiredState` is not read: the real plugin keeps what it has (its source)."""
        outputs = super().state(found, identifier, before, settings)
        outputs["desiredState"] = before.get("desiredState") or "RUNNING"
        return outputs

    def equivalent(self, pattern: str, old: Any, new: Any, inputs: State, state: State) -> bool:
        """The API leaves out a duration of zero (`suppressOmittedMaxDuration` in the provider's source)."""
        return pattern == "retryConfig.maxRetryDuration" and not old and new == "0s"

    def normalize(self, pattern: str, value: Any) -> Any:
        """Compare durations as seconds."""
        durations = ("retryConfig.maxBackoff", "retryConfig.minBackoff", "retryConfig.maxRetryDuration")
        if pattern in durations and isinstance(value, str) and value.endswith("s"):
            number = value.removesuffix("s")
            return float(number) if number.replace(".", "", 1).isdecimal() else value
        return value

    def create(self, context: OperationContext, inputs: State) -> tuple[str, State]:
        """Create the queue, and pause it if requested."""
        identifier, state = super().create(context, inputs)
        if inputs.get("desiredState") == "PAUSED":
            with kept_in_state(self.label, identifier, inputs):
                context.rest.send("POST", self.product, f"{identifier}:pause")
                return self.read_back(context, identifier, inputs)
        return identifier, state

    def update(
        self, context: OperationContext, identifier: str, inputs: State, state: State, changes: list[Change]
    ) -> State:
        """Patch the changed blocks; pause or resume if `desiredState` changed."""
        if any(change.top == "desiredState" for change in changes):
            action = "pause" if inputs.get("desiredState") == "PAUSED" else "resume"
            context.rest.send("POST", self.product, f"{identifier}:{action}")
        rest = [change for change in changes if change.top != "desiredState"]
        return super().update(context, identifier, inputs, state, rest)
