"""Functions that the program leaves as they are (`unmanagedFunctions`): what a preview says about them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from checkout.endpoints import Endpoint, Unmanaged
from checkout.manifest import UNMANAGED
from checkout.secret_use import used_secrets
from settings.keys import NAMESPACE
from settings.parsing import did_you_mean
from settings.reader import remove_command
from user_errors import add_fix

_KEY = f"{NAMESPACE}:{UNMANAGED}"


def notes(functions: Sequence[Unmanaged]) -> list[str]:
    """One note that lists all of them with their reasons."""
    lines = [f"{one.name} ({one.kind}): {one.reason}" for one in functions]
    head = f"{_KEY}: these functions are neither deployed nor deleted:"
    return ["\n    ".join((head, *lines))] if lines else []


def unused(
    configured: Mapping[str, str], functions: Sequence[Unmanaged], endpoints: Sequence[Endpoint]
) -> Iterator[str]:
    """A warning for each configured name that is not the one of an unsupported function."""
    managed = {name for one in endpoints for name in (one.id, f"{one.region}/{one.id}")}
    for name in sorted(set(configured) - {one.setting for one in functions}):
        own = f"{_KEY} names {name}"
        if any(one.id == name or one.name == name for one in functions):
            what = f"{own} twice, with and without a region."
        elif name in managed:
            what = f"{own}, which the program supports and deploys."
        else:
            names = sorted({text for one in functions for text in (one.id, one.name)})
            what = f"{own}, which no codebase declares. {did_you_mean(name, names)}".rstrip()
        yield add_fix(what, remove_command(UNMANAGED, f'["{name}"]'), "    ")


def lost_secrets(
    functions: Sequence[Unmanaged], managed: Collection[str], endpoints: Sequence[Endpoint]
) -> Iterator[str]:
    """A warning for each secret of the program that such a function reads.

    Only the functions of the program can read it after `pulumi up`, and its earlier versions are disabled.

    Args:
        functions: the functions that are left as they are.
        managed: the secrets of the program.
        endpoints: the functions of the program.
    """
    used = used_secrets(endpoints)
    for secret in sorted(set(managed) & {name for one in functions for name in one.secrets}):
        readers = ", ".join(one.name for one in functions if secret in one.secrets)
        fix = f"bind a secret of another name in the code of {readers}, and deploy with firebase-tools"
        if secret not in used:
            fix = f"leave the secret to them:\n{remove_command('secrets', f'.{secret}')}"
        yield add_fix(
            f"{readers} reads the secret {secret}, which is the program's: after `pulumi up` only functions "
            "of the program can read it, and its earlier versions are disabled.",
            fix,
            "    ",
        )
