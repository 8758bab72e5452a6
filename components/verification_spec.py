"""What the program hands to `python -m ops verify`, written and read here.

What the program knows by itself is text for stdin, one JSON value per line: a preview shows the lines that
changed. What only the clouds know is one environment variable per field: an unknown value in the text would
make all of it unknown in a preview. Nothing of it is secret, since Pulumi keeps it in the state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pulumi

SOURCE_VARIABLE = "SOURCE_ARCHIVE"
"""The build variable of a function that names its source archive. Google copies the archive and returns the
name of the copy (terraform-provider-google issue 15405), so the function itself does not say what it was
built from. A deployment by another tool removes the variable."""


class SpecError(Exception):
    """The text or the variables are not what the program writes."""


@dataclass(frozen=True, kw_only=True)
class Function:
    """A declared function. `digest` changes with each property, so that a change is verified."""

    id: str
    region: str
    source: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What the program knows by itself. `release` and `rules_digest` are None for an app without rules."""

    project: str
    database: str
    release: str | None
    rules_digest: str | None
    health_path: str
    wait_seconds: float
    functions: tuple[Function, ...]

    def to_lines(self) -> str:
        """The text for stdin: the first line has all fields but the functions, which follow one per line."""
        head = asdict(self)
        return "\n".join(json.dumps(line) for line in (head, *head.pop("functions")))


@dataclass(frozen=True, kw_only=True)
class Spec(Declared):
    """All that is verified. `indexes` has full names by key, `secrets` has versions by name.

    `deployment` is Railway's id; a new one makes the verification run again.
    """

    backend_url: str
    deployment: str
    indexes: Mapping[str, str]
    secrets: Mapping[str, str]
    ruleset: str | None


_LIVE = tuple(Spec.__annotations__)  # without the fields of Declared


def environment(**values: pulumi.Input[Any]) -> dict[str, pulumi.Output[str]]:
    """The environment variables for the fields that `Spec` adds to `Declared`."""
    return {_variable(name): pulumi.Output.json_dumps(values[name], sort_keys=True) for name in _LIVE}


def from_lines(lines: str, environ: Mapping[str, str]) -> Spec:
    """The spec from stdin and the environment.

    Raises:
        SpecError: something is missing or not JSON.
    """
    try:
        head, *functions = [json.loads(line) for line in lines.splitlines()]
        live = {name: json.loads(environ[_variable(name)]) for name in _LIVE}
        return Spec(**head, **live, functions=tuple(Function(**function) for function in functions))
    except (KeyError, TypeError, ValueError) as error:
        msg = f"stdin and the variables VERIFY_* are not what the program writes: {error!r}"
        raise SpecError(msg) from None


def _variable(name: str) -> str:
    return f"VERIFY_{name.upper()}"
