"""Timestamps in the format that Google's JSON APIs use."""

from __future__ import annotations

import datetime
import time


def timestamp(at: float | None = None) -> str:
    """Format a Unix time in seconds (default: now) as an RFC 3339 timestamp in UTC with microseconds."""
    moment = datetime.datetime.fromtimestamp(time.time() if at is None else at, tz=datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
