"""A functions manifest (v1alpha1 of `firebase-functions`) turned into endpoints with every default filled
in.

The manifest is what the SDK says about the loaded code; its fields and defaults are those of the official
CLI. Kinds that become resources: https, callable, Firestore events, schedules (2nd gen). Every other
kind, and every property that is not known, is a problem that names the export: what is not understood
must not be deployed as if it were.
Refuses to fetch or run anything: `discovery` does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from checkout.endpoints import (
    CallableTrigger,
    Endpoint,
    EventTrigger,
    HttpsTrigger,
    ScheduleTrigger,
    SecretUse,
    Trigger,
)
from checkout.function_options import Options
from checkout.params import Params
from settings.keys import NAMESPACE
from settings.parsing import did_you_mean, mapping, sequence
from settings.problems import Problem

SPEC_VERSION = "v1alpha1"
FIRESTORE_EVENT = re.compile(
    r"google\.cloud\.firestore\.document\.v1\.(?:written|created|updated|deleted)(?:\.withAuthContext)?"
)
_FUNCTION_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_TRIGGERS = {
    "httpsTrigger": 3600,
    "callableTrigger": 3600,
    "eventTrigger": 540,
    "scheduleTrigger": 1800,
}  # fmt: skip  (the longest time-out of each kind, seconds; Cloud Functions docs, quotas)
_LATER = {
    "taskQueueTrigger": "task queues",
    "blockingTrigger": "Auth blocking functions",
    "dataConnectGraphqlTrigger": "Data Connect functions",
}
_EVENT_KINDS = (
    ("google.cloud.pubsub.", "Pub/Sub triggers"),
    ("google.cloud.storage.", "Cloud Storage triggers"),
    ("google.firebase.database.", "Realtime Database triggers"),
    ("google.firebase.remoteconfig.", "Remote Config triggers"),
    ("google.firebase.testlab.", "Test Lab triggers"),
    ("google.firebase.firebasealerts.", "Firebase alerts"),
    ("google.firebase.auth.", "Auth triggers"),
    ("google.firestore.", "Firestore events with another protocol"),
)
_OPTION_KEYS = (
    "platform", "entryPoint", "region", "omit", "labels", "environmentVariables",
    "secretEnvironmentVariables",
    "availableMemoryMb", "cpu", "concurrency", "timeoutSeconds", "minInstances", "maxInstances",
    "ingressSettings", "serviceAccount", "serviceAccountEmail", "vpc",
)  # fmt: skip
_EVENT_KEYS = (
    "eventType", "eventFilters", "eventFilterPathPatterns", "retry", "region", "channel", "serviceAccount",
    "serviceAccountEmail",
)  # fmt: skip
_TOP_KEYS = (
    "specVersion", "endpoints", "params", "requiredAPIs", "requiredRoles", "extensions", "lifecycleHooks",
)  # fmt: skip
_RETRY_KEYS = ("retryCount", "maxRetrySeconds", "minBackoffSeconds", "maxBackoffSeconds", "maxDoublings")


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a manifest does not say itself. `where` names the codebase in messages ("functions")."""

    where: str
    project: str
    region: str
    runtime: str
    firestore_location: str
    firestore_database: str
    functions_roles: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """The endpoints, sorted by id and region, and the APIs that the code asks for."""

    endpoints: tuple[Endpoint, ...]
    required_apis: tuple[str, ...]
    warnings: tuple[str, ...]


def parse(manifest: Mapping[str, object], params: Params, context: Context) -> tuple[Parsed, list[Problem]]:
    """Read a whole manifest. With problems, the result holds the sound endpoints."""
    reader = _Reader(params, context)
    return reader.read(manifest), reader.problems


class _Reader:
    def __init__(self, params: Params, context: Context) -> None:
        self._params = params
        self._context = context
        self.problems: list[Problem] = []
        self.warnings: list[str] = []

    def read(self, manifest: Mapping[str, object]) -> Parsed:
        self._top(manifest)
        found: list[Endpoint] = []
        declared = mapping(manifest.get("endpoints")) or {}
        if not declared:
            self._add(
                "exports no functions.",
                'Export at least one, or remove "functions" from firebase.json.',
            )
        for name in sorted(declared):
            entry = mapping(declared[name])
            if entry is None:
                self._add(f"{name}: is not an object in the manifest.", "Update firebase-functions.")
                continue
            found += self._endpoint(name, entry)
        self._same_service(found)
        apis = [mapping(item) for item in sequence(manifest.get("requiredAPIs")) or []]
        names = {str(api["api"]) for api in apis if api is not None and "api" in api}
        return Parsed(
            endpoints=tuple(sorted(found, key=lambda endpoint: (endpoint.id, endpoint.region))),
            required_apis=tuple(sorted(names)),
            warnings=tuple(dict.fromkeys(self.warnings)),
        )

    def _add(self, what: str, fix: str) -> None:
        self.problems.append(Problem(key=self._context.where, what=what, fix=fix))

    def _top(self, manifest: Mapping[str, object]) -> None:
        version = manifest.get("specVersion")
        if version != SPEC_VERSION:
            self._add(
                f"the manifest has the version {version}; this program reads {SPEC_VERSION}.",
                "Use firebase-functions 6 or 7: npm install firebase-functions@7",
            )
        for name in manifest:
            if name not in _TOP_KEYS:
                self._add(f'the manifest says "{name}", which this program does not know.', _UPDATE)
        if mapping(manifest.get("extensions")):
            names = ", ".join(sorted(mapping(manifest.get("extensions")) or {}))
            self._add(
                f"not yet supported by this program: extensions ({names}).",
                "Remove the extension from the code.",
            )
        if mapping(manifest.get("lifecycleHooks")):
            self._add(
                "not yet supported by this program: lifecycle hooks.",
                "Remove afterFirstDeploy and afterRedeploy from the code.",
            )
        for raw in sequence(manifest.get("requiredRoles")) or []:
            entry = mapping(raw)
            role = str(entry.get("role")) if entry else str(raw)
            if role not in self._context.functions_roles:
                number = len(self._context.functions_roles)
                self._add(
                    f"the code asks for the role {role}, which functions do not have.",
                    f"pulumi config set --path '{NAMESPACE}:functionsRoles[{number}]' {role}",
                )

    def _endpoint(self, name: str, entry: Mapping[str, object]) -> list[Endpoint]:
        where = f"{self._context.where}: {name}"
        options = Options(where, entry, self._params, self.problems, self.warnings)
        if options.boolean("omit") is True:
            return []
        platform = entry.get("platform", "gcfv2")
        if platform != "gcfv2":
            what = "functions of the 1st generation" if platform == "gcfv1" else f'the platform "{platform}"'
            self._unsupported(name, what, "Write it with firebase-functions/v2.")
            return []
        for unsupported, what in _LATER.items():
            if unsupported in entry:
                self._unsupported(name, what, f"Remove the export {name}.")
                return []
        kinds = [kind for kind in _TRIGGERS if kind in entry]
        for key in entry:
            if key not in _OPTION_KEYS and key not in _TRIGGERS:
                guess = did_you_mean(key, _OPTION_KEYS)
                self._add(
                    f'{name}: the manifest says "{key}", which this program does not know.', guess + _UPDATE
                )
        if len(kinds) != 1:
            self._add(f"{name}: has {len(kinds)} triggers, but must have one.", f"Correct the export {name}.")
            return []
        if not _FUNCTION_ID.fullmatch(name):
            self._add(
                f'{name}: "{name}" is not a function name (letters, digits, - and _; up to 63).',
                f"Rename the export {name}.",
            )
            return []
        before = len(self.problems)
        regions = options.regions(self._context.region)
        endpoints = [self._in_region(name, entry, kinds[0], region, options) for region in regions]
        if len(self.problems) > before:
            self.problems[before:] = list(dict.fromkeys(self.problems[before:]))  # once, not once per region
            return []
        return [endpoint for endpoint in endpoints if endpoint is not None]

    def _in_region(
        self, name: str, entry: Mapping[str, object], kind: str, region: str, options: Options
    ) -> Endpoint | None:
        timeout = options.timeout(_TRIGGERS[kind])
        trigger = self._trigger(name, entry, kind, options, timeout)
        memory_mb = options.memory_mb()
        cpu = options.cpu(memory_mb)
        scale = options.scale()
        connector, egress = options.vpc(self._context.project, region)
        secrets = tuple(SecretUse(key=key, secret=secret) for key, secret in options.secrets())
        environment = {**self._params.environment(), **options.texts("environmentVariables")}
        for use in secrets:
            if use.key in environment:
                self._add(
                    f"{name}: {use.key} is both a secret and a plain environment variable.",
                    f"Keep one of the two for {name}.",
                )
        if trigger is None:
            return None
        account = options.service_account(self._context.project)
        if account == "default":
            self.warnings.append(
                f"{name}: asks for the default service account; it gets the program's own account, "
                "which can do less."
            )
            account = None
        return Endpoint(
            id=name,
            entry_point=str(entry.get("entryPoint", name)),
            region=region,
            runtime=self._context.runtime,
            memory=f"{memory_mb // 1024}Gi" if memory_mb > 1024 else f"{memory_mb}Mi",
            cpu=f"{cpu:g}",
            concurrency=options.concurrency(cpu),
            timeout_seconds=timeout or 60,
            min_instances=scale[0],
            max_instances=scale[1],
            ingress=options.ingress(),
            vpc_connector=connector,
            vpc_egress=egress,
            labels=options.labels(),
            environment=environment,
            secrets=secrets,
            service_account=account,
            trigger=trigger,
        )

    def _trigger(
        self, name: str, entry: Mapping[str, object], kind: str, options: Options, timeout: int | None
    ) -> Trigger | None:
        body = mapping(entry.get(kind)) or {}
        if kind == "httpsTrigger":
            self._known(name, body, ("invoker",), kind)
            return HttpsTrigger(invoker=options.invoker(body.get("invoker"), self._context.project))
        if kind == "callableTrigger":
            if "genkitAction" in body:
                self._unsupported(name, "Genkit actions", "Use onCall without Genkit.")
                return None
            self._known(name, body, (), kind)
            return CallableTrigger()
        if kind == "scheduleTrigger":
            return self._schedule(name, body, options, timeout)
        return self._event(name, body, options)

    def _schedule(
        self, name: str, body: Mapping[str, object], options: Options, timeout: int | None
    ) -> ScheduleTrigger | None:
        self._known(name, body, ("schedule", "timeZone", "retryConfig"), "scheduleTrigger")
        retry = mapping(body.get("retryConfig")) or {}
        self._known(name, retry, _RETRY_KEYS, "retryConfig")
        schedule = options.resolved(body.get("schedule"))
        zone = options.resolved(body.get("timeZone"))
        if not isinstance(schedule, str) or not schedule.strip():
            self._add(
                f"{name}: has no schedule.", f'Give {name} one, for example onSchedule("every 5 minutes", …).'
            )
            return None
        numbers = {key: options.whole(retry.get(key), f"retryConfig.{key}", 0, 86_400) for key in _RETRY_KEYS}
        return ScheduleTrigger(
            schedule=schedule.strip(),
            time_zone=options.time_zone(zone),
            # The CLI sends a deadline only with an explicit time-out, inside Cloud Scheduler's bounds.
            attempt_deadline_seconds=None if timeout is None else min(max(timeout, 180), 1800),
            retry_count=numbers["retryCount"],
            max_retry_seconds=numbers["maxRetrySeconds"],
            min_backoff_seconds=numbers["minBackoffSeconds"],
            max_backoff_seconds=numbers["maxBackoffSeconds"],
            max_doublings=numbers["maxDoublings"],
        )

    def _event(self, name: str, body: Mapping[str, object], options: Options) -> EventTrigger | None:
        event = options.resolved(body.get("eventType"))
        if not isinstance(event, str) or not FIRESTORE_EVENT.fullmatch(event):
            kinds = [what for prefix, what in _EVENT_KINDS if str(event).startswith(prefix)]
            what = kinds[0] if kinds else f"custom events ({event})"
            self._unsupported(name, what, f"Remove the export {name}.")
            return None
        self._known(name, body, _EVENT_KEYS, "eventTrigger")
        if body.get("channel"):
            self._unsupported(name, "Eventarc channels", f"Remove the channel of {name}.")
        if body.get("serviceAccount") or body.get("serviceAccountEmail"):
            self._unsupported(
                name, "an account for the trigger alone", f"Set serviceAccount on {name} itself."
            )
        filters = options.texts_of(body.get("eventFilters"), "eventFilters")
        patterns = options.texts_of(body.get("eventFilterPathPatterns"), "eventFilterPathPatterns")
        location = self._context.firestore_location
        region = options.resolved(body.get("region"))
        if isinstance(region, str) and region != location:
            self._add(
                f"{name}: its trigger is in {region}, but the database is in {location}.",
                f"Remove the region from the trigger of {name}, or: "
                f"pulumi config set {NAMESPACE}:firestoreLocation {region}",
            )
        database = filters.get("database", "(default)")
        if database != self._context.firestore_database:
            self._add(
                f'{name}: listens to the database "{database}", but this stack has '
                f'"{self._context.firestore_database}".',
                f"pulumi config set {NAMESPACE}:firestoreDatabase '{database}'",
            )
        document = filters.get("document") or patterns.get("document")
        if document is None or len(document.strip("/").split("/")) % 2:
            self._add(
                f'{name}: "{document or ""}" is not the path of a document.',
                'Name collection and document in turn: "threads/{threadId}/messages/{messageId}".',
            )
        filters = {"database": database, "namespace": "(default)", **filters}
        return EventTrigger(
            event_type=event,
            filters=filters,
            path_patterns=patterns,
            region=location,
            retry=options.boolean_of(body.get("retry"), "retry") is True,
        )

    def _known(self, name: str, body: Mapping[str, object], known: tuple[str, ...], what: str) -> None:
        for key in body:
            if key not in known:
                self._add(f'{name}: {what} says "{key}", which this program does not know.', _UPDATE)

    def _unsupported(self, name: str, what: str, fix: str) -> None:
        self._add(f"{name}: not yet supported by this program: {what}.", fix)

    def _same_service(self, endpoints: list[Endpoint]) -> None:
        """Cloud Run names are lower case: two exports that differ only in case would share one service."""
        seen: dict[tuple[str, str], str] = {}
        for endpoint in endpoints:
            first = seen.setdefault((endpoint.service_id, endpoint.region), endpoint.id)
            if first != endpoint.id:
                self._add(
                    f"{first} and {endpoint.id} would share the Cloud Run service {endpoint.service_id}.",
                    f"Rename {first} or {endpoint.id}: letter case and _ against - do not tell them apart.",
                )


_UPDATE = "Remove it from the code, or update this program."
