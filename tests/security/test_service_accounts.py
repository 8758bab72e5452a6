"""A line of the app's code cannot give a function the rights of another account."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from checkout import app as checkout_app
from checkout import function_accounts
from checkout.endpoints import HttpsTrigger
from tests import bad_settings
from tests.bad_rows import Bad, put_part
from tests.components import world
from tests.components.conftest import Run
from tests.components.conftest import run as run_fixture
from tests.unit.conftest import node_modules as node_modules_fixture
from tests.unit.conftest import stack as stack_fixture
from tests.unit.test_bad_settings import Stack, load

run, stack, node_modules = run_fixture, stack_fixture, node_modules_fixture

P = world.PROJECT
OWN = f"{P}.iam.gserviceaccount.com"
REFUSED = (
    f"crm-deploy@{OWN}", "crm-deploy@", "CRM-Deploy@", "crm-read@", "crm-backend@", f"crm-backend@{OWN}",
    "crm-fn@", "crm-fn-0a1b2c3d@", f"firebase-adminsdk-x1y2z@{OWN}", "admin@other.iam.gserviceaccount.com",
    f"crm-fn@{P}-2.iam.gserviceaccount.com", f"{P}@appspot.gserviceaccount.com",
    "other@appspot.gserviceaccount.com", "100000000001-compute@developer.gserviceaccount.com",
    f"x@{P}.iam.gserviceaccount.com.evil.example",
)  # fmt: skip
ALLOWED = (None, "sender@", f"sender@{OWN}", "crm-mailer@", "crm-functions@", "deploy-webhook@")


def problems(account: str | None, *allowed: str) -> list[str]:
    google = replace(world.GOOGLE, allowed_service_accounts=allowed)
    endpoint = replace(world.PUBLIC, service_account=account)
    return [str(one) for one in function_accounts.problems([endpoint], google, "functions")]


@pytest.mark.unit
@pytest.mark.parametrize("account", REFUSED)
def test_a_foreign_or_privileged_account_is_refused(account: str) -> None:
    (problem,) = problems(account)
    assert problem.startswith(f"functions: {world.PUBLIC.id}: runs as {account.lower().split('@')[0]}@")
    assert "Remove serviceAccount from" in problem
    assert put_part("allowedServiceAccounts[0]") in problem


@pytest.mark.unit
@pytest.mark.parametrize("account", REFUSED)
def test_the_setting_allows_it_by_name(account: str) -> None:
    assert problems(account, account) == []
    assert problems(account, function_accounts.full_email(account, P)) == []
    assert len(problems(account, "sender@")) == 1


@pytest.mark.unit
@pytest.mark.parametrize("account", ALLOWED)
def test_an_account_of_the_project_that_the_code_names_stays(account: str | None) -> None:
    assert problems(account) == []


@pytest.mark.unit
def test_an_allowed_account_that_no_function_uses_is_a_warning() -> None:
    google = replace(world.GOOGLE, allowed_service_accounts=("sender@", f"crm-deploy@{OWN}"))
    endpoint = replace(world.PUBLIC, service_account="crm-deploy@")
    (warning,) = function_accounts.unused([endpoint], google)
    assert "no function runs as sender@" in warning
    assert "pulumi config rm --path 'whatsapp-crm:allowedServiceAccounts[0]'" in warning


@pytest.mark.unit
@pytest.mark.parametrize(
    ("code", "file", "refused"),
    [
        (
            'serviceAccount: "crm-deploy@"',
            None,
            "crm-deploy@crm-sandbox.iam.gserviceaccount.com, which deploys",
        ),
        ('serviceAccount: "a@b-c-d-e.iam.gserviceaccount.com"', None, "which belongs to another project"),
        ("", "crm-backend@", "which is the account of the backend"),
        ('serviceAccount: "default"', None, None),
        ('serviceAccount: "mailer@"', None, None),
    ],
)
def test_the_preview_reads_it_from_the_code_and_from_firebase_json(
    code: str, file: str | None, refused: str | None, stack: Stack, tmp_path: Path, node_modules: Path
) -> None:
    """`default` is the program's own account, as before."""
    folder = bad_settings.copy_app(tmp_path / "app", node_modules)
    text = f'exports.odd = require("firebase-functions/v2").https.onRequest({{{code}}}, () => {{}});'
    end = "exports.processOutboxNow ="
    edits = {"functions/index.js": (end, f"{text}\n{end}")}
    if file is not None:
        edits["firebase.json"] = (
            '"source": "functions",',
            f'"source": "functions", "serviceAccount": "{file}",',
        )
    bad_settings.change_app(Bad(name="", key="", fix="", edits=edits), folder)
    found, _ = load(Bad(name="", key="", fix=""), stack, folder)
    assert found is not None
    loaded, refusals = checkout_app.load(found, tmp_path / "cache")
    if refused is None:
        assert refusals == []
        assert loaded is not None
        (odd,) = [one for one in loaded.codebases[0].endpoints if one.id == "odd"]
        assert (odd.service_account is None) == ("default" in code)
    else:
        assert [refused in one.what for one in refusals] == [True] * len(refusals)
        assert refusals


@pytest.mark.components
def test_two_accounts_of_one_name_in_two_projects_have_two_grants(run: Run) -> None:
    """Their resources had one name: Pulumi's error was `Duplicate resource URN`."""
    names = [f"mine@{OWN}", "mine@other.iam.gserviceaccount.com"]
    events = [
        replace(world.EVENT, id=f"event{number}", service_account=name) for number, name in enumerate(names)
    ]
    readers = [
        replace(world.CALLABLE, id=f"ask{number}", service_account=name) for number, name in enumerate(names)
    ]
    called = replace(world.PRIVATE, trigger=HttpsTrigger(invoker=tuple(names)))
    engine = run(app=lambda: world.app(codebases=(world.codebase(*events, *readers, called),)))
    urns = [one.urn for one in engine.registered]
    assert len(urns) == len(set(urns))
    members = {f"serviceAccount:{name}" for name in names}
    grants = [one for one in engine.registered if "am" in one.kind.rpartition("/")[2].lower()]
    for role in ("roles/eventarc.eventReceiver", "roles/secretmanager.secretAccessor", "roles/run.invoker"):
        granted: set[str] = set()
        for one in grants:
            if one.inputs.get("role") == role:
                granted |= {one.inputs["member"]} if "member" in one.inputs else set(one.inputs["members"])
        assert members <= granted, role


@pytest.mark.unit
def test_an_account_is_kept_by_the_config_and_stays_a_warning() -> None:
    compute = "100000000001-compute@developer.gserviceaccount.com"
    kept = {f"{world.PUBLIC.region}/{world.PUBLIC.id}": compute, "europe-west1/gone": "sender@"}
    google = replace(world.GOOGLE, function_accounts=kept)
    named = replace(world.PUBLIC, service_account="crm-deploy@")
    assert function_accounts.problems([named], google, "functions") == []
    other = replace(named, id="other")
    assert len(function_accounts.problems([named, other], google, "functions")) == 1
    endpoints = function_accounts.with_kept([named, other], google)
    assert [one.service_account for one in endpoints] == [compute, "crm-deploy@"]
    gone, warning = function_accounts.kept_warnings(endpoints, google)
    assert "there is no function europe-west1/gone" in gone
    assert "1 functions keep the accounts" in warning
    assert "pulumi config rm whatsapp-crm:functionServiceAccounts" in warning
