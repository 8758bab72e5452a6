"""The secrets that functions bind, against those that are configured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from checkout.endpoints import Endpoint
from settings.keys import NAMESPACE
from settings.model import SecretSettings
from settings.problems import Problem
from settings.reader import remove_command, set_command
from settings.rules import alternative_names
from user_errors import OR, add_fix

_KEY = f"{NAMESPACE}:secrets"


def used_secrets(endpoints: Sequence[Endpoint]) -> set[str]:
    """The names of the secrets that functions bind."""
    return {use.secret for endpoint in endpoints for use in endpoint.secrets}


def without_alternatives(
    settings: SecretSettings, endpoints: Sequence[Endpoint]
) -> tuple[tuple[Endpoint, ...], list[str]]:
    """The endpoints without the secrets that they can do without, and a warning for each of these secrets.

    An endpoint can do without a secret that is not configured if it also binds a configured one of the same
    item of `alternativeSecrets`.
    """
    removed: dict[tuple[str, str], dict[str, None]] = {}

    def reduced(endpoint: Endpoint) -> Endpoint:
        used = {use.secret for use in endpoint.secrets}
        absent: set[str] = set()
        for names in map(alternative_names, settings.alternatives):
            enough = [name for name in names if name in used and name in settings.values]
            for name in used.intersection(names) - set(settings.values) if enough else ():
                absent.add(name)
                removed.setdefault((name, enough[0]), {})[endpoint.id] = None
        return replace(endpoint, secrets=tuple(use for use in endpoint.secrets if use.secret not in absent))

    kept = tuple(reduced(endpoint) for endpoint in endpoints)
    warnings = [
        add_fix(
            f"{', '.join(users)}: deployed without the secret {name}, which is not configured: "
            f"{NAMESPACE}:alternativeSecrets says that {enough} is enough.",
            f"ignore this if it is intended\n{OR}{set_command('secrets', part=f'.{name}', secret=True)}",
            "    ",
        )
        for (name, enough), users in sorted(removed.items())
    ]
    return kept, warnings


def unconfigured(settings: SecretSettings, endpoints: Sequence[Endpoint]) -> list[Problem]:
    """A problem for each missing secret, and one for alternatives of which none is configured."""
    groups = [set(alternative_names(item)) for item in settings.alternatives]
    missing: dict[tuple[str, ...], dict[str, None]] = {}
    for endpoint in endpoints:
        names = {use.secret for use in endpoint.secrets}
        names -= {*settings.values, settings.backend_url_variable}
        for either in (tuple(sorted(names & group)) for group in groups):
            if len(either) > 1:
                missing.setdefault(either, {})[endpoint.id] = None
                names -= {*either}
        for name in names:
            missing.setdefault((name,), {})[endpoint.id] = None
    problems: list[Problem] = []
    for group, users in sorted(missing.items()):
        name, *others = group
        if others and any((one,) in missing for one in group):
            continue  # another function needs one of them, which is enough for these functions too
        also = f" (nor is {', '.join(others)}; one of them is enough)" if others else ""
        what = f"{', '.join(users)} {'use' if len(users) > 1 else 'uses'} the secret {name}, which is not "
        fix = set_command("secrets", part=f".{name}", secret=True) + _alternative(settings, endpoints, name)
        problems.append(Problem(key=_KEY, what=f"{what}configured{also}.", fix=fix))
    return problems


def _alternative(settings: SecretSettings, endpoints: Sequence[Endpoint], name: str) -> str:
    """How to say that a configured secret of the same kind, which its functions bind too, is enough."""
    bound = [names for endpoint in endpoints if name in (names := {use.secret for use in endpoint.secrets})]
    kind = name.partition("_")[2]
    for other in sorted(set.intersection(*bound) & set(settings.values)):
        if kind and other != name and other.partition("_")[2] == kind:
            command = set_command("alternativeSecrets", f"{name}|{other}", f"[{len(settings.alternatives)}]")
            return f"\n{OR}{command}  # if {other} is enough"
    return ""


def not_json(settings: SecretSettings, json_secrets: Mapping[str, str]) -> Iterator[Problem]:
    """Secrets that are declared as JSON and are not; `json_secrets` has the codebase of each name."""
    for name, where in sorted(json_secrets.items()):
        if name in settings.not_json:
            command = set_command("secrets", part=f".{name}", secret=True)
            what = f"{where} declares the secret {name} as JSON, but its value is not valid JSON."
            yield Problem(key=_KEY, what=what, fix=f"{command} < {name.lower()}.json")
        elif name == settings.backend_url_variable:
            what = f"{where} declares {name} as JSON, but the program sets it to the backend's address."
            yield Problem(key=where, what=what, fix=f'Declare it with defineSecret("{name}").')


def unused(settings: SecretSettings, endpoints: Sequence[Endpoint]) -> list[str]:
    """A warning for each secret that is configured and read by no function."""
    used = used_secrets(endpoints)
    return [
        add_fix(
            f"{_KEY}.{name} is configured, but no function uses it.",
            f"bind it in the code\n{OR}{remove_command('secrets', f'.{name}')}",
            "    ",
        )
        for name in settings.names
        if name not in used
    ]
