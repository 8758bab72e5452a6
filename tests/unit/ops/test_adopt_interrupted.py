"""`ops adopt` after a run or an `up` that was killed, and beside another run."""

from __future__ import annotations

import pytest

from firebase.errors import JsonObject
from ops import stack
from ops.adopt import record, run, run_folder
from ops.adopt.interrupted import in_order, repaired
from tests.unit.ops.adopt_engine import (
    ALL,
    ANSWERS,
    GOOGLE,
    KEY,
    PART,
    ROOT,
    SEND,
    Engine,
    adopt,
)
from tests.unit.ops.google_project import SECRETS, Project

pytestmark = pytest.mark.unit


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


@pytest.mark.parametrize("options", [(), ("--yes",), ("--undo",)])
def test_two_runs_of_a_stack_do_not_meet(
    engine: Engine, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    with run_folder.hold("prod") as folder:
        (folder / "imports.json").write_text("those of the first run")
        assert adopt(*options) == 2
        assert (folder / "imports.json").exists()
    assert not engine.calls
    message = capsys.readouterr().err
    assert "another `python -m ops adopt` of the stack prod is under way" in message
    assert "fix: answer its question in the other terminal" in message
    assert adopt(*options) == 0


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


def test_a_replacement_stands_in_front_of_what_depends_on_it(engine: Engine) -> None:
    """The import removes what is about to be deleted, and rejects a resource in front of what it needs."""
    engine.state, engine.replaced = {ROOT, GOOGLE, PART, SEND}, f"{PART}-source"
    assert adopt() == 0
    assert not engine.written
    assert adopt("--yes") == 0
    names = [urn for urn in engine.written if urn in (SEND, engine.replaced)]
    assert names == [engine.replaced, engine.replaced, SEND]
    assert not engine.did("refresh")


ROWS: dict[str, list[JsonObject]] = {
    "parent": [{"urn": "b", "parent": "a"}, {"urn": "a"}],
    "provider": [{"urn": "b", "provider": "a::id"}, {"urn": "a"}],
    "deleted with": [{"urn": "b", "deletedWith": "a"}, {"urn": "a"}],
    "property": [{"urn": "b", "propertyDependencies": {"x": ["a"], "y": None}}, {"urn": "a"}],
    "of each other's": [{"urn": "c", "dependencies": ["b"]}, {"urn": "b", "parent": "a"}, {"urn": "a"}],
    "replaced": [{"urn": "a", "delete": True}, {"urn": "b", "dependencies": ["a"]}, {"urn": "a"}],
}


@pytest.mark.parametrize("name", ROWS)
def test_each_resource_is_behind_what_it_needs(name: str) -> None:
    ordered = in_order(ROWS[name])
    assert {id(one) for one in ordered} == {id(one) for one in ROWS[name]}
    kept = [str(one["urn"]) for one in ordered if not one.get("delete")]
    assert kept == sorted(kept)
    assert in_order(ordered) == ordered


@pytest.mark.parametrize(
    "rows",
    [
        [{"urn": "a"}, {"urn": "b", "dependencies": ["a"]}],
        [{"urn": "a", "delete": True}, {"urn": "b", "delete": True, "dependencies": ["a"]}, {"urn": "a"}],
        [{"urn": "b", "dependencies": ["unknown"]}, {"urn": "a"}],
        [{"urn": "a", "delete": True}, {"urn": "b", "dependencies": ["a"]}],
    ],
)
def test_what_is_in_order_stays_as_it_is(rows: list[JsonObject]) -> None:
    assert in_order(rows) == rows


MARKED: dict[str, tuple[list[JsonObject], list[JsonObject]]] = {
    "its replacement is not recorded": (
        [{"urn": "a", "delete": True}, {"urn": "b", "dependencies": ["a"]}],
        [{"urn": "a"}, {"urn": "b", "dependencies": ["a"]}],
    ),
    "behind what needs it": (
        [{"urn": "b", "provider": "a::id"}, {"urn": "a", "delete": True}],
        [{"urn": "a"}, {"urn": "b", "provider": "a::id"}],
    ),
    "twice": (
        [{"urn": "a", "delete": True, "id": "2"}, {"urn": "a", "delete": True}, {"urn": "b", "parent": "a"}],
        [{"urn": "a", "id": "2"}, {"urn": "a", "delete": True}, {"urn": "b", "parent": "a"}],
    ),
    "half replaced": ([{"urn": "a", "pendingReplacement": True}], [{"urn": "a"}]),
}


@pytest.mark.parametrize("name", MARKED)
def test_a_mark_that_an_import_does_not_accept_is_removed(name: str) -> None:
    before, after = MARKED[name]
    assert repaired(before) == after
    assert repaired(after) == after


@pytest.mark.parametrize(
    "rows",
    [
        [{"urn": "a"}, {"urn": "a", "delete": True}, {"urn": "b", "dependencies": ["a"]}],
        [{"urn": "a", "delete": True}],
        [{"urn": "a", "delete": True}, {"urn": "b", "delete": True, "dependencies": ["a"]}],
    ],
)
def test_what_is_about_to_be_deleted_stays_so(rows: list[JsonObject]) -> None:
    assert repaired(rows) == rows


@pytest.mark.parametrize("finished", [True, False])
def test_a_state_that_another_run_writes_meanwhile_is_not_overwritten(
    engine: Engine, capsys: pytest.CaptureFixture[str], finished: bool
) -> None:
    engine.state, engine.half = {*ALL}, {SEND}
    other = f"{PART}-child"

    def answer(_: str) -> bool:
        engine.half = set() if finished else {SEND}
        engine.state.add(other)
        return True

    with pytest.raises(stack.StackError) as error:
        run.adopt(run.Options(stack="prod", ask=answer))
    assert "since this command read it; nothing was written" in str(error.value)
    assert "fix: .venv/bin/python -m ops adopt --stack prod  #" in str(error.value)
    assert other in engine.state
    assert not engine.did("stack import")
    assert not engine.did("refresh")


def test_a_damaged_record_is_an_error(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    record.write("prod", [SEND])
    record.path("prod").write_text("{")
    assert adopt("--undo") == 2
    assert "fix: rm " in capsys.readouterr().err
