"""F1 to F5 on the running example: all pass unattended, each fails when its behaviour is broken, and a person
who does what the command says gets the same results. With them and a backup, every line is ready."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests

from ops import __main__ as main
from ops.acceptance import command, loopback, progress
from ops.acceptance.model import LINES
from ops.readiness.lines import IDS
from sandbox import stack_state
from sandbox.supervisor import STACK, Sandbox
from tests.acceptance.conftest import Acceptance
from tests.acceptance.mutations import Mutation
from tests.e2e.readiness_program import Program
from tests.e2e.readiness_stack import Breakable
from tests.e2e.stack import Stack

pytestmark = pytest.mark.acceptance

MUTATIONS = {
    "F1": Mutation(
        file="backend/src/identity.js",
        old="return `${accountId}__${clientJid}`;",
        new="return `all__${clientJid}`;",
        said="not in threads/acceptance-1__",
    ),
    "F2": Mutation(
        file="backend/src/messages.js",
        old="const person = jidOfPhone(phone);",
        new="await new Promise((resolve) => setTimeout(resolve, 4000)); const person = jidOfPhone(phone);",
        said="visible after",
    ),
    "F3": Mutation(
        file="backend/src/messages.js",
        old='if (!advances(known.get("status"), status)) return false;',
        new='if (status === "read" || !advances(known.get("status"), status)) return false;',
        said='is not "read"',
    ),
    "F4": Mutation(
        file="functions/src/stats.js",
        old="Math.round(event.amount * 100)",
        new="Math.floor(event.amount) * 100",
        said="the events add up to",
    ),
    "F5": Mutation(
        file="functions/src/assistant.js",
        old="    stats,\n    latestEvents",
        new="    stats: { ...stats, totals: { RON: 1000 } },\n    latestEvents",
        said="and the total is",
    ),
}


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    return {name: line["verdict"] for name, line in report["lines"].items()}


def why(report: dict[str, Any]) -> str:
    return "\n".join(f"{name}: {line['found']} {line['evidence']}" for name, line in report["lines"].items())


def test_all_five_pass_unattended(acceptance: Acceptance) -> None:
    code, report = acceptance.run()
    assert verdicts(report) == dict.fromkeys(LINES, "pass"), why(report)
    assert code == 0
    assert report["hands"] == "loopback"
    assert report["archived"] is True
    made = [path for path in report["made"] if acceptance.document(path) is not None]
    assert len(made) == 6, "a client, two threads, three events"
    for path in made:
        fields = acceptance.document(path) or {}
        assert fields["isTest"] == {"booleanValue": True}
        assert fields["isArchived"] == {"booleanValue": True}
        assert fields["acceptanceRun"] == {"stringValue": report["run"]}
    messages = [path for path in report["made"] if path.startswith("threads/")]
    assert all(acceptance.document(path) for path in messages)


def test_the_accepted_and_backed_up_stack_is_ready(
    program: Program, sandbox: Sandbox, stack: Stack, tmp_path: Path
) -> None:
    """It runs before the mutations: what they break is in the functions' logs, which D5 reads."""
    before, file = tmp_path / "before.json", tmp_path / "report.json"
    fresh = program.readiness("--report", f"json:{before}")
    assert fresh.returncode == 1, fresh.stdout + fresh.stderr
    assert json.loads(before.read_text())["not_ready"] == ["C3", *LINES]
    accepted = program.ops("accept")
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    Breakable(stack.running, stack_state.resources(sandbox, STACK)).back_up()
    done = program.readiness("--report", f"json:{file}")
    report = json.loads(file.read_text())
    verdicts = {one["id"]: one["verdict"] for one in report["lines"]}
    assert verdicts == dict.fromkeys(IDS, "pass"), done.stdout
    assert (report["lines_checked"], report["lines_total"]) == (41, 41)
    assert done.stdout.endswith("41 of the runbook's 41 lines were checked: ready for 30 accounts\n")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", MUTATIONS)
def test_each_fails_when_its_behaviour_is_broken(acceptance: Acceptance, name: str) -> None:
    mutation = MUTATIONS[name]
    with mutation.applied(acceptance.sandbox):
        code, report = acceptance.run("--only", name, "--within", "8", "--receive-within", "3")
    assert verdicts(report) == {name: "fail"}, why(report)
    assert mutation.said in report["lines"][name]["found"]
    assert code == 1


class Obedient:
    """A person who does at once what the command says, with the phone of the loopback transport.

    Args:
        acceptance: the command.
        client: the phone of the client.
        tired_after: how many instructions are followed before Ctrl-C.
    """

    def __init__(self, acceptance: Acceptance, client: str, tired_after: int = 100) -> None:
        self.said: list[str] = []
        self.tired_after = tired_after
        self.client = client
        self.acceptance = acceptance

    def say(self, text: str) -> None:
        if len(self.said) == self.tired_after:
            raise KeyboardInterrupt
        self.said.append(text)
        account = re.search(r"(?:to the account|the chat with) (acceptance-\d)", text)
        assert account
        message = re.search(r"^    (.*)$", text, re.MULTILINE)
        assert message
        hands = self.hands()
        found = loopback.Account(id=account[1], phone="")
        if "send this text" in text:
            hands.write(found, message[1])
        else:
            hands.read(found, self.sent(hands, found, message[1]), message[1])

    def hands(self) -> loopback.Loopback:
        address = self.acceptance.running.railway_url
        state = requests.get(f"{address}/admin/state", timeout=30).json()
        token = list(state["deployments"].values())[-1]["variables"]["ADMIN_TOKEN"]
        host = next(iter(requests.get(f"{address}/admin/run", timeout=30).json()["addresses"]))
        site = loopback.Site(f"https://{host}", address)
        return loopback.Loopback(site, token, self.client, 20)

    def sent(self, hands: loopback.Loopback, account: loopback.Account, text: str) -> str:
        found = hands._done("GET", f"/admin/simulate/{account.id}/sent")["sent"]
        return next(one["messageId"] for one in found if one["text"] == text)

    def forget(self) -> None:
        pass

    def entered(self, seconds: float) -> bool:
        return False


def test_a_person_who_does_what_is_said_gets_the_same_results(
    acceptance: Acceptance, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In two parts: Ctrl-C after the first test, and the same command again."""
    client = "+40798765432"
    options = ("--by-hand", "--client", client, "--accounts", "acceptance-1,acceptance-2")
    tired = Obedient(acceptance, client, tired_after=2)
    tired.hands().accounts()  # paired, as on production
    monkeypatch.setattr(command, "_terminal", lambda name: tired)
    assert main.main(["accept", "--stack", STACK, *options]) == 2
    assert "interrupted; the results so far are kept" in capsys.readouterr().err
    before = progress.read(STACK)
    assert before is not None
    assert (list(before.lines), before.archived) == (["F1"], False)

    person = Obedient(acceptance, client)
    monkeypatch.setattr(command, "_terminal", lambda name: person)
    code, report = acceptance.run(*options)
    assert "F1  passed already" in capsys.readouterr().out
    assert verdicts(report) == dict.fromkeys(LINES, "pass"), why(report)
    assert (code, report["hands"], report["run"]) == (0, "person", before.run)
    assert report["lines"]["F1"]["at"] == before.document()["lines"]["F1"]["at"]
    assert len(person.said) == 3, "one message to receive, one to read, one with an event"
    assert report["archived"] is True
