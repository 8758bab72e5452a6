"""`updateOnlyChanged`: which functions an edit of one file updates, and from which archive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
import requests

from sandbox import stack_state
from sandbox.environment import GOOGLE_PROJECT, GOOGLE_TOKEN
from tests import functions_sdk
from tests.e2e.backend_only import make_app, put
from tests.e2e.stack import Done, Stack

pytestmark = pytest.mark.e2e

FUNCTIONS = f"/cloudfunctions/v2/projects/{GOOGLE_PROJECT}/locations/europe-west1/functions"
HEADERS = {"Authorization": f"Bearer {GOOGLE_TOKEN}"}
PACKAGE = {"main": "index.js", "engines": {"node": "22"}, "dependencies": {"firebase-functions": "7.4.0"}}
HELLO = 'require("firebase-functions/https").onRequest((request, response) => { response.send("%s"); });\n'
FILES = {
    "package.json": json.dumps(PACKAGE),
    "index.js": 'exports.a = require("./a");\nexports.b = require("./b");\nexports.c = require("./c");\n',
    "a.js": f'require("./shared");\nmodule.exports = {HELLO % "a"}',
    "b.js": f'require("./shared");\nmodule.exports = {HELLO % "b"}',
    "c.js": f"module.exports = {HELLO % 'c'}",
    "shared.js": "",
}


class App:
    """The app of three functions, each in a file of its own, two of which load a third."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack = stack
        self.functions = make_app(folder) / "functions"
        (self.functions / "node_modules").mkdir(parents=True)
        for name, package in functions_sdk.of_major("7").items():
            (self.functions / "node_modules" / name).symlink_to(package)
        for name, text in FILES.items():
            (self.functions / name).write_text(text)
        document = {"firestore": {"rules": "firestore.rules"}, "functions": [{"source": "functions"}]}
        (folder / "firebase.json").write_text(json.dumps(document))
        put(stack, appDir=str(folder), secrets=None, updateOnlyChanged=True)

    def comment(self, name: str) -> None:
        """Change a file without effect."""
        with (self.functions / name).open("a") as file:
            file.write("// a comment\n")

    def deployed(self) -> dict[str, dict[str, Any]]:
        """The functions on Google by name."""
        answer = requests.get(f"{self.stack.running.google_url}{FUNCTIONS}", headers=HEADERS, timeout=30)
        answer.raise_for_status()
        found = cast("list[dict[str, Any]]", answer.json()["functions"])
        return {str(one["name"]).rpartition("/")[2]: one for one in found}

    def updated(self, *options: str) -> tuple[Done, set[str]]:
        """The output of an `up`, and the functions that it updated."""
        before = self.deployed()
        done = self.stack.up(*options)
        after = self.deployed()
        return done, {name for name in after if after[name]["updateTime"] != before[name]["updateTime"]}

    def sources(self) -> dict[str, tuple[str, str]]:
        """The archive of each function in the state, and its generation."""
        found = stack_state.resources(self.stack.sandbox, "sandbox")
        functions = [one for one in found if one.type == stack_state.FUNCTION_TYPE]
        sources = {
            one.inputs["name"]: one.inputs["buildConfig"]["source"]["storageSource"] for one in functions
        }
        return {name: (source["object"], str(source["generation"])) for name, source in sources.items()}


@pytest.fixture(scope="module")
def app(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> App:
    made = App(stack, tmp_path_factory.mktemp("app") / "crm")
    stack.up()
    return made


def test_a_comment_updates_the_functions_that_load_the_file(app: App) -> None:
    first = app.sources()
    assert len(set(first.values())) == 1
    app.comment("b.js")
    _, updated = app.updated()
    assert updated == {"b"}
    app.comment("shared.js")
    _, updated = app.updated()
    assert updated == {"a", "b"}
    now = app.sources()
    assert now["c"] == first["c"]  # the archive is still in the bucket
    assert now["a"] == now["b"] != first["a"]
    (app.functions / "notes.md").write_text("A file that the code may read.\n")
    _, updated = app.updated()
    assert updated == {"a", "b", "c"}
    assert len(set(app.sources().values())) == 1


def test_afterwards_nothing_is_left_to_change_and_the_verification_agrees(app: App) -> None:
    app.comment("c.js")
    app.updated()
    done = app.stack.pulumi("preview", "--refresh", "--run-program", "--expect-no-changes")
    assert done.returncode == 0, done.stdout
    verified = app.stack.verify()
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_drift_of_a_function_is_reset_with_the_archive_that_it_was_built_from(app: App) -> None:
    before = app.sources()
    assert before["a"] != before["c"]
    patched = requests.patch(
        f"{app.stack.running.google_url}{FUNCTIONS}/a?updateMask=serviceConfig.availableMemory",
        json={"serviceConfig": {"availableMemory": "1Gi"}},
        headers=HEADERS,
        timeout=30,
    )
    patched.raise_for_status()
    _, updated = app.updated("--refresh", "--run-program")
    assert updated == {"a"}
    assert app.deployed()["a"]["serviceConfig"]["availableMemory"] == "256Mi"
    assert app.sources() == before


def test_without_the_setting_all_are_built_from_the_newest_archive(app: App) -> None:
    app.comment("c.js")
    put(app.stack, updateOnlyChanged=None)
    _, updated = app.updated()
    assert updated == {"a", "b", "c"}
    assert len(set(app.sources().values())) == 1
    assert all(one[0].endswith(".zip") for one in app.sources().values())
