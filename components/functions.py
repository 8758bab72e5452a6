"""Cloud Functions: source archives, a function per endpoint, invokers and schedules.

Runbook: "firebase deploy --only functions", "functions Deployed".

Options, invokers, triggers and secret versions are properties or resources, so drift in them is detected and
reset. The names (function, scheduler job, labels, environment) are those of the Firebase CLI, so its
`functions:list` and `functions:log` work. The label `deployment-tool=pulumi` keeps its deploy from deleting
these functions.

- The invokers are granted on the Cloud Run service behind the function: Google ignores them on the function
  (Cloud Functions docs, "Authorize access"). The service's name is computed: an unknown name would show each
  grant as replaced whenever code changes.
- Each service has exactly the declared invokers, also if there are none: a member that somebody adds or
  removes is drift. Other roles on the service are not managed; `ops verify` reports them.
- FIREBASE_CONFIG names no storage bucket unless `storageBucket` is set, and no Realtime Database unless
  `databaseUrl` is. Their default names differ between projects, and a wrong name fails later than a missing
  one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Iterable
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp
from pulumi_gcp.cloudfunctionsv2.outputs import FunctionServiceConfig

from checkout.app import Codebase
from checkout.archive import Archive
from checkout.auth_blocking import LABELS
from checkout.endpoints import (
    BlockingTrigger,
    CallableTrigger,
    Endpoint,
    EventTrigger,
    HttpsTrigger,
    Network,
    ScheduleTrigger,
    TaskQueueTrigger,
)
from checkout.function_variables import environment_variables
from components import already_exists
from components._base import Component, Resources
from components.apis import BLOCKING, EVENTS, FUNCTIONS, SCHEDULES, Apis
from components.deletion_guard import DeletionGuard, DeletionGuardArgs
from components.function_source import FunctionSource, FunctionSourceArgs
from components.google import member
from components.identities import Identities, runtime_email
from components.secrets import Secrets
from components.task_queues import TaskQueues, TaskQueuesArgs, enqueuers
from components.verification_spec import SOURCE_VARIABLE, Function
from firebase.blocking_functions import BlockingFunctions, BlockingFunctionsArgs
from firebase.topic import PubSubTopic, PubSubTopicArgs
from settings.model import GoogleSettings
from user_errors import add_fix, printable, shell_word

# Google updates none of these in place (nor does the Firebase CLI). Nor can a function change between HTTP
# and an event trigger (firebase-tools issue 8298): then the whole block appears or disappears, which these
# paths do not match, so the kind is the `replacement_trigger`.
HASH_LABEL = "firebase-functions-hash"
REPLACING = ["eventTrigger.eventType", "eventTrigger.pubsubTopic", "eventTrigger.triggerRegion"]


@dataclass(frozen=True, kw_only=True)
class FunctionsArgs:
    """The arguments of `Functions`.

    Args:
        codebases: the functions.
        production: whether the stack is production.
        allow_deletion: the setting `allowFunctionDeletion`.
        after: what code needs before it runs, such as indexes.
        backend_url: the value of a function's `backend_variable`.
    """

    google: GoogleSettings
    codebases: tuple[Codebase, ...]
    production: bool
    allow_deletion: bool
    apis: Apis
    identities: Identities
    secrets: Secrets
    backend_url: pulumi.Input[str]
    after: Resources


class Functions(Component):
    """The functions.

    `urls` has the addresses of HTTP functions by id, `deployed` what is verified, `ready` what to depend on.

    Example:
        functions = Functions("functions", FunctionsArgs(codebases=app.codebases, after=indexes.ready, ...))
        pulumi.export("function_urls", functions.urls)
    """

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
        self._guard_deletion()
        if not args.codebases:
            self.register_outputs({"urls": self.urls})
            return
        self._existing = already_exists.hooks(name)
        bucket = gcp.storage.Bucket(
            f"{name}-sources",
            project=self._project,
            name=self._bucket_name,
            location=args.google.region.upper(),
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            # It contains only archives, which can be built again. No lifecycle rule deletes old ones: an
            # unchanged function is updated from the archive it was built from.
            force_destroy=True,
            # Functions of any region are built from it. A bucket cannot move: another `region` would replace
            # it, and unchanged archives would be missing in the new one.
            opts=self.child(
                depends_on=args.apis.of("storage"), ignore_changes=["location"], hooks=self._existing
            ),
        )
        self._topics = {
            topic: PubSubTopic(
                f"{name}-topic-{topic}",
                PubSubTopicArgs(project=self._project, topic=topic),
                self.child(depends_on=args.apis.of("pubsub")),
            )
            for topic in topics(args.codebases)
        }
        self._queues = TaskQueues(
            TaskQueuesArgs(
                component=self,
                name=name,
                project=self._project,
                apis=args.apis,
                identities=args.identities,
                hooks=self._existing,
            )
        )
        self._blocking: dict[BlockingTrigger, gcp.cloudfunctionsv2.Function] = {}
        for codebase in args.codebases:
            source = gcp.storage.BucketObject(
                f"{name}-source-{codebase.name}",
                bucket=self._bucket_name,
                name=codebase.archive.object_name,
                # Relative, because the path is in the state, which other machines use.
                source=pulumi.FileAsset(os.path.relpath(codebase.archive.path)),
                content_type="application/zip",
                # The name contains the content's hash. Old archives are kept for a rollback.
                opts=self.child(depends_on=[bucket], delete_before_replace=False, retain_on_delete=True),
            )
            for endpoint in codebase.endpoints:
                self._endpoint(codebase, endpoint, source)
        self._auth()
        self.register_outputs({"urls": self.urls})

    def _guard_deletion(self) -> None:
        """Also without functions: the stack may have some."""
        codebases = self._args.codebases
        DeletionGuard(
            f"{self._name}-deletion",
            DeletionGuardArgs(
                functions=sorted({endpoint.id for codebase in codebases for endpoint in codebase.endpoints}),
                sources=[
                    {
                        "folder": os.path.relpath(codebase.folder),
                        "compiled": sorted({os.path.relpath(folder) for folder in codebase.output_folders}),
                    }
                    for codebase in codebases
                ],
                production=self._args.production,
                allowed=self._args.allow_deletion,
                unmanaged=self._forget_commands(),
            ),
            self.child(),
        )

    def _forget_commands(self) -> dict[str, list[str]]:
        """For each function that is left as it is: what removes it, and the guard, from the state."""
        stack = pulumi.get_stack()
        start = f"urn:pulumi:{stack}::{pulumi.get_project()}::{self.pulumi_resource_type}$"

        def forget(type_: str, name: str) -> str:
            urn = shlex.quote(f"{start}{type_}::{name}")
            return f"pulumi state delete --target-dependents --yes -s {stack} {urn}"

        guard = forget("pulumi-python:dynamic/components:DeletionGuard", f"{self._name}-deletion")
        left = [one for codebase in self._args.codebases for one in codebase.unmanaged]
        commands = {one.id: [guard] for one in left}
        for one in left:
            key = f"{self._name}-{one.region}-{one.id}"
            commands[one.id].insert(0, forget("gcp:cloudfunctionsv2/function:Function", key))
        return commands

    def _endpoint(self, codebase: Codebase, endpoint: Endpoint, source: gcp.storage.BucketObject) -> None:
        key = f"{self._name}-{endpoint.region}-{endpoint.id}"
        email = runtime_email(endpoint, self._project)
        trigger = endpoint.trigger
        function = self._function(key, codebase, endpoint, email, source)
        match trigger:
            case HttpsTrigger():
                callers = list(trigger.members)
            case CallableTrigger() | BlockingTrigger():  # Auth signs its calls; the SDK checks them
                callers = ["allUsers"]
            case EventTrigger() | ScheduleTrigger():
                callers = [member(email)]
            case TaskQueueTrigger():
                callers = enqueuers(trigger, codebase, self._project)
        # The function's own account exists before the function; those of others may not.
        others = self._queues.accounts(callers) if isinstance(trigger, TaskQueueTrigger) else ()
        invokers = self._invokers(key, endpoint, callers, function, others)
        # The invokers depend on their function. The SDK walks through the graph for each dependency, so the
        # function is not a second one.
        self.ready.append(invokers)
        if isinstance(trigger, HttpsTrigger | CallableTrigger):
            self.urls[endpoint.id] = url(endpoint, self._project)
        if isinstance(trigger, ScheduleTrigger):
            self._schedule(key, endpoint, trigger, email, [function, invokers])
        if isinstance(trigger, BlockingTrigger):
            self._blocking[trigger] = function
        if isinstance(trigger, TaskQueueTrigger):
            self._queues.declare(key, endpoint, trigger, callers)

    def _function(
        self,
        key: str,
        codebase: Codebase,
        endpoint: Endpoint,
        email: str,
        source: gcp.storage.BucketObject,
    ) -> gcp.cloudfunctionsv2.Function:
        built_from, archive_object, generation = self._source(key, codebase, endpoint, source)
        build: gcp.cloudfunctionsv2.FunctionBuildConfigArgsDict = {
            "runtime": endpoint.runtime,
            "entry_point": endpoint.entry_point,
            "environment_variables": {
                # Empty: the builder runs no script of package.json, so the archive is what runs.
                "GOOGLE_NODE_RUN_SCRIPTS": "",
                SOURCE_VARIABLE: built_from,
            },
        }
        variables = environment_variables(endpoint, self._args.google)
        service: gcp.cloudfunctionsv2.FunctionServiceConfigArgsDict = {
            "environment_variables": variables,
            "available_memory": endpoint.memory,
            "available_cpu": endpoint.cpu,
            "max_instance_request_concurrency": endpoint.concurrency,
            "timeout_seconds": endpoint.timeout_seconds,
            "min_instance_count": endpoint.min_instances or None,  # the API returns null for 0
            "max_instance_count": endpoint.max_instances,
            "ingress_settings": endpoint.ingress,
            "vpc_connector": endpoint.vpc_connector,
            "vpc_connector_egress_settings": None if endpoint.network else endpoint.vpc_egress,
            "service_account_email": email,
        }
        if endpoint.network is not None:
            service["direct_vpc_network_interfaces"] = [_network(endpoint.network)]
            # Google's default, declared: what Google fills in would be kept when the code removes it.
            service["direct_vpc_egress"] = f"VPC_EGRESS_{endpoint.vpc_egress or 'PRIVATE_RANGES_ONLY'}"
        event = _event(endpoint.trigger, email, self._project)
        labels = _labels(endpoint, codebase.name)
        declared = json.dumps([build, service, event, labels, endpoint.backend_variable], sort_keys=True)
        self.deployed.append(
            Function(
                id=endpoint.id,
                region=endpoint.region,
                source=built_from,
                digest=hashlib.sha256(declared.encode()).hexdigest()[:16],
            )
        )
        build["source"] = {
            "storage_source": {
                "bucket": self._bucket_name,
                "object": archive_object,
                # Without it, the plugin sends the generation of Google's copy of the previous archive along
                # with the name of the new one.
                "generation": generation,
            }
        }
        if endpoint.backend_variable is not None:
            service["environment_variables"] = {
                **variables,
                endpoint.backend_variable: self._args.backend_url,
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
                depends_on=self._ready(codebase, endpoint),
                replace_on_changes=REPLACING,
                replacement_trigger="called" if event is None else "event",
                delete_before_replace=True,  # a replacement has the same name
                hooks=self._existing,
            ),
        )

    def _source(
        self, key: str, codebase: Codebase, endpoint: Endpoint, source: gcp.storage.BucketObject
    ) -> tuple[str, pulumi.Input[str], pulumi.Output[int]]:
        """What a function is built from: the value of SOURCE_VARIABLE, the archive and its generation.

        A function is built only from an archive that was hashed.
        """
        newest = codebase.archive.object_name
        generation = pulumi.Output.all(source.generation, source.md5hash).apply(
            lambda uploaded: checked_generation(codebase.archive, *uploaded)
        )
        digest = codebase.sources.get(endpoint.entry_point)
        if digest is None:
            return newest, newest, generation
        held = FunctionSource(
            f"{key}-source",
            FunctionSourceArgs(digest=digest, object=newest, generation=generation.apply(str)),
            self.child(depends_on=[source]),
        )
        return f"functions/{codebase.name}-{digest}", held.object, held.generation.apply(int)

    def _ready(self, codebase: Codebase, endpoint: Endpoint) -> Resources:
        """What the function needs before it runs. It waits for its archive through its inputs."""
        args = self._args
        trigger = endpoint.trigger
        events = EVENTS if isinstance(trigger, EventTrigger) else ()
        topic = trigger.topic if isinstance(trigger, EventTrigger) else None
        return [
            *args.apis.of(*FUNCTIONS, *codebase.required_apis, *events),
            *([] if topic is None else [self._topics[topic]]),
            *args.identities.ready_for(endpoint),
            *args.secrets.ready_for(endpoint),
            *args.after,
        ]

    def _invokers(
        self,
        key: str,
        endpoint: Endpoint,
        callers: list[str],
        function: pulumi.Resource,
        after: Resources = (),
    ) -> gcp.cloudrunv2.ServiceIamBinding:
        return gcp.cloudrunv2.ServiceIamBinding(
            f"{key}-invokers",
            project=self._project,
            location=endpoint.region,
            name=endpoint.service_id,
            role="roles/run.invoker",
            members=sorted(callers),
            # A replaced function has a new service without grants. Deleted first: deleting the old grant
            # after creating the same one again would leave none.
            opts=self.child(
                depends_on=[function, *after], replace_with=[function], delete_before_replace=True
            ),
        )

    def _auth(self) -> None:
        """Have Auth call the blocking functions, once all of them can be called."""
        if not self._blocking:
            return
        self.ready.append(
            BlockingFunctions(
                f"{self._name}-blocking",
                BlockingFunctionsArgs(
                    project=self._project,
                    # Auth signs its calls for the address of the Cloud Run service, and the SDK compares it.
                    triggers={
                        trigger.event: function.service_config.apply(address)
                        for trigger, function in self._blocking.items()
                    },
                    credentials=sorted({one for trigger in self._blocking for one in trigger.credentials}),
                ),
                self.child(depends_on=[*self.ready, *self._args.apis.of(*BLOCKING)]),
            )
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
            # The default, but explicit: without it a job that was paused in the console is no drift.
            paused=False,
            http_target={
                "http_method": "POST",
                "uri": url(endpoint, self._project),
                "oidc_token": {"service_account_email": email},
            },
            opts=self.child(depends_on=[*after, *self._args.apis.of(*SCHEDULES)], hooks=self._existing),
        )


def checked_generation(archive: Archive, generation: int, md5: str) -> int:
    """The generation of an uploaded archive whose content is the one that was hashed and validated.

    Another process, such as one that the code of the functions left behind, can change the file between the
    hash and the upload.

    Raises:
        pulumi.RunError: Cloud Storage received something else.
    """
    if md5 != archive.md5:
        file = os.path.relpath(archive.path)
        text = add_fix(
            "Cloud Storage received another archive than the one that was validated: "
            f"{archive.object_name} has the MD5 hash {md5}, expected {archive.md5}. No function was built "
            f"from it: a process changed {file} during `pulumi up`, or somebody replaced the object.",
            f"find the process, delete {archive.object_name} in the bucket, then run:\n"
            f"rm {shell_word(file)}\npulumi up --refresh --run-program",
        )
        raise pulumi.RunError(printable(text))
    return generation


def address(service: FunctionServiceConfig | None) -> str:
    """The address of a function's Cloud Run service, which Google chooses."""
    return (service.uri if service is not None else None) or ""


def topics(codebases: Iterable[Codebase]) -> list[str]:
    """The short names of the Pub/Sub topics that functions listen to."""
    triggers = (endpoint.trigger for codebase in codebases for endpoint in codebase.endpoints)
    found = (trigger.topic for trigger in triggers if isinstance(trigger, EventTrigger))
    return sorted({topic for topic in found if topic is not None})


def url(endpoint: Endpoint, project: str) -> str:
    """The function's address, which is known before it exists (Cloud Functions docs, URLs)."""
    return f"https://{endpoint.region}-{project}.cloudfunctions.net/{endpoint.id}"


def _labels(endpoint: Endpoint, codebase: str) -> dict[str, str]:
    # `firebase deploy` skips a function whose hash is that of the source, variables and secret versions that
    # it would deploy (firebase-tools 15, `calculateChangesets`). Labels that are not declared stay, so the
    # hash of its last deployment would still be equal after this program has deployed something else.
    labels = {**endpoint.labels, "deployment-tool": "pulumi", HASH_LABEL: "pulumi"}
    if codebase != "default":
        labels["firebase-functions-codebase"] = codebase
    if isinstance(endpoint.trigger, CallableTrigger):
        labels["deployment-callable"] = "true"
        if endpoint.trigger.genkit:
            labels["genkit-action"] = "true"
    if isinstance(endpoint.trigger, ScheduleTrigger):
        labels["deployment-scheduled"] = "true"
    if isinstance(endpoint.trigger, BlockingTrigger):
        labels["deployment-blocking"] = LABELS[endpoint.trigger.event]
    if isinstance(endpoint.trigger, TaskQueueTrigger):
        labels["deployment-taskqueue"] = "true"
    return labels


def _event(
    trigger: object, email: str, project: str
) -> gcp.cloudfunctionsv2.FunctionEventTriggerArgsDict | None:
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
        "event_filters": [*exact, *patterns] or None,
        "pubsub_topic": None if trigger.topic is None else f"projects/{project}/topics/{trigger.topic}",
        "trigger_region": trigger.region,
        "retry_policy": "RETRY_POLICY_RETRY" if trigger.retry else "RETRY_POLICY_DO_NOT_RETRY",
        "service_account_email": email,
    }


def _network(network: Network) -> gcp.cloudfunctionsv2.FunctionServiceConfigDirectVpcNetworkInterfaceArgsDict:
    return {"network": network.network, "subnetwork": network.subnetwork, "tags": list(network.tags)}


def _retry(trigger: ScheduleTrigger) -> gcp.cloudscheduler.JobRetryConfigArgsDict:
    """All fields, with Google's defaults (Cloud Scheduler API, `RetryConfig`): Google fills in missing ones,
    and the plugin shows them as a change in every preview."""
    return {
        "retry_count": trigger.retry_count or 0,
        "max_retry_duration": _seconds(trigger.max_retry_seconds, default=0),
        "min_backoff_duration": _seconds(trigger.min_backoff_seconds, default=5),
        "max_backoff_duration": _seconds(trigger.max_backoff_seconds, default=3600),
        "max_doublings": 5 if trigger.max_doublings is None else trigger.max_doublings,
    }


def _seconds(value: int | None, *, default: int) -> str:
    return f"{default if value is None else value}s"
