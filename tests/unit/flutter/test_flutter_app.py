"""The example app, where an app is found, and names of another one."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from checkout import index_file
from checkout.flutter.check import LINES, check_app, find_app
from checkout.flutter.results import Names, Project
from settings import flutter_names
from tests.flutter_app import FILES, write

pytestmark = pytest.mark.unit

CRM = Path(__file__).parents[3] / "examples" / "crm"


def test_the_example_app_passes() -> None:
    declared, problems = index_file.parse(
        (CRM / "firestore.indexes.json").read_text(), "firestore.indexes.json"
    )
    assert not problems
    project = Project(
        project_id="crm-sandbox",
        indexes=declared,
        rules=(CRM / "firestore.rules").read_text(),
        backend_addresses=("https://crm-backend.up.railway.app",),
        code=(CRM / "functions", CRM / "backend"),
    )
    results = {one.id: one for one in check_app(CRM / "app", Names(), project)}
    assert tuple(results) == LINES
    for line in LINES[:-1]:
        assert (results[line].findings, results[line].unknown) == ((), ()), results[line]
        assert results[line].checked
    assert "1 uses of sendViaProxy()" in results["E1"].checked
    assert "1 places that create an event" in results["E2"].checked
    assert "9 queries" in results["E3"].checked


def test_a_missing_index_of_the_example_is_found_with_its_query() -> None:
    project = Project(project_id="crm-sandbox", indexes=index_file.IndexFile(indexes=(), fields=()))
    found = next(one for one in check_app(CRM / "app", Names(), project) if one.id == "E3")
    places = {(one.file, one.line) for one in found.findings}
    text = (CRM / "app/lib/services/crm_service.dart").read_text().split("\n")
    assert len(places) >= 7
    assert all(".collection" in text[line - 1] for file, line in places if file.endswith("crm_service.dart"))


def test_the_app_is_found_by_its_pubspec(tmp_path: Path) -> None:
    assert find_app(tmp_path, None) == (
        None,
        f"no pubspec.yaml in {tmp_path} depends on flutter: set flutterApp if the app is there.",
    )
    app = write(tmp_path / "clients" / "desk", {})
    write(tmp_path / "build" / "old", {})
    (tmp_path / "tool").mkdir()
    (tmp_path / "tool" / "pubspec.yaml").write_text("name: tool\ndependencies:\n  yaml: any\n")
    assert find_app(tmp_path, None) == (app, "")
    assert find_app(tmp_path, "clients/desk") == (app, "")
    found, why = find_app(tmp_path, "clients/other")
    assert found is None
    assert "flutterApp is clients/other" in why


def test_a_package_without_a_main_is_not_the_app(tmp_path: Path) -> None:
    app = write(tmp_path / "app", {})
    write(tmp_path / "packages" / "ui", {"lib/main.dart": None})
    assert find_app(tmp_path, None) == (app, "")


def test_two_apps_need_the_setting(tmp_path: Path) -> None:
    write(tmp_path / "a", {})
    write(tmp_path / "b", {})
    found, why = find_app(tmp_path, None)
    assert found is None
    assert "(a, b): set flutterApp" in why


def test_a_folder_without_dart_is_not_passed(tmp_path: Path) -> None:
    files = {name: None for name in FILES if name.endswith(".dart")}
    results = check_app(
        write(tmp_path, {"pubspec.yaml": FILES["pubspec.yaml"], **files}), Names(), Project(project_id="x")
    )
    assert all(one.unknown and not one.findings for one in results)


def test_each_name_can_be_set() -> None:
    assert set(flutter_names.KNOWN.values()) == {one.name for one in fields(Names)}
    names = flutter_names.names_of({"sendFunction": " relay ", "createdBy": "author", "lib": "lib app"})
    assert (names.send_function, names.created_by, names.lib.split()) == ("relay", "author", ["lib", "app"])
    assert names.outbox == Names().outbox


@pytest.mark.parametrize(
    ("name", "value", "guess"),
    [("outbx", "x", "outbox"), ("events", "a b", "events"), ("send", "1x", "send"), ("zzz", "x", None)],
)
def test_a_wrong_name_is_refused(name: str, value: str, guess: str | None) -> None:
    wrong = flutter_names.wrong_name(name, value)
    assert wrong is not None
    assert wrong[1] == guess


@pytest.mark.parametrize(
    ("name", "value"), [("events", "clients/{id}/events"), ("otherProjects", ""), ("send", "_send$1")]
)
def test_a_right_name_is_accepted(name: str, value: str) -> None:
    assert flutter_names.wrong_name(name, value) is None
