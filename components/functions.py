"""Cloud Functions: the source archive, one function per endpoint, who may call it, and the clock that does.

Runbook: "firebase deploy --only functions", "functions Deployed".

Everything about an endpoint is a property or a resource, so that drift in it is seen and healed: options, the
invoker, the trigger, the pinned secret versions. The names are those of the official CLI (function, scheduler
job, labels, environment), so its `functions:list` and `functions:log` go on working; the label
`deployment-tool=pulumi` keeps its deploy from taking our functions for its own and deleting them.

It refuses to put the invoker on the function: Google only honours it on the Cloud Run service behind it
(Cloud Functions docs, "Authorize access"), whose name is computed here and not taken from an output,
because an unknown name would show every binding as replaced whenever code changes. It refuses to guess a
storage bucket for FIREBASE_CONFIG: projects differ, and a wrong one fails later and stranger than none. The
setting `storageBucket` says it.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from checkout.app import Codebase
from checkout.endpoints import CallableTrigger, Endpoint, EventTrigger, HttpsTrigger, ScheduleTrigger
from components._base import Component, Resources
from components.apis import EVENTS, FUNCTIONS, SCHEDULES, Apis
from components.google import member
from components.identities import Identities, runtime_email
from components.secrets import Secrets
from components.verification_spec import SOURCE_VARIABLE, Function
from settings.model import GoogleSettings

# Another trigger of these is another trigger: Google updates neither in place (as the official CLI knows).
# Nor does it turn a function that is called into one that events start, or back (firebase-tools issue 8298).
# There the whole block comes or goes, which no path below it notices: replacement_trigger says that.
REPLACING = ["eventTrigger.eventType", "eventTrigger.triggerRegion"]


@dataclass(frozen=True, kw_only=True)
class FunctionsArgs:
    """What functions are made of. after: what code needs before it may run, such as its indexes."""

    google: GoogleSettings
    codebases: tuple[Codebase, ...]
    apis: Apis
    identities: Identities
    secrets: Secrets
    after: Resources


class Functions(Component):
    """The functions. `urls` by id of those that are called over HTTP, `deployed` is all of them, `ready`
    their resources."""

    urls: dict[str, str]
    deployed: list[Function]
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: FunctionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._name = name
        self._args = args
        self._project = args.google.project
        self._bucket_name = f"{self._project}-crm-functions"
        self.urls = {}
        self.deployed = []
        self.ready = []
        if not args.codebases:
            self.register_outputs({"urls": self.urls})
            return
        bucket = gcp.storage.Bucket(
            f"{name}-sources",
            project=self._project,
            name=self._bucket_name,
            location=args.google.region.upper(),
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            # Only our archives are in it, and each can be built again from the repository. No rule deletes
            # old ones by age: an unchanged function is still updated from the archive it was made from.
            force_destroy=True,
            # Functions of any region are built from it, and a bucket cannot move: with another `region` it
            # would be deleted with all archives in it, which nothing would put into the new one.
            opts=self.child(depends_on=args.apis.of("storage"), ignore_changes=["location"]),
        )
        for codebase in args.codebases:
            source = gcp.storage.BucketObject(
                f"{name}-source-{codebase.name}",
                bucket=self._bucket_name,
                name=codebase.archive.object_name,
                # From the project's folder: the path is kept in the state, which other machines share.
                source=pulumi.FileAsset(os.path.relpath(codebase.archive.path)),
                content_type="application/zip",
                # The name carries the content's hash, so old and new exist side by side; old ones are kept as
                # the way back.
                opts=self.child(depends_on=[bucket], delete_before_replace=False, retain_on_delete=True),
            )
            for endpoint in codebase.endpoints:
                self._endpoint(codebase, endpoint, source)
        self.register_outputs({"urls": self.urls})

    def _endpoint(self, codebase: Codebase, endpoint: Endpoint, source: gcp.storage.BucketObject) -> None:
        key = f"{self._name}-{endpoint.region}-{endpoint.id}"
        email = runtime_email(endpoint, self._project)
        trigger = endpoint.trigger
        function = self._function(key, codebase, endpoint, email, source)
        match trigger:
            case HttpsTrigger():
                callers = list(trigger.members)
            case CallableTrigger():
                callers = ["allUsers"]
            case EventTrigger() | ScheduleTrigger():
                callers = [member(email)]
        invokers = [self._invoker(key, endpoint, caller, function) for caller in callers]
        self.ready += [function, *invokers]
        if isinstance(trigger, HttpsTrigger | CallableTrigger):
            self.urls[endpoint.id] = url(endpoint, self._project)
        if isinstance(trigger, ScheduleTrigger):
            self._schedule(key, endpoint, trigger, email, [function, *invokers])

    def _function(
        self,
        key: str,
        codebase: Codebase,
        endpoint: Endpoint,
        email: str,
        source: gcp.storage.BucketObject,
    ) -> gcp.cloudfunctionsv2.Function:
        build: gcp.cloudfunctionsv2.FunctionBuildConfigArgsDict = {
            "runtime": endpoint.runtime,
            "entry_point": endpoint.entry_point,
            "environment_variables": {
                # Set and empty: the builder runs no script of package.json; what is in the archive is what
                # runs.
                "GOOGLE_NODE_RUN_SCRIPTS": "",
                SOURCE_VARIABLE: codebase.archive.object_name,
            },
        }
        service: gcp.cloudfunctionsv2.FunctionServiceConfigArgsDict = {
            "environment_variables": environment(endpoint, self._args.google),
            "available_memory": endpoint.memory,
            "available_cpu": endpoint.cpu,
            "max_instance_request_concurrency": endpoint.concurrency,
            "timeout_seconds": endpoint.timeout_seconds,
            "min_instance_count": endpoint.min_instances or None,  # the API does not tell 0 from absent
            "max_instance_count": endpoint.max_instances,
            "ingress_settings": endpoint.ingress,
            "vpc_connector": endpoint.vpc_connector,
            "vpc_connector_egress_settings": endpoint.vpc_egress,
            "service_account_email": email,
        }
        event = _event(endpoint.trigger, email)
        labels = _labels(endpoint, codebase.name)
        declared = json.dumps([build, service, event, labels], sort_keys=True)
        self.deployed.append(
            Function(
                id=endpoint.id,
                region=endpoint.region,
                source=codebase.archive.object_name,
                digest=hashlib.sha256(declared.encode()).hexdigest()[:16],
            )
        )
        build["source"] = {
            "storage_source": {
                "bucket": self._bucket_name,
                "object": codebase.archive.object_name,
                # Said by us: unsaid, the plugin takes the generation of Google's copy of the last archive
                # from the function, and sends it along with the name of the next one.
                "generation": source.generation,
            }
        }
        service["secret_environment_variables"] = [
            {
                "key": use.key,
                "project_id": self._project,
                "secret": use.secret,
                "version": self._args.secrets.versions[use.secret],
            }
            for use in sorted(endpoint.secrets, key=lambda use: use.key)
        ]
        return gcp.cloudfunctionsv2.Function(
            key,
            project=self._project,
            location=endpoint.region,
            name=endpoint.id,
            labels=labels,
            build_config=build,
            service_config=service,
            event_trigger=event,
            opts=self.child(
                depends_on=[source, *self._ready(endpoint)],
                replace_on_changes=REPLACING,
                replacement_trigger="called" if event is None else "event",
                delete_before_replace=True,  # a replacement has the same name
            ),
        )

    def _ready(self, endpoint: Endpoint) -> Resources:
        args = self._args
        ready = [
            *args.apis.of(*FUNCTIONS),
            *args.identities.functions_ready,
            *args.secrets.ready_for(endpoint),
            *args.after,
        ]
        if isinstance(endpoint.trigger, EventTrigger):
            ready += [*args.apis.of(*EVENTS), *args.identities.events_ready]
        return ready

    def _invoker(
        self, key: str, endpoint: Endpoint, caller: str, function: pulumi.Resource
    ) -> gcp.cloudrunv2.ServiceIamMember:
        short = caller.removeprefix("serviceAccount:").split("@", 1)[0]
        return gcp.cloudrunv2.ServiceIamMember(
            f"{key}-invoker-{short}",
            project=self._project,
            location=endpoint.region,
            name=endpoint.service_id,
            role="roles/run.invoker",
            member=caller,
            # A function that is replaced gets a new service with an empty policy. Deleted first, because
            # taking the old right away after granting the same one again would leave none.
            opts=self.child(depends_on=[function], replace_with=[function], delete_before_replace=True),
        )

    def _schedule(
        self, key: str, endpoint: Endpoint, trigger: ScheduleTrigger, email: str, after: Resources
    ) -> None:
        gcp.cloudscheduler.Job(
            f"{key}-schedule",
            project=self._project,
            region=endpoint.region,
            name=f"firebase-schedule-{endpoint.id}-{endpoint.region}",
            schedule=trigger.schedule,
            time_zone=trigger.time_zone,
            attempt_deadline=_seconds(trigger.attempt_deadline_seconds, default=180),
            retry_config=_retry(trigger),
            # Said, though it is the default: what is not said of a job is taken from the live side, and one
            # that was paused by hand would stay so without a word.
            paused=False,
            http_target={
                "http_method": "POST",
                "uri": url(endpoint, self._project),
                "oidc_token": {"service_account_email": email},
            },
            opts=self.child(depends_on=[*after, *self._args.apis.of(*SCHEDULES)]),
        )


def url(endpoint: Endpoint, project: str) -> str:
    """The function's address, known before it exists (Cloud Functions docs, `cloudfunctions.net` URLs)."""
    return f"https://{endpoint.region}-{project}.cloudfunctions.net/{endpoint.id}"


def environment(endpoint: Endpoint, google: GoogleSettings) -> dict[str, str]:
    """The function's plain variables: what the official CLI provides, and the codebase's own."""
    project = google.project
    provided = {
        "EVENTARC_CLOUD_EVENT_SOURCE": (
            f"projects/{project}/locations/{endpoint.region}/services/{endpoint.id}"
        ),
        "FIREBASE_CONFIG": json.dumps(google.firebase_config),
        "FUNCTION_REGION": endpoint.region,
        "FUNCTION_TARGET": endpoint.entry_point.replace("-", "."),
        "GCLOUD_PROJECT": project,
        "LOG_EXECUTION_ID": "true",
    }
    if isinstance(endpoint.trigger, EventTrigger):
        provided["FUNCTION_SIGNATURE_TYPE"] = "cloudevent"
    return {**endpoint.environment, **provided}


def _labels(endpoint: Endpoint, codebase: str) -> dict[str, str]:
    labels = {**endpoint.labels, "deployment-tool": "pulumi"}
    if codebase != "default":
        labels["firebase-functions-codebase"] = codebase
    if isinstance(endpoint.trigger, CallableTrigger):
        labels["deployment-callable"] = "true"
    if isinstance(endpoint.trigger, ScheduleTrigger):
        labels["deployment-scheduled"] = "true"
    return labels


def _event(trigger: object, email: str) -> gcp.cloudfunctionsv2.FunctionEventTriggerArgsDict | None:
    if not isinstance(trigger, EventTrigger):
        return None
    exact: list[gcp.cloudfunctionsv2.FunctionEventTriggerEventFilterArgsDict] = [
        {"attribute": attribute, "value": value} for attribute, value in sorted(trigger.filters.items())
    ]
    patterns: list[gcp.cloudfunctionsv2.FunctionEventTriggerEventFilterArgsDict] = [
        {"attribute": attribute, "value": value, "operator": "match-path-pattern"}
        for attribute, value in sorted(trigger.path_patterns.items())
    ]
    return {
        "event_type": trigger.event_type,
        "event_filters": [*exact, *patterns],
        "trigger_region": trigger.region,
        "retry_policy": "RETRY_POLICY_RETRY" if trigger.retry else "RETRY_POLICY_DO_NOT_RETRY",
        "service_account_email": email,
    }


def _retry(trigger: ScheduleTrigger) -> gcp.cloudscheduler.JobRetryConfigArgsDict:
    """All of it, always: what is not declared Google fills in (Cloud Scheduler API, `RetryConfig`), and a
    block that is live and not declared is a change for ever: the plugin does not take it for computed."""
    return {
        "retry_count": trigger.retry_count or 0,
        "max_retry_duration": _seconds(trigger.max_retry_seconds, default=0),
        "min_backoff_duration": _seconds(trigger.min_backoff_seconds, default=5),
        "max_backoff_duration": _seconds(trigger.max_backoff_seconds, default=3600),
        "max_doublings": 5 if trigger.max_doublings is None else trigger.max_doublings,
    }


def _seconds(value: int | None, *, default: int) -> str:
    return f"{default if value is None else value}s"
