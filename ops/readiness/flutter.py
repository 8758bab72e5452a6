"""Section E of the runbook, the Flutter app. Dart is parsed by `checkout.flutter`; nothing of the app is run,
except `flutter analyze` where Flutter is installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from checkout import firebase_json, index_file
from checkout.flutter.check import check_app, find_app
from checkout.flutter.results import LineResult, Project
from ops.readiness.context import Context
from ops.readiness.findings import failed, passed, some, unknown
from ops.readiness.model import Finding
from settings.files import read_text
from settings.flutter_names import names_of
from settings.problems import Problem
from user_errors import UserError, shell_word

MOST_PLACES = 200
"""How many places the evidence of a line lists."""

ANALYZE = "E7"
"""The line that needs a program of Flutter."""


def checked(line: str) -> Callable[[Context], Finding]:
    """The check of a line of section E.

    Args:
        line: its id.
    """
    return lambda context: _checked(line, context)


def _checked(line: str, context: Context) -> Finding:
    root, why = context.once("flutter app", lambda: _app(context))
    if root is None:
        fix = f"pulumi config set whatsapp-crm:flutterApp <its folder in the checkout> -s {context.name}"
        return unknown(f"there is no Flutter app to check: {why}", fix)
    result = context.once("flutter", lambda: _results(context, root)).get(line)
    if result is None:
        return unknown("the app's check has no answer for this line", context.again("--only E"))
    asked = f"the Dart files and configuration of {root}"
    places = [f"{one.file}:{one.line}: {one.what}" for one in result.findings]
    answer = some([*([result.checked] if result.checked else []), *places, *result.unknown], most=MOST_PLACES)
    seen = context.seen(asked, answer or "nothing was found")
    if result.findings:
        fixes = dict.fromkeys(one.fix for one in result.findings)
        return failed(some(places), some(fixes), seen)
    if result.unknown:
        fix = f"look at these places; if they are right, waive {line}: docs/readiness.md"
        if line == ANALYZE:
            fix = f"install Flutter, or on a machine that has it:\ncd {shell_word(root)} && flutter analyze"
        return unknown(some(result.unknown), fix, seen)
    return passed(result.checked or "nothing to correct", seen)


def _app(context: Context) -> tuple[Path | None, str]:
    return find_app(context.settings.app_dir, context.settings.flutter_app)


def _results(context: Context, root: Path) -> Mapping[str, LineResult]:
    names = names_of(context.settings.flutter_names)
    return {one.id: one for one in check_app(root, names, _project(context))}


def _project(context: Context) -> Project:
    """What the app has to agree with: the deployed project, and the rules and indexes of the checkout.

    Raises:
        UserError: firebase.json or a file that it names cannot be read.
    """
    found, problems = firebase_json.load(context.settings.app_dir, context.spec.database)
    if found is None:
        raise _unreadable(problems)
    indexes, rules = None, ""
    if found.indexes is not None:
        text, problems = read_text(found.indexes, found.indexes_name)
        indexes, more = (None, []) if text is None else index_file.parse(text, found.indexes_name)
        if problems or more:
            raise _unreadable([*problems, *more])
    if found.rules is not None:
        text, problems = read_text(found.rules, found.rules_name)
        if text is None:
            raise _unreadable(problems)
        rules = text
    hosts = (context.spec.backend_url, context.declared.domain, context.declared.custom_domain or "")
    return Project(
        project_id=context.spec.project,
        indexes=indexes,
        index_file=found.indexes_name,
        rules=rules,
        backend_addresses=tuple(dict.fromkeys(urlsplit(one).netloc or one for one in hosts if one)),
        code=(*(one.folder for one in found.codebases), *_backend(context)),
    )


def _backend(context: Context) -> list[Path]:
    """The folder of the backend's code, if it is in the same checkout."""
    inside = context.settings.railway.root_directory
    folder = context.settings.app_dir / inside if inside else None
    return [folder] if folder is not None and folder.is_dir() else []


def _unreadable(problems: list[Problem]) -> UserError:
    return UserError("\n".join(str(one) for one in problems) or "firebase.json cannot be read")
