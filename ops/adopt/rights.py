"""The service accounts of functions and backend: today's and the declared ones, each with its roles.

What the code calls is compared with the roles that its account will have, because a missing role is noticed
at run time only. Accounts that stay the same are not compared: nothing changes for their code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from components.google import account_email, member
from components.identities import BACKEND_ACCOUNT, FUNCTIONS_ACCOUNT
from firebase.errors import JsonObject
from ops.adopt import code_uses
from ops.adopt.code_uses import TOKEN_CREATOR, Use
from ops.adopt.google import ACCOUNT_MEMBER, ARCHIVE, ENQUEUERS, FUNCTION, PROJECT_MEMBER
from ops.adopt.live import Live
from ops.adopt.model import Declared
from ops.adopt.proposals import Proposal
from ops.stack import PROJECT
from settings.reader import set_command
from user_errors import add_fix

_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Right:
    """The account of some functions, or of the backend.

    Args:
        functions: the functions, as region/name; empty for the backend.
        old: today's account; "" if there is none, or it is not known.
        old_roles: its roles in the project; None if they may not be read.
        new: the declared account.
        new_roles: the roles that it will have, those of today included.
        missing: what the code calls and none of these roles allows.
    """

    functions: tuple[str, ...] = ()
    old: str
    old_roles: tuple[str, ...] | None
    new: str
    new_roles: tuple[str, ...]
    missing: tuple[Use, ...] = ()

    @property
    def who(self) -> str:
        """The functions, or the backend."""
        if not self.functions:
            return "backend"
        shown = [one.rpartition("/")[2] for one in self.functions[:_SHOWN]]
        more = len(self.functions) - len(shown)
        return f"functions {', '.join(shown)}" + (f" and {more} more" if more else "")


def look(declared: Sequence[Declared], live: Live, backend: str) -> list[Right]:
    """The accounts, those of the functions first.

    Args:
        declared: every resource of the program.
        live: the Google project.
        backend: today's account of the backend; "" if it is not known.

    Raises:
        GoogleError: a list could not be read.
    """
    used = _used(declared)
    groups: dict[tuple[str, str], dict[str, set[Use]]] = {}
    for one in declared:
        if one.type == FUNCTION:
            place = f"{one.inputs['location']}/{one.inputs['name']}"
            today = live.functions.get((str(one.inputs["location"]), str(one.inputs["name"])))
            old = _account(today) if today is not None else ""
            build = _block(one.inputs, "buildConfig")
            source = _block(_block(build, "source"), "storageSource").get("object")
            groups.setdefault((old, _account(one.inputs)), {})[place] = used.get(str(source), set())
    roles = _Roles(declared, live)
    found = [
        Right(
            functions=tuple(sorted(functions)),
            old=old,
            old_roles=roles.today(old),
            new=new,
            new_roles=roles.later(new),
            missing=() if old == new else roles.missing(new, set[Use]().union(*functions.values())),
        )
        for (old, new), functions in sorted(groups.items())
    ]
    new = account_email(BACKEND_ACCOUNT, live.project)
    if backend or any(
        one.type == PROJECT_MEMBER and one.inputs.get("member") == member(new) for one in declared
    ):
        found.append(Right(old=backend, old_roles=roles.today(backend), new=new, new_roles=roles.later(new)))
    return found


class _Roles:
    """The roles of accounts in the project, today and after the next `up`."""

    def __init__(self, declared: Iterable[Declared], live: Live) -> None:
        self._live = live
        self._declared: dict[str, set[str]] = {}
        self._elsewhere: dict[str, set[str]] = {}  # roles on a thing of the program only, by member
        for one in declared:
            who, role = str(one.inputs.get("member")), str(one.inputs.get("role"))
            if one.type == PROJECT_MEMBER:
                self._declared.setdefault(who, set()).add(role)
            elif one.type == ACCOUNT_MEMBER and role == TOKEN_CREATOR:
                self._elsewhere.setdefault(who, set()).add(role)
            elif one.type == ENQUEUERS:
                for each in cast("list[str]", one.inputs.get("members") or []):
                    self._elsewhere.setdefault(each, set()).add(role)

    def today(self, email: str) -> tuple[str, ...] | None:
        roles = self._live.project_roles
        if roles is None:
            return None
        return tuple(sorted(role for role, members in roles.items() if member(email) in members))

    def later(self, email: str) -> tuple[str, ...]:
        return tuple(sorted({*(self.today(email) or ()), *self._declared.get(member(email), ())}))

    def missing(self, email: str, used: Iterable[Use]) -> tuple[Use, ...]:
        roles = {*self.later(email), *self._elsewhere.get(member(email), ())}
        return tuple(sorted((use for use in used if not use.allowed(roles)), key=code_uses.USES.index))


def lines(found: Sequence[Right], project: str, functions_roles: Sequence[str]) -> Iterator[str]:
    """The section of the report.

    Args:
        found: the accounts.
        project: the Google project's id.
        functions_roles: the setting `functionsRoles` of the stack's file; empty if the file does not set it.
    """
    for one in found:
        change = one.new if one.old == one.new else f"{one.old or '(not known)'} -> {one.new}"
        if one.functions and not one.old:
            change = f"{one.new} (new functions)"
        yield f"  {one.who}: {change}"
        if one.old and one.old != one.new:
            yield f"    roles today: {_shown(one.old_roles)}"
        yield f"    roles after the `up`: {_shown(one.new_roles)}"
        for use in one.missing:
            what = (
                f"    fails at run time: the code calls {use.what}, which no role of the new account allows"
            )
            yield add_fix(what, _fix(one, use, project, found, functions_roles), "      ")


def _fix(one: Right, use: Use, project: str, found: Sequence[Right], functions_roles: Sequence[str]) -> str:
    own = one.new.partition("@")[0].startswith(FUNCTIONS_ACCOUNT)
    if own and use.role == TOKEN_CREATOR:
        return set_command("functionsMayCreateTokens", "true")
    if own:
        return "\n".join(
            proposal.command
            for proposal in roles_to_add(found, functions_roles)
            if proposal.value == use.role or proposal.value in _DEFAULT
        )
    if use.role == TOKEN_CREATOR:
        grant = f"gcloud iam service-accounts add-iam-policy-binding {one.new} --project {project}"
    else:
        grant = f"gcloud projects add-iam-policy-binding {project}"
    return f"{grant} --member {member(one.new)} --role {use.role}"


_DEFAULT = ("roles/datastore.user",)
"""The default of `functionsRoles`, which a value in the stack's file replaces."""


def roles_to_add(found: Sequence[Right], functions_roles: Sequence[str]) -> list[Proposal]:
    """Items of `functionsRoles` for what the code calls; a list that the file does not set starts empty."""
    roles = [
        use.role
        for use in code_uses.USES
        if use.role != TOKEN_CREATOR and any(use in one.missing for one in found)
    ]
    before = () if functions_roles or not roles else _DEFAULT
    added = [*before, *(role for role in roles if role not in before)]
    return [
        Proposal(
            key="functionsRoles",
            part=f"[{len(functions_roles) + number}]",
            value=role,
            reason="the code of the functions needs it",
        )
        for number, role in enumerate(added)
    ]


def keep_accounts(found: Sequence[Right]) -> list[Proposal]:
    """Config with which each function keeps the account that it has today."""
    return [
        Proposal(
            key="functionServiceAccounts",
            part=f'["{function}"]',
            value=one.old,
            reason="the function keeps its account, and its rights",
        )
        for one in found
        if one.old and one.old != one.new
        for function in one.functions
    ]


def document(found: Sequence[Right]) -> list[JsonObject]:
    """The accounts for the report's JSON."""
    return [
        {
            "functions": list(one.functions),
            "old": one.old,
            "oldRoles": None if one.old_roles is None else list(one.old_roles),
            "new": one.new,
            "newRoles": list(one.new_roles),
            "missing": [{"service": use.what, "role": use.role} for use in one.missing],
        }
        for one in found
    ]


def _used(declared: Iterable[Declared]) -> dict[str, set[Use]]:
    """What the code of each source archive calls, by the archive's name."""
    found: dict[str, set[Use]] = {}
    for one in declared:
        path = _block(one.inputs, "source").get("path")
        if one.type == ARCHIVE and isinstance(path, str) and (PROJECT / path).is_file():
            found[str(one.inputs["name"])] = set(code_uses.uses(PROJECT / Path(path)))
    return found


def _account(function: Mapping[str, Any]) -> str:
    return str(_block(function, "serviceConfig").get("serviceAccountEmail") or "")


def _block(value: Mapping[str, Any], name: str) -> JsonObject:
    return cast("JsonObject", value.get(name) or {})


def _shown(roles: Sequence[str] | None) -> str:
    if roles is None:
        return "not known (the right resourcemanager.projects.getIamPolicy is missing)"
    return ", ".join(roles) or "none in the project"
