"""F4: an event is found in a conversation, saved as the app saves it, and added to clients/{phoneE164}."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, cast

from ops.acceptance import conversation, events
from ops.acceptance.model import CannotTellError, Failed, Notes
from ops.acceptance.world import World

CALLERS_FAULT = (401, 403)
FIRST_DAY = date(2031, 1, 1)
"""Far away: nobody mistakes a test event for one that must be prepared."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the client says. It differs with each attempt, so that an old answer does not pass."""

    day: str
    amount: Decimal
    shown: str


def wish(world: World) -> Wish:
    """The event of this attempt, made from the run's id."""
    number = int.from_bytes(sha256(f"{world.run}/{world.attempt}".encode()).digest()[:4], "big")
    amount = 4000 + number % 900
    return Wish(
        day=(FIRST_DAY + timedelta(days=number % 300)).isoformat(),
        amount=Decimal(amount) + Decimal("0.50"),
        shown=f"{amount // 1000}.{amount % 1000:03},50 lei",
    )


def run(world: World, notes: Notes) -> str:
    """Carry out the test.

    Raises:
        Failed: nothing or something else is found, or it is not saved or added.
        CannotTellError: the test user may not use the function.
    """
    names, account = world.names, world.accounts[0]
    wanted, word = wish(world), conversation.token(world, "e")
    text = (
        f"Rezerv un botez pe {wanted.day}, la Restaurant Stejarul, Strada Lungă 5, Brașov. "
        f"Suma convenită: {wanted.shown}, confirmat. {word}"
    )
    action = world.hands.write(account, text)
    message = conversation.arrival(world, action, account, word)
    notes.add("the conversation", message.path)
    draft = _extract(world, conversation.thread_path(world, account).rpartition("/")[2], notes)
    _compare(world, draft, wanted)
    path = events.save(world, {**draft, names.client_phone: world.client}, notes)
    found = events.wait_for_sums(world, notes)
    shown = ", ".join(f"{total} {currency}" for currency, total in found.totals.items())
    return f"{path} was found, saved, and added: {found.count} events, {shown}"


def _extract(world: World, thread: str, notes: Notes) -> Mapping[str, Any]:
    names = world.names
    answer = world.app.call(names.extract_function, {names.extract_thread: thread})
    draft = answer.body.get(names.extract_event)
    notes.add(f"{names.extract_function} of {thread}", draft if answer.ok else f"HTTP {answer.status}")
    if answer.status in CALLERS_FAULT:
        raise CannotTellError(
            f"the test user may not use {names.extract_function}: {answer.message}",
            "Make the test user a member of the company in the app, as an administrator.",
        )
    if not answer.ok:
        raise Failed(
            f"{names.extract_function} answered HTTP {answer.status}: {answer.message or 'no reason given'}",
            f"gcloud functions logs read {names.extract_function} --v2 --limit 20",
        )
    if not isinstance(draft, Mapping):
        raise Failed(
            f"{names.extract_function} found no event in a conversation that has one",
            "Check the prompt and the model of the function: the conversation names day, place and amount.",
        )
    return cast("Mapping[str, Any]", draft)


def _compare(world: World, draft: Mapping[str, Any], wanted: Wish) -> None:
    names = world.names
    found = (
        (names.event_date, draft.get(names.event_date), wanted.day),
        (names.amount, events.money(draft.get(names.amount)), wanted.amount),
        (names.currency, draft.get(names.currency), events.DEFAULT_CURRENCY),
        (names.client_phone, draft.get(names.client_phone, world.client), world.client),
    )
    wrong = [
        f"{field} is {shown}, and the client said {value}" for field, shown, value in found if shown != value
    ]
    if wrong:
        raise Failed(
            f"{names.extract_function}: {'; '.join(wrong)}",
            "Check the prompt and the model of the function, and how it reads amounts and days.",
        )
