"""Every resource through the real provider process: made, read, unchanged, changed, changed in the dashboard,
deleted twice."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from railway.backup_schedule import VolumeBackupScheduleProvider
from railway.custom_domain import CustomDomainProvider
from railway.environment import EnvironmentProvider
from railway.project import ProjectProvider
from railway.provider import RailwayProvider
from railway.service import ServiceProvider
from railway.service_domain import ServiceDomainProvider
from railway.service_limits import ServiceLimitsProvider
from railway.service_settings import ServiceSettingsProvider
from railway.shared_variables import SharedVariablesProvider
from railway.tcp_proxy import TcpProxyProvider
from railway.variables import VariablesProvider
from tests.conformance.dynamic_process import UNKNOWN, DynamicResource, Live, refusal
from tests.conformance.railway_world import (
    ALWAYS_DECLARED,
    CONFIG_KEYS,
    REPO,
    WORKSPACE,
    Declared,
    Engine,
    World,
    first_up,
)
from tests.conformance.test_railway_environments import NEW_ALLOWED

pytestmark = pytest.mark.conformance


Place = Mapping[str, str]
Edit = Callable[[World, Live], object]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A resource under test, in addition to a stack that is up.

    Args:
        provider: its provider.
        inputs: what is declared.
        changes: what is declared next, in place.
        edit: an edit in the dashboard.
        shows: the property in which the edit is drift; "" if there is no edit.
        deletes: deletes it in the dashboard; None if it cannot be deleted there.
        place: the ids that it needs.
        beside: further inputs, from the stack.
        config: the stack's config with which it is created again after its deletion.
    """

    provider: RailwayProvider
    inputs: Mapping[str, Any]
    changes: Mapping[str, Any]
    edit: Edit
    shows: str
    deletes: Edit | None
    place: tuple[str, ...] = ("project_id", "environment_id", "service_id")
    beside: Callable[[Engine], dict[str, Any]] = field(default=lambda _engine: {})
    config: Mapping[str, str] = field(default_factory=dict[str, str])


def _by_id(mutation: str) -> Edit:
    """An edit by a mutation that needs only the object's id, as `$id`."""
    return lambda world, live: world.manual(f"mutation($id: String!) {{ {mutation} }}", id=live.id)


def _service_of(live: Live) -> dict[str, str]:
    return {"environmentId": live.outs["environment_id"], "serviceId": live.outs["service_id"]}


def _domain_port(world: World, live: Live) -> object:
    return world.manual(
        "mutation($i: ServiceDomainUpdateInput!) { serviceDomainUpdate(input: $i) }",
        i=_service_of(live) | {"serviceDomainId": live.id, "domain": live.outs["domain"], "targetPort": 9999},
    )


SUBJECTS: dict[str, Subject] = {
    "project": Subject(
        config=NEW_ALLOWED,
        provider=ProjectProvider(),
        place=(),
        inputs={
            "project_name": "other",
            "stack_marker": "other/test",
            "workspace_id": WORKSPACE,
            "config_keys": CONFIG_KEYS,
        },
        changes={"project_name": "renamed"},
        edit=_by_id('projectUpdate(id: $id, input: {name: "hand"}) { id }'),
        shows="project_name",
        deletes=_by_id("projectDelete(id: $id)"),
    ),
    "environment": Subject(
        config=NEW_ALLOWED,
        provider=EnvironmentProvider(),
        place=("project_id",),
        inputs={"environment_name": "staging", "config_keys": CONFIG_KEYS},
        changes={"environment_name": "preview"},
        edit=_by_id('environmentRename(id: $id, input: {name: "hand"}) { id }'),
        shows="environment_name",
        deletes=_by_id("environmentDelete(id: $id)"),
    ),
    "service": Subject(
        provider=ServiceProvider(),
        place=("project_id", "environment_id"),
        inputs={"service_name": "worker"},
        changes={"service_name": "worker-two"},
        edit=_by_id('serviceUpdate(id: $id, input: {name: "hand"}) { id }'),
        shows="service_name",
        deletes=_by_id("serviceDelete(id: $id)"),
    ),
    "variables": Subject(
        provider=VariablesProvider(),
        inputs={"variables": {"A": "one-1", "B": "${{other.X}}"}},
        changes={"variables": {"A": "two-2", "C": "three-3"}},
        edit=lambda world, live: world.manual(
            "mutation($i: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $i) }",
            i=_service_of(live)
            | {
                "projectId": live.outs["project_id"],
                "variables": {"A": "by-hand"},
                "skipDeploys": True,
            },
        ),
        shows="names",
        deletes=None,
    ),
    "settings": Subject(
        provider=ServiceSettingsProvider(),
        inputs={"has_volume": False, "repo": REPO, "branch": "main", "replicas": 1, "start_command": "a"},
        changes={
            "branch": "staging",
            "start_command": None,
            "overlap_seconds": 3,
            "watch_patterns": ["a/**"],
        },
        edit=lambda world, live: world.manual(
            "mutation($environmentId: String!, $serviceId: String!) { serviceInstanceUpdate("
            "environmentId: $environmentId, serviceId: $serviceId, input: {numReplicas: 2}) }",
            **_service_of(live),
        ),
        shows="replicas",
        deletes=None,
    ),
    "domain": Subject(
        provider=ServiceDomainProvider(),
        inputs={"target_port": 8080},
        changes={"target_port": 8081, "subdomain": "crm-hook"},
        edit=_domain_port,
        shows="target_port",
        deletes=_by_id("serviceDomainDelete(id: $id)"),
    ),
    "custom_domain": Subject(
        provider=CustomDomainProvider(),
        inputs={"domain": "crm.example.com", "target_port": 8080},
        changes={"target_port": 8081},
        edit=lambda world, live: world.manual(
            "mutation($id: String!, $e: String!)"
            " { customDomainUpdate(id: $id, environmentId: $e, targetPort: 9999) }",
            id=live.id,
            e=live.outs["environment_id"],
        ),
        shows="target_port",
        deletes=_by_id("customDomainDelete(id: $id)"),
    ),
    "tcp_proxy": Subject(
        provider=TcpProxyProvider(),
        inputs={"application_port": 5432},
        changes={},
        edit=lambda world, live: None,
        shows="",
        deletes=_by_id("tcpProxyDelete(id: $id)"),
    ),
    "shared_variables": Subject(
        provider=SharedVariablesProvider(),
        place=("project_id", "environment_id"),
        inputs={"variables": {"SHARED": "one-1"}},
        changes={"variables": {"SHARED": "two-2"}},
        edit=lambda world, live: world.manual(
            "mutation($i: VariableUpsertInput!) { variableUpsert(input: $i) }",
            i={
                "projectId": live.outs["project_id"],
                "environmentId": live.outs["environment_id"],
                "name": "MORE",
                "value": "by-hand",
                "skipDeploys": True,
            },
        ),
        shows="names",
        deletes=None,
    ),
    "limits": Subject(
        provider=ServiceLimitsProvider(),
        inputs={"cpus": 2, "memory_gb": 4},
        changes={"cpus": 1.5, "memory_gb": None},
        edit=lambda world, live: world.manual(
            "mutation($i: ServiceInstanceLimitsUpdateInput!) { serviceInstanceLimitsUpdate(input: $i) }",
            i=_service_of(live) | {"vCPUs": 8},
        ),
        shows="cpus",
        deletes=None,
    ),
    "backups": Subject(
        provider=VolumeBackupScheduleProvider(),
        place=("project_id", "environment_id"),
        beside=lambda engine: {"volume_id": engine.id("volume")},
        inputs={"kinds": ["WEEKLY", "DAILY"]},
        changes={"kinds": ["MONTHLY"]},
        edit=_by_id(
            "volumeInstanceBackupScheduleUpdate(volumeInstanceId: $id, kinds: [DAILY, WEEKLY, MONTHLY])"
        ),
        shows="kinds",
        deletes=None,
    ),
}
OWN_SERVICE = {"variables", "settings", "domain", "custom_domain", "tcp_proxy", "limits"}


@contextmanager
def one_resource(
    world: World, provider: RailwayProvider, config: Mapping[str, str] | None = None
) -> Generator[DynamicResource]:
    """A provider process for one operation on one resource."""
    with world.operation(config=config) as process:
        yield process.resource(provider)


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_resource_is_created_read_updated_reset_and_deleted(railway: World, name: str) -> None:
    """Each step is an operation of the engine, with a provider process of its own."""
    subject = SUBJECTS[name]
    engine = first_up(railway)
    ids = {"project_id": engine.id("project"), "environment_id": engine.id("environment")}
    if name in OWN_SERVICE:
        with one_resource(railway, ServiceProvider()) as service:
            ids["service_id"] = service.create(ids | {"service_name": "worker"}).id
    with one_resource(railway, subject.provider) as resource:
        place = {key: ids[key] for key in subject.place} | subject.beside(engine)
        declared = resource.inputs(place | dict(subject.inputs))
        live = resource.create(declared)
        assert not resource.diff(live, declared).changes
    with one_resource(railway, subject.provider) as resource:
        again, inputs = resource.read(live)
        assert again == live
        assert not resource.diff(again, declared).changes
        assert set(inputs) <= {field.name for field in subject.provider.FIELDS}
        # The same again, as after a crash before its id was kept: found, not made twice.
        assert resource.create(declared).id == live.id
    news = {key: value for key, value in {**declared, **subject.changes}.items() if value is not None}
    news.pop("names", None)
    if subject.changes:
        with one_resource(railway, subject.provider) as resource:
            news = resource.inputs(news, declared)
            found = resource.diff(live, news)
            assert found.changes
            assert found.replaces == ()
            live = resource.update(live, news)
            assert not resource.diff(live, news).changes
    with one_resource(railway, subject.provider) as resource:
        again, _ = resource.read(live)
        assert again == live
    if subject.shows:
        subject.edit(railway, live)
        with one_resource(railway, subject.provider) as resource:
            drifted, inputs = resource.read(live)
            assert drifted.outs[subject.shows] != live.outs[subject.shows]
            assert inputs[subject.shows] == drifted.outs[subject.shows]
            assert resource.diff(drifted, news).changes
            healed = resource.update(drifted, resource.inputs(news, inputs))
        with one_resource(railway, subject.provider) as resource:
            assert not resource.diff(resource.read(healed)[0], news).changes
    if subject.deletes is not None:
        subject.deletes(railway, live)
        with one_resource(railway, subject.provider, subject.config) as resource:
            assert resource.read(live)[0].id == ""
            resource.delete(live)
            live = resource.create(news)
        with one_resource(railway, subject.provider) as resource:
            assert resource.read(live)[0].id == live.id
    with one_resource(railway, subject.provider) as resource:
        resource.delete(live)
        resource.delete(live)
    assert railway.overlaps() == 0


@pytest.mark.parametrize("name", SUBJECTS)
def test_what_depends_on_an_unknown_parent_is_a_change_and_no_replacement(railway: World, name: str) -> None:
    """A preview of an `up` that makes the parent again."""
    subject = SUBJECTS[name]
    if not subject.place:
        news = dict(subject.inputs) | {"project_name": UNKNOWN}
        place: dict[str, str] = {}
    else:
        place = dict.fromkeys(subject.place, "known")
        news = place | dict(subject.inputs) | {subject.place[-1]: UNKNOWN}
    with railway.operation() as process:
        found = process.resource(subject.provider).diff(Live("id", place | dict(subject.inputs)), news)
    assert found.changes
    assert found.replaces == ()
    assert railway.counts() == ({}, 0)


def test_a_parent_that_was_made_again_replaces_its_children_in_order(railway: World) -> None:
    """Deleted before they are made again: names clash."""
    with railway.operation() as process:
        resource = process.resource(ServiceProvider())
        place = {"project_id": "p", "environment_id": "e", "service_name": "n"}
        found = resource.diff(Live("id", place), place | {"environment_id": "other"})
    assert found.replaces == ("environment_id",)
    assert found.delete_before_replace


@pytest.mark.parametrize("who", ["program", "manual"])
def test_a_renamed_project_and_environment_are_read_with_one_request(railway: World, who: str) -> None:
    """The project knows its environment by id: no second reading, to look for a name."""
    engine = first_up(railway)
    environment_id = engine.id("environment")
    if who == "program":
        with railway.operation() as process:
            engine.up(process, Declared(project_name="crm-two", environment_name="live"))
    else:
        railway.manual(
            'mutation($id: String!) { environmentRename(id: $id, input: {name: "hand"}) { id } }',
            id=environment_id,
        )
        with railway.operation() as process:
            assert set(engine.refresh(process)) == {"environment"}
    railway.reset()
    with railway.operation() as process:
        assert engine.refresh(process) == {}
    assert engine.state["project"].live.outs["environment_id"] == environment_id
    assert railway.counts() == ({"SnapshotRead": 1}, 0)


def test_one_process_and_four_threads_make_one_of_each(railway: World) -> None:
    """The SDK's server has four workers: the same create at once, four times, still makes one."""
    engine = first_up(railway)
    place = {"project_id": engine.id("project"), "environment_id": engine.id("environment")}
    with railway.operation() as process, ThreadPoolExecutor(4) as pool:
        resource = process.resource(ServiceProvider())
        made = list(pool.map(lambda _: resource.create(place | {"service_name": "worker"}).id, range(4)))
    assert len(set(made)) == 1
    assert len([row for row in railway.rows("services") if row["name"] == "worker"]) == 1
    assert railway.overlaps() == 0


def test_a_token_that_may_not_is_never_taken_for_a_deletion(railway: World) -> None:
    """Else a wrong token would make everything again."""
    engine = first_up(railway, Declared())
    for fault in ("not_authorized", "internal_error"):
        railway.fault("*", fault, times=50)
        with railway.operation() as process:
            text = refusal(lambda: engine.refresh(process))
        assert "Railway request SnapshotRead failed" in text
        railway.no_faults()
    assert set(engine.state) == ALWAYS_DECLARED


def test_a_domain_of_another_service_is_an_error_with_a_fix(railway: World) -> None:
    """A domain of one's own, and a subdomain of Railway's."""
    engine = first_up(railway)
    other = {"project_id": engine.id("project"), "environment_id": engine.id("environment")}
    with railway.operation() as process:
        worker = other | {
            "service_id": process.resource(ServiceProvider()).create(other | {"service_name": "worker"}).id
        }
        process.resource(CustomDomainProvider()).create(worker | {"domain": "crm.example.com"})
        process.resource(ServiceDomainProvider()).create(worker | {"subdomain": "mine"})
        said = refusal(lambda: engine.up(process, Declared(custom_domain={"domain": "crm.example.com"})))
        assert "rejected the domain crm.example.com for this service: Domain crm.example.com is not" in said
        assert "fix: if that service is yours, remove the domain from it" in said
        assert "pulumi config set whatsapp-crm:customDomain <another name>" in said
        said = refusal(lambda: engine.up(process, Declared(subdomain="mine")))
        assert "fix: set subdomain to <another name> in the program" in said
