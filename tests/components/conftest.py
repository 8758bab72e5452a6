"""The real `__main__.py`, run without an engine."""

from __future__ import annotations

import gc
import runpy
from collections.abc import Callable
from pathlib import Path

import pulumi
import pytest

from checkout import load
from checkout.app import App
from settings.model import Settings
from tests.components import world
from tests.components.engine import Engine, Program, build

PROGRAM = Path(__file__).parents[2] / "__main__.py"

Run = Callable[..., Engine]
KEPT: list[Engine] = []


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run(settings=..., app=...)`: run the program with these (functions, called inside the run).

    The result for the defaults is kept.
    """

    def composed(
        settings: Callable[[], Settings] = world.settings,
        app: Callable[[], App] = world.app,
    ) -> Engine:
        if (settings, app) == (world.settings, world.app) and KEPT:
            return KEPT[0]
        monkeypatch.setattr(load, "load", lambda: (settings(), app()))
        programs: list[Program] = []
        monkeypatch.setattr(pulumi, "run", programs.append)
        monkeypatch.setattr(gc, "disable", lambda: None)  # the tests' process lives longer than a program's
        runpy.run_path(str(PROGRAM))
        engine = build(programs[0])
        if (settings, app) == (world.settings, world.app):
            KEPT.append(engine)
        return engine

    return composed
