"""From a deployment to what can be started: the copy of its files, installed and built."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.processes import Process
from sandbox.railway import deploys
from sandbox.railway.process_logs import BUILD
from sandbox.railway.running.commands import BuildError, Plan, plan
from sandbox.railway.running.container import Container
from sandbox.railway.running.npm import install_container, install_variables
from sandbox.railway.running.process_variables import process_variables
from sandbox.railway.running.sources import SnapshotError, check_out
from sandbox.railway.running.world import KEPT_COPIES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sandbox.railway import records
    from sandbox.railway.running.world import World

TICK = 0.03
"""Seconds between two looks at a process or a status."""


class StepError(Exception):
    """A deployment fails at a DeploymentEventStep. The text is the reason."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(reason)
        self.step = step


@dataclass(frozen=True, kw_only=True)
class Made:
    """A deployment that can be started."""

    plan: Plan
    container: Container


class Maker:
    """Makes one deployment.

    Args:
        world: the state and the places.
        deployment: the deployment.
        check: called often; it raises when the deployment is not wanted any more.
    """

    def __init__(self, world: World, deployment: records.Deployment, check: Callable[[], None]) -> None:
        self._world = world
        self._deployment = deployment
        self._check = check

    @property
    def folder(self) -> Path:
        """Where the copy of the deployment's files is."""
        return self._world.copies / self._deployment.id

    async def make(self) -> Made:
        """Copy, install and build.

        Raises:
            StepError: it failed.
        """
        try:
            source = await asyncio.to_thread(self._copy)
            self._check()
            steps = await asyncio.to_thread(plan, self.folder, source, self._deployment.settings)
        except SnapshotError as error:
            raise StepError("SNAPSHOT_CODE", str(error)) from None
        except BuildError as error:
            raise StepError("BUILD_IMAGE", str(error)) from None
        made = self._made(steps)
        installing = install_container(made.container)
        variables = {**self.variables(None), **install_variables()}
        if steps.linked is not None:
            self._log("info", f"packages: {steps.linked}")
        if steps.install is not None and not (self.folder / "node_modules").exists():
            await self.run("BUILD_IMAGE", steps.install, installing, variables)
        if steps.build is not None:
            await self.run("BUILD_IMAGE", steps.build, made.container, variables)
        self._log("info", "Build completed")
        return made

    async def again(self) -> Made:
        """What was made before, for a deployment that the sandbox starts again.

        Raises:
            StepError: its copy is gone, and it cannot be made again.
        """
        if not self.folder.is_dir():
            return await self.make()
        try:
            source = self._source()
            return self._made(await asyncio.to_thread(plan, self.folder, source, self._deployment.settings))
        except SnapshotError as error:
            raise StepError("SNAPSHOT_CODE", str(error)) from None
        except BuildError as error:
            raise StepError("BUILD_IMAGE", str(error)) from None

    def _made(self, steps: Plan) -> Made:
        container = Container(files=self.folder, programs=self._world.programs, modules=steps.linked)
        return Made(plan=steps, container=container)

    def variables(self, port: int | None) -> dict[str, str]:
        """The variables of a process of the deployment."""
        return process_variables(self._deployment, port, self._world.variables, self._world.defaults)

    async def run(self, step: str, command: str, container: Container, variables: Mapping[str, str]) -> None:
        """Run a command to its end.

        Raises:
            StepError: its exit code is not 0.
        """
        self._log("info", f"$ {command}")
        started = container.command(command, variables)
        process = Process(
            started.line, started.folder, started.environment, self._on_line, is_wrapped=started.is_wrapped
        )
        try:
            while (code := process.exit_code) is None:
                await asyncio.sleep(TICK)
                self._check()
        # Also a deployment that is cancelled: its command must not stay. The exception goes on.
        except BaseException:
            process.kill()
            raise
        if code != 0:
            raise StepError(step, f"`{command}` exited with code {code}")

    def _source(self) -> Path:
        deployment = self._deployment
        if deployment.repo is None:
            raise BuildError("the sandbox does not run images: set a repository as the service's source")
        return self._world.sources.folder(deployment.repo, deployment.settings.get("rootDirectory"))

    def _copy(self) -> Path:
        """Copy the files; return the folder that they are from."""
        source = self._source()
        shutil.rmtree(self.folder, ignore_errors=True)  # of a sandbox that was killed meanwhile
        earlier = self._world.copies / (self._deployment.image_of or "-")
        if earlier.is_dir():
            shutil.copytree(earlier, self.folder, symlinks=True)
            origin = f"the files of deployment {self._deployment.image_of}"
        else:
            try:
                origin = check_out(source, self._deployment.commit_hash, self.folder)
            except (OSError, subprocess.SubprocessError) as error:
                raise SnapshotError(f"{source} could not be copied: {error}") from None
        self._log("info", f"Using {self._deployment.repo}@{self._deployment.commit_hash}: {origin}")
        self._remove_old_copies()
        return source

    def _remove_old_copies(self) -> None:
        place = (self._deployment.service_id, self._deployment.environment_id)
        ended = [
            row.id
            for row in deploys.list_deployments(self._world.store, *place)
            if row.status not in (*deploys.IN_FLIGHT, *deploys.RUNNING)
        ]
        for key in ended[KEPT_COPIES:]:
            shutil.rmtree(self._world.copies / key, ignore_errors=True)

    def _on_line(self, stream: str, text: str) -> None:
        self._log("info" if stream == "stdout" else "error", text)

    def _log(self, severity: str, text: str) -> None:
        self._world.log(self._deployment, BUILD, severity, text)
