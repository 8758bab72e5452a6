"""What one GraphQL operation is, to whoever sends it.

Refuses to know how it is sent: naming documents must not cost the import of an HTTP library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Document:
    """One operation.

    Args:
        name: the operation name; counted and shown.
        text: the GraphQL text.
        kind: query or mutation.
        repeatable: for a mutation, whether sending it twice leaves the same as sending it once.
    """

    name: str
    text: str
    kind: Literal["query", "mutation"]
    repeatable: bool = False
