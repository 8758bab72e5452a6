"""Programs under the real engine: dynamic resources, local commands, and how a program's errors are shown."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from tests.engine.stack import NO_CHANGES_EXPECTED

if TYPE_CHECKING:
    from tests.engine.stack import ProgramStack

pytestmark = pytest.mark.engine

DYNAMIC = """
import pulumi
from pulumi import dynamic


class Provider(dynamic.ResourceProvider):
    def create(self, props):
        return dynamic.CreateResult("made", {**props, "shout": props["word"].upper()})

    def update(self, _id, _olds, news):
        return dynamic.UpdateResult({**news, "shout": news["word"].upper()})

    def diff(self, _id, olds, news):
        return dynamic.DiffResult(changes=olds["word"] != news["word"])


class Shout(dynamic.Resource):
    shout: pulumi.Output[str]

    def __init__(self, name, word):
        super().__init__(Provider(), name, {"word": word, "shout": None})
"""
USES_DYNAMIC = """
import pulumi
from shouting.shout import Shout
pulumi.export("shout", Shout("one", pulumi.Config().require("word")).shout)
"""


def test_a_dynamic_resource_of_the_programs_own_package(program: ProgramStack) -> None:
    program.write("shouting/__init__.py", "")
    program.write("shouting/shout.py", DYNAMIC)
    program.write("__main__.py", USES_DYNAMIC)
    program.run("config", "set", "word", "hello")
    program.environ["PYTHONSAFEPATH"] = "1"  # the program's folder must be importable all the same
    first = program.up()
    assert "warning" not in first.text.lower(), "plugins must not be found on PATH"
    assert program.outputs() == {"shout": "HELLO"}
    program.run("preview", "--expect-no-changes")
    program.run("config", "set", "word", "bye")
    program.run("preview", "--expect-no-changes", code=NO_CHANGES_EXPECTED)
    program.up()
    assert program.outputs() == {"shout": "BYE"}
    program.run("destroy", "--yes", "--skip-preview")


COMMAND = """
import pulumi
import pulumi_command as command
config = pulumi.Config()
one = command.local.Command(
    "one",
    create="echo made $COLOUR; cat; echo aside >&2",
    update="echo updated from $PULUMI_COMMAND_STDOUT",
    delete="echo deleted > deleted.txt",
    stdin="from stdin",
    environment={"COLOUR": config.require("colour")},
    triggers=[config.get("trigger") or "1"],
)
pulumi.export("stdout", one.stdout)
pulumi.export("stderr", one.stderr)
"""


def test_a_local_command_is_created_updated_and_deleted(program: ProgramStack) -> None:
    program.write("__main__.py", COMMAND)
    program.run("config", "set", "colour", "red")
    program.up()
    assert program.outputs() == {"stdout": "made red\nfrom stdin", "stderr": "aside"}
    program.run("preview", "--expect-no-changes")
    program.run("config", "set", "colour", "blue")
    program.up()
    assert program.outputs()["stdout"] == "updated from made red from stdin"
    program.run("config", "set", "trigger", "2")
    assert "replace" in program.run("preview").text
    program.up()
    assert program.outputs()["stdout"] == "made blue\nfrom stdin"
    assert (program.folder / "deleted.txt").read_text() == "deleted\n"


def test_a_command_that_fails_shows_code_and_output(program: ProgramStack) -> None:
    text = 'import pulumi_command as c\nc.local.Command("one", create="echo out; echo wrong >&2; exit 3")\n'
    program.write("__main__.py", text)
    shown = program.up(code=None)
    assert shown.code != 0
    assert 'exit status 3: running "echo out; echo wrong >&2; exit 3":' in shown.text
    assert "wrong" in shown.text


def test_a_commands_output_is_not_secret_even_if_an_input_is(program: ProgramStack) -> None:
    """As with the real plugin: a command must not print what it gets as a secret."""
    text = """
import pulumi, pulumi_command as c
one = c.local.Command("one", create="tr a-z A-Z", stdin=pulumi.Output.secret("hush-hush"), logging="none")
pulumi.export("stdout", one.stdout)
"""
    program.write("__main__.py", text)
    assert "HUSH-HUSH" in program.up().text
    state = program.run("stack", "export").text
    assert "hush-hush" not in state
    outputs = next(one["outputs"] for one in program.resources() if one["type"] == "command:local:Command")
    assert outputs["stdout"] == "HUSH-HUSH"


def test_the_command_provider_is_recorded_as_by_the_real_plugin(program: ProgramStack) -> None:
    """The real plugin adds its library's version: without it, it updates the provider after a switch."""
    program.write("__main__.py", 'import pulumi_command as c\nc.Provider("runner")\n')
    program.up()
    provider = next(one for one in program.resources() if one["type"] == "pulumi:providers:command")
    assert provider["inputs"]["__pulumi-go-provider-version"] == "1.2.0"


def test_unsupported_command_properties_are_errors_in_the_preview(program: ProgramStack) -> None:
    text = 'import pulumi_command as c\nc.local.Command("one", create="true", asset_paths=["*.txt"])\n'
    program.write("__main__.py", text)
    shown = program.run("preview", code=None)
    assert shown.code != 0
    assert "assetPaths" in shown.text
    assert "does not collect files" in shown.text


def test_an_uncaught_error_shows_the_programs_frames_only(program: ProgramStack) -> None:
    program.write("reading.py", "def number(text):\n    return int(text)\n")
    program.write("__main__.py", "from reading import number\nnumber('many')\n")
    shown = program.run("preview", code=None)
    assert shown.code != 0
    assert "Program failed with an unhandled exception" in shown.text
    assert "invalid literal for int() with base 10: 'many'" in shown.text
    frames = re.findall(r'File "([^"]+)"', shown.text)
    assert frames
    assert all(frame.startswith(str(program.folder)) for frame in frames), frames
    assert "sandbox/engine" not in shown.text


def test_an_error_in_an_apply_shows_the_programs_frames_only(program: ProgramStack) -> None:
    text = (
        "import pulumi\npulumi.export('n', pulumi.Output.from_input('many').apply(lambda text: int(text)))\n"
    )
    program.write("__main__.py", text)
    shown = program.run("preview", code=None)
    assert shown.code != 0
    frames = re.findall(r'File "([^"]+)"', shown.text)
    assert frames == [str(program.folder / "__main__.py")]


SECOND_ERROR = "an unhandled error occurred: program exited with non-zero exit code: "


@pytest.mark.parametrize(
    ("program_text", "shown_lines", "code"),
    [
        ("raise pulumi.RunError('one problem\\n  and another')", ["one problem", "  and another"], 1),
        ("sys.exit(3)", [], 3),
        ("sys.exit('one problem')", ["one problem"], 1),
        ("pulumi.log.error('one problem'); sys.exit(32)", ["one problem"], None),
    ],
)
def test_a_program_ends_as_with_the_real_host(
    program: ProgramStack, program_text: str, shown_lines: list[str], code: int | None
) -> None:
    """The real host shows a second error, unless the exit code says that an error is shown already."""
    program.write("__main__.py", f"import sys, pulumi\n{program_text}\n")
    shown = program.run("preview", code=None)
    assert shown.code != 0
    for line in shown_lines:
        assert line in shown.text
    assert "Traceback" not in shown.text
    assert (f"{SECOND_ERROR}{code}" in shown.text) == (code is not None)
    assert (SECOND_ERROR in shown.text) == (code is not None)


def test_a_missing_virtualenv_is_an_error_with_its_fix(program: ProgramStack) -> None:
    program.write(
        "Pulumi.yaml", "name: small\nruntime:\n  name: python\n  options:\n    virtualenv: nowhere\n"
    )
    program.write("__main__.py", "")
    shown = program.run("preview", code=None)
    assert shown.code != 0
    assert "python3 -m venv nowhere" in shown.text


def test_the_virtualenv_of_the_project_runs_the_program(program: ProgramStack) -> None:
    venv = program.folder / "other"
    (venv / "bin").mkdir(parents=True)
    text = f"""#!/bin/sh
exec env RAN_UNDER_OTHER=1 {sys.executable} "$@"
"""
    program.write("other/bin/python", text)
    (venv / "bin" / "python").chmod(0o755)
    program.write("Pulumi.yaml", "name: small\nruntime:\n  name: python\n  options:\n    virtualenv: other\n")
    program.write(
        "__main__.py", "import os, pulumi\npulumi.export('other', os.environ.get('RAN_UNDER_OTHER'))\n"
    )
    program.up()
    assert program.outputs() == {"other": "1"}
