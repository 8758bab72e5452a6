"""Reads manifests for tests: of one function, or of several."""

from __future__ import annotations

from collections.abc import Mapping

from checkout.endpoints import Endpoint
from checkout.manifest import Context, Parsed, parse
from checkout.params import Params
from settings.model import GoogleSettings
from settings.problems import Problem

CONTEXT = Context(
    where="functions",
    google=GoogleSettings(project="crm-sandbox", region="europe-west1", firestore_location="eur3"),
    runtime="nodejs22",
)
HTTPS: dict[str, object] = {"platform": "gcfv2", "entryPoint": "send", "httpsTrigger": {}}


def read(
    endpoints: Mapping[str, object], params: Params | None = None, **top: object
) -> tuple[Parsed, list[Problem]]:
    manifest = {"specVersion": "v1alpha1", "endpoints": dict(endpoints), **top}
    return parse(manifest, params or Params(), CONTEXT)


def one(entry: Mapping[str, object], params: Params | None = None, name: str = "send") -> Endpoint:
    found, problems = read({name: dict(entry)}, params)
    assert problems == []
    (endpoint,) = found.endpoints
    return endpoint


def refused(entry: Mapping[str, object], params: Params | None = None, name: str = "send") -> str:
    _, problems = read({name: dict(entry)}, params)
    assert len(problems) == 1, [str(problem) for problem in problems]
    assert problems[0].key == "functions"
    assert problems[0].fix
    assert problems[0].what.startswith(f"{name}: ")
    return problems[0].what
