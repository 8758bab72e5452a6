"""The commands that start stand-ins, and the folder of the tools that were built for them.

PYTHONPATH is not used: programs, dynamic providers and local commands started later would inherit it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER_VARIABLE = "SANDBOX_TOOLCHAIN"

_ROOT = str(Path(__file__).parents[2])
# -P: neither the working directory nor a script's folder may shadow modules (the engine starts plugins in the
# program's folder).
_FLAGS = ("-P", "-u", "-c")


def host(python: str) -> list[str]:
    """Return the command of the language host; the engine's address is its argument.

    The repository is removed from `sys.path` before the program runs: the program has its own modules.
    """
    start = (
        f"import sys; sys.path.insert(0, {_ROOT!r}); from sandbox.engine.language_host import main; "
        f"sys.path.remove({_ROOT!r}); main()"
    )
    return [python, *_FLAGS, start]


def plugin(python: str, module: str) -> list[str]:
    """Return the command of a plugin whose package has `main` in its `__main__`."""
    start = f"import sys; sys.path.insert(0, {_ROOT!r}); from {module}.__main__ import main; main()"
    return [python, *_FLAGS, start]


def toolchain_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of built tools: `SANDBOX_TOOLCHAIN`, or `.toolchain` in the repository."""
    named = (os.environ if environ is None else environ).get(FOLDER_VARIABLE)
    return Path(named).expanduser().resolve() if named else Path(_ROOT, ".toolchain")
