"""What an app calls the documents, fields and functions of the acceptance tests: the setting
`acceptanceNames`.

The defaults are the names of the example app. Each field is one name of the setting, in camel case. The names
in SHARED are those of the setting `flutterNames`, which the checks of the Flutter app use too: they are set
there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from settings.parsing import nearest

_FIELD = re.compile(r"[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)*")
_TOTAL = re.compile(r"[A-Za-z_][\w-]*(\.([A-Za-z_][\w-]*|\{currency\}))*")
_FUNCTION = re.compile(r"[A-Za-z][\w-]*")
_VALUE = re.compile(r"[^\s/]+")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, kw_only=True)
class Names:
    """Names in the app.

    Args:
        threads, messages, clients, events, accounts: collections; a path such as `threads/{id}/messages`, or
            the last part of it.
        send_function: the HTTPS function through which the app sends messages.
        created_by, schema_version, is_archived: the fields that each new event has.
        thread_id: the id of a thread, with `{accountId}` and `{clientJid}`.
        account_id, client_jid, client_phone: fields of threads and messages; events have the phone too.
        account_phone, account_status, connected: the fields of an account, and the status of one that can
            send.
        direction, incoming, outgoing: the field of a message, and its values.
        text, message_time: fields of a message; the time is a timestamp.
        status, sent, delivered, read, failed: the field of a message, and its values. The field that ends in
            `At`, such as `sentAt`, is the time at which a status was reached, where the app keeps it.
        created_at, event_date, amount, currency, event_status, cancelled: fields of an event; the first gets
            the time of the server, and an event with the status `cancelled` costs nothing.
        event_count, total: the fields of a client with its sums; `{currency}` stands for the currency.
        display_name: the field of a client with its name.
        extract_function, extract_thread, extract_event: the callable function that finds the event of a
            thread, its parameter, and the field of its result.
        ask_function, ask_phone, ask_question, ask_answer: the callable function that answers questions.
        send_account, send_to, send_text, send_request, sent_message: the fields of a request to the send
            function, and the field of its response with the id of the message.
        is_test, test_run: the fields that mark what the acceptance tests made.
    """

    threads: str = "threads"
    messages: str = "messages"
    clients: str = "clients"
    events: str = "evenimente"
    accounts: str = "accounts"
    send_function: str = "whatsappProxySend"
    created_by: str = "createdBy"
    schema_version: str = "schemaVersion"
    is_archived: str = "isArchived"
    thread_id: str = "{accountId}__{clientJid}"
    account_id: str = "accountId"
    client_jid: str = "clientJid"
    client_phone: str = "clientPhone"
    account_phone: str = "phone"
    account_status: str = "status"
    connected: str = "connected"
    direction: str = "direction"
    incoming: str = "in"
    outgoing: str = "out"
    text: str = "text"
    message_time: str = "tsClient"
    status: str = "status"
    sent: str = "sent"
    delivered: str = "delivered"
    read: str = "read"
    failed: str = "failed"
    created_at: str = "createdAt"
    event_date: str = "date"
    amount: str = "amount"
    currency: str = "currency"
    event_status: str = "status"
    cancelled: str = "cancelled"
    event_count: str = "stats.eventCount"
    total: str = "stats.totals.{currency}"
    display_name: str = "displayName"
    extract_function: str = "extractEventFromThread"
    extract_thread: str = "threadId"
    extract_event: str = "event"
    ask_function: str = "askAboutClient"
    ask_phone: str = "clientPhone"
    ask_question: str = "question"
    ask_answer: str = "answer"
    send_account: str = "accountId"
    send_to: str = "to"
    send_text: str = "text"
    send_request: str = "clientRequestId"
    sent_message: str = "messageId"
    is_test: str = "isTest"
    test_run: str = "acceptanceRun"


SHARED = (
    "threads",
    "messages",
    "clients",
    "events",
    "accounts",
    "send_function",
    "created_by",
    "schema_version",
    "is_archived",
)
"""The fields that are set in `flutterNames`."""
_FUNCTIONS = ("extract_function", "ask_function")
_VALUES = ("connected", "incoming", "outgoing", "sent", "delivered", "read", "failed", "cancelled")


def camel(name: str) -> str:
    """The name in the config of a field.

    Example:
        >>> camel("thread_id")
        'threadId'
    """
    return re.sub(r"_(.)", lambda match: match[1].upper(), name)


ALL = {camel(one.name): one.name for one in fields(Names)}
KNOWN = {name: field for name, field in ALL.items() if field not in SHARED}
"""The name in `acceptanceNames` -> the field."""


def names_of(acceptance: Mapping[str, str], flutter: Mapping[str, str]) -> Names:
    """The names of a stack: those of its two settings, which were checked, and the defaults.

    Args:
        acceptance: the setting `acceptanceNames`.
        flutter: the setting `flutterNames`; its names that are not in SHARED are for other checks.
    """
    shared = {name: value for name, value in flutter.items() if ALL.get(name) in SHARED}
    own = {name: value for name, value in acceptance.items() if name in KNOWN}
    return Names(**{ALL[name]: value.strip() for name, value in (shared | own).items()})


def wrong_name(name: str, value: str) -> tuple[str, str | None] | None:
    """What is wrong with one entry of the setting, and which name was meant; None if nothing is."""
    field = KNOWN.get(name)
    if field is None:
        if name in ALL:
            return f"{name} is one of the names in flutterNames.", None
        return f'"{name[:60]}" is not one of {", ".join(KNOWN)}.', nearest(name, KNOWN)
    text = value.strip()
    if field == "thread_id":
        used = sorted(_PLACEHOLDER.findall(text))
        if used == ["{accountId}", "{clientJid}"] and _VALUE.fullmatch(text):
            return None
        return f"{name} must have {{accountId}} and {{clientJid}} once, and no slash.", name
    pattern, noun = _FIELD, "the name of a field, or a path such as stats.eventCount"
    if field in _FUNCTIONS:
        pattern, noun = _FUNCTION, "the name of a function"
    elif field in _VALUES:
        pattern, noun = _VALUE, "a value without spaces"
    elif field == "total":
        pattern, noun = _TOTAL, "the path of a field, such as stats.totals.{currency}"
    return None if pattern.fullmatch(text) else (f"{name} is not {noun}.", name)
