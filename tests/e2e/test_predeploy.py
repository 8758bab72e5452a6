"""A TypeScript codebase that its predeploy command compiles, from a checkout without output to an update.

One of its functions is not managed: another tool deploys it, and every step leaves it as it is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
import requests

from sandbox import stack_state
from sandbox.environment import GOOGLE_PROJECT, GOOGLE_TOKEN
from sandbox.supervisor import STACK
from tests import functions_sdk
from tests.e2e.backend_only import make_app, put
from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

SOURCE = """\
import { onRequest } from "firebase-functions/https";
import { onCustomEventPublished } from "firebase-functions/eventarc";

const greeting: string = "%s";
export const hello = onRequest((_request, response) => { response.send(greeting); });
export const onPaid = onCustomEventPublished("com.example.paid", () => {});
"""
PACKAGE = {
    "main": "lib/index.js",
    "engines": {"node": "22"},
    "scripts": {"build": "tsc && echo run >> runs.log"},
    "dependencies": {"firebase-functions": "7.4.0", "firebase-admin": "13.0.0"},
}
OPTIONS = {
    "module": "commonjs", "target": "es2022", "outDir": "lib", "rootDir": "src", "strict": True,
    "skipLibCheck": True, "types": [],
}  # fmt: skip
BUILD = 'npm --prefix "$RESOURCE_DIR" run build'
FUNCTIONS = f"/cloudfunctions/v2/projects/{GOOGLE_PROJECT}/locations/europe-west1/functions"
HEADERS = {"Authorization": f"Bearer {GOOGLE_TOKEN}"}
LEFT = "europe-west1/onPaid (custom events (com.example.paid)): billing deploys it"


class App:
    """The app; `code` writes its source."""

    def __init__(self, folder: Path) -> None:
        self.folder = make_app(folder)
        self.functions = folder / "functions"
        (self.functions / "src").mkdir(parents=True)
        functions_sdk.with_typescript(self.functions / "node_modules")
        codebase = {
            "source": "functions",
            "runtime": "nodejs22",
            "predeploy": [BUILD],
            "ignore": ["node_modules", "*.log"],
        }
        document = {"firestore": {"rules": "firestore.rules"}, "functions": [codebase]}
        self.write("firebase.json", json.dumps(document))
        self.write("functions/package.json", json.dumps(PACKAGE))
        self.write("functions/tsconfig.json", json.dumps({"compilerOptions": OPTIONS, "include": ["src"]}))
        self.write("functions/.env", "GREETING=common\nPLACE='here' # and there\n")
        self.write(f"functions/.env.{GOOGLE_PROJECT}", 'GREETING="of the\\nproject"\n')
        self.code("hello")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def code(self, greeting: str) -> None:
        self.write("functions/src/index.ts", SOURCE % greeting)

    def runs(self) -> int:
        log = self.functions / "runs.log"
        return log.read_text().count("run") if log.exists() else 0


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    return App(tmp_path_factory.mktemp("app") / "crm")


def deployed(stack: Stack) -> dict[str, dict[str, Any]]:
    """The functions on Google by name."""
    answer = requests.get(f"{stack.running.google_url}{FUNCTIONS}", headers=HEADERS, timeout=30)
    answer.raise_for_status()
    found = cast("list[dict[str, Any]]", answer.json().get("functions") or [])
    return {str(one["name"]).rpartition("/")[2]: one for one in found}


def test_without_the_setting_the_preview_says_what_is_not_compiled_and_names_it(
    stack: Stack, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    unmanaged = {"europe-west1/onPaid": "billing deploys it"}
    put(stack, appDir=str(app.folder), unmanagedFunctions=unmanaged, secrets=None)
    done = stack.pulumi("preview")
    assert done.returncode != 0
    assert "src/index.ts (lib/index.js does not exist) is not compiled." in done.stdout
    assert "or:  pulumi config set whatsapp-crm:runPredeploy true" in done.stdout
    assert app.runs() == 0


def test_an_up_compiles_once_deploys_the_output_and_lists_what_it_leaves(stack: Stack, app: App) -> None:
    put(stack, runPredeploy=True)
    done = stack.pulumi("up", "--yes")
    assert done.returncode == 0, done.stdout
    assert app.runs() == 1  # in the preview; the update deploys what it has shown
    assert f"functions: ran the predeploy command `{BUILD}`" in done.stdout
    assert "functions: the preview has run the predeploy commands." in done.stdout
    assert LEFT in done.stdout
    (hello,) = deployed(stack).values()
    variables = hello["serviceConfig"]["environmentVariables"]
    assert (variables["GREETING"], variables["PLACE"]) == ("of the\nproject", "here")
    assert "functions/.env sets PLACE." in done.stdout
    assert f"functions/.env.{GOOGLE_PROJECT} sets GREETING." in done.stdout


def test_changed_code_is_compiled_and_deployed_and_the_other_function_stays(stack: Stack, app: App) -> None:
    before = deployed(stack)["hello"]
    url = f"{stack.running.google_url}{FUNCTIONS}"
    theirs = {
        "buildConfig": {
            "runtime": "nodejs22",
            "entryPoint": "onPaid",
            "source": before["buildConfig"]["source"],
        },
        "serviceConfig": {"serviceAccountEmail": before["serviceConfig"]["serviceAccountEmail"]},
        "labels": {"deployment-tool": "cli-firebase"},
    }
    created = requests.post(url, params={"functionId": "onPaid"}, json=theirs, headers=HEADERS, timeout=30)
    assert created.status_code == 200, created.text
    other = deployed(stack)["onPaid"]
    app.code("good morning")
    done = stack.pulumi("up", "--yes")
    assert done.returncode == 0, done.stdout
    assert app.runs() == 2
    assert LEFT in done.stdout
    after = deployed(stack)
    assert after["hello"]["buildConfig"]["source"] != before["buildConfig"]["source"]
    assert "good morning" in (app.functions / "lib/index.js").read_text()
    assert after["onPaid"] == other
    unchanged = stack.pulumi("preview", "--refresh", "--run-program", "--expect-no-changes")
    assert unchanged.returncode == 0, unchanged.stdout
    assert app.runs() == 3
    verified = stack.verify()
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "onPaid" not in verified.stdout
    assert not [one for one in stack_state.resources(stack.sandbox, STACK) if "onPaid" in one.urn]


def test_code_that_does_not_compile_stops_the_preview_with_the_compilers_message(
    stack: Stack, app: App
) -> None:
    before = deployed(stack)
    app.write("functions/src/index.ts", SOURCE % 'x"; const wrong: number = "text')
    done = stack.pulumi("up", "--yes")
    assert done.returncode != 0
    assert f"the predeploy command `{BUILD}` failed with exit code 2. It printed:" in done.stdout
    assert "error TS2322: Type 'string' is not assignable to type 'number'." in done.stdout
    assert "Nothing was changed on Railway or Google." in done.stdout
    assert deployed(stack) == before
