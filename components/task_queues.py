"""The task queue of a function: the queue, and the accounts that may add tasks to it.

The name of a deleted queue is not free again for 7 days (Cloud Tasks docs, "Delete queues"), and tasks that
wait are lost with their queue. So a queue is never deleted: it stays, with its tasks, when its function goes.
The Firebase CLI keeps it too, and disables it.

Who adds a task names the account whose token Cloud Tasks then calls the function with. The Admin SDK names
its own (firebase-admin 13, `TaskQueue.enqueue`), so the accounts that may add tasks may also call the
function, and act as themselves. Without `invoker` in the code, these are the accounts of the functions of the
same codebase. The Firebase CLI grants nothing then: its functions run as an editor of the whole project.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from checkout.app import Codebase
from checkout.endpoints import Endpoint, TaskQueueTrigger
from components._base import Component
from components.apis import TASKS, Apis
from components.google import member, short_name
from components.identities import Identities, runtime_email

ENQUEUER = "roles/cloudtasks.enqueuer"
ACTS_AS = "roles/iam.serviceAccountUser"


@dataclass(frozen=True, kw_only=True)
class TaskQueuesArgs:
    """What the queues of all functions have in common.

    Args:
        component: the parent of the resources, whose names begin with `name`.
        identities: the accounts that exist before they get a role.
        hooks: what shows the fix for a queue that exists already.
    """

    component: Component
    name: str
    project: str
    apis: Apis
    identities: Identities
    hooks: pulumi.ResourceHookBinding


class TaskQueues:
    """Declares task queues as children of a component.

    Example:
        queues = TaskQueues(TaskQueuesArgs(component=self, name="functions", ...))
        queues.declare("functions-europe-west1-send", endpoint, trigger, members)
    """

    def __init__(self, args: TaskQueuesArgs) -> None:
        self._args = args
        self._acting = set[str]()

    def accounts(self, members: Sequence[str]) -> list[pulumi.Resource]:
        """The accounts among the members that the program makes: Google rejects them before they exist."""
        made = self._args.identities.accounts
        return [made[email] for email in made if member(email) in members]

    def declare(
        self, key: str, endpoint: Endpoint, trigger: TaskQueueTrigger, members: Sequence[str]
    ) -> None:
        """Declare the queue of a function, and who may add tasks to it.

        Args:
            key: begins the names of the resources.
            endpoint: the function.
            trigger: its trigger.
            members: the IAM members that add tasks.
        """
        args = self._args
        queue = gcp.cloudtasks.Queue(
            f"{key}-queue",
            project=args.project,
            location=endpoint.region,
            name=endpoint.id,
            rate_limits={
                "max_concurrent_dispatches": trigger.max_concurrent_dispatches,
                "max_dispatches_per_second": trigger.max_dispatches_per_second,
            },
            retry_config={
                "max_attempts": trigger.max_attempts,
                "min_backoff": seconds(trigger.min_backoff_seconds),
                "max_backoff": seconds(trigger.max_backoff_seconds),
                "max_retry_duration": seconds(trigger.max_retry_seconds),
                "max_doublings": trigger.max_doublings,
            },
            opts=args.component.child(
                depends_on=args.apis.of(*TASKS), hooks=args.hooks, retain_on_delete=True
            ),
        )
        gcp.cloudtasks.QueueIamBinding(
            f"{key}-enqueuers",
            project=args.project,
            location=endpoint.region,
            name=endpoint.id,
            role=ENQUEUER,
            members=sorted(members),
            opts=args.component.child(depends_on=[queue, *self.accounts(members)]),
        )
        for email in sorted(args.identities.accounts):
            if member(email) in members:
                self._act_as_itself(email)

    def _act_as_itself(self, email: str) -> None:
        """Once for each account, which may add tasks to several queues."""
        if email in self._acting:
            return
        self._acting.add(email)
        args = self._args
        gcp.serviceaccount.IAMMember(
            f"{args.name}-{short_name(email, args.project)}-{ACTS_AS.removeprefix('roles/')}",
            service_account_id=f"projects/{args.project}/serviceAccounts/{email}",
            role=ACTS_AS,
            member=member(email),
            opts=args.component.child(depends_on=[args.identities.accounts[email]]),
        )


def enqueuers(trigger: TaskQueueTrigger, codebase: Codebase, project: str) -> list[str]:
    """The IAM members that may add tasks, and call the function."""
    if trigger.invoker is None:
        return sorted({member(runtime_email(one, project)) for one in codebase.endpoints})
    if "public" in trigger.invoker:
        return ["allUsers"]
    return sorted(member(email) for email in trigger.invoker if email != "private")


def seconds(value: float) -> str:
    """A duration as Cloud Tasks writes it: with three decimals, or none.

    Example:
        seconds(0.1)  # "0.100s"
    """
    return f"{value:.0f}s" if float(value).is_integer() else f"{value:.3f}s"
