"""The sandbox's switches: how fast Railway is, how it fails, and each answer that nobody has proven yet.

Refuses a name it does not know and a value of the wrong type: a misspelt switch would leave a test without
its subject. Set by `POST /admin/switches`; kept in the state file.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, cast, get_type_hints

OUTCOMES = (
    "success", "failed_build", "failed_healthcheck", "crashed", "skipped", "removed",
    "needs_approval", "waiting", "never_ends", "sleeping",
)  # fmt: skip


@dataclass(kw_only=True)
class Switches:
    """Every switch with its default. Durations are seconds; 0 switches a limit off."""

    CHOICES: ClassVar[dict[str, tuple[Any, ...]]] = {
        "deploy_outcome": OUTCOMES,
        "plan": ("free", "trial", "hobby", "pro"),
        "bad_variables_status": (200, 400),
        "trace_id_position": ("error", "extensions"),
        "deleted_answer": ("error", "deleted_at"),
        "missing_answer": ("not_found", "not_authorized"),
        "volume_delete_style": ("pending", "deleted_at"),
        "size_patch": ("applies", "ignored"),
        "shrink_answer": ("refused", "async"),
        "scoped_decrypt": ("allowed", "refused", "masked"),
        "patch_commit_returns": ("patch_id", "workflow_id", "empty"),
        "deploy_v2_never_deployed": ("works", "not_found"),
    }

    # How fast things are
    deploy_step_seconds: float = 0.05
    """One step of QUEUED, INITIALIZING, BUILDING, DEPLOYING, SUCCESS."""
    instance_delay_seconds: float = 0.05
    """Until a new service's instance can be seen (ServiceInstance not found)."""
    volume_delay_seconds: float = 0.05
    """Until a new volume's instance can be seen; it is UPDATING for as long again before READY."""
    trigger_delay_seconds: float = 0.02
    """Until a new or changed deployment trigger can be seen."""
    domain_delay_seconds: float = 0.02
    """Until a domain or TCP proxy is ACTIVE."""
    patch_seconds: float = 0.02
    """An applied patch is APPLYING for this long."""
    resize_seconds: float = 0.02
    """Until a new volume size can be read."""
    mutation_seconds: float = 0.01
    """A mutation is in flight for at least this long: two of one environment at once overlap."""

    # Limits
    plan: str = "pro"
    """The workspace's plan: default and largest volume, replicas, volumes and custom domains."""
    hourly_budget: int = 10_000
    """Requests an hour and token; 429 with Retry-After beyond."""
    per_second_budget: int = 0
    """Requests a second and token (Railway: 50 on Pro); 429 with Retry-After 1 beyond."""
    edge_per_second: int = 10
    """Requests a second without a query string in the URL; text 429 "error code: 1015" beyond."""
    creation_throttle_seconds: float = 0
    """Project, environment and volume creates of one workspace must be this far apart (Railway: 30)."""
    page_limit: int = 0
    """The most edges of one page, whatever `first` asks for."""

    # What becomes of deployments
    deploy_outcome: str = "success"
    """What every new deployment comes to, as far as its own copy of the world lets it."""
    deploy_outcomes_next: list[str] = field(default_factory=list[str])
    """Outcomes of the next deployments, used up one by one before `deploy_outcome` counts again."""
    backend_routes: list[str] = field(default_factory=list[str])
    """Paths on which the backend answers; empty: on whatever path the health check names."""
    strict_repos: bool = False
    """Only repositories set by POST /admin/repos exist."""
    autodeploy_on_push: bool = True
    """A moved branch head deploys the services whose trigger follows it."""
    newer_removes_in_flight: bool = True
    """A new deployment makes an unfinished older one REMOVED."""

    # Answers nobody has proven: both must be borne
    bad_variables_status: int = 400
    """HTTP status when variables do not fit the document (BAD_USER_INPUT)."""
    trace_id_position: str = "error"
    """traceId beside the message, or inside extensions."""
    deleted_answer: str = "error"
    """project(id)/environment(id) of a deleted one: an error, or the object with deletedAt."""
    deleted_listed: bool = False
    """Deleted services, instances and domains stay in lists, with deletedAt."""
    missing_answer: str = "not_found"
    """An id nobody knows: "... not found" or "Not Authorized"."""
    volume_delete_style: str = "pending"
    """A deleted volume: isPendingDeletion and DELETING, or deletedAt as well."""
    size_patch: str = "applies"
    """(a) {"volumes":{id:{"sizeMB":n}}} through environmentPatchCommit: works, or is silently ignored."""
    source_update_creates_trigger: bool = False
    """(b) serviceInstanceUpdate(source.repo) makes a deployment trigger on the default branch."""
    source_update_deploys: bool = False
    """(b) serviceInstanceUpdate(source.repo) deploys."""
    trigger_create_deploys: bool = False
    """deploymentTriggerCreate deploys."""
    trigger_update_deploys: bool = False
    """deploymentTriggerUpdate deploys."""
    trigger_sets_source: bool = True
    """A trigger's repository becomes the instance's source.repo."""
    scoped_decrypt: str = "allowed"
    """(c) config(decryptVariables: true) for workspace and project tokens."""
    shrink_answer: str = "refused"
    """(d) a smaller size: refused at once, or accepted and then lastAppliedError."""
    shrink_message: str = "Volume size cannot be decreased"
    volume_update_without_service_detaches: bool = True
    """(e) volumeInstanceUpdate without serviceId."""
    root_fields_count_as_one: bool = True
    """(f) a document's root fields count as one request of the budget."""
    patch_commit_returns: str = "patch_id"
    """(g) what the String of environmentPatchCommit is."""
    railway_variables_in_unrendered: bool = True
    """(h) RAILWAY_* come back from variables(unrendered: true)."""
    deploy_v2_never_deployed: str = "works"
    """(i) serviceInstanceDeployV2 of a repo service that never deployed: works or "Deployment not found"."""
    variable_upsert_deploys: bool = True
    """Setting variables without skipDeploys redeploys (reported both ways)."""
    variable_deploys_never_deployed: bool = True
    """It does so too for a service that has a source but no deployment yet."""
    volume_update_deploys: bool = False
    """volumeCreate and volumeInstanceUpdate redeploy the service that they attach to."""
    target_port_with_port_refused: bool = False
    """serviceDomainCreate with targetPort while PORT is a variable."""
    workspace_token_creates_environments: bool = True
    """environmentCreate with a workspace token: works, or "Not Authorized"."""
    railway_config_file_allowed: bool = False
    """New services may name a config file."""
    unmerged_none_is_null: bool = False
    """unmergedChangesCount is null, not 0, when nothing is staged."""
    overlap_fails_all: bool = False
    """Overlapping mutations of one environment all fail, not only domain creates."""

    def change(self, wishes: dict[str, Any]) -> None:
        """Set switches by name, all or none.

        Raises:
            ValueError: an unknown name, a value of the wrong type or outside its choices.
        """
        hints = get_type_hints(Switches)
        known = {item.name for item in fields(self)}
        for name, value in wishes.items():
            if name not in known:
                raise ValueError(f"unknown switch {name!r}; there are {', '.join(sorted(known))}")
            self._examine(name, hints[name], value)
        for name, value in wishes.items():
            setattr(self, name, value)

    def _examine(self, name: str, hint: Any, value: Any) -> None:
        if hint is float:
            fits = isinstance(value, (int, float)) and not isinstance(value, bool)
        elif hint is int:
            fits = isinstance(value, int) and not isinstance(value, bool)
        elif hint in (bool, str):
            fits = isinstance(value, hint)
        else:
            fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
        if not fits:
            raise ValueError(f"switch {name!r} cannot be {value!r}")
        choices = self.CHOICES.get(name)
        if choices and value not in choices:
            raise ValueError(f"switch {name!r} is one of {choices}")
        if name == "deploy_outcomes_next" and not {*OUTCOMES}.issuperset(cast("list[str]", value)):
            raise ValueError(f"outcomes are {OUTCOMES}")

    def as_dict(self) -> dict[str, Any]:
        """All switches with their present values."""
        return asdict(self)
