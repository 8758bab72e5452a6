"""Small apps after public bug reports: what the Firebase CLI accepts or rejects, this program does too."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pulumi
import pytest

from checkout import app
from checkout.app import App
from checkout.endpoints import Endpoint
from checkout.function_variables import environment_variables
from components.identities import runtime_email
from settings.load import load_settings
from settings.model import GoogleSettings
from settings.problems import Problem
from tests import bad_settings
from tests.bad_settings import Bad

pytestmark = pytest.mark.unit

Stack = Callable[[Mapping[str, str], list[str]], pulumi.Config]
RULES = "rules_version = '2';\nservice cloud.firestore {\n}\n"
PACKAGE = json.dumps(
    {
        "main": "index.js",
        "engines": {"node": "22"},
        "dependencies": {"firebase-functions": "7.4.0", "firebase-admin": "13.10.0"},
    }
)
HTTPS = 'const {onRequest} = require("firebase-functions/https");\n'
HELLO = HTTPS + 'exports.hello = onRequest((q, s) => s.send("x"));\n'
PARAMS = 'const params = require("firebase-functions/params");\n'
DATABASE = (
    'const {initializeApp} = require("firebase-admin/app");\n'
    'const {getDatabase} = require("firebase-admin/database");\ninitializeApp();\n'
)


class Input:
    """Writes an app of few files and loads it for a stack with a config."""

    def __init__(self, root: Path, node_modules: Path, stack: Stack) -> None:
        self.folder = root / "app"
        self._node_modules = node_modules
        self._cache = root / "cache"
        self._stack = stack

    def load(
        self, firebase: Mapping[str, object], files: Mapping[str, str], **config: object
    ) -> tuple[App | None, list[Problem]]:
        written = {"firestore.rules": RULES, "firebase.json": json.dumps(firebase), **files}
        if "functions/index.js" in files:
            written["functions/package.json"] = PACKAGE
        for name, text in written.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        modules = self.folder / "functions/node_modules"
        if "functions/index.js" in files and not modules.is_symlink():
            modules.symlink_to(self._node_modules)
        changes = {"secrets": {}, **config}
        values, secret = bad_settings.stack_config(Bad(name="", key="", fix="", config=changes), self.folder)
        found, problems = load_settings(self._stack(values, secret), "sandbox", bad_settings.ENVIRON)
        if found is None or problems:
            return None, problems
        return app.load(found, self._cache)

    def functions(self, code: str, files: Mapping[str, str] | None = None, **config: object) -> App:
        """The app with these functions; it has no problems."""
        firebase = {"firestore": {"rules": "firestore.rules"}, "functions": {"source": "functions"}}
        loaded, problems = self.load(firebase, {"functions/index.js": code, **(files or {})}, **config)
        assert problems == []
        assert loaded is not None
        return loaded

    def refused(self, code: str, files: Mapping[str, str] | None = None, **config: object) -> list[Problem]:
        """The problems of the app with these functions."""
        firebase = {"firestore": {"rules": "firestore.rules"}, "functions": {"source": "functions"}}
        loaded, problems = self.load(firebase, {"functions/index.js": code, **(files or {})}, **config)
        assert loaded is None
        return problems


@pytest.fixture
def given(tmp_path: Path, node_modules: Path, stack: Stack) -> Input:
    return Input(tmp_path, node_modules, stack)


def one(loaded: App, name: str = "hello") -> Endpoint:
    (codebase,) = loaded.codebases
    return next(endpoint for endpoint in codebase.endpoints if endpoint.id == name)


def test_a_codebase_with_capitals(given: Input) -> None:
    firebase = {"functions": [{"source": "functions", "codebase": "Admin-API"}]}
    _, problems = given.load(firebase, {"functions/index.js": HELLO})
    (problem,) = problems
    assert problem.what == "functions[0].codebase is 'Admin-API', which is not a codebase name."
    assert problem.fix == "Use up to 63 lower-case letters, digits, - and _."


def test_an_env_file_reaches_the_code(given: Input) -> None:
    code = HTTPS + "exports.hello = onRequest((q, s) => s.send(process.env.GREETING));\n"
    files = {
        "functions/.env": "GREETING=hello\nOTHER='two words'\n",
        "functions/.env.crm-sandbox": "OTHER=three\n",
        "functions/.env.example": "GREETING: ?\n",
        "functions/.env.backup": "GREETING=old\n",
        "functions/.env.local": "GREETING=local\n",
    }
    loaded = given.functions(code, files)
    assert one(loaded).environment == {"GREETING": "hello", "OTHER": "three"}
    assert loaded.notes == (
        "functions/.env sets GREETING.",
        "functions/.env.crm-sandbox sets OTHER.",
        "functions/.env.local is read by the emulators only.",
    )
    assert not any(".env" in warning for warning in loaded.warnings)
    assert not any(name in note for note in loaded.notes for name in (".env.example", ".env.backup"))
    assert not any(name.startswith(".env") for name in loaded.codebases[0].archive.files)


def test_the_advice_about_a_plain_variable_leads_to_an_app_without_problems(given: Input) -> None:
    """Value in functionParams -> no such param -> functionVariables, which is where it belongs."""
    code = HTTPS + "exports.hello = onRequest((q, s) => s.send(process.env.GREETING));\n"
    (problem,) = given.refused(code, functionParams={"GREETING": "hello"})
    assert "no codebase declares a param GREETING" in problem.what
    assert "pulumi config rm --path 'whatsapp-crm:functionParams.GREETING'" in problem.fix
    command = "pulumi config set --path --type string 'whatsapp-crm:functionVariables.GREETING' <string>"
    assert command in problem.fix
    loaded = given.functions(code, functionVariables={"GREETING": "hello"})
    assert one(loaded).environment == {"GREETING": "hello"}
    assert "whatsapp-crm:functionVariables sets GREETING in all functions." in loaded.notes


def test_variables_of_the_config_come_before_env_files(given: Input) -> None:
    code = HELLO + 'exports.other = onRequest((q, s) => s.send("y"));\n'
    loaded = given.functions(
        code,
        {"functions/.env": "A=file\nB=file\nC=file\n"},
        functionVariables={"A": "all", "B": "all", "hello": {"B": "own"}},
    )
    assert one(loaded).environment == {"A": "all", "B": "own", "C": "file"}
    assert one(loaded, "other").environment == {"A": "all", "B": "all", "C": "file"}
    assert loaded.notes == (
        "functions/.env sets C.",
        "A in functions/.env is overridden by whatsapp-crm:functionVariables.",
        "B in functions/.env is overridden by whatsapp-crm:functionVariables.",
        "whatsapp-crm:functionVariables sets A, B in all functions.",
        "whatsapp-crm:functionVariables sets B in hello.",
    )


def test_each_source_of_a_param_is_named_and_the_config_wins(given: Input) -> None:
    code = (
        PARAMS + 'for (const one of ["A", "B", "C"]) params.defineString(one, {default: "code"});\n' + HELLO
    )
    loaded = given.functions(code, {"functions/.env": "A=file\nB=file\n"}, functionParams={"A": "config"})
    assert one(loaded).environment == {"A": "config", "B": "file", "C": "code"}
    assert loaded.notes == (
        "whatsapp-crm:functionParams sets A in functions.",
        "functions/.env sets B.",
        "A in functions/.env is overridden by whatsapp-crm:functionParams.",
    )


def test_a_name_that_the_firebase_cli_accepts_and_overrides_is_accepted_and_named(given: Input) -> None:
    loaded = given.functions(HELLO, {"functions/.env": "LOG_EXECUTION_ID=false\n"})
    variables = environment_variables(
        one(loaded), GoogleSettings(project="crm-sandbox", firestore_location="eur3")
    )
    assert variables["LOG_EXECUTION_ID"] == "true"
    assert loaded.notes == (
        "LOG_EXECUTION_ID in functions/.env is overridden by the value that every function has.",
    )


def test_the_code_is_loaded_with_the_variables(given: Input) -> None:
    code = HTTPS + (
        'if (process.env.A !== "1" || process.env.B !== "2") throw new Error("no variables");\n'
        'exports.hello = onRequest((q, s) => s.send("x"));\n'
    )
    given.functions(code, {"functions/.env": "A=1\n"}, functionVariables={"B": "2"})


def test_an_env_file_gives_params_their_values(given: Input) -> None:
    code = (
        PARAMS
        + 'const zones = params.defineList("ZONES"), on = params.defineBoolean("ON");\n'
        + 'const text = params.defineString("TEXT"), most = params.defineInt("MOST");\n'
        + HTTPS
        + "exports.hello = onRequest({ maxInstances: most }, (q, s) => s.send(text.value()));\n"
    )
    files = {"functions/.env": "ZONES=a,b\nON=yes\nTEXT=+40722000000\nMOST=3\n"}
    loaded = given.functions(code, files, functionParams={"TEXT": "config"})
    assert one(loaded).max_instances == 3
    assert one(loaded).environment == {"ZONES": '["a","b"]', "ON": "yes", "TEXT": "config", "MOST": "3"}
    assert "TEXT in functions/.env is overridden by whatsapp-crm:functionParams." in loaded.notes


def test_a_param_of_an_env_file_with_another_type_names_the_file(given: Input) -> None:
    code = PARAMS + 'params.defineInt("MOST"); params.defineBoolean("ON");\n' + HELLO
    found = given.refused(code, {"functions/.env": "MOST=many\nON=perhaps\n"})
    assert [(problem.key, problem.fix) for problem in found] == [
        ("functions/.env", "Correct MOST in this file."),
        ("functions/.env", "Correct ON in this file."),
    ]


def test_a_secret_in_an_env_file_is_a_problem_where_it_is_bound(given: Input) -> None:
    code = HTTPS + 'exports.hello = onRequest({ secrets: ["KEY"] }, (q, s) => s.send("x"));\n'
    (problem,) = given.refused(code, {"functions/.env": "KEY=1\n"}, secrets={"KEY": "hidden"})
    assert "KEY is both a secret and an environment variable" in problem.what
    assert problem.fix == "Remove KEY from functions/.env."


def test_what_looks_like_a_secret_in_an_env_file_is_a_warning(given: Input) -> None:
    loaded = given.functions(HELLO, {"functions/.env": "STRIPE_API_KEY=not-a-real-key\n"})
    (warning,) = [warning for warning in loaded.warnings if "STRIPE_API_KEY" in warning]
    assert "is deployed in plain text" in warning
    assert "pulumi config set --secret --path 'whatsapp-crm:secrets.STRIPE_API_KEY'" in warning
    assert "not-a-real-key" not in warning


def test_the_folder_of_env_files_can_be_another(given: Input) -> None:
    firebase = {"functions": {"source": "functions", "configDir": "config"}}
    files = {"functions/index.js": HELLO, "functions/.env": "A=1", "config/.env": "A=2"}
    loaded, problems = given.load(firebase, files)
    assert problems == []
    assert loaded is not None
    assert one(loaded).environment == {"A": "2"}


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"PORT": "1"}, '"PORT" is reserved'),
        ({"FIREBASE_X": "1"}, '"FIREBASE_X" is reserved'),
        ({"A-B": "1"}, '"A-B" is not a variable name'),
        ({"hello": {"K_SERVICE": "1"}}, '"K_SERVICE" is reserved'),
        ({"RAILWAY_WHATSAPP_URL": "x"}, "is the backend's address"),
        ({"A": 40722000000}, "A is stored as the number 40722000000"),
        ({"hello": {"A": 1.5}}, "A is stored as the number 1.5"),
        ({"A": ["x"]}, "A must be a string, but is a list"),
        ({"helo": {"A": "1"}}, "there is no function helo"),
    ],
)
def test_each_impossible_variable_is_one_problem(
    given: Input, variables: Mapping[str, object], message: str
) -> None:
    (problem,) = given.refused(HELLO, functionVariables=variables)
    assert problem.key == "whatsapp-crm:functionVariables"
    assert message in problem.what
    assert "whatsapp-crm:functionVariables" in problem.fix


def test_a_variable_that_is_a_param_belongs_to_the_params(given: Input) -> None:
    code = PARAMS + 'params.defineString("GREETING", {default: "x"});\n' + HELLO
    (problem,) = given.refused(code, functionVariables={"GREETING": "hello"})
    assert problem.what == "GREETING is a param of the functions."
    assert "'whatsapp-crm:functionParams.GREETING'" in problem.fix


def test_variables_that_are_too_large(given: Input) -> None:
    (problem,) = given.refused(HELLO, functionVariables={"A": "x" * 32_768})
    assert problem.what.startswith("hello: its variables have 329")
    assert "a function can have 32768" in problem.what


def test_sections_that_are_not_deployed(given: Input) -> None:
    firebase = {
        "functions": {"source": "functions"},
        "auth": {"providers": {"emailPassword": True}},
        "ailogic": {},
    }
    loaded, problems = given.load(firebase, {"functions/index.js": HELLO})
    assert problems == []
    assert loaded is not None
    named = [note.split(" Deploy it with: ") for note in loaded.notes]
    assert [what for what, _ in named] == [
        'firebase.json: "auth" is not deployed by this program.',
        'firebase.json: "ailogic" is not deployed by this program.',
    ]
    for section, (_, command) in zip(("auth", "ailogic"), named, strict=True):
        assert command.endswith(f"npx firebase-tools deploy --only {section} --project crm-sandbox")


PHONE = (
    PARAMS
    + 'const phone = params.defineString("ADMIN_PHONE", {input: {text: {validationRegex: "^[+0-9]+$"}}});\n'
    + HTTPS
    + "exports.hello = onRequest((q, s) => s.send(phone.value()));\n"
)


def test_a_phone_number_keeps_its_plus(given: Input) -> None:
    """`pulumi config set --path` without a type stores +40722000000 as a number."""
    command = "pulumi config set --path --type string 'whatsapp-crm:functionParams.ADMIN_PHONE' <text>"
    (problem,) = given.refused(PHONE)
    assert problem.fix == command
    (problem,) = given.refused(PHONE, functionParams={"ADMIN_PHONE": 40722000000})
    assert problem.what.startswith(
        "the param ADMIN_PHONE is stored as the number 40722000000, which may have"
    )
    assert problem.fix == command
    loaded = given.functions(PHONE, functionParams={"ADMIN_PHONE": "+40722000000"})
    assert one(loaded).environment == {"ADMIN_PHONE": "+40722000000"}


def test_the_realtime_database_is_a_setting(given: Input) -> None:
    code = DATABASE + HTTPS + 'exports.hello = onRequest((q, s) => s.send(getDatabase().ref("x").key));\n'
    loaded = given.functions(code, databaseUrl="https://crm-default-rtdb.firebaseio.com")
    assert one(loaded) is not None


def test_code_that_needs_the_realtime_database_at_load_names_the_setting(given: Input) -> None:
    (problem,) = given.refused(DATABASE + "getDatabase();\n" + HELLO)
    assert "the code at functions/index.js:4 uses the app's Realtime Database" in problem.what
    assert problem.fix.startswith("pulumi config set whatsapp-crm:databaseUrl <https://")


def test_code_that_needs_the_storage_bucket_at_load_names_the_setting(given: Input) -> None:
    code = 'const {initializeApp} = require("firebase-admin/app"); initializeApp();\n'
    code += 'require("firebase-admin/storage").getStorage().bucket();\n'
    (problem,) = given.refused(code + HELLO)
    assert problem.fix.startswith("pulumi config set whatsapp-crm:storageBucket <")


@pytest.mark.parametrize(
    ("param", "setting", "value"),
    [
        ("databaseURL", "databaseUrl", "https://crm-default-rtdb.europe-west1.firebasedatabase.app"),
        ("storageBucket", "storageBucket", "crm.firebasestorage.app"),
    ],
)
def test_a_builtin_param_without_a_value_names_the_setting(
    given: Input, param: str, setting: str, value: str
) -> None:
    code = PARAMS + f'params.defineString("PLACE", {{default: params.{param}}});\n' + HELLO
    (problem,) = given.refused(code)
    assert f"pulumi config set whatsapp-crm:{setting} <" in problem.fix
    loaded = given.functions(code, None, **{setting: value})
    assert one(loaded).environment == {"PLACE": value}


def test_the_bounds_of_a_schedule(given: Input) -> None:
    code = (
        'const {onSchedule} = require("firebase-functions/scheduler");\n'
        'exports.tick = onSchedule({schedule: "every 5 minutes", retryCount: 10}, () => {});\n'
        'exports.never = onSchedule("61 25 * * *", () => {});\n'
        'exports.maybe = onSchedule("sometimes", () => {});\n'
        'exports.hourly = onSchedule("every hour", () => {});\n'
    )
    found = [problem.what for problem in given.refused(code)]
    assert found == [
        'maybe: the schedule "sometimes" is not one that Cloud Scheduler accepts.',
        'never: the schedule "61 25 * * *" is not valid cron: bad minute.',
        "tick: retryConfig.retryCount is 10, but must be an integer from 0 to 5.",
    ]


def test_a_common_schedule_outside_of_googles_grammar_is_a_warning(given: Input) -> None:
    code = 'const {onSchedule} = require("firebase-functions/scheduler");\n'
    loaded = given.functions(code + 'exports.hourly = onSchedule("every hour", () => {});\n')
    assert any('the schedule "every hour" is not in Google\'s grammar' in text for text in loaded.warnings)


def test_two_array_fields_and_two_ttl_fields(given: Input) -> None:
    arrays = [{"fieldPath": name, "arrayConfig": "CONTAINS"} for name in ("tags", "owners")]
    index = {"collectionGroup": "contacts", "queryScope": "COLLECTION", "fields": arrays}
    ttl = [
        {"collectionGroup": "sessions", "fieldPath": name, "indexes": [], "ttl": True}
        for name in ("expireAt", "deleteAfter")
    ]
    firebase = {"firestore": {"rules": "firestore.rules", "indexes": "firestore.indexes.json"}}
    text = json.dumps({"indexes": [index], "fieldOverrides": ttl})
    _, problems = given.load(firebase, {"firestore.indexes.json": text})
    assert [problem.what for problem in problems] == [
        "indexes[0] (contacts): has 2 array fields (tags, owners); an index can have one.",
        "sessions has the TTL fields expireAt and deleteAfter; a collection group can have one.",
    ]


def test_a_json_secret_must_be_json(given: Input) -> None:
    code = (
        PARAMS
        + 'const key = params.defineJsonSecret("ACCOUNTS");\n'
        + HTTPS
        + "exports.hello = onRequest({ secrets: [key] }, (q, s) => s.send(key.value()));\n"
    )
    (problem,) = given.refused(code, secrets={"ACCOUNTS": "{'not': json}"})
    assert problem.what == (
        "functions declares the secret ACCOUNTS as JSON, but its value is not valid JSON."
    )
    assert problem.fix.startswith("pulumi config set --secret --path 'whatsapp-crm:secrets.ACCOUNTS'")
    loaded = given.functions(code, secrets={"ACCOUNTS": '{"a": 1}'})
    assert [use.secret for use in one(loaded).secrets] == ["ACCOUNTS"]


def test_the_service_account_of_a_codebase(given: Input) -> None:
    firebase = {"functions": {"source": "functions", "serviceAccount": "sender@"}}
    code = HELLO + 'exports.own = onRequest({ serviceAccount: "own@" }, (q, s) => s.send("x"));\n'
    loaded, problems = given.load(firebase, {"functions/index.js": code})
    assert problems == []
    assert loaded is not None
    emails = {endpoint.id: runtime_email(endpoint, "p") for endpoint in loaded.codebases[0].endpoints}
    assert emails == {
        "hello": "sender@crm-sandbox.iam.gserviceaccount.com",
        "own": "own@crm-sandbox.iam.gserviceaccount.com",
    }
    assert any("run as sender@" in note for note in loaded.notes)


@pytest.mark.parametrize(
    ("key", "value", "call", "own"),
    [
        ("databaseUrl", "https://my-crm-default-rtdb.firebaseio.com", "getDatabase()", "databaseURL"),
        ("databaseUrl", "https://my-crm-default-rtdb.firebaseio.com", "admin.database( )", "databaseURL"),
        ("storageBucket", "my-crm.firebasestorage.app", "getStorage().bucket()", "storageBucket"),
        ("storageBucket", "my-crm.firebasestorage.app", "admin.storage().bucket()", "storageBucket"),
    ],
)
def test_a_call_without_its_default_is_a_warning(
    given: Input, key: str, value: str, call: str, own: str
) -> None:
    code = HTTPS + f"exports.hello = onRequest((q, s) => s.send(String({call})));\n"
    what = f"uses the default of {key}, which is not set"
    (warning,) = [one for one in given.functions(code).warnings if what in one]
    assert f"pulumi config set whatsapp-crm:{key} <value>" in warning
    for quiet in (given.functions(code, None, **{key: value}), given.functions(f"const {own} = 1;\n{code}")):
        assert not any("uses the default" in one for one in quiet.warnings)


UNREAD = "no function binds the secret RAILWAY_WHATSAPP_URL"


def test_a_backend_address_that_nothing_reads_is_a_warning_with_a_fix(given: Input) -> None:
    loaded = given.functions(HELLO)
    (warning,) = loaded.warnings
    assert UNREAD in warning
    assert 'secrets: ["RAILWAY_WHATSAPP_URL"]' in warning
    assert "pulumi config set whatsapp-crm:backendUrlVariable <name>" in warning
    assert loaded.backend_secret == "RAILWAY_WHATSAPP_URL"
    assert one(loaded).backend_variable is None


def test_the_backend_address_can_be_a_plain_variable(given: Input) -> None:
    code = HTTPS + "exports.hello = onRequest((q, s) => s.send(process.env.BACKEND_URL));\n"
    loaded = given.functions(code, backendUrlVariable="BACKEND_URL")
    assert loaded.backend_secret is None
    assert one(loaded).backend_variable == "BACKEND_URL"
    assert loaded.warnings == ()
    assert loaded.notes == ("BACKEND_URL is set to the backend's address in the functions of default.",)


def test_the_backend_address_can_be_a_secret_of_another_name(given: Input) -> None:
    code = HTTPS + 'exports.hello = onRequest({ secrets: ["BACKEND_URL"] }, (q, s) => s.send("x"));\n'
    loaded = given.functions(code, backendUrlVariable="BACKEND_URL")
    assert loaded.backend_secret == "BACKEND_URL"
    assert one(loaded).backend_variable is None
    assert [use.secret for use in one(loaded).secrets] == ["BACKEND_URL"]
    assert loaded.warnings == ()


def test_the_backend_address_can_be_a_param(given: Input) -> None:
    """Without a value of its own, and before the value of an .env file."""
    code = PARAMS + 'const url = params.defineString("RAILWAY_WHATSAPP_URL");\n' + HELLO
    loaded = given.functions(code, {"functions/.env": "RAILWAY_WHATSAPP_URL=http://localhost:3000\n"})
    assert loaded.backend_secret is None
    assert one(loaded).backend_variable == "RAILWAY_WHATSAPP_URL"
    assert one(loaded).environment == {}
    assert any("is overridden by the backend's address" in note for note in loaded.notes)


def test_the_default_name_is_a_plain_variable_if_the_config_sets_it(given: Input) -> None:
    code = HTTPS + "exports.hello = onRequest((q, s) => s.send(process.env.RAILWAY_WHATSAPP_URL));\n"
    (warning,) = given.functions(code).warnings
    assert "pulumi config set whatsapp-crm:backendUrlVariable RAILWAY_WHATSAPP_URL" in warning
    loaded = given.functions(code, backendUrlVariable="RAILWAY_WHATSAPP_URL")
    assert loaded.warnings == ()
    assert loaded.backend_secret is None
    assert one(loaded).backend_variable == "RAILWAY_WHATSAPP_URL"


def test_an_env_value_is_dropped_only_where_the_address_replaces_it(given: Input) -> None:
    env = {"functions/.env": "RAILWAY_WHATSAPP_URL=http://localhost:3000\n"}
    assert one(given.functions(HELLO, env)).environment == {"RAILWAY_WHATSAPP_URL": "http://localhost:3000"}
    loaded = given.functions(HELLO, env, backendUrlVariable="RAILWAY_WHATSAPP_URL")
    assert one(loaded).environment == {}
    bound = (
        HTTPS + 'exports.hello = onRequest({ secrets: ["RAILWAY_WHATSAPP_URL"] }, (q, s) => s.send(""));\n'
    )
    loaded = given.functions(bound, env)
    assert one(loaded).environment == {}
    assert any("is overridden by the backend's address." in note for note in loaded.notes)


def test_functions_without_the_secret_that_the_code_reads_are_named(given: Input) -> None:
    code = (
        HTTPS
        + 'exports.a = onRequest({ secrets: ["API_URL"] }, (q, s) => s.send(""));\n'
        + "exports.b = onRequest((q, s) => s.send(process.env.API_URL));\n"
    )
    (note,) = given.functions(code, backendUrlVariable="API_URL").notes
    assert "functions that do not bind it do not get it (b)" in note
    every = code.replace("onRequest((", 'onRequest({ secrets: ["API_URL"] }, (')
    assert given.functions(every, backendUrlVariable="API_URL").notes == ()


def test_code_can_use_the_address_while_it_is_loaded(given: Input) -> None:
    loaded = given.functions("new URL(process.env.API_URL);\n" + HELLO, backendUrlVariable="API_URL")
    assert one(loaded).backend_variable == "API_URL"
    assert one(loaded).environment == {}


def test_a_variable_with_one_value_exists_while_the_code_is_loaded(given: Input) -> None:
    code = 'process.env.LIST.split(",");\n' + HELLO
    loaded = given.functions(code, functionVariables={"hello": {"LIST": "a,b"}})
    assert one(loaded).environment == {"LIST": "a,b"}
    two = code + 'exports.other = onRequest((q, s) => s.send("x"));\n'
    (problem,) = given.refused(two, functionVariables={"hello": {"LIST": "a"}, "other": {"LIST": "b"}})
    assert "do not load" in problem.what


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("functionVariables", {"A": "x\0y"}),
        ("functionVariables", {"hello": {"A": "\ud800"}}),
        ("functionParams", {"A": ["x\0y"]}),
        ("secrets", {"A": "\ud800"}),
    ],
)
def test_text_that_no_variable_can_hold_is_a_problem(given: Input, key: str, value: object) -> None:
    (problem,) = given.refused(HELLO, None, **{key: value})
    assert problem.key == f"whatsapp-crm:{key}"
    assert "contains" in problem.what
    assert ".A'" in problem.fix


def test_the_address_of_the_database_can_end_with_a_slash(given: Input) -> None:
    code = (
        'const { databaseURL } = require("firebase-functions/params");\n'
        + PARAMS
        + 'params.defineString("U", { default: databaseURL });\n'
        + HELLO
    )
    loaded = given.functions(code, databaseUrl="https://x-default-rtdb.firebaseio.com/")
    assert one(loaded).environment == {"U": "https://x-default-rtdb.firebaseio.com"}


def test_rules_that_are_too_long(given: Input) -> None:
    text = RULES + "// " + "x" * 262_144
    _, problems = given.load({"firestore": {"rules": "firestore.rules"}}, {"firestore.rules": text})
    assert "security rules can have 262144" in problems[0].what
