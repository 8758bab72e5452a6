"""The rules of tokens, credentials and endpoints: environment variables, which are read and never kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pulumi

from railway.token_errors import (
    ACCOUNT_TOKEN,
    PROJECT_TOKEN,
    TWO_TOKENS,
    TWO_TOKENS_FIX,
    previews_without_token,
    tokens,
)
from railway.validation import endpoint
from settings.keys import NAMESPACE
from settings.reader import ConfigReader, set_command
from settings.rules import add_variable, other_namespace

SANDBOX_PROJECT = "crm-sandbox"


def check_tokens(
    read: ConfigReader, environ: Mapping[str, str], *, project_id: str | None, workspace_id: str | None
) -> None:
    """Exactly one token for Railway, and a project or a workspace that it can work with."""
    account, project = tokens(environ)
    stored, is_secret = other_namespace("railway:token")
    url = environ.get("RAILWAY_API_URL", "")
    if url and (wrong := endpoint(url)):
        fix = "unset RAILWAY_API_URL  (Railway's own address is the default)"
        add_variable(read, "RAILWAY_API_URL", f"{url} {wrong}.", fix)
    if account and project:
        add_variable(read, PROJECT_TOKEN, f"{TWO_TOKENS}.", TWO_TOKENS_FIX)
    elif not account and not project and not stored and not _without_token(environ):
        add_variable(
            read,
            ACCOUNT_TOKEN,
            "there is no token for Railway.",
            f"export {ACCOUNT_TOKEN}=<a token from railway.com/account/tokens>",
        )
    if stored and not is_secret:
        add_variable(
            read,
            "railway:token",
            "is a secret, but is stored in plain text.",
            "revoke it in Railway's dashboard, then run:\n    pulumi config rm railway:token\n"
            "    pulumi config set --secret railway:token",
        )
    if project_id is not None or "railwayProjectId" in read.invalid:
        return
    if project and not account:
        read.add(
            "railwayProjectId",
            f"is not set, but {PROJECT_TOKEN} is a project token, which cannot create a project.",
            set_command("railwayProjectId", "<id in the project's settings>"),
        )
    elif workspace_id is None and "railwayWorkspaceId" not in read.invalid:
        read.add(
            "railwayWorkspaceId",
            "is not set. The project is created in this workspace; to adopt an existing project, "
            "set railwayProjectId instead.",
            set_command("railwayWorkspaceId", "<id in the workspace's settings>"),
        )


def _without_token(environ: Mapping[str, str]) -> bool:
    return previews_without_token(environ) and pulumi.runtime.is_dry_run()


def check_google(read: ConfigReader, environ: Mapping[str, str], project: str) -> None:
    """Credentials for Google, unless every request goes to this machine."""
    sandboxed = any(
        name.startswith("GOOGLE_") and name.endswith("_CUSTOM_ENDPOINT") and value
        for name, value in environ.items()
    )
    if project == SANDBOX_PROJECT and not sandboxed:
        add_variable(
            read,
            "GOOGLE_FIRESTORE_CUSTOM_ENDPOINT",
            f"is not set, but {SANDBOX_PROJECT} is the project of the sandbox.",
            'eval "$(.venv/bin/python -m sandbox env)"',
        )
        return
    other = environ.get("GOOGLE_PROJECT", "")
    if other and project and other != project and "googleProject" not in read.invalid:
        add_variable(
            read,
            "GOOGLE_PROJECT",
            f"is {other}, but {NAMESPACE}:googleProject is {project}.",
            f"unset GOOGLE_PROJECT  (or {set_command('googleProject', other)})",
        )
    if not sandboxed and not _has_google_credentials(environ):
        add_variable(
            read,
            "GOOGLE_APPLICATION_CREDENTIALS",
            "there are no credentials for Google.",
            "gcloud auth application-default login",
        )


def _has_google_credentials(environ: Mapping[str, str]) -> bool:
    """Whether one of the places that google-auth looks in has credentials (google-auth docs, ADC)."""
    if environ.get("GOOGLE_OAUTH_ACCESS_TOKEN") or environ.get("GOOGLE_CREDENTIALS"):
        return True
    named = environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if named:
        return Path(named).is_file()
    home = environ.get("CLOUDSDK_CONFIG") or str(Path(environ.get("HOME", "/nonexistent")) / ".config/gcloud")
    if (Path(home) / "application_default_credentials.json").is_file():
        return True
    product = Path("/sys/class/dmi/id/product_name")  # on a Google machine the metadata server answers
    return product.is_file() and "Google" in product.read_text(encoding="utf-8", errors="replace")
