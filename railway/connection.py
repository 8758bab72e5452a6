"""The one connection to Railway that all providers of this process share, made when the first request is due.

Refuses to be made earlier: `check` and `diff` send nothing, and must not pay for an HTTP library.
"""

from __future__ import annotations

import threading

from railway.clock import Clock
from railway.graphql.api import RailwayApi
from railway.graphql.client import RailwayClient
from railway.graphql.credentials import Access
from railway.snapshot import AccountCache

_gate = threading.Lock()
_made: dict[Access, AccountCache] = {}


def railway_for(access: Access) -> AccountCache:
    """The shared connection for an address and a token."""
    with _gate:
        if access not in _made:
            client = RailwayClient(access, Clock(access.wait_scale))
            _made[access] = AccountCache(RailwayApi(client))
        return _made[access]
