"""Durations as people read them."""

from __future__ import annotations

import pytest

from railway.clock import format_duration

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.2, "1 s"),
        (59, "59 s"),
        (59.5, "1 min"),
        (125, "2 min 5 s"),
        (1200, "20 min"),
        (3599.1, "1 h"),
        (3600, "1 h"),
        (3601, "1 h 1 min"),
        (7199, "2 h"),
        (86400, "24 h"),
        (-3, "0 s"),
    ],
)
def test_a_duration_is_spelled_in_its_units_and_never_too_short(seconds: float, text: str) -> None:
    """Rounded up: who waits that long has waited long enough."""
    assert format_duration(seconds) == text
