"""The settings and the app of a stack, or one error that lists everything that is wrong with both.

It refuses to stop at the first problem, and to let anything be registered while there is one.
"""

from __future__ import annotations

import os
from pathlib import Path

import pulumi

from checkout import app as checkout
from checkout.rules_compiler import compile_problems
from firebase.rest import GoogleApi
from settings.load import load_settings
from settings.model import Settings
from settings.problems import Problem, ProblemsError

CACHE = Path(".cache")


def load() -> tuple[Settings, checkout.App]:
    """What the stack's config and the checkout say, with the app's warnings shown.

    Raises:
        pulumi.RunError: the problems, as text for a person; the language host shows it without a traceback.
    """
    problems: list[Problem]
    app: checkout.App | None = None
    settings, problems = load_settings(pulumi.Config(), pulumi.get_stack(), os.environ)
    if settings is not None:
        app, more = checkout.load(settings)
        problems = [*problems, *more]
    if settings is not None and app is not None and app.rules is not None and not problems:
        problems = compile_problems(GoogleApi(), settings.google.project, app.rules, CACHE)
    if settings is None or app is None or problems:
        raise pulumi.RunError(str(ProblemsError(problems)))
    for warning in (*settings.warnings, *app.warnings):
        pulumi.log.warn(warning)
    for note in app.notes:
        pulumi.log.info(note)
    return settings, app
