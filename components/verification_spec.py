"""What the program hands to `python -m ops verify`: the format, written and read in one place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from firebase.errors import JsonObject

SOURCE_VARIABLE = "SOURCE_ARCHIVE"
"""What a function was built from, as a variable of its build. Google copies an archive to a bucket of its own
and then names that copy instead (terraform-provider-google issue 15405), so nothing else that can be read
back says it, and a deployment past Pulumi takes it away."""


class SpecError(Exception):
    """The spec on stdin is not what the program writes."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """`declared` and `answered` of `components.verification`, as one."""

    project: str
    database: str
    functions: tuple[JsonObject, ...]
    release: str | None
    rules_digest: str | None
    health_path: str
    wait_seconds: float
    backend_url: str
    indexes: Mapping[str, str]
    secrets: Mapping[str, str]
    ruleset: str | None


def parse(declared: str, environ: Mapping[str, str]) -> Spec:
    """The spec from stdin and the environment.

    Raises:
        SpecError: not JSON, or a part is missing.
    """
    try:
        given, *functions = [json.loads(line) for line in declared.splitlines()]
        return Spec(
            project=given["project"],
            database=given["database"],
            functions=tuple(functions),
            release=given["release"],
            rules_digest=given["rules_digest"],
            health_path=given["health_path"],
            wait_seconds=float(given["wait_seconds"]),
            backend_url=json.loads(environ["VERIFY_BACKEND"])["url"],
            indexes=json.loads(environ["VERIFY_INDEXES"]),
            secrets=json.loads(environ["VERIFY_SECRETS"]),
            ruleset=json.loads(environ["VERIFY_RULESET"]) if given["release"] else None,
        )
    except json.JSONDecodeError as wrong:
        msg = f"expected what the program writes on stdin and in VERIFY_*, JSON: {wrong}"
        raise SpecError(msg) from None
    except (KeyError, TypeError, ValueError) as missing:
        msg = f"expected what the program writes on stdin and in VERIFY_*; missing: {missing}"
        raise SpecError(msg) from None
