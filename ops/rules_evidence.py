"""Attempts to delete protected documents under a ruleset, as every kind of client: all must be denied.

The proof is the text (`checkout.never_delete`). The attempts are additional evidence, evaluated by Google
itself (Firebase Rules API v1, `projects.test`): no document is read, written or deleted, and the released
rules do not change.

Clients: anonymous, signed in, admin by a claim, the document's owner. Each of them without the documents that
the rules look up (`get`, `exists`), with those of a member, and with those of an admin. Which fields and
values the rules compare is taken from their text, so that conditions hold as often as possible.

Unverified: how many test cases one request may have. `BATCH` is small for that reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from checkout.never_delete import EXAMPLE_ID
from firebase.errors import JsonObject
from firebase.rest import GoogleApi

BATCH = 100
TIME = "2026-01-01T00:00:00Z"
_OWNER = EXAMPLE_ID  # the user, and each id in the paths of documents: an owner by path and by field
_LITERAL = r"""('[^'\n]*'|"[^"\n]*"|true|false|-?\d+)"""
_EQUAL = re.compile(rf"""(?:\.|\[['"])(\w+)(?:['"]\])?\s*==\s*{_LITERAL}""")
_IN_LIST = re.compile(rf"(?:{_LITERAL}|uid(?:\(\))?)\s+in\s+[^;&|]*\.(\w+)")
_FIELD = re.compile(r"""\bdata(?:\.|\[['"])(\w+)""")
_CLAIM = re.compile(r"""\btoken(?:\.|\[['"])(\w+)""")
_LOOKUP = re.compile(r"\b(?:get|exists)\(\s*/databases/")
_OWNER_FIELDS = ("owner", "ownerId", "uid", "userId", "createdBy", "authorId")
_OWN_CLAIMS = ("sub", "email", "email_verified", "firebase")


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt to delete a document.

    Args:
        client: who tries, as in messages.
        document: the path below `documents`.
        case: the request's `TestCase`.
    """

    client: str
    document: str
    case: JsonObject


@dataclass(frozen=True)
class _Values:
    """The values that the rules compare fields with, by the field's name."""

    equal: dict[str, list[object]]
    in_list: dict[str, list[object]]

    def of(self, name: str, uid: str, *, admin: bool) -> object:
        if name in self.in_list:
            return [*self.in_list[name], uid]
        wanted = [value for value in self.equal.get(name, ()) if value is not False]
        if not wanted:
            return uid
        return ("admin" if "admin" in wanted else wanted[-1]) if admin else wanted[0]


def attempts(text: str, documents: Sequence[str], database: str) -> list[Attempt]:
    """Every attempt for a ruleset.

    Args:
        text: the rules.
        documents: the paths of the documents, below `documents`.
        database: the id of the database.
    """
    root = f"/databases/{database}/documents"
    values = _Values(_literals(text), _lists(text))
    fields = sorted({*_FIELD.findall(text)})
    owned = {name: values.of(name, _OWNER, admin=True) for name in (*_OWNER_FIELDS, *fields)}
    return [
        Attempt(
            client=f"{client} ({given})",
            document=document,
            case={
                "expectation": "DENY",
                "request": {
                    "auth": auth,
                    "method": "delete",
                    "path": f"{root}/{document}",
                    "time": TIME,
                },
                "resource": {"data": owned},
                "functionMocks": mocks,
            },
        )
        for client, auth in _clients(text, values)
        for given, mocks in _looked_up(text, values, fields, str((auth or {}).get("uid", _OWNER)), database)
        for document in documents
    ]


def run(api: GoogleApi, ruleset: str, given: Sequence[Attempt]) -> list[Attempt]:
    """The attempts that would not be denied.

    Args:
        api: the client.
        ruleset: the full name of the ruleset.
        given: the attempts.

    Raises:
        GoogleError: they could not be evaluated.
    """
    allowed: list[Attempt] = []
    for start in range(0, len(given), BATCH):
        batch = given[start : start + BATCH]
        response = api.call(
            "POST",
            "firebaserules",
            f"{ruleset}:test",
            operation=f"test {ruleset}",
            body={"testSuite": {"testCases": [attempt.case for attempt in batch]}},
            repeatable=True,
        )
        results = cast("list[JsonObject]", response.get("testResults") or [])
        # A result that is missing is no evidence.
        states = [str(result.get("state")) for result in results] + [""] * (len(batch) - len(results))
        allowed += [attempt for attempt, state in zip(batch, states, strict=True) if state != "SUCCESS"]
    return allowed


def _clients(text: str, values: _Values) -> Iterator[tuple[str, JsonObject | None]]:
    yield "anonymous", None
    yield "signed in", _auth("someone", {})
    claims = {name for name in _CLAIM.findall(text) if name not in _OWN_CLAIMS}
    given = {name: values.of(name, "admin", admin=True) for name in claims if name in values.equal}
    yield (
        "admin by claim",
        _auth("admin", {**dict.fromkeys((*claims, "admin"), True), "role": "admin", **given}),
    )
    yield "owner", _auth(_OWNER, {})


def _auth(uid: str, claims: JsonObject) -> JsonObject:
    token = {
        "sub": uid,
        "email": f"{uid}@example.com",
        "email_verified": True,
        "firebase": {"sign_in_provider": "password", "identities": {}},
    }
    return {"uid": uid, "token": {**token, **claims}}


def _looked_up(
    text: str, values: _Values, fields: Sequence[str], uid: str, database: str
) -> Iterator[tuple[str, list[JsonObject]]]:
    """The documents that the rules look up: missing, those of a member, those of an admin."""
    paths = lookup_paths(text, uid, database)
    yield "no looked-up documents", [_mock("exists", path, False) for path in paths]
    for given in ("member", "admin") if paths else ():
        admin = given == "admin"
        data = {name: values.of(name, uid, admin=admin) for name in fields}
        role = {"admin": True, "role": "admin"} if admin else {}
        found: JsonObject = {"data": {"active": True, **role, **data}}
        yield (
            f"{given} by document",
            [
                mock
                for path in paths
                for mock in (_mock("exists", path, value=True), _mock("get", path, found))
            ],
        )


def _mock(function: str, path: str, value: Any) -> JsonObject:
    return {"function": function, "args": [{"exactValue": path}], "result": {"value": value}}


def lookup_paths(text: str, uid: str, database: str) -> list[str]:
    """The paths of the documents that rules look up. Each `$(...)` is the user, or `EXAMPLE_ID`."""
    found: set[str] = set()
    for match in _LOOKUP.finditer(text):
        written = _argument(text, match.end() - len("/databases/"))
        parts = _without_expressions(written)
        for filling in (uid, EXAMPLE_ID):
            path = filling.join(parts).split("/")
            if len(path) > 3:
                path[2] = database
            found.add("/".join(path))
    return sorted(found)


def _argument(text: str, start: int) -> str:
    """The text up to the parenthesis that closes a call, or a comma outside of parentheses."""
    depth = 0
    for at in range(start, len(text)):
        depth += text[at] == "("
        depth -= text[at] == ")"
        if depth < 0 or (text[at] == "," and depth == 0):
            return text[start:at].strip()
    return text[start:].strip()


def _without_expressions(written: str) -> list[str]:
    """The parts of a path between its `$(...)`, which may contain parentheses."""
    parts = [""]
    depth = 0
    for at, sign in enumerate(written):
        if depth == 0 and written.startswith("$(", at):
            parts.append("")
            depth = -1  # the parenthesis follows
        elif depth < 0:
            depth = 1
        elif depth:
            depth += (sign == "(") - (sign == ")")
        else:
            parts[-1] += sign
    return parts


def _literals(text: str) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for name, literal in _EQUAL.findall(text):
        found.setdefault(name, []).append(_value(literal))
    return found


def _lists(text: str) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for literal, name in _IN_LIST.findall(text):
        found.setdefault(name, []).extend([_value(literal)] if literal else [])
    return found


def _value(literal: str) -> object:
    if literal in ("true", "false"):
        return literal == "true"
    return literal[1:-1] if literal[0] in "'\"" else int(literal)
