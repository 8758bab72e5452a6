"""`ops adopt` as a command, on a small engine: what it imports, records and undoes, and its exit codes."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from firebase.errors import JsonObject
from ops import __main__ as command
from ops import stack
from ops.adopt import google, google_secrets, railway, record, run
from ops.adopt.model import Declared, Found, Row, Verdict
from ops.adopt.proposals import Proposal
from ops.adopt.railway import RailwayLook
from railway.graphql.credentials import Access
from tests.unit.ops.google_project import FUNCTIONS, REGION, SECRETS, Project, named

pytestmark = pytest.mark.unit

ROOT = "urn:pulumi:prod::whatsapp-crm::pulumi:pulumi:Stack::whatsapp-crm-prod"
GOOGLE = "urn:pulumi:prod::whatsapp-crm::pulumi:providers:gcp::google"
PART = "urn:pulumi:prod::whatsapp-crm::whatsapp-crm:components:Part::part"
SEND = f"urn:pulumi:prod::whatsapp-crm::whatsapp-crm:components:Part${google.FUNCTION}::functions-send"
KEY = f"urn:pulumi:prod::whatsapp-crm::whatsapp-crm:components:Part${google.SECRET}::secrets-KEY"
SEND_ID = f"projects/crm/locations/{REGION}/functions/send"
ANSWERS: dict[str, Any] = {
    FUNCTIONS: {"functions": [{"name": SEND_ID, "environment": "GEN_2"}]},
    SECRETS: {"secrets": named([f"{SECRETS}/KEY"])},
}
ALL = {ROOT, GOOGLE, PART, SEND, KEY}
INPUTS: dict[str, JsonObject] = {
    GOOGLE: {"project": "crm"},
    SEND: {"location": REGION, "name": "send"},
    KEY: {"secretId": "KEY"},
}


@dataclass
class Engine:
    """The Pulumi CLI, with the program of this file.

    Args:
        state: the URNs in the state.
        pending: the URNs of interrupted creations.
        after: what the preview shows for resources in the state, instead of `same`.
        hidden: what the program declares only when the state has the function.
        more: what the program declares in addition.
        stop_after: the import fails after this number of resources.
        half: the URNs whose replacement was interrupted after the deletion.
        gone: the URNs that a refresh of them does not find.
    """

    state: set[str] = field(default_factory=set[str])
    pending: list[str] = field(default_factory=list[str])
    after: dict[str, str] = field(default_factory=dict[str, str])
    hidden: set[str] = field(default_factory=set[str])
    stop_after: int | None = None
    says: str = "failed"
    calls: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    files: list[JsonObject] = field(default_factory=list[JsonObject])
    modes: list[int] = field(default_factory=list[int])
    paths: list[Path] = field(default_factory=list[Path])
    plans: list[Path] = field(default_factory=list[Path])
    more: tuple[str, ...] = ()
    builds_on: dict[str, str] = field(default_factory=dict[str, str])
    half: set[str] = field(default_factory=set[str])
    gone: set[str] = field(default_factory=set[str])

    def __call__(self, *arguments: str, **_: str) -> subprocess.CompletedProcess[str]:
        self.calls.append(arguments)
        name = "_".join(word for word in arguments[:2] if not word.startswith("-"))
        output, code = getattr(self, f"do_{name}")(dict(pairwise(arguments)), arguments)
        return subprocess.CompletedProcess(arguments, code, stdout=output, stderr="")

    def did(self, name: str) -> bool:
        """Whether a command was run."""
        return any(" ".join(call).startswith(name) for call in self.calls)

    def do_preview(self, options: dict[str, str], __: tuple[str, ...]) -> tuple[str, int]:
        steps: list[JsonObject] = []
        resources: list[JsonObject] = []
        for urn in (ROOT, GOOGLE, PART, SEND, KEY, *self.more):
            if urn in self.hidden and SEND not in self.state:
                continue
            type_, _, name = urn.split("::", 2)[2].partition("::")
            type_ = type_.rpartition("$")[2]
            state = {
                "type": type_,
                "parent": {ROOT: "", GOOGLE: ROOT, PART: ROOT}.get(urn, PART),
                "provider": f"{GOOGLE}::id" if type_.startswith("gcp:") else "",
                "inputs": INPUTS.get(urn, {}),
            }
            op = self.after.get(urn, "same") if urn in self.state else "create"
            op = "create-replacement" if urn in self.half else op
            steps.append({"op": op, "urn": urn, "newState": state})
            if op == "create" and urn != ROOT:
                resources.append({"type": type_, "name": name, "component": "components" in type_})
        Path(options["--import-file"]).write_text(json.dumps({"resources": resources}))
        self.plans.append(Path(options["--save-plan"]))
        self.plans[-1].write_text(json.dumps({"resourcePlans": {}}))
        return json.dumps({"steps": steps}), 0

    def do_import(self, options: dict[str, str], _: tuple[str, ...]) -> tuple[str, int]:
        file = Path(options["--file"])
        self.modes.append(stat.S_IMODE(file.stat().st_mode))
        self.paths.append(file)
        self.files.append(json.loads(file.read_text()))
        self.state.add(ROOT)
        by_name = {urn.rpartition("::")[2]: urn for urn in (*ALL, *self.more)}
        for number, entry in enumerate(self.files[-1]["resources"]):
            if number == self.stop_after:
                return self.says, 1
            self.state.add(by_name[entry["name"]])
        return "", 0

    def do_stack_export(self, _: dict[str, str], __: tuple[str, ...]) -> tuple[str, int]:
        resources = [
            {
                "urn": urn,
                "type": urn.split("::")[2].rpartition("$")[2],
                "parent": self.builds_on.get(urn, ""),
                **({"pendingReplacement": True} if urn in self.half else {}),
            }
            for urn in sorted(self.state)
        ]
        pending = [{"type": "creating", "resource": {"urn": urn}} for urn in self.pending]
        return json.dumps({"deployment": {"resources": resources, "pending_operations": pending}}), 0

    def do_stack_import(self, options: dict[str, str], _: tuple[str, ...]) -> tuple[str, int]:
        file = Path(options["--file"])
        self.modes.append(stat.S_IMODE(file.stat().st_mode))
        self.paths.append(file)
        resources = json.loads(file.read_text())["deployment"]["resources"]
        assert {one["urn"] for one in resources} == self.state
        self.half = {one["urn"] for one in resources if one.get("pendingReplacement")}
        self.pending.clear()
        return "", 0

    def do_config(self, _: dict[str, str], __: tuple[str, ...]) -> tuple[str, int]:
        return json.dumps({"railway:token": {"value": "hush", "secret": True}}), 0

    def do_config_set(self, options: dict[str, str], arguments: tuple[str, ...]) -> tuple[str, int]:
        file = Path(options["--config-file"])
        file.write_text(f"{file.read_text()}  {arguments[-1].split('[')[0].split('.')[0]}: set\n")
        return "", 0

    def do_state_protect(self, _: dict[str, str], __: tuple[str, ...]) -> tuple[str, int]:
        return "", 0

    def do_state_delete(self, _: dict[str, str], arguments: tuple[str, ...]) -> tuple[str, int]:
        self.state -= {one for one in arguments if one.startswith("urn:")}
        return "", 0

    def do_refresh(self, _: dict[str, str], arguments: tuple[str, ...]) -> tuple[str, int]:
        assert not self.half & {*arguments}, "the engine reads no resource that waits for its creation"
        if "--clear-pending-creates" in arguments:
            self.pending.clear()
        self.state -= self.gone & {*arguments}
        return "", 0


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Engine]:
    """The engine, a Google project with what it declares, and a folder for the record."""
    made = Engine()
    monkeypatch.setattr(stack, "pulumi", made)
    monkeypatch.setattr(stack, "PROJECT", tmp_path)
    (tmp_path / "Pulumi.prod.yaml").write_text("config:\n  whatsapp-crm:healthPath: /health\n")
    monkeypatch.setattr(record, "FOLDER", tmp_path / ".adopt")
    monkeypatch.setattr(run, "CountedApi", lambda: Project(ANSWERS))
    yield made
    assert not any(path.exists() for path in made.paths), "an import file may contain secrets"


def adopt(*options: str) -> int:
    """Run the command."""
    return command.main(["adopt", "--stack", "prod", *options])


def test_without_yes_nothing_is_written(
    engine: Engine, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    assert adopt("--report", f"json:{report}") == 0
    assert not engine.state
    assert not record.FOLDER.exists()
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


def test_a_failed_import_is_continued_and_undone(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.stop_after = 3
    assert adopt("--yes") == 2
    assert "fix: run the command again: it continues" in capsys.readouterr().err
    missing = ALL - engine.state
    assert len(missing) == 1
    engine.stop_after = None
    assert adopt("--yes") == 0
    assert engine.state == ALL
    assert record.read("prod") == sorted(ALL)
    assert adopt("--undo") == 0
    assert not engine.state


def test_a_killed_import_can_be_undone(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(engine, "do_import", killed)
    with pytest.raises(SystemExit):
        adopt("--yes")
    engine.state = ALL - {KEY}
    assert adopt("--undo") == 0
    assert not engine.state


def test_an_interrupted_run_says_how_to_continue(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "do_preview", interrupted)
    assert adopt("--yes") == 2
    assert "fix: .venv/bin/python -m ops adopt --stack prod  # continues" in capsys.readouterr().err


def test_a_lock_is_named(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.stop_after, engine.says = 0, "error: the stack is currently locked by 1 lock(s)"
    assert adopt("--yes") == 2
    assert "pulumi cancel prod --yes" in capsys.readouterr().err


def test_interrupted_creations_are_forgotten_once_it_is_known_what_became_of_them(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.state = {ROOT, GOOGLE, PART}
    engine.pending = [SEND]
    assert adopt() == 0
    assert engine.pending == [SEND]
    assert adopt("--yes") == 0
    assert engine.pending == []
    assert "interrupted creation of functions-send: exists, and is adopted" in capsys.readouterr().out


@pytest.mark.parametrize("created", [True, False])
def test_a_half_replaced_object_is_read_again(
    engine: Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, created: bool
) -> None:
    """The engine would create it a second time, and imports nothing that it waits for."""
    engine.state, engine.half, engine.pending = {*ALL}, {SEND}, [SEND]
    if not created:
        engine.gone = {SEND}
        monkeypatch.setattr(run, "CountedApi", lambda: Project({SECRETS: ANSWERS[SECRETS]}))
    assert adopt() == 0
    assert engine.half == {SEND}
    assert adopt("--yes") == 0
    assert (engine.half, engine.pending) == (set(), [])
    assert engine.state == (ALL if created else ALL - {SEND})
    assert engine.modes == [0o600]
    out = capsys.readouterr().out
    assert "read 1 objects again whose replacement was interrupted" in out
    result = "was created, and is adopted" if created else "was deleted only, and is created again"
    assert f"interrupted replacement of functions-send: it {result}" in out


def test_a_damaged_record_is_an_error(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    record.write("prod", [SEND])
    record.path("prod").write_text("{")
    assert adopt("--undo") == 2
    assert "fix: rm " in capsys.readouterr().err


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
