"""Google-signed identity tokens (OIDC), as the sandbox signs them: who calls a function.

Cloud Run accepts one whose audience is an address of the service, and that has not expired (Cloud Run docs,
"Authenticating service-to-service"). The key is created on first use and kept with the secrets.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.google.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Collection

    from sandbox.google.cloud import Cloud
    from sandbox.google.store import Json

ISSUER = "https://accounts.google.com"
SECONDS = 3600
_KEYS, _KEY = "keys", "oidc"


class TokenError(Exception):
    """The token is not one of the sandbox, has expired, or is for another audience."""


def _private_key(cloud: Cloud) -> str:
    known = cloud.secrets.get(_KEYS, _KEY)
    if known is None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        known = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        cloud.secrets.put(_KEYS, _KEY, known)
        cloud.commit()
    return cast("str", known)


def find_account(cloud: Cloud, email: str) -> Json:
    """Return a service account of any project.

    Raises:
        ApiError: NOT_FOUND.
    """
    for name in cloud.store.collections("iam/projects/"):
        found = cloud.store.get(name, email) if name.endswith("/serviceAccounts") else None
        if found is not None:
            return found
    raise ApiError("NOT_FOUND", f"Unknown service account: {email}")


def issue(cloud: Cloud, email: str, audience: str, *, include_email: bool = True) -> str:
    """Return an identity token of a service account.

    Raises:
        ApiError: NOT_FOUND: there is no such account.
    """
    unique = find_account(cloud, email)["uniqueId"]
    now = int(time.time())
    claims: Json = {"iss": ISSUER, "aud": audience, "azp": unique, "sub": unique}
    claims |= {"iat": now, "exp": now + SECONDS}
    if include_email:
        claims |= {"email": email, "email_verified": True}
    return jwt.encode(claims, _private_key(cloud), algorithm="RS256")


def account_of(cloud: Cloud, token: str, audiences: Collection[str]) -> str:
    """Return the email of the account that a token belongs to.

    Raises:
        TokenError: it is not valid for any of the audiences.
    """
    key = serialization.load_pem_private_key(_private_key(cloud).encode(), None)
    try:
        claims = jwt.decode(
            token,
            cast("rsa.RSAPrivateKey", key).public_key(),
            algorithms=["RS256"],
            audience=list(audiences),
            issuer=ISSUER,
        )
    except jwt.InvalidTokenError as error:
        raise TokenError(str(error)) from error
    for name in cloud.store.collections("iam/projects/"):
        if name.endswith("/serviceAccounts"):
            for email, account in cloud.store.items(name):
                if account["uniqueId"] == claims["sub"]:
                    return email
    raise TokenError("the account of this token has been deleted")
