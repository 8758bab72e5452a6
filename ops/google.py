"""Reads from Google for the ops commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from firebase.errors import JsonObject
from firebase.rest import GoogleApi


class Remembering(GoogleApi):
    """A client that sends each GET once: what a command has read some seconds ago, it does not read again.

    Args:
        environ: see `GoogleApi`.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        super().__init__(environ)
        self._read: dict[tuple[str, str, frozenset[tuple[str, str]]], JsonObject] = {}

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
        """See `GoogleApi.call`; an error is not remembered."""
        key = (product, path, frozenset((params or {}).items()))
        if method == "GET" and key in self._read:
            return self._read[key]
        answer = super().call(
            method, product, path, operation=operation, body=body, params=params, repeatable=repeatable
        )
        if method == "GET":
            self._read[key] = answer
        return answer


def functions(api: GoogleApi, project: str, region: str) -> dict[str, JsonObject]:
    """The functions of a region by id.

    Raises:
        GoogleError: they could not be read; so do all functions of this module.
    """
    path = f"projects/{project}/locations/{region}/functions"
    found = api.listed("cloudfunctions", path, "functions", f"list the functions of {region}")
    return {str(function["name"]).rsplit("/", 1)[1]: function for function in found}


def jobs(api: GoogleApi, project: str, regions: Iterable[str]) -> dict[tuple[str, str], JsonObject]:
    """The Cloud Scheduler jobs of some regions, by region and id."""
    found: dict[tuple[str, str], JsonObject] = {}
    for region in sorted(set(regions)):
        path = f"projects/{project}/locations/{region}/jobs"
        operation = f"list the scheduler jobs of {region}"
        for job in api.listed("cloudscheduler", path, "jobs", operation):
            found[region, str(job["name"]).rsplit("/", 1)[1]] = job
    return found


def ruleset(api: GoogleApi, name: str) -> JsonObject:
    """A ruleset (Firebase Rules API, `Ruleset`)."""
    return api.call("GET", "firebaserules", name, operation=f"read {name}", repeatable=True)


def ruleset_files(found: JsonObject) -> dict[str, str]:
    """The files of a ruleset: name -> text."""
    source = cast("JsonObject", found.get("source") or {})
    files = cast("list[JsonObject]", source.get("files") or [])
    return {str(file["name"]): str(file.get("content", "")) for file in files}


def secret_version_state(api: GoogleApi, project: str, secret: str, version: str) -> str:
    """ENABLED, DISABLED or DESTROYED (Secret Manager API, `SecretVersion.State`). Does not read the value."""
    path = f"projects/{project}/secrets/{secret}/versions/{version}"
    operation = f"read version {version} of {secret}"
    found = api.call("GET", "secretmanager", path, operation=operation, repeatable=True)
    return str(found.get("state", ""))
