"""The sandbox's switches: how fast Railway is, how it fails, and each answer that nobody has proven yet.

Refuses a name it does not know and a value of the wrong type: a misspelt switch would leave a test without
its subject. Set by `POST /admin/switches`; kept in the state file.
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
    "a": "Does a patch of the environment's config change a volume's size?",
    "b": "Does a new source in a service's settings make a trigger, or deploy?",
    "c": "May a workspace or project token read the config decrypted?",
    "d": "What exactly does Railway say of what is not there, and of a smaller size?",
    "e": "Does an update of a volume's instance that names no service detach it?",
    "f": "Do many root fields of one document count as one request?",
    "g": "What is the text that the commit of a patch returns?",
    "h": "Are Railway's own variables among the unrendered ones?",
    "i": "Can a service with a repository that never deployed be deployed by commit?",
}
"""What neither Railway's documentation nor its schema says, and only a live account can show."""


def unproven(*answers: T, question: str = "") -> T:
    """A switch for what nobody has seen Railway do.

    Args:
        answers: all that it may be; the first is the default.
        question: which of QUESTIONS it answers.
    """
    return field(default=answers[0], metadata={"answers": answers, "question": question})


@dataclass(kw_only=True)
class Switches:
    """Every switch with its default. Durations are seconds; 0 switches a limit off."""

    CHOICES: ClassVar[dict[str, tuple[Any, ...]]] = {
        "deploy_outcome": OUTCOMES,
        "plan": ("free", "trial", "hobby", "pro"),
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
    budget_window_seconds: float = 3600
    """How long that hour is: shorter for those who test what comes after it."""
    per_second_budget: int = 0
    """Requests a second and token (Railway: 50 on Pro); 429 with Retry-After 1 beyond."""
    edge_per_second: int = 10
    """Requests a second without a query string in the URL; text 429 "error code: 1015" beyond."""
    creation_throttle_seconds: float = 0
    """Project, environment and volume creates of one workspace must be this far apart (Railway: 30)."""
    page_limit: int = 0
    """The most edges of one page, whatever `first` asks for."""

    # What is lost
    settings_ignored: list[str] = field(default_factory=list[str])
    """Settings of a service, as in records.Instance, that are taken and dropped in silence."""

    # What becomes of deployments
    deploy_outcome: str = "success"
    """What every new deployment comes to, as far as its own copy of the world lets it."""
    deploy_outcomes_next: list[str] = field(default_factory=list[str])
    """Outcomes of the next deployments, used up one by one before `deploy_outcome` counts again."""
    backend_is_crm: bool = True
    """A started service is the CRM's backend, which needs its sessions and Firebase; False: any other, which
    is healthy."""
    backend_routes: list[str] = field(default_factory=list[str])
    """Paths on which the backend answers; empty: on whatever path the health check names."""
    strict_repos: bool = False
    """Only repositories set by POST /admin/repos exist."""
    autodeploy_on_push: bool = True
    """A moved branch head deploys the services whose trigger follows it."""
    newer_removes_in_flight: bool = True
    """A new deployment makes an unfinished older one REMOVED."""

    # Answers nobody has proven: all of them must be borne
    bad_variables_status: int = unproven(400, 200)
    """HTTP status when variables do not fit the document (BAD_USER_INPUT)."""
    trace_id_position: str = unproven("error", "extensions")
    """traceId beside the message, or inside extensions."""
    deleted_answer: str = unproven("error", "deleted_at")
    """project(id)/environment(id) of a deleted one: an error, or the object with deletedAt."""
    deleted_listed: bool = unproven(False, True)
    """Deleted services, instances and domains stay in lists, with deletedAt."""
    missing_answer: str = unproven("not_found", "not_authorized", question="d")
    """An id nobody knows: "... not found" or "Not Authorized"."""
    volume_delete_style: str = unproven("pending", "deleted_at")
    """A deleted volume: isPendingDeletion and DELETING, or deletedAt as well."""
    size_patch: str = unproven("applies", "ignored", question="a")
    """{"volumes":{id:{"sizeMB":n}}} through environmentPatchCommit: works, or is silently ignored."""
    source_update_creates_trigger: bool = unproven(False, True, question="b")
    """serviceInstanceUpdate(source.repo) makes a deployment trigger on the default branch."""
    source_update_deploys: bool = unproven(False, True, question="b")
    """serviceInstanceUpdate(source.repo) deploys."""
    trigger_create_deploys: bool = unproven(False, True)
    """deploymentTriggerCreate deploys."""
    trigger_update_deploys: bool = unproven(False, True)
    """deploymentTriggerUpdate deploys."""
    trigger_sets_source: bool = unproven(True, False)
    """A trigger's repository becomes the instance's source.repo."""
    scoped_decrypt: str = unproven("allowed", "refused", "masked", question="c")
    """config(decryptVariables: true) for workspace and project tokens."""
    shrink_answer: str = unproven("refused", "async", question="d")
    """A smaller size: refused at once, or accepted and then lastAppliedError."""
    shrink_message: str = unproven("Volume size cannot be decreased", "Volumes can only grow", question="d")
    """What refuses a smaller size; the second is as good a guess."""
    volume_update_without_service_detaches: bool = unproven(True, False, question="e")
    """volumeInstanceUpdate without serviceId."""
    root_fields_count_as_one: bool = unproven(True, False, question="f")
    """A document's root fields count as one request of the budget."""
    patch_commit_returns: str = unproven("patch_id", "workflow_id", "empty", question="g")
    """What the String of environmentPatchCommit is."""
    railway_variables_in_unrendered: bool = unproven(True, False, question="h")
    """RAILWAY_* come back from variables(unrendered: true)."""
    deploy_v2_never_deployed: str = unproven("works", "not_found", question="i")
    """serviceInstanceDeployV2 of a repo service that never deployed: works or "Deployment not found"."""
    rollback_reason: str = unproven("rollback", "redeploy")
    """What the meta of a deployment that is a rollback gives as its reason."""
    variable_upsert_deploys: bool = unproven(True, False)
    """Setting variables without skipDeploys redeploys (reported both ways)."""
    variable_deploys_never_deployed: bool = unproven(True, False)
    """It does so too for a service that has a source but no deployment yet."""
    volume_update_deploys: bool = unproven(False, True)
    """volumeCreate and volumeInstanceUpdate redeploy the service that they attach to."""
    target_port_with_port_refused: bool = unproven(False, True)
    """serviceDomainCreate with targetPort while PORT is a variable."""
    workspace_token_creates_environments: bool = unproven(True, False)
    """environmentCreate with a workspace token: works, or "Not Authorized"."""
    railway_config_file_allowed: bool = unproven(False, True)
    """New services may name a config file."""
    unmerged_none_is_null: bool = unproven(False, True)
    """unmergedChangesCount is null, not 0, when nothing is staged."""
    null_port_clears: bool = unproven(True, False)
    """A domain that is updated with targetPort null has no port any more; or keeps the one it had."""
    blank_credentials_clear: bool = unproven(True, False)
    """Registry credentials with an empty name and password take them away; or change nothing."""
    settings_reach: str = unproven("no_forks", "named")
    """serviceInstanceUpdate in an environment that is no fork: as the schema says also in all others that are
    none, or, as it is reported, in that one alone."""
    service_delete_reach: str = unproven("no_forks", "named")
    """The same for serviceDelete."""
    overlap_fails_all: bool = unproven(False, True)
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
        choices = self.CHOICES.get(name) or UNPROVEN.get(name)
        if choices and value not in choices:
            raise ValueError(f"switch {name!r} is one of {choices}")
        if name == "deploy_outcomes_next" and not {*OUTCOMES}.issuperset(cast("list[str]", value)):
            raise ValueError(f"outcomes are {OUTCOMES}")

    def as_dict(self) -> dict[str, Any]:
        """All switches with their present values."""
        return asdict(self)


_UNPROVEN = [item for item in fields(Switches) if "answers" in item.metadata]
UNPROVEN: dict[str, tuple[Any, ...]] = {item.name: item.metadata["answers"] for item in _UNPROVEN}
"""Every answer of every switch for what nobody has proven; the default is the first."""
QUESTION_OF: dict[str, str] = {item.name: item.metadata["question"] for item in _UNPROVEN}
"""Which of QUESTIONS such a switch answers; "" where it is another one."""
