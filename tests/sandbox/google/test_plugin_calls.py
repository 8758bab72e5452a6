"""The recorded requests of every resource type: create, refresh, update, destroy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.sandbox.google.calls import PHASES, TYPES, Call
from tests.sandbox.google.client import REGION, Google
from tests.sandbox.google.response_schemas import schema_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.sandbox


def fill(value: Any, kept: Mapping[str, str]) -> Any:
    """Replace the `$name`s in a body or path, the longest name first."""
    if isinstance(value, dict):
        return {key: fill(part, kept) for key, part in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [fill(part, kept) for part in cast("list[Any]", value)]
    if isinstance(value, str):
        for name in sorted(kept, key=len, reverse=True):
            value = value.replace(f"${name}", kept[name])
    return value


def pick(answer: Any, place: str) -> str:
    """Return the value at `a.b`, or with `a.b/-1` its last path segment."""
    path, slash, segment = place.partition("/")
    for part in path.split("."):
        answer = answer[part]
    return cast("str", answer).split("/")[int(segment)] if slash else cast("str", answer)


def missing(wanted: Any, answer: Any, at: str = "") -> list[str]:
    """Return the paths at which a response lacks what is expected; None means absent or empty."""
    if isinstance(wanted, dict):
        if not isinstance(answer, dict):
            return [f"{at}: {answer!r}"]
        got = cast("dict[str, Any]", answer)
        return [
            one
            for key, part in cast("dict[str, Any]", wanted).items()
            if part is not None
            for one in missing(part, got.get(key), f"{at}.{key}")
        ]
    if isinstance(wanted, list):
        items, given = cast("list[Any]", wanted), cast("list[Any]", answer)
        if not isinstance(answer, list) or len(given) != len(items):
            return [f"{at}: {answer!r}"]
        return [
            one for index, part in enumerate(items) for one in missing(part, given[index], f"{at}[{index}]")
        ]
    return [] if wanted == answer else [f"{at}: {answer!r} is not {wanted!r}"]


def perform(google: Google, call: Call, kept: dict[str, str]) -> None:
    path, body = fill(call.path, kept), fill(call.body, kept)
    for _ in range(call.times):
        if call.upload is not None:
            parts = (
                b"--edge\r\nContent-Type: application/json\r\n\r\n"
                + json.dumps(body).encode()
                + b"\r\n--edge\r\nContent-Type: application/octet-stream\r\n\r\n"
                + call.upload
                + b"\r\n--edge--\r\n"
            )
            headers = {"Content-Type": "multipart/related; boundary=edge"}
            answer = google.call(call.http, path, data=parts, headers=headers)
        else:
            answer = google.call(call.http, path, body, status=call.status)
        assert missing(fill(call.sees, kept), answer) == [], f"{call.http} {path}"
        for name, place in call.keep.items():
            kept[name] = pick(answer, place)


@pytest.fixture
def ready(google: Google) -> Google:
    """Create what the recorded resources need: APIs, the runtime account, a source, a secret, a service."""
    google.ready_for_functions()
    google.upload("src-2.zip", b"PK2")
    google.switch(index_build_seconds=0)
    google.post(f"/run/v2/projects/crm-sandbox/locations/{REGION}/services?serviceId=svc2", {"template": {}})
    return google


@pytest.mark.parametrize("kind", TYPES)
def test_the_recorded_calls_of_a_resource(ready: Google, kind: str) -> None:
    if kind.startswith(("cloudfunctionsv2", "secretmanager.SecretIamBinding")):
        ready.secret("GROQ_API_KEY", "hush")
    kept: dict[str, str] = {}
    for phase in PHASES:
        for call in TYPES[kind]:
            if call.phase == phase:
                perform(ready, call, kept)
    operations = ready.get("/admin/counters")["operations"]
    assert not [name for name in operations if name.endswith("unknown")]


def test_the_table_has_every_phase_of_every_type_that_has_one() -> None:
    for kind, calls in TYPES.items():
        phases = {call.phase for call in calls}
        assert phases <= set(PHASES), kind
        assert "create" in phases, kind


def test_the_schema_check_finds_unknown_fields(google: Google) -> None:
    project = google.get("/crm/v1/projects/crm-sandbox")
    assert schema_errors("GET", "/crm/v1/projects/crm-sandbox", project) == []
    assert schema_errors("GET", "/crm/v1/projects/crm-sandbox", {**project, "color": "red"})
    assert schema_errors("GET", "/crm/v1/projects/crm-sandbox", {**project, "projectId": 7})
    assert schema_errors("GET", "/crm/v1/projects/crm-sandbox", {**project, "createTime": "yesterday"})
