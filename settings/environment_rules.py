"""The rules of numbers in environment variables: they are read later, in the process of a provider."""

from __future__ import annotations

from collections.abc import Mapping

from railway.validation import NUMBERS, positive_number
from settings.reader import ConfigReader
from settings.rules import add_variable


def check_numbers(read: ConfigReader, environ: Mapping[str, str]) -> None:
    """Time-outs and factors are numbers with which a wait ends."""
    for name, most in NUMBERS.items():
        value = environ.get(name, "").strip()
        if value and (wrong := positive_number(value, most)):
            add_variable(read, name, f"{read.shown(name, value)} {wrong}.", f"unset {name}")
