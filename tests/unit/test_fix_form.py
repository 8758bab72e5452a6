"""The form of the fixes, and the check of it that `tests/conftest.py` applies to each rendered fix."""

from __future__ import annotations

import pytest

from tests import fix_form
from user_errors import OR, add_fix

pytestmark = pytest.mark.unit


def test_labels_and_lines_are_aligned() -> None:
    fix = f"pulumi config set a b\n{OR}pulumi config rm a\nThe keys are listed in docs/settings.md."
    assert add_fix("a is wrong", fix, "    ").splitlines() == [
        "a is wrong",
        "    fix: pulumi config set a b",
        "    or:  pulumi config rm a",
        "         The keys are listed in docs/settings.md.",
    ]


@pytest.mark.parametrize(
    "fix",
    [
        "pulumi config set a:b <workspace id>",
        "pulumi config set --path --type string 'a:b[0]' 'it is (mine), or yours;'",
        'pulumi config set --secret a:token "$(openssl rand -hex 32)"',
        "pulumi config rm a:b  # after this pulumi up",
        "unset X && gcloud auth application-default login",
        "cd functions && node .",
        ".venv/bin/python -m ops verify --stack prod",
        "correct the code (see the log), then run `pulumi up` again",
        f"install Node.js 22\n{OR}PATH=/opt/node:$PATH pulumi up",
    ],
)
def test_commands_that_can_be_pasted(fix: str) -> None:
    assert fix_form.faults(fix) == []
    assert fix_form.syntax_errors(fix_form.commands(fix)) == ""


@pytest.mark.parametrize(
    "fix",
    [
        "pulumi config rm a:b  (or pulumi config rm a:c)",
        "pulumi config set a:b c  or  pulumi config rm a:b",
        "pulumi config rm a:b, then pulumi up",
        "pulumi config rm a:b;",
        "pulumi config rm a:b.",
        "pulumi config set a:b <id in the workspace's settings>",
        "pulumi config set a:b it's",
        "to keep it: pulumi config set a:b c",
        "unset it, and run gcloud auth login",
        "run .venv/bin/python -m ops discover, then again",
    ],
)
def test_commands_that_cannot_be_pasted(fix: str) -> None:
    assert fix_form.faults(fix) != []


def test_bash_finds_what_the_words_do_not_show() -> None:
    assert "syntax error" in fix_form.syntax_errors(["pulumi up &&", "|| pulumi up"])
