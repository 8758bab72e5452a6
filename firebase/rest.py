"""A client for the Google REST calls that no Pulumi resource makes.

It uses the endpoints and credentials of pulumi-gcp: the variables `GOOGLE_<PRODUCT>_CUSTOM_ENDPOINT`,
`GOOGLE_OAUTH_ACCESS_TOKEN` and `GOOGLE_CREDENTIALS`, else the application default credentials. So rules are
compiled and released on the same server.

Refuses to send a token over plain http, except to this machine. Error messages never contain headers or a
request body.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from firebase.errors import GoogleError, JsonObject

if TYPE_CHECKING:
    from firebase.transport import Transport

LOOPBACK = ("127.0.0.1", "localhost", "::1")


PRODUCTS: Mapping[str, tuple[str, str]] = {
    "cloudfunctions": ("CLOUDFUNCTIONS2", "v2"),
    "cloudresourcemanager": ("RESOURCE_MANAGER", "v1"),
    "cloudscheduler": ("CLOUD_SCHEDULER", "v1"),
    "cloudtasks": ("CLOUD_TASKS", "v2"),
    "firebaserules": ("FIREBASERULES", "v1"),
    "firebasestorage": ("FIREBASE_STORAGE", "v1beta"),
    "firestore": ("FIRESTORE", "v1"),
    "iam": ("IAM_BETA", "v1"),
    "identitytoolkit": ("IDENTITY_PLATFORM", "v2"),
    "logging": ("LOGGING", "v2"),
    "pubsub": ("PUBSUB", "v1"),
    "run": ("CLOUD_RUN_V2", "v2"),
    "secretmanager": ("SECRET_MANAGER", "v1"),
    "serviceusage": ("SERVICE_USAGE", "v1"),
    "storage": ("STORAGE", "storage/v1"),
}
"""Each Google product with its name in pulumi-gcp's variables, and the version of its API."""


class GoogleApi:
    """Calls with the credentials of this process.

    Args:
        environ: the environment variables to read; those of the process if None.

    Example:
        GoogleApi().call("GET", "firebaserules", "projects/p/releases/cloud.firestore",
                         operation="read the release", repeatable=True)
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self._lock = threading.Lock()
        self._transport: Transport | None = None

    def base(self, product: str) -> str:
        """The address of a product, ending in its version and a slash.

        Raises:
            GoogleError: the configured address is neither https nor on this machine.
        """
        name, version = PRODUCTS[product]
        variable = f"GOOGLE_{name}_CUSTOM_ENDPOINT"
        address = self._environ.get(variable) or f"https://{product}.googleapis.com/{version}/"
        if wrong := _wrong_address(address):
            raise GoogleError(f"{variable} {wrong}", f"unset {variable}")
        return address if address.endswith("/") else address + "/"

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
        """Send one request; temporary failures are retried if `repeatable`.

        Args:
            method: the HTTP method.
            product: a key of PRODUCTS.
            path: the path after the version, without a leading slash.
            operation: what the call does, for messages: "read the rules release cloud.firestore".
            body: the JSON body.
            params: the query parameters.
            repeatable: whether sending the request twice has the same result as sending it once.

        Raises:
            GoogleError: the response is an error, there is no response, or there are no usable credentials.
        """
        url = self.base(product) + path
        with self._lock:
            if self._transport is None:
                # Imported here: requests and google-auth take half a second to load, and most previews send
                # nothing.
                from firebase.transport import Transport

                self._transport = Transport(self._environ)
        return self._transport.call(
            method, url, operation=operation, body=body, params=params, repeatable=repeatable
        )

    def listed(
        self,
        product: str,
        path: str,
        field: str,
        operation: str,
        params: Mapping[str, str] | None = None,
        unreachable: set[str] | None = None,
    ) -> Iterator[JsonObject]:
        """Every object of a paged list.

        Args:
            product: a key of PRODUCTS.
            path: the collection, after the version.
            field: the property of a page that holds the objects.
            operation: what the call does, for messages.
            params: the query, without paging.
            unreachable: gets the locations whose objects Google left out because it could not reach them.

        Raises:
            GoogleError: the list could not be read to its end.
        """
        token = ""
        while True:
            query = {"pageSize": "100", **(params or {}), **({"pageToken": token} if token else {})}
            page = self.call("GET", product, path, operation=operation, params=query, repeatable=True)
            if unreachable is not None:
                places = cast("list[str]", page.get("unreachable") or [])
                unreachable.update(place.rpartition("/")[2] for place in places)
            yield from cast("list[JsonObject]", page.get(field) or [])
            token = str(page.get("nextPageToken") or "")
            if not token:
                return


def _wrong_address(address: str) -> str | None:
    """What is wrong with an address to which a token is sent. Without the address: it may hold a password."""
    if not address.isascii() or not address.isprintable() or " " in address:
        return "contains a character that no address has"
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises ValueError if it is no number
    except ValueError:
        return "is not an address"
    if parts.username is not None or parts.password is not None:
        return "contains a user name or a password"
    if parts.hostname and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    ):
        return None
    return "is not an https address"


@functools.cache
def shared_api() -> GoogleApi:
    """The client of this process."""
    return GoogleApi()
