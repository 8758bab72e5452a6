"""A small production environment for the tests of `ops readiness`: everything in it can be broken.

Google, Railway and GitHub are tables and objects; the state is one that `pulumi stack export` could return.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from checkout.flutter.results import LINES as FLUTTER_LINES
from checkout.flutter.results import LineResult, Names, Project
from components.verification_spec import Declared as DeclaredLines
from components.verification_spec import Function
from firebase.errors import GoogleError, JsonObject
from firebase.release import text_digest
from firebase.rest import GoogleApi
from ops import access, stack
from ops.acceptance.model import Verdict as Accepted
from ops.github import GitHub, GitHubError
from ops.readiness import declared, lines, run
from ops.readiness.context import Context
from ops.readiness.model import Line, Outcome, Report
from ops.readiness.waivers import read as read_waivers
from ops.stack_file import load as load_settings
from railway.graphql.api import RailwayApi
from railway.graphql.errors import RequestError
from railway.graphql.models import (
    BackupView,
    CustomDomainView,
    DeploymentView,
    DnsRecord,
    EnvironmentView,
    InstanceView,
    Named,
    ProjectView,
    ServiceDomainView,
    Snapshot,
    TriggerView,
    VolumeView,
)
from settings.model import Settings
from tests.recorded_acceptance import record
from tests.unit.test_never_delete import rules

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
DEPLOYED = NOW - timedelta(hours=5)
COMMIT, HEAD_BEFORE = "a" * 40, "b" * 40
P, R = "projects/p", "europe-west1"
FUNCTIONS = f"{P}/locations/{R}/functions"
INDEXES = f"{P}/databases/(default)/collectionGroups/-/indexes"
FIELDS = f"{P}/databases/(default)/collectionGroups/-/fields"
JOBS = f"{P}/locations/{R}/jobs"
RELEASE = f"{P}/releases/cloud.firestore"
RULESET = f"{P}/rulesets/one"
INDEX = f"{P}/databases/(default)/collectionGroups/threads/indexes/CIC1"
TTL = f"{P}/databases/(default)/collectionGroups/outbox/fields/expiresAt"
URL_SECRET = f"{P}/secrets/RAILWAY_WHATSAPP_URL"
KEY_SECRET = f"{P}/secrets/GROQ_API_KEY"
ACCOUNT = f"{P}/serviceAccounts/crm-fn@p.iam.gserviceaccount.com"
MEMBER = "serviceAccount:crm-fn@p.iam.gserviceaccount.com"
READER = "roles/secretmanager.secretAccessor"
RULES = {"firestore.rules": rules("match /threads/{t} { allow delete: if false; }")}
BACKEND = "https://backend.up.railway.app"
LOG = ("sessions dir exists/writable: true", "Firebase initialized")
NOT_FOUND = GoogleError("not found", "check it", status=404, reason="NOT_FOUND")
DENIED = GoogleError("denied", "grant it", status=403, reason="PERMISSION_DENIED")
WAIVER = {"reason": "no backup yet", "person": "Ana", "expires": "2026-11-30"}
"""Its last day is NOW's."""
UNREACHABLE = RequestError("SnapshotRead", "no connection", fix="check the network")


def function(name: str, *secrets: tuple[str, str], **changes: Any) -> JsonObject:
    """A live function that reads versions of secrets."""
    return {
        "name": f"{FUNCTIONS}/{name}",
        "state": "ACTIVE",
        "updateTime": "2026-11-30T08:00:00.123456789Z",
        "url": f"https://{R}-p.cloudfunctions.net/{name}",
        "buildConfig": {"environmentVariables": {"SOURCE_ARCHIVE": "one.zip"}},
        "serviceConfig": {
            "service": f"{P}/locations/{R}/services/{name.lower()}",
            "uri": f"https://{name.lower()}-abc.a.run.app",
            "secretEnvironmentVariables": [
                {"key": secret, "projectId": "p", "secret": secret, "version": version}
                for secret, version in secrets
            ],
        },
        **changes,
    }


def google() -> dict[str, JsonObject | GoogleError]:
    """The answers of a good Google project, by path."""

    def policy(role: str, *members: str) -> JsonObject:
        return {"bindings": [{"role": role, "members": list(members)}]}

    services = f"{P}/locations/{R}/services"
    return {
        FUNCTIONS: {
            "functions": [
                function("proxySend", ("RAILWAY_WHATSAPP_URL", "1")),
                function("ask", ("GROQ_API_KEY", "2")),
            ]
        },
        INDEXES: {"indexes": [{"name": INDEX, "state": "READY"}]},
        FIELDS: {"fields": [{"name": TTL, "ttlConfig": {"state": "ACTIVE"}}]},
        JOBS: {"jobs": [{"name": f"{JOBS}/follow-ups"}]},
        RELEASE: {"rulesetName": RULESET},
        RULESET: {"source": {"files": [{"name": name, "content": text} for name, text in RULES.items()]}},
        f"{URL_SECRET}/versions/1": {"state": "ENABLED"},
        f"{KEY_SECRET}/versions/2": {"state": "ENABLED"},
        f"{KEY_SECRET}/versions/latest": {"state": "ENABLED"},
        f"{URL_SECRET}/versions": {"versions": [{"name": f"{URL_SECRET}/versions/1", "state": "ENABLED"}]},
        f"{KEY_SECRET}/versions": {"versions": [{"name": f"{KEY_SECRET}/versions/2", "state": "ENABLED"}]},
        f"{URL_SECRET}/versions/1:access": {"payload": {"data": base64.b64encode(BACKEND.encode()).decode()}},
        f"{URL_SECRET}:getIamPolicy": policy(READER, MEMBER),
        f"{KEY_SECRET}:getIamPolicy": policy(READER, MEMBER),
        f"{ACCOUNT}/keys": {},
        f"{ACCOUNT}:getIamPolicy": {},
        f"{services}/proxysend:getIamPolicy": policy("roles/run.invoker", "allUsers"),
        f"{P}:getIamPolicy": policy("roles/datastore.user", MEMBER, "user:owner@example.com"),
        "entries:list": {},
    }


class Google(GoogleApi):
    """Answers from a table; only what reads is allowed."""

    def __init__(self, answers: Mapping[str, JsonObject | GoogleError]) -> None:
        super().__init__(environ={})
        self.answers = answers
        self.asked: list[tuple[str, JsonObject | None]] = []
        self.allowed_deletes = 0

    def call(self, method: str, product: str, path: str, **rest: Any) -> JsonObject:
        verb = path.rpartition(":")[2]
        assert method == "GET" or verb in ("test", "getIamPolicy", "list"), (
            f"{method} {path} changes something"
        )
        self.asked.append((path, rest.get("body")))
        if verb == "test":
            cases = cast("list[object]", rest["body"]["testSuite"]["testCases"])
            states = ["FAILURE"] * self.allowed_deletes + ["SUCCESS"] * len(cases)
            return {"testResults": [{"state": state} for state in states[: len(cases)]]}
        answer = self.answers.get(path, NOT_FOUND)
        if isinstance(answer, GoogleError):
            raise answer
        return answer


@dataclass
class Railway:
    """An environment with one service and its volume."""

    branch: str = "main"
    replicas: int = 1
    states: list[str] = field(default_factory=lambda: ["RUNNING"])
    mount_path: str = "/app/sessions"
    size_mb: int = 50_000
    used_mb: float = 1_000
    volume_is_gone: bool = False
    backups_made: list[timedelta] = field(default_factory=lambda: [timedelta(hours=20)])
    variables_set: dict[str, str | None] = field(
        default_factory=lambda: {
            "FIREBASE_SERVICE_ACCOUNT_JSON": None,  # sealed
            "ADMIN_TOKEN": "not-shown-anywhere",
            "WHATSAPP_SYNC_FULL_HISTORY": "true",
            "WHATSAPP_BACKFILL_COUNT": "100",
            "WHATSAPP_BACKFILL_THREADS": "50",
            "SESSIONS_PATH": "/app/sessions",
        }
    )
    statuses: list[str] = field(default_factory=lambda: ["SUCCESS", "REMOVED"])
    commit: str = COMMIT
    log: list[tuple[datetime, str]] = field(
        default_factory=lambda: [(DEPLOYED + timedelta(minutes=1), line) for line in LOG]
    )
    domains: list[str] = field(default_factory=lambda: ["backend.up.railway.app"])
    custom: dict[str, bool] = field(default_factory=dict[str, bool])
    others: list[InstanceView] = field(default_factory=list[InstanceView])
    error: RequestError | None = None
    asked: int = 0

    def _ask(self) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error

    def newest_deployments(self, *_: str) -> list[DeploymentView]:
        self._ask()
        return [
            DeploymentView(f"d{n}", status, DEPLOYED - timedelta(days=n), commit=self.commit)
            for n, status in enumerate(self.statuses)
        ]

    def snapshot(self, *_: str) -> Snapshot:
        self._ask()
        active = tuple(
            DeploymentView(f"d{n}", status, DEPLOYED)
            for n, status in enumerate(self.statuses)
            if status == "SUCCESS"
        )
        node = {"numReplicas": self.replicas, "source": {"repo": "company/backend"}}
        custom = tuple(
            CustomDomainView(name, name, None, done, (DnsRecord(name, "CNAME", "x.up.railway.app", "OK"),))
            for name, done in self.custom.items()
        )
        domains = tuple(ServiceDomainView(name, name, "", None) for name in self.domains)
        own = InstanceView("s", node, None, active, domains, custom)
        volume = VolumeView(
            "vi", "v", "sessions", "s", self.mount_path, "", self.size_mb, "READY", self.volume_is_gone
        )
        trigger = TriggerView("t", "s", "company/backend", self.branch, check_suites=False)
        instances = (own, *self.others)
        environment = EnvironmentView("e", "production", instances, (volume,), (trigger,), None)
        services = (Named("s", "backend"), *(Named(one.service_id, "other") for one in self.others))
        return Snapshot(ProjectView("p", "crm", "", "w", (), services, ()), environment)

    def instance_states(self, _: str) -> list[str]:
        self._ask()
        return self.states

    def variables(self, *_: str) -> Mapping[str, str | None]:
        self._ask()
        return self.variables_set

    def backups(self, instance: str) -> list[BackupView]:
        self._ask()
        assert instance == "vi"
        return [BackupView("b", "Daily", NOW - age, None, 1) for age in self.backups_made]

    def volume_used_mb(self, _: str) -> float:
        self._ask()
        return self.used_mb

    def failed_step(self, _: str) -> tuple[str, str]:
        self._ask()
        return "BUILD_IMAGE", "its reason may hold a value"

    def log_lines(self, _: str, limit: int, *, phrase: str | None = None) -> list[tuple[datetime, str]]:
        self._ask()
        return [line for line in self.log if phrase is None or phrase in line[1]][-limit:]


@dataclass
class Hub(GitHub):
    """A repository."""

    main: str = COMMIT
    relation: tuple[str, int] = ("ahead", 2)
    results: dict[str, str] = field(default_factory=lambda: {"checks": "success", "lint": "skipped"})
    error: GitHubError | None = None

    def _ask(self) -> None:
        if self.error is not None:
            raise self.error

    def head(self, repository: str, branch: str) -> str:
        self._ask()
        assert (repository, branch) == ("company/backend", "main")
        return self.main

    def ahead(self, repository: str, commit: str, branch: str) -> tuple[str, int]:
        return self.relation

    def pull_requests(self, repository: str, commit: str) -> list[tuple[int, bool]]:
        return [(7, True)]

    def checks(self, repository: str, commit: str) -> dict[str, str]:
        self._ask()
        return self.results


def resource(type_: str, id_: str = "", *, outputs: JsonObject | None = None, **inputs: Any) -> JsonObject:
    """A resource of a state."""
    return {"type": type_, "id": id_, "inputs": inputs, "outputs": inputs if outputs is None else outputs}


def state(**changes: Any) -> list[JsonObject]:
    """The state of the environment. `changes` are fields of the verification's input."""
    spec = DeclaredLines(
        stack="prod",
        project="p",
        database="(default)",
        release="cloud.firestore",
        rules_digest=changes.pop("rules_digest", text_digest(RULES)),
        never_delete=changes.pop("never_delete", ("clients", "threads", "**/messages")),
        allow_client_deletes={},
        health_path="/health",
        wait_seconds=0,
        functions=tuple(Function(id=n, region=R, source="one.zip", digest="d") for n in ("ask", "proxySend")),
    )
    clouds = {
        "backend_url": BACKEND,
        "deployment": "d0",
        "indexes": {"threads": INDEX},
        "secrets": {"RAILWAY_WHATSAPP_URL": "1", "GROQ_API_KEY": "2"},
        "ruleset": RULESET,
        **changes,
    }
    variables = {f"VERIFY_{name.upper()}": json.dumps(value) for name, value in clouds.items()}
    place: dict[str, Any] = {"project_id": "rp", "environment_id": "e"}
    railway = declared.RAILWAY
    return [
        resource(stack.ROOT),
        resource(stack.COMMAND, "c", stdin=spec.to_lines(), environment=variables),
        resource(declared.INDEX_BUILDS, "i", fields={"outbox/expiresAt": TTL}),
        resource(declared.JOB, "j", region=R, name="follow-ups"),
        resource(declared.PROJECT_MEMBER, "m", role="roles/datastore.user", member=MEMBER),
        resource(access.ACCOUNT, ACCOUNT),
        *(resource(access.SECRET, one) for one in (URL_SECRET, KEY_SECRET)),
        *(resource(access.VERSION, one) for one in (f"{URL_SECRET}/versions/1", f"{KEY_SECRET}/versions/2")),
        *(
            resource(access.READERS, one, secretId=one, role=READER, members=[MEMBER])
            for one in (URL_SECRET, KEY_SECRET)
        ),
        resource(
            access.INVOKERS,
            "b",
            outputs={"project": "p", "location": R, "name": "proxysend", "role": "roles/run.invoker"},
            location=R,
            name="proxysend",
            members=["allUsers"],
        ),
        resource(f"{railway}Volume", "v", **place, mount_path="/app/sessions", size_mb=50_000),
        resource(f"{railway}VolumeBackupSchedule", "vb", kinds=["DAILY"]),
        resource(
            f"{railway}ServiceSettings", "ss", **place, service_id="s", repo="company/backend", branch="main"
        ),
        resource(f"{railway}CustomDomain", "cd", domain="crm.example.com"),
        resource(f"{railway}Deployment", "d", domain="backend.up.railway.app", log_expectations=list(LOG)),
    ]


@functools.cache
def example_settings() -> Settings:
    """Those of the example on the sandbox."""
    found, problems = load_settings("sandbox")
    assert found is not None, problems
    return found


@dataclass
class World:
    """The environment, and what was found out about it.

    Args:
        folder: has the recorded acceptance.
        edges: answers for the backend's and the functions' addresses, as environment variables.
    """

    folder: Path
    edges: dict[str, str]
    google: dict[str, JsonObject | GoogleError] = field(default_factory=google)
    railway: Railway = field(default_factory=lambda: Railway(custom={"crm.example.com": True}))
    github: Hub = field(default_factory=Hub)
    state: list[JsonObject] = field(default_factory=state)
    waivers: dict[str, Any] = field(default_factory=dict[str, Any])
    allowed_deletes: int = 0
    app: dict[str, LineResult] = field(default_factory=dict[str, LineResult])
    asked: list[Google] = field(default_factory=list[Google])

    def settings(self) -> Settings:
        """The example's, with these waivers."""
        return dataclasses.replace(example_settings(), readiness_waivers=self.waivers)

    def context(self) -> Context:
        """A new round."""
        api = Google(self.google)
        api.allowed_deletes = self.allowed_deletes
        self.asked.append(api)
        return Context(
            stack="prod",
            declared=declared.of_state("prod", self.state),
            settings=self.settings(),
            google=api,
            railway=lambda: cast("RailwayApi", self.railway),
            github=lambda: self.github,
            environ=self.edges,
            folder=self.folder,
            now=lambda: NOW,
        )

    def outcomes(self, only: str | None = None) -> list[Outcome]:
        """Check lines."""
        chosen: Sequence[Line] = lines.chosen(only)
        found = run.run(chosen, self.context, say=lambda _: None)
        given = read_waivers(self.waivers)
        return run.outcomes(chosen, found, given, stack="prod", today=NOW.date())

    def report(self, only: str | None = None) -> Report:
        """Check lines and report them."""
        return Report(
            stack="prod",
            project="p",
            commit="0123456789ab",
            started=NOW,
            finished=NOW + timedelta(seconds=3),
            outcomes=self.outcomes(only),
            total=len(lines.LINES),
        )

    def broken(self) -> Report:
        """A report with every verdict, and hostile text."""
        self.railway.branch = "<script>alert(1)</script>|`@all`"
        self.railway.backups_made = []
        self.waivers = {"C3": WAIVER}
        self.google["entries:list"] = DENIED
        (self.folder / ".acceptance" / "prod.json").unlink()
        return self.report()

    def function(self, number: int, **changes: Any) -> None:
        """Change a live function."""
        listed = cast("JsonObject", self.google[FUNCTIONS])["functions"]
        listed[number] = {**listed[number], **changes}

    def check_app(self, root: Path, names: Names, project: Project) -> Sequence[LineResult]:
        """In place of `checkout.flutter.check.check_app`: nothing to correct, unless `app` says otherwise."""
        assert (root, project.project_id) == (self.folder, "p")
        assert set(project.backend_addresses) == {"backend.up.railway.app", "crm.example.com"}
        assert names == Names()
        return [self.app.get(line, LineResult(id=line, checked="3 files")) for line in FLUTTER_LINES]

    def accept(self, verdicts: Mapping[str, Accepted | None] | None = None, *, at: datetime = NOW) -> None:
        """Record an acceptance of what is deployed; `F1` to `F5` pass unless another verdict is given."""
        record(self.folder, declared.of_state("prod", self.state).spec, at, verdicts)
