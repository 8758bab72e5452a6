"""The critical path of an exported stack."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from sandbox.critical_path import Graph
from sandbox.supervisor import PROJECT

pytestmark = pytest.mark.sandbox

ACCOUNT = "gcp:serviceaccount/account:Account"
API = "gcp:projects/service:Service"
ROLE = "gcp:projects/iAMMember:IAMMember"
FUNCTION = "gcp:cloudfunctionsv2/function:Function"


def urn(name: str, type_: str) -> str:
    return f"urn:pulumi:s::p::{type_}::{name}"


def resource(name: str, type_: str, *after: str, **changes: Any) -> dict[str, Any]:
    return {"urn": urn(name, type_), "type": type_, "custom": True, "dependencies": list(after), **changes}


def stack(**provider_inputs: str) -> list[dict[str, Any]]:
    """An API, two accounts, a role and two functions, one of which waits for the role."""
    google = urn("google", "pulumi:providers:gcp")
    on_google = {"provider": f"{google}::id"}
    return [
        resource("google", "pulumi:providers:gcp", inputs=provider_inputs),
        resource("parts", "whatsapp-crm:components:Parts", custom=False),
        resource("iam", API, **on_google),
        resource("fn", ACCOUNT, urn("iam", API), **on_google),
        resource("old", ACCOUNT, urn("fn", ACCOUNT), delete=True),
        resource("role", ROLE, propertyDependencies={"member": [urn("fn", ACCOUNT)]}, **on_google),
        # A parent delays nothing, even if it is the slowest resource.
        resource("quick", FUNCTION, urn("iam", API), parent=urn("role", ROLE), **on_google),
        resource("slow", FUNCTION, urn("role", ROLE), urn("iam", API), **on_google),
    ]


def test_the_longest_chain_has_the_waits_of_the_plugin() -> None:
    path = Graph(stack()).critical_path()
    assert [(step.urn.rpartition("::")[2], step.seconds, step.ends) for step in path] == [
        ("google", 0, 0),
        ("iam", 9, 9),
        ("fn", 10, 19),
        ("role", 6, 25),
        ("slow", 1, 26),
    ]


@pytest.mark.parametrize(("pause", "ends"), [("1s", 18), ("500ms", 16), ("3s", 26)])
def test_a_shorter_pause_between_batches_shortens_it(pause: str, ends: float) -> None:
    batching = json.dumps({"enableBatching": True, "sendAfter": pause})
    assert Graph(stack(batching=batching)).critical_path()[-1].ends == ends


def test_it_tells_when_functions_can_begin() -> None:
    assert Graph(stack()).begins(FUNCTION) == [9, 25]


def test_an_empty_stack_has_no_path() -> None:
    assert Graph([]).critical_path() == []


def test_the_command_reads_an_export() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.critical_path"],
        cwd=PROJECT,
        input=json.dumps({"deployment": {"resources": stack()}}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1].split() == ["26", "1", "slow"]
