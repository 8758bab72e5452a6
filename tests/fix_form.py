"""The form of a fix: a user copies each command in it as a line into a shell.

`tests/conftest.py` applies it to every fix that a test renders.
"""

from __future__ import annotations

import re
import shlex
import subprocess

from user_errors import OR

_PROGRAMS = frozenset(
    {
        "apt-get", "brew", "cd", "eval", "export", "firebase", "gcloud", "git", "kill", "mkdir", "node",
        "npm", "npx", "pulumi", "python3", "rm", "unset",
    }
)  # fmt: skip
_PATH = re.compile(r"(\.venv/bin|/\S*)/(python[\d.]*|node)")
_ASSIGNMENT = re.compile(r"[A-Z][A-Z0-9_]*=\S+ ")
_PLACEHOLDER = re.compile(r"<([^<>]*)>")
_COMMENT = re.compile(r"\s#\s.*")
# Commands that a sentence must not contain: those with arguments, which a user would have to type.
_IN_REMARK = re.compile(
    r"\bpulumi (config|state|login|import|stack (init|select))\b|\bgcloud \w|\bnpm (ci|install|run)\b"
    r"|\.venv/bin/python|\bunset [A-Z_]{3,}\b *(&&|$)|\bexport [A-Z_]+="
)
_CUT = " more characters)"
_JOINED = {"or", "then", "and"}


def is_command(line: str) -> bool:
    """Whether a line of a fix is a command, and not a remark."""
    words = line.removeprefix(OR).split()
    if not words:
        return False
    if words[0] == "make":
        return len(words) == 2
    start = words[0]
    return start in _PROGRAMS or bool(_PATH.fullmatch(start) or _ASSIGNMENT.match(line.removeprefix(OR)))


def commands(fix: str) -> list[str]:
    """The commands of a fix, with a word in place of each placeholder."""
    lines = [line.removeprefix(OR) for line in fix.split("\n") if is_command(line)]
    return [_PLACEHOLDER.sub("PLACEHOLDER", line) for line in lines]


def faults(fix: str) -> list[str]:
    """What keeps the commands of a fix from being pasted; `[]` for a fix that was cut."""
    if _CUT in fix:
        return []
    found: list[str] = []
    for line in fix.split("\n"):
        if is_command(line):
            found += [f"{line!r}: {fault}" for fault in _command_faults(line.removeprefix(OR))]
        elif _IN_REMARK.search(line):
            found.append(f"{line!r}: a command inside of a remark")
    return found


def _command_faults(line: str) -> list[str]:
    found = [f"<{text}> has a quote" for text in _PLACEHOLDER.findall(line) if "'" in text or '"' in text]
    text = _COMMENT.sub("", _PLACEHOLDER.sub("PLACEHOLDER", line))
    words = shlex.shlex(text, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    words.commenters = ""
    try:
        tokens = list(words)
    except ValueError as error:
        return [*found, str(error)]
    operators = [token for token in tokens if set(token) <= set("();<>|&")]
    found += [f"{token!r} outside of quotes" for token in operators if set(token) & set("();")]
    found += [f"the word {token!r}" for token in tokens if token in _JOINED]
    if text[-1] in ",;.:" and not text.endswith(" ."):
        found.append(f"ends with {text[-1]!r}")
    return found


def syntax_errors(lines: list[str]) -> str:
    """What `bash -n`, which runs nothing, says about the commands."""
    checked = subprocess.run(
        ["bash", "-n"], input="\n".join(lines), capture_output=True, text=True, check=False
    )
    return checked.stderr
