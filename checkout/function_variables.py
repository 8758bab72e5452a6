"""The plain environment variables of functions: those of the Firebase CLI, and what the codebase reads.

Their sources, from weak to strong: the manifest, .env files, params, the config (`functionVariables`), the
platform.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from checkout import env_files, params
from checkout.endpoints import Endpoint, EventTrigger
from checkout.env_files import EnvFiles
from settings.keys import NAMESPACE
from settings.model import FunctionsSettings, GoogleSettings, Settings
from settings.parsing import did_you_mean
from settings.problems import Problem
from settings.reader import remove_command, set_command
from settings.variables import common_variables, looks_secret, own_variables
from user_errors import add_fix

KEY = "functionVariables"
# Names that .env files may have, although each function has another value; who sets it, for notes.
SET_BY_THE_PROGRAM = dict.fromkeys(env_files.SET_BY_THE_CLI, "the value that every function has")
# Of one function: the names and values of plain variables together (Cloud Run functions docs, "Size limits"),
# and all variables of a service (Cloud Run docs, "Maximum number of environment variables").
MAX_BYTES = 32_768
MAX_COUNT = 1000
_PLACEHOLDER_URL = "https://backend.invalid"  # the address while the code is loaded: none exists yet
_ADDRESS_BYTES = 300  # more than an address can have; it is known after Railway's deployment


def environment_variables(endpoint: Endpoint, google: GoogleSettings) -> dict[str, str]:
    """The variables whose values are known before the deployment."""
    project = google.project
    provided = {
        "EVENTARC_CLOUD_EVENT_SOURCE": (
            f"projects/{project}/locations/{endpoint.region}/services/{endpoint.id}"
        ),
        "FIREBASE_CONFIG": json.dumps(google.firebase_config),
        "FUNCTION_REGION": endpoint.region,
        "FUNCTION_TARGET": endpoint.entry_point.replace("-", "."),
        "GCLOUD_PROJECT": project,
        "LOG_EXECUTION_ID": "true",
    }
    if isinstance(endpoint.trigger, EventTrigger):
        provided["FUNCTION_SIGNATURE_TYPE"] = "cloudevent"
    return {**endpoint.environment, **provided}


def loading_environment(settings: Settings, files: EnvFiles) -> dict[str, str]:
    """The variables with which the code is loaded; a later source overrides an earlier one."""
    functions = settings.functions
    scalars = {
        name: params.as_text(value)
        for name, value in functions.params.items()
        if isinstance(value, str | bool | int | float)
    }
    return {
        settings.secrets.backend_url_variable: _PLACEHOLDER_URL,
        **_same_in_all(own_variables(functions.variables)),
        **files.values,
        **scalars,
        **common_variables(functions.variables),
    }


def _same_in_all(own: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The variables of single functions that have one value: the code is loaded once, for all functions."""
    values: dict[str, set[str]] = {}
    for variables in own.values():
        for name, value in variables.items():
            values.setdefault(name, set()).add(value)
    return {name: found.pop() for name, found in values.items() if len(found) == 1}


def limit_problems(endpoints: Sequence[Endpoint], google: GoogleSettings, where: str) -> list[Problem]:
    """Functions whose variables Google would reject."""
    problems: list[Problem] = []
    for endpoint in endpoints:
        variables = environment_variables(endpoint, google)
        size = sum(len(f"{name}{value}".encode()) for name, value in variables.items())
        count = len(variables) + len(endpoint.secrets)
        if endpoint.backend_variable is not None:
            size, count = size + _ADDRESS_BYTES, count + 1
        if size > MAX_BYTES:
            what = f"{endpoint.id}: its variables have {size} bytes; a function can have {MAX_BYTES}."
            fix = f"Move values of {endpoint.id} to Firestore, Cloud Storage or a secret."
            problems.append(Problem(key=where, what=what, fix=fix))
        elif count > MAX_COUNT:
            what = f"{endpoint.id}: has {count} variables and secrets; a function can have {MAX_COUNT}."
            problems.append(Problem(key=where, what=what, fix=f"Remove variables of {endpoint.id}."))
    return problems


def config_problems(
    settings: FunctionsSettings, endpoints: Sequence[Endpoint], declared: set[str]
) -> list[Problem]:
    """Variables of functions that do not exist, and those that are params."""
    problems: list[Problem] = []
    ids = sorted({endpoint.id for endpoint in endpoints})
    own = own_variables(settings.variables)
    for function in sorted(set(own) - set(ids)):
        what = f"there is no function {function}. {did_you_mean(function, ids)}".rstrip()
        fix = remove_command(KEY, f".{function}")
        problems.append(Problem(key=f"{NAMESPACE}:{KEY}", what=what, fix=fix))
    names = {name: f".{name}" for name in common_variables(settings.variables)}
    names |= {name: f".{function}.{name}" for function, found in own.items() for name in found}
    for name in sorted(set(names) & declared):
        what = f"{name} is a param of the functions."
        value = set_command("functionParams", "<string>", f".{name}")
        fix = f"{value}\n{remove_command(KEY, names[name])}"
        problems.append(Problem(key=f"{NAMESPACE}:{KEY}", what=what, fix=fix))
    return problems


def config_notes(settings: FunctionsSettings) -> list[str]:
    """Where the variables of the config are set."""
    parts = {"all functions": common_variables(settings.variables), **own_variables(settings.variables)}
    return [
        f"{NAMESPACE}:{KEY} sets {', '.join(sorted(found))} in {function}."
        for function, found in parts.items()
        if found
    ]


def param_notes(settings: FunctionsSettings, declared: Sequence[str], where: str) -> list[str]:
    """Which params of a codebase the config sets; those of .env files are among the variables of the file."""
    names = sorted(set(settings.params) & set(declared))
    return [f"{NAMESPACE}:functionParams sets {', '.join(names)} in {where}."] if names else []


def env_file_notes(files: EnvFiles, where: str, overriding: Mapping[str, str]) -> list[str]:
    """Which variables each .env file sets, and which are overridden; `overriding` is by name."""
    notes = [f"{where}/.env.local is read by the emulators only."] if files.for_emulators else []
    by_file: dict[str, list[str]] = {}
    for name, file in sorted(files.sources.items()):
        if name in overriding:
            notes.append(f"{name} in {file} is overridden by {overriding[name]}.")
        else:
            by_file.setdefault(file, []).append(name)
    return [*(f"{file} sets {', '.join(names)}." for file, names in sorted(by_file.items())), *notes]


def env_file_warnings(files: EnvFiles, secrets: set[str]) -> list[str]:
    """Variables that usually hold a secret: plain variables are in the state, and anyone with access to the
    project sees them."""
    return [
        add_fix(
            f"{name} in {file} looks like a secret, but is deployed in plain text.",
            f"declare it with defineSecret, then:\n{set_command('secrets', part=f'.{name}', secret=True)}",
            "    ",
        )
        for name, file in sorted(files.sources.items())
        if looks_secret(name) and name not in secrets
    ]
