"""The compiler of security rules: the Firestore emulator's, or without an emulator a syntax check.

The emulator compiles rules when they are loaded. Rules that are only checked are loaded under a project id of
their own, so the released rules stay in effect. If the emulator does not respond, the error is 503.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, cast

import requests

from sandbox.google.errors import ApiError

if TYPE_CHECKING:
    from sandbox.google.store import Json

SCRATCH_PROJECT = "rules-compiler"
ERROR_LINE = re.compile(r"L(\d+):(\d+) (.*)")


async def compile_rules(emulator: str | None, files: list[Json]) -> list[Json]:
    """Return the compiler's issues (Firebase Rules API `Issue`), [] for none.

    Args:
        emulator: host:port, or None.
        files: `{name, content}` each.

    Raises:
        ApiError: UNAVAILABLE if the emulator does not respond.
    """
    if emulator is None:
        return _check_syntax(files)
    status, response = await _put(emulator, SCRATCH_PROJECT, files)
    if status == 200:
        return [_with_position(issue, files) for issue in cast("list[Json]", response.get("issues", []))]
    text = cast("str", cast("Json", response.get("error", {})).get("message", "rules do not compile"))
    return _issues(text, cast("str", files[0]["name"]))


async def load_rules(emulator: str | None, project: str, files: list[Json]) -> None:
    """Load rules into the emulator, if there is one; they are in effect from then on.

    Raises:
        ApiError: UNAVAILABLE if the emulator does not respond, INVALID_ARGUMENT if it rejects them.
    """
    if emulator is None:
        return
    status, response = await _put(emulator, project, files)
    if status != 200:
        raise ApiError("INVALID_ARGUMENT", f"The emulator rejected the rules: {response}")


async def _put(emulator: str, project: str, files: list[Json]) -> tuple[int, Json]:
    url = f"http://{emulator}/emulator/v1/projects/{project}:securityRules"
    shown = [{"name": file["name"], "content": file["content"]} for file in files]
    try:
        response = await asyncio.to_thread(_send, url, {"rules": {"files": shown}})
    except requests.RequestException as error:
        raise ApiError(
            "UNAVAILABLE", f"The Firestore emulator at {emulator} does not respond: {error!r}"
        ) from error
    return response.status_code, cast("Json", response.json() if response.content else {})


def _send(url: str, body: Json) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False  # the emulator is on this machine: never use a proxy
        return session.put(url, json=body, timeout=30)


def _with_position(issue: Json, files: list[Json]) -> Json:
    position = {"fileName": files[0]["name"], **cast("Json", issue.get("sourcePosition", {}))}
    return {"severity": "WARNING", **issue, "sourcePosition": position}


def _issues(text: str, file: str) -> list[Json]:
    """Parse the emulator's error text: a heading, then `L4:40 Unexpected ';'.` for each error."""
    issues: list[Json] = []
    for line in text.splitlines():
        match = ERROR_LINE.fullmatch(line.strip())
        if match is not None:
            issues.append(_error(file, int(match.group(1)), int(match.group(2)), match.group(3)))
        elif issues and line.strip():
            issues[-1]["description"] += f" {line.strip()}"
    return issues or [_error(file, 1, 1, text)]


def _check_syntax(files: list[Json]) -> list[Json]:
    issues: list[Json] = []
    for file in files:
        content, name = cast("str", file["content"]), cast("str", file["name"])
        stripped = re.sub(
            r"//[^\n]*|/\*.*?\*/|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"",
            lambda match: re.sub(r"[^\n]", " ", match.group()),
            content,
            flags=re.DOTALL,
        )
        issues.extend(_unbalanced(stripped, name))
        if not issues and not re.search(r"\bservice\s+[a-z.]+\s*\{", stripped):
            issues.append(_error(name, 1, 1, "Missing 'service' block."))
    return issues


def _unbalanced(text: str, name: str) -> list[Json]:
    pairs = {")": "(", "]": "[", "}": "{"}
    stack: list[tuple[str, int, int]] = []
    for number, line in enumerate(text.split("\n"), 1):
        for column, sign in enumerate(line, 1):
            if sign in pairs.values():
                stack.append((sign, number, column))
            elif sign in pairs:
                if not stack or stack[-1][0] != pairs[sign]:
                    return [_error(name, number, column, f"Unexpected '{sign}'.")]
                stack.pop()
    if stack:
        sign, number, column = stack[-1]
        return [_error(name, number, column, f"Missing a match for '{sign}'.")]
    return []


def _error(name: str, line: int, column: int, text: str) -> Json:
    position = {"fileName": name, "line": line, "column": column}
    return {"sourcePosition": position, "description": text, "severity": "ERROR"}
