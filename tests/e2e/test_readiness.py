"""`python -m ops readiness` on the example, deployed on the sandbox by the real engine.

One stack for all tests: each break is made through the clouds' own APIs, seen, and undone.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firebase.rest import GoogleApi
from ops import stack_file
from ops.github import GitHub
from ops.readiness import declared, run
from ops.readiness.context import Context
from ops.readiness.declared import Declared
from ops.readiness.lines import IDS, chosen
from ops.readiness.model import Outcome, Verdict
from railway.clock import Clock
from railway.graphql.api import RailwayApi
from railway.graphql.client import RailwayClient
from railway.graphql.credentials import access_from
from sandbox import manual_edits, stack_state
from sandbox.supervisor import STACK, Sandbox
from tests.e2e.readiness_program import Edge, Program, functions_edge, waiver
from tests.e2e.readiness_stack import Breakable, Undo
from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

SEEN = "A,B,C,D,G1,G2,G3,G4"
"""The lines that are read from the clouds."""


@pytest.fixture(scope="module")
def edge() -> Iterator[Edge]:
    with functions_edge() as made:
        yield made


@pytest.fixture(scope="module")
def program(sandbox: Sandbox, stack: Stack, edge: Edge, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The deployed example. Its volume has no backup yet, and nobody tried it with two phones."""
    stack.up()
    return Program(tmp_path_factory.mktemp("program") / "crm", sandbox, edge)


@pytest.fixture(scope="module")
def clouds(program: Program, sandbox: Sandbox, stack: Stack, edge: Edge) -> Breakable:
    return Breakable(stack.running, stack_state.resources(sandbox, STACK), edge)


@pytest.fixture(scope="module")
def stated(sandbox: Sandbox, program: Program) -> Declared:
    return declared.of_state(STACK, stack_state.exported(sandbox, STACK))


def reasons(program: Program, stated: Declared) -> list[str]:
    """The lines that stand in the way, without those that follow."""
    return [one.line.id for one in outcomes(program, stated) if not one.verdict.ready and not one.follows]


def outcomes(program: Program, stated: Declared) -> list[Outcome]:
    settings, problems = stack_file.load(STACK)
    assert settings is not None, problems
    lines = chosen(SEEN)
    client = RailwayClient(access_from(program.environ, lambda _: None), Clock(0.1))
    context = Context(
        stack=STACK,
        declared=stated,
        settings=settings,
        google=GoogleApi(program.environ),
        railway=lambda: RailwayApi(client),
        github=lambda: GitHub(program.environ),
        environ=program.environ,
        folder=program.folder,
    )
    found = run.run(lines, lambda: context, say=lambda _: None)
    return run.outcomes(lines, found, {}, stack=STACK, today=context.now().date())


def test_a_fresh_stack_is_not_ready_and_says_why(program: Program) -> None:
    """It runs before the others: there is no backup of the volume, no acceptance, no Flutter."""
    done = program.readiness()
    assert done.returncode == 1, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    analyze = [] if shutil.which("flutter") else ["E7"]
    left = ", ".join(["C3", *analyze, "F1", "F2", "F3", "F4", "F5"])
    assert last.endswith(f"not ready: {left} (G5 follows)"), done.stdout
    assert "5 need a person" in last
    assert "Traceback" not in done.stderr


def test_a_good_stack_is_ready_with_every_report(program: Program, clouds: Breakable, tmp_path: Path) -> None:
    clouds.back_up()
    clouds.admin("/admin/clock", advance=1)
    program.accept()
    program.waive({"E7": waiver()})
    forms = {form: tmp_path / f"r.{form}" for form in ("json", "junit", "md", "html")}
    done = program.readiness("--report", *(f"{form}:{file}" for form, file in forms.items()))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(": ready for 30 accounts\n")
    report = json.loads(forms["json"].read_text())
    verdicts = {one["id"]: one["verdict"] for one in report["lines"]}
    assert list(verdicts) == list(IDS)
    assert {id_ for id_, verdict in verdicts.items() if verdict != "pass"} <= {"E7"}
    assert [one["id"] for one in report["lines"] if not one["evidence"] and one["verdict"] == "pass"] == [
        "G5"
    ]
    before = {one["id"]: one["before"] for one in report["lines"]}
    assert (before["C3"], before["F1"]) == ("fail", "needs a person")
    assert "Since the report of" in forms["html"].read_text()
    said = done.stdout + done.stderr + "".join(file.read_text() for file in forms.values())
    assert "BEGIN PRIVATE KEY" not in said


WEARS: list[tuple[str, str, str, Callable[[Breakable], Undo]]] = [
    ("A3", "A3 (G2, G5 follow)", "2 instances of", Breakable.replica),
    ("C2", "C2 (G5 follows)", "45000 of 50000 MB are used: 90.0 %", lambda clouds: clouds.fill(45_000)),
    ("C3", "C3 (G5 follows)", "8 days old", lambda clouds: clouds.age_backups(8)),
    ("G4", "G4 (G5 follows)", "it started 4 times in 24 hours", lambda clouds: clouds.restarts(3)),
]
"""What comes with time, and nobody does: the line, the end of the report, and what the line says."""


@pytest.mark.parametrize(
    ("line", "reason", "said", "break_"), WEARS, ids=[f"{line} {said}" for line, _, said, _ in WEARS]
)
def test_the_command_ends_with_1_and_exactly_what_wore_out(
    program: Program,
    clouds: Breakable,
    tmp_path: Path,
    line: str,
    reason: str,
    said: str,
    break_: Callable[[Breakable], Undo],
) -> None:
    file = tmp_path / "report.json"
    undo = break_(clouds)
    try:
        done = program.readiness("--report", f"json:{file}")
    finally:
        undo()
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith(f": not ready: {reason}"), done.stdout
    (found,) = [one for one in json.loads(file.read_text())["lines"] if one["id"] == line]
    assert found["verdict"] == "fail"
    assert said in found["found"]
    assert found["fix"]


BREAKS: list[tuple[list[str], Callable[[Breakable], Undo]]] = [
    (["A1"], lambda clouds: clouds.push("f" * 40)),
    (["A2"], Breakable.branch),
    (["A4"], Breakable.check),
    (["B1"], Breakable.job),
    (["B2"], lambda clouds: clouds.rebuilt(3600)),
    (["B3"], Breakable.other_source),
    (["B4"], lambda clouds: clouds.release(clouds.live_rules() + "\n// by hand\n")),
    (["B5"], lambda clouds: clouds.release(manual_edits.OPEN_RULES)),
    (["B6"], Breakable.disable),
    (["B7"], Breakable.reader),
    (["B8"], Breakable.address),
    (["B9"], Breakable.key),
    (["C1"], Breakable.mount),
    (["C4"], Breakable.empty_variable),
    (["C5"], Breakable.crash),
    # Another program answers: neither of the two lines is in its log.
    (["D1", "D2"], lambda clouds: clouds.switch("backend_is_crm", value=False, before=True)),
    (["D3"], lambda clouds: clouds.switch("backend_routes", ["/other"], [])),
    (["D4"], Breakable.failing),
    (["D5"], Breakable.logged),
    (["G1"], lambda clouds: clouds.index([{"fieldPath": "a", "order": "ASCENDING"},
                                          {"fieldPath": "b", "order": "ASCENDING"}])),
    (["G2"], Breakable.second_service),
    (["G3"], Breakable.undeclared_secret),
    (["D6"], Breakable.no_domain),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "break_"), BREAKS, ids=["+".join(lines) for lines, _ in BREAKS])
def test_what_a_person_breaks_is_exactly_the_reason(
    program: Program,
    clouds: Breakable,
    stated: Declared,
    lines: list[str],
    break_: Callable[[Breakable], Undo],
) -> None:
    undo = break_(clouds)
    try:
        found = outcomes(program, stated)
    finally:
        undo()
    left = {one.line.id: one.finding.found for one in found if not one.verdict.ready}
    assert [one.line.id for one in found if not one.verdict.ready and not one.follows] == lines, left
    assert {one.verdict for one in found if one.line.id in lines} == {Verdict.FAIL}


def test_every_line_of_the_clouds_is_broken_above() -> None:
    broken = {id_ for ids, _ in BREAKS for id_ in ids} | {line for line, *_ in WEARS}
    assert broken == {line.id for line in chosen(SEEN)}


def test_the_build_of_an_index_is_waited_for(program: Program, clouds: Breakable) -> None:
    clouds.rebuilt(6)
    done = program.readiness("--only", "B2,G1", "--retry-until", "2m")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "readiness: waiting, 0 s of 2 min: B2 messages/tsClient: CREATING" in done.stderr
    assert "these lines are ready" in done.stdout


def test_every_break_but_the_last_was_undone(program: Program, stated: Declared) -> None:
    """Otherwise a test above saw what another one broke."""
    assert reasons(program, stated) == ["D6"]


def test_the_command_ends_with_1_and_the_id_of_what_is_broken(program: Program) -> None:
    done = program.readiness()
    assert done.returncode == 1
    assert "not ready: D6 (D3, G4, G5 follow)" in done.stdout.splitlines()[-1], done.stdout


def test_an_unreachable_cloud_is_never_ready(program: Program) -> None:
    program.environ = {**program.environ, "RAILWAY_API_URL": "http://127.0.0.1:9/graphql/v2"}
    done = program.readiness("--only", "A2,C5,B4")
    assert done.returncode == 1, done.stdout
    assert "cannot tell     A2" in done.stdout
    assert "pass            B4" in done.stdout
