"""The command line of `python -m ops readiness`.

Exit code 0: ready; 1: not ready; 2: it could not run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ops import stack, stack_file
from ops.readiness import declared, history, html_report, json_report, junit_report, run, text_report, waivers
from ops.readiness.context import Context
from ops.readiness.lines import LINES, SECTIONS, chosen
from ops.readiness.model import Line, Report, Verdict
from settings.model import Settings
from settings.problems import render
from user_errors import UserError, add_fix, printable, shell_word

READY, NOT_READY, COULD_NOT_RUN = 0, 1, 2
WRITERS: Mapping[str, Callable[[Report], str]] = {
    "json": json_report.to_json,
    "junit": junit_report.to_junit,
    "md": text_report.markdown,
    "html": html_report.to_html,
}


def main(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code.

    Raises:
        UserError, StackError: it could not run.
    """
    lines = chosen(options.only)
    if options.list:
        print_list(lines, lambda line: sys.stdout.write(f"{line}\n"))
        return READY
    report = check(
        options.stack,
        lines,
        environ=os.environ,
        retry_seconds=options.retry_until,
        previous=options.previous,
        say=_say,
    )
    for form, file in [one for group in options.report for one in group]:
        file.write_text(WRITERS[form](report), encoding="utf-8")
    history.keep(stack.PROJECT, report)
    sys.stdout.writelines(f"{line}\n" for line in text_report.lines(report))
    return READY if report.ready else NOT_READY


def _say(text: str) -> None:
    sys.stderr.write(f"{printable(text)}\n")
    sys.stderr.flush()


def print_list(lines: Sequence[Line], say: Callable[[str], object]) -> None:
    """Print the lines by section."""
    for letter, name in SECTIONS.items():
        of_section = [one for one in lines if one.section == letter]
        if of_section:
            say(f"{letter}  {name}")
        for one in of_section:
            say(f"  {one.id}  {one.severity.value:8}  {one.words}")


def check(
    name: str,
    lines: Sequence[Line],
    *,
    environ: Mapping[str, str],
    retry_seconds: float = 0.0,
    previous: Path | None = None,
    say: Callable[[str], object],
) -> Report:
    """Check lines of the runbook for a stack.

    Args:
        name: the stack.
        lines: the lines.
        environ: the environment variables, with endpoints and tokens.
        retry_seconds: how long to wait for indexes and deployments.
        previous: the JSON report with which the run is compared; that of the last run if None.
        say: prints a line of progress.

    Raises:
        UserError, StackError: the stack, its settings or the report before could not be read.
    """
    before = _before(name, previous)
    settings = settings_of(name)
    stated = declared.read(name)
    started = datetime.now(UTC)

    def context() -> Context:
        return Context.on(name, stated, settings, environ)

    found = run.run(lines, context, retry_seconds=retry_seconds, say=say)
    given = waivers.read(settings.readiness_waivers)
    result = run.outcomes(lines, found, given, stack=name, today=started.date())
    at, verdicts = before
    return Report(
        stack=name,
        project=stated.spec.project,
        commit=commit(stack.PROJECT),
        started=started,
        finished=datetime.now(UTC),
        outcomes=[replace(one, before=verdicts.get(one.line.id)) for one in result],
        total=len(LINES),
        previous=at,
    )


def commit(folder: Path) -> str:
    """The commit of a checkout, with "+changes" if its files differ; "" if it is none."""
    try:
        head = _git(folder, "rev-parse", "--short=12", "HEAD")
        return head + ("+changes" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout.strip()


def _before(name: str, given: Path | None) -> tuple[datetime | None, dict[str, Verdict]]:
    file = history.path(stack.PROJECT, name) if given is None else given
    try:
        at, verdicts = json_report.previous(file)
    except FileNotFoundError:
        if given is None:
            return None, {}
        fix = f"ls {shell_word(given.parent)}  # name one of its files"
        raise UserError(add_fix(f"there is no file {given}", fix)) from None
    return at, verdicts


def settings_of(name: str) -> Settings:
    """The settings in a stack's file.

    Args:
        name: the stack.

    Raises:
        UserError: there is no such file, or it is wrong.
    """
    settings, problems = stack_file.load(name)
    wrong = [one for one in problems if one.key.startswith(waivers.KEY)]
    if wrong or settings is None:
        raise UserError(render(wrong or problems))
    return settings
