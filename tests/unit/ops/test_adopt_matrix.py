"""The report of `ops adopt`."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from firebase.errors import JsonObject
from ops.adopt.matrix import engine_rows, show, step_changes, write_report
from ops.adopt.model import MASK, UNKNOWN, Change, Row, Verdict

pytestmark = pytest.mark.unit

FUNCTION = "urn:pulumi:prod::whatsapp-crm::gcp:cloudfunctionsv2/function:Function::functions-send"
ROWS = [
    Row(kind="index", name="threads/at", verdict=Verdict.SAME),
    Row(kind="index", name="codes/at", verdict=Verdict.SAME, reason="it is being built"),
    Row(
        kind="function",
        name="send",
        verdict=Verdict.CHANGES,
        reason="it is rebuilt",
        changes=(Change(property="serviceConfig.timeoutSeconds", old="30", new="60"),),
    ),
    Row(
        kind="rules release",
        name="cloud.firestore",
        verdict=Verdict.CHANGES,
        changes=(Change(property="rules", old="match\nallow write;\n", new="match\nallow read;\n"),),
    ),
    Row(kind="function", name="old", verdict=Verdict.UNDECLARED, reason="1st generation"),
    Row(kind="key", name="key", verdict=Verdict.CREATED),
    Row(kind="secret", name="KEY", verdict=Verdict.REFUSED, reason="elsewhere", fix="rename it"),
]


def shown(rows: list[Row]) -> str:
    """What is printed."""
    out = io.StringIO()
    show("prod", rows, out)
    return out.getvalue()


def test_the_table_counts_by_kind_and_verdict() -> None:
    lines = {line.split()[0]: line.split()[-5:] for line in shown(ROWS).splitlines()[2:7]}
    assert lines["index"] == ["2", "-", "-", "-", "-"]
    assert lines["function"] == ["-", "1", "-", "1", "-"]
    assert lines["key"] == ["-", "-", "1", "-", "-"]
    assert lines["secret"] == ["-", "-", "-", "-", "1"]


def test_what_is_not_the_same_is_listed() -> None:
    text = shown(ROWS)
    assert "  function send: it is rebuilt\n    serviceConfig.timeoutSeconds: 30 -> 60\n" in text
    assert "exists and is not declared:\n  function old: 1st generation\n" in text
    assert "  secret KEY: elsewhere\n    fix: rename it\n" in text
    assert "  index codes/at: it is being built\n" in text
    assert "threads/at" not in text


def test_texts_are_shown_as_their_difference() -> None:
    lines = shown(ROWS).splitlines()
    assert "      -allow write;" in lines
    assert "      +allow read;" in lines
    assert "       match" in lines


def test_a_name_of_a_cloud_cannot_change_the_terminal() -> None:
    assert "\x1b" not in shown([Row(kind="function", name="\x1b[31mred", verdict=Verdict.UNDECLARED)])


def test_the_report_has_every_row(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    write_report(file, "prod", ROWS, [], adopted=3, requests=21, unread=["a policy"])
    document = json.loads(file.read_text())
    assert (document["stack"], document["adopted"], document["requests"]) == ("prod", 3, 21)
    assert [row["name"] for row in document["rows"]] == [row.name for row in ROWS]
    assert document["rows"][2]["changes"] == [
        {"property": "serviceConfig.timeoutSeconds", "old": "30", "new": "60"}
    ]
    assert document["rows"][6]["verdict"] == "cannot be adopted"


def update(path: str, old: Any, new: Any, *, inputs: bool = False) -> JsonObject:
    """A step that changes a function."""
    before = {"inputs": old, "outputs": {}} if inputs else {"inputs": {}, "outputs": old}
    difference = {path: {"kind": "update", "inputDiff": inputs}}
    return {
        "op": "update",
        "urn": FUNCTION,
        "oldState": before,
        "newState": {"inputs": new},
        "detailedDiff": difference,
    }


@pytest.mark.parametrize(
    ("path", "old", "new", "values"),
    [
        ("a.b", {"a": {"b": 1}}, {"a": {"b": 2}}, ("1", "2")),
        ('labels["deployment-tool"]', {"labels": {"deployment-tool": "x"}}, {"labels": {}}, ('"x"', "null")),
        ("f[1].g", {"f": [0, {"g": 1}]}, {"f": [0]}, ("1", "null")),
        ("secretData", {"secretData": MASK}, {"secretData": MASK}, (MASK, MASK)),
        (
            "serviceConfig.environmentVariables.A",
            {"serviceConfig": {"environmentVariables": {"A": "hush"}}},
            {"serviceConfig": {"environmentVariables": {}}},
            (MASK, "null"),
        ),
    ],
)
def test_the_engines_differences(path: str, old: Any, new: Any, values: tuple[str, str]) -> None:
    for inputs in (False, True):
        (change,) = step_changes(update(path, old, new, inputs=inputs))
        assert (change.property, change.old, change.new) == (path, *values)


@pytest.mark.parametrize("path", ["__provider", 'effectiveLabels["deployment-tool"]', "pulumiLabels.a"])
def test_what_follows_from_other_properties_is_not_listed(path: str) -> None:
    assert list(step_changes(update(path, {}, {}))) == []


def test_without_differences_of_the_provider_the_inputs_are_compared() -> None:
    """`pulumi preview --json` has no detailed difference of a dynamic provider."""
    old = {"__provider": "a", "branch": "main", "names": {"A": "1", "B": "2"}, "value": MASK}
    new = {"__provider": "b", "names": {"A": "1", "B": UNKNOWN}, "value": MASK, "of": [UNKNOWN]}
    step = {**update("", {}, {}), "detailedDiff": None, "oldState": {"inputs": old}}
    assert [(it.property, it.old, it.new) for it in step_changes({**step, "newState": {"inputs": new}})] == [
        ("branch", '"main"', "null"),
        ("names.B", '"2"', "(known after the up)"),
        ("of", "null", "[(known after the up)]"),
    ]


@pytest.mark.parametrize(
    ("op", "adopted", "verdict"),
    [
        ("same", True, Verdict.SAME),
        ("update", True, Verdict.CHANGES),
        ("replace", True, Verdict.REFUSED),
        ("delete", True, Verdict.REFUSED),
        ("create", True, Verdict.REFUSED),
        ("replace", False, Verdict.CHANGES),
        ("create", False, None),
    ],
)
def test_what_the_engine_does_with_objects_of_the_state(
    op: str, adopted: bool, verdict: Verdict | None
) -> None:
    step = {**update("a", {}, {"a": 1}), "op": op, "replaceReasons": ["location"]}
    rows = list(engine_rows([step], {FUNCTION} if adopted else set()))
    assert [row.verdict for row in rows] == ([verdict] if verdict else [])
    if verdict is Verdict.REFUSED:
        assert "location" in rows[0].reason


@pytest.mark.parametrize("op", ["replace", "create-replacement", "delete-replaced"])
def test_after_a_killed_import_the_engine_may_replace_what_was_imported(op: str) -> None:
    """A version whose secret is not imported yet: its secret's id is unknown."""
    step = {**update("secret", {}, {}), "op": op}
    (row,) = engine_rows([step], {FUNCTION}, unfinished=True)
    assert (row.verdict, row.reason) == (Verdict.SAME, "it is imported, and compared when the rest is")
    (row,) = engine_rows([step], {FUNCTION})
    assert row.verdict is Verdict.REFUSED


DATABASE = "urn:pulumi:prod::whatsapp-crm::gcp:firestore/database:Database::database-firestore"


@pytest.mark.parametrize("changes", [False, True])
def test_an_object_that_the_program_imports_itself_exists(changes: bool) -> None:
    """The preview has an `import`, and an `update` if the import is not all."""
    path = "deleteProtectionState"
    steps: list[JsonObject] = [{"op": "import", "urn": DATABASE, "newState": {}}]
    if changes:
        steps.append({**update(path, {path: "OFF"}, {path: "ON"}), "urn": DATABASE})
    (row,) = engine_rows(steps, set())
    assert (row.kind, row.name, row.urn) == ("database", "database-firestore", DATABASE)
    assert row.verdict is (Verdict.CHANGES if changes else Verdict.SAME)
    assert row.reason == "the next `up` imports it"
    assert [(one.old, one.new) for one in row.changes] == ([('"OFF"', '"ON"')] if changes else [])


def test_what_is_no_object_of_a_cloud_is_not_listed() -> None:
    for type_ in ("whatsapp-crm:components:Rules", "pulumi:providers:gcp", "command:local:Command"):
        urn = f"urn:pulumi:prod::whatsapp-crm::{type_}::name"
        assert list(engine_rows([{"op": "same", "urn": urn}], set())) == []


@pytest.mark.parametrize("path", ["serviceConfig.environmentVariables", "serviceConfig"])
def test_variables_are_masked_where_the_engine_names_all_of_them(path: str) -> None:
    variables = {"environmentVariables": {"KEY": "hush"}}
    step: JsonObject = {
        "op": "update",
        "urn": FUNCTION,
        "detailedDiff": {path: {"kind": "add"}},
        "oldState": {"outputs": {}},
        "newState": {"inputs": {"serviceConfig": {"timeoutSeconds": 60, **variables}}},
    }
    (one,) = engine_rows([step], ())
    assert "hush" not in repr(one)
    assert MASK in one.changes[0].new
