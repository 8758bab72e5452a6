"""Small codebases that the Google sandbox runs, and what surrounds them: emulator, runner, addresses."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import requests

from sandbox.firestore import FirestoreEmulator
from sandbox.google.app import create_app
from sandbox.google.running.instances import Limits
from sandbox.google.running.runner import FunctionsRunner
from sandbox.local_server import LocalServer
from sandbox.running import RunContext
from tests.sandbox.crm_parts import FUNCTIONS as EXAMPLE_FUNCTIONS
from tests.sandbox.crm_parts import installed
from tests.sandbox.google.client import (
    FUNCTIONS,
    PROJECT,
    REGION,
    RUNTIME,
    SERVICES,
    Google,
    Json,
    function,
)

if TYPE_CHECKING:
    from types import TracebackType

T = TypeVar("T")

SECONDS = 60.0
CALLABLE_HOST = f"{REGION}-{PROJECT}.cloudfunctions.net"
PACKAGES = {name: (EXAMPLE_FUNCTIONS / name).read_bytes() for name in ("package.json", "package-lock.json")}
"""The packages of the example, which are installed: firebase-functions and firebase-admin."""


def packed(files: dict[str, str | bytes]) -> bytes:
    """Return a source archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def plain(code: str) -> bytes:
    """Return the archive of a codebase without packages."""
    return packed({"package.json": '{"main": "index.js"}', "index.js": code})


def with_sdk(code: str) -> bytes:
    """Return the archive of a codebase with the example's packages."""
    return packed({**PACKAGES, "index.js": code})


def eventually(look: Callable[[], T | None], what: str, seconds: float = SECONDS) -> T:
    """Return the first result of `look` that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.03)
    raise AssertionError(f"waited {seconds:.0f} s for {what}")


class RunningGoogle:
    """A Google sandbox that runs functions, with an emulator of its own.

    Args:
        folder: its state.
        limits: how many processes run at once.
        emulator: False for tests without Firestore.
    """

    def __init__(self, folder: Path, *, limits: Limits | None = None, emulator: bool = True) -> None:
        self.runner = FunctionsRunner(
            folder / "functions", installed=[installed(EXAMPLE_FUNCTIONS)], limits=limits
        )
        self.emulator = FirestoreEmulator(options=self.runner.emulator_options) if emulator else None
        self._folder = folder
        self._sources = 0
        self.domains: dict[str, str] = {}

    def __enter__(self) -> RunningGoogle:
        host = "127.0.0.1:9"
        if self.emulator is not None:
            self.emulator.start()
            host = self.emulator.host
        app = create_app(self._folder / "google.json", functions=self.runner)
        self.server = LocalServer(app).start()
        self.context = RunContext(
            root=self._folder,
            app=EXAMPLE_FUNCTIONS.parent,
            railway_url="http://127.0.0.1:9",
            google_url=self.server.url,
            firestore_host=host,
            auth_host="127.0.0.1:9",
            address_of=self.domains.get,
        )
        self.runner.context = self.context
        self.runner.start()
        self.google = Google(self.server.url)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.runner.stop()
        self.google.http.close()
        self.server.stop()
        if self.emulator is not None:
            self.emulator.stop()

    def prepare(self) -> None:
        """Create what functions need."""
        self.google.ready_for_functions()

    def deploy(
        self, key: str, archive: bytes, *, event: Json | None = None, public: bool = True, **config: Any
    ) -> Json:
        """Deploy a function, new or again; return its finished operation."""
        self._sources += 1
        source = f"src-{key}-{self._sources}.zip"
        self.google.upload(source, archive)
        body = function(key, source, event, **config)
        known = self.google.send("GET", f"{FUNCTIONS}/{key}").status_code == 200
        if known:
            mask = "buildConfig,serviceConfig" + (",eventTrigger" if event else "")
            started = self.google.patch(f"{FUNCTIONS}/{key}?updateMask={mask}", body)
        else:
            started = self.google.post(f"{FUNCTIONS}?functionId={key}", body)
        done = self.finished(started)
        if "error" not in done and not known:
            members = ["allUsers"] if public else [f"serviceAccount:{RUNTIME}"]
            self.grant(key, members)
        return done

    def finished(self, operation: Json) -> Json:
        """Return an operation once it is done."""

        def look() -> Json | None:
            now = self.google.get(f"/cloudfunctions/v2/{operation['name']}")
            return now if now.get("done") else None

        return eventually(look, f"the operation {operation['name']}")

    def grant(self, key: str, members: list[str]) -> None:
        """Set the invokers of a function."""
        binding = {"role": "roles/run.invoker", "members": members}
        service = key.lower().replace("_", "-")
        self.google.post(f"{SERVICES}/{service}:setIamPolicy", {"policy": {"bindings": [binding]}})

    def request(
        self, key: str, path: str = "", *, method: str = "GET", host: str = CALLABLE_HOST, **rest: Any
    ) -> requests.Response:
        """Send a request to a function's address."""
        headers = {**rest.pop("headers", {}), "Host": host}
        name = f"/{key}" if host == CALLABLE_HOST else ""
        url = f"{self.server.url}{name}{path}"
        return requests.request(method, url, headers=headers, timeout=SECONDS, **rest)

    def call(self, key: str, data: Any, **rest: Any) -> requests.Response:
        """Call a callable function."""
        return self.request(key, method="POST", json={"data": data}, **rest)

    def identity_token(self, account: str, audience: str) -> str:
        """Return an identity token of a service account."""
        url = f"/iamcredentials/v1/projects/-/serviceAccounts/{account}:generateIdToken"
        return str(self.google.post(url, {"audience": audience, "includeEmail": True})["token"])

    def uri(self, key: str) -> str:
        """Return the address of a function's service."""
        return str(self.google.get(f"{FUNCTIONS}/{key}")["serviceConfig"]["uri"])

    def entries(self, text: str) -> list[Json]:
        """Return the log's entries that match a filter."""
        body = {"resourceNames": [f"projects/{PROJECT}"], "filter": text, "pageSize": 1000}
        return list(self.google.post("/logging/v2/entries:list", body).get("entries", []))

    def document(self, path: str) -> str:
        """Return the address of a document at the emulator."""
        assert self.emulator is not None
        return f"{self.emulator.url}/v1/projects/{PROJECT}/databases/(default)/documents/{path}"

    def write(self, path: str, **fields: int | str) -> None:
        """Write a document."""
        kinds = {int: "integerValue", str: "stringValue"}
        body = {"fields": {name: {kinds[type(value)]: str(value)} for name, value in fields.items()}}
        self._firestore("PATCH", path, body)

    def delete(self, path: str) -> None:
        """Delete a document."""
        self._firestore("DELETE", path)

    def read(self, path: str) -> dict[str, str] | None:
        """Return a document's fields as text; None if it does not exist."""
        answer = requests.get(self.document(path), headers={"Authorization": "Bearer owner"}, timeout=SECONDS)
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        return {
            name: str(next(iter(value.values()))) for name, value in answer.json().get("fields", {}).items()
        }

    def _firestore(self, method: str, path: str, body: object = None) -> None:
        owner = {"Authorization": "Bearer owner"}
        answer = requests.request(method, self.document(path), json=body, headers=owner, timeout=SECONDS)
        answer.raise_for_status()


def echo(prefix: str = "") -> bytes:
    """Return the archive of a function that returns what it got, and how its process was started."""
    return plain(
        "exports.echo = (request, response) => {"
        f" console.log('{prefix}got ' + request.url);"
        " response.json({ method: request.method, url: request.url, headers: request.headers,"
        "   body: request.rawBody ? request.rawBody.toString() : null, pid: process.pid,"
        "   argv: process.execArgv, env: process.env });"
        "};"
    )
