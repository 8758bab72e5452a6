"""The settings in a stack's file, read without Pulumi, its backend and its key. Secrets stay encrypted.

A secret value is replaced by a placeholder. So the settings are fit to read the app, not to deploy it.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pulumi
from pulumi.runtime.config import set_all_config

from ops.stack import PROJECT
from settings.files import is_file, read_text
from settings.keys import NAMESPACE
from settings.load import load_settings
from settings.model import Settings
from settings.parsing import mapping, sequence
from settings.problems import Problem
from settings.yaml_text import YamlError, yaml_value

PLACEHOLDER = "encrypted"


def name_of(stack: str) -> str:
    """The name of a stack's file: `my-org/prod` has the file of `prod`."""
    return f"Pulumi.{stack.rpartition('/')[2]}.yaml"


def parse(text: str, file: str) -> tuple[dict[str, object] | None, list[Problem]]:
    """The document in a stack's file, or the problem. `file` names it."""
    fix = f"Correct {file}."
    try:
        document = mapping(yaml_value(text))
    except YamlError as error:
        return None, [Problem(key=file, what=str(error), fix=fix)]
    if document is None or mapping(document.get("config") or {}) is None:
        return None, [Problem(key=file, what="does not contain the config of a stack.", fix=fix)]
    return document, []


def load(stack: str, folder: Path = PROJECT) -> tuple[Settings | None, list[Problem]]:
    """The settings of a stack, or None and the problems that keep the app from being read."""
    name = name_of(stack)
    if not is_file(folder / name):
        what = f"there is no {name}, the file of the stack {stack}."
        return None, [Problem(key=name, what=what, fix="Choose one of: ls Pulumi.*.yaml")]
    text, problems = read_text(folder / name, name)
    document, more = (None, []) if text is None else parse(text, name)
    if document is None:
        return None, [*problems, *more]
    values: dict[str, str] = {}
    secret: list[str] = []
    for key, value in (mapping(document.get("config")) or {}).items():
        plain, is_secret = _plain(value)
        values[key] = _as_config(plain)
        secret += [key] if is_secret else []
    set_all_config(values, secret)

    async def read() -> tuple[Settings | None, list[Problem]]:  # a secret value needs an event loop
        found = load_settings(pulumi.Config(NAMESPACE), stack, {})
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
        return found

    loop = asyncio.new_event_loop()
    try:
        settings, problems = loop.run_until_complete(read())
    finally:
        loop.close()
        set_all_config({}, [])
    # Tokens and credentials belong to a machine that deploys.
    return settings, [] if settings else [one for one in problems if one.key.startswith(f"{NAMESPACE}:")]


def _plain(value: object) -> tuple[object, bool]:
    """A value with placeholders for encrypted parts, and whether it has any."""
    fields = mapping(value)
    if fields is not None:
        if list(fields) == ["secure"]:
            return PLACEHOLDER, True
        parts = {name: _plain(part) for name, part in fields.items()}
        return {name: part for name, (part, _) in parts.items()}, any(one for _, one in parts.values())
    items = sequence(value)
    if items is not None:
        found = [_plain(item) for item in items]
        return [item for item, _ in found], any(one for _, one in found)
    return value, False


def _as_config(value: object) -> str:
    """A value as the engine gives it to a program."""
    if isinstance(value, str):
        return value
    return json.dumps(value, default=str)
