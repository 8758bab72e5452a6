"""A codebase whose predeploy commands tests run."""

from __future__ import annotations

from pathlib import Path

from checkout import predeploy
from checkout.firebase_json import CodebaseSource
from checkout.predeploy import Outcome
from settings.problems import Problem


class HookedCodebase:
    """The codebase `functions` of an app in `root`; `run` runs its predeploy commands."""

    def __init__(self, root: Path, folder: str = "functions") -> None:
        self.root = root.resolve()
        self.app = self.root / "app"
        self.folder = self.app / folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.cache = self.root / "cache"
        (self.app / "firebase.json").write_text("{}")
        (self.folder / "index.js").write_text("exports.a = 1;")

    def run(
        self,
        *commands: str,
        timeout: int = 60,
        after_preview: bool = False,
        configuration: tuple[Path, ...] = (),
    ) -> Outcome:
        """Run commands as those of firebase.json."""
        source = CodebaseSource(
            name="default",
            folder=self.folder,
            relative="functions",
            runtime=None,
            ignore=("*.log",),
            predeploy=commands,
            postdeploy=(),
            config_dir=self.folder,
            config_relative="functions",
            prefix="",
            service_account=None,
        )
        codebase = predeploy.Codebase(
            source=source,
            app_dir=self.app,
            project="crm-sandbox",
            timeout=timeout,
            configuration=configuration,
        )
        return predeploy.run(codebase, self.cache, after_preview=after_preview)

    def good(self, *commands: str, timeout: int = 60) -> str:
        """Run commands that succeed; returns what the preview says of them."""
        outcome = self.run(*commands, timeout=timeout)
        assert outcome.problems == (), outcome.problems
        return "\n".join(outcome.notes)

    def problem(self, *commands: str, timeout: int = 60) -> Problem:
        """Run commands of which one fails."""
        (problem,) = self.run(*commands, timeout=timeout).problems
        return problem

    def script(self, text: str) -> str:
        """A command that runs a script: in the command itself, a first shell would replace its variables."""
        (self.folder / "script.sh").write_text(text)
        return f"sh {self.folder.name}/script.sh"

    def text(self, name: str) -> str:
        """The content of a file in the codebase."""
        return (self.folder / name).read_text()
