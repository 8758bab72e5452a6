"""API enablement: one resource per Google API that the project needs.

Runbook: the line before all lines, "the project exists and its APIs are on".

It refuses to turn an API off, on destroy or when the app no longer asks for it: other things in the
project may need it, and turning one off can delete what it holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from checkout.app import Codebase
from checkout.endpoints import EventTrigger, ScheduleTrigger
from components._base import Component
from settings.model import GoogleSettings

ALWAYS = ("cloudresourcemanager", "firebaserules", "firestore", "iam", "secretmanager", "serviceusage")
FUNCTIONS = ("artifactregistry", "cloudbuild", "cloudfunctions", "run", "storage")
EVENTS = ("eventarc", "pubsub")
SCHEDULES = ("cloudscheduler",)


@dataclass(frozen=True, kw_only=True)
class ApisArgs:
    """google: where. codebases: what is deployed, which decides what is needed."""

    google: GoogleSettings
    codebases: tuple[Codebase, ...]


def needed(codebases: Iterable[Codebase]) -> set[str]:
    """The APIs that these codebases need, the ones every stack needs included."""
    services: set[str] = set(ALWAYS)
    for codebase in codebases:
        services.update(FUNCTIONS, codebase.required_apis)
        if any(isinstance(endpoint.trigger, EventTrigger) for endpoint in codebase.endpoints):
            services.update(EVENTS)
        if any(isinstance(endpoint.trigger, ScheduleTrigger) for endpoint in codebase.endpoints):
            services.update(SCHEDULES)
    return services


def full_name(service: str) -> str:
    """`run` and `run.googleapis.com` are one API."""
    return service if "." in service else f"{service}.googleapis.com"


class Apis(Component):
    """The enabled APIs. Others depend on the ones they use: `depends_on=apis.of("run", "eventarc")`."""

    enabled: dict[str, gcp.projects.Service]

    def __init__(self, name: str, args: ApisArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.enabled = {}
        for service in sorted({full_name(service) for service in needed(args.codebases)}):
            self.enabled[service] = gcp.projects.Service(
                f"{name}-{service.removesuffix('.googleapis.com')}",
                project=args.google.project,
                service=service,
                disable_on_destroy=False,
                opts=self.child(),
            )
        self.register_outputs({"enabled": sorted(self.enabled)})

    def of(self, *services: str) -> list[pulumi.Resource]:
        """The resources of these APIs.

        Raises:
            KeyError: an API that was not asked to be enabled; a mistake in the program, not in the settings.
        """
        return [self.enabled[full_name(service)] for service in services]
