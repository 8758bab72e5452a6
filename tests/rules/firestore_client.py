"""A Firestore client like the app's: REST with a user's token, so that the rules apply.

Every call returns the HTTP status; the test states which one it expects.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import requests

from ops.acceptance.app import encoded
from sandbox.firestore_values import encoded_fields, id_token

if TYPE_CHECKING:
    from collections.abc import Mapping

OK = 200
DENIED = 403
MISSING = 404
SECONDS = 30

Value = str | bool | int | float | None | datetime | list[str] | dict[str, int]


def user_token(project: str, uid: str) -> str:
    """Return the ID token of a user who signed in with a password."""
    claims = {
        "email": f"{uid}@example.com",
        "email_verified": True,
        "firebase": {"sign_in_provider": "password", "identities": {}},
    }
    return id_token(project, uid, claims)


def decoded(value: Mapping[str, Any]) -> Any:
    """Convert a value of the REST API to Python; timestamps stay strings."""
    (kind, content), *_ = value.items()
    match kind:
        case "nullValue":
            return None
        case "integerValue":
            return int(content)
        case "arrayValue":
            return [decoded(item) for item in content.get("values", [])]
        case "mapValue":
            return {key: decoded(item) for key, item in content.get("fields", {}).items()}
        case _:
            return content


@dataclass(frozen=True, kw_only=True)
class Client:
    """A client of one project's default database.

    token: a user's ID token; "owner", to whom no rule applies; or "" for an anonymous client.
    """

    url: str
    project: str
    token: str
    session: requests.Session = field(default_factory=requests.Session, repr=False)

    @property
    def database(self) -> str:
        """The resource name of the database."""
        return f"projects/{self.project}/databases/(default)"

    def name(self, path: str) -> str:
        """The resource name of a document."""
        return f"{self.database}/documents/{path}"

    def _request(self, method: str, name: str, body: object = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return self.session.request(
            method, f"{self.url}/v1/{name}", json=body, headers=headers, timeout=SECONDS
        )

    def _send(self, method: str, name: str, body: object = None) -> int:
        return self._request(method, name, body).status_code

    def read(self, path: str) -> dict[str, Any] | None:
        """Return a document's fields, or None if it does not exist.

        Raises:
            requests.HTTPError: reading is denied.
        """
        answer = self._request("GET", self.name(path))
        if answer.status_code == MISSING:
            return None
        answer.raise_for_status()
        return {key: decoded(value) for key, value in answer.json().get("fields", {}).items()}

    def get(self, path: str) -> int:
        """Read one document."""
        return self._send("GET", self.name(path))

    def query(self, collection: str, *, parent: str = "", where: Mapping[str, Value] | None = None) -> int:
        """Read a collection where fields equal values; parent "*" reads the whole collection group."""
        query: dict[str, object] = {"from": [{"collectionId": collection, "allDescendants": parent == "*"}]}
        if where:
            filters = [
                {"fieldFilter": {"field": {"fieldPath": name}, "op": "EQUAL", "value": encoded(value)}}
                for name, value in where.items()
            ]
            query["where"] = {"compositeFilter": {"op": "AND", "filters": filters}}
        root = f"{self.database}/documents" if parent in ("", "*") else self.name(parent)
        return self._send("POST", f"{root}:runQuery", {"structuredQuery": query})

    def create(self, path: str, document: Mapping[str, Value]) -> int:
        """Create a document that does not exist."""
        write = {
            "update": {"name": self.name(path), "fields": encoded_fields(document)},
            "currentDocument": {"exists": False},
        }
        return self.commit(write)

    def update(self, path: str, document: Mapping[str, Value]) -> int:
        """Change fields of an existing document."""
        return self.commit(self.updating(path, document))

    def overwrite(self, path: str, document: Mapping[str, Value]) -> int:
        """Replace a document: fields that are not given are removed."""
        return self.commit({"update": {"name": self.name(path), "fields": encoded_fields(document)}})

    def delete(self, path: str) -> int:
        """Delete one document with a separate request."""
        return self._send("DELETE", self.name(path))

    def updating(self, path: str, document: Mapping[str, Value]) -> dict[str, object]:
        """The write of an update, for `commit`."""
        return {
            "update": {"name": self.name(path), "fields": encoded_fields(document)},
            "updateMask": {"fieldPaths": list(document)},
            "currentDocument": {"exists": True},
        }

    def deleting(self, path: str) -> dict[str, object]:
        """The write of a deletion, for `commit`."""
        return {"delete": self.name(path)}

    def commit(self, *writes: Mapping[str, object]) -> int:
        """Send one batch, which is applied as a whole or not at all."""
        return self._send("POST", f"{self.database}/documents:commit", {"writes": writes})
