"""The report in the preview of an adoption, through `check`, as the engine calls it."""

from __future__ import annotations

from typing import Any

import pytest

from railway.adoption import AdoptionProvider
from railway.graphql.credentials import access_from
from tests.conformance.dynamic_process import UNKNOWN
from tests.conformance.railway_world import (
    CONFIG_KEYS,
    REPO,
    VARIABLES,
    WORKSPACE,
    Declared,
    Engine,
    World,
    assert_silent,
)
from tests.conformance.test_railway_adoption import describe, empty, make_service, production
from tests.conformance.test_railway_environments import environment
from tests.conformance.test_railway_settings import edit_settings

pytestmark = pytest.mark.conformance

EUROPE = "europe-west4-drams3a"
PLACE = {"project_id": UNKNOWN, "environment_id": UNKNOWN, "service_id": UNKNOWN}


def wanted(project_id: str, **parts: dict[str, Any]) -> dict[str, Any]:
    """What the program hands over in a preview: no id below the project's is known."""
    declared: dict[str, dict[str, Any]] = {
        "project": {"project_name": "crm", "stack_marker": "crm/test", "environment_name": "production"},
        "service": PLACE | {"service_name": "backend"},
        "volume": PLACE | {"volume_name": "sessions", "mount_path": "/app/sessions", "size_mb": 50000},
        "variables": PLACE | {"variables": dict(VARIABLES)},
        "settings": PLACE | {"has_volume": True, "repo": REPO, "branch": "main", "replicas": 1},
        "domain": PLACE,
    }
    for name, part in parts.items():
        declared[name] = {**declared.get(name, PLACE), **part}
    declared["project"]["service_name"] = declared["service"]["service_name"]
    declared = {name: part | {"config_keys": CONFIG_KEYS} for name, part in declared.items()}
    return {"project_id": project_id, "declared": declared}


def changes(world: World, news: dict[str, Any], olds: dict[str, Any] | None = None) -> dict[str, str]:
    """What is recorded; and that nothing but reading was done for it."""
    before = world.admin("state")
    with world.operation() as process:
        inputs = process.resource(AdoptionProvider()).inputs(news, olds)
    assert world.admin("state") == before
    assert set(inputs) == {"project_id", "changes"}
    return inputs["changes"]


def refused(world: World, news: dict[str, Any]) -> str:
    """Why."""
    with world.operation() as process:
        return process.resource(AdoptionProvider()).check(news)["project_id"]


def test_only_what_differs_is_a_change(railway: World) -> None:
    ids = production(railway)
    found = changes(railway, wanted(ids["project"], variables={"variables": VARIABLES | {"NEW": UNKNOWN}}))
    volume = railway.rows("volumes")[0]["name"]
    assert found == {
        "project.description": "the marker of this stack is added: [pulumi:crm/test]",
        "volume.volume_name": f'"{volume}" -> "sessions"',
        "settings.branch": '"audit-whatsapp-30" -> "main"',
        "settings.start_command": '"node audit.js" -> null',
        "variables added": "NEW",
        "variables removed": "OLD, OLDER",
    }


def test_an_equal_folder_is_no_change_and_a_written_default_is_reported(
    railway: World,
) -> None:
    ids = production(railway)
    edit_settings(
        railway, railway.rows("environments")[0]["id"], ids["service"], {"rootDirectory": "/backend"}
    )
    found = changes(
        railway, wanted(ids["project"], settings={"root_directory": "backend", "healthcheck_timeout": 300})
    )
    assert "settings.root_directory" not in found
    assert found["settings.healthcheck_timeout"] == "null -> 300, which is the default"


def test_the_report_after_the_adoption_lists_no_change(
    railway: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """The end of the `up` reads it all again; only what is to be looked at makes it speak then."""
    ids = production(railway)
    declared = Declared(adopt_project_id=ids["project"])
    news = wanted(ids["project"], settings={"healthcheck_path": declared.healthcheck_path})
    with railway.operation() as process:
        Engine().up(process, declared)
    place = {"projectId": ids["project"], "environmentId": railway.rows("environments")[0]["id"]}
    other = make_service(railway, place, "worker")
    railway.manual(
        "mutation($i: DeploymentTriggerCreateInput!) { deploymentTriggerCreate(input: $i) { id } }",
        i=place | {"serviceId": other, "provider": "github", "repository": REPO, "branch": "main"},
    )
    railway.admin("clock", {"advance": 5})
    text = printed(railway, news, capsys)
    assert "warning: the service worker deploys" in text
    assert text.endswith("\n  nothing is left to change\n")


def test_it_costs_one_or_two_readings_and_the_next_one_nothing(railway: World) -> None:
    ids = production(railway)
    changes(railway, wanted(ids["project"]))
    assert railway.counts()[0] == {"ProjectRead": 1, "SnapshotRead": 1}
    railway.reset()
    complete = {"project_id": ids["project"], "changes": {}}
    assert changes(railway, wanted(ids["project"]), complete) == {}
    assert railway.counts() == ({}, 0)


def test_a_tool_that_compares_itself_needs_no_report(railway: World) -> None:
    """What an `up` would reject is then no error of the preview either."""
    ids = production(railway)
    news = wanted(ids["project"], volume={"size_mb": 500})
    with railway.operation(RAILWAY_ADOPTION_REPORT="false") as process:
        inputs = process.resource(AdoptionProvider()).inputs(news)
    assert inputs == {"project_id": ids["project"]}
    assert railway.counts() == ({}, 0)


def test_the_rest_that_is_declared_is_compared_too(railway: World) -> None:
    ids = production(railway)
    found = changes(
        railway,
        wanted(
            ids["project"],
            custom_domain={"domain": "crm.example.com"},
            limits={"cpus": 2, "memory_gb": 4},
            backups={"volume_id": UNKNOWN, "kinds": ["DAILY"]},
        ),
    )
    assert found["custom_domain"] == "(none) -> crm.example.com"
    assert found["limits.cpus"] == "null -> 2"
    assert found["limits.memory_gb"] == "null -> 4"
    assert found["backups.kinds"] == 'null -> ["DAILY"]'


def test_a_removed_sealed_variable_is_reported_as_not_restorable(railway: World) -> None:
    ids = production(railway)
    environment = railway.rows("environments")[0]["id"]
    place = {"project_id": ids["project"], "environment_id": environment, "service_id": ids["service"]}
    railway.admin("seal", place | {"name": "OLD"})
    found = changes(railway, wanted(ids["project"]))
    assert found["variables removed"] == "OLD (sealed: its value cannot be read or restored), OLDER"


def test_undeclared_limits_are_reported_as_removed(railway: World) -> None:
    ids = production(railway)
    place = {"environmentId": railway.rows("environments")[0]["id"], "serviceId": ids["service"]}
    railway.manual(
        "mutation($i: ServiceInstanceLimitsUpdateInput!) { serviceInstanceLimitsUpdate(input: $i) }",
        i=place | {"vCPUs": 8, "memoryGB": 8},
    )
    found = changes(railway, wanted(ids["project"], limits={}))
    assert found["limits.cpus"] == "8 -> the plan's limit"
    assert found["limits.memory_gb"] == "8 -> the plan's limit"


def test_a_new_service_in_a_project_with_services_is_refused(railway: World) -> None:
    """The most likely mistake: a new backend would run in addition to the existing one and its volume."""
    ids = production(railway)
    news = wanted(ids["project"], service={"service_name": "whatsapp"})
    text = refused(railway, news)
    assert "has no service named whatsapp (existing: backend)" in text
    assert "pulumi config set whatsapp-crm:railwayServiceName backend" in text
    assert "create an empty service named whatsapp in Railway's dashboard" in text
    assert "elete" not in text


def test_in_a_project_without_services_the_new_service_is_reported(railway: World) -> None:
    news = wanted(empty(railway))
    assert changes(railway, news)["service"] == "(none) -> backend, with a new and empty volume"


def printed(world: World, news: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> str:
    """What a person reads."""
    provider = AdoptionProvider()
    provider.use(access_from(world.environ(), lambda _: None), None)
    assert provider.check({}, news).failures == []
    return capsys.readouterr().out


def test_another_service_from_the_same_repository_is_pointed_out(
    railway: World, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = production(railway)
    place = {
        "projectId": ids["project"],
        "environmentId": railway.rows("environments")[0]["id"],
    }
    other = make_service(railway, place, "worker")
    railway.manual(
        "mutation($i: DeploymentTriggerCreateInput!) { deploymentTriggerCreate(input: $i) { id } }",
        i=place | {"serviceId": other, "provider": "github", "repository": REPO, "branch": "main"},
    )
    railway.admin("clock", {"advance": 5})
    text = printed(railway, wanted(ids["project"]), capsys)
    assert f"warning: the service worker deploys {REPO} too; it is not changed" in text
    assert "check them after" not in text
    assert_silent(text)
    assert "old-1" not in text


def test_a_missing_environment_is_reported_as_created(railway: World) -> None:
    found = changes(railway, wanted(empty(railway), project={"environment_name": "live"}))
    assert found["environment"] == "(none) -> live, empty (the project has production)"


def test_an_environment_without_the_service_is_refused(railway: World) -> None:
    """Made, or there already: Railway's API cannot put the service there, and `up` would wait in vain."""
    ids = production(railway)
    there = f"add the service backend ({ids['service']}) to it"
    text = refused(railway, wanted(ids["project"], project={"environment_name": "live"}))
    assert there in text
    assert "correct whatsapp-crm:railwayEnvironment" in text
    environment(railway, ids["project"], "live")
    text = refused(railway, wanted(ids["project"], project={"environment_name": "live"}))
    assert "but not in the environment live" in text
    assert "press Sync" in text


def test_environments_that_the_settings_may_change_are_named(
    railway: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """A service that was made after the other environment is in both."""
    ids = production(railway)
    place = {"projectId": ids["project"], "environmentId": environment(railway, ids["project"], "staging")}
    railway.manual(
        "mutation($i: ServiceCreateInput!) { serviceCreate(input: $i) { id } }", i=place | {"name": "second"}
    )
    railway.admin("clock", {"advance": 5})
    news = wanted(ids["project"], service={"service_name": "second"})
    assert "warning: the service second is also in the environment staging" in printed(railway, news, capsys)


@pytest.mark.parametrize(
    ("parts", "why", "fix"),
    [
        ({"volume": {"size_mb": 500}}, "is 50 GB, but 0.5 GB are declared", "whatsapp-crm:volumeSizeGb 50"),
        (
            {"project": {"workspace_id": "b7d1c0de-0000-4000-8000-00000000beef"}},
            f"is in the workspace {WORKSPACE}",
            "correct whatsapp-crm:railwayProjectId or whatsapp-crm:railwayWorkspaceId",
        ),
        (
            {"volume": {"region": EUROPE}},
            f"is in the region us-west2, but {EUROPE} is declared",
            "pulumi config set whatsapp-crm:railwayRegion us-west2",
        ),
        ({"settings": {"region": EUROPE}}, "without its data", "whatsapp-crm:railwayRegion us-west2"),
    ],
)
def test_what_up_would_refuse_is_refused(
    railway: World, parts: dict[str, dict[str, Any]], why: str, fix: str
) -> None:
    ids = production(railway)
    text = refused(railway, wanted(ids["project"], **parts))
    assert why in text
    assert fix in text


def test_the_region_where_the_volume_is_may_be_declared(railway: World) -> None:
    ids = production(railway)
    here = {"region": "us-west2"}
    found = changes(railway, wanted(ids["project"], volume=here, settings=here))
    assert "volume.region" not in found


def test_another_stacks_project_is_refused(railway: World) -> None:
    """By its mark in the description; our own is fine."""
    ids = production(railway)
    describe(railway, ids["project"], "our production\n[pulumi:crm/other]")
    text = refused(railway, wanted(ids["project"]))
    assert "belongs to the Pulumi stack crm/other; this stack is crm/test" in text
    assert "remove [pulumi:crm/other] from the project's description" in text
    describe(railway, ids["project"], "our production\n[pulumi:crm/test]")
    assert changes(railway, wanted(ids["project"]))


def test_a_volume_name_that_is_used_is_refused(railway: World) -> None:
    """The volume is renamed at the adoption, and two cannot have one name."""
    ids = production(railway)
    place = {"projectId": ids["project"], "environmentId": railway.rows("environments")[0]["id"]}
    other = railway.manual(
        "mutation($i: VolumeCreateInput!) { volumeCreate(input: $i) { id } }", i=place | {"mountPath": "/x"}
    )["volumeCreate"]["id"]
    railway.manual(
        'mutation($v: String!) { volumeUpdate(volumeId: $v, input: {name: "sessions"}) { id } }', v=other
    )
    railway.admin("clock", {"advance": 5})
    text = refused(railway, wanted(ids["project"]))
    assert f"has another volume named sessions ({other}, 50000 MB), attached to no service" in text


def test_a_volume_deleted_in_the_dashboard_is_not_replaced_by_an_empty_one(railway: World) -> None:
    ids = production(railway)
    railway.manual("mutation($id: String!) { volumeDelete(volumeId: $id) }", id=ids["volume"])
    text = refused(railway, wanted(ids["project"], volume={"volume_name": "sessions"}))
    assert "48 hours" in text


def test_an_unfinished_adoption_reports_what_is_left(railway: World) -> None:
    """Nothing is in the state yet, and the branch has been changed already; everything else has not."""
    ids = production(railway)
    trigger = railway.rows("triggers")[0]["id"]
    railway.manual(
        'mutation($id: String!) { deploymentTriggerUpdate(id: $id, input: {branch: "main"}) { id } }',
        id=trigger,
    )
    assert set(changes(railway, wanted(ids["project"]))) == {
        "project.description",
        "volume.volume_name",
        "settings.start_command",
        "variables removed",
    }
