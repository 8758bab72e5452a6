"""Firebase Auth's stand-in: users, sign-in, and the look-ups of the Admin SDKs, as in its emulator.

Google's libraries use it with FIREBASE_AUTH_EMULATOR_HOST. Its ID tokens are unsigned: with that variable the
libraries accept them, and the Firestore emulator always does. Source: the emulator's API (firebase-tools,
src/emulator/auth), the Identity Toolkit API v1.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

Json = dict[str, Any]
HOST_PATH = "/identitytoolkit.googleapis.com/v1"
TOKEN_SECONDS = 3600
_COPIED = ("email", "displayName", "photoUrl", "phoneNumber", "emailVerified", "disabled", "customAttributes")


@dataclass(frozen=True)
class AuthError(Exception):
    """An error of the Identity Toolkit API, such as EMAIL_EXISTS."""

    code: str


class Identity:
    """The users of one project.

    Args:
        project: the project's id.
        file: where the users are kept; None keeps them in memory.
    """

    def __init__(self, project: str, file: Path | None = None) -> None:
        self._project = project
        self._file = file
        self._users: dict[str, Json] = {}
        if file is not None and file.exists():
            self._users = cast("dict[str, Json]", json.loads(file.read_text(encoding="utf-8")))

    def routes(self) -> list[Route]:
        """The routes of the Admin SDKs (with a project) and of clients (with an API key)."""
        handlers: dict[str, Callable[[Json], Json]] = {
            "accounts:lookup": self.lookup,
            "accounts:update": self.update,
            "accounts:delete": self.delete,
            "accounts:signUp": self.sign_up,
            "accounts:signInWithPassword": self.sign_in_with_password,
            "accounts:signInWithCustomToken": self.sign_in_with_custom_token,
        }
        routes = [
            Route(f"{HOST_PATH}{prefix}/{path}", _endpoint(handle), methods=["POST"])
            for path, handle in handlers.items()
            for prefix in ("", "/projects/{project}")
        ]
        create = _endpoint(self.create)
        return [*routes, Route(f"{HOST_PATH}/projects/{{project}}/accounts", create, methods=["POST"])]

    def create(self, body: Json) -> Json:
        """Create a user, as `createUser` of the Admin SDKs does."""
        uid = str(body.get("localId") or secrets.token_urlsafe(21))
        if uid in self._users:
            raise AuthError("DUPLICATE_LOCAL_ID")
        if body.get("email") and self._by_email(str(body["email"])) is not None:
            raise AuthError("EMAIL_EXISTS")
        now = str(int(time.time() * 1000))
        self._users[uid] = {"localId": uid, "createdAt": now, "validSince": "0", "emailVerified": False}
        return self.update({**body, "localId": uid})

    def update(self, body: Json) -> Json:
        """Change a user."""
        user = self._of_request(body)
        for name in _COPIED:
            if name in body:
                user[name] = body[name]
        if "disableUser" in body:
            user["disabled"] = bool(body["disableUser"])
        if "validSince" in body:
            user["validSince"] = str(body["validSince"])
        if "password" in body:
            user["passwordHash"] = base64.b64encode(str(body["password"]).encode()).decode()
        self._save()
        return {**user, "kind": "identitytoolkit#SetAccountInfoResponse"}

    def lookup(self, body: Json) -> Json:
        """Find users by id, address or phone number, or the one of an ID token."""
        if "idToken" in body:
            users = [self._of_request(body)]
        else:
            users = [
                user
                for user in self._users.values()
                if any(
                    user.get(name) in cast("list[str]", body.get(name) or ())
                    for name in ("localId", "email", "phoneNumber")
                )
            ]
        return {"kind": "identitytoolkit#GetAccountInfoResponse", **({"users": users} if users else {})}

    def delete(self, body: Json) -> Json:
        """Delete a user."""
        del self._users[self._of_request(body)["localId"]]
        self._save()
        return {"kind": "identitytoolkit#DeleteAccountResponse"}

    def sign_up(self, body: Json) -> Json:
        """Create a user, and sign in if a client asks."""
        made = self.create(body)
        return self._signed_in(self._users[made["localId"]], "password" if body.get("email") else "anonymous")

    def sign_in_with_password(self, body: Json) -> Json:
        """Sign in."""
        user = self._by_email(str(body.get("email", "")))
        given = base64.b64encode(str(body.get("password", "")).encode()).decode()
        if user is None or user.get("passwordHash") != given:
            raise AuthError("INVALID_LOGIN_CREDENTIALS")
        return self._signed_in(user, "password")

    def sign_in_with_custom_token(self, body: Json) -> Json:
        """Sign in with a token that an Admin SDK made; its user is created at the first sign-in."""
        claims = _claims_of(str(body.get("token", "")))
        uid = claims.get("uid") or claims.get("user_id")
        if not isinstance(uid, str) or not uid:
            raise AuthError("INVALID_CUSTOM_TOKEN")
        if uid not in self._users:
            self.create({"localId": uid})
        return self._signed_in(self._users[uid], "custom", cast("Json", claims.get("claims") or {}))

    def _signed_in(self, user: Json, provider: str, claims: Json | None = None) -> Json:
        if user.get("disabled"):
            raise AuthError("USER_DISABLED")
        return {
            "kind": "identitytoolkit#SignInResponse",
            "localId": user["localId"],
            "email": user.get("email", ""),
            "idToken": self.id_token(user, provider, claims),
            "refreshToken": secrets.token_urlsafe(24),
            "expiresIn": str(TOKEN_SECONDS),
        }

    def id_token(self, user: Json, provider: str, claims: Json | None = None) -> str:
        """Return an ID token, unsigned as the emulator's are."""
        now, uid = int(time.time()), user["localId"]
        email = user.get("email")
        own = json.loads(user.get("customAttributes") or "{}")
        content = {
            **own,
            **(claims or {}),
            **({"email": email, "email_verified": bool(user.get("emailVerified"))} if email else {}),
            **({"name": user["displayName"]} if user.get("displayName") else {}),
            "iss": f"https://securetoken.google.com/{self._project}",
            "aud": self._project,
            "auth_time": now,
            "user_id": uid,
            "sub": uid,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "firebase": {
                "identities": {"email": [email]} if email else {},
                "sign_in_provider": provider,
            },
        }
        return f"{_encoded({'alg': 'none', 'typ': 'JWT'})}.{_encoded(content)}."

    def _of_request(self, body: Json) -> Json:
        uid = body.get("localId")
        if uid is None and "idToken" in body:
            uid = _claims_of(str(body["idToken"])).get("user_id")
        found = self._users.get(str(uid))
        if found is None:
            raise AuthError("USER_NOT_FOUND")
        return found

    def _by_email(self, email: str) -> Json | None:
        return next((user for user in self._users.values() if user.get("email") == email), None)

    def _save(self) -> None:
        if self._file is not None:
            draft = self._file.with_name(f"{self._file.name}.tmp")
            with open(draft, "w", encoding="utf-8", opener=_owner_only) as out:
                json.dump(self._users, out)
            draft.replace(self._file)


def _endpoint(handle: Callable[[Json], Json]) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        try:
            body: Any = await request.json()
            if not isinstance(body, dict):
                raise AuthError("INVALID_ARGUMENT")
            return JSONResponse(handle(cast("Json", body)))
        except (AuthError, ValueError) as error:
            code = error.code if isinstance(error, AuthError) else "INVALID_ARGUMENT"
            shown = {"code": 400, "message": code, "errors": [{"message": code, "reason": "invalid"}]}
            return JSONResponse({"error": shown}, 400)

    return respond


def _claims_of(token: str) -> Json:
    """Return a JWT's claims, unverified."""
    parts = token.split(".")
    if len(parts) != 3:
        raise AuthError("INVALID_CUSTOM_TOKEN")
    text = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
    return cast("Json", json.loads(text))


def _encoded(content: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
