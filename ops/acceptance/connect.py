"""What `accept` needs of a stack: its names, addresses, test user, database, and the hands of its client."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from components.verification_spec import Spec
from firebase.errors import JsonObject
from firebase.rest import GoogleApi
from ops import google, stack
from ops.acceptance import loopback
from ops.acceptance.requests_to import Site
from railway.graphql.api import RailwayApi
from settings.acceptance_names import Names, names_of
from settings.keys import NAMESPACE

VARIABLES = "pulumi-python:dynamic/railway:Variables"
HEALTH_SECONDS = 20.0
RAILWAY_EDGE, GOOGLE_EDGE = "RAILWAY_EDGE_URL", "GOOGLE_EDGE_URL"
FIRESTORE_EMULATOR, AUTH_EMULATOR = "FIRESTORE_EMULATOR_HOST", "FIREBASE_AUTH_EMULATOR_HOST"


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A stack as its last `up` left it.

    Args:
        spec: what it verified.
        names: what the app calls its parts.
        state: the resources.
        region: the region of functions that the state does not name.
    """

    spec: Spec
    names: Names
    state: Sequence[JsonObject]
    region: str


def read(name: str) -> Deployed:
    """The stack.

    Raises:
        StackError: there is no such stack, or no `up` of it has succeeded.
    """
    state = stack.resources(name)
    entries = stack.config_entries(name)
    acceptance, flutter = (_mapping(entries, key) for key in ("acceptanceNames", "flutterNames"))
    region = str(entries.get(f"{NAMESPACE}:region", {}).get("value") or "")
    return Deployed(
        spec=stack.verification(name, state),
        names=names_of(acceptance, flutter),
        state=state,
        region=region,
    )


def _mapping(entries: Mapping[str, JsonObject], key: str) -> Mapping[str, str]:
    """A setting that is an object; {} if it is not set. `up` has checked it."""
    given = entries.get(f"{NAMESPACE}:{key}", {}).get("value") or "{}"
    parsed: object = json.loads(given)
    found = cast("Mapping[str, object]", parsed) if isinstance(parsed, dict) else {}
    return {name: str(value) for name, value in found.items()}


def backend_site(spec: Spec, environ: Mapping[str, str]) -> Site:
    """The backend's address."""
    parts = urlsplit(spec.backend_url)
    return Site(f"{parts.scheme}://{parts.netloc}", environ.get(RAILWAY_EDGE, ""))


def backend_variables(deployed: Deployed, railway: RailwayApi) -> Mapping[str, str]:
    """The live variables of the backend.

    Raises:
        RailwayError: they could not be read.
        StackError: the stack has no backend.
    """
    for resource in deployed.state:
        if resource.get("type") == VARIABLES and not resource.get("delete"):
            outputs = cast("JsonObject", resource.get("outputs") or {})
            ids = [str(outputs[name]) for name in ("project_id", "environment_id", "service_id")]
            return railway.rendered_variables(*ids)
    raise stack.StackError("the stack has no backend", "pulumi up --stack <stack>")


def is_loopback(site: Site, health_path: str) -> bool:
    """Whether the backend has no WhatsApp, as its health check says: then nobody needs a phone.

    Raises:
        CannotTellError: the backend does not answer.
    """
    return site.send("GET", health_path, timeout=HEALTH_SECONDS).body.get("transport") == loopback.TRANSPORT


class Functions:
    """The addresses of the stack's functions, read from Google once.

    Args:
        deployed: the stack.
        api: the client.
        environ: the environment variables.
    """

    def __init__(self, deployed: Deployed, api: GoogleApi, environ: Mapping[str, str]) -> None:
        self._spec = deployed.spec
        self._region = deployed.region
        self._api = api
        self._edge = environ.get(GOOGLE_EDGE, "")
        self._urls: dict[str, str] | None = None

    def site(self, name: str) -> Site | None:
        """The address of a function; None if there is none of that id.

        Raises:
            GoogleError: the functions could not be read.
        """
        if self._urls is None:
            regions = {one.region for one in self._spec.functions} | ({self._region} - {""})
            self._urls = {
                id_: str(found.get("url") or "")
                for region in sorted(regions)
                for id_, found in google.functions(self._api, self._spec.project, region).items()
            }
        url = self._urls.get(name)
        return Site(url, self._edge) if url else None


def documents_site(environ: Mapping[str, str]) -> Site:
    """Firestore's REST API, at which security rules apply to the test user."""
    emulator = environ.get(FIRESTORE_EMULATOR, "")
    return Site(f"http://{emulator}/v1" if emulator else "https://firestore.googleapis.com/v1")
