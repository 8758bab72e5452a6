"""Railway's address and the token: from the environment, else from the stack's config.

The address in the stack's config can only be one of Railway's own API. Any other address comes from the
environment: otherwise an edit of the stack's file would send the token to another server.

The environment comes first because a `pulumi refresh` or `destroy` without `--run-program` gives a provider
the config of the last `up`, in which a rotated token is the old one. Two tokens are an error, because Railway
accepts either. So is a token over unencrypted http to another machine. The token is not in `repr`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from railway.graphql.errors import CredentialsError, NoTokenError
from railway.validation import NUMBERS, endpoint, positive_number, railways_endpoint
from railway.validation import token as invalid_token
from user_errors import OR

ACCOUNT_TOKEN = "RAILWAY_API_TOKEN"  # noqa: S105  (a variable's name, not its value)
PROJECT_TOKEN = "RAILWAY_TOKEN"  # noqa: S105
WITHOUT_TOKEN = "RAILWAY_PREVIEW_WITHOUT_TOKEN"  # noqa: S105
TWO_TOKENS = f"{ACCOUNT_TOKEN} and {PROJECT_TOKEN} are both set, and may belong to different accounts"
TWO_TOKENS_FIX = (
    f"unset {PROJECT_TOKEN}  # to use the account or workspace token\n"
    f"{OR}unset {ACCOUNT_TOKEN}  # to use the project token"
)

HOW_TO_SET = (
    "create an account or workspace token at https://railway.com/account/tokens, then run:\n"
    "export RAILWAY_API_TOKEN=<token>\n"
    f"{OR}pulumi config set --secret railway:token  # asks for the token"
)

TokenKind = Literal["bearer", "project"]

DEFAULT_URL = "https://backboard.railway.com/graphql/v2"
CONFIGURED_URL_FIX = "pulumi config rm railway:apiUrl\nAnother address can only come from RAILWAY_API_URL."


@dataclass(frozen=True)
class Access:
    """Railway's address and the token.

    Args:
        url: the GraphQL endpoint.
        token: the token.
        kind: how it is sent; account and workspace tokens are "bearer".
        edge_url: where public domains are reached instead of https://<domain>; for a local server.
        timeout: seconds to wait for one response.
        wait_scale: factor for every waiting time.
    """

    url: str
    token: str = field(repr=False)
    kind: TokenKind
    edge_url: str | None = None
    timeout: float = 90.0
    wait_scale: float = 1.0


def tokens(environ: Mapping[str, str]) -> tuple[str, str]:
    """The account (or workspace) token and the project token of the environment, "" where not set."""
    return environ.get(ACCOUNT_TOKEN, "").strip(), environ.get(PROJECT_TOKEN, "").strip()


def previews_without_token(environ: Mapping[str, str]) -> bool:
    """Whether a preview without a token is meant: it compares with the state and sends Railway nothing."""
    return environ.get(WITHOUT_TOKEN, "").strip().lower() == "true"


def access_from(environ: Mapping[str, str], config: Callable[[str], object]) -> Access:
    """Read the address and the token.

    Args:
        environ: the process environment.
        config: reads a key of the stack's config; None if it is not set.

    Raises:
        NoTokenError: no token.
        CredentialsError: two tokens, an invalid token, or an address that would expose it.
    """

    def setting(name: str) -> str:
        return environ.get(name, "").strip()

    bearer, project = tokens(environ)
    if bearer and project:
        raise CredentialsError(TWO_TOKENS, fix=TWO_TOKENS_FIX)
    if not bearer and not project:
        bearer = str(config("railway:token") or "").strip()
    token = bearer or project
    if not token:
        raise NoTokenError(
            "no Railway token: neither RAILWAY_API_TOKEN nor RAILWAY_TOKEN is set", fix=HOW_TO_SET
        )
    if wrong := invalid_token(token):
        name = ACCOUNT_TOKEN if environ.get(ACCOUNT_TOKEN, "").strip() else PROJECT_TOKEN
        name = name if environ.get(name, "").strip() else "railway:token"
        raise CredentialsError(f"{name} {wrong}", fix=f"copy the token again into {name}")
    url = setting("RAILWAY_API_URL")
    if url and (wrong := endpoint(url)):
        fix = f"unset RAILWAY_API_URL\n{OR}export RAILWAY_API_URL={DEFAULT_URL}"
        raise CredentialsError(f"RAILWAY_API_URL {wrong}", fix=fix)
    configured = str(config("railway:apiUrl") or "").strip()
    if configured and (wrong := railways_endpoint(configured)):
        raise CredentialsError(f"railway:apiUrl of the stack {wrong}", fix=CONFIGURED_URL_FIX)
    edge_url = setting("RAILWAY_EDGE_URL")
    if edge_url and (wrong := endpoint(edge_url)):
        raise CredentialsError(f"RAILWAY_EDGE_URL {wrong}", fix="unset RAILWAY_EDGE_URL")
    return Access(
        url=url or configured or DEFAULT_URL,
        token=token,
        kind="bearer" if bearer else "project",
        edge_url=edge_url or None,
        timeout=_positive("RAILWAY_TIMEOUT_SECONDS", setting("RAILWAY_TIMEOUT_SECONDS"), 90.0),
        wait_scale=_positive("RAILWAY_WAIT_SCALE", setting("RAILWAY_WAIT_SCALE"), 1.0),
    )


def _positive(name: str, value: str, default: float) -> float:
    if not value:
        return default
    if wrong := positive_number(value, NUMBERS[name]):
        raise CredentialsError(f"{name} {wrong}", fix=f"unset {name}")
    return float(value)
