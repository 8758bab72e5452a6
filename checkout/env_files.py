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

# The Firebase CLI accepts it in a file, and sets another value for each function.
SET_BY_THE_CLI = ("LOG_EXECUTION_ID",)
_COMMON, _EMULATORS, _ALIASES = ".env", ".env.local", ".firebaserc"
_SECRET_BINDING = "FIREBASE_SECRET_REF_"  # noqa: S105  (a prefix of names, not a value)
_CLI_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
# Of JavaScript: `\s` and what `trim` removes, and where `^` and `$` match with the flag m.
_WIDE = (
    "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\ufeff"
)
_SPACE = f"\t\v\f {_WIDE}\n\r\u2028\u2029"
_QUOTES = "'\""
_LINE_ENDS = "\n\r\u2028\u2029"
_SPACES = re.compile(f"[{_SPACE}]*")
_EXPORTED = re.compile(rf"export[{_SPACE}]*([\w./]+)", re.ASCII)
_ASSIGNED = re.compile(r"([\w./]+)", re.ASCII)
_EQUALS = re.compile(rf"[{_SPACE}]*=")
_PLAIN = re.compile(r"[^#\r\n]*")
_COMMENT = re.compile(r"[^\n]*")
_LINE_END = re.compile(f"[{_LINE_ENDS}]")
_FIRST_LINE_END = re.compile(r"\r\n?")
_NUMBERED = re.compile(r"\r\n?|\n")
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
        found, bad_lines = parse(text or "")
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

    The result is the one of the expression LINE_RE of firebase-tools (`src/functions/env.ts`), which takes
    minutes for some files. As there, spaces around `=` and before a value in quotes can have line ends; a
    value in quotes ends at the last quote that only a comment or a line end follows; any other value ends at
    `#` or at the end of its line. In double quotes, `\\n` and the like are characters.
    """
    text = _FIRST_LINE_END.sub("\n", text, count=1)
    values: dict[str, str] = {}
    gaps: list[tuple[int, int]] = []  # what sets no variable: start and end
    at = ended = 0
    while at < len(text):
        begun = _after(_SPACES, text, at)
        name, value_start = _name(text, begun)
        if name:
            gaps.append((ended, at))
            values[name], ended = _value(text, value_start)
            begun = ended
            if ended and text[ended - 1] in _LINE_ENDS:
                at = ended
                continue
        line_end = _LINE_END.search(text, begun)
        at = len(text) if line_end is None else line_end.end()
    gaps.append((ended, len(text)))
    return values, _bad_lines(text, gaps)


def _after(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Where a pattern that also matches nothing ends."""
    match = pattern.match(text, start)
    return start if match is None else match.end()


def _name(text: str, start: int) -> tuple[str, int]:
    """The name of the assignment that begins at `start`, and where its value begins; "" if there is none."""
    for pattern in (_EXPORTED, _ASSIGNED) if text.startswith("export", start) else (_ASSIGNED,):
        match = pattern.match(text, start)
        if match is not None:
            # What is after the name is matched apart: as one expression it would be tried for shorter names.
            after = _EQUALS.match(text, match.end())
            if after is not None:
                return match[1], after.end()
    return "", start


def _value(text: str, start: int) -> tuple[str, int]:
    """The value that begins at `start`, and where its assignment ends."""
    opening = _after(_SPACES, text, start)
    if text[opening : opening + 1] in tuple(_QUOTES):
        for closing in _closing_quotes(text, opening):
            end = _end(text, closing + 1)
            if end is not None:
                return _unquoted(text[opening : closing + 1]), end
    until = _after(_PLAIN, text, start)
    end = _end(text, until)
    assert end is not None  # a comment, a line end or the end of the text follows
    return _unquoted(text[start:until].strip(_SPACE)), end


def _closing_quotes(text: str, opening: int) -> Iterator[int]:
    """Where a value in quotes may end: at the first quote without a backslash, or at one with it."""
    quote = text[opening]
    escaped: list[int] = []
    at = opening + 1
    while (found := text.find(quote, at)) >= 0:
        at = found + 1
        if found - 1 > opening and text[found - 1] == "\\":
            escaped.append(found)
        else:
            yield found
            break
    yield from reversed(escaped)


def _end(text: str, start: int) -> int | None:
    """The end of the line on which only spaces, line ends and a comment follow; None if more follows."""
    after = _after(_SPACES, text, start)
    if after == len(text) or text[after] == "#":
        return _after(_COMMENT, text, after)
    line_end = max(text.rfind(one, start, after) for one in _LINE_ENDS)
    return None if line_end < 0 else line_end


def _unquoted(value: str) -> str:
    """The text in the quotes. They may also enclose one of several lines that U+2028 or U+2029 separates."""
    if len(value) > 1 and value[0] == value[-1] and value[0] in _QUOTES:
        return _unescaped(value[1:-1]) if value[0] == '"' else value[1:-1]
    if not set(_QUOTES) & set(value):
        return value
    last = {
        character: at
        for at, character in enumerate(value)
        if character in _QUOTES and (at + 1 == len(value) or value[at + 1] in _LINE_ENDS)
    }
    for at, character in enumerate(value if last else ""):
        if (at == 0 or value[at - 1] in _LINE_ENDS) and last.get(character, -1) > at:
            inner = value[at + 1 : last[character]]
            return _unescaped(inner) if character == '"' else inner
    return value


def _unescaped(text: str) -> str:
    return re.sub(r"""\\([nrtv\\'"])""", lambda match: _ESCAPES.get(match[1], match[1]), text)


def _bad_lines(text: str, gaps: list[tuple[int, int]]) -> list[int]:
    """The numbers of the lines with text in the gaps. Firebase-tools reads all gaps as one text."""
    rest = "".join(text[start:end] for start, end in gaps)
    bad: list[int] = []
    number, counted, gap, before = 1, 0, 0, 0  # `before`: characters of the gaps before this one
    for line in re.finditer(r"[^\r\n]+", rest):
        shown = line[0].strip(_SPACE)
        if not shown or shown.startswith("#"):
            continue
        place = line.start() + line[0].index(shown)
        while place - before >= gaps[gap][1] - gaps[gap][0]:
            before += gaps[gap][1] - gaps[gap][0]
            gap += 1
        at = gaps[gap][0] + place - before
        number += len(_NUMBERED.findall(text, counted, at))
        counted = at
        bad.append(number)
    return bad


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
    elif variable not in SET_BY_THE_CLI and (wrong := function_variable(variable)):
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
