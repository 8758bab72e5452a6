"""Names of environment variables: which ones exist, which are reserved in functions, which hold secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping

FunctionVariables = Mapping[str, str | Mapping[str, str]]
"""Name -> value of a variable of all functions, or name of a function -> its variables."""

VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Set by the platform or the Firebase CLI (Cloud Run functions docs, "Reserved environment variables";
# firebase-tools 15.34, which rejects them in .env files).
_RESERVED = frozenset(
    {
        "CLOUD_RUNTIME_CONFIG", "ENTRY_POINT", "EVENTARC_CLOUD_EVENT_SOURCE", "FIREBASE_CONFIG",
        "FUNCTION_IDENTITY", "FUNCTION_MEMORY_MB", "FUNCTION_NAME", "FUNCTION_REGION",
        "FUNCTION_SIGNATURE_TYPE", "FUNCTION_TARGET", "FUNCTION_TIMEOUT_SEC", "FUNCTION_TRIGGER_TYPE",
        "GCLOUD_PROJECT", "GCP_PROJECT", "GOOGLE_CLOUD_PROJECT", "K_CONFIGURATION", "K_REVISION",
        "K_SERVICE", "LOG_EXECUTION_ID", "PORT",
    }
)  # fmt: skip
_RESERVED_PREFIXES = ("X_GOOGLE_", "FIREBASE_", "EXT_", "KIT_")
_NOT_RESERVED = re.compile(r"EXT_MIGRATED_SYSTEM_.+|EXT_SELECTED_EVENTS")
_SECRET_SHAPED = re.compile(r"(SECRET|PASSWORD|TOKEN|API_?KEY|PRIVATE_KEY|CREDENTIALS)", re.IGNORECASE)


def function_variable(value: object) -> str | None:
    """A variable that a function can have; otherwise what is wrong with the name."""
    name = str(value)
    if not VARIABLE_NAME.fullmatch(name):
        return "is not a variable name (letters, digits, _; no digit first)"
    reserved = name in _RESERVED or name.startswith(_RESERVED_PREFIXES)
    if reserved and not _NOT_RESERVED.fullmatch(name):
        return "is reserved: Google sets it or rejects it"
    return None


def common_variables(variables: FunctionVariables) -> dict[str, str]:
    """The variables of all functions."""
    return {name: value for name, value in variables.items() if isinstance(value, str)}


def own_variables(variables: FunctionVariables) -> dict[str, Mapping[str, str]]:
    """The variables of single functions, by the function's name."""
    return {name: value for name, value in variables.items() if not isinstance(value, str)}


def looks_secret(name: str) -> bool:
    """Whether a variable of this name usually holds a secret."""
    return _SECRET_SHAPED.search(name) is not None
