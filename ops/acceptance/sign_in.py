"""The user of the app with whom the tests sign in."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping
from typing import Any

from firebase_admin import App, auth
from firebase_admin.exceptions import FirebaseError

from ops.acceptance.connect import AUTH_EMULATOR
from ops.acceptance.options import Options
from ops.acceptance.user import IdentityToolkit, SignInError, User
from ops.acceptance.world import Store
from user_errors import UserError, add_fix

PASSWORD, API_KEY = "FIREBASE_TEST_PASSWORD", "FIREBASE_API_KEY"
"""Environment variables: the password of the test user, and the Web API key of the Firebase project."""
SANDBOX_USER, SANDBOX_PASSWORD = "acceptance@example.com", "acceptance"


def signed_in(options: Options, environ: Mapping[str, str], admin: App, store: Store) -> User:
    """The signed-in test user.

    Args:
        options: those of the command.
        environ: the environment variables.
        admin: the app of firebase-admin, for a custom token.
        store: the database; beside an emulator of users, a test user is made and becomes a member.

    Raises:
        UserError: no user is named, or it cannot sign in.
    """
    emulator, email = environ.get(AUTH_EMULATOR, ""), options.user
    toolkit = IdentityToolkit(environ.get(API_KEY, ""), emulator, options.stack)
    command = f".venv/bin/python -m ops accept --stack {options.stack} --user"
    if email is None and emulator:
        return _sandbox_user(toolkit, store)
    if email is None:
        what, fix = "the tests need a user of the app", f"{command} '<address>'"
        raise UserError(add_fix(what, f"{fix}  # a member of the company, for tests only"))
    if not toolkit.api_key and not emulator:
        what = f"signing in as {email} needs the Web API key of the Firebase project"
        fix = "It is `apiKey` in the app's firebase_options.dart, and public."
        raise UserError(add_fix(what, f"export {API_KEY}='<the key>'\n{fix}"))
    if options.custom_token:
        user = User(email, lambda: _by_custom_token(toolkit, admin, email, f"{command} {email}"))
    else:
        password = environ.get(PASSWORD) or _password(email)
        user = User(email, lambda: toolkit.by_password(email, password))
    user.token()
    return user


def _by_custom_token(toolkit: IdentityToolkit, admin: App, email: str, command: str) -> Mapping[str, Any]:
    """Needs a key of a service account, or with --sign-as the right to sign for it."""
    try:
        uid = str(auth.get_user_by_email(email, app=admin).uid)
        token = bytes(auth.create_custom_token(uid, app=admin)).decode()
    except (FirebaseError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise SignInError(
            add_fix(
                f"no custom token for {email}: {reason}",
                "A custom token is signed by a service account. With a personal login, name one with "
                "--sign-as and grant yourself roles/iam.serviceAccountTokenCreator on it (permission "
                f"iam.serviceAccounts.signBlob), or sign in with a password:\n{command}",
            )
        ) from None
    return {**toolkit.by_custom_token(email, token), "localId": uid}


def _sandbox_user(toolkit: IdentityToolkit, store: Store) -> User:
    """A user of its own, made a member as setMember does: an emulator has no users."""
    user = User(SANDBOX_USER, lambda: toolkit.sign_up(SANDBOX_USER, SANDBOX_PASSWORD))
    store.merge(f"members/{user.uid}", {"email": SANDBOX_USER, "role": "agent", "active": True})
    return user


def _password(email: str) -> str:
    if not sys.stdin.isatty():
        what = f"there is no terminal to ask for the password of {email}"
        raise UserError(add_fix(what, f"export {PASSWORD}='<the password>'"))
    return getpass.getpass(f"Password of {email}: ")
