"""The settings and the app of a stack, or one error that lists all problems of both.

Nothing is registered if there is a problem. What takes a request is last: the database and the buckets of
triggers are read, and the rules are compiled. Rules that compile, but that `checkout.rules_parser` cannot
read, are a problem too. Then the app's own tests of the rules run, if there are any (`checkout.rules_tests`).

The language host adds "an unhandled error occurred" to a program that ends by a `RunError`, although its
text is already shown. After the exit code 32 it adds nothing (`pulumi-language-python-exec`, 3.274).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pulumi

from checkout import discovered, never_delete, rules_tests, storage_rules
from checkout.app import CACHE_DIR, App
from checkout.app import load as load_app
from checkout.live_buckets import located
from checkout.live_database import database_problems, other_problems
from checkout.rules_compiler import compile_problems
from checkout.rules_file import RulesFile
from firebase.rest import GoogleApi
from settings.load import PROGRAM_DIR, load_settings
from settings.model import Settings
from settings.problems import Problem, first, render
from user_errors import printable

MESSAGE_SHOWN = 32

Result = TypeVar("Result")


def load() -> tuple[Settings, App]:
    """Read the stack's config and the checkout; logs the warnings.

    Raises:
        pulumi.RunError: there are problems. `shown_once` shows the text without a traceback.
    """
    app: App | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    settings, problems = load_settings(pulumi.Config(), pulumi.get_stack(), os.environ)
    if settings is not None:
        results = os.environ.get(discovered.VARIABLE)
        is_update = not pulumi.runtime.is_dry_run()
        app, more = load_app(settings, results=Path(results) if results else None, after_preview=is_update)
        problems = [*problems, *more]
        api = GoogleApi()
        if app is not None and not problems:
            problems = database_problems(api, settings.google, CACHE_DIR)
        if app is not None and not problems:
            app, problems = located(api, app, settings.google)
        if app is not None and app.rules is not None and not problems:
            problems = _rules_problems(api, settings, app.rules)
        for other in app.databases if app is not None and not problems else ():
            problems += other_problems(api, settings.google.project, other.database, CACHE_DIR)
            if other.rules is not None and not problems:
                problems += _rules_problems(api, settings, other.rules)
        if app is not None and app.storage and not problems:
            storage, problems = storage_rules.with_buckets(api, settings.google, app.storage, CACHE_DIR)
            app = replace(app, storage=storage)
            for file in dict.fromkeys(one.file for one in storage):
                problems += compile_problems(api, settings.google.project, file, CACHE_DIR)
        if app is not None and settings.google.firestore_rules_tests and not problems:
            tested = _test_rules(settings, app, results, after_preview=is_update)
            problems, warnings, notes = list(tested.problems), tested.warnings, tested.notes
    if settings is None or app is None or problems:
        raise pulumi.RunError(render(problems))
    for warning in first((*settings.warnings, *app.warnings, *warnings), "warnings"):
        pulumi.log.warn(printable(warning))
    for note in first((*app.notes, *notes), "notes"):
        pulumi.log.info(printable(note))
    return settings, app


def _rules_problems(api: GoogleApi, settings: Settings, rules: RulesFile) -> list[Problem]:
    """Why rules of Firestore are not released: they do not compile, or do not prove what they must."""
    problems = compile_problems(api, settings.google.project, rules, CACHE_DIR)
    protected = never_delete.protection(settings.google)
    return problems or never_delete.problems(rules.name, rules.content, protected)


def _test_rules(
    settings: Settings, app: App, results: str | None, *, after_preview: bool
) -> rules_tests.Outcome:
    """Run the app's own tests of the rules, last of all; or what `ops discover` found (`results`)."""
    if app.rules is None:
        return rules_tests.Outcome(problems=(rules_tests.without_rules(),))
    tests = rules_tests.OwnTests(
        google=settings.google, app_dir=settings.app_dir, rules=app.rules.name, text=app.rules.content
    )
    if results:
        return rules_tests.check_record(PROGRAM_DIR / results, results, tests)
    return rules_tests.run(tests, CACHE_DIR, after_preview=after_preview)


def shown_once(program: Callable[[], Awaitable[Result]]) -> Callable[[], Awaitable[Result]]:
    """Return the program with each `RunError` turned into one error message and the exit code 32.

    Example:
        pulumi.run(shown_once(production))
    """

    async def run() -> Result:
        try:
            return await program()
        except pulumi.RunError as error:
            pulumi.log.error(printable(str(error)))
            sys.exit(MESSAGE_SHOWN)

    return run
