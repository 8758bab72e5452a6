"""What source code mentions: how often each function, which shows whether it was removed or the code was only
not compiled, and whether a variable.

This file imports only the standard library: it is loaded in the process of a dynamic provider.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

_SUFFIXES = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")
_TYPESCRIPT = (".ts", ".tsx", ".mts", ".cts")
_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_COMMENT = ("//", "*", "/*")


def count(functions: Iterable[str], folder: Path, compiled: Sequence[Path] = ()) -> dict[str, int]:
    """The number of lines that mention each function, comments left out.

    Args:
        functions: ids; of `clients-created`, the export `clients.created`, the last part is looked for.
        folder: the codebase. Dependencies and hidden folders are left out.
        compiled: folders with compiled output, which is no source.
    """
    words = {name: name.rsplit("-", 1)[-1] for name in functions}
    found = dict.fromkeys(words.values(), 0)
    for lines in _code(folder, compiled):
        for line in lines:
            for word in found.keys() & set(_WORD.findall(line)):
                found[word] += 1
    return {name: found[word] for name, word in words.items()}


def reads_variable(name: str, folder: Path, compiled: Sequence[Path] = ()) -> bool:
    """Whether source code reads the environment variable `name`. For `folder` and `compiled`, see `count`."""
    read = re.compile(
        rf"process\.env\??(?:\.{name}\b|(?:\?\.)?\[\s*[\"'`]{name}[\"'`]\s*\])"
        rf"|\{{[^{{}}]*\b{name}\b[^{{}}]*\}}\s*=\s*process\.env\b"
    )
    return any(read.search("\n".join(lines)) for lines in _code(folder, compiled))


def _code(folder: Path, compiled: Sequence[Path]) -> Iterator[list[str]]:
    """The lines of each source file, without those that are comments."""
    for path in _sources(folder, [os.path.normpath(one) for one in compiled]):
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # discovery reports it
        yield [line for line in text.splitlines() if not line.lstrip().startswith(_COMMENT)]


def _sources(folder: Path, compiled: Sequence[str]) -> Iterator[Path]:
    for current, below, names in os.walk(folder):
        below[:] = [
            name
            for name in below
            if name != "node_modules"
            and not name.startswith(".")
            and os.path.normpath(Path(current, name)) not in compiled
        ]
        present = set(names)
        for path in (Path(current, name) for name in names):
            is_output = path.suffix not in _TYPESCRIPT and any(
                f"{path.stem}{suffix}" in present for suffix in _TYPESCRIPT
            )
            if path.suffix in _SUFFIXES and not path.name.endswith(".d.ts") and not is_output:
                yield path
