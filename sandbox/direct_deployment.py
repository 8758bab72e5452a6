"""A generated app on the Google sandbox as firebase-tools leaves it, made by direct requests.

This takes seconds where firebase-tools takes minutes, and needs no installation. The objects are those of the
recorded deployment (`tests/e2e/recorded_firebase_deployment.json`): functions as the default compute account,
its roles, invokers, scheduler jobs, indexes, field overrides and a released ruleset.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from sandbox import firebase_tools, generated_app
from sandbox.environment import GOOGLE_PROJECT, GOOGLE_TOKEN
from sandbox.manual_edits import SECONDS

BASE = f"projects/{GOOGLE_PROJECT}"
REGION = "europe-west1"
DATABASE_LOCATION = "nam5"
_AT_ONCE = 4


class Project:
    """The Google project on a running sandbox.

    Args:
        url: the base URL of the Google server.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        number = self.call("GET", f"crm/v1/{BASE}")["projectNumber"]
        self._account = f"serviceAccount:{number}-compute@developer.gserviceaccount.com"

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call an API of Google.

        Raises:
            requests.HTTPError: it returned an error.
        """
        headers = {"Authorization": f"Bearer {GOOGLE_TOKEN}"}
        response = requests.request(
            method, f"{self._url}/{path}", json=body, headers=headers, timeout=SECONDS
        )
        response.raise_for_status()
        return response.json()

    def deploy(self, app: generated_app.App) -> None:
        """Make what firebase-tools makes for an app.

        Raises:
            requests.HTTPError: a request failed.
        """
        firebase_tools.prepare_project(self._url, generated_app.SECRETS)
        self._grant()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda one: self.create_function(*one), app.functions.items()))
        document = json.loads((app.folder / "firestore.indexes.json").read_text())
        groups = f"firestore/v1/{BASE}/databases/(default)/collectionGroups"
        for index in document["indexes"]:
            body = {key: value for key, value in index.items() if key != "collectionGroup"}
            self.call("POST", f"{groups}/{index['collectionGroup']}/indexes", body)
        for override in document["fieldOverrides"]:
            field = f"{groups}/{override['collectionGroup']}/fields/{override['fieldPath']}"
            indexes = [
                {
                    "queryScope": one["queryScope"],
                    "fields": [{"fieldPath": override["fieldPath"], **_mode(one)}],
                }
                for one in override["indexes"]
            ]
            body = {"indexConfig": {"indexes": indexes}, **({"ttlConfig": {}} if override.get("ttl") else {})}
            self.call("PATCH", f"{field}?updateMask={','.join(body)}", body)
        self.release_rules((app.folder / "firestore.rules").read_text())

    def indexes(self) -> list[dict[str, Any]]:
        """All composite indexes."""
        path = f"firestore/v1/{BASE}/databases/(default)/collectionGroups/-/indexes"
        return self.call("GET", path)["indexes"]

    def set_invokers(self, name: str, members: list[str]) -> None:
        """Say who may call a function."""
        bindings = [{"role": "roles/run.invoker", "members": members}] if members else []
        service = f"{BASE}/locations/{REGION}/services/{name.lower()}"
        self.call("POST", f"run/v2/{service}:setIamPolicy", {"policy": {"bindings": bindings}})

    def release_rules(self, text: str) -> None:
        """Publish rules."""
        files = {"files": [{"name": "firestore.rules", "content": text}]}
        ruleset = self.call("POST", f"firebaserules/v1/{BASE}/rulesets", {"source": files})["name"]
        release = {"name": f"{BASE}/releases/cloud.firestore", "rulesetName": ruleset}
        released = self.call("GET", f"firebaserules/v1/{BASE}/releases").get("releases")
        if released:
            self.call("PATCH", f"firebaserules/v1/{release['name']}", {"release": release})
        else:
            self.call("POST", f"firebaserules/v1/{BASE}/releases", release)

    def _grant(self) -> None:
        account = {"accountId": generated_app.CALLER, "serviceAccount": {}}
        self.call("POST", f"iam/v1/{BASE}/serviceAccounts", account)
        policy = self.call("POST", f"crm/v1/{BASE}:getIamPolicy", {})
        policy["bindings"] += [
            {"role": role, "members": [self._account]}
            for role in ("roles/run.invoker", "roles/eventarc.eventReceiver")
        ]
        self.call("POST", f"crm/v1/{BASE}:setIamPolicy", {"policy": policy})
        reader = {"role": "roles/secretmanager.secretAccessor", "members": [self._account]}
        for secret in generated_app.SECRETS:
            path = f"secretmanager/v1/{BASE}/secrets/{secret}:setIamPolicy"
            self.call("POST", path, {"policy": {"bindings": [reader]}})

    def _upload(self) -> dict[str, str]:
        """Upload an archive; its place."""
        path = f"cloudfunctions/v2/{BASE}/locations/{REGION}/functions:generateUploadUrl"
        target = self.call("POST", path, {})
        requests.put(target["uploadUrl"], data=b"archive", timeout=SECONDS).raise_for_status()
        return target["storageSource"]

    def create_function(self, name: str, kind: generated_app.Kind) -> None:
        """Deploy a function; its id ends with the number of the collection of which it gets events."""
        account, functions = self._account.partition(":")[2], f"{BASE}/locations/{REGION}/functions"
        labels = {"deployment-tool": "cli-firebase", **dict.fromkeys(kind.labels, "true")}
        body: dict[str, Any] = {
            "name": f"{functions}/{name}",
            "labels": labels,
            "buildConfig": {
                "runtime": "nodejs22",
                "entryPoint": name,
                "source": {"storageSource": self._upload()},
                "environmentVariables": {"GOOGLE_NODE_RUN_SCRIPTS": ""},
            },
            "serviceConfig": {
                "maxInstanceCount": 3,
                "maxInstanceRequestConcurrency": 80,
                "availableMemory": "256Mi",
                "availableCpu": "1",
                "environmentVariables": {"GCLOUD_PROJECT": GOOGLE_PROJECT, "FUNCTION_TARGET": name},
                "secretEnvironmentVariables": [
                    {"key": secret, "secret": secret, "projectId": GOOGLE_PROJECT, "version": "1"}
                    for secret in kind.secrets
                ],
            },
        }
        if kind.event:
            filters = {"database": "(default)", "namespace": "(default)"}
            document = {
                "attribute": "document",
                "value": f"c{name[1:]}/{{id}}",
                "operator": "match-path-pattern",
            }
            body["eventTrigger"] = {
                "eventType": kind.event,
                "triggerRegion": DATABASE_LOCATION,
                "serviceAccountEmail": account,
                "eventFilters": [
                    *({"attribute": key, "value": value} for key, value in filters.items()),
                    document,
                ],
            }
        self.call("POST", f"cloudfunctions/v2/{functions}?functionId={name}", body)
        self.set_invokers(name, [self._account] if kind.invokers is None else [*kind.invokers])
        if kind.schedule:
            self._schedule(name, kind.schedule, account)

    def _schedule(self, name: str, schedule: str, account: str) -> None:
        jobs = f"{BASE}/locations/{REGION}/jobs"
        job = {
            "name": f"{jobs}/firebase-schedule-{name}-{REGION}",
            "schedule": schedule,
            "timeZone": "America/Los_Angeles",
            "httpTarget": {
                "uri": f"https://{REGION}-{GOOGLE_PROJECT}.cloudfunctions.net/{name}",
                "httpMethod": "POST",
                "oidcToken": {"serviceAccountEmail": account},
            },
        }
        self.call("POST", f"cloudscheduler/v1/{jobs}", job)


def _mode(index: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in index.items() if key != "queryScope"}
