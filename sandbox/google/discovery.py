"""Routes and schemas from Google's discovery documents.

The documents are part of google-api-python-client; each is read when its product is first called. Only
methods of a document are served, with one exception in `BORROWED_METHODS`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, cast
from urllib.parse import unquote

Schema = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Product:
    """One API version and where this server mounts it.

    Args:
        mount: first path segment, before the document's own paths; paths of the older APIs start with it.
        api: the document's API name.
        version: the document's version.
        host: the service's name in Service Usage.
    """

    mount: str
    api: str
    version: str
    host: str

    @property
    def document(self) -> str:
        """The document's file stem."""
        return f"{self.api}.{self.version}"


def _product(mount: str, api: str, version: str) -> Product:
    return Product(mount=mount, api=api, version=version, host=f"{api}.googleapis.com")


PRODUCTS: dict[tuple[str, str], Product] = {
    (mount, version): _product(mount, api, version)
    for mount, api, version in (
        ("firestore", "firestore", "v1"),
        ("firebaserules", "firebaserules", "v1"),
        ("cloudfunctions", "cloudfunctions", "v1"),
        ("cloudfunctions", "cloudfunctions", "v2"),
        ("cloudfunctions", "cloudfunctions", "v2beta"),
        ("run", "run", "v1"),
        ("run", "run", "v2"),
        ("secretmanager", "secretmanager", "v1"),
        ("iam", "iam", "v1"),
        ("crm", "cloudresourcemanager", "v1"),
        ("serviceusage", "serviceusage", "v1"),
        ("serviceusage", "serviceusage", "v1beta1"),
        ("storage", "storage", "v1"),
        ("cloudscheduler", "cloudscheduler", "v1"),
        ("pubsub", "pubsub", "v1"),
        ("cloudtasks", "cloudtasks", "v2"),
        ("eventarc", "eventarc", "v1"),
        ("firebase", "firebase", "v1beta1"),
        ("firebasestorage", "firebasestorage", "v1beta"),
        ("artifactregistry", "artifactregistry", "v1"),
        ("cloudbilling", "cloudbilling", "v1"),
        ("runtimeconfig", "runtimeconfig", "v1beta1"),
        ("compute", "compute", "v1"),
        ("iamcredentials", "iamcredentials", "v1"),
        ("identitytoolkit", "identitytoolkit", "v2"),
        ("logging", "logging", "v2"),
    )
}
"""The served APIs by (mount, version), the first two segments of a request's path."""

BORROWED_METHODS: dict[str, tuple[str, tuple[str, ...]]] = {
    "serviceusage.v1": ("serviceusage.v1beta1", ("serviceusage.services.generateServiceIdentity",)),
}
"""pulumi-gcp calls generateServiceIdentity, a v1beta1 method, with the version of its endpoint."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """One method of a document."""

    id: str
    http: str
    path: str
    query: dict[str, Schema]
    request: str | None
    response: str | None
    pattern: re.Pattern[str]
    groups: tuple[str, ...]
    literal: int

    @property
    def verb(self) -> str:
        """The last part of the id: create, get, list, setIamPolicy, …"""
        return self.id.rpartition(".")[2]


@dataclass(frozen=True, kw_only=True)
class Api:
    """A parsed document."""

    product: Product
    methods: dict[str, list[Method]]
    schemas: dict[str, Schema]
    globals: dict[str, Schema]
    full_path: bool
    _found: dict[tuple[str, str], tuple[Method, dict[str, str]] | None] = field(
        default_factory=dict[tuple[str, str], tuple[Method, dict[str, str]] | None]
    )

    def match(self, http: str, raw_path: str) -> tuple[Method, dict[str, str]] | None:
        """Return the method for a request and its decoded path parameters; None if there is none.

        Args:
            http: GET, POST, …
            raw_path: the path as in the document, percent-encoded, without a leading slash: below the mount,
                or the whole path if `full_path` is true (storage, compute).
        """
        key = (http, raw_path)
        if key not in self._found:
            if len(self._found) > 20_000:
                self._found.clear()
            self._found[key] = self._search(http, raw_path)
        return self._found[key]

    def _search(self, http: str, raw_path: str) -> tuple[Method, dict[str, str]] | None:
        path = raw_path if self.product.api == "storage" else unquote(raw_path)
        for method in self.methods.get(http, []):
            match = method.pattern.fullmatch(path)
            if match:
                return method, {
                    name: unquote(match.group(f"p{index}")) for index, name in enumerate(method.groups)
                }
        return None


def is_mounted(mount: str, version: str) -> bool:
    """Return whether an API is mounted at /mount/version/."""
    return (mount, version) in PRODUCTS


@cache
def load(mount: str, version: str) -> Api:
    """Return the parsed document of a mount.

    Raises:
        KeyError: no API is mounted there.
    """
    product = PRODUCTS[mount, version]
    document = _read(product.document)
    methods = [_method(document, raw) for raw in _walk(document)]
    if product.document in BORROWED_METHODS:
        other, ids = BORROWED_METHODS[product.document]
        lender = _read(other)
        for raw in _walk(lender):
            if raw["id"] in ids:
                moved = {**raw, "path": raw["path"].replace(lender["version"], document["version"], 1)}
                methods.append(_method(document, moved))
    by_verb: dict[str, list[Method]] = {}
    for method in methods:
        by_verb.setdefault(method.http, []).append(method)
    for verb in by_verb.values():
        # A path with more literal text is more specific: `{+name}:enable` before `{+name}`.
        verb.sort(key=lambda method: (-method.literal, method.id))
    return Api(
        product=product,
        methods=by_verb,
        schemas=cast("dict[str, Schema]", document["schemas"]),
        globals=cast("dict[str, Schema]", document.get("parameters", {})),
        full_path=bool(document.get("servicePath")),
    )


def _read(document: str) -> dict[str, Any]:
    folder = resources.files("googleapiclient.discovery_cache") / "documents"
    return cast("dict[str, Any]", json.loads((folder / f"{document}.json").read_bytes()))


def _walk(node: dict[str, Any]) -> list[dict[str, Any]]:
    found = [cast("dict[str, Any]", method) for method in node.get("methods", {}).values()]
    for child in node.get("resources", {}).values():
        found.extend(_walk(child))
    return found


_PLACEHOLDER = re.compile(r"\{(\+?)([^}]+)\}")


def _method(document: dict[str, Any], raw: dict[str, Any]) -> Method:
    parameters = cast("dict[str, Schema]", raw.get("parameters", {}))
    path = cast("str", document.get("servicePath", "") + raw["path"])
    expression, groups, end = "", list[str](), 0
    for match in _PLACEHOLDER.finditer(path):
        expression += re.escape(path[end : match.start()])
        pattern = parameters.get(match.group(2), {}).get("pattern")
        if match.group(1) and pattern:
            body = pattern.removeprefix("^").removesuffix("$")
        else:
            body = "[^/]+" if document["name"] == "storage" else "[^/:]+"
        expression += f"(?P<p{len(groups)}>{body})"
        groups.append(match.group(2))
        end = match.end()
    expression += re.escape(path[end:])
    return Method(
        id=raw["id"],
        http=raw["httpMethod"],
        path=path,
        query={name: p for name, p in parameters.items() if p.get("location") == "query"},
        request=raw.get("request", {}).get("$ref"),
        response=raw.get("response", {}).get("$ref"),
        pattern=re.compile(expression + "/?"),
        groups=tuple(groups),
        literal=len(_PLACEHOLDER.sub("", path)),
    )
