"""The buckets of triggers: where they are, who publishes their events, and what keeps functions away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from checkout.endpoints import Endpoint, EventTrigger
from checkout.live_buckets import located
from firebase.errors import GoogleError, JsonObject
from firebase.rest import GoogleApi
from settings.model import GoogleSettings
from tests.components import world

pytestmark = pytest.mark.unit

BUCKET = "crm.firebasestorage.app"
GOOGLE = GoogleSettings(project="crm-test", firestore_location="nam5")
AGENT = "service-7@gs-project-accounts.iam.gserviceaccount.com"


class Project(GoogleApi):
    """A project with buckets."""

    def __init__(self, buckets: Mapping[str, Mapping[str, object]], error: GoogleError | None = None) -> None:
        super().__init__({})
        self.sent: list[str] = []
        self._buckets = buckets
        self._error = error

    def call(self, method: str, product: str, path: str, **_: Any) -> JsonObject:
        self.sent.append(f"{method} {product} {path}")
        if self._error is not None:
            raise self._error
        if path == "projects/crm-test/serviceAccount":
            return {"email_address": AGENT}
        found = self._buckets.get(path.removeprefix("b/"))
        if found is None:
            raise GoogleError("no bucket", "", status=404, reason="notFound")
        return dict(found)


def bucket(location: str, number: str = "7") -> dict[str, Mapping[str, object]]:
    return {BUCKET: {"name": BUCKET, "location": location, "projectNumber": number}}


def uploaded(region: str = "us-central1", trigger_region: str = "") -> Endpoint:
    trigger = EventTrigger(
        event_type="google.cloud.storage.object.v1.finalized",
        filters={"bucket": BUCKET},
        path_patterns={},
        region=trigger_region,
        retry=False,
    )
    return replace(world.endpoint("onUpload", trigger), region=region)


def look(api: Project, *endpoints: Endpoint, google: GoogleSettings = GOOGLE) -> tuple[list[str], list[str]]:
    """The trigger regions of the functions, and what is wrong with them."""
    app, problems = located(api, world.app(codebases=(world.codebase(*endpoints),)), google)
    triggers = [one.trigger for codebase in app.codebases for one in codebase.endpoints]
    if not problems:
        assert app.storage_agent == AGENT
    for problem in problems:
        assert problem.fix in str(problem).replace("\n       ", "\n")
    regions = [one.region for one in triggers if isinstance(one, EventTrigger)]
    return regions, [problem.what for problem in problems]


@pytest.mark.parametrize(
    ("location", "region"),
    [
        ("US", "us-east4"),
        ("US-EAST1", "us-east1"),
        ("EU", "europe-west8"),
        ("ASIA1", "asia-northeast1"),
        ("US-CENTRAL1", "europe-west1"),  # firebase-tools allows it, too
    ],
)
def test_the_trigger_is_where_the_bucket_is(location: str, region: str) -> None:
    assert look(Project(bucket(location)), uploaded(region)) == ([location.lower()], [])


@pytest.mark.parametrize(("location", "region"), [("EU", "us-central1"), ("US-EAST1", "us-east4")])
def test_a_function_elsewhere_is_a_problem_with_the_buckets_location(location: str, region: str) -> None:
    _, (what,) = look(Project(bucket(location)), uploaded(region))
    assert what.startswith(f"onUpload: is in {region}, but the bucket {BUCKET} is in {location.lower()}.")


def test_a_trigger_that_names_another_region_is_a_problem() -> None:
    _, (what,) = look(Project(bucket("US")), uploaded(trigger_region="us-east1"))
    assert what == f"onUpload: the trigger is in us-east1, but the bucket {BUCKET} is in us."


def test_a_bucket_of_another_project_is_a_problem() -> None:
    _, (what,) = look(Project(bucket("US", "8")), uploaded())
    assert "is in another project (number 8)" in what


def test_a_bucket_that_does_not_exist_is_named_with_its_functions() -> None:
    _, problems = located(
        Project({}), world.app(codebases=(world.codebase(uploaded(), uploaded("us-east1")),)), GOOGLE
    )
    assert [one.what for one in problems] == [f"onUpload: there is no Cloud Storage bucket {BUCKET}."]
    assert f"gcloud storage buckets create gs://{BUCKET} --project crm-test" in problems[0].fix
    default = replace(GOOGLE, storage_bucket=BUCKET)
    _, (problem,) = located(Project({}), world.app(codebases=(world.codebase(uploaded()),)), default)
    assert problem.fix.startswith("pulumi config set whatsapp-crm:storageBucket")


def test_an_api_that_is_off_is_a_problem_with_the_command_that_enables_it() -> None:
    off = GoogleError("off", "", status=403, reason="SERVICE_DISABLED")
    _, problems = located(Project({}, off), world.app(codebases=(world.codebase(uploaded()),)), GOOGLE)
    assert [one.fix for one in problems] == [
        "gcloud services enable storage.googleapis.com --project crm-test"
    ]


def test_a_bucket_that_may_not_be_read_is_the_error_of_google() -> None:
    denied = GoogleError("may not read it", "grant the role", status=403, reason="forbidden")
    _, problems = located(Project({}, denied), world.app(codebases=(world.codebase(uploaded()),)), GOOGLE)
    assert [one.fix for one in problems] == ["grant the role"]
    assert "may not read it" in problems[0].what


def test_without_such_functions_nothing_is_sent() -> None:
    api = Project({})
    app = world.app()
    assert located(api, app, GOOGLE) == (app, [])
    assert api.sent == []
