"""What the whole sandbox shares: stores, switches, projects; and one request as a handler sees it.

Refuses to know any product. Secret payloads live in a store (and a file, mode 0600) of their own; nothing
else in the state is secret, because Google itself keeps no private key.
"""

from __future__ import annotations

import datetime
import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, cast

from sandbox.google.errors import ApiError, invalid
from sandbox.google.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.datastructures import Headers
    from starlette.responses import Response

    from sandbox.google.discovery import Api, Method
    from sandbox.google.operations import Operations

Json = dict[str, Any]
Handler = Callable[["Call"], "Json | Response | Awaitable[Json | Response]"]

PROJECT_ID = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
KNOWN_PROJECTS = {"crm-sandbox": 100000000001}
ALWAYS_ENABLED = frozenset(
    {"serviceusage.googleapis.com", "cloudresourcemanager.googleapis.com", "iam.googleapis.com"}
)


@dataclass(kw_only=True)
class Switches:
    """What a test or the show may change while the sandbox runs (`POST /admin/switches`).

    Args:
        operation_polls: long-running operations are done after so many polls (0: in the first answer).
        operation_seconds: … and not before so many seconds.
        index_build_seconds: how long a Firestore index is CREATING.
        enforce_enablement: calls to a product that is not enabled answer 403 SERVICE_DISABLED.
        function_writes_per_minute: Cloud Functions' write quota a region (Google's is 60); 0 is no quota.
        firestore_location: where the `(default)` database of a project lies until one is created.
        firestore_located_by_trigger: instead, the first Firestore trigger says where the database lies.
    """

    operation_polls: int = 0
    operation_seconds: float = 0.0
    index_build_seconds: float = 0.3
    enforce_enablement: bool = True
    function_writes_per_minute: int = 0
    firestore_location: str = "nam5"
    firestore_located_by_trigger: bool = False

    def change(self, wish: Mapping[str, object]) -> None:
        """Set some switches.

        Raises:
            ValueError: a name or a type is wrong; nothing is changed then.
        """
        kinds = {item.name: type(getattr(self, item.name)) for item in fields(self)}
        for name, value in wish.items():
            kind = kinds.get(name)
            if kind is None:
                raise ValueError(f"no switch {name!r}; there are {', '.join(sorted(kinds))}")
            fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
            if not fits and not (kind is float and isinstance(value, int) and not isinstance(value, bool)):
                raise ValueError(f"switch {name!r} is a {kind.__name__}")
        for name, value in wish.items():
            setattr(self, name, kinds[name](value))

    def as_dict(self) -> Json:
        """The switches by name."""
        return asdict(self)


def timestamp(at: float | None = None) -> str:
    """Google's timestamp (RFC 3339, UTC, microseconds) of a Unix time in seconds, by default now."""
    moment = datetime.datetime.fromtimestamp(time.time() if at is None else at, tz=datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Cloud:
    """The state behind the server.

    Args:
        file: the state's journal; `<file>.secrets` beside it (mode 0600) holds the payloads of secrets.
        firestore_emulator: host:port of a Firestore emulator that compiles and loads rules, or None.
    """

    operations: Operations

    def __init__(self, file: Path | None, firestore_emulator: str | None) -> None:
        self.store = Store(file)
        secret_file = None if file is None else file.with_name(file.name + ".secrets")
        self.secrets = Store(secret_file, mode=0o600)
        self.emulator = firestore_emulator
        self.switches = Switches(**cast("Json", self.store.get("sandbox", "switches") or {}))

    def set_switches(self, wish: Mapping[str, object]) -> None:
        """Change switches, and keep them over a restart."""
        self.switches.change(wish)
        self.store.put("sandbox", "switches", self.switches.as_dict())
        self.commit()

    def commit(self) -> None:
        """Persist what a request changed."""
        self.secrets.commit()
        self.store.commit()

    def project(self, key: str) -> Json:
        """The project of an id or number; one with a valid id exists from its first use on.

        Raises:
            ApiError: PERMISSION_DENIED, as Google answers for projects that do not exist.
        """
        project_id = self.store.get("numbers", key) if key.isdigit() else key
        found = self.store.get("projects", project_id) if project_id else None
        if found is not None:
            return found
        if not project_id or not PROJECT_ID.fullmatch(project_id):
            raise ApiError(
                "PERMISSION_DENIED", f"Permission denied on resource project {key} (or it may not exist)."
            )
        number = str(KNOWN_PROJECTS.get(project_id) or 100000000100 + self.store.next("projects"))
        project = {
            "projectId": project_id,
            "projectNumber": number,
            "name": project_id,
            "lifecycleState": "ACTIVE",
            "createTime": timestamp(),
        }
        self.store.put("projects", project_id, project)
        owner = {"role": "roles/owner", "members": ["user:owner@example.com"]}
        self.store.put(
            "policy/projects", project_id, {"version": 1, "etag": "BwAAAAAAAAA=", "bindings": [owner]}
        )
        self.store.put("numbers", number, project_id)
        return project

    def number(self, project_id: str) -> str:
        """A project's number."""
        return cast("str", self.project(project_id)["projectNumber"])

    def canonical(self, name: str) -> str:
        """A resource name with the project's id where the caller gave its number."""
        if not name.startswith("projects/"):
            return name
        head, _, rest = name.removeprefix("projects/").partition("/")
        if head == "-":
            return name
        project_id = cast("str", self.project(head)["projectId"])
        return f"projects/{project_id}/{rest}" if rest else f"projects/{project_id}"

    def enabled(self, project_id: str, service: str) -> bool:
        """Whether an API is enabled in a project."""
        return service in ALWAYS_ENABLED or self.store.get(f"enabled/{project_id}", service) is not None

    def unique(self, what: str) -> str:
        """A stable-looking hex id: unique, and the same in every run that makes the same calls."""
        return hashlib.sha256(f"{what}{self.store.next('unique')}".encode()).hexdigest()


@dataclass(kw_only=True)
class Call:
    """One request, routed and checked.

    Args:
        params: path parameters with canonical project ids.
        query: typed query parameters by camelCase name.
        body: the checked body ({} when there was none).
        project: the project's id, "" where the path names none.
        raw: the body's bytes.
    """

    cloud: Cloud
    api: Api
    method: Method
    params: dict[str, str]
    query: Json = field(default_factory=dict[str, Any])
    body: Json = field(default_factory=dict[str, Any])
    project: str = ""
    raw: bytes = b""
    headers: Headers | None = None
    base_url: str = ""

    @property
    def store(self) -> Store:
        """The cloud's store."""
        return self.cloud.store

    @property
    def name(self) -> str:
        """The first path parameter: the resource, or its parent."""
        return next(iter(self.params.values()), "")

    @property
    def location(self) -> str:
        """The location in the resource name, "" if none."""
        parts = self.name.split("/")
        return parts[3] if len(parts) > 3 and parts[2] == "locations" else ""

    @property
    def short(self) -> str:
        """The resource name's last segment."""
        return self.name.rpartition("/")[2]

    def table(self, parent: str, collection: str) -> str:
        """The store's collection for resources below a parent."""
        return f"{self.api.product.api}/{parent}/{collection}"

    def where(self) -> tuple[str, str]:
        """The store's (collection, id) of the resource that the path names."""
        parent, _, key = self.name.rpartition("/")
        return f"{self.api.product.api}/{parent}", key

    def need(self, name: str) -> str:
        """A query parameter that must be there.

        Raises:
            ApiError: INVALID_ARGUMENT.
        """
        value = cast("str", self.query.get(name, ""))
        if not value:
            raise invalid(f"Required parameter {name} is missing", name)
        return value
