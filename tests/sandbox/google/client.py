"""A thin client for the tests: one method per call; responses are validated with Google's documents."""

from __future__ import annotations

import base64
import json
from typing import Any

import requests

from tests.sandbox.google.response_schemas import schema_errors

PROJECT = "crm-sandbox"
NUMBER = "100000000001"
REGION = "us-central1"
BUCKET = f"{PROJECT}-crm-functions"
BACKEND = f"crm-backend@{PROJECT}.iam.gserviceaccount.com"
RUNTIME = f"crm-fn@{PROJECT}.iam.gserviceaccount.com"
FUNCTIONS = f"/cloudfunctions/v2beta/projects/{PROJECT}/locations/{REGION}/functions"
SERVICES = f"/run/v2/projects/{PROJECT}/locations/{REGION}/services"
DATABASE = f"/firestore/v1/projects/{PROJECT}/databases/(default)"
SECRETS = f"/secretmanager/v1/projects/{PROJECT}/secrets"
ACCOUNTS = f"/iam/v1/projects/{PROJECT}/serviceAccounts"
RULES = f"/firebaserules/v1/projects/{PROJECT}"
PRODUCTS = (
    "artifactregistry",
    "cloudbuild",
    "cloudfunctions",
    "cloudscheduler",
    "cloudtasks",
    "eventarc",
    "firebaserules",
    "firestore",
    "pubsub",
    "run",
    "secretmanager",
    "storage",
)
NEVER_DELETE = """rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    match /clients/{client} {
      allow read, create, update: if request.auth != null;
      allow delete: if false;
    }
  }
}
"""

Json = dict[str, Any]


class Google:
    """The sandbox, over HTTP.

    Args:
        url: the server's base URL.
        validated: whether successful responses are validated with their schemas.
    """

    def __init__(self, url: str, *, validated: bool = True) -> None:
        self.url = url
        self.validated = validated
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["Authorization"] = "Bearer sandbox"

    def send(self, http: str, path: str, body: Any = None, **rest: Any) -> requests.Response:
        """Send a request; return the response, whatever its status."""
        return self.http.request(http, self.url + path, json=body, timeout=30, **rest)

    def call(self, http: str, path: str, body: Any = None, *, status: int = 200, **rest: Any) -> Json:
        """Send a request that must return this status; return its JSON ({} for an empty response)."""
        answer = self.send(http, path, body, **rest)
        assert answer.status_code == status, f"{http} {path}: {answer.status_code} {answer.text}"
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        shown: Json = answer.json() if answer.content and is_json else {}
        if status == 204:
            assert answer.content == b""
        elif status == 200 and self.validated and not path.startswith("/admin/"):
            assert schema_errors(http, path, shown) == []
        return shown

    def error(self, http: str, path: str, body: Any = None, *, status: int, word: str, **rest: Any) -> Json:
        """Send a request that must fail with this status and google.rpc.Code; return the error."""
        error = self.call(http, path, body, status=status, **rest)["error"]
        assert error["code"] == status
        assert error["status"] == word
        return error

    def get(self, path: str, **rest: Any) -> Json:
        """Send a GET that must succeed."""
        return self.call("GET", path, **rest)

    def post(self, path: str, body: Any = None, **rest: Any) -> Json:
        """Send a POST that must succeed."""
        return self.call("POST", path, body, **rest)

    def patch(self, path: str, body: Any = None, **rest: Any) -> Json:
        """Send a PATCH that must succeed."""
        return self.call("PATCH", path, body, **rest)

    def delete(self, path: str, **rest: Any) -> Json:
        """Send a DELETE that must succeed."""
        return self.call("DELETE", path, **rest)

    def switch(self, **body: Any) -> None:
        """Set switches."""
        self.post("/admin/switches", body)

    def enable(self, *products: str) -> None:
        """Enable APIs."""
        for product in products or PRODUCTS:
            self.post(f"/serviceusage/v1/projects/{PROJECT}/services/{product}.googleapis.com:enable")

    def account(self, account_id: str) -> Json:
        """Create a service account."""
        return self.post(ACCOUNTS, {"accountId": account_id, "serviceAccount": {"displayName": account_id}})

    def secret(self, name: str, value: str, *, reader: str | None = RUNTIME) -> Json:
        """Create a secret with one version that `reader` may access; return the version."""
        self.post(f"{SECRETS}?secretId={name}", {"replication": {"automatic": {}}})
        if reader:
            binding = {"role": "roles/secretmanager.secretAccessor", "members": [f"serviceAccount:{reader}"]}
            self.post(f"{SECRETS}/{name}:setIamPolicy", {"policy": {"bindings": [binding]}})
        data = base64.b64encode(value.encode()).decode()
        return self.post(f"{SECRETS}/{name}:addVersion", {"payload": {"data": data}})

    def upload(self, name: str, data: bytes = b"PK", **metadata: Any) -> Json:
        """A multipart upload into the functions' bucket."""
        parts = (
            b"--edge\r\nContent-Type: application/json\r\n\r\n"
            + json.dumps({"bucket": BUCKET, **metadata}).encode()
            + b"\r\n--edge\r\nContent-Type: application/zip\r\n\r\n"
            + data
            + b"\r\n--edge--\r\n"
        )
        path = f"/upload/storage/v1/b/{BUCKET}/o?name={name}&uploadType=multipart"
        headers = {"Content-Type": "multipart/related; boundary=edge"}
        return self.call("POST", path, data=parts, headers=headers)

    def bucket(self) -> Json:
        """Create the functions' bucket."""
        return self.post(f"/storage/v1/b?project={PROJECT}", {"name": BUCKET, "location": "US-CENTRAL1"})

    def ready_for_functions(self) -> None:
        """Create everything that a function needs: APIs, accounts, the source object."""
        self.enable()
        self.account("crm-fn")
        self.bucket()
        self.upload("src-1.zip")

    def deploy(self, key: str, *, status: int = 200, **config: Any) -> Json:
        """Create an https function; return the operation (or the error)."""
        return self.post(f"{FUNCTIONS}?functionId={key}", function(key, **config), status=status)


def function(key: str, source: str = "src-1.zip", event: Json | None = None, **config: Any) -> Json:
    """A function's body."""
    body: Json = {
        "buildConfig": {
            "entryPoint": key,
            "runtime": "nodejs22",
            "source": {"storageSource": {"bucket": BUCKET, "object": source}},
        },
        "serviceConfig": {"availableMemory": "256Mi", "serviceAccountEmail": RUNTIME, **config},
    }
    return {**body, "eventTrigger": event} if event else body


def firestore_event(region: str = "nam5", **rest: Any) -> Json:
    """A trigger on `evenimente/{eventId}`."""
    return {
        "eventFilters": [
            {"attribute": "database", "value": "(default)"},
            {"attribute": "document", "operator": "match-path-pattern", "value": "evenimente/{eventId}"},
        ],
        "eventType": "google.cloud.firestore.document.v1.written",
        "triggerRegion": region,
        **rest,
    }


def index(*fields: tuple[str, str], scope: str = "COLLECTION") -> Json:
    """A composite index's body; fields are (path, ASCENDING | DESCENDING | CONTAINS)."""
    return {
        "queryScope": scope,
        "fields": [
            {"fieldPath": path, **({"arrayConfig": mode} if mode == "CONTAINS" else {"order": mode})}
            for path, mode in fields
        ],
    }
