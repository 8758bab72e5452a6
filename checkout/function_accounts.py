"""Which service accounts functions may run as: their own, or one of this project that the code names.

Refused, unless `allowedServiceAccounts` names them: accounts of other projects, and accounts of this project
that are known to have more rights than a function needs. A change of one line in the code would otherwise
give it the rights of whoever deploys. What rights another account of this project has is not known here.

`functionServiceAccounts` overrides what the code says: whoever adopts a production decides that a function
keeps its account for now.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from checkout.endpoints import Endpoint
from settings.keys import NAMESPACE
from settings.model import GoogleSettings
from settings.problems import Problem
from settings.reader import remove_command, set_command
from user_errors import OR

KEY = "allowedServiceAccounts"
KEPT = "functionServiceAccounts"
_DOMAIN = "iam.gserviceaccount.com"
# The names in docs/ci.md and components/identities.py, and the one that Firebase creates.
_PRIVILEGED: tuple[tuple[str, str], ...] = (
    (r"crm-deploy", "deploys production, and can grant itself any role"),
    (r"crm-read", "previews production, and can read its state"),
    (r"crm-backend", "is the account of the backend"),
    (r"crm-fn(?:-[0-9a-f]{8})?", "is chosen by the program, by the secrets that a function binds"),
    (r"firebase-adminsdk(?:-\w+)?", "can create tokens of every account of the project"),
)


def problems(endpoints: Iterable[Endpoint], google: GoogleSettings, where: str) -> list[Problem]:
    """A problem for each function that names an account which it may not use."""
    allowed = {full_email(one, google.project) for one in google.allowed_service_accounts}
    found: dict[str, Problem] = {}
    added: list[str] = []
    for endpoint in endpoints:
        if endpoint.service_account is None or place(endpoint) in google.function_accounts:
            continue
        email = full_email(endpoint.service_account, google.project)
        why = _refused(email, google.project)
        if why is None or email in allowed:
            continue
        added += [] if email in added else [email]
        number = len(google.allowed_service_accounts) + added.index(email)
        command = set_command(KEY, email, f"[{number}]")
        found.setdefault(
            endpoint.id,
            Problem(
                key=where,
                what=f"{endpoint.id}: runs as {email}, which {why}.",
                fix=f"Remove serviceAccount from {endpoint.id}, or name an account with the rights that it "
                f"needs\n{OR}{command}  # allows this account",
            ),
        )
    return list(found.values())


def unused(endpoints: Iterable[Endpoint], google: GoogleSettings) -> list[str]:
    """A warning for each allowed account that no function runs as."""
    used = {full_email(one.service_account, google.project) for one in endpoints if one.service_account}
    return [
        str(
            Problem(
                key=f"{NAMESPACE}:{KEY}",
                what=f"no function runs as {one}.",
                fix=remove_command(KEY, f"[{number}]"),
            )
        )
        for number, one in enumerate(google.allowed_service_accounts)
        if full_email(one, google.project) not in used
    ]


def place(endpoint: Endpoint) -> str:
    """A function in `functionServiceAccounts`: region/name."""
    return f"{endpoint.region}/{endpoint.id}"


def with_kept(endpoints: Iterable[Endpoint], google: GoogleSettings) -> tuple[Endpoint, ...]:
    """The endpoints with the accounts that `functionServiceAccounts` says."""
    return tuple(
        replace(one, service_account=google.function_accounts.get(place(one), one.service_account))
        for one in endpoints
    )


def kept_warnings(endpoints: Iterable[Endpoint], google: GoogleSettings) -> list[str]:
    """A warning while functions keep accounts, and one for each entry that names no function."""
    functions = {place(one) for one in endpoints}
    kept = sorted(functions & google.function_accounts.keys())
    found = [
        Problem(key=f"{NAMESPACE}:{KEPT}", what=f"there is no function {name}.", fix=remove)
        for name in sorted(google.function_accounts.keys() - functions)
        for remove in [remove_command(KEPT, f'["{name}"]')]
    ]
    if kept:
        what = (
            f"{len(kept)} functions keep the accounts that they had before the adoption, with all rights of "
            "these. `python -m ops adopt` names the roles that the code needs instead."
        )
        fix = f"{remove_command(KEPT)}  # once functionsRoles has these roles"
        found.append(Problem(key=f"{NAMESPACE}:{KEPT}", what=what, fix=fix))
    return [str(one) for one in found]


def full_email(account: str, project: str) -> str:
    """The e-mail; `name@` is an account of the project. Letter case does not matter to Google."""
    return (f"{account}{project}.{_DOMAIN}" if account.endswith("@") else account).lower()


def _refused(email: str, project: str) -> str | None:
    name, _, domain = email.partition("@")
    if domain == "appspot.gserviceaccount.com" or email.endswith("-compute@developer.gserviceaccount.com"):
        return "is a default account: it may be an editor of its whole project"
    if domain != f"{project}.{_DOMAIN}":
        return f"belongs to another project than {project}"
    return next((why for pattern, why in _PRIVILEGED if re.fullmatch(pattern, name)), None)
