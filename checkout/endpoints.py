"""The functions that a codebase declares, as data with every default filled in. `checkout.manifest` makes it.

Apart from the parser, so that components import only the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SecretUse:
    """A function reads Secret Manager's `secret` as the environment variable `key`."""

    key: str
    secret: str


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network that a function is in without a connector ("Direct VPC egress"). One of the two names is set.

    `tags` are for firewall rules.
    """

    network: str | None
    subnetwork: str | None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HttpsTrigger:
    """An HTTP function. `invoker`: ("public",), ("private",), or e-mails of service accounts; None is public,
    as with the Firebase CLI."""

    invoker: tuple[str, ...] | None

    @property
    def members(self) -> tuple[str, ...]:
        """The IAM members that may call it; empty for a private function."""
        if self.invoker is None or "public" in self.invoker:
            return ("allUsers",)
        return tuple(f"serviceAccount:{email}" for email in self.invoker if email != "private")


@dataclass(frozen=True, kw_only=True)
class CallableTrigger:
    """A callable function: HTTP and public; the SDK checks the caller. `genkit` is true for a Genkit action,
    which differs by a label only."""

    genkit: bool = False


@dataclass(frozen=True, kw_only=True)
class EventTrigger:
    """A CloudEvents trigger. `region` is the trigger's region: for Firestore, the database's location; for
    Cloud Storage, the bucket's, which `checkout.live_buckets` fills in.

    `topic` is the short name of a Pub/Sub topic of the project, for its messages.
    """

    event_type: str
    filters: Mapping[str, str]
    path_patterns: Mapping[str, str]
    region: str
    retry: bool
    topic: str | None = None


@dataclass(frozen=True, kw_only=True)
class ScheduleTrigger:
    """A function that Cloud Scheduler calls. Durations are seconds; None is the server's default."""

    schedule: str
    time_zone: str
    attempt_deadline_seconds: int | None
    retry_count: int | None
    max_retry_seconds: int | None
    min_backoff_seconds: int | None
    max_backoff_seconds: int | None
    max_doublings: int | None


@dataclass(frozen=True, kw_only=True)
class TaskQueueTrigger:
    """A function that Cloud Tasks calls with the tasks of its queue, which has its name.

    `invoker` are those who add tasks: ("public",), ("private",) or e-mails; None are the functions of the
    same codebase. `max_retry_seconds` is 0 for tasks of any age, `max_attempts` -1 for attempts without end.
    """

    invoker: tuple[str, ...] | None
    max_concurrent_dispatches: int
    max_dispatches_per_second: float
    max_attempts: int
    min_backoff_seconds: float
    max_backoff_seconds: float
    max_retry_seconds: float
    max_doublings: int


@dataclass(frozen=True, kw_only=True)
class BlockingTrigger:
    """A function that Firebase Auth calls before `event`, such as beforeSignIn, with these credentials of the
    user ("idToken")."""

    event: str
    credentials: tuple[str, ...]


Trigger = HttpsTrigger | CallableTrigger | EventTrigger | ScheduleTrigger | TaskQueueTrigger | BlockingTrigger


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One function in one region.

    `id` is its name on Cloud Functions. `memory` is a quantity ("256Mi"), `cpu` a decimal ("1", "0.1666").
    `environment` has what the codebase declares, its params and its variables; `backend_variable` is the
    variable that gets the backend's address. `vpc_egress` is for the connector, or for the `network`. None is
    the server's default.
    """

    id: str
    entry_point: str
    region: str
    runtime: str
    memory: str
    cpu: str
    concurrency: int
    timeout_seconds: int
    min_instances: int
    max_instances: int | None
    ingress: str
    vpc_connector: str | None
    vpc_egress: str | None
    network: Network | None = None
    labels: Mapping[str, str]
    environment: Mapping[str, str]
    backend_variable: str | None = None
    secrets: tuple[SecretUse, ...]
    service_account: str | None
    trigger: Trigger

    @property
    def service_id(self) -> str:
        """The name of the Cloud Run service behind the function."""
        return service_id(self.id)


@dataclass(frozen=True, kw_only=True)
class Unmanaged:
    """A function in one region that this program leaves as it is (`unmanagedFunctions`).

    `kind` is why it is not supported ("functions of the 1st generation"), `setting` the name by which the
    config has it. `secrets` are the names of the secrets that it reads.
    """

    id: str
    region: str
    kind: str
    reason: str
    setting: str
    secrets: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Region and id, as in messages."""
        return f"{self.region}/{self.id}"


def service_id(function_id: str) -> str:
    """The name of the Cloud Run service behind a function: lower case, `_` becomes `-`."""
    return function_id.lower().replace("_", "-")
