"""Which CLI is used, the folder prepared for a built one, and the conversion of values."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sandbox.engine import layout, protocol, toolchain
from sandbox.engine.command.run import CommandError, CommandLine, Output, run
from sandbox.engine.gcp.rest import PRODUCTS
from sandbox.engine.required import required_plugins
from sandbox.engine.toolchain import Engine, ToolchainError, find_or_build
from sandbox.environment import GOOGLE_ENDPOINTS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit


def script(target: Path, text: str) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    target.chmod(0o755)
    return target


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with the system's shell tools and an empty folder only; an empty toolchain folder."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("SANDBOX_TOOLCHAIN", str(tmp_path / "tools"))
    monkeypatch.delenv(toolchain.ENGINE_VARIABLE, raising=False)
    return tmp_path


def test_an_installed_distribution_of_a_supported_version_is_used(alone: Path) -> None:
    pulumi = script(alone / "bin" / "pulumi", "echo v3.280.1")
    script(alone / "bin" / "pulumi-language-python", "")
    assert find_or_build() == Engine(pulumi=pulumi, version="v3.280.1", built=False)


def test_an_installed_distribution_is_ignored_if_the_variable_is_set(
    alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(alone / "bin" / "pulumi", "echo v3.280.1")
    script(alone / "bin" / "pulumi-language-python", "")
    made = script(alone / "tools" / "bin" / "pulumi", f"echo {toolchain.pinned_version()}")
    monkeypatch.setenv(toolchain.ENGINE_VARIABLE, toolchain.BUILT)
    assert find_or_build() == Engine(pulumi=made, version=toolchain.pinned_version(), built=True)


@pytest.mark.parametrize("version", ["v3.100.0", "v4.0.0", "nonsense"])
def test_an_unsupported_version_is_not_used(alone: Path, version: str) -> None:
    script(alone / "bin" / "pulumi", f"echo {version}")
    script(alone / "bin" / "pulumi-language-python", "")
    made = script(alone / "tools" / "bin" / "pulumi", f"echo {toolchain.pinned_version()}")
    assert find_or_build() == Engine(pulumi=made, version=toolchain.pinned_version(), built=True)


def test_a_bare_binary_and_one_with_our_stand_ins_are_not_distributions(alone: Path) -> None:
    made = script(alone / "tools" / "bin" / "pulumi", f"echo {toolchain.pinned_version()}")
    script(alone / "bin" / "pulumi", "echo v3.280.1")
    assert find_or_build().pulumi == made
    script(alone / "bin" / "pulumi-language-python", f"{toolchain.STAND_IN_MARK}: ours")
    assert find_or_build().pulumi == made


def test_without_go_the_error_names_what_to_install(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(alone / "bin"))
    with pytest.raises(ToolchainError, match=r"fix: install the Pulumi CLI .*, or Go 1\.21 or later"):
        find_or_build()


def test_an_old_go_is_named_with_its_version(alone: Path) -> None:
    script(alone / "bin" / "go", "echo go1.19.3")
    with pytest.raises(ToolchainError, match=r"is go1\.19\.3, which is too old"):
        find_or_build()


def test_a_build_is_announced_atomic_and_done_once(alone: Path) -> None:
    version = toolchain.pinned_version()
    build = (
        'case "$1" in env) echo go1.26.6;; build) shift; while [ "$1" != -o ]; do shift; done; '
        f'printf "#!/bin/sh\\necho {version}\\n" > "$2"; chmod +x "$2"; echo built >> {alone}/builds;; esac'
    )
    script(alone / "bin" / "go", build)
    messages: list[str] = []
    assert find_or_build(messages.append).version == version
    assert find_or_build(messages.append).built
    assert (alone / "builds").read_text() == "built\n"
    assert len(messages) == 1
    assert "about 4 minutes" in messages[0]


def test_a_failed_build_shows_gos_output(alone: Path) -> None:
    script(alone / "bin" / "go", '[ "$1" = env ] && echo go1.26.6 || { echo no space left >&2; exit 2; }')
    with pytest.raises(ToolchainError, match="go build failed with exit code 2:\nno space left"):
        find_or_build()


def test_a_built_engine_gets_stand_ins_and_its_own_home(tmp_path: Path) -> None:
    pulumi = script(tmp_path / "tools" / "pulumi", "true")
    engine = Engine(pulumi=pulumi, version="v3.274.1", built=True)
    environ = layout.lay_out(tmp_path / "home", engine)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "home").rglob("*") if path.is_file()}
    assert layout.lay_out(tmp_path / "home", engine) == environ
    assert before == {path: path.stat().st_mtime_ns for path in before}
    names = sorted(str(path.relative_to(tmp_path / "home")) for path in before)
    versions = {plugin.name: plugin.version for plugin in required_plugins()}
    assert names == [
        "bin/pulumi",
        "bin/pulumi-language-python",
        "bin/pulumi-resource-pulumi-python",
        *(
            f"pulumi/plugins/resource-{name}-v{versions[name]}/pulumi-resource-{name}"
            for name in ("command", "gcp")
        ),
    ]
    assert environ["PATH"].split(os.pathsep)[0] == str(tmp_path / "home" / "bin")
    assert environ["PULUMI_HOME"] == str(tmp_path / "home" / "pulumi")
    assert shutil.which("pulumi", path=environ["PATH"]) == str(tmp_path / "home" / "bin" / "pulumi")


def test_an_installed_engine_keeps_its_own_plugins(tmp_path: Path) -> None:
    pulumi = script(tmp_path / "real" / "pulumi", "true")
    environ = layout.lay_out(tmp_path / "home", Engine(pulumi=pulumi, version="v3.280.1", built=False))
    assert "PULUMI_HOME" not in environ
    assert environ["PATH"].split(os.pathsep)[0] == str(tmp_path / "real")
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["state"]


def test_every_product_of_the_gcp_plugin_has_an_endpoint() -> None:
    variables = {f"GOOGLE_{name}_CUSTOM_ENDPOINT" for name in PRODUCTS.values()}
    assert variables <= set(GOOGLE_ENDPOINTS)


def test_values_are_converted_without_loss() -> None:
    values: dict[str, protocol.Value] = {
        "text": "a",
        "flag": False,
        "whole": 7,
        "part": 0.5,
        "nothing": None,
        "empty": {},
        "list": [1, {"a": []}],
        "secret": protocol.Secret({"a": "b"}),
        "unknown": protocol.Unknown.value,
    }
    assert protocol.from_struct(protocol.to_struct(values)) == values
    assert "b" not in repr(values["secret"])


def test_the_messages_are_loaded_without_the_sdk() -> None:
    text = (
        "import sys; from sandbox.engine.protocol import provider_pb2; "
        "import sandbox.engine.gcp.provider, sandbox.engine.command.provider; "
        "slow = {'pulumi', 'pulumi_gcp', 'requests'} & set(sys.modules); assert not slow, slow"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (CommandLine(text="echo a; exit 4"), 'exit status 4: running "echo a; exit 4":\na\n'),
        (CommandLine(text="kill -9 $$"), 'signal: killed: running "kill -9 $$":\n'),
        (CommandLine(text="true", directory="/nowhere"), "chdir /nowhere: no such file or directory"),
        (
            CommandLine(text="x", interpreter=["no-such"]),
            'exec: "no-such": executable file not found in $PATH',
        ),
        (CommandLine(text="x", interpreter=["/no/such"]), "fork/exec /no/such: no such file or directory"),
    ],
)
def test_a_failed_command_has_the_real_plugins_error(line: CommandLine, words: str) -> None:
    with pytest.raises(CommandError) as caught:
        run(line, Output(), lambda _text: None)
    assert str(caught.value).startswith(words)


def test_a_command_may_ignore_its_input() -> None:
    line = CommandLine(text="exec <&-; echo done", stdin="x" * 1_000_000)
    assert run(line, Output(), lambda _text: None).stdout == "done"


def test_a_command_logs_the_selected_streams() -> None:
    shown: list[str] = []
    done = run(CommandLine(text="echo a; echo b >&2", log_stderr=False), Output(), shown.append)
    assert shown == ["a"]
    assert done == Output(stdout="a", stderr="b")
