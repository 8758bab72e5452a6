"""Every error that `railway/` constructs has a fix, and every problem that a provider reports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import railway
from railway.fields import FieldProblem
from railway.graphql import errors
from railway.graphql.errors import RailwayError, RequestError, StatusUnknownError
from railway.provider import with_fix
from railway.variables import check_sealed

pytestmark = pytest.mark.unit

PACKAGE = Path(railway.__file__).parent
ERRORS = {
    name
    for name, found in vars(errors).items()
    if isinstance(found, type) and issubclass(found, RailwayError) and found is not RailwayError
}
WITH_OWN_FIX = {"StatusUnknownError": "its constructor writes the fix, see the test below"}


def constructions() -> Iterator[tuple[str, ast.Call]]:
    """Every call of an error class in the package, with its place.

    A call through a variable (`error_type(...)` in `responses.py`) is covered by the tests of `error_of`.
    """
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS:
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}: {node.func.id}", node


def test_every_error_is_constructed_with_a_fix() -> None:
    """`fix=` is present, and is not an empty string."""
    without: list[str] = []
    seen = 0
    for place, call in constructions():
        seen += 1
        if place.rpartition(" ")[2] in WITH_OWN_FIX:
            continue
        fix = next((one.value for one in call.keywords if one.arg == "fix"), None)
        if fix is None or (isinstance(fix, ast.Constant) and not fix.value):
            without.append(place)
    assert seen > 50
    assert without == []


def test_an_unknown_status_has_a_fix_of_its_own() -> None:
    failure = RequestError("DeploymentPoll", "no connection")
    continues = (
        "The deployment continues on Railway; the next up reads its result before it starts another one"
    )
    assert StatusUnknownError("d-1", failure).fix == f"run pulumi up again. {continues}"
    failure = RequestError("DeploymentPoll", "no connection", fix="run `pulumi up` again; it reads first")
    assert StatusUnknownError("d-1", failure).fix == f"run pulumi up again. {continues}"
    failure = RequestError("DeploymentPoll", "Not Authorized", fix="check the token")
    assert StatusUnknownError("d-1", failure).fix.splitlines() == [
        "check the token",
        f"Then run pulumi up again. {continues}.",
    ]


@pytest.mark.parametrize(
    ("declared", "fix"),
    [
        ({}, "fix: set volume_name to <value> in the program"),
        ({"config_keys": {"volume_name": "shop:volume"}}, "fix: pulumi config set shop:volume <value>"),
    ],
)
def test_a_problem_without_a_fix_gets_one(declared: dict[str, object], fix: str) -> None:
    problem = FieldProblem("volume_name", "has 33 characters; Railway allows 32")
    assert with_fix(problem, declared) == f"{problem.reason}\n  {fix}"


def test_the_fix_of_a_problem_is_kept() -> None:
    problem = FieldProblem("size_mb", "a volume cannot shrink\n  fix: set size_mb to 50000 in the program")
    assert with_fix(problem, {}) == problem.reason


@pytest.mark.parametrize(("name", "declarable"), [("LOG_LEVEL", True), ("log.level", False)])
def test_a_variable_whose_name_has_a_dot_is_not_to_be_declared(name: str, declarable: bool) -> None:
    """As a part of a path, it would be an object in an object."""
    props = {"config_keys": {"variables": "shop:variables"}}
    with pytest.raises(errors.RefusedError) as refused:
        check_sealed(["KEY"], [name], props)
    assert f"fix: in Railway's dashboard, delete {name}" in str(refused.value)
    assert ("pulumi config set" in str(refused.value)) == declarable
