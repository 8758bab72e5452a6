"""E6: every place that names a Firebase project names ours."""

from __future__ import annotations

import json
import plistlib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.flutter_app import FILES, NAMES, answer, expect_findings, expect_pass

pytestmark = pytest.mark.unit

OURS, OTHER = "desk-prod", "desk-stage"


def services(project: str) -> str:
    info = {"project_number": "1", "project_id": project}
    return json.dumps({"project_info": info, "client": []}, indent=2)


def apple(project: str) -> str:
    return plistlib.dumps({"BUNDLE_ID": "x", "PROJECT_ID": project}).decode()


def options(project: str) -> str:
    return f"""import 'package:firebase_core/firebase_core.dart' show FirebaseOptions;
class DefaultFirebaseOptions {{
  static FirebaseOptions get currentPlatform {{
    if (kIsWeb) return web;
    switch (defaultTargetPlatform) {{
      case TargetPlatform.android:
        return android;
      default:
        throw UnsupportedError('no');
    }}
  }}
  static const FirebaseOptions web = FirebaseOptions(apiKey: 'a', appId: 'b', projectId: '{OURS}');
  static const FirebaseOptions android = FirebaseOptions(
    apiKey: 'a',
    projectId: '{project}',
  );
}}
"""


PLACES = {
    "android": ("android/app/google-services.json", services, 4),
    "a flavour of android": ("android/app/src/prod/google-services.json", services, 4),
    "ios": ("ios/Runner/GoogleService-Info.plist", apple, 8),
    "a flavour of ios": ("ios/config/prod/GoogleService-Info.plist", apple, 8),
    "macos": ("macos/Runner/GoogleService-Info.plist", apple, 8),
    "one platform of the options": ("lib/firebase_options.dart", options, 15),
    "options of another file": (
        "lib/main_prod.dart",
        lambda project: (
            f"const id = '{project}';\nfinal o = FirebaseOptions(apiKey: 'a',\n projectId: id);\n"
        ),
        3,
    ),
    "default of the build": (
        "lib/other.dart",
        lambda project: (
            "final o = FirebaseOptions(\n"
            f"  projectId: String.fromEnvironment('PROJECT', defaultValue: '{project}'),\n);\n"
        ),
        2,
    ),
    ".firebaserc": (
        ".firebaserc",
        lambda project: json.dumps({"projects": {"default": project}}, indent=1),
        3,
    ),
    "firebase.json": (
        "firebase.json",
        lambda project: json.dumps(
            {"flutter": {"platforms": {"android": {"default": {"projectId": project}}}}}, indent=1
        ),
        6,
    ),
    "web": (
        "web/firebase-messaging-sw.js",
        lambda project: f'firebase.initializeApp({{\n  apiKey: "x",\n  projectId: "{project}",\n}});\n',
        3,
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_another_project_is_found(tmp_path: Path, name: str) -> None:
    file, text, line = PLACES[name]
    found = answer(tmp_path, "E6", {file: text(OTHER)})
    assert [(one.file, one.line) for one in found.findings] == [(file, line)]
    assert OTHER in found.findings[0].what
    assert OURS in found.findings[0].what


@pytest.mark.parametrize("name", PLACES)
def test_our_project_is_accepted(tmp_path: Path, name: str) -> None:
    file, text, _ = PLACES[name]
    expect_pass(tmp_path, "E6", {file: text(OURS)})


@pytest.mark.parametrize("name", PLACES)
def test_the_project_of_a_flavour_can_be_named(tmp_path: Path, name: str) -> None:
    file, text, _ = PLACES[name]
    expect_pass(tmp_path, "E6", {file: text(OTHER)}, names=replace(NAMES, other_projects=f"x {OTHER}"))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("android/app/google-services.json", "{"),
        ("android/app/google-services.json", "{}"),
        ("ios/Runner/GoogleService-Info.plist", "<plist>"),
        ("ios/Runner/GoogleService-Info.plist", plistlib.dumps({}).decode()),
        (".firebaserc", "x"),
        ("lib/a.dart", "FirebaseOptions f(String id) => FirebaseOptions(projectId: id);\nfinal g = f;\n"),
        ("lib/a.dart", "const o = FirebaseOptions(projectId: String.fromEnvironment('PROJECT'));\n"),
    ],
)
def test_what_cannot_be_read_is_not_passed(tmp_path: Path, file: str, text: str) -> None:
    found = answer(tmp_path, "E6", {file: text})
    assert not found.findings
    assert found.unknown[0].startswith(f"{file}:1: ")


def test_an_app_without_a_project_is_not_passed(tmp_path: Path) -> None:
    found = answer(tmp_path, "E6", {"lib/firebase_options.dart": None})
    assert not found.findings
    assert "names a Firebase project" in found.unknown[0]


def test_the_options_of_the_app_are_compared(tmp_path: Path) -> None:
    text = FILES["lib/firebase_options.dart"].replace("desk-prod", OTHER).replace("'1');", "'1'); // HERE")
    expect_findings(tmp_path, "E6", {"lib/firebase_options.dart": text})
