"""Threads and messages of the test client, as the tests look for them."""

from __future__ import annotations

from collections.abc import Iterator

from ops.acceptance.model import Failed, TimedOut
from ops.acceptance.world import Account, Action, Document, World
from settings.acceptance_names import Names

LATEST = 60
"""Messages of a thread that are looked at. A test client's threads are short."""


def jid(phone: str) -> str:
    """The WhatsApp id of a phone in E.164."""
    return f"{phone.lstrip('+')}@s.whatsapp.net"


def thread_of(names: Names, account: str, client: str) -> str:
    """The path at which the thread of an account and a client must be."""
    name = names.thread_id.replace("{accountId}", account).replace("{clientJid}", jid(client))
    return f"{names.threads}/{name}"


def thread_path(world: World, account: Account) -> str:
    """The path at which the thread of the test client must be."""
    return thread_of(world.names, account.id, world.client)


def client_path(world: World) -> str:
    """The path of the test client."""
    return f"{world.names.clients}/{world.client}"


def messages_path(world: World, thread: str) -> str:
    """The path of a thread's messages."""
    return f"{thread}/{world.names.messages.rpartition('/')[2]}"


def token(world: World, what: str) -> str:
    """A word that no other message has: a person types it, and messages are found by it."""
    return f"{world.run.rpartition('-')[2]}-{what}{world.attempt}"


def holds(world: World, document: Document, word: str) -> bool:
    """Whether a message has a word; phones change the case of what is typed."""
    return word.casefold() in str(document.get(world.names.text) or "").casefold()


def find(world: World, thread: str, word: str) -> Document | None:
    """The newest message of a thread with a word."""
    path = messages_path(world, thread)
    for message in world.store.latest(path, world.names.message_time, LATEST):
        if holds(world, message, word):
            return message
    return None


def threads_of_client(world: World) -> dict[str, Document]:
    """Every thread that belongs to the test client by its fields or its id: path -> thread."""
    names = world.names
    found = [
        *world.store.where(names.threads, names.client_phone, world.client),
        *world.store.where(names.threads, names.client_jid, jid(world.client)),
    ]
    for path in _suspects(world):
        known = world.store.get(path)
        found += [known] if known else []
    return {thread.path: thread for thread in found}


def _suspects(world: World) -> Iterator[str]:
    """Ids that a backend uses which does not keep the conversations of accounts apart."""
    for name in (jid(world.client), world.client, *(account.id for account in world.accounts)):
        yield f"{world.names.threads}/{name}"
    for account in world.accounts:
        yield thread_path(world, account)


def arrival(world: World, action: Action, account: Account, word: str) -> Document:
    """The message with this word in the account's thread, waited for.

    Raises:
        Failed: it did not arrive there in time; says where it arrived instead.
    """
    thread = thread_path(world, account)
    try:
        return action.until(lambda: find(world, thread, word), world.patience)
    except TimedOut as late:
        elsewhere = [path for path in threads_of_client(world) if find(world, path, word)]
        if elsewhere:
            raise Failed(
                f'the message "{word}" to the account {account.id} is in {elsewhere[0]}, not in {thread}',
                "In the backend, make the id of a thread from the account and the client: "
                f"{world.names.thread_id}. If your app makes it in another way, set:\n"
                "pulumi config set --path --type string 'whatsapp-crm:acceptanceNames.threadId' '<the id>'",
            ) from None
        raise Failed(
            f'the message "{word}" to the account {account.id} is not in {thread} after {late.seconds:g} s',
            "Read the backend's log for the time of the message, and check that the account is connected.",
        ) from None
