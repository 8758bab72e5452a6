"""The name of the backup before a deployment, by which the next `up` finds it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from railway.volume_backup import PREFIX, name_of

pytestmark = pytest.mark.unit

DAY = date(2026, 11, 30)


def test_a_backup_is_found_by_what_it_precedes_on_the_same_day_only() -> None:
    """An `up` that ended after its backup is continued; a week later, the backup lacks a week of data."""
    name = name_of("volume", ("deployment-1", "revision-1"), DAY)
    assert name.startswith(PREFIX)
    assert name_of("volume", ("deployment-1", "revision-1"), DAY) == name
    others = [
        name_of("volume", ("deployment-1", "revision-1"), DAY + timedelta(days=1)),
        name_of("volume", ("deployment-2", "revision-1"), DAY),
        name_of("volume", ("deployment-1",), DAY),
        name_of("other", ("deployment-1", "revision-1"), DAY),
    ]
    assert name not in others
    assert len(set(others)) == len(others)
