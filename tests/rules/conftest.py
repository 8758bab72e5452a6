"""The example's rules on Google's emulator: one emulator for all tests, a project for each test."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.firestore import FirestoreEmulator
from tests.rules.firestore_client import OK, Client, Value, user_token

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RULES = Path(__file__).resolve().parents[2] / "examples" / "crm" / "firestore.rules"


@pytest.fixture(scope="session")
def emulator() -> Iterator[FirestoreEmulator]:
    """The emulator. Missing Java or a missing emulator is an error with a fix."""
    with FirestoreEmulator() as running:
        yield running


@dataclass(frozen=True)
class Company:
    """A database with the example's rules, and clients with different rights."""

    emulator: FirestoreEmulator
    project: str

    def as_user(self, uid: str) -> Client:
        """A signed-in user."""
        return Client(url=self.emulator.url, project=self.project, token=user_token(self.project, uid))

    @property
    def agent(self) -> Client:
        """A member."""
        return self.as_user("agent")

    @property
    def colleague(self) -> Client:
        """Another member."""
        return self.as_user("colleague")

    @property
    def admin(self) -> Client:
        """A member whose role is admin."""
        return self.as_user("admin")

    @property
    def former(self) -> Client:
        """A former member."""
        return self.as_user("former")

    @property
    def stranger(self) -> Client:
        """A signed-in user who was never a member."""
        return self.as_user("stranger")

    @property
    def anonymous(self) -> Client:
        """Not signed in."""
        return Client(url=self.emulator.url, project=self.project, token="")

    @property
    def server(self) -> Client:
        """The Admin SDK, to which rules do not apply."""
        return Client(url=self.emulator.url, project=self.project, token="owner")

    def write(self, path: str, document: Mapping[str, Value]) -> None:
        """Write a document without regard to the rules."""
        assert self.server.overwrite(path, document) == OK


@pytest.fixture
def company(emulator: FirestoreEmulator) -> Company:
    """A new company with two agents, an admin and a former member."""
    made = Company(emulator, f"rules-{uuid.uuid4().hex[:12]}")
    assert emulator.load_rules(made.project, RULES.read_text()) == []
    for uid, role, active in (
        ("agent", "agent", True),
        ("colleague", "agent", True),
        ("admin", "admin", True),
        ("former", "admin", False),
    ):
        made.write(f"members/{uid}", {"email": f"{uid}@example.com", "role": role, "active": active})
    return made
