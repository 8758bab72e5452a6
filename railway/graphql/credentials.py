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
from urllib.parse import urlsplit

from railway.errors import CredentialsError

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

    bearer, project = environ.get("RAILWAY_API_TOKEN", "").strip(), environ.get("RAILWAY_TOKEN", "").strip()
    if bearer and project:
        raise CredentialsError(
            "RAILWAY_API_TOKEN and RAILWAY_TOKEN are both set; which one should act is not clear",
            next_step="unset one: RAILWAY_API_TOKEN is an account or workspace token, RAILWAY_TOKEN a "
            "project token",
        )
    if not bearer and not project:
        bearer = str(config("railway:token") or "").strip()
    token = bearer or project
    if not token:
        raise CredentialsError(
            "no Railway token: neither RAILWAY_API_TOKEN nor RAILWAY_TOKEN is set", next_step=_HOW
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise CredentialsError("the Railway token has a character that no token has", next_step=_HOW)
    url = setting("RAILWAY_API_URL", "railway:apiUrl") or DEFAULT_URL
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")  # no address at all
    loopback = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise CredentialsError(
            "RAILWAY_API_URL is not an https address; the token would travel in the clear",
            next_step=f"unset RAILWAY_API_URL, or set it to {DEFAULT_URL}",
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
        raise CredentialsError(f"{name} is not a number above 0", next_step=f"unset {name}")
    return number
