"""F1: one client writes to two accounts; there are two threads, and no message is in both or in a third."""

from __future__ import annotations

import contextlib

from ops.acceptance import conversation
from ops.acceptance.model import Failed, Notes, TimedOut
from ops.acceptance.world import Account, Document, World, poll

SETTLE_SECONDS = 1.0
"""A second copy of a message, in a wrong thread, may be written after the first."""
_FIX = (
    "In the backend, keep each message in the thread of the account that received it, and nowhere else: "
    "the thread's id has the account and the client."
)


def run(world: World, notes: Notes) -> str:
    """Carry out the test.

    Raises:
        Failed: a message is missing, or in a wrong place.
    """
    words = [conversation.token(world, letter) for letter in ("a", "b")]
    for account, word in zip(world.accounts, words, strict=True):
        action = world.hands.write(account, f"Bună ziua, mesaj de probă {word}")
        message = conversation.arrival(world, action, account, word)
        _check_message(world, account, message)
        notes.add(f"the message {word} to {account.id}", message.path)
    for account in world.accounts:
        _check_thread(world, account, notes)
    with contextlib.suppress(TimedOut):
        poll(lambda: _mixed(world, words), SETTLE_SECONDS)
    first, second = (conversation.thread_path(world, account) for account in world.accounts)
    threads = conversation.threads_of_client(world)
    notes.add(f"the threads of {world.client}", ", ".join(sorted(threads)))
    return f"two threads, each with its own message: {first} and {second}"


def _check_message(world: World, account: Account, message: Document) -> None:
    names = world.names
    if message.get(names.direction) != names.incoming:
        shown = message.get(names.direction)
        raise Failed(f'{message.path}: {names.direction} is "{shown}", not "{names.incoming}"', _FIX)
    named = message.get(names.account_id)
    if named is not None and named != account.id:
        raise Failed(f"{message.path} says that it is of the account {named}, not {account.id}", _FIX)


def _check_thread(world: World, account: Account, notes: Notes) -> None:
    names, path = world.names, conversation.thread_path(world, account)
    thread = world.store.get(path)
    if thread is None:
        raise Failed(f"{path} has messages, but the thread's document does not exist", _FIX)
    expected = {names.account_id: account.id, names.client_jid: conversation.jid(world.client)}
    for field, value in expected.items():
        if thread.get(field) != value:
            raise Failed(f'{path}: {field} is "{thread.get(field)}", not "{value}"', _FIX)
    notes.add(f"{path}", expected)


def _mixed(world: World, words: list[str]) -> None:
    """Look for each word in every thread of the client but its own.

    Raises:
        Failed: it is there.
    """
    own = {
        conversation.thread_path(world, one): word for one, word in zip(world.accounts, words, strict=True)
    }
    for thread in conversation.threads_of_client(world):
        for word in words:
            if own.get(thread) != word and conversation.find(world, thread, word):
                right = next(path for path, its in own.items() if its == word)
                raise Failed(f'the message "{word}" of {right} is also in {thread}', _FIX)
