"""F5: the answer to "Cât a cheltuit clientul X?" agrees with the client's sums."""

from __future__ import annotations

from hashlib import sha256

from ops.acceptance import amounts, conversation, events
from ops.acceptance.model import CannotTellError, Failed, Notes
from ops.acceptance.recording import CALLERS_FAULT, wish
from ops.acceptance.world import World

KINDS = ("botez", "aniversare")


def run(world: World, notes: Notes) -> str:
    """Carry out the test. Two events are saved: a total of one event could be read off the event.

    Raises:
        Failed: the answer names another amount, or the sums are not those of the events.
        CannotTellError: the test user may not use the function.
    """
    names = world.names
    number = int.from_bytes(sha256(f"{world.run}/{world.attempt}/f5".encode()).digest()[:4], "big")
    for kind, amount in zip(KINDS, (1200 + number % 500, 2300.75 + number % 700), strict=True):
        event = {
            names.client_phone: world.client,
            names.event_date: wish(world).day,
            names.amount: amount,
            names.currency: events.DEFAULT_CURRENCY,
            "type": kind,
            "title": f"Test: {kind}",
            names.event_status: "confirmed",
        }
        events.save(world, event, notes)
    events.wait_for_sums(world, notes)
    client = world.store.get(conversation.client_path(world))
    shown = str((client.get(names.display_name) if client else None) or world.client)
    question = f"Cât a cheltuit clientul {shown}?"
    answer = world.app.call(names.ask_function, {names.ask_phone: world.client, names.ask_question: question})
    text = str(answer.body.get(names.ask_answer) or "")
    notes.add(question, text or f"HTTP {answer.status}")
    if answer.status in CALLERS_FAULT:
        raise CannotTellError(
            f"the test user may not use {names.ask_function}: {answer.message}",
            "Make the test user a member of the company in the app, as an administrator.",
        )
    if not answer.ok or not text:
        raise Failed(
            f"{names.ask_function} answered HTTP {answer.status}: {answer.message or 'no answer'}",
            f"gcloud functions logs read {names.ask_function} --v2 --limit 20",
        )
    current = events.live(world)
    expected = events.sums(world, current)
    parts = [amount for _, amount in events.amounts_of(world, current)]
    if why := amounts.disagreement(text, expected.totals, parts):
        raise Failed(
            f"the answer does not agree with the sums: {why}",
            "Give the model the client's sums, and let it use only them; see the prompt of the function.",
        )
    shown = ", ".join(f"{total} {currency}" for currency, total in expected.totals.items())
    return f"the answer agrees with the sums: {shown}"
