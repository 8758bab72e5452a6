"""Pages of lists in the form that Railway uses (Relay connections).

An unknown cursor is an error: restarting at the first page would make a client loop for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway.errors import bad_input

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def page(
    rows: Sequence[Any],
    limit: int,
    *,
    key: Callable[[Any], str] = lambda row: row.id,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> dict[str, Any]:
    """Return one page of `rows`.

    Args:
        rows: all rows, in order.
        limit: the server's maximum page size; 0 for none.
        key: a row's cursor.
        first, after, last, before: the client's arguments.

    Raises:
        GraphQLError: unknown cursor.
    """
    keys = [key(row) for row in rows]
    start, end = 0, len(rows)
    if after is not None:
        start = _position(keys, after) + 1
    if before is not None:
        end = _position(keys, before)
    if first is not None:
        end = min(end, start + max(first, 0))
    if last is not None:
        start = max(start, end - max(last, 0))
    if limit:
        end = min(end, start + limit)
    chosen = range(start, max(start, end))
    return {
        "edges": [{"cursor": keys[i], "node": rows[i]} for i in chosen],
        "page_info": {
            "has_next_page": bool(chosen) and end < len(rows),
            "has_previous_page": start > 0,
            "start_cursor": keys[start] if chosen else None,
            "end_cursor": keys[end - 1] if chosen else None,
        },
    }


def _position(keys: list[str], cursor: str) -> int:
    if cursor not in keys:
        raise bad_input(f"Invalid cursor {cursor!r}")
    return keys.index(cursor)
