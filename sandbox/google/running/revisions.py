"""What a Cloud Run service of a function runs: its latest ready revision, as data.

The source of a revision is kept beside its service: the function itself names its newest source, also after a
deployment that failed, while the earlier revision goes on serving.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from sandbox.google.hooks import run, secrets
from sandbox.google.hooks.function_checks import mebibytes, owning_function
from sandbox.google.hooks.storage import read_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.google.cloud import Cloud
    from sandbox.google.store import Json

SOURCES = "running/sources"
"""The store's collection of what each service runs, by the service's name: `source_entry`."""

FUNCTIONS_HOST = ".cloudfunctions.net"
FIRESTORE_EVENTS = "google.cloud.firestore.document.v1."


class SecretError(Exception):
    """A secret of a function has no value: Cloud Run does not start the container."""


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A revision of a function's service.

    Args:
        service: the service's full name.
        name: the revision's id, `SERVICE-00001-sbx`.
        function: the function's id.
        digest: of the unpacked source; "" if it was deployed before functions ran.
        archive: (bucket, object) of the source.
        env: the container's variables, as in the service.
        memory: its limit in MiB.
        timeout: of a request, in seconds.
    """

    service: str
    name: str
    function: str
    digest: str
    archive: tuple[str, str]
    entry_point: str
    signature: str
    env: tuple[Json, ...]
    memory: float
    timeout: float
    account: str
    ingress: str

    @property
    def project(self) -> str:
        """The project's id."""
        return self.service.split("/")[1]

    @property
    def region(self) -> str:
        """The region."""
        return self.service.split("/")[3]

    @property
    def service_id(self) -> str:
        """The service's id."""
        return self.service.rpartition("/")[2]


def source_entry(function: Json, digest: str) -> Json:
    """Return what is kept of a function's source for its service."""
    build = cast("Json", function["buildConfig"])
    source = cast("Json", build["source"]["storageSource"])
    return {
        "digest": digest,
        "archive": [source["bucket"], source["object"]],
        "entryPoint": build["entryPoint"],
        "signature": "cloudevent" if "eventTrigger" in function else "http",
    }


def revision_of(service: Json, function_id: str, entry: Json) -> Revision:
    """Return the latest revision of a service.

    Args:
        service: in the v2 form.
        function_id: its function.
        entry: its source: `source_entry`.
    """
    template = cast("Json", service["template"])
    container = cast("list[Json]", template["containers"])[0]
    return Revision(
        service=service["name"],
        name=cast("str", service["latestReadyRevision"]).rpartition("/")[2],
        function=function_id,
        digest=entry["digest"],
        archive=(entry["archive"][0], entry["archive"][1]),
        entry_point=entry["entryPoint"],
        signature=entry["signature"],
        env=tuple(container.get("env", [])),
        memory=mebibytes(container["resources"]["limits"]["memory"]),
        timeout=float(cast("str", template.get("timeout", "300s"))[:-1]),
        account=template.get("serviceAccount", ""),
        ingress=service.get("ingress", "INGRESS_TRAFFIC_ALL"),
    )


def serving(cloud: Cloud, project: str, region: str, service_id: str) -> Revision | None:
    """Return the revision that serves, or None if the service is no function's or does not exist."""
    service = cast("Json | None", cloud.store.get(run.table(project, region), service_id))
    key = owning_function(service)
    if service is None or not key:
        return None
    where = f"cloudfunctions/projects/{project}/locations/{region}/functions"
    function = cast("Json | None", cloud.store.get(where, key))
    entry = cloud.store.get(SOURCES, service["name"])
    if function is None or not service.get("latestReadyRevision"):
        return None
    return revision_of(service, key, entry or source_entry(function, ""))


def by_host(cloud: Cloud, host: str, path: str) -> tuple[Revision, str] | None:
    """Return the revision behind an address, and the path that its code sees; None if there is none.

    Args:
        host: `REGION-PROJECT.cloudfunctions.net` or a host of the service.
        path: the request's path.
    """
    if host.endswith(FUNCTIONS_HOST):
        key, slash, rest = path.removeprefix("/").partition("/")
        label = host.removesuffix(FUNCTIONS_HOST)
        for function in functions(cloud):
            _, project, _, region, _, name = cast("str", function["name"]).split("/")
            if label == f"{region}-{project}" and name == key:
                found = serving(cloud, project, region, name.lower().replace("_", "-"))
                return None if found is None else (found, slash + rest or "/")
        return None
    for name in cloud.store.collections("run/projects/"):
        for key, service in cloud.store.items(name):
            if any(url == f"https://{host}" for url in service.get("urls", [])):
                _, _, project, _, region, _ = name.split("/")
                found = serving(cloud, project, region, key)
                return None if found is None else (found, path)
    return None


def functions(cloud: Cloud) -> Iterator[Json]:
    """Yield every function of 2nd generation."""
    for name in cloud.store.collections("cloudfunctions/projects/"):
        if name.endswith("/functions"):
            yield from (function for _, function in cloud.store.items(name) if "serviceConfig" in function)


def variables(cloud: Cloud, revision: Revision) -> dict[str, str]:
    """Return the variables of a revision's container: as declared, and the values of its secrets.

    Raises:
        SecretError: a secret version does not exist or is not enabled.
    """
    values: dict[str, str] = {}
    for item in revision.env:
        name = cast("str", item["name"])
        if "valueSource" not in item:
            values[name] = cast("str", item.get("value", ""))
            continue
        reference = cast("Json", item["valueSource"]["secretKeyRef"])
        parts = cast("str", reference["secret"]).split("/")
        project = cast("str", cloud.project(parts[1])["projectId"]) if len(parts) > 1 else revision.project
        values[name] = _secret(cloud, project, parts[-1], cast("str", reference.get("version", "latest")))
    return values


def _secret(cloud: Cloud, project: str, secret: str, version: str) -> str:
    found = secrets.find_version(cloud, project, secret, version)
    name = f"projects/{project}/secrets/{secret}/versions/{version}"
    if found is None:
        raise SecretError(f"Secret {name} was not found")
    if found["state"] != "ENABLED":
        raise SecretError(f"Secret {name} is in {found['state']} state")
    number = cast("str", found["name"]).rpartition("/")[2]
    payload = cast("str", cloud.secrets.get(secrets.PAYLOADS, f"{project}/{secret}/{number}"))
    return base64.b64decode(payload).decode()


def archive_of(cloud: Cloud, revision: Revision) -> bytes:
    """Return the source archive that was uploaded.

    Raises:
        ApiError: it does not exist.
    """
    return read_object(cloud, *revision.archive)
