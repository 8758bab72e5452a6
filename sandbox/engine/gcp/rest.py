"""Requests to Google's REST APIs: endpoints, token, retries, long-running operations.

An API without its `GOOGLE_<PRODUCT>_CUSTOM_ENDPOINT` is an error: a stand-in never calls the real API.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from urllib.parse import quote

from sandbox.engine.gcp.errors import GcpError

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

Json: TypeAlias = dict[str, Any]

# product: the middle part of its variable, as in the Terraform provider (it follows no rule).
PRODUCTS = {
    "firestore": "FIRESTORE",
    "firebaserules": "FIREBASERULES",
    "cloudfunctions": "CLOUDFUNCTIONS2",
    "run": "CLOUD_RUN_V2",
    "secretmanager": "SECRET_MANAGER",
    "iam": "IAM_BETA",
    "cloudresourcemanager": "RESOURCE_MANAGER",
    "serviceusage": "SERVICE_USAGE",
    "storage": "STORAGE",
    "cloudscheduler": "CLOUD_SCHEDULER",
    "pubsub": "PUBSUB",
    "cloudtasks": "CLOUD_TASKS",
}

# The real plugin uses Google's client library for these products, which sends one parameter more.
_BY_CLIENT_LIBRARY = {"cloudresourcemanager", "iam", "serviceusage", "storage"}

READ_SECONDS_VARIABLE = "SANDBOX_GCP_READ_SECONDS"
_RETRYABLE = {429, 500, 502, 503}
_RETRY_SECONDS = 90.0  # as long as the Terraform provider's transport retries
_FIRST_WAIT, _GREATEST_WAIT = 0.25, 10.0
_CONTENDED = ("underlying data changed", "cross-transaction contention", "Please retry")


class ApiError(GcpError):
    """An API responded with an error.

    Args:
        status: the HTTP status; 0 without a response.
        message: the API's message.
        reason: the API's status name, such as ALREADY_EXISTS.
    """

    def __init__(self, status: int, message: str, reason: str = "") -> None:
        super().__init__(f"googleapi: Error {status}: {message}{f', {reason}' if reason else ''}")
        self.status = status
        self.message = message
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file with its metadata, sent as `multipart/related`."""

    metadata: Json
    content: bytes
    content_type: str


@dataclass(frozen=True, kw_only=True)
class Access:
    """Endpoints and credentials of the APIs."""

    endpoints: Mapping[str, str]  # product: base URL with its version and a final slash
    token: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Rest:
    """The APIs, usable from any thread.

    Args:
        access: endpoints and token.
        sleep: replaces time.sleep in tests.
    """

    def __init__(self, access: Access, sleep: Callable[[float], None] = time.sleep) -> None:
        self._access = access
        self._sleep = sleep
        self._local = threading.local()

    def get(
        self, product: str, path: str, query: Mapping[str, str] | None = None, *, generated: bool = False
    ) -> Json:
        """Return the response to a GET."""
        return self.send("GET", product, path, query=query, generated=generated)

    def send(
        self,
        method: str,
        product: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json | Upload | None = None,
        generated: bool = False,
    ) -> Json:
        """Send a request, with retries if the error is temporary; return the response's object.

        Args:
            method: the HTTP method.
            product: a key of `PRODUCTS`.
            path: after the endpoint, with names filled in; parentheses and colons are not encoded.
            query: query parameters.
            body: a JSON object or a file.
            generated: the real plugin sends this one without Google's client library.

        Raises:
            ApiError: the API rejected the request, or kept failing for 90 seconds.
            GcpError: there is no endpoint for the product, or no token.
        """
        url = self._url(product, path, upload=isinstance(body, Upload))
        parameters = {"alt": "json", **(query or {})}
        if product in _BY_CLIENT_LIBRARY and not generated:
            parameters["prettyPrint"] = "false"
        deadline = time.monotonic() + _RETRY_SECONDS
        wait = _FIRST_WAIT
        while True:
            status, text, after = self._once(method, url, dict(sorted(parameters.items())), body)
            if 200 <= status < 300:
                return cast("Json", json.loads(text)) if text.strip() else {}
            error = _api_error(status, text)
            retryable = status in _RETRYABLE or status == 0 or (status == 409 and _is_contention(error))
            if not retryable or time.monotonic() + wait > deadline:
                raise error
            self._sleep(max(wait, after))
            wait = min(wait * 2, _GREATEST_WAIT)

    def wait(self, product: str, operation: Json, seconds: float, on_progress: Callable[[str], None]) -> Json:
        """Wait for a long-running operation; return its response.

        Args:
            product: the API that started it.
            operation: the API's response.
            seconds: the time-out.
            on_progress: called from time to time with a progress message.

        Raises:
            ApiError: the operation ended with an error.
            GcpError: time-out.
        """
        if "name" not in operation:
            return operation  # some deletions return an empty response at once
        deadline = time.monotonic() + seconds
        wait, rounds = _FIRST_WAIT, 0
        while not operation.get("done"):
            if time.monotonic() + wait > deadline:
                message = f"timeout while waiting for {operation.get('name')} after {seconds:.0f} seconds"
                raise GcpError(message)
            self._sleep(wait)
            wait = min(wait * 1.5, _GREATEST_WAIT)
            operation = self.get(product, str(operation["name"]))
            rounds += 1
            if rounds % 4 == 0:
                on_progress(_progress(operation))
        if "error" in operation:
            error = cast("Json", operation["error"])
            raise ApiError(int(error.get("code", 0)), str(error.get("message", "")), _details(error))
        return cast("Json", operation.get("response") or {})

    def _once(
        self, method: str, url: str, query: Mapping[str, str], body: Json | Upload | None
    ) -> tuple[int, str, float]:
        """Return status (0: no response), text, and the seconds that the server asks to wait."""
        import requests

        headers = {"Authorization": f"Bearer {self._access.token}", **self._access.headers}
        data: bytes | None = None
        if isinstance(body, Upload):
            data, headers["Content-Type"] = _multipart(body)
        elif body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        try:
            response = self._session().request(
                method, url, params=query, data=data, headers=headers, timeout=(10, _read_seconds())
            )
        except (requests.ConnectionError, requests.Timeout) as error:
            return 0, f"{method} {url}: {type(error).__name__}", 0.0
        after = response.headers.get("Retry-After", "0")
        return response.status_code, response.text, float(after) if after.isdecimal() else 0.0

    def _session(self) -> requests.Session:
        import requests

        session = cast("requests.Session | None", getattr(self._local, "session", None))
        if session is None:
            session = requests.Session()
            session.trust_env = False  # the sandbox's traffic must not go through a proxy
            self._local.session = session
        return session

    def _url(self, product: str, path: str, *, upload: bool) -> str:
        variable = f"GOOGLE_{PRODUCTS[product]}_CUSTOM_ENDPOINT"
        base = self._access.endpoints.get(product)
        if not base:
            message = (
                f"{variable} is not set, and the sandbox's gcp plugin never calls the real {product} API.\n"
                'fix: eval "$(.venv/bin/python -m sandbox env)"'
            )
            raise GcpError(message)
        if not self._access.token:
            message = "there is no access token. fix: set GOOGLE_OAUTH_ACCESS_TOKEN, or gcp:accessToken"
            raise GcpError(message)
        if upload:  # uploads go to the host's root
            base = base[: base.index("/", base.index("://") + 3)] + "/upload/storage/v1/"
        return base + quote(path, safe="/:()@~!$&'*+,;=%")


def _read_seconds() -> float:
    """Return how long a response may take. The real plugin's setting is `requestTimeout` of the provider."""
    return float(os.environ.get(READ_SECONDS_VARIABLE, "300"))


def _multipart(upload: Upload) -> tuple[bytes, str]:
    edge = "===============stand-in-boundary=="
    head = (
        f"--{edge}\r\nContent-Type: application/json\r\n\r\n{json.dumps(upload.metadata)}\r\n"
        f"--{edge}\r\nContent-Type: {upload.content_type}\r\n\r\n"
    )
    return (
        head.encode() + upload.content + f"\r\n--{edge}--\r\n".encode(),
        f'multipart/related; boundary="{edge}"',
    )


def _api_error(status: int, text: str) -> ApiError:
    try:
        data = json.loads(text)
    except ValueError:
        return ApiError(status, text.strip()[:500] or "no answer")
    error = cast("Any", data).get("error") if isinstance(data, dict) else None
    if not isinstance(error, dict):
        return ApiError(status, text.strip()[:500])
    fields = cast("Json", error)
    return ApiError(status, str(fields.get("message", "")), str(fields.get("status", "")) or _details(fields))


def _details(error: Json) -> str:
    details = error.get("details")
    return f"details: {json.dumps(details)}" if details else ""


def _is_contention(error: ApiError) -> bool:
    return error.reason == "ABORTED" or any(words in error.message for words in _CONTENDED)


def _progress(operation: Json) -> str:
    metadata = cast("Json", operation.get("metadata") or {})
    progress = cast("Json", metadata.get("progressDocuments") or {})
    if progress.get("estimatedWork"):
        completed, estimated = progress.get("completedWork", 0), progress["estimatedWork"]
        return f"{metadata.get('state', 'working')}: {completed} of {estimated}"
    return f"still waiting: {metadata.get('state') or metadata.get('verb') or 'working'}"
