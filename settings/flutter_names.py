"""What the Flutter app calls the things that the checks of it are about: the setting `flutterNames`.

The defaults are the names of the example app. Each field is one name of the setting, in camel case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from settings.parsing import nearest

_COLLECTION = re.compile(r"[^/\s]+(/\{[^/\s{}]+\}/[^/\s]+)*")
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")
_FUNCTION = re.compile(r"[A-Za-z][\w-]*")


@dataclass(frozen=True, kw_only=True)
class Names:
    """Names in the Flutter app.

    Args:
        send: the Dart method through which the app sends messages.
        send_function: the Cloud Function that it calls.
        delete_account_function: the Cloud Function that removes a WhatsApp account.
        outbox, clients, threads, messages, events, accounts: collections; a path such as
            `threads/{id}/messages` or the last part of it.
        created_by, schema_version, is_archived: the fields that each new event has.
        lib: the folders of the app that are compiled into it, separated by spaces.
        other_projects: Firebase projects, besides the stack's own, that builds of the app may use (flavours),
            separated by spaces.
    """

    send: str = "sendViaProxy"
    send_function: str = "whatsappProxySend"
    delete_account_function: str = "whatsappProxyDeleteAccount"
    outbox: str = "outbox"
    clients: str = "clients"
    threads: str = "threads"
    messages: str = "messages"
    events: str = "evenimente"
    accounts: str = "accounts"
    created_by: str = "createdBy"
    schema_version: str = "schemaVersion"
    is_archived: str = "isArchived"
    lib: str = "lib"
    other_projects: str = ""


_COLLECTIONS = ("outbox", "clients", "threads", "messages", "events", "accounts")
_FUNCTIONS = ("send_function", "delete_account_function")
_LISTS = ("lib", "other_projects")


def _camel(name: str) -> str:
    return re.sub(r"_(.)", lambda match: match[1].upper(), name)


KNOWN = {_camel(one.name): one.name for one in fields(Names)}
"""The name in the config -> the field."""


def names_of(given: Mapping[str, str]) -> Names:
    """The names of a stack: those of the setting, which `wrong_name` accepts, and the defaults."""
    return Names(**{KNOWN[name]: value.strip() for name, value in given.items() if name in KNOWN})


def wrong_name(name: str, value: str) -> tuple[str, str | None] | None:
    """What is wrong with one entry of the setting, and which name was meant; None if nothing is."""
    field = KNOWN.get(name)
    if field is None:
        return f'"{name[:60]}" is not one of {", ".join(KNOWN)}.', nearest(name, KNOWN)
    text = value.strip()
    if field in _LISTS:
        return None if text or field == "other_projects" else (f"{name} is empty.", name)
    pattern, noun = _IDENTIFIER, "a name in Dart"
    if field in _COLLECTIONS:
        pattern, noun = _COLLECTION, "a collection, such as threads or threads/{id}/messages"
    elif field in _FUNCTIONS:
        pattern, noun = _FUNCTION, "the name of a function"
    if pattern.fullmatch(text):
        return None
    return f"{name} is not {noun}.", name
