"""A run: each result is kept at once, what it made is marked and archived, and the next run continues."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from ops.acceptance import command, progress, run, thread_isolation
from ops.acceptance.model import LINES, CannotTellError, Result, Verdict, now
from ops.acceptance.world import Account, Action
from tests.unit.ops.acceptance_crm import CLIENT, FakeCrm, new_run, paths, silent

pytestmark = pytest.mark.unit
ALL = list(LINES)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(progress, "FOLDER", tmp_path / ".acceptance")
    monkeypatch.setattr(thread_isolation, "SETTLE_SECONDS", 0.0)
    return tmp_path / ".acceptance"


def a_result(name: str, verdict: Verdict) -> Result:
    return Result(
        id=name, verdict=verdict, at=now(), by="x@example.com", attempt=1, seconds=1.0, found="found"
    )


def test_the_file_has_what_was_found_and_is_private(folder: Path) -> None:
    kept = new_run()
    run.run(FakeCrm().crm(), kept, ALL, silent)
    file = folder / "prod.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    document = json.loads(file.read_text())
    assert document["lines"]["F1"]["verdict"] == "pass"
    assert document["started"] == "2026-11-30T12:00:00Z"
    assert set(document["lines"]["F3"]["evidence"][0]) == {"asked", "answer", "at"}
    again = progress.read("prod")
    assert again is not None
    assert json.loads(json.dumps(again.document())) == document
    assert list(folder.iterdir()) == [file], "nothing partial is left"


def test_a_stack_with_a_slash_has_its_own_file(folder: Path) -> None:
    progress.write(new_run(stack="org/crm/prod"))
    assert (folder / "org%2Fcrm%2Fprod.json").is_file()
    assert progress.read("prod") is None


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2}', '{"version": 1}', "{"])
def test_a_damaged_file_is_an_error_with_a_fix(folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / "prod.json").write_text(text)
    with pytest.raises(progress.ProgressError, match="is not a record of an acceptance") as damaged:
        progress.read("prod", folder)
    assert damaged.value.fix.startswith("mv ")


def test_one_run_at_a_time() -> None:
    with (
        progress.hold("prod"),
        pytest.raises(progress.ProgressError, match="under way"),
        progress.hold("prod"),
    ):
        pass
    with progress.hold("prod"):
        pass


def test_what_was_made_is_marked_and_archived_and_nothing_is_deleted() -> None:
    fake, kept = FakeCrm(), new_run()
    fake.store.put("clients/+40700000009", {"displayName": "A real client"})
    run.run(fake.crm(), kept, ALL, silent)
    before = set(fake.store.documents)
    marked = [f"clients/{CLIENT}", *paths(fake.store, "threads"), *paths(fake.store, "evenimente")]
    assert len(marked) == 6
    for path in marked:
        assert fake.store.documents[path]["isTest"] is True
        assert fake.store.documents[path]["acceptanceRun"] == kept.run
        assert not fake.store.documents[path].get("isArchived")
    assert run.archive(fake.names, fake.store, kept) == len(marked)
    assert all(fake.store.documents[path]["isArchived"] is True for path in marked)
    assert set(fake.store.documents) == before
    assert fake.store.documents["clients/+40700000009"] == {"displayName": "A real client"}
    assert kept.archived
    assert (progress.read("prod") or new_run()).archived


class Interrupted(FakeCrm):
    """Ctrl-C in the third message of the client."""

    def write(self, account: Account, text: str) -> Action:
        action = super().write(account, text)
        if self.count == 3:
            raise KeyboardInterrupt
        return action


def test_an_interrupted_run_keeps_its_results_and_marks_what_it_made() -> None:
    fake, kept = Interrupted(), new_run()
    with pytest.raises(KeyboardInterrupt):
        run.run(fake.crm(), kept, ALL, silent)
    found = progress.read("prod")
    assert found is not None
    assert list(found.lines) == ["F1"]
    assert not found.archived
    assert all(fake.store.documents[path]["isTest"] for path in paths(fake.store, "threads"))
    assert run.continues(found, new_run(run="another"))
    run.run(fake.crm(), found, ALL[1:], silent)
    assert all(one.verdict is Verdict.PASS for one in found.lines.values())
    assert len(found.lines) == len(ALL)


def test_an_event_is_recorded_before_it_is_saved() -> None:
    fake, kept = FakeCrm("the rules refuse"), new_run()
    run.run(fake.crm(), kept, ["F5"], silent)
    found = progress.read("prod")
    assert found is not None
    assert any(path.startswith("evenimente/") for path in found.made)
    assert run.archive(fake.names, fake.store, found) == 0, "what was not made is not made by archiving"


@pytest.mark.parametrize(
    "change",
    [{"deployed": "other"}, {"client": "+40700000008"}, {"accounts": ("a", "b")}, {"hands": "loopback"}],
)
def test_another_deployment_or_client_begins_anew(change: dict[str, Any]) -> None:
    kept = new_run()
    kept.lines = {"F1": a_result("F1", Verdict.PASS)}
    assert run.continues(kept, new_run())
    assert not run.continues(kept, new_run(**change))


def test_a_finished_run_is_not_continued() -> None:
    kept = new_run()
    kept.lines = {name: a_result(name, Verdict.PASS) for name in LINES}
    assert not run.continues(kept, new_run())
    kept.lines["F2"] = a_result("F2", Verdict.FAIL)
    assert run.continues(kept, new_run())
    assert not run.continues(None, new_run())


def test_a_second_attempt_has_words_and_amounts_of_its_own() -> None:
    fake, kept = FakeCrm(), new_run()
    for _ in range(2):
        run.run(fake.crm(), kept, ALL, silent)
    assert {one.attempt for one in kept.lines.values()} == {2}
    assert all(one.verdict is Verdict.PASS for one in kept.lines.values())
    texts = [one["text"] for path, one in fake.store.documents.items() if "/messages/" in path]
    assert len(texts) == len(set(texts))


def test_a_client_of_the_company_is_refused() -> None:
    fake, kept = FakeCrm(), new_run()
    fake.store.put(f"clients/{CLIENT}", {"displayName": "Ana"})
    with pytest.raises(CannotTellError, match="is a client of the company"):
        run.check_client(fake.crm(), kept)
    fake.store.merge(f"clients/{CLIENT}", {"isTest": True})
    run.check_client(fake.crm(), kept)


def test_the_file_of_the_run_before_is_kept(folder: Path) -> None:
    progress.write(new_run())
    progress.keep(new_run())
    assert progress.read("prod") is None
    assert [one.name for one in folder.iterdir()] == ["prod.20261130-120000-7f3a.json"]


class Unreachable(FakeCrm):
    """A database that does not answer."""

    def crm(self, patience: float = 0.15, receive_within: float = 0.2) -> run.Crm:
        def get(path: str) -> None:
            raise CannotTellError(f"Firestore did not read {path}: unavailable", "check the network")

        self.store.get = get
        return super().crm(patience, receive_within)


def test_a_service_that_does_not_answer_proves_nothing() -> None:
    kept = new_run()
    said: list[str] = []
    run.run(Unreachable().crm(), kept, ["F1"], said.append)
    assert kept.lines["F1"].verdict is Verdict.UNKNOWN
    assert command.exit_code(list(kept.lines.values())) == command.UNKNOWN
    assert any("not marked as a test yet" in line for line in said)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [("PASS PASS", 0), ("PASS FAIL", 1), ("UNKNOWN FAIL", 1), ("PASS UNKNOWN", 2), ("", 0)],
)
def test_exit_codes(verdicts: str, code: int) -> None:
    assert command.exit_code([a_result("F1", Verdict[one]) for one in verdicts.split()]) == code


def test_run_ids_are_unique_and_their_last_part_can_be_typed() -> None:
    ids = {run.new_run_id() for _ in range(50)}
    assert len(ids) > 45
    assert all(len(one.rpartition("-")[2]) == 4 for one in ids)
