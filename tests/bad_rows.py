"""One row of the tables of refused settings and apps, and how to write it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

NAMESPACE = "whatsapp-crm"


@dataclass(frozen=True, kw_only=True)
class Bad:
    """One refusal. `config`: short keys (or `namespace:key`) to values, None removes; a value that is
    not text is an object or a list. `files`: paths in the app to whole texts, None deletes. `edits`:
    paths to (old, new). `environ`: variables, None removes. `secret`: keys stored as secrets besides
    `secrets`; `plain`: keys stored in plain text although they should not be.
    """

    name: str
    key: str
    fix: str
    config: Mapping[str, object] = field(default_factory=dict)
    files: Mapping[str, str | None] = field(default_factory=dict)
    edits: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    environ: Mapping[str, str | None] = field(default_factory=dict)
    stack: str = "sandbox"
    secret: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    remote: bool = False
    cli: bool = False


def put(key: str, value: str = "") -> str:
    """The command that sets a key."""
    return f"pulumi config set {NAMESPACE}:{key} {value}".rstrip()


def put_part(key: str) -> str:
    """The command that sets a part of a key, which is a string."""
    return f"pulumi config set --path --type string '{NAMESPACE}:{key}'"


def one(name: str, key: str, value: object, fix: str, *, cli: bool = False) -> Bad:
    return Bad(name=name, key=f"{NAMESPACE}:{key}", fix=fix, config={key: value}, cli=cli)


def functions(name: str, code: str, fix: str, key: str = "functions") -> Bad:
    """A row that adds code to the end of the example's functions/index.js."""
    end = "exports.processOutboxNow ="
    return Bad(name=name, key=key, fix=fix, edits={"functions/index.js": (end, f"{code}\n{end}")})


def index(name: str, entry: Mapping[str, object], fix: str) -> Bad:
    text = json.dumps({"indexes": [entry], "fieldOverrides": []})
    return Bad(name=name, key="firestore.indexes.json", fix=fix, files={"firestore.indexes.json": text})
