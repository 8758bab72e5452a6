"""Indexes and field overrides: their order of creation, the wait for their builds, and their inputs."""

from __future__ import annotations

from dataclasses import replace

import pulumi
import pytest

from checkout.index_file import FieldSpec, IndexField
from components import indexes
from tests.components import world
from tests.components.conftest import Run
from tests.components.engine import Engine, Registered, run_alone

pytestmark = pytest.mark.components


def submitted(engine: Engine) -> list[Registered]:
    """The indexes and overrides."""
    return [*engine.of("firestore/index:Index"), *engine.of("firestore/field:Field")]


def field(name: str, *, ttl: bool | None = None, collection: str = "sessions") -> FieldSpec:
    """An override of one field."""
    return FieldSpec(
        collection=collection,
        field=name,
        indexes=None if ttl else (),
        ttl=ttl,
        key=f"{collection}-{name}",
    )


def test_each_index_is_submitted_after_the_one_before_and_none_waits_for_a_build(run: Run) -> None:
    """Many at once: "too much contention on these datastore entities" (firebase-tools issue 1119)."""
    engine = run(app=lambda: world.app(fields=(field("a"), field("b", ttl=True))))
    all_of_them = submitted(engine)
    urns = {resource.urn for resource in all_of_them}
    assert all(resource.inputs["skipWait"] is True for resource in all_of_them)
    assert all(len(resource.depends_on & urns) <= 1 for resource in all_of_them)
    followed = [urn for resource in all_of_them for urn in resource.depends_on & urns]
    assert len(followed) == len(set(followed)) == len(all_of_them) - 1


def test_one_resource_waits_for_all_of_them_and_functions_wait_for_it(run: Run) -> None:
    engine = run()
    builds = engine.one("indexes-builds")
    assert engine.waits_for(builds) >= {resource.name for resource in submitted(engine)}
    assert set(builds.inputs["indexes"]) == {index.key for index in world.INDEXES}
    for function in engine.of("cloudfunctionsv2/function:Function"):
        assert "indexes-builds" in engine.waits_for(function)


def test_a_ttl_that_ends_does_so_before_another_begins(run: Run) -> None:
    """Firestore allows one TTL field per collection group."""
    engine = run(app=lambda: world.app(fields=(field("a", ttl=True), field("z"))))
    new = engine.one("indexes-sessions-a")
    assert {"indexes-ttl", "indexes-sessions-z"} <= engine.waits_for(new)
    assert engine.one("indexes-ttl").inputs["fields"] == {"sessions": "a"}
    assert "indexes-ttl" not in engine.waits_for(engine.one("indexes-sessions-z"))


def failed(*errors: str) -> pulumi.ErrorHookArgs:
    """What the engine hands to an error hook, the newest error first."""
    return pulumi.ErrorHookArgs("urn", "", "indexes-a", "gcp:firestore/index:Index", errors=list(errors))


def test_only_contention_is_retried_and_with_a_growing_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(indexes.asyncio, "sleep", sleep)
    busy = "Error 409: Too much contention on these datastore entities. please try again."

    def repeated(*errors: str) -> bool:
        return run_alone(indexes.retry_contention(failed(*errors)))

    assert repeated(busy)
    assert repeated(busy, busy, busy)
    assert pauses == [1, 4]
    assert not repeated(*[busy] * (indexes.RETRIES + 1))
    assert not repeated("googleapi: Error 409: index already exists, ALREADY_EXISTS", busy)
    assert pauses == [1, 4]


def test_every_submission_has_the_retry_hook(run: Run) -> None:
    hooks = {tuple(one.request.hooks.on_error) for one in submitted(run())}
    assert hooks == {("retry-firestore-contention", "indexes-already-exists")}


def test_an_index_is_never_deleted_before_its_replacement(run: Run) -> None:
    for index in run().of("firestore/index:Index"):
        assert not index.request.deleteBeforeReplace


def test_properties_that_are_not_in_the_file_are_not_sent(run: Run) -> None:
    """Another `density` or `apiScope` than the server's default would replace the index."""
    index = run().one("indexes-threads-accountId-lastMessageAt")
    assert set(index.inputs) == {"project", "database", "collection", "queryScope", "fields", "skipWait"}


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
    ("overrides", "ttl", "expected"),
    [
        ((), None, {"indexConfig": {}}),
        (None, True, {"ttlConfig": {}}),
        (None, None, {}),
        (None, False, {}),
    ],
)
def test_a_field_override_has_only_the_properties_of_the_file(
    run: Run, overrides: tuple[()] | None, ttl: bool | None, expected: dict[str, object]
) -> None:
    spec = FieldSpec(collection="messages", field="body", indexes=overrides, ttl=ttl, key="messages-body")
    engine = run(app=lambda: world.app(fields=(spec,)))
    inputs = dict(engine.one("indexes-messages-body").inputs)
    for plain in ("project", "database", "collection", "field", "skipWait"):
        del inputs[plain]
    assert inputs == expected


def test_without_indexes_the_deployment_has_other_dependencies(run: Run) -> None:
    engine = run(app=lambda: world.app(indexes=(), fields=()))
    assert engine.of("firestore/index:Index") == []
    assert engine.one("backend-deployment").depends_on
