"""The test user: an ID token of Firebase Authentication, by password or by a custom token.

The REST API is https://cloud.google.com/identity-platform/docs/use-rest-api; with FIREBASE_AUTH_EMULATOR_HOST
the same paths follow `http://<host>/identitytoolkit.googleapis.com`, as in Google's emulator.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ops.acceptance.model import CannotTellError
from ops.acceptance.requests_to import Site
from ops.acceptance.world import Answer
from user_errors import UserError, add_fix

HOST = "identitytoolkit.googleapis.com"
RENEW_AFTER_SECONDS = 45 * 60
"""An ID token is valid for one hour."""
_REASONS = {
    "EMAIL_NOT_FOUND": "there is no user with this address",
    "INVALID_LOGIN_CREDENTIALS": "the password is wrong, or there is no user with this address",
    "INVALID_PASSWORD": "the password is wrong",
    "USER_DISABLED": "the user is disabled",
    "OPERATION_NOT_ALLOWED": "sign-in with a password is not enabled in the project",
    "TOO_MANY_ATTEMPTS_TRY_LATER": "there were too many attempts; wait a few minutes",
}


class SignInError(UserError):
    """The test user could not sign in."""


@dataclass
class User:
    """The signed-in test user.

    Args:
        email: the address.
        sign_in: signs in; returns the response of Identity Toolkit.
    """

    email: str
    sign_in: Callable[[], Mapping[str, Any]] = field(repr=False)
    _response: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    _since: float = 0.0

    def token(self) -> str:
        """A valid ID token.

        Raises:
            SignInError: the user cannot sign in.
        """
        if not self._response or time.monotonic() - self._since > RENEW_AFTER_SECONDS:
            self._response, self._since = self.sign_in(), time.monotonic()
        return str(self._response["idToken"])

    @property
    def uid(self) -> str:
        """The user's id."""
        self.token()
        return str(self._response["localId"])


@dataclass(frozen=True)
class IdentityToolkit:
    """Firebase Authentication of a project.

    Args:
        api_key: the Web API key of the Firebase project. It is public: the app has it.
        emulator: the `host:port` of an emulator, "" for Google.
        stack: for messages.
    """

    api_key: str
    emulator: str
    stack: str

    def _post(self, method: str, body: Mapping[str, Any]) -> Answer:
        address = f"http://{self.emulator}/{HOST}" if self.emulator else f"https://{HOST}"
        try:
            return Site(address).send("POST", f"/v1/accounts:{method}?key={quote(self.api_key)}", body=body)
        except CannotTellError as error:
            raise SignInError(add_fix(error.found, error.fix)) from None

    def by_password(self, email: str, password: str) -> Mapping[str, Any]:
        """Sign in.

        Raises:
            SignInError: the user or the key is refused.
        """
        body = {"email": email, "password": password, "returnSecureToken": True}
        return self._signed_in(email, self._post("signInWithPassword", body))

    def by_custom_token(self, email: str, token: str) -> Mapping[str, Any]:
        """Sign in with a token that an administrator signed; the response has no user id."""
        body = {"token": token, "returnSecureToken": True}
        return self._signed_in(email, self._post("signInWithCustomToken", body))

    def sign_up(self, email: str, password: str) -> Mapping[str, Any]:
        """Create the user, or sign in if it exists. For an emulator.

        Raises:
            SignInError: the emulator refuses it.
        """
        body = {"email": email, "password": password, "returnSecureToken": True}
        made = self._post("signUp", body)
        return made.body if made.ok else self.by_password(email, password)

    def _signed_in(self, email: str, answer: Answer) -> Mapping[str, Any]:
        if answer.ok and answer.body.get("idToken"):
            return answer.body
        reason = answer.message.partition(" ")[0]
        known = _REASONS.get(reason, answer.message or f"HTTP {answer.status}")
        command = f".venv/bin/python -m ops accept --stack {self.stack} --user {email}"
        fix = f"{command}  # asks for the password"
        if "API key" in answer.message or "API_KEY" in answer.message:
            fix = (
                "export FIREBASE_API_KEY='<the key>'\n"
                "It is `apiKey` in the app's firebase_options.dart, or in the Firebase console under Project "
                "settings, Web API key."
            )
        raise SignInError(add_fix(f"{email} cannot sign in: {known}", fix))
