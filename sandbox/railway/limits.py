"""Railway's rate limits: the hourly budget of a token, and the edge's limit on URLs without a query string.

Manual edits are not limited. Sources: Railway docs, integrations/api (headers, budgets); the edge's
"error code: 1015" as reported by users of the API.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.railway.store import Store


@dataclass
class Window:
    """What one token has used in its current window (an hour at Railway) and in the current second."""

    ends: float
    used: int = 0
    recent: deque[float] = field(default_factory=deque[float])


class Limits:
    """The rate limits of one server.

    Args:
        store: for the switches and the clock.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.windows: dict[str, Window] = {}
        self.edge: deque[float] = deque()

    def reset(self) -> None:
        """Clear what was used."""
        self.windows.clear()
        self.edge.clear()

    def edge_limited(self, query_string: bytes) -> bool:
        """Count one request at the edge; return whether it is rejected."""
        limit = self.store.switches.edge_per_second
        return not query_string and bool(limit) and not take_slot(self.edge, self.store.now(), limit)

    def charge(self, token_id: str, cost: int) -> tuple[dict[str, str], bool]:
        """Count a request of a token.

        Args:
            token_id: the token; "" for requests without a valid one.
            cost: how many requests this one counts as.

        Returns:
            The response headers, and whether the budget is used up (429).
        """
        now, limit = self.store.now(), self.store.switches.hourly_budget
        window = self.windows.get(token_id)
        if window is None or window.ends <= now:
            window = self.windows[token_id] = Window(now + self.store.switches.budget_window_seconds)
        spent = bool(limit) and window.used + cost > limit
        wait = window.ends - now
        per_second = self.store.switches.per_second_budget
        if not spent and per_second and not take_slot(window.recent, now, per_second):
            spent, wait = True, 1
        if not spent:
            window.used += cost
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - window.used)),
            "X-RateLimit-Reset": str(math.ceil(window.ends)),
        }
        if spent:
            headers["Retry-After"] = str(max(1, math.ceil(wait)))
        return headers, spent


def take_slot(recent: deque[float], now: float, limit: int) -> bool:
    """Count a request in the last second's; return False if the limit is reached."""
    while recent and recent[0] <= now - 1:
        recent.popleft()
    if len(recent) >= limit:
        return False
    recent.append(now)
    return True
