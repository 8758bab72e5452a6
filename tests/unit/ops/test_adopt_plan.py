"""What `ops adopt` takes from a preview: the declarations with their secrets, and the file for Pulumi."""

from __future__ import annotations

import pytest

from firebase.errors import JsonObject
from ops.adopt.model import Found, secret
from ops.adopt.plan import Plan, declarations, import_file

pytestmark = pytest.mark.unit

ROOT = "urn:pulumi:prod::whatsapp-crm::pulumi:pulumi:Stack::whatsapp-crm-prod"
SECRETS = "urn:pulumi:prod::whatsapp-crm::whatsapp-crm:components:Secrets::secrets"
RULES = "urn:pulumi:prod::whatsapp-crm::whatsapp-crm:components:Rules::rules"
GOOGLE = "urn:pulumi:prod::whatsapp-crm::pulumi:providers:gcp::google"
VERSION = "gcp:secretmanager/secretVersion:SecretVersion"
KEY = f"urn:pulumi:prod::whatsapp-crm::whatsapp-crm:components:Secrets${VERSION}::secrets-KEY-version"


def step(urn: str, op: str = "create", parent: str = "", **inputs: object) -> JsonObject:
    """A step of a preview."""
    type_ = urn.split("::")[2].rpartition("$")[2]
    state = {"type": type_, "urn": urn, "parent": parent, "provider": f"{GOOGLE}::id", "inputs": inputs}
    return {"op": op, "urn": urn, "newState": state}


STEPS = [
    step(ROOT),
    step(SECRETS, parent=ROOT),
    step(RULES, parent=ROOT),
    step(GOOGLE, parent=ROOT, project="crm"),
    step(KEY, parent=SECRETS, secretData="[secret]"),
]
PLANS = {KEY: {"goal": {"inputDiff": {"adds": {"secretData": secret("hush")}}}}}


def test_secrets_come_from_the_plan_file() -> None:
    """The JSON of a preview masks them."""
    found = list(declarations(STEPS, PLANS))[-1]
    assert found.inputs == {"secretData": "hush"}
    assert found.raw == {"secretData": secret("hush")}
    assert (found.type, found.name, found.op) == (VERSION, "secrets-KEY-version", "create")


def test_secrets_that_the_up_changes_come_from_the_plan_file_too() -> None:
    """Of an object in the state, the plan has the changes only."""
    plans = {KEY: {"goal": {"inputDiff": {"adds": {"b": "2"}, "updates": {"secretData": secret("hush")}}}}}
    (found,) = declarations([step(KEY, "update", secretData="[secret]", a="1", b="2")], plans)
    assert found.inputs == {"secretData": "hush", "a": "1", "b": "2"}
    (found,) = declarations([step(KEY, "update", secretData="[secret]", a="1")], {})
    assert found.inputs == {"secretData": "[secret]", "a": "1"}


def test_the_code_of_a_dynamic_resource_comes_from_the_preview() -> None:
    """The plan file leaves it out."""
    steps = [step(KEY, secretData="[secret]", __provider="code")]
    (found,) = declarations(steps, PLANS)
    assert found.raw == {"secretData": secret("hush"), "__provider": "code"}


def test_what_ends_is_not_declared() -> None:
    gone = {"op": "delete", "urn": KEY, "oldState": {"type": VERSION}}
    assert [one.urn for one in declarations([*STEPS[:2], gone], {})] == [ROOT, SECRETS]


def test_the_file_has_what_exists_with_parents_and_provider() -> None:
    google = {"type": "pulumi:providers:gcp", "name": "google", "inputs": {"project": "crm"}}
    parent = {"type": "whatsapp-crm:components:Secrets", "name": "secrets", "component": True}
    unneeded = {"type": "whatsapp-crm:components:Rules", "name": "rules", "component": True}
    entry = {
        "type": VERSION,
        "name": "secretsKey",
        "logicalName": "secrets-KEY-version",
        "id": "<PLACEHOLDER>",
    }
    plan = Plan(
        declared=list(declarations(STEPS, PLANS)),
        steps=STEPS,
        import_file={"nameTable": {"x": "urn"}, "resources": [unneeded, google, parent, entry]},
    )
    found = Found(urn=KEY, id="v3", inputs={"secretData": secret("hush")}, outputs={"version": "3"})
    assert import_file(plan, [found]) == {
        "nameTable": {"x": "urn"},
        "resources": [
            google,
            parent,
            {**entry, "id": "v3", "inputs": found.inputs, "outputs": found.outputs},
        ],
    }
    by_id = import_file(plan, [Found(urn=KEY, id="v3")])
    assert by_id["resources"][-1] == {**entry, "id": "v3"}
