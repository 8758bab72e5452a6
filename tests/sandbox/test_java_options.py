"""The options of the emulator's Java: an archive of classes is made once, and used when complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox import java_options
from sandbox.java_options import VARIABLE, variables

pytestmark = pytest.mark.sandbox


@pytest.fixture
def emulator(tmp_path: Path) -> Path:
    """The emulator's script, with its jar beside it, and a Java."""
    for name in ("script", "emulator.jar", "java"):
        (tmp_path / name).write_text(name)
    return tmp_path / "script"


def options(emulator: Path, folder: Path, own: str = "") -> str:
    environ = {"SANDBOX_TOOLCHAIN": str(folder), **({VARIABLE: own} if own else {})}
    return variables(environ, str(emulator.with_name("java")), emulator)[VARIABLE]


def part_of(text: str) -> Path:
    """The file that Java is told to write."""
    return Path(text.rpartition("ArchiveClassesAtExit=")[2].strip('"'))


def test_the_archive_is_written_once_and_then_used(emulator: Path, tmp_path: Path) -> None:
    tools = tmp_path / "a folder"
    first = part_of(options(emulator, tools))
    second = part_of(options(emulator, tools))
    assert first != second, "two emulators that start side by side write one file each"
    first.write_bytes(bytes(100))  # killed while it wrote: no header
    assert "ArchiveClassesAtExit" in options(emulator, tools)
    second.write_bytes(b"head" + bytes(96))
    archive = second.with_suffix("")
    assert options(emulator, tools).endswith(f'"-XX:SharedArchiveFile={archive}"')
    assert archive.read_bytes()[:4] == b"head"
    assert not second.exists()


def test_another_emulator_or_java_has_an_archive_of_its_own(emulator: Path, tmp_path: Path) -> None:
    part = part_of(options(emulator, tmp_path / "tools"))
    part.write_bytes(b"head")
    assert "SharedArchiveFile" in options(emulator, tmp_path / "tools")
    emulator.with_name("emulator.jar").write_text("another version")
    assert "SharedArchiveFile" not in options(emulator, tmp_path / "tools")
    emulator.with_name("emulator.jar").write_text("emulator.jar")
    emulator.with_name("java").write_text("another Java")
    assert "SharedArchiveFile" not in options(emulator, tmp_path / "tools")


def test_options_of_the_user_come_last(emulator: Path, tmp_path: Path) -> None:
    assert options(emulator, tmp_path / "tools", "-Xmx1g").endswith(" -Xmx1g")


def test_a_folder_that_cannot_be_made_costs_time_only(emulator: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert options(emulator, tmp_path / "file") == " ".join(java_options._OPTIONS)
