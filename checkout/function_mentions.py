"""What source code mentions: how often each function, which shows whether it was removed or the code was only
not compiled; a variable; a call.

Besides the standard library it imports only `settings.files`: dynamic providers load it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from settings.files import FileError, is_file, text_of, walk

_SUFFIXES = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")
_TYPESCRIPT = (".ts", ".tsx", ".mts", ".cts")
_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_FROM_ENV = re.compile(r"\{[^{}]*\}\s*=\s*process\.env\b")  # const { A, B } = process.env
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
    read = re.compile(rf"process\.env\??(?:\.{name}\b|(?:\?\.)?\[\s*[\"'`]{name}[\"'`]\s*\])")
    named = re.compile(rf"\b{name}\b")
    # Two steps: one pattern for both would be tried anew at each mention of the name.
    return any(
        read.search(code) or any(named.search(found[0]) for found in _FROM_ENV.finditer(code))
        for code in ("\n".join(lines) for lines in _code(folder, compiled))
    )


def mentions(pattern: re.Pattern[str], folder: Path, compiled: Sequence[Path] = ()) -> bool:
    """Whether a line of source code matches `pattern`. For `folder` and `compiled`, see `count`."""
    return any(pattern.search(line) for lines in _code(folder, compiled) for line in lines)


def _code(folder: Path, compiled: Sequence[Path]) -> Iterator[list[str]]:
    """The lines of each source file, without those that are comments."""
    for path in _sources(folder, [os.path.normpath(one) for one in compiled]):
        try:
            text = text_of(path)
        except FileError:
            continue  # discovery reports it
        yield [line for line in text.splitlines() if not line.lstrip().startswith(_COMMENT)]


def _sources(folder: Path, compiled: Sequence[str]) -> Iterator[Path]:
    def is_source_folder(path: Path) -> bool:
        is_installed = path.name == "node_modules" or path.name.startswith(".")
        return not is_installed and os.path.normpath(path) not in compiled

    for path in walk(folder, is_source_folder):
        if path.suffix not in _SUFFIXES or path.name.endswith(".d.ts"):
            continue
        sources = (path.with_suffix(suffix) for suffix in _TYPESCRIPT)
        if path.suffix in _TYPESCRIPT or not any(is_file(source) for source in sources):
            yield path
