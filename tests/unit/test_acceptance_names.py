"""The setting `acceptanceNames`, and the page that lists it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from settings.acceptance_names import ALL, KNOWN, SHARED, Names, camel, names_of, wrong_name

pytestmark = pytest.mark.unit

PAGE = Path(__file__).parents[2] / "docs" / "acceptance.md"


def test_the_page_lists_every_name_with_its_default() -> None:
    defaults = Names()
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    listed = dict(re.findall(r"`(\w+): (\S+)`", "\n".join(rows)))
    assert listed == {name: getattr(defaults, field) for name, field in KNOWN.items()}


def test_the_page_lists_the_names_of_the_other_setting() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`{camel(field)}`" in text for field in SHARED)


def test_each_default_is_accepted() -> None:
    assert {
        name: wrong_name(name, getattr(Names(), field)) for name, field in KNOWN.items()
    } == dict.fromkeys(KNOWN)


def test_the_two_settings_make_the_names() -> None:
    flutter = {"events": "bookings", "send": "sendViaProxy", "lib": "lib"}
    names = names_of({"amount": " price "}, flutter)
    assert (names.events, names.amount, names.text) == ("bookings", "price", "text")
    assert len(ALL) == len(KNOWN) + len(SHARED)
