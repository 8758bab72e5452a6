"""`ops readiness`: waivers, waiting, the reports, the comparison with the last run, and the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from junitparser import JUnitXml

from ops import __main__ as ops_command
from ops import stack, stack_file
from ops.readiness import (
    command,
    flutter,
    history,
    html_report,
    json_report,
    junit_report,
    run,
    text_report,
    waivers,
)
from ops.readiness.context import Context
from ops.readiness.findings import failed, passed, unknown
from ops.readiness.lines import IDS, LINES, chosen
from ops.readiness.model import Finding, Line, Report, Severity, Verdict
from tests.unit.ops import readiness_world as world_of
from tests.unit.ops.readiness_edges import serving
from tests.unit.ops.readiness_world import WAIVER, World

pytestmark = pytest.mark.unit

EXPIRED = {**WAIVER, "expires": "2026-11-29"}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Everything is ready."""
    with serving(200) as backend, serving(401) as functions:
        edges = {"RAILWAY_EDGE_URL": backend.url, "GOOGLE_EDGE_URL": functions.url}
        made = World(folder=tmp_path, edges=edges)
        made.accept()
        monkeypatch.setattr(flutter, "check_app", made.check_app)
        monkeypatch.setattr(flutter, "find_app", lambda *_: (tmp_path, ""))
        yield made


def of(report: Report, line: str) -> Any:
    return next(one for one in report.outcomes if one.line.id == line)


# ---- Waivers


def test_a_waived_line_does_not_stand_in_the_way_and_says_who_decided(world: World) -> None:
    world.railway.backups_made = []
    world.waivers = {"C3": WAIVER}
    report = world.report()
    assert report.ready
    assert of(report, "C3").verdict is Verdict.WAIVED
    assert "C3" in of(report, "G5").finding.found
    assert "waived until 2026-11-30 by Ana: no backup yet" in "\n".join(text_report.lines(report))
    assert report.summary == "41 of the runbook's 41 lines were checked: ready for 30 accounts"


def test_an_expired_waiver_fails_also_where_the_line_passes(world: World) -> None:
    world.waivers = {"C3": EXPIRED}
    report = world.report()
    assert report.reasons == ["C3"]
    assert "the waiver of Ana ended on 2026-11-29" in of(report, "C3").finding.found
    assert of(report, "C3").finding.fix == (
        "pulumi config rm --path 'whatsapp-crm:readinessWaivers.C3' -s prod"
    )
    world.railway.backups_made = []
    assert "there is no backup" in of(world.report(), "C3").finding.found


def test_an_expired_waiver_does_not_follow_from_another_line(world: World) -> None:
    world.railway.statuses = ["CRASHED"]
    world.waivers = {"D1": EXPIRED}
    assert world.report().reasons == ["C5", "D1"]


def test_a_waiver_of_a_line_that_passes_changes_nothing(world: World) -> None:
    world.waivers = {"C3": WAIVER}
    assert of(world.report(), "C3").verdict is Verdict.PASS


@pytest.mark.parametrize("line", ["A9", "G5"])
def test_a_waiver_of_no_line_or_of_all_lines_fails(world: World, line: str) -> None:
    world.waivers = {line: WAIVER}
    report = world.report()
    assert report.reasons == ["G5"]
    assert f"names {line}" in of(report, "G5").finding.found


def test_what_cannot_be_told_and_what_needs_a_person_can_be_waived(world: World) -> None:
    world.google["entries:list"] = world_of.DENIED
    (world.folder / ".acceptance" / "prod.json").unlink()
    world.waivers = dict.fromkeys(("D5", "F1", "F2", "F3", "F4", "F5"), WAIVER)
    report = world.report()
    assert report.ready
    assert report.summary == (
        "35 of the runbook's 41 lines were checked, 1 could not be checked, 5 need a person: "
        "ready for 30 accounts"
    )


def test_what_follows_from_a_waived_line_is_waived_with_it(world: World) -> None:
    world.railway.statuses = ["CRASHED"]
    world.waivers = {"C5": WAIVER}
    report = world.report()
    waived = {one.line.id for one in report.outcomes if one.verdict is Verdict.WAIVED}
    assert waived == {"A1", "A3", "A4", "C5", "D1", "D2", "G2", "G4"}


def test_the_form_of_waivers_is_that_of_the_setting() -> None:
    (found,) = waivers.read({"C3": WAIVER}).items()
    assert found[0] == "C3"
    assert (found[1].reason, found[1].person, found[1].expires.isoformat()) == (
        "no backup yet",
        "Ana",
        "2026-11-30",
    )


# ---- Waiting


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def line(id_: str, answers: list[Finding]) -> Line:
    """A line whose check gives these answers, the last one again and again."""

    def check(_: Context) -> Finding:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    return Line(id=id_, words="words", severity=Severity.HIGH, check=check)


BUILDING = failed("3 indexes are CREATING", "wait", waiting=True)


def waited(lines: list[Line], seconds: float) -> tuple[dict[str, Finding], list[str], Time]:
    time, said = Time(), list[str]()
    none = cast("Context", None)
    found = run.run(
        lines, lambda: none, retry_seconds=seconds, say=said.append, sleep=time.sleep, clock=time.clock
    )
    return found, said, time


def test_an_index_that_is_being_built_is_waited_for() -> None:
    lines = [line("B2", [BUILDING, BUILDING, passed("all READY")]), line("A1", [passed("ok")])]
    found, said, time = waited(lines, 3600)
    assert found["B2"].verdict is Verdict.PASS
    assert said == ["readiness: waiting, 0 s of 60 min: B2 3 indexes are CREATING"]
    assert 0 < time.now < 60


def test_the_wait_ends_at_its_time_and_says_every_minute_what_it_waits_for() -> None:
    found, said, time = waited([line("B2", [BUILDING])], 600)
    assert found["B2"] is BUILDING
    assert 600 <= time.now < 620
    assert 9 <= len(said) <= 11
    assert "9 min of 10 min" in said[-1]


def test_what_time_does_not_change_is_not_waited_for() -> None:
    broken = [line("A2", [failed("a branch", "fix")]), line("D5", [unknown("no right", "grant it")])]
    found, said, time = waited(broken, 3600)
    assert (time.now, said) == (0, [])
    assert found["A2"].verdict is Verdict.FAIL


def test_without_retry_until_nothing_is_waited_for() -> None:
    _, said, time = waited([line("B2", [BUILDING])], 0)
    assert (time.now, said) == (0, [])


def test_what_passed_is_not_checked_again() -> None:
    passes = [passed("first"), passed("second")]
    found, _, _ = waited([line("A1", passes), line("B2", [BUILDING, passed("READY")])], 3600)
    assert found["A1"].found == "first"


# ---- Reports


def test_the_json_has_every_line_with_its_evidence(world: World) -> None:
    report = world.broken()
    read = json.loads(json_report.to_json(report))
    assert [one["id"] for one in read["lines"]] == list(IDS)
    assert (read["ready"], read["not_ready"][:2]) == (False, ["A2", "D5"])
    assert (read["lines_total"], read["lines_checked"], read["commit"]) == (41, 35, "0123456789ab")
    evidence = read["lines"][0]["evidence"][0]
    assert set(evidence) == {"asked", "answer", "at", "commit"}
    by_id = {one["id"]: one for one in read["lines"]}
    assert by_id["C3"]["waiver"] == WAIVER
    assert by_id["G5"]["follows"] == read["not_ready"]


def test_the_junit_has_a_case_for_each_line(world: World) -> None:
    document = JUnitXml.fromstring(junit_report.to_junit(world.broken()).encode())
    (suite,) = list(document)
    cases = {str(case.name)[:2]: case for case in suite}
    assert list(cases) == list(IDS)
    kinds = {id_: [type(result).__name__ for result in case.result] for id_, case in cases.items()}
    assert kinds["A1"] == []
    assert kinds["A2"] == ["Failure"]
    assert kinds["D5"] == ["Error"]
    assert kinds["F1"] == ["Failure"]
    assert kinds["C3"] == ["Skipped"]
    assert "fix: pulumi up" in str(cases["A2"].result[0].text)
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (41, 7, 1, 1)


def test_the_markdown_has_failures_first_and_renders_nothing_foreign(world: World) -> None:
    text = text_report.markdown(world.broken())
    rows = [row for row in text.splitlines() if row.startswith("| ")][1:]
    assert len(rows) == len(IDS)
    verdicts = [row.split(" | ")[0].strip("|* ") for row in rows]
    assert verdicts == sorted(verdicts, key=[one.value for one in text_report.ORDER].index)
    assert "<script>" not in text
    assert "@all" not in text


def test_the_html_is_escaped_and_needs_nothing_from_elsewhere(world: World) -> None:
    text = html_report.to_html(world.broken())
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert 'http-equiv="Content-Security-Policy"' in text
    assert text.index('id="A2"') < text.index('id="D5"') < text.index('id="F1"') < text.index('id="A1"')
    assert len(text.encode()) < 1_000_000


def test_the_text_ends_with_what_is_not_ready_and_the_summary(world: World) -> None:
    shown = list(text_report.lines(world.broken()))
    assert shown[-1].startswith("35 of the runbook's 41 lines were checked, 1 could not be checked, 5 need")
    assert shown.index("Not ready") > shown.index("Railway")
    assert any(one.startswith("  fail            A2") for one in shown)


def test_the_summary_of_some_lines_does_not_say_that_production_is_ready(world: World) -> None:
    report = world.report("A,D3")
    assert report.summary == "5 of the runbook's 41 lines were checked: these lines are ready"
    assert world.report("G").reasons == ["G5"]


# ---- The comparison with the last run


def test_the_last_run_is_kept_and_some_lines_replace_only_these(world: World, tmp_path: Path) -> None:
    file = history.keep(tmp_path, world.report())
    assert file == tmp_path / ".readiness" / "prod.json"
    assert file.stat().st_mode & 0o777 == 0o600
    world.railway.branch = "other"
    history.keep(tmp_path, world.report("A"))
    _, verdicts = json_report.previous(file)
    assert list(verdicts) == list(IDS)
    assert verdicts["A2"] is Verdict.FAIL
    assert verdicts["D3"] is Verdict.PASS


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"lines": [{"id": "A1"}], "finished": "x"}'])
def test_a_file_that_is_no_report_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "r.json"
    file.write_text(text)
    with pytest.raises(Exception, match="is not a report"):
        json_report.previous(file)


# ---- The command line


@pytest.fixture
def stacked(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The command finds this environment as the stack prod."""
    (tmp_path / "Pulumi.prod.yaml").write_text("config: {}\n")
    monkeypatch.setattr(stack, "PROJECT", tmp_path)
    monkeypatch.setattr(stack, "resources", lambda _: world.state)
    monkeypatch.setattr(stack_file, "load", lambda _: (world.settings(), []))
    monkeypatch.setattr(Context, "on", staticmethod(lambda *_: world.context()))
    return world


def main(*arguments: str) -> int:
    return ops_command.main(["readiness", "--stack", "prod", *arguments])


def test_exit_code_0_if_all_lines_are_ready(stacked: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    assert capsys.readouterr().out.endswith(
        "41 of the runbook's 41 lines were checked: ready for 30 accounts\n"
    )


def test_exit_code_1_and_what_changed_since_the_last_run(
    stacked: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main() == 0
    stacked.railway.branch = "audit-30"
    files = {form: tmp_path / f"r.{form}" for form in ("json", "junit", "md", "html")}
    assert main("--report", *(f"{form}:{file}" for form, file in files.items())) == 1
    shown = capsys.readouterr().out
    assert "A2  The service deploys from main, not from a feature branch.  (was pass)" in shown
    assert json.loads(files["json"].read_text())["not_ready"] == ["A2"]
    assert "was pass" in files["html"].read_text()
    assert "was pass" in files["md"].read_text()
    assert len(list(JUnitXml.fromfile(str(files["junit"])))) == 1
    stacked.railway.branch = "main"
    assert main("--only", "A2", "--previous", str(files["json"])) == 0
    assert "(was fail)" in capsys.readouterr().out


def test_the_lines_are_listed_without_a_stack(capsys: pytest.CaptureFixture[str]) -> None:
    assert ops_command.main(["readiness", "--list"]) == 0
    listed = capsys.readouterr().out
    assert [one.words for one in LINES if one.words not in listed] == []
    assert ops_command.main(["readiness", "--list", "--only", "D4,f"]) == 0
    assert capsys.readouterr().out.count("\n") == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only", "A1,Z9"), "Z9 is neither a line of the runbook nor a section"),
        (("--only", ","), "empty is neither"),
        (("--previous", "/no/such/file"), "there is no file /no/such/file"),
    ],
)
def test_exit_code_2_if_it_could_not_run(
    stacked: World, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert main(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "fix: " in error


@pytest.mark.parametrize(
    "option",
    [
        ("--report", "pdf:x"),
        ("--report", "json:"),
        ("--report", "json:/no/folder/x"),
        ("--retry-until", "soon"),
    ],
)
def test_a_wrong_option_is_exit_code_2(capsys: pytest.CaptureFixture[str], option: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(*option)
    assert ended.value.code == 2
    assert "must be" in (error := capsys.readouterr().err) or "there is no folder" in error


def test_a_stack_without_a_successful_up_is_exit_code_2(
    stacked: World, capsys: pytest.CaptureFixture[str]
) -> None:
    stacked.state = []
    assert main() == 2
    assert "no `pulumi up` of the stack prod has succeeded yet" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_is_exit_code_2(
    stacked: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder").mkdir()
    assert main("--only", "A2", "--report", f"json:{tmp_path / 'folder'}") == 2
    assert "fix: make" in capsys.readouterr().err


def test_the_commit_of_a_folder_that_is_no_checkout_is_unknown(tmp_path: Path) -> None:
    assert command.commit(tmp_path) == ""
    assert len(command.commit(Path(__file__).parents[3]).removesuffix("+changes")) == 12


def test_lines_are_chosen_by_id_and_section() -> None:
    assert [one.id for one in chosen("d4, F")] == ["D4", "F1", "F2", "F3", "F4", "F5"]
    assert chosen(None) == list(LINES)
