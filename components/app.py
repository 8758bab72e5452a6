"""The app checkout as a whole: what its firebase.json points at, read and checked."""

from __future__ import annotations

from dataclasses import dataclass

from components.archive import Archive
from components.endpoints import (
    CallableTrigger,
    Endpoint,
    EventTrigger,
    HttpsTrigger,
    ScheduleTrigger,
    SecretUse,
)
from components.index_file import FieldIndex, FieldSpec, IndexField, IndexSpec
from components.problems import Problem
from components.settings import Settings

__all__ = [
    "App",
    "Archive",
    "CallableTrigger",
    "Codebase",
    "Endpoint",
    "EventTrigger",
    "FieldIndex",
    "FieldSpec",
    "HttpsTrigger",
    "IndexField",
    "IndexSpec",
    "RulesFile",
    "ScheduleTrigger",
    "SecretUse",
    "load",
]


@dataclass(frozen=True, kw_only=True)
class RulesFile:
    """Security rules: the name in firebase.json (part of the ruleset's identity) and the text."""

    name: str
    content: str


@dataclass(frozen=True, kw_only=True)
class Codebase:
    """One functions codebase: what it deploys and the archive it deploys from."""

    name: str
    endpoints: tuple[Endpoint, ...]
    archive: Archive
    required_apis: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class App:
    """Everything Firebase in the checkout. `warnings` and `notes` are for the person; they stop nothing."""

    rules: RulesFile | None
    indexes: tuple[IndexSpec, ...]
    fields: tuple[FieldSpec, ...]
    codebases: tuple[Codebase, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def load(settings: Settings) -> tuple[App | None, list[Problem]]:
    """The app, or everything that is wrong with it."""
    raise NotImplementedError
