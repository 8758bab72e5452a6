"""The state behind the Google sandbox: stores, switches, projects and long-running operations.

Contains nothing specific to one product. Secret payloads are kept in a store (and a file, mode 0600) of their
own; nothing else in the state is secret, because service account keys are stored without their private part,
as Google stores them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from sandbox.google.errors import ApiError
from sandbox.google.operations import Operations
from sandbox.google.store import Json, Store
from sandbox.google.switches import Switches
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sandbox.google.run_hook import RunHook

PROJECT_ID = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
KNOWN_PROJECTS = {"crm-sandbox": 100000000001}
ALWAYS_ENABLED = frozenset(
    {"serviceusage.googleapis.com", "cloudresourcemanager.googleapis.com", "iam.googleapis.com"}
)


class Cloud:
    """The state behind the server.

    Args:
        file: the state's journal; `<file>.secrets` beside it (mode 0600) holds the payloads of secrets.
        firestore_emulator: host:port of a Firestore emulator that compiles and loads rules, or None.
    """

    def __init__(self, file: Path | None, firestore_emulator: str | None) -> None:
        self.store = Store(file)
        secret_file = None if file is None else file.with_name(file.name + ".secrets")
        self.secrets = Store(secret_file, mode=0o600)
        self.emulator = firestore_emulator
        self.switches = Switches(**cast("Json", self.store.get("sandbox", "switches") or {}))
        self.operations = Operations(self.store, self.switches)
        self.functions: RunHook | None = None
        """What runs the functions; None where they do not run."""
        self.index_writes = set[str]()
        """The databases whose indexes a request is changing, if `index_write_seconds` is set."""

    def set_switches(self, values: Mapping[str, object]) -> None:
        """Set switches and persist them."""
        self.switches.update(values)
        self.store.put("sandbox", "switches", self.switches.as_dict())
        self.commit()

    def commit(self) -> None:
        """Persist what a request changed."""
        self.secrets.commit()
        self.store.commit()

    def project(self, key: str) -> Json:
        """Return a project by its id or number. A project with a valid id is created on first use.

        Raises:
            ApiError: PERMISSION_DENIED, which is Google's response for projects that do not exist.
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
        # It has a Firestore database, which cannot be created while the API is off.
        firestore = "firestore.googleapis.com"
        self.store.put(f"enabled/{project_id}", firestore, {"service": firestore})
        owner = {"role": "roles/owner", "members": ["user:owner@example.com"]}
        self.store.put(
            "policy/projects", project_id, {"version": 1, "etag": "BwAAAAAAAAA=", "bindings": [owner]}
        )
        self.store.put("numbers", number, project_id)
        return project

    def number(self, project_id: str) -> str:
        """Return a project's number."""
        return cast("str", self.project(project_id)["projectNumber"])

    def canonical(self, name: str) -> str:
        """Return a resource name with the project's id in place of its number."""
        if not name.startswith("projects/"):
            return name
        head, _, rest = name.removeprefix("projects/").partition("/")
        if head == "-":
            return name
        project_id = cast("str", self.project(head)["projectId"])
        return f"projects/{project_id}/{rest}" if rest else f"projects/{project_id}"

    def enabled(self, project_id: str, service: str) -> bool:
        """Return whether an API is enabled in a project."""
        return service in ALWAYS_ENABLED or self.store.get(f"enabled/{project_id}", service) is not None

    def unique(self, prefix: str) -> str:
        """Return a new hex id (see `Store.unique`)."""
        return self.store.unique(prefix)
