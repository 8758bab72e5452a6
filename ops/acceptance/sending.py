"""F3: a message that the app sends through the proxy function is sent, delivered and read."""

from __future__ import annotations

from collections.abc import Sequence

from ops.acceptance import conversation
from ops.acceptance.model import CannotTellError, Failed, Notes, TimedOut
from ops.acceptance.world import Account, Answer, Listener, World, poll

REFUSED = (401, 403)
NOT_A_MEMBER = 403


def run(world: World, notes: Notes) -> str:
    """Carry out the test.

    Raises:
        Failed: the proxy does not send, or a status is missing.
        CannotTellError: the test user may not send.
    """
    names, account = world.names, world.accounts[0]
    text = f"Bună ziua, confirmăm rezervarea. {conversation.token(world, 'd')}"
    body = {
        names.send_account: account.id,
        names.send_to: world.client,
        names.send_text: text,
        names.send_request: f"accept-{world.run}-{world.attempt}",
    }
    _refuses_strangers(world, body, notes)
    messages = conversation.messages_path(world, conversation.thread_path(world, account))
    with world.store.listen(messages) as listener:  # before the message is sent, to see every status
        answer = world.app.post(names.send_function, body)
        notes.add(f"{names.send_function} as the test user", f"HTTP {answer.status}")
        message_id = _accepted(world, answer)
        path = f"{messages}/{message_id}"
        try:
            poll(lambda: _reached(world, listener, path, names.delivered), world.patience)
        except TimedOut as late:
            raise _missing(path, _seen(world, listener, path), names.delivered, late.seconds) from None
        _check(world, account, path, text)
        action = world.hands.read(account, message_id, text)
        try:
            action.until(lambda: _reached(world, listener, path, names.read), world.patience)
        except TimedOut as late:
            raise _missing(path, _seen(world, listener, path), names.read, late.seconds) from None
        seen = _seen(world, listener, path)
    notes.add(f"the statuses of {path}", " → ".join(seen))
    _never_back(world, path, seen)
    return _all_reached(world, path, seen)


def _refuses_strangers(world: World, body: dict[str, str], notes: Notes) -> None:
    name = world.names.send_function
    stranger = world.app.post(name, body, signed_in=False)
    notes.add(f"{name} without an ID token", f"HTTP {stranger.status}")
    if stranger.status in REFUSED:
        return
    if stranger.ok:
        raise Failed(
            f"{name} sends messages for callers that are not signed in",
            f"Verify the ID token in {name}, and answer 401 without one.",
        )
    raise Failed(
        f"{name} answered HTTP {stranger.status} to a caller that is not signed in, not 401 or 403",
        f"gcloud functions logs read {name} --v2 --limit 20",
    )


def _accepted(world: World, answer: Answer) -> str:
    name = world.names.send_function
    if answer.status == NOT_A_MEMBER:
        raise CannotTellError(
            f"the test user may not send: {answer.message or 'HTTP 403'}",
            "Make the test user a member of the company in the app, as an administrator.",
        )
    if not answer.ok:
        raise Failed(
            f"{name} answered HTTP {answer.status}: {answer.message or 'no reason given'}",
            f"gcloud functions logs read {name} --v2 --limit 20",
        )
    message_id = answer.body.get(world.names.sent_message)
    if not isinstance(message_id, str) or not message_id or "/" in message_id:
        raise Failed(
            f"{name} accepted the message, but its response has no {world.names.sent_message}",
            "Return the id of the message, or name the field:\n"
            "pulumi config set --path --type string 'whatsapp-crm:acceptanceNames.sentMessage' '<field>'",
        )
    return message_id


def _seen(world: World, listener: Listener, path: str) -> list[str]:
    """The statuses of the message that the listener was shown, in order."""
    shown = [change.document for change in listener.changes() if change.document.path == path]
    found = [str(document.get(world.names.status)) for document in shown]
    return [one for at, one in enumerate(found) if at == 0 or found[at - 1] != one]


def _reached(world: World, listener: Listener, path: str, status: str) -> bool | None:
    """True once the message has this status or a later one.

    Raises:
        Failed: the message failed.
    """
    names = world.names
    order = (names.sent, names.delivered, names.read)
    seen = _seen(world, listener, path)
    if names.failed in seen:
        raise Failed(
            f"the message has the status {names.failed}",
            "Read the error in the message and the backend's log; check that the account is connected.",
        )
    return True if set(seen) & set(order[order.index(status) :]) else None


def _missing(path: str, seen: Sequence[str], status: str, seconds: float) -> Failed:
    shown = " → ".join(seen) or "no such document"
    return Failed(
        f'{path} is not "{status}" after {seconds:g} s: {shown}',
        "Read the backend's log: does it get the receipts of WhatsApp, and write them to the message?",
    )


def _check(world: World, account: Account, path: str, text: str) -> None:
    names, message = world.names, world.store.get(path)
    expected = {names.direction: names.outgoing, names.text: text}
    for field, value in expected.items():
        shown = message.get(field) if message else None
        if shown != value:
            raise Failed(
                f'{path}: {field} is "{shown}", not "{value}"',
                f"In the backend, store what was sent for the account {account.id} as it was sent.",
            )


def _never_back(world: World, path: str, seen: Sequence[str]) -> None:
    names = world.names
    order = (names.sent, names.delivered, names.read)
    ranks = [order.index(one) for one in seen if one in order]
    if ranks != sorted(ranks):
        raise Failed(
            f"the status of {path} goes back: {' → '.join(seen)}",
            "In the backend, change a status only forwards: receipts come late, and in any order.",
        )


def _all_reached(world: World, path: str, seen: Sequence[str]) -> str:
    """Each status was seen by the listener, or has its time in the message.

    A receipt may overtake the answer to the sending: then the time of "sent" is written after it.
    """
    names = world.names
    order = (names.sent, names.delivered, names.read)
    for status in order:
        if status in seen:
            continue
        try:
            poll(lambda field=f"{status}At": _has(world, path, field), world.patience)
        except TimedOut as late:
            raise _missing(path, seen, status, late.seconds) from None
    return f"sent through {names.send_function}; {', '.join(order)}"


def _has(world: World, path: str, field: str) -> bool | None:
    message = world.store.get(path)
    return True if message is not None and message.get(field) is not None else None
