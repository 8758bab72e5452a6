"""Fixtures of the unit tests of settings and app: a stack's config, and an installed functions SDK."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pulumi
import pytest
from pulumi.runtime.config import set_all_config

from tests import functions_sdk


@pytest.fixture
def stack() -> Iterator[Callable[[Mapping[str, str], list[str]], pulumi.Config]]:
    """Set the whole config of a stack: values and the keys that are secret. It is cleared afterwards.

    Secret outputs need an event loop; the test gets its own.
    """
    before = asyncio.get_event_loop()  # the process's own, which other tests may use
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    def put(values: Mapping[str, str], secret: list[str]) -> pulumi.Config:
        set_all_config(dict(values), secret)
        return pulumi.Config("whatsapp-crm")

    yield put
    set_all_config({}, [])
    loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(loop)))
    loop.close()
    asyncio.set_event_loop(before)


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The dependencies of the example's functions, installed once per lock file and kept."""
    return functions_sdk.installed()
