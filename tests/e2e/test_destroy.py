"""A stack is deleted the documented way, and in no other."""

from __future__ import annotations

import re
import shlex

import pytest

from components.destroy_guard import ALLOW
from sandbox import stack_state
from sandbox.supervisor import STACK
from tests.e2e.backend_only import make_app, put, rows
from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

REFUSED = {
    "with --ignore-protect": (["--ignore-protect"], {}),
    "with the confirmation, but a protected volume": ([], {ALLOW: STACK}),
    "with the confirmation and --ignore-protect": (["--ignore-protect"], {ALLOW: STACK}),
}


@pytest.fixture(scope="module")
def deployed(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A stack of a backend and rules."""
    put(stack, appDir=str(make_app(tmp_path_factory.mktemp("app") / "crm")), secrets=None)
    stack.up()
    return stack


@pytest.mark.parametrize(("options", "environ"), REFUSED.values(), ids=REFUSED)
def test_destroy_deletes_nothing(deployed: Stack, options: list[str], environ: dict[str, str]) -> None:
    before = [resource.urn for resource in stack_state.resources(deployed.sandbox, STACK)]
    done = deployed.pulumi("destroy", "--yes", "--skip-preview", *options, **environ)
    assert done.returncode != 0
    assert "Nothing was deleted" in done.stdout
    assert [resource.urn for resource in stack_state.resources(deployed.sandbox, STACK)] == before


def test_the_commands_of_the_error_destroy_the_stack_and_keep_the_volume(deployed: Stack) -> None:
    said = deployed.pulumi("destroy", "--yes", "--skip-preview").stdout
    unprotect = re.search(r"^ *pulumi (state unprotect .*)$", said, re.MULTILINE)
    assert unprotect, said
    done = deployed.sandbox.pulumi(*shlex.split(unprotect[1]))
    assert done.returncode == 0, done.stdout
    done = deployed.pulumi("destroy", "--yes", **{ALLOW: STACK})
    assert done.returncode == 0, done.stdout
    assert stack_state.resources(deployed.sandbox, STACK) == []
    assert len(rows(deployed, "volumes")) == 1
    assert len(rows(deployed, "projects")) == 1
