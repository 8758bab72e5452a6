"""Removes from a drift report the differences that no program can correct.

After an `up`, a refresh reads values that the plugin did not record: etags, and empty maps such as `labels`;
of the database, the time from which it can be read, which always moves.
Pulumi counts such a resource as unchanged, and still shows its `(refresh)` block between the real
differences. Source: pulumi-gcp 9.35, 14 blocks after the first `up` of the example.

It uses only Python's standard library, as `ops.ci_report` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_REFRESH = re.compile(r"( *)~ \S+: \(refresh\)(?: 🔒)?\s*")
"""The first line of a block, with the mark of a protected resource."""
_CHANGE = re.compile(r"\s*[~+-] ")
_NOISE = re.compile(
    r"\s*(?:"
    r"[~+-] (?:etag|earliestVersionTime) *: .*"
    r"|\+ createTime *: .*"  # an import of a secret version has none
    r"|[+-] [^\s:]+ *: (?:\{\}|\[\]|\"\"|<null>)"  # an empty value, added or removed
    r"|[~+-] [^\s:]+ *: [\[{]"  # the line that opens an object: its own lines decide
    r"|[~+-] [\]}]"
    r")\s*"
)


def without_noise(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of Pulumi's output, without the `(refresh)` blocks that show only such differences.

    Args:
        lines: the output of `pulumi preview --refresh --diff`, with or without colors.
    """
    block: list[str] = []
    indentation = 0
    for line in lines:
        plain = ANSI.sub("", line)
        if block and _indentation(plain) > indentation:
            block.append(line)
            continue
        yield from _kept(block)
        block = []
        header = _REFRESH.fullmatch(plain)
        if header:
            block, indentation = [line], len(header[1])
        else:
            yield line
    yield from _kept(block)


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" ")) if line.strip() else 0


def _kept(block: list[str]) -> list[str]:
    """Return a block, or nothing if each of its changes is noise."""
    changes = [plain for line in block[1:] if _CHANGE.match(plain := ANSI.sub("", line))]
    return block if any(not _NOISE.fullmatch(change) for change in changes) else []
