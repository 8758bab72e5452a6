"""The config of a stack without an engine, set as often as a test needs it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Generator
from pathlib import Path

import pulumi
from pulumi.runtime.config import set_all_config

from settings.load import load_settings
from settings.model import Settings
from settings.problems import Problem
from tests import bad_settings
from tests.bad_rows import Bad

Loaded = tuple[Settings | None, list[Problem]]


@contextlib.contextmanager
def loaded(bad: Bad, app_dir: Path | None = None) -> Generator[Loaded]:
    """The settings of the sandbox's stack with the row's changes. The config is cleared afterwards."""
    before = asyncio.get_event_loop()  # the process's own, which other tests may use
    loop = asyncio.new_event_loop()  # secret outputs need one
    asyncio.set_event_loop(loop)
    config, secret = bad_settings.stack_config(bad, app_dir)
    set_all_config(config, secret)
    try:
        yield load_settings(pulumi.Config("whatsapp-crm"), bad.stack, bad_settings.environ(bad))
    finally:
        set_all_config({}, [])
        loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(loop)))
        loop.close()
        asyncio.set_event_loop(before)
