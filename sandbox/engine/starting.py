"""How stand-ins are started, and where the tools that were built for them are kept.

Refuses PYTHONPATH: a program, a dynamic provider or a local command started further down would inherit it.
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
    """Return the command of the language host; the engine's address is added to it.

    The repository leaves `sys.path` again before the program runs: the program brings its own modules.
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
    """Return where built tools are kept: `SANDBOX_TOOLCHAIN`, or `.toolchain` in the repository."""
    named = (os.environ if environ is None else environ).get(FOLDER_VARIABLE)
    return Path(named).expanduser().resolve() if named else Path(_ROOT, ".toolchain")
