"""What a process of a service sees: its files at /app, and its volume at the mount path, as on Railway.

bubblewrap shows them there. Besides, the process sees the programs and libraries of this machine, and its
network, which it needs for its port and for the Firestore emulator; no home folder and no other process.
Where bubblewrap does not work, the process runs in the copy of its files, the mount path is a link in it, and
variables that contain the path get the folder instead.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from checkout import isolation
from checkout.package_json import MODULES

APP = "/app"
HOME = "/root"
SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin")
_TRIAL_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A folder of this machine at a path of the container."""

    path: str
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command as it is started: see `sandbox.processes.Process`."""

    line: list[str]
    folder: Path
    environment: dict[str, str]
    is_wrapped: bool


@dataclass(frozen=True, kw_only=True)
class Programs:
    """The programs of this machine that services use.

    Args:
        node: the folder of Node and npm; None if they are not installed.
        bubblewrap: its path; "" if it does not work here.
        shell: bash, as in Railway's images: it replaces itself by a single command, which then gets the
            signals. Not every other shell does.
    """

    node: Path | None
    bubblewrap: str
    shell: str = "/bin/sh"


@dataclass(frozen=True, kw_only=True)
class Container:
    """The place in which the commands of one deployment run.

    Args:
        files: the copy of the service's source.
        modules: an installed node_modules to show in it, or None.
        mounts: its volumes, and what a command needs besides.
        programs: see `Programs`.
    """

    files: Path
    programs: Programs
    modules: Path | None = None
    mounts: tuple[Mount, ...] = field(default=())

    def command(self, text: str, variables: Mapping[str, str]) -> Command:
        """Return how to start a command of a shell in it."""
        line = [self.programs.shell, "-c", text]
        node = () if self.programs.node is None else (str(self.programs.node),)
        app = APP if self.programs.bubblewrap else str(self.files)
        path = os.pathsep.join([f"{app}/{MODULES}/.bin", *node, *SYSTEM_PATH])
        environment = {"PATH": path, "HOME": HOME, "LANG": "C.UTF-8", **variables}
        if self.programs.bubblewrap:
            wrapped = [*self._bubblewrap(), *line]
            return Command(line=wrapped, folder=self.files, environment=environment, is_wrapped=True)
        self._link()
        environment = {name: self._on_this_machine(value) for name, value in environment.items()}
        environment["HOME"] = str(self.files)
        return Command(line=line, folder=self.files, environment=environment, is_wrapped=False)

    def _bubblewrap(self) -> list[str]:
        line = [self.programs.bubblewrap, "--unshare-user", "--unshare-pid", "--unshare-ipc"]
        line += ["--die-with-parent", "--as-pid-1", "--dev", "/dev", "--proc", "/proc"]
        line += ["--tmpfs", "/tmp", "--tmpfs", HOME]  # noqa: S108  (places in the view)
        view = isolation.of_system([self.programs.node.parent] if self.programs.node else [])
        for path, target in view.links.items():
            line += ["--symlink", target, path]
        for path in view.visible:
            line += ["--ro-bind", path, path]
        line += ["--bind", str(self.files), APP]
        if self.modules is not None:
            line += ["--ro-bind", str(self.modules), f"{APP}/{MODULES}"]
        for mount in self.mounts:
            line += ["--bind", str(mount.folder), mount.path]
        return [*line, "--remount-ro", "/", "--chdir", APP, "--"]

    def _link(self) -> None:
        links = {mount.path: mount.folder for mount in self.mounts}
        if self.modules is not None:
            links[f"{APP}/{MODULES}"] = self.modules
        for path, folder in links.items():
            if PurePosixPath(path).is_relative_to(APP):
                link = self.files / PurePosixPath(path).relative_to(APP)
                link.parent.mkdir(parents=True, exist_ok=True)
                if not link.exists():
                    link.symlink_to(folder, target_is_directory=True)

    def _on_this_machine(self, value: str) -> str:
        """Replace a mount path, or a path in it, by the folder."""
        for mount in self.mounts:
            if value == mount.path or value.startswith(f"{mount.path}/"):
                return str(mount.folder) + value[len(mount.path) :]
        return value


@functools.cache
def find_programs() -> Programs:
    """Return the programs of this machine; it tries bubblewrap once."""
    node = shutil.which("node")
    folder = None
    if node is not None:
        # Version managers put a script of their own on PATH, which the container does not see.
        asked = subprocess.run(
            [node, "-p", "process.execPath"],
            capture_output=True,
            text=True,
            check=True,
            timeout=_TRIAL_SECONDS,
        )
        folder = Path(asked.stdout.strip()).parent
    shell = os.path.realpath(shutil.which("bash") or "/bin/sh")
    program = shutil.which("bwrap")
    if program is not None:
        trial = Container(files=Path("/"), programs=Programs(node=folder, bubblewrap=program, shell=shell))
        command = trial.command("true", {})
        done = subprocess.run(command.line, capture_output=True, check=False, timeout=_TRIAL_SECONDS)
        if done.returncode == 0:
            return trial.programs
    return Programs(node=folder, bubblewrap="", shell=shell)
