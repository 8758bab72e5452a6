"""A small client for the few Google REST calls that no Pulumi resource makes for us.

It speaks to the same endpoints with the same credentials as pulumi-gcp does in the same run: the
`GOOGLE_<PRODUCT>_CUSTOM_ENDPOINT` and `GOOGLE_OAUTH_ACCESS_TOKEN` variables are read here as they are
there, so the rules cannot be compiled on one side and released on the other.

It refuses to send a token over plain http to any host but this machine, to follow a redirect with a token
in hand, and to repeat a call that is not known to be safe: only the caller knows whether the effect may
happen twice. Messages name the operation and the next step, never a header or a body that was sent.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from firebase.errors import GoogleError, JsonObject

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

    from firebase.transport import Transport


LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Product:
    """Where a Google product answers: the variable that overrides it (pulumi-gcp's own) and the default."""

    variable: str
    default: str


PRODUCTS: Mapping[str, Product] = {
    "cloudfunctions": Product(
        "GOOGLE_CLOUDFUNCTIONS2_CUSTOM_ENDPOINT", "https://cloudfunctions.googleapis.com/v2/"
    ),
    "firebaserules": Product(
        "GOOGLE_FIREBASERULES_CUSTOM_ENDPOINT", "https://firebaserules.googleapis.com/v1/"
    ),
    "firestore": Product("GOOGLE_FIRESTORE_CUSTOM_ENDPOINT", "https://firestore.googleapis.com/v1/"),
    "secretmanager": Product(
        "GOOGLE_SECRET_MANAGER_CUSTOM_ENDPOINT", "https://secretmanager.googleapis.com/v1/"
    ),
}


class GoogleApi:
    """Calls with the credentials of this process.

    Args:
        environ: the variables to read; the process's own when None.
        patience_seconds: how long passing failures of one call may last before they are reported.
    """

    def __init__(self, environ: Mapping[str, str] | None = None, patience_seconds: float = 90) -> None:
        self._environ = os.environ if environ is None else environ
        self._patience = patience_seconds
        self._lock = threading.RLock()
        self._transport: Transport | None = None
        self._credentials: Credentials | None = None

    def base(self, product: str) -> str:
        """The address of a product, ending in its version and a slash.

        Raises:
            GoogleError: the override is neither https nor on this machine.
        """
        entry = PRODUCTS[product]
        address = self._environ.get(entry.variable) or entry.default
        parts = urlsplit(address)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise GoogleError(
                f"{product} endpoint",
                None,
                "",
                f"{entry.variable} is not an https address",
                "Correct or unset it.",
            )
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
        """One call, repeated while its failure is a passing one and `repeatable` says that this is safe.

        Args:
            method: the HTTP method.
            product: a key of PRODUCTS.
            path: the rest of the address after the version, without a leading slash.
            operation: words for a message, such as "read the release cloud.firestore".
            body: sent as JSON.
            params: the query.
            repeatable: whether the effect may happen twice.

        Raises:
            GoogleError: any answer that is not a success, no answer, or no usable credentials.
        """
        url = self.base(product) + path
        with self._lock:
            if self._transport is None:
                from firebase.transport import Transport

                self._transport = Transport(self._token, self._patience)
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
    ) -> Iterator[JsonObject]:
        """Every object of a paged list.

        Args:
            product: a key of PRODUCTS.
            path: the collection, after the version.
            field: the answer's property that holds the objects.
            operation: words for a message.
            params: the query, without paging.

        Raises:
            GoogleError: the list could not be read to its end.
        """
        token = ""
        while True:
            query = {"pageSize": "100", **(params or {}), **({"pageToken": token} if token else {})}
            page = self.call("GET", product, path, operation=operation, params=query, repeatable=True)
            yield from cast("list[JsonObject]", page.get(field) or [])
            token = str(page.get("nextPageToken") or "")
            if not token:
                return

    def _token(self) -> tuple[str, str | None]:
        """The bearer token and, for a person's own login, the project that pays for the call."""
        token = self._environ.get("GOOGLE_OAUTH_ACCESS_TOKEN", "").strip()
        if token:
            return token, None
        # google-auth takes a third of a second to load, and the sandbox and CI hand over a ready token.
        import google.auth.exceptions
        import google.auth.transport.requests

        with self._lock:
            try:
                if self._credentials is None:
                    self._credentials = _credentials(self._environ)
                if not self._credentials.valid:
                    self._credentials.refresh(google.auth.transport.requests.Request())
            except (google.auth.exceptions.GoogleAuthError, ValueError, OSError) as refused:
                raise GoogleError(
                    "find credentials",
                    None,
                    "",
                    f"no usable Google credentials ({type(refused).__name__})",
                    "Run `gcloud auth application-default login`, or set GOOGLE_OAUTH_ACCESS_TOKEN or "
                    "GOOGLE_CREDENTIALS.",
                ) from None
            payer = getattr(self._credentials, "quota_project_id", None)
            return str(self._credentials.token), str(payer) if payer else None


def _credentials(environ: Mapping[str, str]) -> Credentials:
    """GOOGLE_CREDENTIALS (a key's JSON, or a path to it) as pulumi-gcp reads it, else application default."""
    from firebase_admin import credentials

    given = environ.get("GOOGLE_CREDENTIALS", "").strip()
    if given.startswith("{"):
        found = credentials.Certificate(json.loads(given))
    elif given:
        found = credentials.Certificate(given)
    else:
        found = credentials.ApplicationDefault()
    return cast("Credentials", found.get_credential())
