"""IAM Credentials: identity tokens of service accounts. Access tokens are not issued: any token is valid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.google.errors import invalid
from sandbox.google.hooks import service_accounts
from sandbox.google.running import tokens

if TYPE_CHECKING:
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json


def identity_token(request: ApiRequest) -> Json:
    """`generateIdToken`: a token with which the account calls a function."""
    account = service_accounts.find(request)
    audience = request.body.get("audience")
    if not audience:
        raise invalid("The audience must be given.", "audience")
    included = bool(request.body.get("includeEmail"))
    return {"token": tokens.issue(request.cloud, account["email"], audience, include_email=included)}


HANDLERS: dict[str, Handler] = {"iamcredentials.projects.serviceAccounts.generateIdToken": identity_token}
