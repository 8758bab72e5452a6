"""The input of `python -m ops verify`: how the program writes it, and how the command reads it.

Declared values are text for stdin, one JSON value per line: a preview shows the lines that changed. Values
that come from the clouds are one environment variable per field: an unknown value in the text would make all
of it unknown in a preview. Nothing of it is secret, since Pulumi keeps it in the state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pulumi

from user_errors import add_fix

SOURCE_VARIABLE = "SOURCE_ARCHIVE"
"""The build variable of a function that names its source archive. Google copies the archive and returns the
name of the copy (terraform-provider-google issue 15405), so no field of the function names the archive that
it was built from. A deployment by another tool removes the variable."""


class SpecError(Exception):
    """The input is incomplete or not JSON."""


@dataclass(frozen=True, kw_only=True)
class Function:
    """A declared function. `digest` changes with each property, so that a change is verified."""

    id: str
    region: str
    source: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What the program declares, and the name of its stack, for commands in messages.

    `release` and `rules_digest` are None for an app without rules of Firestore; `other_digests` has the
    digests of other databases' and of buckets' rules by release. `never_delete` and `allow_client_deletes`
    are the settings of that name.
    """

    stack: str
    project: str
    database: str
    release: str | None
    rules_digest: str | None
    never_delete: Sequence[str]
    allow_client_deletes: Mapping[str, str]
    health_path: str
    wait_seconds: float
    functions: tuple[Function, ...]
    other_digests: Mapping[str, str] = field(default_factory=dict[str, str])

    def to_lines(self) -> str:
        """The text for stdin: the first line has all fields but the functions, which follow one per line."""
        head = asdict(self)
        return "\n".join(json.dumps(line) for line in (head, *head.pop("functions")))


@dataclass(frozen=True, kw_only=True)
class Spec(Declared):
    """All that is verified. `indexes` has full names by key, `secrets` has versions by name,
    `other_rulesets` the rulesets of other databases and of buckets by release, `other_indexes` the full names
    of other databases' indexes by key, by database.

    `deployment` is Railway's id; a new one makes the verification run again.
    """

    backend_url: str
    deployment: str
    indexes: Mapping[str, str]
    secrets: Mapping[str, str]
    ruleset: str | None
    other_rulesets: Mapping[str, str] = field(default_factory=dict[str, str])
    other_indexes: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])


_FROM_THE_CLOUDS = tuple(Spec.__annotations__)  # without the fields of Declared
_LATER = (
    "other_rulesets",
    "other_indexes",
)  # that the state of an earlier version of the program does not have


def environment_variables(**values: pulumi.Input[Any]) -> dict[str, pulumi.Output[str]]:
    """The environment variables for the fields that `Spec` adds to `Declared`."""
    return {
        _variable(name): pulumi.Output.json_dumps(values[name], sort_keys=True) for name in _FROM_THE_CLOUDS
    }


def from_lines(lines: str, environ: Mapping[str, str]) -> Spec:
    """The spec from stdin and the environment.

    Raises:
        SpecError: something is missing or not JSON.
    """
    try:
        head, *functions = [json.loads(line) for line in lines.splitlines()]
        names = [name for name in _FROM_THE_CLOUDS if name not in _LATER or _variable(name) in environ]
        found = {name: json.loads(environ[_variable(name)]) for name in names}
        return Spec(**head, **found, functions=tuple(Function(**function) for function in functions))
    except KeyError as error:
        raise _error(f"{error.args[0]} is missing") from None
    except (TypeError, ValueError):
        raise _error("stdin or a variable VERIFY_* is incomplete or not JSON") from None


def _error(why: str) -> SpecError:
    return SpecError(
        add_fix(
            f"the verification input is invalid ({why})", ".venv/bin/python -m ops verify --stack <stack>"
        )
    )


def _variable(name: str) -> str:
    return f"VERIFY_{name.upper()}"
