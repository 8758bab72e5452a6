"""All tests use the stand-ins of the sandbox, also where Pulumi is installed. Every fix that a test renders
must have commands that can be pasted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

import user_errors
from sandbox.engine import toolchain
from tests import fix_form

# To run a test with the installed CLI and its plugins: SANDBOX_ENGINE=installed.
os.environ.setdefault(toolchain.ENGINE_VARIABLE, toolchain.BUILT)

# No deadlines: on a machine under load an example may take long to generate or to run.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")

_LONG = ("e2e", "acceptance", "engine", "security", "conformance", "sandbox", "rules")
"""The folders of the long files, longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files: workers that are done with one find short ones until the end."""
    items.sort(key=_layer)


def _layer(item: pytest.Item) -> int:
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    return _LONG.index(folder) if folder in _LONG else len(_LONG)


_lines_of = user_errors.lines_of
_rendered: dict[str, None] = {}
_checked: set[str] = set()


def _recorded(fix: str) -> list[str]:
    _rendered[fix] = None
    return _lines_of(fix)


user_errors.lines_of = _recorded


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Check the fixes that were first rendered in this test, unless its values are random text."""
    yield
    new = [fix for fix in _rendered if fix not in _checked]
    _rendered.clear()
    if item.get_closest_marker("random_text"):
        return
    _checked.update(new)
    found = [fault for fix in new for fault in fix_form.faults(fix)]
    commands = [line for fix in new for line in fix_form.commands(fix)]
    if not found and commands and (errors := fix_form.syntax_errors(commands)):
        found.append(errors)
    if found:
        pytest.fail("\n".join(["a fix has a command that cannot be pasted:", *found]))
