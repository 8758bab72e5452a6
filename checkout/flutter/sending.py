"""E1: messages are sent through `sendViaProxy()`, and nothing writes to the outbox."""

from __future__ import annotations

from collections.abc import Iterator

from checkout.flutter.analysis import Analysis, blamed, distinct, in_collection, shown_path, through
from checkout.flutter.log import FunctionUse, Write
from checkout.flutter.program import Function
from checkout.flutter.results import Finding, LineResult
from checkout.flutter.values import HOLE
from checkout.never_delete import common_document
from checkout.rules_parser import RulesSyntaxError, Wildcard, parse

_CREATES = ("add", "set", "merge")
_SENDING_PATHS = ("messages", "send", "send-message", "sendMessage")
_GRANTS_CREATE = {"create", "write"}


def check(app: Analysis) -> LineResult:
    """The line E1."""
    names = app.names
    unknown = [*app.unread]
    findings = [*_outbox_writes(app, unknown), *_rest_writes(app), *_message_writes(app)]
    senders = [
        one for one in app.program.functions if one.decl.name == names.send and one.decl.body is not None
    ]
    uses = [use for use in app.log.functions if use.name == names.send_function]
    findings += _sender(app, senders, uses, unknown)
    findings += [*_other_senders(app, senders, uses), *_posts(app, senders)]
    calls = len(_calls(app, senders))
    checked = (
        f"{len(app.sources.units)} Dart files, {len(set(_places(app)))} places that write a document, "
        f"{calls} uses of {names.send}()"
    )
    return LineResult(
        id="E1", findings=distinct(findings), unknown=tuple(dict.fromkeys(unknown)), checked=checked
    )


def _places(app: Analysis) -> Iterator[tuple[str, int]]:
    return ((one.file, one.line) for one in app.log.writes)


def _outbox_writes(app: Analysis, unknown: list[str]) -> Iterator[Finding]:
    outbox = app.names.outbox
    known = {
        (one.file, one.line) for one in app.log.writes if in_collection(one.ref.path, outbox) is not None
    }
    for write in app.log.writes:
        answer = in_collection(write.ref.path, outbox)
        if answer:
            place = blamed(write, app.log.writes, lambda one: not in_collection(one.ref.path, outbox))
            yield Finding(
                file=place[0],
                line=place[1],
                what=f"writes to {shown_path(write.ref.path)}{through(write, place)}: "
                f"a client must not write to {outbox}.",
                fix=f"send with {app.names.send}() instead, which calls {app.names.send_function}.",
            )
        elif answer is None and (write.file, write.line) not in known and app.runs(write):
            unknown.append(_not_known(write))


def _not_known(write: Write) -> str:
    path = shown_path(write.ref.path)
    return f"{write.file}:{write.line}: {write.kind}() of {path}: its collection is not known."


def _rest_writes(app: Analysis) -> Iterator[Finding]:
    """Firestore's REST address of the outbox, and the Realtime Database."""
    outbox = app.names.outbox.rpartition("/")[2]
    for one in app.log.said:
        path = one.text.partition("?")[0].rstrip("/")
        if f"/documents/{outbox}" in path and (path.endswith(f"/{outbox}") or f"/{outbox}/" in path):
            yield Finding(
                file=one.file,
                line=one.line,
                what=f"names {outbox} by Firestore's address: a client must not write to it.",
                fix=f"send with {app.names.send}() instead.",
            )


def _message_writes(app: Analysis) -> Iterator[Finding]:
    """A message that the app creates by itself, where the rules let no client do that."""
    if _clients_may_create(app):
        return
    for write in app.log.writes:
        if write.kind in _CREATES and in_collection(write.ref.path, app.names.messages):
            place = blamed(
                write, app.log.writes, lambda one: not in_collection(one.ref.path, app.names.messages)
            )
            yield Finding(
                file=place[0],
                line=place[1],
                what=f"creates a message ({shown_path(write.ref.path)}){through(write, place)}, which "
                "the rules let no client do.",
                fix=f"send with {app.names.send}() instead; the backend writes the message.",
            )


def _clients_may_create(app: Analysis) -> bool:
    """Whether the rules may let a client create a message. True if they cannot be read."""
    parts = app.names.messages.split("/")
    tail = tuple(Wildcard.ONE if part.startswith("{") else part for part in parts)
    documents = ("databases", Wildcard.ONE, "documents", Wildcard.MANY, *tail, Wildcard.ONE)
    try:
        allows = parse(app.project.rules)
    except RulesSyntaxError:
        return True
    return not app.project.rules or any(
        not allow.never and _GRANTS_CREATE & {*allow.methods} and common_document(allow.pattern, documents)
        for allow in allows
    )


def _sender(
    app: Analysis, senders: list[Function], uses: list[FunctionUse], unknown: list[str]
) -> Iterator[Finding]:
    """There is a method that sends, it calls the function, and something calls it."""
    names = app.names
    file, line = app.entry
    if not senders:
        yield Finding(
            file=file,
            line=line,
            what=f"the app has no method {names.send}(), through which messages are sent.",
            fix=f"add {names.send}() that calls the function {names.send_function}, or name the app's own "
            "method: pulumi config set --path 'whatsapp-crm:flutterNames.send' <method>",
        )
        return
    sender = senders[0]
    if not any(one in senders for use in uses for one in use.within):
        other = [
            use for use in app.log.functions if HOLE in use.name and any(one in senders for one in use.within)
        ]
        if other:
            unknown.append(
                f"{other[0].file}:{other[0].line}: the function that {sender.label}() calls is not known."
            )
        else:
            yield Finding(
                file=sender.file,
                line=sender.decl.line,
                what=f"{sender.label}() does not call the function {names.send_function}.",
                fix=f"call {names.send_function} in it.",
            )
    if not _calls(app, senders):
        yield Finding(
            file=sender.file,
            line=sender.decl.line,
            what=f"nothing in the app calls {sender.label}().",
            fix=f"call {names.send}() where the user sends a message.",
        )


def _calls(app: Analysis, senders: list[Function]) -> list[tuple[str, int]]:
    """Where the method is named, besides its own declarations."""
    return app.mentions.get(app.names.send, []) if senders else []


def _other_senders(app: Analysis, senders: list[Function], uses: list[FunctionUse]) -> Iterator[Finding]:
    """The function that sends, called by something else."""
    for use in uses:
        if any(one in senders for one in use.within):
            continue
        file, line = place_of(app, use)
        yield Finding(
            file=file,
            line=line,
            what=f"calls the function {app.names.send_function} without {app.names.send}().",
            fix=f"call {app.names.send}() instead.",
        )


def _posts(app: Analysis, senders: list[Function]) -> Iterator[Finding]:
    """A message that the app posts to the backend by itself."""
    for one in app.log.requests:
        if one.method.upper() != "POST" or any(sender in one.within for sender in senders):
            continue
        scheme, _, rest = one.address.partition("?")[0].rpartition("://")
        host, _, path = rest.partition("/") if scheme else ("", "", rest)
        known_host = host.replace(HOLE, "") and not host.startswith(HOLE)
        if not known_host and path.rstrip("/").rpartition("/")[2] in _SENDING_PATHS:
            yield Finding(
                file=one.file,
                line=one.line,
                what=f"posts a message to {one.address.replace(HOLE, '…')} itself.",
                fix=f"send with {app.names.send}() instead, which calls {app.names.send_function}.",
            )


def place_of(app: Analysis, use: FunctionUse) -> tuple[str, int]:
    """Where a function is named: its literal, or where a helper that calls any function was called."""
    if use.literal is not None:
        return use.literal
    same = {one.name for one in app.log.functions if (one.file, one.line) == (use.file, use.line)}
    if len(same) > 1 and use.sites and use.sites[-1][0]:
        return use.sites[-1]
    return use.file, use.line
