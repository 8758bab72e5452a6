"""What a person reads when a provider says no: its words. What a defect leaves: its frames."""

from __future__ import annotations

import grpc
import pytest

from railway.graphql.errors import MissingError
from railway.service import ServiceProvider
from tests.conformance.railway_world import World, first_up

pytestmark = pytest.mark.conformance


def test_an_error_of_ours_is_its_text_alone(railway: World) -> None:
    """No frame of ours, none of Pulumi's."""
    engine = first_up(railway)
    place = {"project_id": engine.id("project"), "environment_id": "nobody-knows"}
    with railway.operation() as process, pytest.raises(grpc.RpcError) as caught:
        process.resource(ServiceProvider()).create(place | {"service_name": "worker"})
    assert isinstance(caught.value, grpc.Call)
    text = str(caught.value.details())
    assert text == str(MissingError("the environment is deleted", fix="run `pulumi up --refresh`"))


def test_a_defect_keeps_its_frames(railway: World) -> None:
    """Else nobody could find it."""
    with railway.operation() as process, pytest.raises(grpc.RpcError) as caught:
        process.resource(ServiceProvider()).create({"service_name": "worker"})
    assert isinstance(caught.value, grpc.Call)
    text = str(caught.value.details())
    assert "Traceback" in text
    assert "KeyError: 'project_id'" in text
