"""The metadata server, which tells a function who it is: project, region, tokens of its account.

The function that asks is named in a header that `functions_host/edges.js` adds. Access tokens are the
sandbox's own; identity tokens are `sandbox.google.running.tokens`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.responses import JSONResponse, PlainTextResponse, Response

from sandbox.environment import GOOGLE_TOKEN
from sandbox.google.errors import ApiError
from sandbox.google.running import revisions, tokens

if TYPE_CHECKING:
    from starlette.datastructures import Headers

    from sandbox.google.cloud import Cloud

HOSTS = ("metadata.google.internal", "169.254.169.254")
CALLER = "x-sandbox-caller"
_FLAVOR = {"Metadata-Flavor": "Google"}
_ROOT = "/computeMetadata/v1/"


def respond(cloud: Cloud, path: str, query: str, headers: Headers) -> Response:
    """Return the response to a function (Compute Engine docs, "Predefined metadata keys")."""
    if not path.startswith(_ROOT):
        return PlainTextResponse("computeMetadata/\n", headers=_FLAVOR)
    if headers.get("metadata-flavor", "").lower() != "google":
        return PlainTextResponse("Missing Metadata-Flavor:Google header.", 403, _FLAVOR)
    caller = headers.get(CALLER, "").split("/")
    revision = revisions.serving(cloud, caller[1], caller[3], caller[5]) if len(caller) == 6 else None
    if revision is None:
        return PlainTextResponse("the caller is no function of the sandbox", 404, _FLAVOR)
    number = cloud.number(revision.project)
    texts = {
        "project/project-id": revision.project,
        "project/numeric-project-id": number,
        "instance/region": f"projects/{number}/regions/{revision.region}",
        "instance/zone": f"projects/{number}/zones/{revision.region}-1",
        "instance/id": revision.name,
        "universe/universe-domain": "googleapis.com",
    }
    wanted = path.removeprefix(_ROOT).rstrip("/")
    if wanted in texts:
        return PlainTextResponse(texts[wanted], headers=_FLAVOR)
    for name in ("default", revision.account):
        account = f"instance/service-accounts/{name}"
        if wanted == f"{account}/email":
            return PlainTextResponse(revision.account, headers=_FLAVOR)
        if wanted == f"{account}/token":
            token = {"access_token": GOOGLE_TOKEN, "expires_in": 3599, "token_type": "Bearer"}
            return JSONResponse(token, headers=_FLAVOR)
        if wanted == f"{account}/identity":
            audience = parse_qs(query).get("audience", [""])[0]
            try:
                token_text = tokens.issue(cloud, revision.account, audience)
            except ApiError as error:
                return PlainTextResponse(error.message, 404, _FLAVOR)
            return PlainTextResponse(token_text, headers=_FLAVOR)
    return PlainTextResponse("Not Found", 404, _FLAVOR)
