"""A copy of what a Google project has, for a rehearsal on the sandbox. It only reads, and copies no data.

Objects are copied as Google lists them. Values that may be secret stay behind: the values of secrets are not
requested, and the variables of functions and the headers of jobs have a placeholder in place of the value.
What could not be read, and kinds that are not copied, are named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from firebase.errors import GoogleError, JsonObject
from firebase.index_builds import OVERRIDES
from ops.adopt.live import ABSENT, DENIED, DISABLED, POLICY_VERSION, READERS_AT_ONCE, CountedApi

PLACEHOLDER = "not-copied-by-the-rehearsal"
"""In place of every value that may be secret."""

NOT_COPIED = (
    "values of secrets: placeholders stand in, so the `up` adds a version also where yours is equal",
    "values of the functions' variables: placeholders stand in, so each is shown as changed",
    "Firestore's documents, and objects in buckets",
    "IAM policies of service accounts, buckets, topics and queues; keys of service accounts",
    "Eventarc triggers and Pub/Sub subscriptions",
)
"""What no rehearsal has of Google."""

_OWN_VARIABLES = frozenset(
    (
        *("FIREBASE_CONFIG", "GCLOUD_PROJECT", "GOOGLE_CLOUD_PROJECT"),
        *("FUNCTION_TARGET", "FUNCTION_SIGNATURE_TYPE", "FUNCTION_REGION"),
        *("GOOGLE_NODE_RUN_SCRIPTS", "GOOGLE_FUNCTION_TARGET", "GOOGLE_FUNCTION_SIGNATURE_TYPE"),
        *("EVENTARC_CLOUD_EVENT_SOURCE", "LOG_EXECUTION_ID"),
    )
)
"""Variables that Google and the Firebase CLI set: their values are no secrets. Those of an app may have names
that begin alike, such as GOOGLE_MAPS_KEY."""

RELEASES = ("cloud.firestore", "firebase.storage")
GENERATION_2 = "GEN_2"


def read(
    api: CountedApi, project: str, database: str, regions: Iterable[str]
) -> tuple[JsonObject, list[str]]:
    """Copy a project.

    Args:
        api: the client.
        project: the project's id.
        database: the name of the Firestore database.
        regions: those of the settings; the regions of functions are read as well.

    Returns:
        The copy: `project`, `apis`, `objects` and `policies` (each with its product), and `buckets`; and what
        could not be read, one line each.

    Raises:
        GoogleError: the project could not be read.
    """
    return _Copying(api, project, database).read(regions)


class _Copying:
    def __init__(self, api: CountedApi, project: str, database: str) -> None:
        self._api = api
        self._id = project
        self._project = f"projects/{project}"
        self._database = f"{self._project}/databases/{database}"
        self._objects: list[JsonObject] = []
        self._policies: list[JsonObject] = []
        self._denied: list[str] = []

    def read(self, regions: Iterable[str]) -> tuple[JsonObject, list[str]]:
        project = self._api.call(
            "GET", "cloudresourcemanager", self._project, operation=f"read {self._project}", repeatable=True
        )
        enabled = {"filter": "state:ENABLED", "pageSize": "200"}
        apis = self._list("serviceusage", f"{self._project}/services", "services", "enabled APIs", enabled)
        functions = self._functions()
        places = {*regions, *(str(one["name"]).split("/")[3] for one in functions)} - {""}
        services: list[JsonObject] = []
        for region in sorted(places):
            at = f"{self._project}/locations/{region}"
            services += self._list("run", f"{at}/services", "services", f"Cloud Run services of {region}")
            self._keep("cloudscheduler", map(_without_headers, self._jobs(at, region)))
            queues = self._list("cloudtasks", f"{at}/queues", "queues", f"task queues of {region}")
            self._keep("cloudtasks", queues)
        self._keep("run", map(_without_values_of_service, services))
        self._policy_of("run", _services_of(functions))
        self._keep("pubsub", self._list("pubsub", f"{self._project}/topics", "topics", "Pub/Sub topics"))
        accounts = f"{self._project}/serviceAccounts"
        self._keep("iam", self._list("iam", accounts, "accounts", "service accounts"))
        self._firestore()
        self._rules()
        self._secrets()
        self._policy_of("cloudresourcemanager", [self._project])
        copy: JsonObject = {
            "project": project,
            "apis": sorted(str(one["name"]).rpartition("/")[2] for one in apis),
            "objects": self._objects,
            "policies": self._policies,
            "buckets": self._buckets(),
        }
        return copy, self._denied

    def _functions(self) -> list[JsonObject]:
        """The functions of both generations."""
        path = f"{self._project}/locations/-/functions"
        found = self._list("cloudfunctions", path, "functions", "functions")
        self._keep("cloudfunctions", map(_without_values, found))
        return found

    def _jobs(self, at: str, region: str) -> list[JsonObject]:
        return self._list("cloudscheduler", f"{at}/jobs", "jobs", f"scheduler jobs of {region}")

    def _firestore(self) -> None:
        database = self._read("firestore", self._database, "the Firestore database")
        if database is None:
            return
        self._keep("firestore", [database])
        groups = f"{self._database}/collectionGroups/-"
        self._keep("firestore", self._list("firestore", f"{groups}/indexes", "indexes", "Firestore indexes"))
        overrides = self._list(
            "firestore", f"{groups}/fields", "fields", "Firestore field overrides", {"filter": OVERRIDES}
        )
        self._keep("firestore", overrides)
        # The API has no pages here (Firestore Admin API, `backupSchedules.list`).
        path = f"{self._database}/backupSchedules"
        schedules = self._read("firestore", path, "Firestore backup schedules") or {}
        self._keep("firestore", cast("list[JsonObject]", schedules.get("backupSchedules") or []))

    def _rules(self) -> None:
        """The releases of the rules of Firestore and Cloud Storage, and the rulesets that they name."""
        releases = [
            one
            for one in self._list(
                "firebaserules", f"{self._project}/releases", "releases", "releases of rules"
            )
            if str(one["name"]).partition("/releases/")[2].partition("/")[0] in RELEASES
        ]
        self._keep("firebaserules", releases)
        for name in sorted({str(one["rulesetName"]) for one in releases}):
            ruleset = self._read("firebaserules", name, f"the ruleset {name.rpartition('/')[2]}")
            self._keep("firebaserules", [] if ruleset is None else [ruleset])

    def _secrets(self) -> None:
        """The secrets, their versions without values, and who may read them."""
        secrets = self._list("secretmanager", f"{self._project}/secrets", "secrets", "secrets")
        self._keep("secretmanager", secrets)
        names = [f"{self._project}/secrets/{str(one['name']).rpartition('/')[2]}" for one in secrets]

        def versions(name: str) -> list[JsonObject]:
            what = f"versions of the secret {name.rpartition('/')[2]}"
            return self._list("secretmanager", f"{name}/versions", "versions", what)

        with ThreadPoolExecutor(READERS_AT_ONCE) as pool:
            for found in pool.map(versions, names):
                self._keep("secretmanager", found)
        self._policy_of("secretmanager", names)

    def _buckets(self) -> list[JsonObject]:
        found: list[JsonObject] = []
        query = {"project": self._id, "maxResults": "500"}
        while True:
            page = self._read("storage", "b", "buckets", query) or {}
            found += cast("list[JsonObject]", page.get("items") or [])
            if not page.get("nextPageToken"):
                return found
            query = {**query, "pageToken": str(page["nextPageToken"])}

    def _policy_of(self, product: str, names: Iterable[str]) -> None:
        with ThreadPoolExecutor(READERS_AT_ONCE) as pool:
            for name, policy in zip(
                found := sorted(set(names)),
                pool.map(lambda name: self._policy(product, name), found),
                strict=True,
            ):
                if policy is not None:
                    self._policies.append({"product": product, "resource": name, "policy": policy})

    def _policy(self, product: str, name: str) -> JsonObject | None:
        by_post = product == "cloudresourcemanager"  # Google has no GET for it
        version = {"options": {"requestedPolicyVersion": int(POLICY_VERSION)}} if by_post else None
        params = None if by_post else {"options.requestedPolicyVersion": POLICY_VERSION}
        path = f"{name}:getIamPolicy"
        return self._asked(
            "POST" if by_post else "GET", product, path, f"IAM policy of {name}", params, version
        )

    def _list(
        self, product: str, path: str, field: str, what: str, params: Mapping[str, str] | None = None
    ) -> list[JsonObject]:
        try:
            return list(self._api.listed(product, path, field, f"list the {what}", params))
        except GoogleError as error:
            self._absent(error, what)
            return []

    def _read(
        self, product: str, path: str, what: str, params: Mapping[str, str] | None = None
    ) -> JsonObject | None:
        return self._asked("GET", product, path, what, params, None)

    def _asked(
        self,
        method: str,
        product: str,
        path: str,
        what: str,
        params: Mapping[str, str] | None,
        body: JsonObject | None,
    ) -> JsonObject | None:
        try:
            return self._api.call(
                method,
                product,
                path,
                operation=f"read the {what.removeprefix('the ')}",
                body=body,
                params=params,
                repeatable=True,
            )
        except GoogleError as error:
            self._absent(error, what)
            return None

    def _absent(self, error: GoogleError, what: str) -> None:
        """What does not exist, or is behind an API that is off, is no loss; what may not be read is named.

        Raises:
            GoogleError: anything else.
        """
        if error.status == ABSENT or error.reason == DISABLED:
            return
        if error.status != DENIED:
            raise error
        self._denied.append(f"{what} (no right to read)")

    def _keep(self, product: str, objects: Iterable[JsonObject]) -> None:
        self._objects += [{"product": product, "object": one} for one in objects]


def _services_of(functions: Sequence[JsonObject]) -> list[str]:
    """The Cloud Run services of functions of the 2nd generation."""
    found = (
        str((one.get("serviceConfig") or {}).get("service") or "")
        for one in functions
        if one.get("environment") == GENERATION_2
    )
    return [name for name in found if name]


def _without_values(function: JsonObject) -> JsonObject:
    """A function without the values of its variables."""
    copy = dict(function)
    for part in ("serviceConfig", "buildConfig"):
        block = cast("JsonObject", copy.get(part) or {})
        variables = cast("JsonObject", block.get("environmentVariables") or {})
        if variables:
            kept = {name: _value(name, value) for name, value in variables.items()}
            copy[part] = {**block, "environmentVariables": kept}
    return copy


def _without_values_of_service(service: JsonObject) -> JsonObject:
    """A Cloud Run service without the values of its variables, its commands and their arguments."""
    template = cast("JsonObject", service.get("template") or {})
    containers: list[JsonObject] = []
    for container in cast("list[JsonObject]", template.get("containers") or []):
        kept = {name: value for name, value in container.items() if name not in ("args", "command")}
        variables = cast("list[JsonObject]", container.get("env") or [])
        kept["env"] = [
            {**one, "value": _value(str(one.get("name")), one["value"])} if "value" in one else one
            for one in variables
        ]
        containers.append(kept)
    return {**service, "template": {**template, "containers": containers}} if containers else service


def _value(name: str, value: Any) -> Any:
    return value if name in _OWN_VARIABLES else PLACEHOLDER


def _without_headers(job: JsonObject) -> JsonObject:
    """A scheduler job without the body and the values of the headers that it sends."""
    copy = dict(job)
    for target in ("httpTarget", "appEngineHttpTarget", "pubsubTarget"):
        block = cast("JsonObject", copy.get(target) or {})
        if block:
            kept = {
                name: value for name, value in block.items() if name not in ("body", "data", "attributes")
            }
            if "headers" in kept:
                kept["headers"] = dict.fromkeys(cast("JsonObject", kept["headers"]), PLACEHOLDER)
            copy[target] = kept
    return copy
