"""Production already exists: it is taken over, not made again; what is not ours is not touched."""

from __future__ import annotations

from typing import Any

import pytest

from railway.graphql.documents import DOCUMENTS
from railway.project import ProjectProvider
from railway.service_domain import ServiceDomainProvider
from tests.conformance.dynamic_process import REFUSALS, refusal
from tests.conformance.railway_world import (
    CONFIG_KEYS,
    REPO,
    VARIABLES,
    WORKSPACE,
    Declared,
    Engine,
    World,
    first_up,
)

pytestmark = pytest.mark.conformance

WRITES = {document.name for document in DOCUMENTS.values() if document.kind == "mutation"}


def production(world: World) -> dict[str, str]:
    """A project created in the dashboard: an audit branch, a start command, files on the volume, two more
    variables, a domain."""
    project = world.manual(
        "mutation($i: ProjectCreateInput!) { projectCreate(input: $i) { id primaryEnvironmentId } }",
        i={"name": "crm", "workspaceId": WORKSPACE, "description": "our production"},
    )["projectCreate"]
    place = {"projectId": project["id"], "environmentId": project["primaryEnvironmentId"]}
    service = world.manual(
        "mutation($i: ServiceCreateInput!) { serviceCreate(input: $i) { id } }",
        i=place | {"name": "backend"},
    )["serviceCreate"]["id"]
    world.admin("clock", {"advance": 5})
    where = {"environmentId": place["environmentId"], "serviceId": service}
    volume = world.manual(
        "mutation($i: VolumeCreateInput!) { volumeCreate(input: $i) { id } }",
        i=place | {"serviceId": service, "mountPath": "/app/sessions"},
    )["volumeCreate"]["id"]
    world.manual(
        "mutation($i: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $i) }",
        i=place
        | {
            "serviceId": service,
            "skipDeploys": True,
            "variables": VARIABLES | {"OLD": "old-1", "OLDER": "old-2"},
        },
    )
    world.manual(
        "mutation($i: DeploymentTriggerCreateInput!) { deploymentTriggerCreate(input: $i) { id } }",
        i=place
        | {"serviceId": service, "provider": "github", "repository": REPO, "branch": "audit-whatsapp-30"},
    )
    world.manual(
        "mutation($e: String!, $s: String!) { serviceInstanceUpdate(environmentId: $e, serviceId: $s,"
        ' input: {startCommand: "node audit.js", builder: NIXPACKS}) }',
        e=place["environmentId"],
        s=service,
    )
    domain = world.manual(
        "mutation($i: ServiceDomainCreateInput!) { serviceDomainCreate(input: $i) { id } }", i=where
    )["serviceDomainCreate"]["id"]
    world.manual(
        "mutation($e: String!, $s: String!) { serviceInstanceDeployV2(environmentId: $e, serviceId: $s) }",
        e=place["environmentId"],
        s=service,
    )
    world.admin("clock", {"advance": 60})
    world.admin(f"volumes/{volume}/files", {"files": {"session.json": "kept"}})
    world.reset()
    return {"project": project["id"], "service": service, "volume": volume, "domain": domain}


def empty(world: World) -> str:
    """A project created in the dashboard, with nothing in it; its id."""
    return world.manual(
        "mutation($i: ProjectCreateInput!) { projectCreate(input: $i) { id } }",
        i={"name": "crm", "workspaceId": WORKSPACE},
    )["projectCreate"]["id"]


def make_service(world: World, place: dict[str, str], name: str) -> str:
    """A service created in the dashboard, in the place that `place` names; its id."""
    made = world.manual(
        "mutation($i: ServiceCreateInput!) { serviceCreate(input: $i) { id } }", i=place | {"name": name}
    )["serviceCreate"]["id"]
    world.admin("clock", {"advance": 5})
    return made


def place_of(engine: Engine) -> dict[str, str]:
    """Our environment, by Railway's names."""
    return {"projectId": engine.id("project"), "environmentId": engine.id("environment")}


def describe(world: World, project: str, text: str) -> None:
    """Write a project's description in the dashboard."""
    world.manual(
        "mutation($id: String!, $i: ProjectUpdateInput!) { projectUpdate(id: $id, input: $i) { id } }",
        id=project,
        i={"description": text},
    )


def refused(world: World, declared: Declared, **environ: str) -> str:
    """What a person reads; nothing was changed, and nothing that changes anything was sent."""
    before = world.admin("state")
    world.reset()
    with world.operation(config=None, **environ) as process:
        text = refusal(lambda: Engine().up(process, declared), REFUSALS)
    assert world.admin("state") == before
    assert not WRITES & set(world.counts()[0])
    return text


def test_a_running_production_is_adopted_with_one_deployment(railway: World) -> None:
    """Same service, same volume with its files, same domain."""
    ids = production(railway)
    engine = Engine()
    with railway.operation() as process:
        engine.up(process, Declared(adopt_project_id=ids["project"]))
    assert {key: engine.id(key) for key in ids} == ids
    assert railway.counts()[1] == 1
    assert railway.rows("triggers")[0]["branch"] == "main"
    names = {row["name"] for row in railway.rows("variables")}
    assert names == set(VARIABLES)
    instance = railway.rows("instances")[0]
    assert (instance["start_command"], instance["builder"]) == (None, "NIXPACKS")
    files: Any = railway.admin(f"volumes/{ids['volume']}/files")
    assert "session.json" in str(files)
    description = railway.rows("projects")[0]["description"]
    assert description.startswith("our production")
    assert "[pulumi:crm/test]" in description
    with railway.operation() as process:
        assert engine.refresh(process) == {}


def test_a_foreign_project_of_the_same_name_is_not_taken(railway: World) -> None:
    """The error names its id and the command that takes it over."""
    ids = production(railway)
    text = refused(railway, Declared())
    assert f"pulumi config set whatsapp-crm:railwayProjectId {ids['project']}" in text


def test_another_stacks_project_of_the_same_name_is_not_offered(railway: World) -> None:
    """It would be refused the moment after."""
    ids = production(railway)
    describe(railway, ids["project"], "ours\n[pulumi:crm/prod]")
    text = refused(railway, Declared())
    assert f"did not create: {ids['project']} (of the Pulumi stack crm/prod)" in text
    assert "to adopt it" not in text
    assert "pulumi config set whatsapp-crm:railwayProjectName <name>" in text


def test_a_wrong_id_a_foreign_workspace_and_a_small_token_are_refused(railway: World) -> None:
    """Nothing is touched."""
    ids = production(railway)
    assert "does not exist" in refused(
        railway, Declared(adopt_project_id="00000000-0000-4000-8000-000000000000")
    )
    workspace = railway.admin("workspaces", {"name": "Other"})["id"]
    railway.admin("tokens", {"kind": "workspace", "token": "other-workspace", "workspace_id": workspace})
    text = refused(railway, Declared(adopt_project_id=ids["project"]), RAILWAY_API_TOKEN="other-workspace")
    assert "Not Authorized" in text
    assert "A workspace token can access only its own workspace" in text
    project_token = {
        "kind": "project",
        "token": "project-token",
        "project_id": ids["project"],
        "environment_id": railway.rows("environments")[0]["id"],
    }
    railway.admin("tokens", project_token)
    environ = {"RAILWAY_API_TOKEN": "", "RAILWAY_TOKEN": "project-token"}
    text = refused(railway, Declared(), **environ)
    assert "which can neither find projects nor create one" in text


@pytest.mark.parametrize("token", ["account", "project"])
def test_without_the_declared_environment_nothing_is_adopted(railway: World, token: str) -> None:
    """Refused by the first resource of all, before its mark is written, in the words of the preview."""
    ids = production(railway)
    there = railway.rows("environments")[0]["id"]
    made = {
        "kind": "project",
        "token": "project-token",
        "project_id": ids["project"],
        "environment_id": there,
    }
    railway.admin("tokens", made)
    small = {"RAILWAY_API_TOKEN": "", "RAILWAY_TOKEN": "project-token"}
    environ = small if token == "project" else {}
    text = refused(railway, Declared(adopt_project_id=ids["project"], environment_name="live"), **environ)
    assert "whatsapp-crm:railwayEnvironment" in text
    if token == "account":
        assert "the Railway project has no environment live (existing: production)" in text
        assert f"add the service backend ({ids['service']}) to it" in text
    else:
        assert "is a project token of the environment production, and cannot read an environment live" in text
        assert "use a project token of live" in text


def test_no_second_service_is_created_in_an_adopted_project(railway: World) -> None:
    """Named otherwise, the running backend is likely one of them."""
    ids = production(railway)
    wanted = Declared(adopt_project_id=ids["project"], service_name="whatsapp")
    engine = Engine()
    with railway.operation() as process:
        text = refusal(lambda: engine.up(process, wanted))
    assert "has no service named whatsapp (existing: backend)" in text
    assert "pulumi config set whatsapp-crm:railwayServiceName backend" in text
    assert [row["id"] for row in railway.rows("services")] == [ids["service"]]
    # What the message advises works, either way.
    with railway.operation() as process:
        engine.up(process, wanted.but(service_name="backend"))
    assert {key: engine.id(key) for key in ids} == ids
    made = make_service(railway, place_of(engine), "whatsapp")
    again = Engine()
    with railway.operation() as process:
        again.up(process, wanted.but(volume_name="others"))
    assert again.id("service") == made


def test_an_empty_project_that_is_adopted_gets_its_service(railway: World) -> None:
    """And keeps it when another one is created in the dashboard."""
    engine = Engine()
    with railway.operation() as process:
        engine.up(process, Declared(adopt_project_id=empty(railway)))
    make_service(railway, place_of(engine), "worker")
    with railway.operation() as process:
        assert engine.refresh(process) == {}
        assert engine.up(process, Declared(adopt_project_id=engine.id("project"))) == []


def test_a_deleted_service_of_an_adopted_project_is_made_again(railway: World) -> None:
    """Beside those that are left: which one is the backend was asked when the project was adopted."""
    ids = production(railway)
    wanted = Declared(adopt_project_id=ids["project"])
    engine = Engine()
    with railway.operation() as process:
        engine.up(process, wanted)
    other = make_service(railway, place_of(engine), "postgres")
    railway.manual("mutation($id: String!) { serviceDelete(id: $id) }", id=ids["service"])
    with railway.operation() as process:
        assert engine.refresh(process)["service"] == {"": (ids["service"], None)}
        assert "create service" in engine.up(process, wanted)
    assert {row["id"] for row in railway.rows("services")} == {other, engine.id("service")}
    assert engine.id("volume") == ids["volume"]


def test_another_stacks_project_is_not_adopted(railway: World) -> None:
    """A wrong id, but one that exists: both stacks would rename it, and switch its branch, at every `up`."""
    first_up(railway)
    project = railway.rows("projects")[0]["id"]
    wanted = Declared(adopt_project_id=project, stack_marker="crm/staging", project_name="crm-staging")
    text = refused(railway, wanted)
    assert "belongs to the Pulumi stack crm/test; this stack is crm/staging" in text
    assert "remove [pulumi:crm/test] from the project's description in Railway's dashboard" in text
    # What the message advises for a stack that is gone, works.
    describe(railway, project, "Managed by Pulumi.")
    engine = Engine()
    with railway.operation() as process:
        engine.up(process, wanted)
    assert engine.id("project") == project
    assert railway.rows("projects")[0]["description"] == "Managed by Pulumi.\n[pulumi:crm/staging]"


@pytest.mark.parametrize("adopted", [True, False])
def test_a_renamed_stack_keeps_its_project(railway: World, adopted: bool) -> None:
    """`pulumi stack rename` keeps the state; the old name's mark does not stay behind for a next stack."""
    ids = production(railway) if adopted else {}
    before = Declared(adopt_project_id=ids.get("project"))
    engine = first_up(railway, before)
    project, volume = engine.id("project"), engine.id("volume")
    after = before.but(stack_marker="crm/renamed")
    with railway.operation() as process:
        assert engine.up(process, after) == ["update project"]
    assert railway.counts()[1] == 0
    description = railway.rows("projects")[0]["description"]
    assert "[pulumi:crm/renamed]" in description
    assert "crm/test" not in description
    with railway.operation() as process:
        assert engine.refresh(process) == {}
        assert engine.up(process, after) == []
    # The state is lost as well: the stack finds it under its new name.
    again = Engine()
    with railway.operation() as process:
        again.up(process, after)
    assert (again.id("project"), again.id("volume")) == (project, volume)


def test_a_project_token_works_in_its_own_environment(railway: World) -> None:
    """It may not write the project's description, and does not need to."""
    ids = production(railway)
    railway.admin(
        "tokens",
        {
            "kind": "project",
            "token": "project-token",
            "project_id": ids["project"],
            "environment_id": railway.rows("environments")[0]["id"],
        },
    )
    environ = {"RAILWAY_API_TOKEN": "", "RAILWAY_TOKEN": "project-token"}
    engine = Engine()
    with railway.operation(config=None, **environ) as process:
        engine.up(process, Declared(adopt_project_id=ids["project"]))
    assert {key: engine.id(key) for key in ids} == ids
    assert railway.rows("projects")[0]["description"] == "our production"
    with railway.operation(config=None, **environ) as process:
        assert engine.refresh(process) == {}


def test_a_port_that_is_refused_at_first_is_set_afterwards(railway: World) -> None:
    """Reported for a service with the variable PORT."""
    railway.admin("switches", {"target_port_with_port_refused": True})
    engine = Engine()
    with railway.operation() as process:
        engine.up(process, Declared(variables=VARIABLES | {"PORT": "8080"}), only="settings")
        resource = process.resource(ServiceDomainProvider())
        place = {
            "project_id": engine.id("project"),
            "environment_id": engine.id("environment"),
            "service_id": engine.id("service"),
        }
        live = resource.create(place | {"target_port": 8080})
    with railway.operation() as process:
        assert process.resource(ServiceDomainProvider()).read(live)[0].outs["target_port"] == 8080
    assert len(railway.rows("domains")) == 1


def test_a_project_found_by_its_mark_is_the_stacks_own(railway: World) -> None:
    """Whatever its name became: a lost state, or a lost answer."""
    engine = Engine()
    with railway.operation() as process:
        engine.up(process, Declared())
    railway.manual(
        'mutation($id: String!) { projectUpdate(id: $id, input: {name: "renamed"}) { id } }',
        id=engine.id("project"),
    )
    again = Engine()
    railway.reset()
    with railway.operation() as process:
        again.up(process, Declared())
    for key in ("project", "environment", "service", "volume", "domain"):
        assert again.id(key) == engine.id(key)
    assert railway.rows("projects")[0]["name"] == "crm"
    assert railway.counts()[1] <= 1


def test_without_a_workspace_the_only_one_is_taken_and_two_are_a_question(railway: World) -> None:
    """A project without one would expire after 24 hours."""
    wanted = {"project_name": "other", "stack_marker": "other/test", "config_keys": CONFIG_KEYS}
    with railway.operation() as process:
        made = process.resource(ProjectProvider()).create(wanted)
    assert {row["id"]: row["workspace_id"] for row in railway.rows("projects")} == {made.id: WORKSPACE}
    railway.admin("workspaces", {"name": "Other"})
    with railway.operation() as process:
        text = refusal(
            lambda: process.resource(ProjectProvider()).create(wanted | {"stack_marker": "third/test"})
        )
    assert "pulumi config set whatsapp-crm:railwayWorkspaceId" in text


@pytest.mark.parametrize("answer", ["error", "deleted_at"])
def test_a_deleted_project_is_gone_on_railways_word(railway: World, answer: str) -> None:
    """And only where an empty volume is allowed: everything else first reports that the data may be
    restored."""
    railway.admin("switches", {"deleted_response": answer})
    engine = first_up(railway)
    known = set(engine.state)
    railway.manual("mutation($id: String!) { projectDelete(id: $id) }", id=engine.id("project"))
    with railway.operation() as process:
        text = refusal(lambda: engine.refresh(process))
    assert set(engine.state) == known
    assert f"the Railway project crm ({engine.id('project')}) was deleted on Railway" in text
    assert "48 hours" in text
    with railway.operation(config={"whatsapp-crm:allowNewVolume": "true"}) as process:
        assert set(engine.refresh(process)) == known


def test_an_adopted_project_that_was_deleted_is_not_looked_for_again(railway: World) -> None:
    """The first step of the fix: its id is removed from the config, before a new one can be created."""
    wanted = Declared(adopt_project_id=empty(railway))
    engine = first_up(railway, wanted)
    railway.manual("mutation($id: String!) { projectDelete(id: $id) }", id=engine.id("project"))
    with railway.operation() as process:
        text = refusal(lambda: engine.refresh(process))
    assert "pulumi config rm whatsapp-crm:railwayProjectId" in text
    with railway.operation(config={"whatsapp-crm:allowNewVolume": "true"}) as process:
        engine.refresh(process)
        text = refusal(lambda: engine.up(process, wanted))
        assert "To create a project instead:\n       pulumi config rm whatsapp-crm:railwayProjectId" in text
        engine.up(process, wanted.but(adopt_project_id=None))
    assert engine.id("project") != wanted.adopt_project_id


def test_a_stack_does_not_change_its_project(railway: World) -> None:
    """Another id in the config is another stack's; the message names the earlier one."""
    engine = first_up(railway)
    with railway.operation() as process:
        text = refusal(lambda: engine.up(process, Declared(adopt_project_id=empty(railway))))
    assert f"pulumi config set whatsapp-crm:railwayProjectId {engine.id('project')}\n" in text
