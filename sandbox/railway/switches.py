"""The sandbox's switches: delays, limits, outcomes, and each behaviour of the live API that is not verified.

Set by `POST /admin/switches` and kept in the state file. Unknown names and values of a wrong type are errors:
a misspelt switch would make a test pass without testing anything.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, TypeVar, cast, get_type_hints

T = TypeVar("T")

OUTCOMES = (
    "success", "failed_build", "failed_healthcheck", "crashed", "skipped", "removed",
    "needs_approval", "waiting", "never_ends", "sleeping",
)  # fmt: skip

QUESTIONS = {
    "a": "Does a patch of the environment's config change the size of a volume?",
    "b": "Does setting a source in a service's settings create a trigger, or deploy?",
    "c": "May a workspace or project token read the decrypted config?",
    "d": "What is the exact error for an unknown id, and for a smaller volume size?",
    "e": "Does an update of a volume instance without a service detach it?",
    "f": "Do several root fields of one document count as one request?",
    "g": "What is the String that committing a patch returns?",
    "h": "Do unrendered variables include Railway's own?",
    "i": "Can a service with a repository but without a deployment be deployed by commit?",
}
"""Questions that neither Railway's documentation nor its schema answers; only a live account can."""


def unverified(*values: T, question: str = "") -> T:
    """A switch for behaviour of the live API that is not verified.

    Args:
        values: all possible values; the first is the default.
        question: the key in QUESTIONS that it belongs to.
    """
    return field(default=values[0], metadata={"values": values, "question": question})


@dataclass(kw_only=True)
class Switches:
    """Every switch with its default. Durations are seconds; 0 turns a limit off."""

    CHOICES: ClassVar[dict[str, tuple[Any, ...]]] = {
        "deploy_outcome": OUTCOMES,
        "plan": ("free", "trial", "hobby", "pro"),
    }

    # Delays
    deploy_step_seconds: float = 0.05
    """Duration of each step of QUEUED, INITIALIZING, BUILDING, DEPLOYING, SUCCESS."""
    instance_delay_seconds: float = 0.05
    """Time until a new service's instance is visible (before: ServiceInstance not found)."""
    volume_delay_seconds: float = 0.05
    """Time until a new volume's instance is visible; it is UPDATING for the same time before READY."""
    trigger_delay_seconds: float = 0.02
    """Time until a new or changed deployment trigger is visible."""
    domain_delay_seconds: float = 0.02
    """Time until a domain or TCP proxy is ACTIVE."""
    patch_seconds: float = 0.02
    """How long an applied patch stays APPLYING."""
    resize_seconds: float = 0.02
    """Time until a new volume size can be read."""
    backup_seconds: float = 0.02
    """How long the workflow of a manual backup runs; the backup is listed when it has ended."""
    restart_backoff_seconds: float = 0.1
    """The wait before a process that ended is started again, doubled each time, at most 5 s. Railway does not
    document its own."""
    mutation_seconds: float = 0.01
    """Minimum duration of a mutation; two in the same environment at once overlap."""

    # Limits
    plan: str = "pro"
    """The workspace's plan: limits volumes and their sizes, replicas and custom domains."""
    hourly_budget: int = 10_000
    """Requests per hour and token; above it: 429 with Retry-After."""
    budget_window_seconds: float = 3600
    """The length of that hour; tests make it shorter."""
    per_second_budget: int = 0
    """Requests per second and token (Railway: 50 on Pro); above it: 429 with Retry-After 1."""
    edge_per_second: int = 10
    """Requests per second without a query string in the URL; above it: 429 with "error code: 1015"."""
    backup_limit: float = 0.5
    """The part of a volume's size that its data may have in a manual backup."""
    creation_throttle_seconds: float = 0
    """Minimum time between creations of projects, environments and volumes in one workspace (Railway: 30)."""
    page_limit: int = 0
    """Maximum number of edges per page, whatever `first` requests."""

    # Settings that are not kept
    settings_ignored: list[str] = field(default_factory=list[str])
    """Service settings (attributes of records.Instance) that are accepted and then ignored."""

    # Outcomes of deployments
    deploy_outcome: str = "success"
    """The outcome of every new deployment, unless its own copy of the settings makes it fail."""
    deploy_outcomes_next: list[str] = field(default_factory=list[str])
    """Outcomes of the next deployments, used one by one before `deploy_outcome` applies again."""
    backend_is_crm: bool = True
    """A started service is the CRM's backend, which needs its sessions and Firebase. False: another service,
    which is healthy."""
    backend_routes: list[str] = field(default_factory=list[str])
    """Paths that the backend serves; empty: the path of the health check."""
    strict_repos: bool = False
    """Only repositories set by POST /admin/repos exist."""
    autodeploy_on_push: bool = True
    """A push deploys the services whose trigger follows the branch."""
    newer_removes_in_flight: bool = True
    """A new deployment sets an unfinished older one to REMOVED."""

    # Outcome of backups
    backup_error: str = ""
    """The error with which the workflow of a manual backup ends; "": it succeeds."""

    # Unverified behaviour of the live API: the program must work with every value
    bad_variables_status: int = unverified(400, 200)
    """HTTP status if variables do not match the document (BAD_USER_INPUT)."""
    trace_id_position: str = unverified("error", "extensions")
    """traceId is next to the message, or inside extensions."""
    backup_workflow_id: str = unverified("id", "null")
    """The workflow id that volumeInstanceBackupCreate returns; the schema allows null."""
    deleted_response: str = unverified("error", "deleted_at")
    """project(id)/environment(id) of a deleted object: an error, or the object with deletedAt."""
    deleted_listed: bool = unverified(False, True)
    """Deleted services, instances and domains stay in lists, with deletedAt."""
    missing_response: str = unverified("not_found", "not_authorized", question="d")
    """Error for an unknown id: "... not found" or "Not Authorized"."""
    volume_delete_style: str = unverified("pending", "deleted_at")
    """A deleted volume has isPendingDeletion and DELETING, or deletedAt as well."""
    size_patch: str = unverified("applies", "ignored", question="a")
    """{"volumes":{id:{"sizeMB":n}}} through environmentPatchCommit is applied, or silently ignored."""
    source_update_creates_trigger: bool = unverified(False, True, question="b")
    """serviceInstanceUpdate(source.repo) creates a deployment trigger on the default branch."""
    source_update_deploys: bool = unverified(False, True, question="b")
    """serviceInstanceUpdate(source.repo) deploys."""
    trigger_create_deploys: bool = unverified(False, True)
    """deploymentTriggerCreate deploys."""
    trigger_update_deploys: bool = unverified(False, True)
    """deploymentTriggerUpdate deploys."""
    trigger_sets_source: bool = unverified(True, False)
    """A trigger's repository becomes the instance's source.repo."""
    scoped_decrypt: str = unverified("allowed", "refused", "masked", question="c")
    """config(decryptVariables: true) for workspace and project tokens."""
    shrink_response: str = unverified("refused", "async", question="d")
    """A smaller size is rejected at once, or accepted and reported as lastAppliedError."""
    shrink_message: str = unverified("Volume size cannot be decreased", "Volumes can only grow", question="d")
    """The error for a smaller size; the second is an alternative guess."""
    volume_update_without_service_detaches: bool = unverified(True, False, question="e")
    """volumeInstanceUpdate without serviceId."""
    root_fields_count_as_one: bool = unverified(True, False, question="f")
    """A document's root fields count as one request of the budget."""
    patch_commit_returns: str = unverified("patch_id", "workflow_id", "empty", question="g")
    """The String that environmentPatchCommit returns."""
    railway_variables_in_unrendered: bool = unverified(True, False, question="h")
    """variables(unrendered: true) contains RAILWAY_*."""
    deploy_v2_never_deployed: str = unverified("works", "not_found", question="i")
    """serviceInstanceDeployV2 of a repository service without deployments works, or is an error."""
    rollback_reason: str = unverified("rollback", "redeploy")
    """The reason in the meta of a deployment that is a rollback."""
    variable_upsert_deploys: bool = unverified(True, False)
    """Setting variables without skipDeploys redeploys (both are reported)."""
    variable_deploys_never_deployed: bool = unverified(True, False)
    """It also redeploys a service that has a source but no deployment yet."""
    volume_update_deploys: bool = unverified(False, True)
    """volumeCreate and volumeInstanceUpdate redeploy the service that the volume is attached to."""
    target_port_with_port_refused: bool = unverified(False, True)
    """serviceDomainCreate with targetPort is rejected if PORT is a variable."""
    workspace_token_creates_environments: bool = unverified(True, False)
    """environmentCreate with a workspace token: works, or "Not Authorized"."""
    railway_config_file_allowed: bool = unverified(False, True)
    """New services may have a config file."""
    unmerged_none_is_null: bool = unverified(False, True)
    """unmergedChangesCount is null, not 0, if nothing is staged."""
    null_port_clears: bool = unverified(True, False)
    """Updating a domain with targetPort null removes its port, or keeps it."""
    settings_update_scope: str = unverified("no_forks", "named")
    """serviceInstanceUpdate in an environment that is not a fork applies to all environments that are not
    forks, as in the schema's description ("no_forks"), or only to the named one, as reported from the live
    API ("named")."""
    service_delete_scope: str = unverified("no_forks", "named")
    """The same for serviceDelete."""
    overlap_fails_all: bool = unverified(False, True)
    """Overlapping mutations of one environment all fail, not only domain creations."""

    def update(self, values: dict[str, Any]) -> None:
        """Set switches by name, all of them or none.

        Raises:
            ValueError: unknown name, wrong type, or not one of the possible values.
        """
        hints = get_type_hints(Switches)
        known = {item.name for item in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown switch {name!r}; known switches: {', '.join(sorted(known))}")
            self._validate(name, hints[name], value)
        for name, value in values.items():
            setattr(self, name, value)

    def _validate(self, name: str, hint: Any, value: Any) -> None:
        if hint is float:
            fits = isinstance(value, (int, float)) and not isinstance(value, bool)
        elif hint is int:
            fits = isinstance(value, int) and not isinstance(value, bool)
        elif hint in (bool, str):
            fits = isinstance(value, hint)
        else:
            fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
        if not fits:
            raise ValueError(f"switch {name!r} has another type than {value!r}")
        choices = self.CHOICES.get(name) or UNVERIFIED.get(name)
        if choices and value not in choices:
            raise ValueError(f"switch {name!r} must be one of {choices}")
        if name == "deploy_outcomes_next" and not {*OUTCOMES}.issuperset(cast("list[str]", value)):
            raise ValueError(f"switch {name!r}: each outcome must be one of {OUTCOMES}")

    def as_dict(self) -> dict[str, Any]:
        """Return all switches with their current values."""
        return asdict(self)


_UNVERIFIED = [item for item in fields(Switches) if "values" in item.metadata]
UNVERIFIED: dict[str, tuple[Any, ...]] = {item.name: item.metadata["values"] for item in _UNVERIFIED}
"""All values of every switch for unverified behaviour; the first is the default."""
QUESTION_OF: dict[str, str] = {item.name: item.metadata["question"] for item in _UNVERIFIED}
"""The key in QUESTIONS that such a switch belongs to; "" for none."""
