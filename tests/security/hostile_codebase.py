"""A functions codebase that does what it should not, on a machine with something to find."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from checkout import isolation, node_process
from checkout.discovery import Discovered, discover
from checkout.discovery_source import Source
from checkout.node_process import Command, Finished
from settings.model import GoogleSettings
from settings.parsing import mapping
from settings.problems import Problem

SECRET = "canary-of-the-home-folder"
PACKAGE = {"main": "index.js", "engines": {"node": "22"}, "dependencies": {"firebase-functions": "7.4.0"}}
# Reports what it found as the labels of a function: the manifest is all that leaves the code.
REPORT = """
exports.report = require("firebase-functions/https").onRequest({ labels: found }, () => {});
"""


class Codebase:
    """The codebase `functions` of an app below a home folder, with the SDK linked into it."""

    def __init__(self, home: Path, node_modules: Path) -> None:
        self.home = home
        self.app = home / "work/app"
        self.folder = self.app / "functions"
        self.folder.mkdir(parents=True)
        self.cache = home / "cache"
        (self.folder / "package.json").write_text(json.dumps(PACKAGE))
        (self.folder / "node_modules").symlink_to(node_modules)

    def load(
        self,
        code: str,
        timeout: int = 60,
        environment: Mapping[str, str] | None = None,
        *,
        isolate: bool = True,
    ) -> tuple[Discovered | None, list[Problem]]:
        """Load the code."""
        (self.folder / "index.js").write_text(code)
        return discover(
            Source(
                folder=self.folder,
                app_dir=self.app,
                where="functions",
                digest=sha256(code.encode()).hexdigest(),
                google=GoogleSettings(project="crm-sandbox", firestore_location="eur3"),
                environment=environment or {},
                timeout=timeout,
                isolate=isolate,
            ),
            self.cache,
        )

    def found(self, code: str, **environment: str) -> dict[str, object]:
        """What the code put into `found`."""
        discovered, problems = self.load(f"const found = {{}};\n{code}\n{REPORT}", environment=environment)
        assert discovered is not None, problems
        report = mapping((mapping(discovered.manifest["endpoints"]) or {})["report"]) or {}
        return mapping(report["labels"]) or {}


def run(folder: Path, *line: str) -> Finished:
    results, root = folder / "results", folder / "root"
    for new in (results, root):
        new.mkdir(exist_ok=True)
    program = shutil.which(line[0])
    assert program is not None
    command = Command(
        line=[os.path.realpath(program), *line[1:]], folder=folder, environment={"PATH": os.environ["PATH"]},
        timeout=20, results=results, root=root, checkout=folder,
    )  # fmt: skip
    return node_process.run(command, lambda: isolation.view(folder, folder, []))
