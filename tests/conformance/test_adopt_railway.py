"""What exists on Railway is found for an import; the next `up` changes only what really differs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast

import pytest

from ops.adopt.model import SECRET, SIGNATURE, Verdict
from railway.graphql.documents import DOCUMENTS
from railway.graphql.errors import NotAuthorizedError
from tests.conformance.adopt_world import TOKEN, Seen, look
from tests.conformance.railway_world import (
    ADMIN_TOKEN,
    REPO,
    VARIABLES,
    Declared,
    World,
    assert_silent,
    first_up,
)
from tests.conformance.test_railway_adoption import WRITES, describe, empty, make_service, production
from tests.conformance.test_railway_environments import environment

pytestmark = pytest.mark.conformance

EUROPE = "europe-west4-drams3a"
LIMITS = "mutation($i: ServiceInstanceLimitsUpdateInput!) { serviceInstanceLimitsUpdate(input: $i) }"
PROXY = "mutation($i: TCPProxyCreateInput!) { tcpProxyCreate(input: $i) { id } }"
DOMAIN = "mutation($i: ServiceDomainCreateInput!) { serviceDomainCreate(input: $i) { id } }"
CUSTOM = "mutation($i: CustomDomainCreateInput!) { customDomainCreate(input: $i) { id } }"
BACKUPS = """
mutation($v: String!, $k: [VolumeInstanceBackupScheduleKind!]!) {
  volumeInstanceBackupScheduleUpdate(volumeInstanceId: $v, kinds: $k)
}
"""
VARIABLE = "mutation($i: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $i) }"


def place(world: World, ids: Mapping[str, str]) -> dict[str, str]:
    """Environment and service by Railway's names."""
    return {"environmentId": world.rows("environments")[0]["id"], "serviceId": ids["service"]}


def seal(world: World, ids: Mapping[str, str], name: str) -> None:
    """Seal a variable in the dashboard."""
    where = {"environment_id": world.rows("environments")[0]["id"], "service_id": ids["service"]}
    world.admin("seal", {"project_id": ids["project"], **where, "name": name})


def adopt(world: World, seen: Seen, declared: Declared) -> list[str]:
    """Import what was found, then apply; returns what that changed. A refresh shows no drift."""
    engine = seen.imported()
    with world.operation() as process:
        done = engine.up(process, declared)
    with world.operation() as process:
        assert engine.refresh(process) == {}
    return done


def test_a_production_made_by_hand_is_found_with_all_that_differs(railway: World) -> None:
    ids = production(railway)
    declared = Declared(adopt_project_id=ids["project"])
    seen = look(railway, declared)
    changed = {"project", "volume", "variables", "settings", "deployment"}
    assert seen.verdicts() == {
        key: Verdict.CHANGES if key in changed else Verdict.SAME
        for key in (*changed, "environment", "service", "domain")
    }
    assert {one.urn.rpartition("::")[2]: one.id for one in seen.look.found}.items() >= ids.items()
    assert seen.changes("project") == {"stack_marker": ("null", '"crm/test"')}
    assert seen.changes("settings") == {
        "branch": ('"audit-whatsapp-30"', '"main"'),
        "start_command": ('"node audit.js"', "null"),
        "healthcheck_path": ("null", '"/health"'),
    }
    assert set(seen.changes("volume")) == {"volume_name"}
    assert seen.changes("variables") == {"OLD": ("[secret]", "null"), "OLDER": ("[secret]", "null")}
    assert seen.refused() == {("variable", "OLD"), ("variable", "OLDER")}
    assert seen.undeclared() == set()
    assert_silent(seen.text())
    assert "old-1" not in seen.text()


def test_looking_costs_one_request_for_each_list_and_sends_queries_only(railway: World) -> None:
    ids = production(railway)
    seen = look(railway, Declared(adopt_project_id=ids["project"]))
    once = ("ProjectRead", "SnapshotRead", "TcpProxiesRead", "BackupSchedulesRead", "DeploymentEventsRead")
    assert seen.requests == dict.fromkeys(once, 1)
    assert not WRITES & set(seen.requests)
    assert {DOCUMENTS[name].kind for name in seen.requests} == {"query"}


def test_after_the_import_up_makes_exactly_these_changes(railway: World) -> None:
    """Nothing is created or replaced; ids, files and domain stay; one deployment."""
    ids = production(railway)
    declared = Declared(adopt_project_id=ids["project"])
    seen = look(railway, declared, drop_undeclared=True)
    assert seen.refused() == set()
    before = {
        table: [row["id"] for row in railway.rows(table)] for table in ("services", "volumes", "domains")
    }
    done = adopt(railway, seen, declared)
    kinds = ("project", "volume", "variables", "settings", "deployment")
    assert done == [f"update {kind}" for kind in kinds]
    assert railway.counts()[1] == 1
    for table, there in before.items():
        assert [row["id"] for row in railway.rows(table)] == there
    assert "session.json" in str(railway.admin(f"volumes/{ids['volume']}/files"))
    assert {row["name"] for row in railway.rows("variables")} == set(VARIABLES)


def everything() -> Declared:
    """Every resource type."""
    return Declared(
        shared={"LOG_LEVEL": "info"},
        backups=("DAILY", "WEEKLY"),
        limits={"cpus": 2, "memory_gb": 4},
        custom_domain={"domain": "crm.example.com"},
        tcp_port=5432,
        target_port=8080,
    )


def test_a_stack_whose_state_was_lost_is_the_same(railway: World) -> None:
    """Found by its marker; the import makes the next `up` do nothing, without a deployment."""
    engine = first_up(railway, everything())
    seen = look(railway, everything())
    assert seen.verdicts() == dict.fromkeys(engine.state, Verdict.SAME)
    assert seen.undeclared() == set()
    assert {one.urn.rpartition("::")[2]: one.id for one in seen.look.found} == {
        key: saved.live.id for key, saved in engine.state.items()
    }
    assert adopt(railway, seen, everything()) == []
    assert railway.counts()[1] == 0


def test_the_imported_state_is_that_of_an_up(railway: World) -> None:
    """Except for revisions, which mark writes."""
    engine = first_up(railway, everything())
    imported = look(railway, everything()).imported()
    for key, saved in engine.state.items():
        own = {**saved.live.outs, "revision": "", "revisions": ""}
        assert {**imported.state[key].live.outs, "revision": "", "revisions": ""} == own, key
        assert {**imported.state[key].inputs, "revisions": ""} == {**saved.inputs, "revisions": ""}, key


@pytest.mark.parametrize("key", ["shared", "backups", "limits", "custom_domain", "tcp_proxy"])
def test_what_is_missing_will_be_created(railway: World, key: str) -> None:
    ids = production(railway)
    declared = everything().but(adopt_project_id=ids["project"])
    seen = look(railway, declared, drop_undeclared=True)
    # A map and the limits of a service exist as soon as the service does.
    expected = Verdict.CHANGES if key in ("shared", "limits") else Verdict.CREATED
    assert seen.verdicts()[key] is expected
    made = {f"update {key}", f"create {key}"} & set(adopt(railway, seen, declared))
    assert made == {"update " + key if expected is Verdict.CHANGES else "create " + key}


def test_what_is_not_declared_is_listed_and_stays(railway: World) -> None:
    ids = production(railway)
    where = place(railway, ids)
    project = {"projectId": ids["project"], "environmentId": where["environmentId"]}
    environment(railway, ids["project"], "staging")
    worker = make_service(railway, project, "worker")
    trigger = {"serviceId": worker, "provider": "github", "repository": REPO, "branch": "main"}
    railway.manual(
        "mutation($i: DeploymentTriggerCreateInput!) { deploymentTriggerCreate(input: $i) { id } }",
        i=project | trigger,
    )
    railway.manual(VARIABLE, i=project | {"variables": {"SHARED": "1"}, "skipDeploys": True})
    railway.manual(DOMAIN, i=where)
    railway.manual(CUSTOM, i=project | {"serviceId": ids["service"], "domain": "crm.example.com"})
    railway.manual(PROXY, i=where | {"applicationPort": 5432})
    railway.manual(BACKUPS, v=next(row["id"] for row in railway.rows("volume_instances")), k=["DAILY"])
    railway.admin("clock", {"advance": 5})
    declared = Declared(adopt_project_id=ids["project"])
    seen = look(railway, declared, drop_undeclared=True)
    kinds = {kind for kind, _ in seen.undeclared()}
    assert kinds == {
        "environment",
        "service",
        "shared variable",
        "service domain",
        "custom domain",
        "tcp proxy",
        "volume backup schedule",
        "variable",
    }
    assert seen.row("service", "worker").reason == f"it stays as it is; it deploys {REPO} too"
    proposed = {one.command for one in seen.look.proposals}
    assert "pulumi config set whatsapp-crm:customDomain crm.example.com" in proposed
    assert "pulumi config set --path --type string 'whatsapp-crm:volumeBackups[0]' DAILY" in proposed
    tables = ("environments", "services", "domains", "tcp_proxies")
    before = {table: railway.rows(table) for table in tables}
    adopt(railway, seen, declared)
    for table, there in before.items():
        assert {row["id"] for row in there} == {row["id"] for row in railway.rows(table)}, table


def test_undeclared_variables_are_proposed_without_their_values_in_the_command(railway: World) -> None:
    ids = production(railway)
    where = place(railway, ids) | {"projectId": ids["project"]}
    changed = {"PORT": "8080", "WHATSAPP_BACKFILL_COUNT": "7", "LINK": "own-link"}
    railway.manual(VARIABLE, i=where | {"variables": changed, "skipDeploys": True})
    seen = look(railway, Declared(adopt_project_id=ids["project"]))
    commands = {one.command: one.value for one in seen.look.proposals}
    assert commands["pulumi config set --secret --path 'whatsapp-crm:backendVariables.OLD'"] == "old-1"
    assert commands["pulumi config set --secret --path 'whatsapp-crm:backendVariables.LINK'"] == "own-link"
    assert commands["pulumi config set whatsapp-crm:targetPort 8080"] == "8080"
    assert commands["pulumi config set whatsapp-crm:backfillCount 7"] == "7"
    assert all("old-1" not in command for command in commands)
    assert "old-1" not in repr(seen.look.proposals)


def test_variables_can_still_be_kept_between_the_import_and_the_up(railway: World) -> None:
    ids = production(railway)
    declared = Declared(adopt_project_id=ids["project"])
    recorded = imported_ids(railway, declared)
    seen = look(railway, declared, recorded=recorded, updated=["variables"])
    assert {("variable", "OLD"), ("variable", "OLDER")} <= seen.undeclared()
    assert {one.value for one in seen.look.proposals if one.part == ".OLD"} == {"old-1"}
    seal(railway, ids, "OLD")
    seen = look(railway, declared, recorded=recorded, updated=["variables"])
    assert seen.refused() == set()
    assert "its value is sealed and cannot be restored" in seen.row("variable", "OLD").reason


def imported_ids(world: World, declared: Declared) -> dict[str, str]:
    """The ids that an import records."""
    engine = look(world, declared, drop_undeclared=True).imported()
    return {key: engine.id(key) for key in engine.state}


def test_settings_are_proposed_between_the_import_and_the_up_as_before(railway: World) -> None:
    """As long as the `up` has not written them, `--write-config` keeps them."""
    ids = production(railway)
    where = place(railway, ids) | {"projectId": ids["project"]}
    changed = {"PORT": "8080", "WHATSAPP_BACKFILL_COUNT": "7", "LINK": "own-link"}
    railway.manual(VARIABLE, i=where | {"variables": changed, "skipDeploys": True})
    railway.manual(LIMITS, i=place(railway, ids) | {"vCPUs": 8, "memoryGB": 8})
    declared = Declared(adopt_project_id=ids["project"], limits={}, mount_path="/data", project_name="other")
    before = {(one.command, one.value) for one in look(railway, declared).look.proposals}
    assert len(before) > 8
    recorded = imported_ids(railway, declared)
    updated = ("project", "volume", "variables", "settings", "limits")
    seen = look(railway, declared, recorded=recorded, updated=updated)
    assert {(one.command, one.value) for one in seen.look.proposals} == before
    assert not [row for row in seen.look.rows if row.urn], "these rows are the engine's"
    assert_silent(seen.text())


def test_what_the_up_does_not_change_is_not_proposed(railway: World) -> None:
    ids = production(railway)
    declared = Declared(adopt_project_id=ids["project"], project_name="other", mount_path="/data")
    recorded = imported_ids(railway, declared)
    assert look(railway, declared, recorded=recorded).look.proposals == []


def test_a_region_and_a_size_that_the_up_would_reject_are_proposed_after_the_import_too(
    railway: World,
) -> None:
    ids = production(railway)
    declared = Declared(adopt_project_id=ids["project"])
    recorded = imported_ids(railway, declared)
    changed = declared.but(size_mb=500, settings={"region": EUROPE})
    seen = look(railway, changed, recorded=recorded, updated=("volume", "settings"))
    assert {one.key for one in seen.look.proposals} == {"volumeSizeGb", "railwayRegion"}


def test_settings_that_differ_are_proposed(railway: World) -> None:
    ids = production(railway)
    seen = look(railway, Declared(adopt_project_id=ids["project"], project_name="other", mount_path="/data"))
    volume = railway.rows("volumes")[0]["name"]
    commands = {one.command for one in seen.look.proposals}
    assert commands >= {
        "pulumi config set whatsapp-crm:railwayProjectName crm",
        f"pulumi config set whatsapp-crm:volumeName {volume}",
        "pulumi config set whatsapp-crm:volumeMountPath /app/sessions",
        "pulumi config set whatsapp-crm:startCommand 'node audit.js'",
    }
    assert not any("branch" in one for one in commands)


def test_a_sealed_variable_stays_and_is_named(railway: World) -> None:
    """Its declared value is recorded, so that it is not written."""
    ids = production(railway)
    where = place(railway, ids) | {"projectId": ids["project"]}
    kept = VARIABLES | {"WHATSAPP_BACKFILL_COUNT": "51"}
    railway.manual(VARIABLE, i=where | {"variables": kept, "replace": True, "skipDeploys": True})
    seal(railway, ids, "LINK")
    declared = Declared(adopt_project_id=ids["project"])
    seen = look(railway, declared)
    assert seen.row("variables").reason == "sealed, cannot be compared and stay as they are: LINK"
    assert set(seen.changes("variables")) == {"WHATSAPP_BACKFILL_COUNT"}
    adopt(railway, seen, declared.but(variables=VARIABLES))
    (row,) = (row for row in railway.rows("variables") if row["name"] == "LINK")
    assert row["is_sealed"]
    assert row["value"] == VARIABLES["LINK"]


def test_an_undeclared_variable_stops_the_adoption(railway: World) -> None:
    """`up` would remove it. Declared, or with the permission to drop it, it does not."""
    ids = production(railway)
    declared = Declared(adopt_project_id=ids["project"])
    row = look(railway, declared).row("variable", "OLD")
    drop = ".venv/bin/python -m ops adopt --stack prod --drop-undeclared-variables"
    assert row.verdict is Verdict.REFUSED
    assert row.reason == "it is not declared, so the next `up` would remove it"
    assert row.fix.splitlines() == [
        ".venv/bin/python -m ops adopt --stack prod --write-config  # declares it as it is",
        "or:  pulumi config set --secret --path 'whatsapp-crm:backendVariables.OLD'  # asks for the value",
        f"or:  {drop}  # the next `up` may remove it",
    ]
    kept = declared.but(variables=VARIABLES | {"OLD": "old-1"})
    assert look(railway, kept).refused() == {("variable", "OLDER")}
    seen = look(railway, declared, drop_undeclared=True)
    assert seen.row("variable", "OLD").verdict is Verdict.UNDECLARED
    assert seen.refused() == set()


def test_a_sealed_variable_that_is_not_declared_stops_the_adoption(railway: World) -> None:
    """`up` would remove it for good. With the permission to drop it, it is only listed."""
    ids = production(railway)
    seal(railway, ids, "OLD")
    declared = Declared(adopt_project_id=ids["project"])
    row = look(railway, declared).row("variable", "OLD")
    assert row.verdict is Verdict.REFUSED
    assert "its value is sealed" in row.reason
    assert "pulumi config set --secret --path 'whatsapp-crm:backendVariables.OLD'" in row.fix
    assert "--write-config" not in row.fix, "it cannot copy the value"
    row = look(railway, declared, drop_undeclared=True).row("variable", "OLD")
    assert row.verdict is Verdict.UNDECLARED
    assert "cannot be restored" in row.reason


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("log.level", "info", "a name has letters, digits and _"),
        ("2ND", "info", "a name has letters, digits and _"),
        ("EMPTY", "", "its value is empty"),
        ("PORT", "${{other.PORT}}", "its value is none that targetPort can have"),
    ],
)
def test_a_variable_that_no_setting_can_declare_is_named_so(
    railway: World, name: str, value: str, why: str
) -> None:
    """As `backendVariables.log.level`, it would be an object in an object."""
    ids = production(railway)
    where = place(railway, ids) | {"projectId": ids["project"]}
    railway.manual(VARIABLE, i=where | {"variables": {name: value}, "skipDeploys": True})
    seen = look(railway, Declared(adopt_project_id=ids["project"]))
    row = seen.row("variable", name)
    assert row.verdict is Verdict.REFUSED
    assert why in row.reason
    assert "pulumi config set" not in row.fix
    assert "--write-config" not in row.fix
    assert "delete it in Railway's dashboard" in row.fix
    assert not [one for one in seen.look.proposals if name in one.part or one.key == "targetPort"]


def test_with_the_permission_to_drop_them_variables_are_not_proposed(railway: World) -> None:
    ids = production(railway)
    declared = Declared(adopt_project_id=ids["project"])

    def keys(*, drop: bool) -> set[str]:
        seen = look(railway, declared, drop_undeclared=drop)
        found = seen.undeclared() if drop else seen.refused()
        assert found == {("variable", "OLD"), ("variable", "OLDER")}
        return {f"{one.key}{one.part}" for one in seen.look.proposals}

    assert keys(drop=False) - keys(drop=True) == {"backendVariables.OLD", "backendVariables.OLDER"}


def test_it_is_said_how_long_the_volume_keeps_the_backend_offline(railway: World) -> None:
    ids = production(railway)
    railway.admin("clock", {"advance": 600})
    reason = look(railway, Declared(adopt_project_id=ids["project"])).row("deployment").reason
    assert "so the backend is offline while the new one starts" in reason
    assert re.search(r"the last start took \d+ s", reason), reason


@pytest.mark.parametrize(
    ("value", "account"),
    [
        (
            '{"client_email": "old@crm.iam.gserviceaccount.com", "private_key": "hush"}',
            "old@crm.iam.gserviceaccount.com",
        ),
        ("{", ""),
        ("[]", ""),
    ],
)
def test_the_account_of_the_backend_is_in_its_key(railway: World, value: str, account: str) -> None:
    ids = production(railway)
    where = place(railway, ids) | {"projectId": ids["project"]}
    kept = {"FIREBASE_SERVICE_ACCOUNT_JSON": value}
    railway.manual(VARIABLE, i=where | {"variables": kept, "replace": False, "skipDeploys": True})
    seen = look(railway, Declared(adopt_project_id=ids["project"]))
    assert seen.look.backend_account == account
    assert "hush" not in seen.text()


def test_the_token_that_the_backend_has_is_kept(railway: World) -> None:
    """Encrypted in the state, not generated again."""
    ids = production(railway)
    seen = look(railway, Declared(adopt_project_id=ids["project"]), token=True)
    (found,) = (one for one in seen.look.found if one.urn == TOKEN)
    assert found.outputs is not None
    assert found.outputs["token"] == {SIGNATURE: SECRET, "plaintext": json.dumps(ADMIN_TOKEN)}
    assert "ADMIN_TOKEN" not in seen.changes("variables")
    assert_silent(seen.text())


@pytest.mark.parametrize("how", ["sealed", "missing"])
def test_a_token_that_cannot_be_read_is_generated(railway: World, how: str) -> None:
    ids = production(railway)
    where = place(railway, ids) | {"projectId": ids["project"]}
    if how == "sealed":
        seal(railway, ids, "ADMIN_TOKEN")
    else:
        rest = {name: value for name, value in VARIABLES.items() if name != "ADMIN_TOKEN"}
        railway.manual(VARIABLE, i=where | {"variables": rest, "replace": True, "skipDeploys": True})
    seen = look(railway, Declared(adopt_project_id=ids["project"]), token=True)
    assert all(one.urn != TOKEN for one in seen.look.found)
    (row,) = (one for one in seen.look.rows if one.urn == TOKEN)
    assert row.verdict is Verdict.CREATED
    assert ("pulumi config set --secret whatsapp-crm:adminToken" in row.fix) == (how == "sealed")
    assert seen.changes("variables")["ADMIN_TOKEN"][1] == "(known after the up)"


def test_variables_are_secret_in_the_import_file(railway: World) -> None:
    """A secret in plain text would stand in the state in plain text."""
    ids = production(railway)
    seen = look(railway, Declared(adopt_project_id=ids["project"]), token=True)
    for one in seen.look.found:
        for props in (one.inputs, one.outputs):
            assert props is not None
            open_ = {key: value for key, value in props.items() if not _is_secret(value)}
            assert_silent(json.dumps(open_))
            assert "old-1" not in json.dumps(open_)


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and cast("dict[str, Any]", value).get(SIGNATURE) == SECRET


def test_only_the_volume_is_protected(railway: World) -> None:
    ids = production(railway)
    seen = look(railway, Declared(adopt_project_id=ids["project"]))
    assert {one.urn.rpartition("::")[2] for one in seen.look.found if one.protect} == {"volume"}


def test_an_empty_project_gets_everything(railway: World) -> None:
    seen = look(railway, Declared(adopt_project_id=empty(railway)))
    assert seen.verdicts()["service"] is Verdict.CREATED
    assert seen.row("volume").reason == "it is new and empty"
    assert {one.urn.rpartition("::")[2] for one in seen.look.found} == {"project", "environment"}


def test_without_a_project_everything_will_be_created(railway: World) -> None:
    seen = look(railway, Declared())
    assert set(seen.verdicts().values()) == {Verdict.CREATED}
    assert seen.look.found == []


@pytest.mark.parametrize(
    ("changes", "resource", "why", "fix", "proposal"),
    [
        (
            {"size_mb": 500},
            "volume",
            "is 50 GB, but 0.5 GB are declared",
            "whatsapp-crm:volumeSizeGb 50",
            "pulumi config set whatsapp-crm:volumeSizeGb 50",
        ),
        (
            {"settings": {"region": EUROPE}},
            "service settings",
            "is in the region us-west2",
            "whatsapp-crm:railwayRegion us-west2",
            "pulumi config set whatsapp-crm:railwayRegion us-west2",
        ),
        (
            {"service_name": "whatsapp"},
            "project",
            "has no service named whatsapp (existing: backend)",
            "whatsapp-crm:railwayServiceName backend",
            "pulumi config set whatsapp-crm:railwayServiceName backend",
        ),
        (
            {"environment_name": "live"},
            "project",
            "has no environment live (existing: production)",
            "whatsapp-crm:railwayEnvironment",
            "pulumi config set whatsapp-crm:railwayEnvironment production",
        ),
    ],
)
def test_what_up_would_reject_cannot_be_adopted(
    railway: World, changes: dict[str, Any], resource: str, why: str, fix: str, proposal: str
) -> None:
    ids = production(railway)
    seen = look(railway, Declared(adopt_project_id=ids["project"]).but(**changes))
    row = seen.row(resource)
    assert row.verdict is Verdict.REFUSED
    assert why in row.reason
    assert fix in row.fix
    assert proposal in {one.command for one in seen.look.proposals}


def test_what_is_inside_of_a_refused_project_is_refused_with_it(railway: World) -> None:
    ids = production(railway)
    describe(railway, ids["project"], "ours\n[pulumi:crm/other]")
    seen = look(railway, Declared(adopt_project_id=ids["project"]))
    assert set(seen.verdicts().values()) == {Verdict.REFUSED}
    assert "belongs to the Pulumi stack crm/other" in seen.row("project").reason
    assert seen.row("volume").reason == "it belongs to the railway project, which cannot be adopted"
    assert seen.look.found == []


def test_a_deleted_volume_is_not_replaced_by_an_empty_one(railway: World) -> None:
    """Unless the config allows it."""
    ids = production(railway)
    declared = Declared(adopt_project_id=ids["project"])
    railway.manual("mutation($id: String!) { volumeDelete(volumeId: $id) }", id=ids["volume"])
    row = look(railway, declared).row("volume")
    assert row.verdict is Verdict.REFUSED
    assert "48 hours" in row.reason
    row = look(railway, declared, config={"whatsapp-crm:allowNewVolume": "true"}).row("volume")
    assert row.verdict is Verdict.CREATED


def test_a_project_token_is_enough(railway: World) -> None:
    ids = production(railway)
    token = {"kind": "project", "token": "project-token", "project_id": ids["project"]}
    railway.admin("tokens", token | {"environment_id": railway.rows("environments")[0]["id"]})
    declared = Declared(adopt_project_id=ids["project"])
    seen = look(railway, declared, RAILWAY_API_TOKEN="", RAILWAY_TOKEN="project-token")
    assert {one.urn.rpartition("::")[2]: one.id for one in seen.look.found}.items() >= ids.items()


def test_a_token_that_sees_no_variables_refuses_them_and_finds_the_rest(railway: World) -> None:
    ids = production(railway)
    declared = Declared(adopt_project_id=ids["project"])
    whole = look(railway, declared, token=True).verdicts()
    railway.admin("tokens", {"kind": "account", "token": "viewer", "viewer": True})
    seen = look(railway, declared, token=True, RAILWAY_API_TOKEN="viewer")
    refused = {key for key, verdict in seen.verdicts().items() if verdict is Verdict.REFUSED}
    assert refused == {"variables", "token"}
    assert seen.verdicts() == {**whole, **dict.fromkeys(refused, Verdict.REFUSED)}
    assert all("RAILWAY_API_TOKEN" in one.fix for one in seen.look.rows if one.verdict is Verdict.REFUSED)
    assert seen.look.unread == ["the variables on Railway (a role above Viewer has this right)"]


def test_no_access_is_never_nothing_there(railway: World) -> None:
    ids = production(railway)
    workspace = railway.admin("workspaces", {"name": "Other"})["id"]
    railway.admin("tokens", {"kind": "workspace", "token": "other", "workspace_id": workspace})
    with pytest.raises(NotAuthorizedError):
        look(railway, Declared(adopt_project_id=ids["project"]), RAILWAY_API_TOKEN="other")


def test_what_is_in_the_state_already_is_not_looked_for(railway: World) -> None:
    """After an `up` that stopped: the ids of what it recorded are known."""
    ids = production(railway)
    declared = Declared(adopt_project_id=ids["project"])
    engine = look(railway, declared).imported()
    seen = look(
        railway, declared, recorded={key: engine.id(key) for key in ("project", "environment", "service")}
    )
    assert "project" not in seen.verdicts()
    assert {one.urn.rpartition("::")[2] for one in seen.look.found} >= {"volume", "variables", "deployment"}
    assert seen.refused() == {("variable", "OLD"), ("variable", "OLDER")}


def test_limits_set_in_the_dashboard_are_a_change(railway: World) -> None:
    ids = production(railway)
    railway.manual(LIMITS, i=place(railway, ids) | {"vCPUs": 8, "memoryGB": 8})
    seen = look(railway, Declared(adopt_project_id=ids["project"], limits={}))
    assert seen.changes("limits") == {"cpus": ("8", "null"), "memory_gb": ("8", "null")}
    assert "pulumi config set whatsapp-crm:cpuLimit 8" in {one.command for one in seen.look.proposals}
