"""Every `pulumi` command in the documents exists in the CLI, with every option that it is given there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from sandbox.engine.toolchain import find_or_build

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
GROUPS = {"config", "stack", "state"}
"""Commands that have commands of their own."""
COMMAND = re.compile(r"(?<![\w./:-])pulumi ([a-z][^|`#;&)\n]*)")
OPTION = re.compile(r"(?<=\s)(--[a-z][a-z-]+|-[a-z])(?=[\s=]|$)")


def code(page: Path) -> str:
    """What stands in a page's code blocks and in backticks, a command on one line."""
    text = page.read_text()
    parts = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text)
    return "\n".join(parts).replace("\\\n", " ")


def documented() -> dict[tuple[str, ...], set[str]]:
    """Each command with the options that the documents give it."""
    found: dict[tuple[str, ...], set[str]] = {}
    for page in PAGES:
        for given in COMMAND.findall(code(page)):
            words = given.split()
            command = tuple(words[:2]) if words[0] in GROUPS else (words[0],)
            found.setdefault(command, set()).update(OPTION.findall(given))
    return found


def test_the_documents_name_commands() -> None:
    assert {("preview",), ("up",), ("import",), ("stack", "export"), ("config", "set")} <= set(documented())


@pytest.mark.parametrize(
    ("command", "options"),
    [(command, sorted(options)) for command, options in sorted(documented().items())],
    ids=lambda part: " ".join(part),
)
def test_the_cli_has_it(command: tuple[str, ...], options: list[str]) -> None:
    done = subprocess.run(
        [find_or_build().pulumi, *command, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    # For a command that does not exist, the CLI shows the help of the group.
    *group, name = command
    usage = re.search(
        rf"^Usage:\n  pulumi {''.join(f'{one} ' for one in group)}([\w-]+)", done.stdout, re.MULTILINE
    )
    aliases = re.search(r"^Aliases:\n  (.+)", done.stdout, re.MULTILINE)
    names = {usage[1] if usage else "", *(aliases[1].split(", ") if aliases else ())}
    assert name in names
    assert not [one for one in options if not re.search(rf"(?<!\S){one}\b", done.stdout)]
