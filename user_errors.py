"""Errors of dynamic providers that Pulumi shows without a traceback, and text that a terminal can show.

The SDK's provider process returns every exception with its traceback (`pulumi.dynamic.__main__`, 3.272), and
has no type for an error that is not a defect. A `UserError` is returned as its text; other exceptions keep
their traceback, which is needed to find the defect.

Logs of the backend, messages of Google and Railway and the output of the app's code are foreign text: a
terminal would execute the escape sequences in it. Every error and every log line passes `printable`.
"""

from __future__ import annotations

import re
import shlex
import sys
import traceback
import unicodedata

from pulumi import dynamic

# ECMA-48: CSI sequences; the strings of OSC, DCS, SOS, PM and APC; other sequences. Each in its form with ESC
# and in its form with one C1 character.
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\n\x1b\x80-\x9f]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]"
)
_LINE_ENDS = re.compile(r"\r\n|[\r\u2028\u2029]")
# Joiners, which scripts and emoji need. The other format characters reverse or hide text (Unicode TR 36).
_NEEDED_FORMATS = "\u200c\u200d"
_COLOR_DIRECTIVE = "<{%"
_PLACEHOLDER = re.compile(r"<[A-Za-z0-9][A-Za-z0-9_ .,:/-]*>")


def printable(text: str) -> str:
    """The text without what changes a terminal: escape sequences, control characters, bidi overrides.

    Newlines and tabs stay; a carriage return becomes a newline, half of a surrogate pair U+FFFD. The
    directives `<{%...%}>`, by which the Pulumi CLI colors messages, are broken up: the CLI ends with a panic
    at one that it does not know (pulumi/sdk, `colors.writeDirective`).

    Example:
        >>> printable("\x1b]0;title\x07\x1b[31mred\x1b[0m")
        'red'
    """
    return without_controls(text).replace(_COLOR_DIRECTIVE, "<{ %")


def without_controls(text: str) -> str:
    """The text without what changes a terminal; directives of the Pulumi CLI stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, _LINE_ENDS.sub("\n", _SEQUENCES.sub("", text))))


def _shown(character: str) -> str:
    match unicodedata.category(character):
        case "Cc":
            return character if character in "\n\t" else ""
        case "Cf":
            return character if character in _NEEDED_FORMATS else ""
        case "Cs":
            return "\ufffd"
        case _:
            return character


def shell_word(value: object) -> str:
    """A value as one word of a command that a user copies: quoted if the shell would read it otherwise.

    A placeholder such as `<your own value>` stays as it is, to be recognised as one. It has only characters
    that expand to nothing: the value may come from the app's checkout.

    Example:
        >>> shell_word("my backend"), shell_word("<name>")
        ("'my backend'", '<name>')
    """
    text = str(value)
    return text if _PLACEHOLDER.fullmatch(text) else shlex.quote(text)


OR = "or:  "
"""Starts the line of a fix that has another way than the lines before it."""


def lines_of(fix: str) -> list[str]:
    """The lines of a fix: each is a command as a user pastes it into a shell, or a remark."""
    return fix.split("\n")


def add_fix(what: str, fix: str, indent: str = "  ") -> str:
    """`what`, and below it the fix.

    Nothing follows a command on its line, except a shell comment: it is copied as a line.

    Args:
        what: what happened, and where.
        fix: lines, each a command or a remark. A line that starts with `OR` is another way.
        indent: of the labels.

    Example:
        >>> print(add_fix("the key is empty", f"pulumi config set key value\\n{OR}pulumi config rm key"))
        the key is empty
          fix: pulumi config set key value
          or:  pulumi config rm key
    """
    first, *rest = lines_of(fix)
    shown = [f"{indent}fix: {first}"]
    shown += [f"{indent}{line}" if line.startswith(OR) else f"{indent}     {line}" for line in rest]
    return "\n".join([what, *shown])


class UserError(Exception):
    """The text contains what happened, where, and `fix:` with a command or an edit. It contains no secret.

    Args:
        text: the text; `printable` is applied to it.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(printable(text))


class _TracebackOfDefectsOnly:
    """The part of the module `traceback` that the SDK's process uses."""

    @staticmethod
    def format_exc() -> str:
        error = sys.exc_info()[1]
        return printable(str(error) if isinstance(error, UserError) else traceback.format_exc())


def report_user_errors_without_traceback() -> None:
    """Make the SDK's provider process return a `UserError` as its text; no effect in other processes.

    It replaces only the name `traceback` in the SDK's `__main__`.
    """
    process = sys.modules["__main__"]
    name = getattr(getattr(process, "__spec__", None), "name", "")
    if name == "pulumi.dynamic.__main__" and hasattr(process, "traceback"):
        vars(process)["traceback"] = _TracebackOfDefectsOnly


class Provider(dynamic.ResourceProvider):
    """The base of the dynamic providers. The pickle of an instance without attributes is only its class."""

    serialize_as_secret_always = False  # the pickle is a module path, not a secret

    def configure(self, req: dynamic.ConfigureRequest) -> None:
        """Show errors without a traceback."""
        del req
        report_user_errors_without_traceback()
