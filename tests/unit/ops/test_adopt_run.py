"""`ops adopt` as a command, on a small engine: what it imports, records and undoes, and its exit codes."""

from __future__ import annotations

import json
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from ops.adopt import google_secrets, railway, record, run, run_folder
from ops.adopt.model import Declared, Found, Row, Verdict
from ops.adopt.proposals import Proposal
from ops.adopt.railway import RailwayLook
from railway.graphql.credentials import Access
from tests.unit.ops.adopt_engine import (
    ALL,
    ANSWERS,
    GOOGLE,
    INPUTS,
    KEY,
    PART,
    ROOT,
    SEND,
    SEND_ID,
    Engine,
    adopt,
)
from tests.unit.ops.google_project import FUNCTIONS, REGION, SECRETS, Project

pytestmark = pytest.mark.unit


def test_without_yes_nothing_is_written(
    engine: Engine, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    assert adopt("--report", f"json:{report}") == 0
    assert not engine.state
    assert [*record.FOLDER.rglob("*")] == [run_folder.path("prod")], "the lock"
    assert ".venv/bin/python -m ops adopt --stack prod --yes" in capsys.readouterr().out
    assert {row["name"]: row["verdict"] for row in json.loads(report.read_text())["rows"]} == {
        f"{REGION}/send": "same",
        "KEY": "same",
    }


@pytest.mark.parametrize(("answer", "imported"), [(True, True), (False, False)])
def test_on_a_terminal_it_asks(engine: Engine, answer: bool, imported: bool) -> None:
    asked: list[str] = []
    options = run.Options(stack="prod", ask=lambda question: bool(asked.append(question)) or answer)
    assert run.adopt(options) == 0
    assert asked == ["Import 2 objects into the state of prod? Nothing changes on the clouds."]
    assert (SEND in engine.state) == imported


def test_no_plan_file_exists_while_it_asks(engine: Engine) -> None:
    """It has every secret in plain text, and a kill leaves what exists."""
    existing: list[list[Path]] = []
    options = run.Options(stack="prod", ask=lambda _: existing.append(left(engine)) or False)
    assert run.adopt(options) == 0
    assert existing == [[]]
    assert engine.plans


def left(engine: Engine) -> list[Path]:
    """The plan files that exist."""
    return [path for path in engine.plans if path.exists()]


def test_with_yes_everything_that_exists_is_imported(engine: Engine) -> None:
    assert adopt("--yes") == 0
    assert engine.state == ALL
    assert {entry["name"]: entry.get("id") for entry in engine.files[0]["resources"]} == {
        "google": None,
        "part": None,
        "functions-send": SEND_ID,
        "secrets-KEY": f"{SECRETS}/KEY",
    }
    assert engine.modes == [0o600]
    assert [path.parent for path in (*engine.paths, *engine.plans)] == [run_folder.path("prod")] * 3
    assert record.read("prod") == sorted(ALL)
    assert stat.S_IMODE(record.path("prod").stat().st_mode) == 0o600


def test_both_clouds_are_one_adoption(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    volume = f"urn:pulumi:prod::whatsapp-crm::{railway.TYPE}Volume::volume"
    asked: list[tuple[str, bool]] = []

    def look(
        declared: Sequence[Declared], access: Access, _: object, *, drop_undeclared: bool
    ) -> RailwayLook:
        asked.append((access.token, drop_undeclared))
        if not any(one.urn == volume and one.op == "create" for one in declared):
            return RailwayLook()
        return RailwayLook(
            rows=[Row(kind="railway volume", name="data", verdict=Verdict.SAME, urn=volume)],
            found=[Found(urn=volume, id="v1", inputs={"size_mb": 5}, outputs={"size_mb": 5}, protect=True)],
            proposals=[Proposal(key="volumeName", value="data", reason="keeps its name")],
        )

    for variable in ("RAILWAY_API_TOKEN", "RAILWAY_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(railway, "look", look)
    engine.more = (volume,)
    assert adopt("--yes", "--drop-undeclared-variables") == 0
    assert engine.state == {*ALL, volume}
    assert asked[0] == ("hush", True)
    entry = engine.files[0]["resources"][-1]
    assert (entry["id"], entry["outputs"]) == ("v1", {"size_mb": 5})
    assert [call[-1] for call in engine.calls if call[:2] == ("state", "protect")] == [volume]
    out = capsys.readouterr().out
    assert "pulumi config set whatsapp-crm:volumeName data" in out
    assert "hush" not in out


@pytest.mark.parametrize(("flags", "said"), [((), True), (("--drop-undeclared-variables",), False)])
def test_variables_that_the_up_removes_are_said_at_the_end(
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    flags: tuple[str, ...],
    said: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lost = Row(kind="railway variable", name="OLD", verdict=Verdict.UNDECLARED)
    monkeypatch.setattr(railway, "look", lambda *_, **__: RailwayLook(rows=[lost]))
    engine.more = (f"urn:pulumi:prod::whatsapp-crm::{railway.TYPE}Volume::volume",)
    assert adopt("--yes", *flags) == 0
    end = capsys.readouterr().out.partition("another pulumi preview")[2]
    assert ("removes these variables of the backend: OLD" in end) == said
    assert ("ops adopt --stack prod --write-config" in end) == said


def test_undeclared_variables_stop_the_import(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Otherwise, the `up` that the end of the output names would remove them."""
    volume = f"urn:pulumi:prod::whatsapp-crm::{railway.TYPE}Volume::volume"
    lost = Row(kind="railway variable", name="OLD", verdict=Verdict.REFUSED, reason="it is not declared")
    monkeypatch.setattr(railway, "look", lambda *_, **__: RailwayLook(rows=[lost]))
    engine.more = (volume,)
    assert adopt("--yes") == 1
    assert not engine.state
    assert "1 cannot be adopted: nothing was imported" in capsys.readouterr().out


@pytest.mark.parametrize("write", [False, True])
def test_config_that_keeps_what_exists_is_written_where_the_file_sets_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], write: bool
) -> None:
    volume = f"urn:pulumi:prod::whatsapp-crm::{railway.TYPE}Volume::volume"
    live = [
        Proposal(key="volumeName", value="data", reason="keeps its name"),
        Proposal(key="healthPath", value="/alive", reason="keeps it"),
        Proposal(key="backendVariables", part=".DSN", value="hush", secret=True, reason="keeps DSN"),
    ]
    monkeypatch.setenv("RAILWAY_API_TOKEN", "token")
    monkeypatch.setattr(railway, "look", lambda *_, **__: RailwayLook(proposals=live))
    engine.more = (volume,)
    assert adopt(*(["--write-config"] if write else [])) == 0
    out = capsys.readouterr().out
    written = [call[-1] for call in engine.calls if call[:2] == ("config", "set")]
    expected = ["whatsapp-crm:volumeName", "whatsapp-crm:backendVariables.DSN"]
    assert written == (expected if write else [])
    assert sum(call[0] == "preview" for call in engine.calls) == (2 if write else 1)
    assert "hush" not in out + str(engine.calls)
    assert ("`--write-config` writes it" in out) is not write
    kept = out.partition("Pulumi.prod.yaml sets these")[2]
    assert "pulumi config set whatsapp-crm:healthPath /alive" in kept
    assert not engine.state


def test_the_report_says_the_accounts_and_that_traffic_has_no_gap(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    account = "1-compute@developer.gserviceaccount.com"
    function = {
        "name": SEND_ID,
        "environment": "GEN_2",
        "labels": {"deployment-tool": "cli-firebase"},
        "serviceConfig": {"serviceAccountEmail": account},
    }
    answers = {**ANSWERS, FUNCTIONS: {"functions": [function]}}
    monkeypatch.setattr(run, "CountedApi", lambda: Project(answers))
    own = {"serviceConfig": {"serviceAccountEmail": "crm-fn@crm.iam.gserviceaccount.com"}}
    monkeypatch.setitem(INPUTS, SEND, {**INPUTS[SEND], **own, "labels": {"deployment-tool": "pulumi"}})
    report = tmp_path / "report.json"
    assert adopt("--report", f"json:{report}") == 0
    out = capsys.readouterr().out
    assert "calls of events and schedules may be rejected for seconds" in out
    assert "0 rebuilt, 1 with a new revision only, 0 only relabelled. There is no traffic gap" in out
    assert f"functions send: {account} -> crm-fn@crm.iam.gserviceaccount.com" in out
    assert "ops adopt --stack prod --write-config" in out
    (one,) = json.loads(report.read_text())["accounts"]
    assert (one["functions"], one["old"]) == ([f"{REGION}/send"], account)
    assert adopt("--write-config") == 0
    assert f'["{REGION}/send"]' in str([call for call in engine.calls if call[:2] == ("config", "set")])


@pytest.mark.parametrize(
    ("operation", "said"),
    [("update", "0 rebuilt, 1 with a new revision only, 0 only relabelled"), ("replace", None)],
)
def test_what_happens_to_adopted_functions_is_said_in_a_later_run_too(
    engine: Engine, operation: str, said: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.state, engine.after = set(ALL), {SEND: operation}
    assert adopt() == 0
    out = capsys.readouterr().out
    assert (said or "") in out
    assert ("running functions in the next `up`" in out) == (said is not None)


def test_secrets_of_google_are_written_before_the_first_preview(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    value = Proposal(key="secrets", part=".KEY", value="hush", secret=True, reason="the value of version 3")
    monkeypatch.setattr(google_secrets, "missing", lambda *_: ([value], ["OTHER"]))
    assert adopt("--secrets-from-google") == 0
    commands = [call[0] for call in engine.calls]
    assert commands.index("config") < commands.index("preview")
    out = capsys.readouterr().out
    assert "a value that can be read of: OTHER" in out
    assert "hush" not in out + str(engine.calls)


def test_a_second_run_has_nothing_to_adopt(engine: Engine) -> None:
    assert adopt("--yes") == adopt("--yes") == 0
    assert len(engine.files) == 1


def test_what_becomes_known_by_the_import_is_imported_as_well(engine: Engine) -> None:
    engine.hidden = {KEY}
    assert adopt("--yes") == 0
    assert [len(file["resources"]) for file in engine.files] == [3, 1]
    assert engine.state == ALL


def test_what_cannot_be_adopted_stops_the_import(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = {FUNCTIONS: {"functions": [{"name": SEND_ID, "environment": "GEN_1"}]}}
    monkeypatch.setattr(run, "CountedApi", lambda: Project(first))
    assert adopt("--yes") == 1
    assert not engine.state
    out = capsys.readouterr().out
    assert "1 cannot be adopted: nothing was imported" in out
    assert "fix: give the new function another name" in out


def test_the_fix_for_a_secret_knows_the_backends_variable(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {"whatsapp-crm:backendUrlVariable": {"value": "KEY"}}
    monkeypatch.setattr(engine, "do_config", lambda *_: (json.dumps(config), 0))
    fixed = {SECRETS: {"secrets": [{"name": f"{SECRETS}/KEY", "replication": {"userManaged": {}}}]}}
    monkeypatch.setattr(run, "CountedApi", lambda: Project(fixed))
    assert adopt() == 1
    assert "pulumi config set whatsapp-crm:backendUrlVariable NEW_NAME" in capsys.readouterr().out


@pytest.mark.parametrize("operation", ["replace", "delete", "create-replacement"])
def test_an_import_that_would_end_something_is_named_with_the_way_back(
    engine: Engine, capsys: pytest.CaptureFixture[str], operation: str
) -> None:
    engine.after = {SEND: operation}
    assert adopt("--yes") == 1
    out = capsys.readouterr().out
    assert f"{operation} {SEND}" in out
    assert "fix: .venv/bin/python -m ops adopt --stack prod --undo" in out
    assert not engine.did("refresh")


def test_what_the_stack_would_have_ended_anyway_is_not_the_adoptions(engine: Engine) -> None:
    engine.state = {ROOT, GOOGLE, PART, KEY}
    engine.after = {KEY: "replace"}
    assert adopt("--yes") == 0
    assert SEND in engine.state


def test_undo_takes_exactly_what_was_imported_out_of_the_state(engine: Engine) -> None:
    engine.state = {ROOT, GOOGLE, PART}
    assert adopt("--yes") == 0
    assert record.read("prod") == sorted({SEND, KEY})
    assert adopt("--undo") == 0
    assert engine.state == {ROOT, GOOGLE, PART}
    assert not record.path("prod").exists()
    assert adopt("--undo") == 0, "again, it has nothing to do"


def test_undo_stops_where_an_up_has_built_on_it(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert adopt("--yes") == 0
    other = f"{PART}-child"
    engine.state.add(other)
    engine.builds_on = {other: PART}
    assert adopt("--undo") == 2
    assert engine.state == {*ALL, other}
    assert "fix: to let Pulumi forget everything" in capsys.readouterr().err


def test_what_an_up_replaces_after_the_adoption_does_not_stop_the_next_one(engine: Engine) -> None:
    assert adopt("--yes") == 0
    other = f"{PART}-child"
    engine.state |= {other}
    engine.builds_on = {other: PART}
    engine.after = {SEND: "replace"}
    engine.pending = [other]
    assert adopt("--yes") == 0
    assert engine.pending == []
    assert record.read("prod") == sorted(ALL)


def test_what_an_up_deleted_after_the_adoption_may_be_created_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert adopt("--yes") == 0
    engine.state.remove(KEY)
    engine.pending = [KEY]
    monkeypatch.setattr(run, "CountedApi", lambda: Project({FUNCTIONS: ANSWERS[FUNCTIONS]}))
    assert adopt("--yes") == 0
    assert engine.pending == []


@pytest.mark.parametrize("value", ["report.json", "text:report", "json:"])
def test_the_report_has_one_form(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        adopt("--report", value)
    assert ended.value.code == 2
    assert "json:FILE" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_an_error(
    engine: Engine, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    record.FOLDER.write_text("a file in the place of the folder")
    assert adopt("--yes") == 2
    assert "fix: make" in capsys.readouterr().err


def test_a_report_without_a_folder_stops_before_the_import(
    engine: Engine, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as ended:
        adopt("--yes", "--report", f"json:{tmp_path / 'absent' / 'report.json'}")
    assert ended.value.code == 2
    assert f"fix: mkdir -p {tmp_path / 'absent'}" in " ".join(capsys.readouterr().err.split())
    assert not engine.calls


def test_the_record_belongs_to_one_stack(engine: Engine) -> None:
    record.write("org/crm/prod", [SEND])
    assert record.read("org/crm/prod") == [SEND]
    assert record.read("prod") == []
    assert [file.name for file in record.FOLDER.iterdir()] == ["org%2Fcrm%2Fprod.json"]
