"""Who signs in and with which accounts a person tests, and what is said if that is not possible."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, cast

import pytest
from firebase_admin import App

from ops.acceptance import command, connect, sign_in
from ops.acceptance.firestore import FirestoreStore
from ops.acceptance.model import CannotTellError
from ops.acceptance.options import Options
from ops.acceptance.user import IdentityToolkit
from ops.acceptance.world import Account
from settings.acceptance_names import Names
from tests.unit.ops.acceptance_crm import Database
from tests.unit.ops.test_acceptance_command import SPEC
from user_errors import UserError

pytestmark = pytest.mark.unit

ADMIN = cast("App", None)
KEY = {sign_in.API_KEY: "key"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The sign-ins, by address and password."""
    found: list[tuple[str, str]] = []

    def by_password(self: IdentityToolkit, email: str, password: str) -> Mapping[str, Any]:
        found.append((email, password))
        return {"idToken": "T", "localId": "uid"}

    monkeypatch.setattr(IdentityToolkit, "by_password", by_password)
    monkeypatch.setattr(IdentityToolkit, "sign_up", by_password)
    return found


def test_a_password_from_the_environment(asked: list[tuple[str, str]]) -> None:
    environ = {**KEY, sign_in.PASSWORD: "secret"}
    user = sign_in.signed_in(Options(stack="prod", user="t@x.ro"), environ, ADMIN, Database())
    assert (user.uid, asked) == ("uid", [("t@x.ro", "secret")])


def test_a_password_that_is_typed(asked: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sign_in.getpass, "getpass", lambda prompt: "typed")
    sign_in.signed_in(Options(stack="prod", user="t@x.ro"), KEY, ADMIN, Database())
    assert asked == [("t@x.ro", "typed")]


def test_an_emulator_gets_a_member_of_its_own(asked: list[tuple[str, str]]) -> None:
    store = Database()
    user = sign_in.signed_in(Options(stack="sandbox"), {connect.AUTH_EMULATOR: "127.0.0.1:1"}, ADMIN, store)
    assert user.email == sign_in.SANDBOX_USER
    assert store.documents == {"members/uid": {"email": user.email, "role": "agent", "active": True}}


@pytest.mark.parametrize(
    ("options", "environ", "said"),
    [
        (Options(stack="prod"), KEY, "--stack prod --user '<address>'"),
        (Options(stack="prod", user="t@x.ro"), {}, "export FIREBASE_API_KEY="),
        (Options(stack="prod", user="t@x.ro"), KEY, "export FIREBASE_TEST_PASSWORD="),
    ],
)
def test_what_is_missing_is_named(
    options: Options,
    environ: dict[str, str],
    said: str,
    asked: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(UserError) as missing:
        sign_in.signed_in(options, environ, ADMIN, Database())
    assert said in str(missing.value)
    assert not asked


def test_a_custom_token_names_the_right_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(email: str, app: object) -> None:
        raise ValueError("Failed to determine service account.\nmore")

    monkeypatch.setattr(sign_in.auth, "get_user_by_email", refuse)
    options = Options(stack="prod", user="t@x.ro", custom_token=True)
    with pytest.raises(UserError, match=r"iam\.serviceAccounts\.signBlob") as refused:
        sign_in.signed_in(options, KEY, ADMIN, Database())
    assert "more" not in str(refused.value)


def test_a_custom_token_is_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    class Record:
        uid = "u7"

    monkeypatch.setattr(sign_in.auth, "get_user_by_email", lambda email, app: Record)
    monkeypatch.setattr(sign_in.auth, "create_custom_token", lambda uid, app: f"custom-{uid}".encode())
    monkeypatch.setattr(
        IdentityToolkit, "by_custom_token", lambda self, email, token: {"idToken": f"ID of {token}"}
    )
    options = Options(stack="prod", user="t@x.ro", custom_token=True)
    user = sign_in.signed_in(options, KEY, ADMIN, Database())
    assert (user.token(), user.uid) == ("ID of custom-u7", "u7")


def accounts(store: Database, *chosen: str) -> tuple[Account, Account]:
    found = connect.Deployed(spec=SPEC, names=Names(), state=(), region="")
    options = Options(stack="prod", accounts=(chosen[0], chosen[1]) if chosen else None)
    return command._Session(options, found, ADMIN, cast("FirestoreStore", store), {})._accounts()


def an_account(store: Database, name: str, status: str = "connected") -> None:
    store.put(f"accounts/{name}", {"status": status, "phone": f"+4070000000{len(name)}"})


def test_the_first_two_connected_accounts_are_used() -> None:
    store = Database()
    an_account(store, "zeta")
    an_account(store, "beta1", "disconnected")
    an_account(store, "sales")
    an_account(store, "aa")
    assert [one.id for one in accounts(store)] == ["aa", "sales"]
    assert accounts(store, "zeta", "aa")[0] == Account(id="zeta", phone="+40700000004")


def test_accounts_that_cannot_be_used() -> None:
    store = Database()
    an_account(store, "sales")
    with pytest.raises(CannotTellError, match="F1 needs two connected accounts, and 1 is"):
        accounts(store)
    an_account(store, "old", "logged-out")
    with pytest.raises(CannotTellError, match="old is not connected: logged-out"):
        accounts(store, "sales", "old")
    with pytest.raises(CannotTellError, match="new is not connected: no such account"):
        accounts(store, "sales", "new")


@pytest.mark.parametrize("phone", [None, "0722123456", "+0722", "+40 722", "+407221234567890123"])
def test_a_person_needs_a_phone(phone: str | None) -> None:
    found = connect.Deployed(spec=SPEC, names=Names(), state=(), region="")
    session = command._Session(
        Options(stack="prod", client=phone), found, ADMIN, cast("FirestoreStore", Database()), {}
    )
    with pytest.raises(UserError, match=r"--client \+40700000000"):
        session._client()


def test_a_person_needs_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(UserError, match="there is no terminal"):
        command._terminal("prod")
