"""What the checks of one round read. Each question is asked once: its answer, or its error, is kept.

An error is kept too: with Railway down, each of fifteen lines would otherwise wait a minute and a half.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar, cast

from components.verification_spec import Spec
from firebase.errors import JsonObject
from firebase.index_builds import states
from firebase.release import get_release
from firebase.rest import GoogleApi
from ops import google, stack
from ops.github import GitHub
from ops.readiness.declared import Declared
from ops.readiness.model import Evidence
from railway.clock import Clock
from railway.graphql.api import RailwayApi
from railway.graphql.client import RailwayClient
from railway.graphql.credentials import access_from
from railway.graphql.models import (
    BackupView,
    DeploymentView,
    InstanceView,
    Snapshot,
    VolumeView,
)
from settings.model import Settings
from user_errors import shell_word

T = TypeVar("T")

READ_LINES = 1000
"""How many of the last log lines are read; a text that is not in them is searched for on Railway."""


@dataclass(kw_only=True)
class Context:
    """One round of checks.

    Args:
        stack: the stack's name, for commands.
        declared: what the last `up` declared.
        settings: the stack's settings.
        google, railway, github: make the clients; one that cannot be made (no token) raises its error.
        environ: the environment variables.
        folder: the folder of the program, in which records of earlier runs are.
        now: the time.
    """

    stack: str
    declared: Declared
    settings: Settings
    google: GoogleApi
    railway: Callable[[], RailwayApi]
    github: Callable[[], GitHub]
    environ: Mapping[str, str]
    folder: Path
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _kept: dict[object, tuple[object, Exception | None]] = field(
        default_factory=dict[object, "tuple[object, Exception | None]"], repr=False
    )

    @staticmethod
    def on(
        name: str,
        declared: Declared,
        settings: Settings,
        environ: Mapping[str, str],
        google: GoogleApi | None = None,
    ) -> Context:
        """The context of a stack with clients as the environment variables describe; or with `google`."""

        def railway() -> RailwayApi:
            access = access_from(environ, stack.config(name).get)
            return RailwayApi(RailwayClient(access, Clock(access.wait_scale)))

        return Context(
            stack=name,
            declared=declared,
            settings=settings,
            google=google or GoogleApi(environ),
            railway=railway,
            github=lambda: GitHub(environ),
            environ=environ,
            folder=stack.PROJECT,
        )

    def once(self, question: object, ask: Callable[[], T]) -> T:
        """The answer to a question, asked at most once in a round; its error is raised again.

        Args:
            question: identifies it.
            ask: asks it.
        """
        if question not in self._kept:
            try:
                self._kept[question] = ask(), None
            except Exception as error:  # noqa: BLE001 - raised again below, and by every later caller
                self._kept[question] = None, error
        answer, error = self._kept[question]
        if error is not None:
            raise error
        return cast("T", answer)

    def seen(self, asked: str, answer: object) -> Evidence:
        """Evidence that was found now."""
        return Evidence(asked=asked, answer=str(answer), at=self.now())

    @property
    def spec(self) -> Spec:
        """What the last verification looked for."""
        return self.declared.spec

    @property
    def name(self) -> str:
        """The stack's name as a word of a command."""
        return shell_word(self.stack)

    @property
    def up(self) -> str:
        """The command that deploys the stack."""
        return f"pulumi up -s {self.name}"

    @property
    def refresh(self) -> str:
        """The command that writes again what is declared and was changed elsewhere."""
        return f"{self.up} --refresh --run-program"

    def again(self, options: str) -> str:
        """The command that checks again, such as with `--only A`."""
        return f".venv/bin/python -m ops readiness --stack {self.name} {options}"

    # ---- Railway

    @property
    def api(self) -> RailwayApi:
        """The client of Railway."""
        return self.once("railway", self.railway)

    @property
    def snapshot(self) -> Snapshot:
        """Everything about the environment."""
        ids = self.declared.project_id, self.declared.environment_id
        return self.once("snapshot", lambda: self.api.snapshot(*ids))

    @property
    def instance(self) -> InstanceView:
        """The backend's service in the environment."""
        return self.snapshot.existing_instance(self.declared.service_id)

    @property
    def volume(self) -> VolumeView | None:
        """The volume that is attached to the backend."""
        return self.snapshot.attached_volume(self.declared.service_id)

    @property
    def deployments(self) -> list[DeploymentView]:
        """The newest deployments of the backend, the newest first."""
        ids = self.declared.project_id, self.declared.environment_id, self.declared.service_id
        return self.once("deployments", lambda: self.api.newest_deployments(*ids))

    @property
    def running(self) -> DeploymentView | None:
        """The newest deployment that runs."""
        return next((one for one in self.deployments if one.successful), None)

    def instances(self, deployment_id: str) -> list[str]:
        """The status of each instance of a deployment."""
        return self.once(("instances", deployment_id), lambda: self.api.instance_states(deployment_id))

    @property
    def variables(self) -> Mapping[str, str | None]:
        """The backend's variables. Values are compared, never shown."""
        ids = self.declared.project_id, self.declared.environment_id, self.declared.service_id
        return self.once("variables", lambda: self.api.variables(*ids))

    def backups(self, volume: VolumeView) -> list[BackupView]:
        """The backups of a volume, the newest first."""
        return self.once("backups", lambda: self.api.backups(volume.instance_id))

    def used_mb(self, volume: VolumeView) -> float:
        """How much of a volume is used, in Railway's megabytes."""
        return self.once("usage", lambda: self.api.volume_used_mb(volume.instance_id))

    def times_logged(self, deployment_id: str, text: str) -> list[datetime]:
        """When a deployment logged lines with a text, the oldest first."""
        last = self.once(("log", deployment_id), lambda: self.api.log_lines(deployment_id, READ_LINES))
        found = [at for at, line in last if text in line]
        if found or len(last) < READ_LINES:
            return found
        searched = self.once(
            ("log", deployment_id, text), lambda: self.api.log_lines(deployment_id, READ_LINES, phrase=text)
        )
        return [at for at, line in searched if text in line]

    # ---- Google

    @property
    def functions(self) -> dict[tuple[str, str], JsonObject]:
        """The live functions of the regions in which one is declared, by region and id."""

        def ask() -> dict[tuple[str, str], JsonObject]:
            spec = self.declared.spec
            return {
                (region, name): one
                for region in sorted({one.region for one in spec.functions})
                for name, one in google.functions(self.google, spec.project, region).items()
            }

        return self.once("functions", ask)

    @property
    def indexes(self) -> dict[str, str]:
        """The state of each declared index and field override, by key."""
        spec = self.declared.spec
        declared = {
            "project": spec.project,
            "database": spec.database,
            "indexes": spec.indexes,
            "fields": self.declared.fields,
        }
        return self.once("indexes", lambda: states(self.google, declared))

    @property
    def all_indexes(self) -> list[JsonObject]:
        """Every composite index of the database, also those that nobody declared."""
        spec = self.declared.spec
        path = f"projects/{spec.project}/databases/{spec.database}/collectionGroups/-/indexes"
        return self.once(
            "all indexes",
            lambda: list(self.google.listed("firestore", path, "indexes", "list the Firestore indexes")),
        )

    @property
    def released(self) -> str:
        """The full name of the released ruleset; "" if there is no release."""
        spec = self.declared.spec
        if spec.release is None:
            return ""
        name = spec.release

        def ask() -> str:
            found = get_release(self.google, spec.project, name)
            return "" if found is None else str(found.get("rulesetName", ""))

        return self.once("release", ask)

    @property
    def rules(self) -> dict[str, str]:
        """The files of the released ruleset: name -> text."""
        name = self.released
        return self.once("rules", lambda: google.ruleset_files(google.ruleset(self.google, name)))

    def secret_state(self, secret: str, version: str) -> str:
        """The state of a secret's version."""
        project = self.declared.spec.project
        return self.once(
            ("secret", secret, version),
            lambda: google.secret_version_state(self.google, project, secret, version),
        )

    def secrets_read(self) -> list[tuple[str, str, str, str]]:
        """What live functions read: function, variable, secret and version."""
        return [
            (name, str(part["key"]), str(part["secret"]), str(part.get("version", "")))
            for (_, name), one in sorted(self.functions.items())
            for part in cast(
                "Sequence[JsonObject]",
                cast("JsonObject", one.get("serviceConfig") or {}).get("secretEnvironmentVariables") or (),
            )
        ]
