"""The stand-in for the AI provider: what it reads out of a conversation, and what it answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sandbox import ai_provider
from sandbox.ai_provider import answer_question, extract_event
from sandbox.local_server import LocalServer
from tests.sandbox.crm_parts import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.sandbox

STATS = {"eventCount": 2, "totals": {"EUR": 2050, "RON": 12500.75}}
FACTS = {
    "today": "2026-08-01",
    "name": "Ana",
    "stats": STATS,
    "latestEvents": [{"date": "2026-09-12", "type": "wedding"}],
}
EXTRACT = next(
    part.partition("`")[0]
    for part in (FUNCTIONS / "src" / "draft.js").read_text().split("EXTRACT_PROMPT = `")[1:]
)


def talk(*said: str, day: str = "2026-08-01 10:00") -> str:
    return "\n".join(f"[{day}] client: {text}" for text in said)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Wedding on 12 September, 1200 euro", ("2026-09-12", "wedding", 1200, "EUR", "planned")),
        (
            "Wedding on 12 September 2027, 1.200 euro. We confirm.",
            ("2027-09-12", "wedding", 1200, "EUR", "confirmed"),
        ),
        ("Vrem botez pe 3 martie, 2 500 lei", ("2027-03-03", "baptism", 2500, "RON", "planned")),
        ("Nunta pe 20.06.2027, avans 1,250.50 RON", ("2027-06-20", "wedding", 1250.5, "RON", "planned")),
        ("A concert on 2026-12-31 for 800,5 EUR, deal", ("2026-12-31", "concert", 800.5, "EUR", "confirmed")),
        ("A birthday, no date yet", (None, "birthday", None, None, "planned")),
        ("On 31 February or 1 May 2027", ("2027-05-01", None, None, None, "planned")),
    ],
)
def test_an_event_is_read_from_a_conversation(text: str, expected: tuple[Any, ...]) -> None:
    event = extract_event(talk("Hello", text))
    assert tuple(event[name] for name in ("date", "type", "amount", "currency", "status")) == expected
    assert event["found"]


def test_the_last_word_counts_and_small_talk_is_no_event() -> None:
    event = extract_event(
        talk("Wedding on 12 September, 1200 euro", "Sorry: 19 September, 1500 euro, at Green Hall")
    )
    assert (event["date"], event["amount"], event["address"]) == ("2026-09-19", 1500, "Green Hall")
    assert extract_event(talk("Hello", "How are you?")) == {"found": False}


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How much did the client spend?", "Ana spent 2050 EUR and 12500.75 RON."),
        ("Cât a cheltuit clientul Ana?", "Ana a cheltuit 2050 EUR și 12500.75 RON."),
        ("How many events?", "Ana has 2 events."),
        ("What is next?", "The latest event: wedding, 2026-09-12."),
    ],
)
def test_questions_are_answered_from_the_figures(question: str, answer: str) -> None:
    assert answer_question(f"{json.dumps(FACTS)}\n\nQuestion: {question}") == answer


def test_other_figures_give_another_answer() -> None:
    facts = {**FACTS, "stats": {"eventCount": 1, "totals": {"EUR": 7}}}
    assert answer_question(f"{json.dumps(facts)}\n\nQuestion: How much?") == "Ana spent 7 EUR."
    assert (
        answer_question(f"{json.dumps({'stats': None})}\n\nQuestion: How much?")
        == "No amount is known for the client."
    )
    assert answer_question("no JSON") == "no JSON"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with LocalServer(ai_provider.create_app()) as server:
        yield server.url


def test_the_protocol(url: str) -> None:
    messages = [
        {"role": "system", "content": EXTRACT},
        {"role": "user", "content": talk("Wedding on 12 September")},
    ]
    body = {"model": "m", "messages": messages, "response_format": {"type": "json_object"}}
    key = {"Authorization": "Bearer key"}
    for path in ("/v1/chat/completions", "/openai/v1/chat/completions"):
        answer = requests.post(url + path, json=body, headers=key, timeout=30)
        assert answer.status_code == 200, answer.text
        content = answer.json()["choices"][0]["message"]["content"]
        # Exactly the keys that the example's prompt asks for.
        assert {name for name in json.loads(content) if f'"{name}"' not in EXTRACT} == set()
    path = f"{url}/v1/chat/completions"
    assert requests.post(path, json=body, timeout=30).status_code == 401
    assert requests.post(path, json={"model": "m"}, headers=key, timeout=30).status_code == 400
    assert requests.post(path, data="{", headers=key, timeout=30).status_code == 400
