"""The Google APIs that the project needs, one resource each.

Runbook: the precondition of all lines, "the project exists and its APIs are on".

Refuses to disable an API, on destroy or when the app no longer needs it: other things in the project may use
it, and disabling it can delete their data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from checkout.app import Codebase
from checkout.endpoints import BlockingTrigger, EventTrigger, ScheduleTrigger, TaskQueueTrigger
from components._base import Component, Resources
from settings.model import GoogleSettings

# The engine creates a few resources at a time, in this order: the longest chains begin with the first ones.
ALWAYS = ("iam", "cloudresourcemanager", "firestore", "serviceusage", "secretmanager", "firebaserules")
FUNCTIONS = ("artifactregistry", "cloudbuild", "cloudfunctions", "run", "storage")
EVENTS = ("eventarc", "pubsub")
SCHEDULES = ("cloudscheduler",)
TASKS = ("cloudtasks",)
BLOCKING = ("identitytoolkit",)
TOKENS = ("iamcredentials",)


@dataclass(frozen=True, kw_only=True)
class ApisArgs:
    """The arguments of `Apis`.

    Args:
        google: the project.
        codebases: the functions, whose triggers decide which APIs are needed.
        after: what must exist before anything on Google changes: all Google resources wait for an API.
    """

    google: GoogleSettings
    codebases: tuple[Codebase, ...]
    after: Resources


def needed(codebases: Iterable[Codebase]) -> set[str]:
    """The short names of the APIs that a stack with these codebases needs."""
    services: set[str] = set(ALWAYS)
    for codebase in codebases:
        services.update(FUNCTIONS, codebase.required_apis)
        triggers = {type(endpoint.trigger) for endpoint in codebase.endpoints}
        services.update(EVENTS if EventTrigger in triggers else ())
        services.update(SCHEDULES if ScheduleTrigger in triggers else ())
        services.update(BLOCKING if BlockingTrigger in triggers else ())
        services.update(TASKS if TaskQueueTrigger in triggers else ())
    return services


def full_name(service: str) -> str:
    """`run.googleapis.com` for `run`."""
    return service if "." in service else f"{service}.googleapis.com"


class Apis(Component):
    """The enabled APIs.

    Example:
        args = ApisArgs(google=settings.google, codebases=app.codebases, after=[project])
        apis = Apis("apis", args)
        options = pulumi.ResourceOptions(depends_on=apis.of("run", "eventarc"))
    """

    enabled: dict[str, gcp.projects.Service]

    def __init__(self, name: str, args: ApisArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        signing = TOKENS if args.google.functions_may_create_tokens else ()
        ordered = (*ALWAYS, *sorted({*needed(args.codebases), *signing}))
        services = dict.fromkeys(map(full_name, ordered))
        self.enabled = {
            service: gcp.projects.Service(
                f"{name}-{service.removesuffix('.googleapis.com')}",
                project=args.google.project,
                service=service,
                disable_on_destroy=False,
                opts=self.child(depends_on=args.after),
            )
            for service in services
        }
        self.register_outputs({"enabled": sorted(self.enabled)})

    def of(self, *services: str) -> list[pulumi.Resource]:
        """The resources of these APIs, to depend on.

        Raises:
            KeyError: an API is not enabled; a defect of the program.
        """
        return [self.enabled[full_name(service)] for service in services]
