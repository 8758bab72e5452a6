"""A Railway project made by hand is imported with the real engine: the next preview names only what
differs, and `up` keeps every object, the token and the files.

The steps run once for the whole test file; the tests check their output and counts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from firebase.errors import JsonObject
from ops.adopt import plan
from ops.adopt import railway as adopting
from ops.adopt.model import Verdict
from ops.adopt.railway import RailwayLook
from railway.graphql.credentials import access_from
from sandbox import manual_edits, stack_state
from sandbox.supervisor import STACK, Sandbox
from tests.e2e.backend_only import make_app, put, rows
from tests.e2e.stack import DRIFT, Done, Stack, Steps
from tests.e2e.test_adoption import OLD_VALUE, production

pytestmark = pytest.mark.e2e

TOKEN = "the-token-that-people-use-today"
UPSERT = "mutation($i: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $i) }"
CHANGED = {"Project", "Volume", "Variables", "ServiceSettings", "Deployment"}
KEPT = {"Environment", "Service", "ServiceDomain", "ServiceLimits", "Adoption", "GeneratedToken"}


@dataclass
class Adopted(Steps):
    """The steps, what was found before them, and the operations of each preview."""

    ids: dict[str, str] = field(default_factory=dict[str, str])
    look: RailwayLook = field(default_factory=RailwayLook)
    operations: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    found: list[stack_state.Resource] = field(default_factory=list[stack_state.Resource])
    state: str = ""

    def preview(self, name: str, *options: str) -> list[JsonObject]:
        """Run a preview, and keep the operation on each resource of Railway by its class."""
        done = self.step(name, "preview", "--json", "--show-sames", *options)
        assert done.returncode == 0, done.stdout
        digest = cast("JsonObject", json.JSONDecoder().raw_decode(done.stdout.lstrip())[0])
        steps = cast("list[JsonObject]", digest["steps"])
        self.operations[name] = {
            _kind(step): str(step["op"])
            for step in steps
            if "dynamic/railway:" in str(step["urn"]) or "GeneratedToken" in str(step["urn"])
        }
        return steps


def _kind(step: JsonObject) -> str:
    return str(step["urn"]).rpartition("::")[0].rpartition(":")[2]


@pytest.fixture(scope="module")
def adopted(sandbox: Sandbox, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Adopted:
    """Look, import, preview, apply."""
    seen = Adopted(stack)
    app = make_app(tmp_path_factory.mktemp("app") / "crm")
    seen.ids = production(stack.running)
    where = {
        "projectId": seen.ids["Project"],
        "serviceId": seen.ids["Service"],
        "environmentId": rows(stack, "environments")[0]["id"],
    }
    manual_edits.Dashboard(stack.running, "", "", "").call(
        UPSERT, {"i": {**where, "skipDeploys": True, "variables": {"ADMIN_TOKEN": TOKEN}}}
    )
    put(stack, appDir=str(app), railwayProjectId=seen.ids["Project"])
    folder: Path = tmp_path_factory.mktemp("import")
    imports, planned = folder / "import.json", folder / "plan.json"
    files = ("--import-file", str(imports), "--save-plan", str(planned))
    steps = seen.preview("first preview", "--show-secrets", *files)
    declared = list(plan.declarations(steps, json.loads(planned.read_text())["resourcePlans"]))
    seen.look = adopting.look(declared, access_from(sandbox.variables(), lambda _: None), lambda _: None)
    whole = plan.Plan(declared=declared, steps=steps, import_file=json.loads(imports.read_text()))
    imports.write_text(json.dumps(plan.import_file(whole, seen.look.found)))
    options = ("--generate-code=false", "--protect=false", "--yes", "--skip-preview")
    seen.step("import", "import", "--file", str(imports), *options)
    assert seen.done["import"].returncode == 0, seen.done["import"].stdout
    seen.state = json.dumps(stack_state.exported(sandbox, STACK))
    seen.preview("preview")
    seen.step("up", "up", "--yes", "--skip-preview")
    assert seen.done["up"].returncode == 0, seen.done["up"].stdout
    seen.step("drift", *DRIFT)
    seen.found = stack_state.resources(sandbox, STACK)
    return seen


def test_nothing_is_created_or_replaced_after_the_import(adopted: Adopted) -> None:
    assert set(adopted.operations["first preview"].values()) == {"create"}
    assert adopted.operations["preview"] == {
        **dict.fromkeys(CHANGED, "update"),
        **dict.fromkeys(KEPT, "same"),
    }


def test_the_report_and_the_preview_agree(adopted: Adopted) -> None:
    verdicts = {
        row.urn.rpartition("::")[0].rpartition(":")[2]: row.verdict for row in adopted.look.rows if row.urn
    }
    assert verdicts == {
        **dict.fromkeys(CHANGED, Verdict.CHANGES),
        **dict.fromkeys(KEPT - {"Adoption"}, Verdict.SAME),
    }


def test_the_import_and_the_preview_send_railway_nothing(adopted: Adopted) -> None:
    assert adopted.railway["import"].requests == 0
    assert adopted.railway["preview"].requests == 0


def test_no_value_is_in_the_state_or_on_the_terminal(adopted: Adopted) -> None:
    for value in (OLD_VALUE, TOKEN):
        assert value not in adopted.state
        assert all(value not in done.stdout for done in _outputs(adopted))


def _outputs(adopted: Adopted) -> list[Done]:
    return [done for name, done in adopted.done.items() if name != "first preview"]


@pytest.mark.parametrize("kind", ["Project", "Service", "Volume", "ServiceDomain"])
def test_it_is_the_same_object_afterwards(stack: Stack, adopted: Adopted, kind: str) -> None:
    table = {"Project": "projects", "Service": "services", "Volume": "volumes", "ServiceDomain": "domains"}
    found = stack_state.first_of_type(adopted.found, stack_state.RAILWAY_TYPE + kind)
    assert found.id == adopted.ids[kind]
    assert [row["id"] for row in rows(stack, table[kind])] == [adopted.ids[kind]]


def test_the_files_on_the_volume_are_the_same(stack: Stack, adopted: Adopted) -> None:
    path = f"/admin/volumes/{adopted.ids['Volume']}/files"
    files: dict[str, Any] = json.loads(stack_state.get_admin(stack.running.railway_url, path))
    assert list(files.values()) == [{"creds.json": "kept"}]


def test_the_token_stays_and_the_rest_is_as_declared(stack: Stack, adopted: Adopted) -> None:
    assert adopted.done["up"].returncode == 0
    variables = {row["name"]: row["value"] for row in rows(stack, "variables")}
    assert variables["ADMIN_TOKEN"] == TOKEN
    assert not {"OLD", "OLDER"} & set(variables)


def test_up_deploys_once_and_leaves_no_drift(adopted: Adopted) -> None:
    assert adopted.railway["up"].deployments == 1
    assert adopted.done["drift"].returncode == 0, adopted.done["drift"].stdout
