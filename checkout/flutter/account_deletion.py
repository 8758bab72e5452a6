"""E4: WhatsApp accounts are deleted through the proxy function, never by the app itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from checkout.flutter.analysis import Analysis, blamed, distinct, in_collection, shown_path, through
from checkout.flutter.backend_addresses import address_in, host_and_path, host_of
from checkout.flutter.results import Finding, LineResult
from checkout.flutter.sending import place_of
from checkout.flutter.values import HOLE, NULL, Const, MapValue, Str

_MARKS = {
    "deleted",
    "isdeleted",
    "deletedat",
    "removed",
    "isremoved",
    "removedat",
    "is_deleted",
    "deleted_at",
}
_STATES = {"deleted", "removed"}
_CONNECTION = re.compile(r"session|auth|cred|device|link|connection|\ufffc", re.IGNORECASE)
"""Collections below an account without which it is not connected any more."""
_ACCOUNT_PATH = re.compile(r"(?:^|/)accounts?(?:/|$)", re.IGNORECASE)


def check(app: Analysis) -> LineResult:
    """The line E4."""
    names = app.names
    unknown = [*app.unread]
    findings = [*_deletes(app, unknown), *_marks(app), *_requests(app)]
    uses = [use for use in app.log.functions if use.name == names.delete_account_function]
    if not uses:
        file, line = app.entry
        vague = [use for use in app.log.functions if HOLE in use.name]
        if vague:
            place = ", ".join(sorted({f"{use.file}:{use.line}" for use in vague})[:3])
            unknown.append(f"{place}: the function that is called here is not known.")
        else:
            findings.append(
                Finding(
                    file=file,
                    line=line,
                    what=f"nothing in the app calls the function {names.delete_account_function}, which "
                    "deletes accounts.",
                    fix=f"call {names.delete_account_function}, or name the app's own function: pulumi "
                    "config set --path 'whatsapp-crm:flutterNames.deleteAccountFunction' <function>",
                )
            )
    else:
        findings += _unused(app)
    deletes = sum(write.kind == "delete" for write in app.log.writes)
    calls = f"{len(uses)} calls of {names.delete_account_function}"
    checked = f"{len(app.sources.units)} Dart files, {deletes} deletes, {calls}"
    return LineResult(
        id="E4", findings=distinct(findings), unknown=tuple(dict.fromkeys(unknown)), checked=checked
    )


def _fix(app: Analysis) -> str:
    return f"call the function {app.names.delete_account_function} instead."


def _deletes(app: Analysis, unknown: list[str]) -> Iterator[Finding]:
    accounts = app.names.accounts
    deletes = [write for write in app.log.writes if write.kind == "delete"]
    known = {(one.file, one.line) for one in deletes if in_collection(one.ref.path, accounts) is not None}
    for write in deletes:
        answer = in_collection(write.ref.path, accounts)
        if answer and not _is_of_account(write.ref.path or (), accounts):
            continue
        if answer:
            place = blamed(write, deletes, lambda one: not in_collection(one.ref.path, accounts))
            yield Finding(
                file=place[0],
                line=place[1],
                what=f"deletes {shown_path(write.ref.path)}{through(write, place)}: "
                "an account is deleted through the proxy.",
                fix=_fix(app),
            )
        elif answer is None and (write.file, write.line) not in known and app.runs(write):
            path = shown_path(write.ref.path)
            unknown.append(f"{write.file}:{write.line}: deletes {path}: its collection is not known.")


def _is_of_account(path: tuple[str, ...], accounts: str) -> bool:
    """Whether a deleted document is an account, or what connects it: not its templates or its notes."""
    name = accounts.rpartition("/")[2]
    if in_collection(path[-2:], name) is not False:
        return True
    return _CONNECTION.search(path[-2]) is not None if len(path) > 1 else True


def _marks(app: Analysis) -> Iterator[Finding]:
    """A write that marks an account as deleted."""
    for write in app.log.writes:
        path = write.ref.path
        if (
            write.kind == "delete"
            or not path
            or not in_collection(path[-2:], app.names.accounts.rpartition("/")[2])
        ):
            continue
        for alt in write.data:
            if not isinstance(alt.value, MapValue):
                continue
            for key, values in alt.value.entries.items():
                found = [one.value for one in values]
                state = any(isinstance(v, Str) and v.text.lower() in _STATES for v in found)
                off = all(value in (Const(False), NULL) for value in found)
                if (key.lower() in _MARKS and not off) or state:
                    yield Finding(
                        file=write.file,
                        line=write.line,
                        what=f"marks {shown_path(path)} as deleted ({key}); the proxy deletes accounts.",
                        fix=_fix(app),
                    )


def _requests(app: Analysis) -> Iterator[Finding]:
    """A request that deletes an account at the backend."""
    hosts = tuple(map(host_of, app.project.backend_addresses))
    for one in app.log.requests:
        host, path = host_and_path(one.address)
        other = host and not address_in(host, hosts)
        last = path.rpartition("/")[2]
        if one.method.upper() != "DELETE" or other or last == app.names.delete_account_function:
            continue
        accounts = app.names.accounts.rpartition("/")[2]
        if _ACCOUNT_PATH.search(path) or f"/{accounts}/" in f"/{path}/":
            yield Finding(
                file=one.file,
                line=one.line,
                what=f"sends DELETE {path.replace(HOLE, '…')} itself.",
                fix=_fix(app),
            )


def _unused(app: Analysis) -> Iterator[Finding]:
    """The function is called only in a method that nothing calls."""
    uses = [use for use in app.log.functions if use.name == app.names.delete_account_function]
    for use in uses:
        outer = use.root[0]
        if (
            len(use.within) > 1
            and use.within[0] is outer
            and _is_used(app, outer.decl.name, outer.file, outer.decl.line)
        ):
            return
        if _is_used(app, outer.decl.name, outer.file, outer.decl.line):
            return
    file, line = place_of(app, uses[0])
    yield Finding(
        file=file,
        line=line,
        what=f"nothing in the app calls {uses[0].root[0].label}(), which deletes an account.",
        fix="call it where the user deletes an account.",
    )


def _is_used(app: Analysis, name: str, file: str, line: int) -> bool:
    """Whether a function that the app does not call can run: Flutter calls it, or it is named."""
    if name in ("build", "main", "initState", "dispose", "didChangeDependencies", "") or name.startswith(
        "on"
    ):
        return True
    return any((where, at) != (file, line) for where, at in app.mentions.get(name, []))
