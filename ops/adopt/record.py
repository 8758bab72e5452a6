"""Which resources `ops adopt` imported, for `--undo`: a file beside the program that git ignores.

It has URNs only. It is written before the import, so that a killed import is undone as well: what it names
and the state lacks was not imported.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import cast
from urllib.parse import quote

from firebase.errors import JsonObject
from ops import stack

FOLDER = stack.PROJECT / ".adopt"


def path(name: str) -> Path:
    """The file of a stack."""
    return FOLDER / f"{quote(name, safe='')}.json"


def read(name: str) -> list[str]:
    """The recorded URNs; empty without a record.

    Raises:
        StackError: the file is damaged.
    """
    file = path(name)
    try:
        document = cast("JsonObject", json.loads(file.read_text()))
        return [str(urn) for urn in cast("list[object]", document["urns"])]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError):
        shown = os.path.relpath(file, stack.PROJECT)
        raise stack.StackError(f"{shown} is not a record of an adoption", f"rm {shown}") from None


def write(name: str, urns: Iterable[str]) -> None:
    """Replace the record of a stack.

    Raises:
        OSError: it could not be written.
    """
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    file = path(name)
    partial = file.with_suffix(".part")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as output:
        json.dump({"urns": sorted(set(urns))}, output, indent=2)
    partial.replace(file)


def remove(name: str) -> None:
    """Delete the record of a stack."""
    path(name).unlink(missing_ok=True)
