"""How many functions one edit updates with `updateOnlyChanged` (`make bench`).

The example app has nine functions. A comment is added to `src/backend.js`, which the three functions of the
proxy load; then, without the setting, another one.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import yaml

from sandbox import stack_state
from sandbox.preview_ratio import require_success
from sandbox.supervisor import PROJECT, STACK, Sandbox, SandboxError

EXAMPLE = PROJECT / "examples" / "crm"
EDITED = Path("functions/src/backend.js")


def measure() -> Iterator[tuple[str, str]]:
    """Yield the figures.

    Raises:
        SandboxError: a step failed, or an `up` left an edit out.
    """
    with tempfile.TemporaryDirectory(prefix="change-bench-") as name:
        folder = Path(name)
        app = folder / "crm"
        shutil.copytree(EXAMPLE, app, ignore=shutil.ignore_patterns("node_modules"))
        (app / "functions/node_modules").symlink_to((EXAMPLE / "functions/node_modules").resolve())
        sandbox = Sandbox(folder / "change")
        sandbox.start(attached=True)
        try:
            sandbox.ensure_stack()
            _up(sandbox, _settings(folder, app, only_changed=True))
            before = _archives(sandbox)
            _comment(app)
            _up(sandbox, _settings(folder, app, only_changed=True))
            after = _archives(sandbox)
            _comment(app)
            _up(sandbox, _settings(folder, app, only_changed=False))
            without = _archives(sandbox)
        finally:
            sandbox.stop()
    updated = [one for one in after if after[one] != before[one]]
    if not updated:
        raise SandboxError(f"the comment in {EDITED} was not deployed")
    yield "functions", str(len(before))
    yield "functions_updated_by_one_comment", str(len(updated))
    all_updated = sum(without[one] != after[one] for one in without)
    yield "functions_updated_by_one_comment_without_setting", str(all_updated)


def _settings(folder: Path, app: Path, *, only_changed: bool) -> Path:
    document = cast("dict[str, Any]", yaml.safe_load((PROJECT / f"Pulumi.{STACK}.yaml").read_text()))
    document["config"]["whatsapp-crm:appDir"] = str(app)
    document["config"]["whatsapp-crm:updateOnlyChanged"] = only_changed
    file = folder / f"Pulumi.{STACK}.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def _up(sandbox: Sandbox, settings: Path) -> None:
    arguments = ("up", "--yes", "--skip-preview", "--stack", STACK, "--config-file", str(settings))
    require_success(sandbox.pulumi(*arguments), "an up")


def _comment(app: Path) -> None:
    with (app / EDITED).open("a", encoding="utf-8") as file:
        file.write("// a comment\n")


def _archives(sandbox: Sandbox) -> dict[str, str]:
    """The archive of each function, by the function's id in the state."""
    found = stack_state.resources(sandbox, STACK)
    functions = [one for one in found if one.type == stack_state.FUNCTION_TYPE]
    return {one.id: str(one.inputs["buildConfig"]["source"]["storageSource"]) for one in functions}
