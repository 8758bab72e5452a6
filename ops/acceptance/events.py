"""Events of the test client, and the sums that must follow from them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from ops.acceptance import conversation
from ops.acceptance.model import Failed, Notes, TimedOut
from ops.acceptance.world import Document, World, poll

DEFAULT_CURRENCY = "RON"
SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Sums:
    """What a client's events add up to: their number, and the total of each currency."""

    count: int
    totals: Mapping[str, Decimal]


def money(value: Any) -> Decimal | None:
    """A number of Firestore as an amount, to the cent; None if it is none.

    Example:
        >>> money(4350.5)
        Decimal('4350.50')
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return Decimal(str(value)).quantize(Decimal("0.01"))
    except InvalidOperation:
        return None


def live(world: World) -> list[Document]:
    """The events of the test client that are not archived."""
    names = world.names
    found = world.store.where(names.events, names.client_phone, world.client)
    return [event for event in found if event.get(names.is_archived) is not True]


def amounts_of(world: World, events: list[Document]) -> list[tuple[str, Decimal]]:
    """Currency and amount of each event that costs something."""
    names = world.names
    found: list[tuple[str, Decimal]] = []
    for event in events:
        amount = money(event.get(names.amount))
        if amount is not None and event.get(names.event_status) != names.cancelled:
            found.append((str(event.get(names.currency) or DEFAULT_CURRENCY), amount))
    return found


def sums(world: World, events: list[Document]) -> Sums:
    """The sums, computed here and not by the app."""
    totals: dict[str, Decimal] = {}
    for currency, amount in amounts_of(world, events):
        totals[currency] = totals.get(currency, Decimal(0)) + amount
    return Sums(count=len(events), totals=totals)


def save(world: World, fields: Mapping[str, Any], notes: Notes) -> str:
    """Save an event as the app does, under the security rules; returns its path.

    Raises:
        Failed: the rules refuse it.
    """
    names = world.names
    path = f"{names.events}/accept-{world.run}-{secrets.token_hex(4)}"
    marks = {names.is_test: True, names.test_run: world.run}
    own = {names.created_by: world.app.uid, names.is_archived: False}
    version = fields.get(names.schema_version, SCHEMA_VERSION)
    world.made(path)
    saved = world.app.create(
        path, {**fields, **own, names.schema_version: version, **marks}, names.created_at
    )
    notes.add(f"save {path} as the test user", f"HTTP {saved.status}")
    if not saved.ok:
        raise Failed(
            f"the event could not be saved: HTTP {saved.status} {saved.message}",
            "Allow members to create events in firestore.rules, also with the fields "
            f"{names.is_test} and {names.test_run}, which mark a test.",
        )
    return path


def wait_for_sums(world: World, notes: Notes) -> Sums:
    """Wait until the client's sums are those of its events.

    Raises:
        Failed: they are not in time; says what differs.
    """
    path = conversation.client_path(world)
    expected = sums(world, live(world))
    last = "the client does not exist"

    def agrees() -> bool | None:
        nonlocal last
        client = world.store.get(path)
        if client is None:
            return None
        differences = list(_differences(world, client, expected))
        last = "; ".join(differences)
        return None if differences else True

    try:
        poll(agrees, world.patience)
    except TimedOut as late:
        raise Failed(
            f"{path} after {late.seconds:g} s: {last}",
            "Read the log of the function that adds up a client's events; it must run on each write of an "
            "event and compute the sums from all of them.",
        ) from None
    shown = ", ".join(f"{total} {currency}" for currency, total in expected.totals.items())
    notes.add(f"{path}", f"{expected.count} events, {shown}")
    return expected


def _differences(world: World, client: Document, expected: Sums) -> list[str]:
    names = world.names
    found: list[str] = []
    count = client.get(names.event_count)
    if count != expected.count:
        found.append(f"{names.event_count} is {count}, and there are {expected.count} events")
    for currency, total in expected.totals.items():
        field = names.total.replace("{currency}", currency)
        stored = client.get(field)
        if money(stored) != total:
            found.append(f"{field} is {stored}, and the events add up to {total}")
    return found
