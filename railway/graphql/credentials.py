"""Where Railway is and how we prove who we are: the environment first, then the stack's config.

The environment goes first because a plain `pulumi refresh` or `destroy` hands a provider the config
recorded with the last `up`, so a rotated token there would be the old one. Refuses two tokens at once
(which one acts would be a matter of luck), a token over plain http to another machine, and keeps the
token out of `repr`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from railway.errors import CredentialsError
from railway.validation import TWO_TOKENS, TWO_TOKENS_FIX, endpoint, tokens

DEFAULT_URL = "https://backboard.railway.com/graphql/v2"

TokenKind = Literal["bearer", "project"]

_HOW = (
    "make a token at https://railway.com/account/tokens and set RAILWAY_API_TOKEN to it (account or "
    "workspace token), or run: pulumi config set --secret railway:token <token>"
)


@dataclass(frozen=True)
class Access:
    """Address and proof.

    Args:
        url: the GraphQL endpoint.
        token: the token itself.
        kind: how it is sent; account and workspace tokens are "bearer".
        edge_url: where public domains are reached instead of https://<domain>; for the sandbox.
        timeout: seconds to wait for one answer.
        wait_scale: what every waiting time is multiplied with.
        allow_new_volume: whether the person said that a lost volume may be replaced by an empty one.
    """

    url: str
    token: str = field(repr=False)
    kind: TokenKind
    edge_url: str | None = None
    timeout: float = 90.0
    wait_scale: float = 1.0
    allow_new_volume: bool = False


def access_from(environ: Mapping[str, str], config: Callable[[str], object]) -> Access:
    """Read address and token.

    Args:
        environ: the process environment.
        config: looks a stack config key up, None if it is not set; a key without a namespace is the
            program's.

    Raises:
        CredentialsError: no token, two tokens, a token that is no header value, or an address that would
            show it.
    """

    def setting(name: str, key: str | None = None) -> str:
        value = environ.get(name, "").strip()
        if not value and key is not None:
            value = str(config(key) or "").strip()
        return value

    bearer, project = tokens(environ)
    if bearer and project:
        raise CredentialsError(TWO_TOKENS, fix=TWO_TOKENS_FIX)
    if not bearer and not project:
        bearer = str(config("railway:token") or "").strip()
    token = bearer or project
    if not token:
        raise CredentialsError(
            "no Railway token: neither RAILWAY_API_TOKEN nor RAILWAY_TOKEN is set", fix=_HOW
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise CredentialsError("the Railway token has a character that no token has", fix=_HOW)
    url = setting("RAILWAY_API_URL", "railway:apiUrl") or DEFAULT_URL
    if wrong := endpoint(url):
        raise CredentialsError(
            f"RAILWAY_API_URL {wrong}", fix=f"unset RAILWAY_API_URL, or set it to {DEFAULT_URL}"
        )
    return Access(
        url=url,
        token=token,
        kind="bearer" if bearer else "project",
        edge_url=setting("RAILWAY_EDGE_URL") or None,
        timeout=_positive("RAILWAY_TIMEOUT_SECONDS", setting("RAILWAY_TIMEOUT_SECONDS"), 90.0),
        wait_scale=_positive("RAILWAY_WAIT_SCALE", setting("RAILWAY_WAIT_SCALE"), 1.0),
        allow_new_volume=str(config("allowNewVolume") or "").lower() == "true",
    )


def _positive(name: str, value: str, default: float) -> float:
    if not value:
        return default
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if number <= 0:
        raise CredentialsError(f"{name} is not a number above 0", fix=f"unset {name}")
    return number


ABOVE_AN_ENVIRONMENT = {
    "ProjectsFind": "look for projects",
    "TokenWorkspaces": "look for workspaces",
    "ProjectCreate": "make a project",
    "ProjectUpdate": "change a project",
    "ProjectDelete": "delete a project",
    "EnvironmentCreate": "make an environment",
    "EnvironmentRename": "rename an environment",
    "EnvironmentDelete": "delete an environment",
}
"""The operations that no project token may do, by name."""


def token_advice(operation: str, message: str, kind: TokenKind) -> str:
    """What to do after Railway refused a token.

    Args:
        operation: the operation name.
        message: Railway's words.
        kind: how the token was sent.
    """
    if kind == "project":
        return _project_token(operation, message)
    if operation == "EnvironmentCreate":
        return (
            "use an account token in RAILWAY_API_TOKEN: Railway lets not every workspace token make "
            "environments; or make the environment in Railway's dashboard under the declared name, and run "
            "`pulumi up` again: it is taken as it is"
        )
    return (
        "check that the token (RAILWAY_API_TOKEN, else railway:token of the stack) is alive and belongs to "
        "the workspace of this project; a workspace token sees its own workspace only, an account token all "
        "of its owner's; a project token goes into RAILWAY_TOKEN instead"
    )


def _project_token(operation: str, message: str) -> str:
    if "token not found" in message.lower():
        return (
            "RAILWAY_TOKEN is no living project token: make one in the project's settings on Railway, under "
            "Tokens; an account or workspace token goes into RAILWAY_API_TOKEN instead"
        )
    task = ABOVE_AN_ENVIRONMENT.get(operation)
    if task is not None:
        # It sees no other environment, so that the declared one may well be there.
        there = operation == "EnvironmentCreate"
        other = "; or take a project token of that environment, if it exists already" if there else ""
        return (
            f"RAILWAY_TOKEN is a project token, and no project token may {task}: unset it, and set "
            f"RAILWAY_API_TOKEN to an account token or to a token of the project's workspace{other}"
        )
    return (
        "RAILWAY_TOKEN is a project token: it works inside its own environment only. Take one of this "
        "project and environment (project settings on Railway, Tokens); or unset it, and set "
        "RAILWAY_API_TOKEN to an account token or to a token of the project's workspace"
    )
