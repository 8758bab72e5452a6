"""F2: a client's message is visible to a snapshot listener within seconds, and to a member of the company."""

from __future__ import annotations

from datetime import datetime

from ops.acceptance import conversation
from ops.acceptance.model import Failed, Notes, TimedOut
from ops.acceptance.world import Action, Change, Listener, World


def run(world: World, notes: Notes) -> str:
    """Carry out the test.

    Raises:
        Failed: the message came late, not at all, or is not as it was sent.
    """
    names, account = world.names, world.accounts[0]
    thread = conversation.thread_path(world, account)
    word = conversation.token(world, "c")
    text = f"Mai aveți liber sâmbătă? {word}"
    with world.store.listen(conversation.messages_path(world, thread)) as listener:
        action = world.hands.write(account, text)
        try:
            change: Change = action.until(lambda: _new(world, listener, word), world.patience)
        except TimedOut as late:
            raise Failed(
                f"the listener on {thread} did not show the message within {late.seconds:g} s",
                "Read the backend's log of that time, and check that the account is connected.",
            ) from None
    message = change.document
    notes.add("the listener showed", message.path)
    seconds, how = _delay(world, action, change)
    notes.add(f"seconds until it was visible, from {how}", f"{seconds:.2f}")
    if message.get(names.direction) != names.incoming:
        shown = message.get(names.direction)
        raise Failed(
            f'{message.path}: {names.direction} is "{shown}", not "{names.incoming}"',
            "In the backend, store who sent a message.",
        )
    if seconds > world.receive_within:
        raise Failed(
            f"the message was visible after {seconds:.1f} s, and may take {world.receive_within:g} s",
            "Look for what the backend waits for before it stores a message; its log and `/health` say how "
            "long Firestore takes.",
        )
    answer = world.app.readable(message.path)
    notes.add("a read of the message as the test user", f"HTTP {answer.status}")
    if not answer.ok:
        raise Failed(
            f"the message is stored, but the test user cannot read it: HTTP {answer.status} {answer.message}",
            "Allow members to read messages in firestore.rules, and make the test user a member.",
        )
    return f"visible to a listener after {seconds:.1f} s (at most {world.receive_within:g} s)"


def _new(world: World, listener: Listener, word: str) -> Change | None:
    for change in listener.changes():
        if not change.first and conversation.holds(world, change.document, word):
            return change
    return None


def _delay(world: World, action: Action, change: Change) -> tuple[float, str]:
    """Seconds from the message to the listener, and what they were measured from.

    A person does not say when the message was sent: there it is the time in the message, which is WhatsApp's,
    in whole seconds, and compared with the clock of this machine.
    """
    if action.exact:
        return change.clock - action.since, "the moment it was sent"
    sent = change.document.get(world.names.message_time)
    if not isinstance(sent, datetime):
        raise Failed(
            f'{change.document.path}: {world.names.message_time} is "{sent}", not a timestamp',
            "Store the time of a message as a timestamp, or name the field:\n"
            "pulumi config set --path --type string 'whatsapp-crm:acceptanceNames.messageTime' '<field>'",
        )
    return max(0.0, (change.at - sent).total_seconds()), "the time in the message"
