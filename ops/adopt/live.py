"""What a Google project has, for an adoption. It only reads.

What an API lists is read page by page, once; IAM policies and secret values, which no API lists, one by one
and a few at a time.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, cast

from checkout.index_file import parse
from firebase.errors import GoogleError, JsonObject
from firebase.index_builds import OVERRIDES
from firebase.release import get_release
from firebase.rest import GoogleApi
from ops import google

INDEX_KEYS = ("queryScope", "fields", "apiScope", "density")
ABSENT = 404
DENIED = 403
NO_LOCATION = 400
"""Cloud Tasks and Cloud Scheduler do not have every location that functions have."""
DISABLED = "SERVICE_DISABLED"
READERS_AT_ONCE = 8
_SHOWN = 5
POLICY_VERSION = "3"


class CountedApi(GoogleApi):
    """A client that counts its requests."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        super().__init__(environ)
        self.requests = 0
        self._counting = threading.Lock()

    def call(
        self,
        method: str,
        product: str,
        path: str,
        *,
        operation: str,
        body: JsonObject | None = None,
        params: Mapping[str, str] | None = None,
        repeatable: bool,
    ) -> JsonObject:
        """Send one request."""
        with self._counting:
            self.requests += 1
        return super().call(
            method, product, path, operation=operation, body=body, params=params, repeatable=repeatable
        )


class Live:
    """The objects of a project. Each list is read when it is first asked for.

    Behind an API that is off, nothing exists.

    Args:
        api: the client.
        project: the project id.

    Raises:
        GoogleError: a list could not be read; so do all members.

    Example:
        Live(CountedApi(), "my-crm").functions["europe-west1", "send"]["serviceConfig"]
    """

    def __init__(self, api: CountedApi, project: str) -> None:
        self._api = api
        self.project = project
        self._project = f"projects/{project}"
        self._indexes: dict[str, dict[str, JsonObject]] = {}
        self._fields: dict[str, dict[str, JsonObject]] = {}
        self._jobs: dict[str, dict[str, JsonObject]] = {}
        self._queues: dict[str, dict[str, JsonObject]] = {}
        self._schedules: dict[str, list[JsonObject]] = {}
        self._closed_policies = set[str]()
        self.closed_secrets = set[str]()
        """The ids of secrets whose values were asked for and may not be read."""
        self.unreachable = set[str]()
        """The regions whose functions are not listed."""
        self._closed_lists: list[str] = []

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        return self._api.requests

    @property
    def unread(self) -> list[str]:
        """What was asked for and may not be read, with the permission that is missing."""
        found: list[str] = []
        if self.closed_secrets:
            names = _some(self.closed_secrets)
            found.append(f"the values of the secrets {names} (secretmanager.versions.access)")
        if self._closed_policies:
            names = _some(self._closed_policies)
            found.append(f"who has access to {names} (getIamPolicy; roles/iam.securityReviewer has it)")
        found += self._closed_lists
        if self.unreachable:
            found.append(f"functions in {_some(self.unreachable)}, which Google could not reach")
        return found

    def _list(
        self,
        product: str,
        path: str,
        field: str,
        what: str,
        params: Mapping[str, str] | None = None,
        unreachable: set[str] | None = None,
    ) -> list[JsonObject]:
        try:
            return list(self._api.listed(product, path, field, f"list the {what}", params, unreachable))
        except GoogleError as error:
            if error.status == ABSENT or error.reason == DISABLED:
                return []
            raise

    def _undeclared(self, product: str, path: str, field: str, what: str) -> list[JsonObject]:
        """A list that is only needed to name what is not declared."""
        try:
            return self._list(product, path, field, what)
        except GoogleError as error:
            if error.status == DENIED:
                self._closed_lists.append(f"the {what} ({product}.{field}.list)")
            if error.status in (DENIED, NO_LOCATION):
                return []
            raise

    def _read(self, product: str, path: str, what: str) -> JsonObject | None:
        try:
            return self._api.call("GET", product, path, operation=f"read {what}", repeatable=True)
        except GoogleError as error:
            if error.status == ABSENT or error.reason == DISABLED:
                return None
            raise

    @cached_property
    def functions(self) -> dict[tuple[str, str], JsonObject]:
        """The functions of both generations, by region and id."""
        path = f"{self._project}/locations/-/functions"
        listed = self._list("cloudfunctions", path, "functions", "functions", unreachable=self.unreachable)
        return {(str(one["name"]).split("/")[3], _last(one)): one for one in listed}

    def indexes(self, database: str) -> dict[str, JsonObject]:
        """The composite indexes, by canonical key; one that this program does not know, by its name."""
        if database not in self._indexes:
            path = f"{self._project}/databases/{database}/collectionGroups/-/indexes"
            listed = self._list("firestore", path, "indexes", "Firestore indexes")
            self._indexes[database] = {key: one for one in listed for key in _index_keys(one)}
        return self._indexes[database]

    def fields(self, database: str) -> dict[str, JsonObject]:
        """The fields with settings of their own, by name."""
        if database not in self._fields:
            path = f"{self._project}/databases/{database}/collectionGroups/-/fields"
            params = {"filter": OVERRIDES}
            listed = self._list("firestore", path, "fields", "Firestore field overrides", params)
            self._fields[database] = {str(one["name"]): one for one in listed}
        return self._fields[database]

    def jobs(self, region: str, *, declared: bool = True) -> dict[str, JsonObject]:
        """The scheduler jobs of a region, by id.

        Args:
            region: the region.
            declared: whether the program declares a job there. Otherwise the list may be denied: it is empty
                then, and named in `unread`.
        """
        if region not in self._jobs:
            path = f"{self._project}/locations/{region}/jobs"
            read = self._list if declared else self._undeclared
            listed = read("cloudscheduler", path, "jobs", f"scheduler jobs of {region}")
            self._jobs[region] = {_last(one): one for one in listed}
        return self._jobs[region]

    def queues(self, region: str, *, declared: bool = True) -> dict[str, JsonObject]:
        """The task queues of a region, by id. `declared`: see `jobs`."""
        if region not in self._queues:
            path = f"{self._project}/locations/{region}/queues"
            read = self._list if declared else self._undeclared
            listed = read("cloudtasks", path, "queues", f"task queues of {region}")
            self._queues[region] = {_last(one): one for one in listed}
        return self._queues[region]

    @cached_property
    def schedule_topics(self) -> list[str]:
        """The Pub/Sub topics through which the Firebase CLI runs schedules of the 1st generation."""
        listed = self._undeclared("pubsub", f"{self._project}/topics", "topics", "Pub/Sub topics")
        return sorted(_last(one) for one in listed if _last(one).startswith("firebase-schedule-"))

    @cached_property
    def secrets(self) -> dict[str, JsonObject]:
        """The secrets, by id."""
        listed = self._list("secretmanager", f"{self._project}/secrets", "secrets", "secrets")
        return {_last(one): one for one in listed}

    @cached_property
    def accounts(self) -> dict[str, JsonObject]:
        """The service accounts, by e-mail."""
        listed = self._list("iam", f"{self._project}/serviceAccounts", "accounts", "service accounts")
        return {str(one["email"]): one for one in listed}

    @cached_property
    def apis(self) -> frozenset[str]:
        """The enabled APIs."""
        params = {"filter": "state:ENABLED", "pageSize": "200"}
        listed = self._list("serviceusage", f"{self._project}/services", "services", "enabled APIs", params)
        return frozenset(_last(one) for one in listed)

    def bucket(self, name: str) -> JsonObject | None:
        """A bucket; None if it does not exist."""
        return self._read("storage", f"b/{name}", f"the bucket {name}")

    def database(self, name: str) -> JsonObject | None:
        """A Firestore database; None if it does not exist."""
        return self._read("firestore", f"{self._project}/databases/{name}", f"the database {name}")

    def backup_schedules(self, database: str) -> list[JsonObject]:
        """The backup schedules of a database."""
        if database not in self._schedules:
            # The API has no pages here (Firestore Admin API, `backupSchedules.list`).
            path = f"{self._project}/databases/{database}/backupSchedules"
            found = self._read("firestore", path, f"the backup schedules of {database}") or {}
            self._schedules[database] = cast("list[JsonObject]", found.get("backupSchedules") or [])
        return self._schedules[database]

    def released_ruleset(self, release: str) -> str:
        """The ruleset of a rules release; "" if there is none."""
        try:
            found = get_release(self._api, self.project, release)
        except GoogleError as error:
            if error.reason == DISABLED:
                return ""
            raise
        return "" if found is None else str(found.get("rulesetName", ""))

    def ruleset(self, name: str) -> JsonObject:
        """A ruleset."""
        return google.ruleset(self._api, name)

    @cached_property
    def project_roles(self) -> dict[str, list[str]] | None:
        """The members of each role in the project; None if the policy may not be read."""
        return self._policy("cloudresourcemanager", self._project, "POST")

    def invokers(self, services: Iterable[str]) -> dict[str, dict[str, list[str]] | None]:
        """The members of each role on Cloud Run services, by the service's name."""
        return self._policies("run", services)

    def secret_roles(self, secrets: Iterable[str]) -> dict[str, dict[str, list[str]] | None]:
        """The members of each role on secrets, by the secret's name."""
        return self._policies("secretmanager", secrets)

    def queue_roles(self, queues: Iterable[str]) -> dict[str, dict[str, list[str]] | None]:
        """The members of each role on task queues, by the queue's name."""
        return self._policies("cloudtasks", queues, "POST")

    def _policies(
        self, product: str, names: Iterable[str], method: str = "GET"
    ) -> dict[str, dict[str, list[str]] | None]:
        wanted = sorted(set(names))
        with ThreadPoolExecutor(READERS_AT_ONCE) as pool:
            found = pool.map(lambda name: self._policy(product, name, method), wanted)
            return dict(zip(wanted, found, strict=True))

    def _policy(self, product: str, name: str, method: str = "GET") -> dict[str, list[str]] | None:
        """The members by role, without grants that have a condition."""
        by_post = method == "POST"
        version = {"options": {"requestedPolicyVersion": int(POLICY_VERSION)}} if by_post else None
        params = None if by_post else {"options.requestedPolicyVersion": POLICY_VERSION}
        path = f"{name}:getIamPolicy"
        operation = f"read who has access to {name}"
        try:
            policy = self._api.call(
                method, product, path, operation=operation, body=version, params=params, repeatable=True
            )
        except GoogleError as error:
            # The project has a policy also if the API that reads it is off.
            of_project = product == "cloudresourcemanager"
            if error.status == ABSENT or (error.reason == DISABLED and not of_project):
                return {}
            if error.status == DENIED:
                self._closed_policies.add(name.rpartition("/")[2])
                return None
            raise
        bindings = cast("list[JsonObject]", policy.get("bindings") or [])
        return {
            str(one["role"]): sorted(cast("list[str]", one.get("members") or []))
            for one in bindings
            if not one.get("condition")
        }

    def newest_values(self, secrets: Iterable[str]) -> dict[str, tuple[str, str] | None]:
        """The name and the value of the newest version of each secret.

        None for a secret whose newest version is absent, disabled or destroyed, is no UTF-8, or may not be
        read.

        Args:
            secrets: the ids.
        """
        wanted = sorted(set(secrets))
        with ThreadPoolExecutor(READERS_AT_ONCE) as pool:
            return dict(zip(wanted, pool.map(self._newest_value, wanted), strict=True))

    def _newest_value(self, secret: str) -> tuple[str, str] | None:
        path = f"{self._project}/secrets/{secret}/versions/latest:access"
        operation = f"read the newest version of {secret}"
        try:
            found = self._api.call("GET", "secretmanager", path, operation=operation, repeatable=True)
            # A response has no `data` if it is empty.
            data = cast("JsonObject", found.get("payload") or {}).get("data", "")
            return str(found["name"]), base64.b64decode(str(data)).decode()
        except UnicodeDecodeError:
            return None
        except GoogleError as error:
            if error.status == DENIED:
                self.closed_secrets.add(secret)
            if error.status in (400, DENIED, ABSENT):  # 400: the version is disabled or destroyed
                return None
            raise


def _index_keys(live: JsonObject) -> Sequence[str]:
    """The canonical key of a live index, in any state of its build."""
    entry: dict[str, Any] = {key: live[key] for key in INDEX_KEYS if key in live}
    entry["collectionGroup"] = str(live["name"]).split("/")[5]
    parsed, _ = parse(json.dumps({"indexes": [entry]}), "the live index")
    return [spec.key for spec in parsed.indexes] or [str(live["name"])]


def _some(names: Iterable[str]) -> str:
    shown = sorted(names)
    more = len(shown) - _SHOWN
    return ", ".join(shown[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _last(one: JsonObject) -> str:
    return str(one["name"]).rpartition("/")[2]
