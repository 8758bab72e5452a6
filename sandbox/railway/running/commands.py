"""How a service is installed, built and started: by its settings, else as Railway detects it.

Railway's builder (Railpack) installs the packages of a Node.js service, runs its script `build`, and starts
its script `start`. A start command runs in a shell. Sources: docs.railway.com, deployments/start-command and
builds/build-and-start-commands; railpack.com, languages/node. Other languages need a start command here.

A script runs as npm runs it, but without npm in between, which would take 60 MB more and does not pass every
signal on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from checkout import package_json
from checkout.package_json import MODULES

if TYPE_CHECKING:
    from sandbox.railway import records


class BuildError(Exception):
    """The service cannot be built here. The text says why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The steps of a service.

    Args:
        linked: an installed node_modules that is shown to it; None for none.
        install, build: shell commands of the build, None to leave out.
        pre_deploy: a shell command between build and start.
        start: the shell command that starts it.
    """

    linked: Path | None
    install: str | None
    build: str | None
    pre_deploy: str | None
    start: str


def plan(copy: Path, source: Path, settings: records.Json) -> Plan:
    """Return the steps for a service.

    Args:
        copy: the copy of its files.
        source: the folder that was copied, which may have installed packages.
        settings: the deployment's copy of the service's settings, under Railway's names.

    Raises:
        BuildError: there is no start command, or it needs a builder that the sandbox does not have.
    """
    start: str | None = settings.get("startCommand")
    if settings.get("dockerfilePath") or (not start and (copy / "Dockerfile").is_file()):
        raise BuildError("the sandbox does not build Dockerfiles; set a start command (startCommand) instead")
    package = package_json.of_package(copy)
    scripts = package_json.section(package, "scripts")
    start = start or _script(scripts, "start")
    if not start:
        main = next((name for name in (package.get("main"), "index.js") if _is_file(copy, name)), None)
        start = f"node {main}" if main and package else None
    if not start:
        raise BuildError(
            "No start command could be found: set a start command, or the script `start` in package.json"
        )
    needed = sorted(package_json.section(package, "dependencies"))
    linked = _installed(source, needed)
    install = None
    if needed and linked is None:
        install = "npm ci" if (copy / "package-lock.json").is_file() else "npm install"
    pre_deploy = cast("list[str] | None", settings.get("preDeployCommand"))
    return Plan(
        linked=linked if needed else None,
        install=install,
        build=settings.get("buildCommand") or _script(scripts, "build"),
        pre_deploy=" && ".join(pre_deploy) if pre_deploy else None,
        start=start,
    )


def _script(scripts: dict[str, Any], name: str) -> str | None:
    """Return a script with the ones that npm runs before it, and that it prints nothing of its own."""
    if not scripts.get(name):
        return None
    before = scripts.get(f"pre{name}")
    return f"{before} && {scripts[name]}" if before else str(scripts[name])


def _installed(source: Path, needed: list[str]) -> Path | None:
    """Return the source's node_modules if it has every dependency."""
    modules = source / MODULES
    return modules if all((modules / name).is_dir() for name in needed) else None


def _is_file(folder: Path, name: Any) -> bool:
    return isinstance(name, str) and (folder / name).is_file()
