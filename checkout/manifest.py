"""A functions manifest (v1alpha1 of `firebase-functions`) as endpoints with every default filled in.

Fields and defaults are those of the Firebase CLI. A trigger that is not supported (`checkout.trigger_kinds`)
and an unknown property are problems that name the export: otherwise the function would be deployed without
it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from checkout import auth_blocking, task_queues
from checkout.endpoints import (
    CallableTrigger,
    Endpoint,
    HttpsTrigger,
    ScheduleTrigger,
    SecretUse,
    Trigger,
    Unmanaged,
    service_id,
)
from checkout.event_triggers import FIRESTORE_EVENT, EventReader
from checkout.function_options import Options
from checkout.params import Params
from checkout.schedules import is_undocumented, schedule_problem, time_zone_fix
from checkout.trigger_kinds import (
    AI_LOGIC,
    BLOCKING_EVENTS,
    CUSTOM_EVENTS,
    FIRESTORE,
    FIRST_GENERATION,
    TRIGGERS,
    TriggerKind,
    kind_of_event,
)
from settings import privileged_roles
from settings.model import GoogleSettings
from settings.parsing import did_you_mean, mapping, sequence
from settings.problems import Problem
from settings.reader import set_command
from settings.variables import FunctionVariables, common_variables, own_variables
from user_errors import OR, add_fix

SPEC_VERSION = "v1alpha1"
UNMANAGED = "unmanagedFunctions"
_OTHER = 'functions of the platform "{}"'
_MOVE = (
    "or move it to a codebase that this firebase.json does not list, and deploy that one with firebase-tools."
)
_FUNCTION_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
# Cloud Run Admin API, `serviceId`: a letter first, no hyphen at the end, fewer than 50 characters.
_SERVICE_ID = re.compile(r"[a-z](?:[a-z0-9-]{0,47}[a-z0-9])?")
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
# Cloud Scheduler API, `RetryConfig`: at most 5 retries; durations are not negative and fit its int32 fields.
_RETRY_LIMITS = {
    "retryCount": 5,
    "maxRetrySeconds": 2**31 - 1,
    "minBackoffSeconds": 2**31 - 1,
    "maxBackoffSeconds": 2**31 - 1,
    "maxDoublings": 2**31 - 1,
}
_MIN_BACKOFF, _MAX_BACKOFF = 5, 3600  # seconds, the API's defaults
_UPDATE = "Remove it from the code, or update this program."


@dataclass(frozen=True, kw_only=True)
class Context:
    """What is not in a manifest.

    Args:
        where: names the codebase in messages ("functions").
        prefix: begins the name of each function, before a `-`.
        service_account: of functions that name none.
        variables: of all functions, from `sources` (files by name); they give way to params.
        configured: the variables of the config, which come before all others.
        backend_url: the variable with the backend's address. A function that binds it as a secret does not
            get its value from `variables`.
        unmanaged: the setting `unmanagedFunctions`.
    """

    where: str
    google: GoogleSettings
    runtime: str
    prefix: str = ""
    service_account: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    configured: FunctionVariables = field(default_factory=dict)
    backend_url: str | None = None
    unmanaged: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """The endpoints and the functions that are not managed, sorted by id and region, and the APIs that the
    code requires."""

    endpoints: tuple[Endpoint, ...]
    required_apis: tuple[str, ...]
    warnings: tuple[str, ...]
    unmanaged: tuple[Unmanaged, ...] = ()


def parse(manifest: Mapping[str, object], params: Params, context: Context) -> tuple[Parsed, list[Problem]]:
    """The valid endpoints of a manifest, and its problems."""
    reader = _Reader(params, context)
    return reader.read(manifest), reader.problems


class _Reader:
    def __init__(self, params: Params, context: Context) -> None:
        self._params = params
        self._context = context
        self._google = context.google
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self._unmanaged: list[Unmanaged] = []

    def read(self, manifest: Mapping[str, object]) -> Parsed:
        self._top(manifest)
        found: list[Endpoint] = []
        declared = mapping(manifest.get("endpoints")) or {}
        if not declared:
            fix = 'Export at least one, or remove "functions" from firebase.json.'
            self._add("exports no functions.", fix)
        for name in sorted(declared):
            entry = mapping(declared[name])
            if entry is None:
                self._add(
                    f"{name}: is not an object in the manifest of firebase-functions.",
                    "Update firebase-functions.",
                )
                continue
            full = f"{self._context.prefix}-{name}" if self._context.prefix else name
            found += self._endpoint(full, {"entryPoint": name, **entry})
        self._same_service(found)
        apis = [mapping(item) or {} for item in sequence(manifest.get("requiredAPIs")) or []]
        return Parsed(
            endpoints=tuple(sorted(found, key=lambda endpoint: (endpoint.id, endpoint.region))),
            required_apis=tuple(sorted({str(api["api"]) for api in apis if "api" in api})),
            warnings=tuple(dict.fromkeys(self.warnings)),
            unmanaged=tuple(sorted(self._unmanaged, key=lambda one: (one.id, one.region))),
        )

    def _add(self, what: str, fix: str) -> None:
        self.problems.append(Problem(key=self._context.where, what=what, fix=fix))

    def _top(self, manifest: Mapping[str, object]) -> None:
        version = manifest.get("specVersion")
        if version != SPEC_VERSION:
            fix = "Use firebase-functions 6 or 7:\nnpm install firebase-functions@7"
            self._add(f"the manifest has the version {version}; this program reads {SPEC_VERSION}.", fix)
        for name in manifest:
            if name not in _TOP_KEYS:
                self._add(f'"{name}" in the manifest is not known to this program.', _UPDATE)
        for key, what in (("extensions", "extensions"), ("lifecycleHooks", "lifecycle hooks")):
            names = ", ".join(sorted(mapping(manifest.get(key)) or {}))
            if names:
                fix = f"Remove {names} from the code."
                self._add(f"{what} ({names}) are not supported by this program.", fix)
        entries = sequence(manifest.get("requiredRoles")) or []
        self._roles(str((mapping(one) or {"role": one}).get("role")) for one in entries)

    def _roles(self, required: Iterable[str]) -> None:
        """The functions must have the roles that the code requires."""
        roles = list(self._google.functions_roles)
        for role in required:
            if role in roles:
                continue
            what = f"the code requires the role {role}, which its functions do not have."
            if why := privileged_roles.reason(role):
                self._add(what, f"Remove the role from the code: it {why}.")
                continue
            roles.append(role)
            # All items: a list that is not set yet starts empty, and would lose the default role.
            commands = (set_command("functionsRoles", one, f"[{at}]") for at, one in enumerate(roles))
            self._add(what, "\n".join(commands))

    def _endpoint(self, name: str, entry: Mapping[str, object]) -> list[Endpoint]:
        where = f"{self._context.where}: {name}"
        options = Options(where, entry, self._params, self._google.project, self.problems, self.warnings)
        if options.boolean("omit") is True:
            return []
        platform = entry.get("platform", "gcfv2")
        if platform != "gcfv2":
            kind = FIRST_GENERATION if platform == "gcfv1" else TriggerKind(_OTHER.format(platform), ())
            fix = f"Write it with firebase-functions/v2, {_MOVE}"
            self._not_managed(name, kind, entry, options, fix)
            return []
        kinds = [kind for kind in TRIGGERS if kind in entry]
        for kind in kinds:
            if not TRIGGERS[kind].longest_timeout:
                self._not_managed(name, TRIGGERS[kind], entry, options)
                return []
        if refused := self._refused_trigger(entry, options):
            self._not_managed(name, refused, entry, options)
            return []
        for key in entry:
            if key not in _OPTION_KEYS and key not in TRIGGERS:
                fix = did_you_mean(key, _OPTION_KEYS) + _UPDATE
                self._add(f'{name}: "{key}" in the manifest is not known to this program.', fix)
        if len(kinds) != 1:
            self._add(f"{name}: has {len(kinds)} triggers, but must have one.", f"Correct the export {name}.")
            return []
        if not _FUNCTION_ID.fullmatch(name):
            what = f'{name}: "{name}" is not a function name (letters, digits, - and _; up to 63).'
            self._add(what, f"Rename the export {name}.")
            return []
        if not _SERVICE_ID.fullmatch(service_id(name)):
            what = (
                f'{name}: its Cloud Run service would be "{service_id(name)}" ({len(name)} characters). The '
                "name of a service has up to 49 characters, and no hyphen at the end."
            )
            self._add(what, f"Rename the export {name}.")
            return []
        before = len(self.problems)
        regions = options.regions(self._google.region)
        endpoints = [self._in_region(name, entry, kinds[0], region, options) for region in regions]
        if len(self.problems) > before:
            self.problems[before:] = list(dict.fromkeys(self.problems[before:]))  # not once per region
            return []
        return [endpoint for endpoint in endpoints if endpoint is not None]

    def _in_region(
        self, name: str, entry: Mapping[str, object], kind: str, region: str, options: Options
    ) -> Endpoint | None:
        timeout = options.timeout(TRIGGERS[kind].longest_timeout)
        trigger = self._trigger(name, entry, kind, region, options, timeout)
        memory_mb = options.memory_mb()
        cpu = options.cpu(memory_mb, region)
        least, most = options.scale()
        connector, egress, network = options.vpc(region)
        secrets = tuple(SecretUse(key=key, secret=secret) for key, secret in options.secrets())
        environment = {
            **options.environment(),
            **self._context.variables,
            **self._params.environment(),
            **common_variables(self._context.configured),
            **own_variables(self._context.configured).get(name, {}),
        }
        for use in secrets:
            if use.key == self._context.backend_url:
                environment.pop(use.key, None)
            if use.key in environment:
                file = self._context.sources.get(use.key)
                what = f"{name}: {use.key} is both a secret and an environment variable."
                self._add(
                    what, f"Remove {use.key} from {file}." if file else f"Remove one of them from {name}."
                )
        if trigger is None:
            return None
        account = options.service_account()
        if account == "default":
            self.warnings.append(
                f"{name}: names the default service account, but runs as the program's own account, which "
                "has fewer permissions."
            )
            account = None
        elif account is None and self._context.service_account is not None:
            account = options.account(self._context.service_account)
        return Endpoint(
            id=name,
            entry_point=str(entry.get("entryPoint", name)),
            region=region,
            runtime=self._context.runtime,
            memory=f"{memory_mb // 1024}Gi" if memory_mb > 1024 else f"{memory_mb}Mi",
            cpu=f"{cpu:g}",
            concurrency=options.concurrency(cpu),
            timeout_seconds=timeout or 60,
            min_instances=least,
            max_instances=most,
            ingress=options.ingress(),
            vpc_connector=connector,
            vpc_egress=egress,
            network=network,
            labels=options.labels(),
            environment=environment,
            secrets=secrets,
            service_account=account,
            trigger=trigger,
        )

    def _trigger(
        self,
        name: str,
        entry: Mapping[str, object],
        kind: str,
        region: str,
        options: Options,
        timeout: int | None,
    ) -> Trigger | None:
        body = mapping(entry.get(kind)) or {}
        if kind == "httpsTrigger":
            self._known(name, body, ("invoker",), kind)
            return HttpsTrigger(invoker=options.invoker(body.get("invoker")))
        if kind == "callableTrigger":
            self._known(name, body, ("genkitAction",), kind)
            return CallableTrigger(genkit=bool(body.get("genkitAction")))
        if kind == "scheduleTrigger":
            return self._schedule(name, body, options, timeout)
        if kind == "blockingTrigger":
            self._known(name, body, auth_blocking.KEYS, kind)
            return auth_blocking.read(name, body, options, self._add)
        if kind == "taskQueueTrigger":
            self._known(name, body, task_queues.KEYS, kind)
            self._known(name, mapping(body.get("rateLimits")) or {}, task_queues.RATES, "rateLimits")
            self._known(name, mapping(body.get("retryConfig")) or {}, task_queues.RETRIES, "retryConfig")
            return task_queues.read(name, body, options, self._add)
        self._known(name, body, _EVENT_KEYS, kind)
        reader = EventReader(name=name, region=region, google=self._google, options=options, add=self._add)
        return reader.read(body)

    def _schedule(
        self, name: str, body: Mapping[str, object], options: Options, timeout: int | None
    ) -> ScheduleTrigger | None:
        self._known(name, body, ("schedule", "timeZone", "retryConfig"), "scheduleTrigger")
        retry = mapping(body.get("retryConfig")) or {}
        self._known(name, retry, tuple(_RETRY_LIMITS), "retryConfig")
        schedule = options.resolved(body.get("schedule"))
        zone = options.resolved(body.get("timeZone"))
        zone = "UTC" if zone is None else str(zone)
        if not isinstance(schedule, str) or not schedule.strip():
            fix = f'Write a schedule for {name}, for example onSchedule("every 5 minutes", …).'
            self._add(f"{name}: has no schedule.", fix)
            return None
        fix = f'Use a schedule such as "every 5 minutes", "every monday 09:00" or "*/5 * * * *" for {name}.'
        if wrong := schedule_problem(schedule):
            self._add(f'{name}: the schedule "{schedule}" {wrong}.', fix)
        elif is_undocumented(schedule):
            self.warnings.append(
                add_fix(
                    f'{name}: the schedule "{schedule}" is not in Google\'s grammar, and may be rejected.',
                    f"ignore this warning if it is deployed already\n{OR}{fix}",
                    "    ",
                )
            )
        if zone_fix := time_zone_fix(zone):
            self._add(f'{name}: "{zone}" is not a time zone.', zone_fix)
        limits = [
            options.integer(retry.get(key), f"retryConfig.{key}", 0, highest)
            for key, highest in _RETRY_LIMITS.items()
        ]
        least = _MIN_BACKOFF if limits[2] is None else limits[2]
        most = _MAX_BACKOFF if limits[3] is None else limits[3]
        if least > most:
            what = f"{name}: retryConfig.minBackoffSeconds {least} is more than maxBackoffSeconds {most}."
            self._add(what, "Raise maxBackoffSeconds or lower minBackoffSeconds.")
        return ScheduleTrigger(
            schedule=schedule.strip(),
            time_zone="UTC" if zone.lower() == "utc" else zone,
            # As the Firebase CLI: a deadline only with an explicit time-out, within Cloud Scheduler's limits.
            attempt_deadline_seconds=None if timeout is None else min(max(timeout, 180), 1800),
            retry_count=limits[0],
            max_retry_seconds=limits[1],
            min_backoff_seconds=limits[2],
            max_backoff_seconds=limits[3],
            max_doublings=limits[4],
        )

    def _refused_trigger(self, entry: Mapping[str, object], options: Options) -> TriggerKind | None:
        """The kind of a blocking function or an event that is not supported; None if it is."""
        blocking = mapping(entry.get("blockingTrigger"))
        if blocking is not None and options.resolved(blocking.get("eventType")) not in BLOCKING_EVENTS:
            return AI_LOGIC
        if "eventTrigger" not in entry:
            return None
        event = str(options.resolved((mapping(entry["eventTrigger"]) or {}).get("eventType")))
        kind = kind_of_event(event)
        if kind is FIRESTORE and not FIRESTORE_EVENT.fullmatch(event):
            kind = CUSTOM_EVENTS
        if kind is CUSTOM_EVENTS:
            return replace(kind, name=f"{kind.name} ({event})")
        return None if kind.longest_timeout else kind

    def _known(self, name: str, body: Mapping[str, object], known: tuple[str, ...], what: str) -> None:
        for key in body:
            if key not in known:
                self._add(f'{name}: "{key}" of {what} is not known to this program.', _UPDATE)

    def _not_managed(
        self, name: str, kind: TriggerKind, entry: Mapping[str, object], options: Options, fix: str = ""
    ) -> None:
        """A function of an unsupported kind: a problem in each region for which no setting names it."""
        configured = self._context.unmanaged
        refused: list[str] = []
        regions = options.regions(self._google.region)
        for region in regions:
            setting = next((one for one in (f"{region}/{name}", name) if one in configured), None)
            if setting is None:
                refused.append(region)
                continue
            self._unmanaged.append(
                Unmanaged(
                    id=name,
                    region=region,
                    kind=kind.name,
                    reason=configured[setting],
                    setting=setting,
                    secrets=_secrets(entry),
                )
            )
        if not refused:
            return
        some = f" in {', '.join(refused)}" if len(refused) < len(regions) else ""
        parts = [f'["{region}/{name}"]' for region in refused] if some else [f".{name}"]
        commands = "\n".join(f"{set_command(UNMANAGED, part=part)} '<the reason>'" for part in parts)
        fix = fix or f"Remove the export {name}, {_MOVE}"
        why = f": {kind.reason}" if kind.reason else ""
        self._add(
            f"{name}: {kind.name} are not supported by this program{some}{why}.",
            f"{fix}\nTo leave it as it is:\n{commands}",
        )

    def _same_service(self, endpoints: list[Endpoint]) -> None:
        """Names on Cloud Run are lower case: exports that differ only in case would share a service."""
        seen: dict[tuple[str, str], str] = {}
        for endpoint in endpoints:
            first = seen.setdefault((endpoint.service_id, endpoint.region), endpoint.id)
            if first != endpoint.id:
                both = f"{first} and {endpoint.id}"
                fix = f"Rename {first} or {endpoint.id}: Cloud Run ignores case, and treats _ and - alike."
                self._add(f"{both} would share the Cloud Run service {endpoint.service_id}.", fix)


def _secrets(entry: Mapping[str, object]) -> tuple[str, ...]:
    """The secrets that a function reads, by their names in the manifest, which are not validated."""
    bound = [mapping(one) or {} for one in sequence(entry.get("secretEnvironmentVariables")) or []]
    names = (one.get("secret") or one.get("key") for one in bound)
    return tuple(sorted({name for name in names if isinstance(name, str)}))
