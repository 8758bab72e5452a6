"""Indexes: their order of creation, and their inputs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checkout.index_file import FieldSpec, IndexField
from components.indexes import lane_of
from tests.components import world
from tests.components.conftest import Run
from tests.components.engine import Engine

pytestmark = pytest.mark.components


def chain(engine: Engine) -> dict[str, set[str]]:
    """For each index, the indexes it waits for directly."""
    indexes = {resource.urn: resource.name for resource in engine.of("firestore/index:Index")}
    return {
        resource.name: {indexes[urn] for urn in resource.depends_on if urn in indexes}
        for resource in engine.of("firestore/index:Index")
    }


def test_the_first_index_is_created_alone(run: Run) -> None:
    """Many at once in a new database: "too much contention on these datastore entities"."""
    before = chain(run())
    first = [name for name, waits in before.items() if not waits]
    assert len(first) == 1
    assert sum(first[0] in waits for waits in before.values()) <= world.GOOGLE.index_lanes


def test_at_most_one_index_per_lane_is_created_at_once(run: Run) -> None:
    many = tuple(world.index("c", f"a{n}", "b") for n in range(40))
    google = replace(world.GOOGLE, index_lanes=3)
    before = chain(run(lambda: world.settings(google=google), lambda: world.app(indexes=many)))
    assert all(len(waits) <= 1 for waits in before.values())
    followers = [name for waits in before.values() for name in waits]
    seed = next(name for name, waits in before.items() if not waits)
    assert followers.count(seed) == 3
    assert all(followers.count(name) == 1 for name in set(followers) - {seed})


def test_a_new_index_does_not_move_others_to_another_lane(run: Run) -> None:
    more = (*world.INDEXES, world.index("threads", "zzz", "last"))
    old, new = chain(run()), chain(run(app=lambda: world.app(indexes=more)))
    moved = {name for name in old if old[name] != new[name]}
    assert moved == set()


def test_lanes_have_similar_lengths() -> None:
    lanes = [lane_of(f"threads-{n}-field", 4) for n in range(400)]
    assert all(60 < lanes.count(lane) < 140 for lane in range(4))


def test_the_time_out_of_an_index_is_two_hours(run: Run) -> None:
    for index in run().of("firestore/index:Index"):
        assert index.request.customTimeouts.create == "120m"


def test_an_index_is_never_deleted_before_its_replacement(run: Run) -> None:
    for index in run().of("firestore/index:Index"):
        assert not index.request.deleteBeforeReplace


def test_properties_that_are_not_in_the_file_are_not_sent(run: Run) -> None:
    """Another `density` or `apiScope` than the server's default would replace the index."""
    index = run().one("indexes-threads-accountId-lastMessageAt")
    assert set(index.inputs) == {"project", "database", "collection", "queryScope", "fields"}


def test_array_and_vector_fields(run: Run) -> None:
    odd = replace(
        world.INDEXES[0],
        fields=(
            IndexField(path="tags", array_config="CONTAINS"),
            IndexField(path="__name__", order="ASCENDING"),
            IndexField(path="embedding", vector_dimension=768),
        ),
    )
    engine = run(app=lambda: world.app(indexes=(odd,)))
    assert engine.one(f"indexes-{odd.key}").inputs["fields"] == [
        {"fieldPath": "tags", "arrayConfig": "CONTAINS"},
        {"fieldPath": "__name__", "order": "ASCENDING"},
        {"fieldPath": "embedding", "vectorConfig": {"dimension": 768.0, "flat": {}}},
    ]


@pytest.mark.parametrize(
    ("indexes", "ttl", "expected"),
    [
        ((), None, {"indexConfig": {}}),
        (None, True, {"ttlConfig": {}}),
        (None, None, {}),
        (None, False, {}),
    ],
)
def test_a_field_override_has_only_the_properties_of_the_file(
    run: Run, indexes: tuple[()] | None, ttl: bool | None, expected: dict[str, object]
) -> None:
    field = FieldSpec(collection="messages", field="body", indexes=indexes, ttl=ttl, key="messages-body")
    engine = run(app=lambda: world.app(fields=(field,)))
    inputs = dict(engine.one("indexes-messages-body").inputs)
    for name in ("project", "database", "collection", "field"):
        del inputs[name]
    assert inputs == expected


def test_without_indexes_the_deployment_has_other_dependencies(run: Run) -> None:
    engine = run(app=lambda: world.app(indexes=(), fields=()))
    assert engine.of("firestore/index:Index") == []
    assert engine.one("backend-deployment").depends_on
