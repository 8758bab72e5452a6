"""A small Flutter app that every line of section E accepts, and what tests change in it.

`HERE` marks the line of Dart where a finding is expected.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from checkout import index_file
from checkout.flutter.check import check_app
from checkout.flutter.results import LineResult, Names, Project

HERE = "// HERE"
NAMES = Names(
    events="bookings",
    send="dispatchMessage",
    send_function="relaySend",
    delete_account_function="relayRemove",
)
RULES = """rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    match /bookings/{id} { allow read; allow create: if request.resource.data.schemaVersion == 3; }
    match /threads/{id} { allow read: if true; }
    match /{path=**}/messages/{id} { allow read: if true; allow create, update: if false; }
    match /tasks/{id} {
      allow read: if resource.data.keys().hasAll(['state', 'dueAt', 'owner', 'labels', 'rank']);
    }
  }
}
"""
IMPORTS = """import 'package:cloud_firestore/cloud_firestore.dart';
import 'package:cloud_functions/cloud_functions.dart';
import 'package:flutter/material.dart';
import 'services/relay.dart';

"""
FILES: Mapping[str, str] = {
    "pubspec.yaml": "name: desk\ndependencies:\n  flutter:\n    sdk: flutter\n",
    "lib/firebase_options.dart": """import 'package:firebase_core/firebase_core.dart';
const options = FirebaseOptions(projectId: 'desk-prod', apiKey: 'k', appId: 'a', messagingSenderId: '1');
""",
    "lib/services/relay.dart": """import 'package:cloud_functions/cloud_functions.dart';

class Relay {
  Relay(this.functions);
  final FirebaseFunctions functions;

  Future<void> dispatchMessage(String to, String text) =>
      functions.httpsCallable('relaySend').call({'to': to, 'text': text});

  Future<void> removeAccount(String id) => functions.httpsCallable('relayRemove').call({'id': id});
}
""",
    "lib/main.dart": """import 'package:cloud_functions/cloud_functions.dart';
import 'package:flutter/material.dart';
import 'services/relay.dart';

void main() {
  final relay = Relay(FirebaseFunctions.instance);
  runApp(TextButton(
    onPressed: () => relay.dispatchMessage('+40722000000', 'hi'),
    onLongPress: () => relay.removeAccount('sales'),
    child: const Text('send'),
  ));
}
""",
}
INDEXES: tuple[Mapping[str, object], ...] = ()


def write(folder: Path, files: Mapping[str, str | None]) -> Path:
    """The app with some files of its own; None leaves one out."""
    for name, text in {**FILES, **files}.items():
        if text is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return folder


def indexes(
    *entries: Mapping[str, object], overrides: tuple[Mapping[str, object], ...] = ()
) -> index_file.IndexFile:
    """An index file with these entries."""
    text = json.dumps({"indexes": list(entries), "fieldOverrides": list(overrides)})
    found, problems = index_file.parse(text, "firestore.indexes.json")
    assert not problems, problems
    return found


def answer(
    folder: Path,
    line: str,
    files: Mapping[str, str | None],
    *,
    names: Names = NAMES,
    declared: index_file.IndexFile | None = None,
    rules: str = RULES,
    addresses: tuple[str, ...] = ("https://api.desk.example",),
) -> LineResult:
    """The answer to one line about the app with these files."""
    project = Project(
        project_id="desk-prod",
        indexes=declared if declared is not None else indexes(),
        rules=rules,
        backend_addresses=addresses,
    )
    results = check_app(write(folder, files), names, project)
    return next(one for one in results if one.id == line)


def marked(files: Mapping[str, str | None]) -> set[tuple[str, int]]:
    """The places that are marked with HERE."""
    return {
        (name, number)
        for name, text in {**FILES, **files}.items()
        for number, line in enumerate((text or "").split("\n"), start=1)
        if HERE in line
    }


def expect_findings(folder: Path, line: str, files: Mapping[str, str | None], **given: object) -> LineResult:
    """Every marked place has a finding, and no other one has."""
    found = answer(folder, line, files, **given)  # pyright: ignore[reportArgumentType]
    places = {(one.file, one.line) for one in found.findings}
    assert places == marked(files), (found.findings, found.unknown)
    assert all(one.what.endswith(".") and one.fix for one in found.findings)
    return found


def expect_pass(folder: Path, line: str, files: Mapping[str, str | None], **given: object) -> LineResult:
    """Nothing is found, and nothing is unknown."""
    found = answer(folder, line, files, **given)  # pyright: ignore[reportArgumentType]
    assert not found.findings, found.findings
    assert not found.unknown, found.unknown
    return found
