"""The files of rules and indexes that firebase.json names for each Firestore database, read and validated."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from checkout import index_file, never_delete, rules_file
from checkout.firebase_json import DatabaseSource, FirebaseJson
from checkout.index_file import FieldSpec, IndexFile, IndexSpec
from checkout.never_delete import Protection
from checkout.rules_file import RulesFile
from checkout.rules_parser import RulesSyntaxError
from settings.files import read_text
from settings.problems import Problem


@dataclass(frozen=True, kw_only=True)
class OtherDatabase:
    """A database besides the one of the settings: its rules, None if it has none here, and its indexes."""

    database: str
    rules: RulesFile | None
    indexes: tuple[IndexSpec, ...]
    fields: tuple[FieldSpec, ...]


def rules(
    found: FirebaseJson | DatabaseSource, protected: Protection, problems: list[Problem]
) -> RulesFile | None:
    """The rules of a database, None if it has none. Adds to `problems`."""
    if found.rules is None:
        return None
    file, more = rules_file.read(found.rules, found.rules_name)
    problems += more
    # A text that cannot be parsed is compiled first: the compiler's message is better (`checkout.load`).
    with contextlib.suppress(RulesSyntaxError):
        if file is not None:
            problems += never_delete.open_problems(file.name, file.content, protected)
    return file


def indexes(found: FirebaseJson | DatabaseSource, problems: list[Problem]) -> IndexFile:
    """The indexes of a database. Adds to `problems`."""
    name = found.indexes_name
    text, more = (None, []) if found.indexes is None else read_text(found.indexes, name)
    problems += more
    if text is None:
        return IndexFile(indexes=(), fields=())
    parsed, more = index_file.parse(text, name)
    problems += more
    return parsed


def others(found: FirebaseJson, protected: Protection, problems: list[Problem]) -> tuple[OtherDatabase, ...]:
    """The databases besides the one of the settings. Adds to `problems`."""
    return tuple(
        OtherDatabase(
            database=one.database,
            rules=rules(one, protected, problems),
            indexes=(file := indexes(one, problems)).indexes,
            fields=file.fields,
        )
        for one in found.databases
    )
