"""The rules of environment variables: tokens, credentials, addresses and time-outs, read and never kept.

An address comes from the environment, never from the stack's config: whoever can edit the stack's file could
send production's tokens to another server. No message contains a token or an address, because an address may
hold a password.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from railway.graphql.credentials import (
    ACCOUNT_TOKEN,
    PROJECT_TOKEN,
    TWO_TOKENS,
    TWO_TOKENS_FIX,
    previews_without_token,
    tokens,
)
from railway.validation import NUMBERS, endpoint, positive_number, railways_endpoint, token
from settings.files import is_file, text_of
from settings.keys import NAMESPACE
from settings.reader import ConfigReader, set_command
from settings.rules import add_variable, other_namespace
from user_errors import OR

SANDBOX_PROJECT = "crm-sandbox"
_ADDRESSES = ("RAILWAY_API_URL", "RAILWAY_EDGE_URL")
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy")
_GOOGLE_NAMESPACES = ("gcp", "google", "google-beta", "google-native")
# Keys of pulumi-gcp, in lower case and without underscores. A universe's domain is the host of all its APIs.
_GOOGLE_ADDRESS = re.compile(r".*customendpoint|universedomain")


def check_tokens(
    read: ConfigReader, environ: Mapping[str, str], *, project_id: str | None, workspace_id: str | None
) -> None:
    """Exactly one token for Railway, and a project or a workspace that it can work with."""
    account, project = tokens(environ)
    stored, is_secret = other_namespace("railway:token")
    for name, value, fix in (
        (ACCOUNT_TOKEN, account, f"export {ACCOUNT_TOKEN}=<a token from railway.com/account/tokens>"),
        (PROJECT_TOKEN, project, f"export {PROJECT_TOKEN}=<a token from the settings of the project>"),
        ("railway:token", stored.strip(), "pulumi config set --secret railway:token"),
    ):
        if value and (wrong := token(value)):
            add_variable(read, name, f"{wrong}.", fix)
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
            "revoke it in Railway's dashboard, then run:\npulumi config rm railway:token\n"
            "pulumi config set --secret railway:token",
        )
    if project_id is not None or "railwayProjectId" in read.invalid:
        return
    if project and not account:
        read.add(
            "railwayProjectId",
            f"is not set, but {PROJECT_TOKEN} is a project token, which cannot create a project.",
            set_command("railwayProjectId", "<project id>"),
        )
    elif workspace_id is None and "railwayWorkspaceId" not in read.invalid:
        read.add(
            "railwayWorkspaceId",
            "is required: the id of the workspace in which the Railway project is created. To adopt an "
            "existing project, set railwayProjectId instead.",
            set_command("railwayWorkspaceId", "<workspace id>"),
        )


def check_addresses(read: ConfigReader, environ: Mapping[str, str]) -> None:
    """Where requests and tokens go: from the environment only, and encrypted."""
    for name, value in sorted(environ.items()):
        if name not in _ADDRESSES and not _is_google_endpoint(name):
            continue
        if value.strip() and (wrong := endpoint(value.strip())):
            usual = "Google's" if _is_google_endpoint(name) else "Railway's"
            add_variable(read, name, f"{wrong}.", f"unset {name}\nThen {usual} own address is used.")
    for name in _PROXIES:
        if (value := environ.get(name, "")) and not _is_proxy(value):
            fix = f"unset {name}\n{OR}export {name}=http://HOST:PORT"
            add_variable(read, name, "is not the address of a proxy.", fix)
    for full in sorted({*CONFIG.get(), *get_config_env()}):
        namespace, _, name = full.partition(":")
        if full == "railway:apiUrl":
            value, _ = other_namespace(full)
            if wrong := railways_endpoint(value.strip()):
                what = f"{wrong}. The stack's file cannot send the token to another server."
                fix = f"pulumi config rm {full}\nAnother address can only come from RAILWAY_API_URL."
                add_variable(read, full, what, fix)
        elif namespace in _GOOGLE_NAMESPACES and _GOOGLE_ADDRESS.fullmatch(name.replace("_", "").lower()):
            what = (
                "sets the address of a Google API. The stack's file cannot send the token to another server."
            )
            fix = f"pulumi config rm {full}\nAnother address can only come from GOOGLE_..._CUSTOM_ENDPOINT."
            add_variable(read, full, what, fix)


def _is_google_endpoint(name: str) -> bool:
    return name.startswith("GOOGLE_") and name.endswith("_CUSTOM_ENDPOINT")


def _is_proxy(value: str) -> bool:
    """What `requests` accepts as a proxy: with or without a scheme, and perhaps with a password."""
    if not value.isascii() or not value.isprintable() or " " in value:
        return False
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        _ = parts.port
    except ValueError:
        return False
    return bool(parts.hostname)


def _without_token(environ: Mapping[str, str]) -> bool:
    return previews_without_token(environ) and pulumi.runtime.is_dry_run()


def check_google(read: ConfigReader, environ: Mapping[str, str], project: str) -> None:
    """Credentials for Google, unless every request goes to this machine."""
    sandboxed = any(_is_google_endpoint(name) and value for name, value in environ.items())
    access_token = environ.get("GOOGLE_OAUTH_ACCESS_TOKEN", "").strip()
    if access_token and (wrong := token(access_token)):
        fix = 'export GOOGLE_OAUTH_ACCESS_TOKEN="$(gcloud auth print-access-token)"'
        add_variable(read, "GOOGLE_OAUTH_ACCESS_TOKEN", f"{wrong}.", fix)
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
            f"unset GOOGLE_PROJECT\n{OR}{set_command('googleProject', other)}",
        )
    if not sandboxed and not _has_google_credentials(environ):
        what, fix = "there are no credentials for Google.", "gcloud auth application-default login"
        if environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
            what, fix = "names a file that does not exist.", f"unset GOOGLE_APPLICATION_CREDENTIALS && {fix}"
        add_variable(read, "GOOGLE_APPLICATION_CREDENTIALS", what, fix)


def _has_google_credentials(environ: Mapping[str, str]) -> bool:
    """Whether one of the places that google-auth looks in has credentials (google-auth docs, ADC)."""
    if environ.get("GOOGLE_OAUTH_ACCESS_TOKEN") or environ.get("GOOGLE_CREDENTIALS"):
        return True
    named = environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if named:
        return is_file(Path(named))
    home = environ.get("CLOUDSDK_CONFIG") or str(Path(environ.get("HOME", "/nonexistent")) / ".config/gcloud")
    if is_file(Path(home) / "application_default_credentials.json"):
        return True
    return is_google_machine()


def is_google_machine() -> bool:
    """Whether this is a machine of Google's, whose metadata server gives credentials to every process."""
    product = Path("/sys/class/dmi/id/product_name")
    return is_file(product) and "Google" in text_of(product)


def check_numbers(read: ConfigReader, environ: Mapping[str, str]) -> None:
    """Time-outs and factors are numbers with which a wait ends."""
    for name, most in NUMBERS.items():
        value = environ.get(name, "").strip()
        if value and (wrong := positive_number(value, most)):
            add_variable(read, name, f"{read.shown(name, value)} {wrong}.", f"unset {name}")
