"""Google's half of an adoption: each declared object looked up, and what exists and is not declared.

An object that Google lets a program create twice without effect (an enabled API's agent, a member that is
added to a role, a source archive) is not imported: the `up` creates it again, and nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from components.google import account_email
from firebase.errors import JsonObject
from firebase.index_builds import BROKEN, READY
from firebase.release import full_ruleset_name
from ops.adopt import function_changes, function_state, google_state, task_queues
from ops.adopt.google_bindings import binding
from ops.adopt.google_rows import (
    REPEATED,
    Match,
    again,
    changed,
    created,
    extra,
    plain_changes,
    refused,
    repeated,
    same,
)
from ops.adopt.google_state import KEPT, as_declared, bare, override_is_same
from ops.adopt.live import Live
from ops.adopt.model import UNKNOWN, Change, Declared, Found, Looked, Row, secret, text
from ops.adopt.released_rules import Released, release_of
from settings.model import BACKEND_URL_VARIABLE
from settings.reader import set_command
from user_errors import OR, shell_word

API = "gcp:projects/service:Service"
AGENT = "gcp:projects/serviceIdentity:ServiceIdentity"
PROJECT_MEMBER = "gcp:projects/iAMMember:IAMMember"
ACCOUNT = "gcp:serviceaccount/account:Account"
ACCOUNT_MEMBER = "gcp:serviceaccount/iAMMember:IAMMember"
KEY = "gcp:serviceaccount/key:Key"
BUCKET = "gcp:storage/bucket:Bucket"
ARCHIVE = "gcp:storage/bucketObject:BucketObject"
DATABASE = "gcp:firestore/database:Database"
BACKUPS = "gcp:firestore/backupSchedule:BackupSchedule"
INDEX = "gcp:firestore/index:Index"
FIELD = "gcp:firestore/field:Field"
SECRET = "gcp:secretmanager/secret:Secret"  # noqa: S105 - a resource type, as the next three
VERSION = "gcp:secretmanager/secretVersion:SecretVersion"
READER = "gcp:secretmanager/secretIamMember:SecretIamMember"
READERS = "gcp:secretmanager/secretIamBinding:SecretIamBinding"
FUNCTION = "gcp:cloudfunctionsv2/function:Function"
INVOKERS = "gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding"
JOB = "gcp:cloudscheduler/job:Job"
QUEUE = "gcp:cloudtasks/queue:Queue"
ENQUEUERS = "gcp:cloudtasks/queueIamBinding:QueueIamBinding"
RULESET = "gcp:firebaserules/ruleset:Ruleset"
RELEASE = "pulumi-python:dynamic/firebase:RulesRelease"
BLOCKING = "pulumi-python:dynamic/firebase:BlockingFunctions"
TOPIC = "pulumi-python:dynamic/firebase:PubSubTopic"

TWICE = "as long as both exist, each event and each run of the schedule is handled twice"
RECOVERY = "POINT_IN_TIME_RECOVERY_ENABLED"
RETRIES = ("retryCount", "maxRetryDuration", "minBackoffDuration", "maxBackoffDuration", "maxDoublings")
DAY = 86_400  # seconds


def look(
    declared: Sequence[Declared],
    live: Live,
    unmanaged: Mapping[str, str] | None = None,
    backend_url: str = BACKEND_URL_VARIABLE,
) -> Looked:
    """What the project has of the declared objects, and beside them.

    Args:
        declared: every resource of the program, also those that the state has: they are no longer looked up,
            but they are declared.
        live: the project.
        unmanaged: the setting `unmanagedFunctions`: NAME or REGION/NAME -> reason.
        backend_url: the setting `backendUrlVariable`: the secret that the program sets itself.

    Raises:
        GoogleError: a list could not be read.
    """
    matched = list(_Matcher(live, declared, unmanaged or {}, backend_url).matches())
    return Looked(
        rows=[row for row, _ in matched],
        found=[found for _, found in matched if found is not None],
        requests=live.requests,
        unread=live.unread,
    )


class _Matcher:
    def __init__(
        self, live: Live, declared: Sequence[Declared], unmanaged: Mapping[str, str], backend_url: str
    ) -> None:
        self._live = live
        self._unmanaged = unmanaged
        self._backend_url = backend_url
        self._project = live.project
        self._of: dict[str, list[Declared]] = {}
        for one in declared:
            self._of.setdefault(one.type, []).append(one)
        self._adopted: dict[str, str] = {}
        self._released: dict[str, Released] = {}

    def _new(self, type_: str) -> list[Declared]:
        return [one for one in self._of.get(type_, []) if one.op == "create"]

    def matches(self) -> Iterator[Match]:
        kinds: Mapping[str, Callable[[Declared], Match]] = {
            API: self._api,
            AGENT: lambda one: repeated("service agent", one, str(one.inputs.get("service"))),
            ACCOUNT: self._account,
            PROJECT_MEMBER: self._project_member,
            ACCOUNT_MEMBER: lambda one: repeated("account role", one, one.name),
            KEY: lambda one: (created("key", one, one.name, "a key cannot be read again"), None),
            BUCKET: self._bucket,
            ARCHIVE: lambda one: repeated("source archive", one, str(one.inputs.get("name"))),
            DATABASE: self._database,
            BACKUPS: self._backup_schedule,
            INDEX: self._index,
            FIELD: self._field,
            SECRET: self._secret,
            TOPIC: lambda one: repeated("Pub/Sub topic", one, str(one.inputs.get("topic"))),
            FUNCTION: self._function,
            JOB: self._job,
            QUEUE: lambda one: task_queues.queue(one, self._live),
            BLOCKING: _blocking,
            RULESET: self._ruleset,
            RELEASE: self._release,
        }
        self._read_rules()
        yield from self._versions()
        for type_, match in kinds.items():
            for one in self._new(type_):
                yield match(one)
        yield from self._bindings()
        yield from ((row, None) for row in self._undeclared())

    def _api(self, one: Declared) -> Match:
        service = str(one.inputs["service"])
        if service not in self._live.apis:
            return created("API", one, service), None
        return same("API", one, service), as_declared(one, f"{self._project}/{service}", **KEPT)

    def _account(self, one: Declared) -> Match:
        email = account_email(str(one.inputs["accountId"]), self._project)
        live = self._live.accounts.get(email)
        if live is None:
            return created("service account", one, email), None
        if live.get("disabled"):
            reason = "it is disabled: what runs as this account receives no access token"
            enable = f"gcloud iam service-accounts enable {email} --project {self._project}"
            return refused("service account", one, email, reason, again(one, enable))
        found = [
            Change(property=name, old=text(live.get(name) or ""), new=text(one.inputs.get(name) or ""))
            for name in ("displayName", "description")
            if (live.get(name) or "") != (one.inputs.get(name) or "")
        ]
        identifier = f"projects/{self._project}/serviceAccounts/{email}"
        return changed("service account", one, email, found), Found(urn=one.urn, id=identifier)

    def _project_member(self, one: Declared) -> Match:
        role, member = str(one.inputs["role"]), str(one.inputs["member"])
        name = f"{role} of {member.partition(':')[2]}"
        roles = self._live.project_roles
        if roles is not None and member in roles.get(role, []):
            return same("project role", one, name, REPEATED), None
        return created("project role", one, name, _unread(roles)), None

    def _bucket(self, one: Declared) -> Match:
        name = str(one.inputs["name"])
        live = self._live.bucket(name)
        if live is None:
            return created("bucket", one, name), None
        access = cast("JsonObject", live.get("iamConfiguration") or {})
        before: JsonObject = {
            "forceDestroy": False,  # the state's own: the plugin imports a bucket without it
            "publicAccessPrevention": access.get("publicAccessPrevention"),
            "storageClass": live.get("storageClass"),
            "uniformBucketLevelAccess": bool((access.get("uniformBucketLevelAccess") or {}).get("enabled")),
        }
        found = [*plain_changes(list(before), before, one.inputs), *google_state.removed_of_bucket(live)]
        return changed("bucket", one, name, found), Found(urn=one.urn, id=name)

    def _database(self, one: Declared) -> Match:
        """With `createDatabase`. Otherwise the program imports it: `ops.adopt.matrix.engine_rows`."""
        name = str(one.inputs["name"])
        live = self._live.database(name)
        if live is None:
            return created("database", one, name), None
        # Location, edition and type were compared before the preview (`checkout.live_database`).
        compared = ["deleteProtectionState"]
        if one.inputs.get("pointInTimeRecoveryEnablement") == RECOVERY:  # else it may be ignored
            compared.append("pointInTimeRecoveryEnablement")
        found = list(plain_changes(compared, live, one.inputs))
        return changed("database", one, name, found), Found(urn=one.urn, id=str(live["name"]), protect=True)

    def _backup_schedule(self, one: Declared) -> Match:
        database, recurrence = str(one.inputs["database"]), _recurrence(one.inputs)
        live = next((it for it in self._live.backup_schedules(database) if recurrence in it), None)
        if live is None:
            return created("backup schedule", one, one.name), None
        old, new = (cast("JsonObject", it.get(recurrence) or {}).get("day") for it in (live, one.inputs))
        if old != new:
            reason = f"it makes backups on {old}, which Google does not change, and is declared with {new}"
            delete = (
                f"gcloud firestore backups schedules delete --backup-schedule={_last(live)} "
                f"--database={shell_word(database)} --project={self._project}"
            )
            fix = f"{delete}  # the backups stay until they expire"
            return refused("backup schedule", one, one.name, reason, fix)
        found = list(plain_changes(("retention",), live, one.inputs))
        match = Found(urn=one.urn, id=str(live["name"]))
        return changed("backup schedule", one, one.name, found), match

    def _index(self, one: Declared) -> Match:
        # The resource is named by the key (`components.indexes`).
        key = one.name.partition("-")[2]
        live = self._live.indexes(str(one.inputs["database"])).get(key)
        if live is None:
            return created("index", one, key), None
        state = str(live.get("state") or "READY")
        if state in BROKEN:
            reason = f"Firestore could not build it (state {state})"
            place = "in the Firebase console (Firestore Database, Indexes)"
            fix = again(one, f"delete {key} {place}; the next `up` creates it again. Then:")
            return refused("index", one, key, reason, fix)
        reason = "" if state in READY else "it is being built: the `up` waits for it"
        return same("index", one, key, reason), google_state.index(one, live)

    def _field(self, one: Declared) -> Match:
        database = str(one.inputs["database"])
        place = f"{one.inputs['collection']}/fields/{one.inputs['field']}"
        name = f"projects/{self._project}/databases/{database}/collectionGroups/{place}"
        live = self._live.fields(database).get(name)
        shown = f"{one.inputs['collection']}.{one.inputs['field']}"
        if live is None:
            return created("field override", one, shown), None
        if override_is_same(live, one.inputs):
            return same("field override", one, shown), google_state.field(one, live)
        found = [
            Change(property=key, old=text(live.get(key)), new=text(bare(one.inputs.get(key))))
            for key in ("indexConfig", "ttlConfig")
            if bool(live.get(key)) or bool(one.inputs.get(key))
        ]
        return changed("field override", one, shown, found), Found(urn=one.urn, id=name)

    def _secret(self, one: Declared) -> Match:
        name = str(one.inputs["secretId"])
        live = self._live.secrets.get(name)
        if live is None:
            return created("secret", one, name), None
        if "userManaged" in (live.get("replication") or {}):
            reason = "it is stored in chosen regions, which Google does not change; the program declares none"
            rename = "rename the secret in the code, such as to NEW_NAME, and"
            fix = f"{rename} set its value:\n{set_command('secrets', part='.NEW_NAME', secret=True)}"
            fix += "  # asks for the value"
            if name == self._backend_url:
                fix = (
                    f"{rename} let the program set that one:\n{set_command('backendUrlVariable', 'NEW_NAME')}"
                )
            return refused("secret", one, name, reason, f"{fix}\n{name} stays as it is.")
        identifier = f"projects/{self._project}/secrets/{name}"
        found = list(google_state.removed_of_secret(live, one.inputs))
        return changed("secret", one, name, found), Found(urn=one.urn, id=identifier)

    def _versions(self) -> Iterator[Match]:
        """A version whose value is the configured one is taken; otherwise, a new one is created."""
        versions = self._new(VERSION)
        secrets = {one.name: str(one.inputs["secretId"]) for one in self._of.get(SECRET, [])}
        names = {one.urn: secrets[one.name.removesuffix("-version")] for one in versions}
        known = [one for one in versions if one.inputs.get("secretData") != UNKNOWN]
        wanted = {names[one.urn] for one in known} & self._live.secrets.keys()
        values = self._live.newest_values(wanted)
        for one in versions:
            name = names[one.urn]
            newest = values.get(name)
            if one.inputs.get("secretData") == UNKNOWN:
                reason = "the value is known after the `up` only"
            elif name not in self._live.secrets:
                reason = ""
            elif newest is None:
                denied = name in self._live.closed_secrets
                reason = "its value may not be read" if denied else "there is no version that can be read"
            elif newest[1] != one.inputs.get("secretData"):
                reason = f"the value of version {newest[0].rpartition('/')[2]} is another one"
            else:
                self._adopted[name] = newest[0].rpartition("/")[2]
                yield (
                    same("secret version", one, f"{name} {self._adopted[name]}"),
                    _version(one, f"projects/{self._project}/secrets/{name}", *newest),
                )
                continue
            yield created("secret version", one, name, reason), None

    def _function(self, one: Declared) -> Match:
        region, name = str(one.inputs["location"]), str(one.inputs["name"])
        live = self._live.functions.get((region, name))
        shown = f"{region}/{name}"
        if live is None and region in self._live.unreachable:
            reason = "whether it exists is not known: Google could not reach the region"
            return refused("function", one, shown, reason, again(one, "when Google reaches it again:"))
        if live is None:
            return created("function", one, shown), None
        if live.get("state") == function_changes.DELETING:
            fix = again(one, "when the deletion has ended:")
            return refused("function", one, shown, "it is being deleted", fix)
        if reason := function_changes.replaced_because(live, one.inputs):
            first = live.get("environment") == function_changes.FIRST_GENERATION
            generation = "--no-gen2" if first else "--gen2"
            delete = (
                f"gcloud functions delete {name} {generation} --region {region} --project {self._project}"
            )
            both = f"; {TWICE}" if function_changes.runs_by_itself(live) else ""
            fix = (
                "give the new function another name in the code; when nothing uses "
                f"{name} any more{both}:\n"
                f"{delete}\n"
                f"{OR}{delete}  # now: calls fail until the next up has created it again"
            )
            return refused("function", one, shown, f"it {reason}", fix)
        found = function_changes.changes(live, one.inputs, self._adopted)
        identifier = f"projects/{self._project}/locations/{region}/functions/{name}"
        effect = [f"it {function_changes.effect(found)}"] if found else []
        reason = "; ".join([*effect, *function_changes.state_notes(live)])
        row = replace(changed("function", one, shown, found), reason=reason)
        return row, function_state.of(one, live, identifier)

    def _job(self, one: Declared) -> Match:
        region, name = str(one.inputs["region"]), str(one.inputs["name"])
        live = self._live.jobs(region).get(name)
        if live is None:
            return created("scheduler job", one, name), None
        found = list(plain_changes(("schedule", "timeZone", "attemptDeadline"), live, one.inputs))
        before = cast("JsonObject", live.get("httpTarget") or {})
        after = cast("JsonObject", one.inputs.get("httpTarget") or {})
        found += plain_changes(("uri", "httpMethod"), before, after, "httpTarget.")
        old_retries, new_retries = (
            cast("JsonObject", it.get("retryConfig") or {}) for it in (live, one.inputs)
        )
        found += plain_changes(RETRIES, old_retries, new_retries, "retryConfig.")
        old = cast("JsonObject", before.get("oidcToken") or {}).get("serviceAccountEmail")
        new = cast("JsonObject", after.get("oidcToken") or {}).get("serviceAccountEmail")
        if old != new:
            found.append(Change(property="httpTarget.oidcToken", old=text(old), new=text(new)))
        found += google_state.removed_of_job(live, one.inputs)
        if live.get("state") == "PAUSED" and not one.inputs.get("paused"):
            found.append(Change(property="paused", old="true", new="false"))
        identifier = f"projects/{self._project}/locations/{region}/jobs/{name}"
        return changed("scheduler job", one, name, found), Found(urn=one.urn, id=identifier)

    def _read_rules(self) -> None:
        """The released rulesets, by their release's resource, if one of the two is to be adopted."""
        if self._new(RULESET) or self._new(RELEASE):
            for one in self._of.get(RELEASE, []):
                name = self._live.released_ruleset(str(one.inputs["release_name"]))
                self._released[one.name] = Released(name, self._live.ruleset(name) if name else {})

    def _ruleset(self, one: Declared) -> Match:
        files, released = _files(one), self._released.get(release_of(one.name), Released())
        if not released.name:
            return created("ruleset", one, ", ".join(files)), None
        short = released.name.rpartition("/")[2]
        if files == released.files:
            row = same("ruleset", one, short, "the released ruleset has the declared text")
            return row, google_state.ruleset(one, released.ruleset)
        if list(files.values()) == list(released.files.values()):
            return created("ruleset", one, ", ".join(files), "the file has another name"), None
        return created("ruleset", one, ", ".join(files), "the released text is another one"), None

    def _release(self, one: Declared) -> Match:
        name, released = str(one.inputs["release_name"]), self._released[one.name]
        if not released.name:
            return created("rules release", one, name), None
        raw = {**one.raw, "ruleset_name": released.name}
        if "created" in raw:  # of the declared ruleset, which the `up` creates
            raw["created"] = str(released.ruleset.get("createTime", ""))
        identifier = f"projects/{self._project}/releases/{name}"
        found = Found(urn=one.urn, id=identifier, inputs=raw, outputs=raw)
        new = str(one.inputs["ruleset_name"])
        ruleset = next((two for two in self._of.get(RULESET, []) if release_of(two.name) == one.name), None)
        declared = _files(ruleset) if ruleset is not None else {}
        if declared == released.files or full_ruleset_name(self._project, new) == released.name:
            return same("rules release", one, name), found
        changes: list[Change] = []
        if [*released.files.values()] != [*declared.values()]:
            old, declared_text = ("\n".join(files.values()) for files in (released.files, declared))
            changes.append(Change(property="rules", old=old, new=declared_text))
        if [*released.files] != [*declared]:
            old, declared_name = (text(", ".join(files)) for files in (released.files, declared))
            changes.append(Change(property="source.files.name", old=old, new=declared_name))
        return changed("rules release", one, name, changes), found

    def _bindings(self) -> Iterator[Match]:
        """The bindings of functions and secrets that exist. They are authoritative: others are removed."""
        base = f"projects/{self._project}"
        services = {
            one.urn: f"{base}/locations/{one.inputs['location']}/services/{one.inputs['name']}"
            for one in self._new(INVOKERS)
        }
        live = (
            {
                _service(function)
                for function in self._live.functions.values()
                if function.get("environment") != function_changes.FIRST_GENERATION
            }
            if services
            else set[str]()
        )
        policies = self._live.invokers(live & set(services.values()))
        for one in self._new(INVOKERS):
            yield binding("invokers", one, str(one.inputs["name"]), services[one.urn], policies)
        yield from task_queues.enqueuers(self._new(ENQUEUERS), self._live)
        base = f"{base}/secrets/"
        readers = {
            one.urn: f"{base}{one.inputs['secretId']}" for one in [*self._new(READERS), *self._new(READER)]
        }
        wanted = (
            {name for name in readers.values() if name.removeprefix(base) in self._live.secrets}
            if readers
            else ()
        )
        policies = self._live.secret_roles(wanted)
        for one in self._new(READER):
            member, role = str(one.inputs["member"]), str(one.inputs["role"])
            name = f"{one.inputs['secretId']}: {member.partition(':')[2]}"
            policy = policies.get(readers[one.urn], {})
            if policy is not None and member in policy.get(role, []):
                row = same("secret reader", one, name, REPEATED)
            else:
                row = created("secret reader", one, name, _unread(policy))
            yield row, None
        for one in self._new(READERS):
            yield binding("secret readers", one, str(one.inputs["secretId"]), readers[one.urn], policies)

    def _undeclared(self) -> Iterator[Row]:
        functions = {
            (str(one.inputs.get("location")), str(one.inputs.get("name")))
            for one in self._of.get(FUNCTION, [])
        }
        regions = {region for region, _ in functions}
        for (region, name), live in sorted(self._live.functions.items()):
            if (region, name) in functions:
                continue
            regions.add(region)
            others = sorted(place for place, other in functions if other == name)
            first = live.get("environment") == function_changes.FIRST_GENERATION
            reasons = ["1st generation"] if first else []
            if others:
                reasons = [f"the program declares it in {', '.join(others)}"]
                reasons += [TWICE] if function_changes.runs_by_itself(live) else []
            left = self._unmanaged.get(f"{region}/{name}") or self._unmanaged.get(name)
            if left:
                reasons.append(f"left as it is: {left}")
            yield extra("function", f"{region}/{name}", "; ".join(reasons))
        yield from self._undeclared_in_database()
        jobs = {(str(one.inputs["region"]), str(one.inputs["name"])) for one in self._of.get(JOB, [])}
        queues = {(str(one.inputs["location"]), str(one.inputs["name"])) for one in self._of.get(QUEUE, [])}
        for region in sorted(regions):
            for name in sorted(self._live.jobs(region, declared=False)):
                if (region, name) not in jobs:
                    yield extra("scheduler job", f"{region}/{name}")
            for name in sorted(self._live.queues(region, declared=False)):
                if (region, name) not in queues:
                    yield extra("task queue", f"{region}/{name}")
        for name in self._live.schedule_topics:
            yield extra("Pub/Sub topic", name)
        yield from self._todays_roles()
        secrets = {str(one.inputs["secretId"]) for one in self._of.get(SECRET, [])}
        for name in sorted(self._live.secrets.keys() - secrets):
            yield extra("secret", name)

    def _undeclared_in_database(self) -> Iterator[Row]:
        indexes, overrides = self._of.get(INDEX, []), self._of.get(FIELD, [])
        databases = [str(one.inputs.get("name") or "(default)") for one in self._of.get(DATABASE, [])]
        used = {str(one.inputs["database"]) for one in (*indexes, *overrides)}
        places = {
            (one.inputs["database"], one.inputs["collection"], one.inputs["field"]) for one in overrides
        }
        for database in sorted(used.union(databases)):
            of_it = [one for one in indexes if one.inputs["database"] == database]
            keys = {one.name.partition("-")[2] for one in of_it}
            for key in sorted(self._live.indexes(database).keys() - keys):
                yield extra("index", key)
            for name in sorted(self._live.fields(database)):
                collection, _, field = name.split("/", 5)[5].partition("/fields/")
                # `__default__` holds the defaults of the whole database.
                if collection != "__default__" and (database, collection, field) not in places:
                    yield extra("field override", f"{collection}.{field}")
        for database in databases:
            yield from self._undeclared_schedules(database)

    def _undeclared_schedules(self, database: str) -> Iterator[Row]:
        declared = {_recurrence(one.inputs) for one in self._of.get(BACKUPS, [])}
        for live in self._live.backup_schedules(database):
            if _recurrence(live) not in declared:
                days = int(str(live.get("retention", "0s")).removesuffix("s").partition(".")[0]) // DAY
                kind = "weekly" if "weeklyRecurrence" in live else "daily"
                yield extra("backup schedule", f"{database}, {kind}, kept for {days} days")

    def _todays_roles(self) -> Iterator[Row]:
        """The roles of the accounts as which the functions run today."""
        configs = (
            cast("JsonObject", live.get("serviceConfig") or {}) for live in self._live.functions.values()
        )
        emails = {
            str(config["serviceAccountEmail"]) for config in configs if config.get("serviceAccountEmail")
        }
        declared = {
            (one.inputs.get("role"), one.inputs.get("member")) for one in self._of.get(PROJECT_MEMBER, [])
        }
        for email in sorted(emails):
            member = f"serviceAccount:{email}"
            for role, members in sorted((self._live.project_roles or {}).items()):
                if member in members and (role, member) not in declared:
                    yield extra("project role", f"{role} of {email}", "functions run as this account today")


def _version(one: Declared, secret_name: str, version: str, value: str) -> Found:
    inputs = {**one.raw, "secret": secret_name, "secretData": secret(value)}
    computed = {"name": version, "version": version.rpartition("/")[2], "enabled": True, "id": version}
    computed |= {"destroyTime": "", "isSecretDataBase64": False, "secretDataWo": secret(None)}
    outputs = {key: given for key, given in inputs.items() if key != "__defaults"}
    return Found(urn=one.urn, id=version, inputs=inputs, outputs={**KEPT, **outputs, **computed})


def _unread(policy: Mapping[str, list[str]] | None) -> str:
    """The note on a member that may exist already."""
    return f"members may not be read; {REPEATED}" if policy is None else ""


def _recurrence(schedule: Mapping[str, Any]) -> str:
    """The property that says when it is made: a database has one daily and one weekly schedule.

    pulumi-gcp names it as the API does.
    """
    return "weeklyRecurrence" if "weeklyRecurrence" in schedule else "dailyRecurrence"


def _last(live: JsonObject) -> str:
    return str(live["name"]).rpartition("/")[2]


def _service(function: JsonObject) -> str:
    return str((function.get("serviceConfig") or {}).get("service") or "")


def _blocking(one: Declared) -> Match:
    """The events that Auth calls functions for. What it calls today is not read: the `up` replaces it."""
    events = ", ".join(sorted(cast("JsonObject", one.inputs.get("triggers") or {})))
    reason = "the `up` has Auth call these functions, instead of those that it calls today for these events"
    return created("blocking functions", one, events, reason), None


def _files(one: Declared) -> dict[str, str]:
    source = cast("JsonObject", one.inputs.get("source") or {})
    files = cast("list[JsonObject]", source.get("files") or [])
    return {str(file["name"]): str(file["content"]) for file in files}
