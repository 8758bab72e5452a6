"""The options of `python -m ops accept`, how it ends when it cannot begin, and what it needs of a stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from components.verification_spec import Function, Spec
from firebase.errors import JsonObject
from firebase.rest import GoogleApi
from ops import __main__ as main
from ops import stack
from ops.acceptance import command, connect, deployed, progress
from ops.acceptance.model import CannotTellError
from ops.acceptance.options import Options
from ops.acceptance.requests_to import Site
from railway.graphql.api import RailwayApi

pytestmark = pytest.mark.unit

SPEC = Spec(
    stack="prod",
    project="crm",
    database="(default)",
    release="cloud.firestore",
    rules_digest="r",
    never_delete=("clients",),
    allow_client_deletes={},
    health_path="/health",
    wait_seconds=60,
    functions=(Function(id="send", region="europe-west1", source="a.zip", digest="d"),),
    backend_url="https://b.up.railway.app",
    deployment="deployment-1",
    indexes={"i": "projects/crm/indexes/1"},
    secrets={"GROQ_API_KEY": "3"},
    ruleset="projects/crm/rulesets/1",
)


def ended(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main.main(["accept", *arguments])
    return code, capsys.readouterr().err


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """The options with which the command was called."""
    found: list[Options] = []
    monkeypatch.setattr(command, "accept", lambda options: found.append(options) or 0)
    return found


def test_options(given: list[Options], tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    arguments = [
        "accept",
        "--stack",
        "prod",
        "--only",
        "f3,F2",
        "--report",
        f"json:{report}",
        "--within",
        "5",
    ]
    assert main.main([*arguments, "--accounts", "sales, support", "--client", "+40700000000"]) == 0
    assert given == [
        Options(
            stack="prod",
            only=("F2", "F3"),
            report=report,
            within=5.0,
            accounts=("sales", "support"),
            client="+40700000000",
        )
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--only", "F6"],
        ["--only", ""],
        ["--report", "xml:r"],
        ["--report", "json:"],
        ["--report", "json:/nowhere/r.json"],
        ["--within", "0"],
        ["--wait", "nan"],
        ["--accounts", "sales"],
        ["--accounts", "sales,sales"],
        ["--accounts", "a/b,c"],
    ],
)
def test_wrong_options(arguments: list[str], given: list[Options]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(["accept", "--stack", "prod", *arguments])
    assert ended.value.code == 2
    assert not given


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (CannotTellError("no backend", "start it"), "no backend\n  fix: start it"),
        (stack.StackError("no stack", "make it"), "no stack\n  fix: make it"),
        (KeyboardInterrupt(), "--stack prod  # continues"),
        (PermissionError(13, "Permission denied", "/x"), "make /x writable"),
    ],
)
def test_it_could_not_run(
    error: BaseException, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(options: Options) -> int:
        raise error

    monkeypatch.setattr(command, "accept", fail)
    code, shown = ended(["--stack", "prod"], capsys)
    assert code == 2
    assert said in shown
    assert "Traceback" not in shown


def test_a_result_is_about_one_deployment() -> None:
    first = deployed.digest(SPEC)
    assert first == deployed.digest(replace(SPEC, wait_seconds=1))
    changed: list[dict[str, Any]] = [
        {"deployment": "deployment-2"},
        {"functions": (replace(SPEC.functions[0], source="b.zip"),)},
        {"ruleset": "projects/crm/rulesets/2"},
        {"secrets": {"GROQ_API_KEY": "4"}},
        {"indexes": {}},
    ]
    assert len({first, *(deployed.digest(replace(SPEC, **change)) for change in changed)}) == 6
    assert [deployed.changes(first, deployed.digest(replace(SPEC, **change))) for change in changed] == [
        ["backend"],
        ["functions"],
        ["rules"],
        ["secrets"],
        ["indexes"],
    ]
    assert deployed.changes(first, first) == []
    everything = ["backend", "functions", "indexes", "rules", "secrets"]
    assert deployed.changes("0123456789abcdef", first) == everything


def test_the_names_of_a_stack_come_from_its_config(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {
        "whatsapp-crm:acceptanceNames": {"value": '{"amount": "price"}'},
        "whatsapp-crm:flutterNames": {"value": '{"events": "bookings", "lib": "src"}'},
        "whatsapp-crm:region": {"value": "europe-west3"},
    }
    monkeypatch.setattr(stack, "resources", lambda name: [])
    monkeypatch.setattr(stack, "config_entries", lambda name: entries)
    monkeypatch.setattr(stack, "verification", lambda name, state: SPEC)
    found = connect.read("prod")
    assert (found.names.amount, found.names.events, found.names.text) == ("price", "bookings", "text")
    assert (found.region, found.spec) == ("europe-west3", SPEC)


class Google(GoogleApi):
    """Lists functions by region."""

    def __init__(self) -> None:
        super().__init__(environ={})
        self.read: list[str] = []

    def listed(self, product: str, path: str, *_: Any, **__: Any) -> Any:
        self.read.append(path)
        name = "send" if "west1" in path else "ask"
        url = f"https://r-crm.cloudfunctions.net/{name}"
        return iter([{"name": f"{path}/{name}", "url": url}])


def test_functions_are_found_in_all_their_regions_once() -> None:
    api = Google()
    found = connect.Deployed(spec=SPEC, names=command.Names(), state=(), region="europe-west3")
    functions = connect.Functions(found, api, {"GOOGLE_EDGE_URL": "http://127.0.0.1:1"})
    assert functions.site("send") == Site("https://r-crm.cloudfunctions.net/send", "http://127.0.0.1:1")
    assert functions.site("ask") == Site("https://r-crm.cloudfunctions.net/ask", "http://127.0.0.1:1")
    assert functions.site("other") is None
    assert len(api.read) == 2


class Railway:
    """Answers with the variables of one service."""

    def rendered_variables(self, *ids: str) -> Mapping[str, str]:
        assert ids == ("p", "e", "s")
        return {"ADMIN_TOKEN": "x"}


def test_the_backends_variables_are_those_of_its_service() -> None:
    old: JsonObject = {"type": connect.VARIABLES, "delete": True, "outputs": {}}
    outputs = {"project_id": "p", "environment_id": "e", "service_id": "s"}
    current: JsonObject = {"type": connect.VARIABLES, "outputs": outputs}
    railway = cast("RailwayApi", Railway())
    found = connect.Deployed(spec=SPEC, names=command.Names(), state=[old, current], region="")
    assert connect.backend_variables(found, railway) == {"ADMIN_TOKEN": "x"}
    with pytest.raises(stack.StackError, match="has no backend"):
        connect.backend_variables(replace(found, state=[old]), railway)


def test_addresses_of_a_local_server() -> None:
    assert connect.documents_site({}) == Site("https://firestore.googleapis.com/v1")
    assert connect.documents_site({"FIRESTORE_EMULATOR_HOST": "h:1"}) == Site("http://h:1/v1")
    assert connect.backend_site(SPEC, {}) == Site("https://b.up.railway.app")


def test_two_commands_for_one_stack(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "FOLDER", tmp_path)
    with progress.hold("prod"):
        code, shown = ended(["--stack", "prod"], capsys)
    assert code == 2
    assert "is under way on this machine" in shown
