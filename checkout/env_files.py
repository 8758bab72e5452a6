"""The `.env` files of a functions codebase, as the Firebase CLI reads them (firebase-tools 15.34).

`.env`, then `.env.<project id>` or `.env.<alias>` (.firebaserc), whose values win. `.env.local` is only for
the emulators; no other file is read. Values go to params and to plain variables alike.

Problems: a line that is not `NAME=value`, a reserved name, two files of the project and its aliases, a file
or an alias that leads out of the app.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from settings.files import exists, is_file, leaves, read_text
from settings.parsing import mapping, read_json, unusable
from settings.problems import Problem
from settings.reader import set_command
from settings.variables import function_variable
from user_errors import OR

_COMMON, _EMULATORS, _ALIASES = ".env", ".env.local", ".firebaserc"
_SECRET_BINDING = "FIREBASE_SECRET_REF_"  # noqa: S105  (a prefix of names, not a value)
_CLI_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_ASSIGNMENT = re.compile(r"\s*(?:export)?\s*([\w./]+)\s*=[\f\t\v]*", re.ASCII)
_QUOTED = re.compile(
    r"""[^\S\r\n]*(?:'((?:\\'|[^'])*)'|"((?:\\"|[^"])*)")[^\S\r\n]*(?:\#[^\r\n]*)?(?=[\r\n]|\Z)"""
)
_LINE_END = re.compile(r"\r\n?|\n")
_LONGEST_ALIAS = 255 - len(f"{_COMMON}.")  # bytes; the longest name of a file has 255 (Linux, NAME_MAX)
_BAD_LINES = 10  # of a file, that are reported
_CONFIG_KEYS = ("functionVariables", "functionParams")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True, kw_only=True)
class EnvFiles:
    """The variables of a codebase's files, and the file that each comes from."""

    values: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    for_emulators: bool = False


def load(folder: Path, app_dir: Path, project: str, where: str) -> tuple[EnvFiles, list[Problem]]:
    """Read the files of one codebase.

    Args:
        folder: `configDir` of the codebase, or its source folder.
        app_dir: the folder with .firebaserc.
        project: the Google project's id.
        where: the folder's name in messages.
    """
    own, problems = _own_file(folder, app_dir, project, where)
    values: dict[str, str] = {}
    sources: dict[str, str] = {}
    for name in (_COMMON, *own):
        path, key = folder / name, f"{where}/{name}"
        if not exists(path):
            continue
        if leaves(path, app_dir):
            what = "is a link, or is behind a link, that leads out of the app's folder. It is not read."
            variable, param = (set_command(name, "<string>", ".NAME") for name in _CONFIG_KEYS)
            fix = (
                f"Replace {path} by a regular file. Or remove it, and set each of its values:\n"
                f"{variable}\n{OR}{param}  # if it is a param"
            )
            problems.append(Problem(key=key, what=what, fix=fix))
            continue
        text, more = read_text(path, key)
        problems += more
        found, bad_lines = parse((text or "").removeprefix("\ufeff"))
        for number in bad_lines[:_BAD_LINES]:
            fix = f"Correct line {number} of {path}."
            problems.append(Problem(key=key, what=f"line {number} is not NAME=value.", fix=fix))
        for variable, value in found.items():
            problems += _name_problems(variable, key)
            if wrong := unusable(value):
                problems.append(Problem(key=key, what=f"{variable} {wrong}", fix=f"Correct {variable}."))
        found = {variable: value for variable, value in found.items() if not unusable(value)}
        values |= found
        sources |= dict.fromkeys(found, key)
    return EnvFiles(values=values, sources=sources, for_emulators=is_file(folder / _EMULATORS)), problems


def parse(text: str) -> tuple[dict[str, str], list[int]]:
    """The variables of a file, and the numbers of the lines that set none and are no comment.

    A value in quotes can have several lines; in double quotes, `\\n` and the like are characters. Outside of
    quotes a value ends at `#`, and spaces around it are not part of it. Line ends in a value stay as they
    are; only the first one of a file becomes `\\n`.
    """
    text = re.sub(r"\r\n?", "\n", text, count=1)
    values: dict[str, str] = {}
    bad: list[int] = []
    at = counted = 0
    number = 1  # of the line at `counted`
    while at < len(text):
        line_end = _LINE_END.search(text, at)
        end = len(text) if line_end is None else line_end.start()
        line = text[at:end].strip()
        assigned = _ASSIGNMENT.match(text, at, end)
        if assigned is not None:
            values[assigned[1]], end = _value(text, assigned.end(), end)
        elif line and not line.startswith("#"):
            number += len(_LINE_END.findall(text, counted, at))
            counted = at
            bad.append(number)
        line_end = _LINE_END.match(text, end)
        at = end + 1 if line_end is None else line_end.end()
    return values, bad


def _value(text: str, start: int, end: int) -> tuple[str, int]:
    """The value that begins at `start`, and where its last line ends."""
    quoted = _QUOTED.match(text, start)
    if quoted is not None:
        single, double = quoted.groups()
        return (_unescaped(double) if single is None else single), quoted.end()
    value = text[start:end].partition("#")[0].strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return (_unescaped(value[1:-1]) if value[0] == '"' else value[1:-1]), end
    return value, end


def _unescaped(text: str) -> str:
    return re.sub(r"""\\([nrtv\\'"])""", lambda match: _ESCAPES.get(match[1], match[1]), text)


def _name_problems(variable: str, key: str) -> Iterator[Problem]:
    if variable.startswith(_SECRET_BINDING):
        yield Problem(
            key=key,
            what=f"{variable} binds a secret, which this program does not read from .env files.",
            fix=f"Remove {variable}; name the secret in the code: defineSecret.",
        )
    elif not _CLI_NAME.fullmatch(variable):
        yield Problem(
            key=key,
            what=f'"{variable}" is not a name that the Firebase CLI accepts in a .env file.',
            fix=f"Rename {variable} (capital letters, digits, _; no digit first).",
        )
    elif wrong := function_variable(variable):
        yield Problem(key=key, what=f"{variable} {wrong}.", fix=f"Rename or remove {variable}.")


def _own_file(folder: Path, app_dir: Path, project: str, where: str) -> tuple[tuple[str, ...], list[Problem]]:
    """The file of the project or of its alias, besides `.env`."""
    of_project = f".env.{project}"
    others = {path.name for path in folder.glob(f"{_COMMON}.*")} - {_EMULATORS, of_project}
    aliases, problems = _aliases(app_dir, project) if others else ((), list[Problem]())
    files = {of_project, *(f".env.{alias}" for alias in aliases)} - {_EMULATORS}
    found = sorted(name for name in files if exists(folder / name))
    if len(found) > 1:
        what = f"{' and '.join(found)} belong to the project {project}; only one of them can be read."
        fix = f"Merge them into {of_project}."
        problems.append(Problem(key=where, what=what, fix=fix))
    return tuple(found[:1]), problems


def _aliases(app_dir: Path, project: str) -> tuple[tuple[str, ...], list[Problem]]:
    path = app_dir / _ALIASES
    if not exists(path):
        return (), []
    document, problems = read_json(path, _ALIASES)
    projects = mapping((document or {}).get("projects")) or {}
    aliases = [alias for alias, id_ in projects.items() if id_ == project]
    for alias in aliases:
        if not _is_part_of_a_name(alias):
            what = f"the alias {alias[:80]!a} of the project {project} cannot be part of a file's name."
            fix = f"Rename it in {path}, for example:\nfirebase use {project} --alias prod"
            problems.append(Problem(key=_ALIASES, what=what, fix=fix))
    return tuple(alias for alias in aliases if _is_part_of_a_name(alias)), problems


def _is_part_of_a_name(alias: str) -> bool:
    """The Firebase CLI takes any text as an alias. With `/` in it, `.env.<alias>` could be any file."""
    return alias.isprintable() and not set(alias) & {"/", "\\"} and len(alias.encode()) <= _LONGEST_ALIAS
