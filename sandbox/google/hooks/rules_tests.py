"""The test suites of `projects.test`, run on the Firestore emulator.

Each suite gets a project of its own in the emulator, so the released rules and documents stay as they are. A
test case becomes documents (its `resource` and the results of its mocks of `get`) and one request. Supported
are the methods `get` and `delete`, and mocks whose argument is an exact path; another is UNIMPLEMENTED.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, cast

import requests

from sandbox.firestore_values import encoded_fields, id_token
from sandbox.google.errors import ApiError, invalid

if TYPE_CHECKING:
    from sandbox.google.store import Json

SECONDS = 30
METHODS = {"get": "GET", "delete": "DELETE"}
OWNER = {"Authorization": "Bearer owner"}
ALLOWED, DENIED = 200, 403


def new_project() -> str:
    """The id of a project for one suite."""
    return f"rules-test-{uuid.uuid4().hex[:12]}"


def run_suite(emulator: str, project: str, cases: list[Json]) -> list[Json]:
    """The `TestResult` of each case; the rules are those that are loaded for the project.

    Args:
        emulator: host:port.
        project: a project of the suite's own.
        cases: the `TestCase` objects.

    Raises:
        ApiError: a case is invalid or not supported, or the emulator does not respond.
    """
    with requests.Session() as session:
        session.trust_env = False  # the emulator is on this machine: never use a proxy
        documents = f"http://{emulator}/v1/projects/{project}/databases/(default)/documents"
        mocked = {_document(mock["args"][0]["exactValue"]) for case in cases for mock in _mocks(case)}
        suite = _Suite(session, documents, mocked)
        try:
            return [suite.result(project, case) for case in cases]
        except requests.RequestException as error:
            raise ApiError(
                "UNAVAILABLE", f"The Firestore emulator at {emulator} does not respond: {error!r}"
            ) from error


class _Suite:
    """The documents of a suite's project.

    Only what differs from the case before is written. A document of an earlier case stays if no case mocks
    it: rules that look it up without a mock find it, where Google reports an error.
    """

    def __init__(self, session: requests.Session, documents: str, mocked: set[str]) -> None:
        self._session = session
        self._documents = documents
        self._mocked = mocked
        self._present: dict[str, Any] = {}

    def result(self, project: str, case: Json) -> Json:
        request = cast("Json", case.get("request") or {})
        method = METHODS.get(str(request.get("method")))
        if method is None:
            raise ApiError("UNIMPLEMENTED", f"The sandbox tests the methods {', '.join(METHODS)}.")
        target = _document(request.get("path"))
        self._write(target, _documents(target, case))
        headers: dict[str, str] = {}
        if auth := cast("Json", request.get("auth") or {}):
            claims = cast("Json", auth.get("token") or {})
            token = id_token(project, str(auth.get("uid", "")), claims)
            headers["Authorization"] = f"Bearer {token}"
        status = self._session.request(
            method, f"{self._documents}/{target}", headers=headers, timeout=SECONDS
        ).status_code
        if status not in (ALLOWED, DENIED):
            raise ApiError("INTERNAL", f"The Firestore emulator returned {status}.")
        if status == ALLOWED and method == "DELETE":
            self._present.pop(target, None)
        expected = ALLOWED if case.get("expectation") == "ALLOW" else DENIED
        return {"state": "SUCCESS" if status == expected else "FAILURE"}

    def _write(self, target: str, wanted: dict[str, Any]) -> None:
        for path in {*self._present} & {*self._mocked, target}:
            if path not in wanted:
                self._session.delete(
                    f"{self._documents}/{path}", headers=OWNER, timeout=SECONDS
                ).raise_for_status()
                del self._present[path]
        for path, data in wanted.items():
            if path not in self._present or self._present[path] != data:
                body = {"fields": encoded_fields(data)}
                self._session.patch(
                    f"{self._documents}/{path}", json=body, headers=OWNER, timeout=SECONDS
                ).raise_for_status()
                self._present[path] = data


def _documents(target: str, case: Json) -> dict[str, Any]:
    """The documents that a case needs, by path."""
    found: dict[str, Any] = {}
    for mock in _mocks(case):
        value = cast("Json", mock.get("result") or {}).get("value")
        path = _document(mock["args"][0]["exactValue"])
        if value is True:
            found.setdefault(path, {})
        elif isinstance(value, dict):
            found[path] = cast("Json", value).get("data") or {}
    resource = case.get("resource")
    if resource is not None:
        found[target] = cast("Json", resource).get("data") or {}
    return found


def _mocks(case: Json) -> list[Json]:
    """The function mocks of a case, each with one exact path."""
    found = cast("list[Json]", case.get("functionMocks") or [])
    for mock in found:
        arguments = cast("list[Json]", mock.get("args") or [])
        if mock.get("function") not in ("get", "exists") or [[*one] for one in arguments] != [["exactValue"]]:
            raise ApiError("UNIMPLEMENTED", "The sandbox mocks get and exists for an exact path.")
    return found


def _document(path: object) -> str:
    """The path of a document below `documents`."""
    parts = str(path).split("/")
    if parts[:2] != ["", "databases"] or parts[3:4] != ["documents"] or len(parts) % 2 or len(parts) < 6:
        raise invalid(f"{path} is not the path of a document.", "test_suite.test_cases")
    return "/".join(parts[4:])
