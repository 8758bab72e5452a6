"""Errors of providers: a `UserError` is its text, a defect has its traceback."""

from __future__ import annotations

import pytest

from railway.graphql.errors import MissingError
from railway.service import ServiceProvider
from tests.conformance.dynamic_process import refusal
from tests.conformance.railway_world import World, first_up

pytestmark = pytest.mark.conformance


def test_a_user_error_has_no_traceback(railway: World) -> None:
    engine = first_up(railway)
    place = {"project_id": engine.id("project"), "environment_id": "unknown"}
    with railway.operation() as process:
        text = refusal(lambda: process.resource(ServiceProvider()).create(place | {"service_name": "worker"}))
    what = "the Railway environment unknown is deleted"
    assert text == str(MissingError(what, fix="run `pulumi up --refresh --run-program`"))


def test_a_defect_has_its_traceback(railway: World) -> None:
    with railway.operation() as process:
        text = refusal(lambda: process.resource(ServiceProvider()).create({"service_name": "worker"}))
    assert "Traceback" in text
    assert "KeyError: 'project_id'" in text
