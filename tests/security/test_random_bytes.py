"""Random bytes as every file of a checkout, and random text as every setting.

Each ends in success or in problems that can be shown; an exception or a hang fails. `make test` tries some
hundred; RANDOM_EXAMPLES=20000 tries more.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checkout import app, env_files, index_file, tsconfig
from checkout.discovery import overwritten_exports
from checkout.minimatch import PatternError, compile_pattern
from checkout.rules_parser import RulesSyntaxError
from checkout.rules_parser import parse as parse_rules
from settings import files, railway_file
from settings.keys import ValueType
from settings.model import KEYS
from settings.parsing import parse_json
from settings.problems import Problem, first, render
from tests.bad_inputs import SMALL_APP
from tests.bad_rows import Bad
from tests.security.stack_config import loaded
from tests.time_limit import time_limit

pytestmark = [pytest.mark.unit, pytest.mark.random_text]

EXAMPLES = int(os.environ.get("RANDOM_EXAMPLES", "200"))
many = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

# Any text that a JSON or YAML file can hold, with what breaks readers more often than chance would.
ODD = st.sampled_from(
    [
        "\0", "\ud800", "\u200b", "\u202e", "\x1b[2J", "\ufeff", "9" * 400, "9" * 5_000, "[" * 500,
        '{"a":' * 500,
        "/" * 300, "../" * 50, "a" * 5_000, "*a" * 20, "${{x}}", "{{ params.A }}", "~", "'", '"', "\n", "%",
        "#",
        "-----BEGIN PRIVATE KEY-----", "gs://x", "https://[", "1e999", "NaN", "null", "true", "-0",
    ]
)  # fmt: skip
TEXT = st.one_of(st.text(max_size=40), ODD, st.tuples(ODD, st.text(max_size=10)).map("".join))
NUMBER = st.one_of(
    st.integers(), st.floats(), st.sampled_from([10**300, -(10**300), 10**4_000, 2**63, 0, -1, 1e300])
)
VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBER, TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=12,
)


def nested(levels: int) -> object:
    value: object = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


DOCUMENT = st.one_of(VALUE, st.integers(1, 900).map(nested))


def shown(problems: list[Problem], texts: tuple[str, ...] = ()) -> None:
    """All of it can be printed, and no problem is without a fix."""
    text = render(problems) + "".join(first(texts, "notes"))
    assert len(text.encode()) < 2_000_000
    assert all(problem.key and problem.what and problem.fix for problem in problems)


@pytest.fixture(autouse=True)
def limited() -> Iterator[None]:
    with time_limit(30 + EXAMPLES / 2):
        yield


@pytest.fixture(scope="module")
def small_app() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in SMALL_APP.items():
            path = Path(folder) / "app" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        yield Path(folder) / "app"


def load(folder: Path, name: str, content: bytes) -> None:
    """Load the app with one file of that content, and then put the file back."""
    path = folder / name
    path.write_bytes(content)
    try:
        with loaded(Bad(name="", key="", fix="", config={"secrets": {}}), folder) as (found, problems):
            if found is not None:
                read, more = app.load(found, folder.parent / "cache")
                shown([*problems, *more], () if read is None else (*read.warnings, *read.notes))
            else:
                shown(problems)
    finally:
        if name in SMALL_APP:
            path.write_text(SMALL_APP[name], encoding="utf-8")
        else:
            path.unlink()


def dumped(value: object) -> bytes:
    """JSON as no careful writer makes it: with NaN, and with any text."""
    return json.dumps(value).encode()


def changed(document: object, path: list[int], value: object) -> object:
    """The document with `value` somewhere in it."""
    if not path or not isinstance(document, dict | list) or not document:
        return value
    if isinstance(document, dict):
        key = sorted(document)[path[0] % len(document)]
        return {**document, key: changed(document[key], path[1:], value)}
    at = path[0] % len(document)
    return [*document[:at], changed(document[at], path[1:], value), *document[at + 1 :]]


CONTENT = st.one_of(st.binary(max_size=300), TEXT.map(lambda text: text.encode(errors="surrogatepass")))
PLACE = st.lists(st.integers(0, 9), max_size=6)
ANY_FILE = (*SMALL_APP, "functions/.env", "functions/.env.crm-sandbox", ".firebaserc", "railway.toml",
            "railway.json",
            "functions/tsconfig.json", "functions/extra.ts")  # fmt: skip
MANIFEST = {
    "specVersion": "v1alpha1",
    "params": [{"name": "A", "type": "int", "default": 1, "input": {"text": {"validationRegex": "a"}}}],
    "requiredAPIs": [{"api": "a.googleapis.com", "reason": "b"}],
    "endpoints": {
        "hello": {
            "platform": "gcfv2", "entryPoint": "hello", "httpsTrigger": {"invoker": ["public"]},
            "region": ["us-east1"],
            "availableMemoryMb": 256, "cpu": 1, "concurrency": 80, "minInstances": 0, "maxInstances": 2,
            "timeoutSeconds": 60, "labels": {"a": "b"}, "environmentVariables": {"A": "b"},
            "ingressSettings": "ALLOW_ALL",
            "secretEnvironmentVariables": [{"key": "TOKEN"}], "serviceAccountEmail": "a@",
            "vpc": {"connector": "c", "egressSettings": "ALL_TRAFFIC"},
        },
        "tick": {
            "platform": "gcfv2", "entryPoint": "tick",
            "scheduleTrigger": {
                "schedule": "every 5 minutes", "timeZone": "UTC",
                "retryConfig": {"retryCount": 1, "maxRetrySeconds": 1, "minBackoffSeconds": 1},
            },
        },
        "written": {
            "platform": "gcfv2", "entryPoint": "written",
            "eventTrigger": {
                "eventType": "google.cloud.firestore.document.v1.written", "retry": False,
                "eventFilters": {"database": "(default)", "namespace": "(default)"},
                "eventFilterPathPatterns": {"document": "users/{id}"},
            },
        },
    },
}  # fmt: skip
INDEXES = {
    "indexes": [
        {"collectionGroup": "a", "queryScope": "COLLECTION",
         "fields": [{"fieldPath": "a", "order": "ASCENDING"}, {"fieldPath": "b", "arrayConfig": "CONTAINS"}]},
    ],
    "fieldOverrides": [
        {"collectionGroup": "a", "fieldPath": "c", "ttl": True,
         "indexes": [{"order": "ASCENDING", "queryScope": "COLLECTION"}]},
    ],
}  # fmt: skip
PACKAGE = {
    "main": "index.js", "engines": {"node": "22"},
    "dependencies": {"firebase-functions": "7.4.0", "a": "file:./a"},
    "devDependencies": {"b": "1"}, "scripts": {"build": "tsc -p tsconfig.json", "lint": "eslint"},
}  # fmt: skip
FIREBASE = {
    "firestore": [{"database": "(default)", "rules": "firestore.rules", "indexes": "firestore.indexes.json"}],
    "functions": [
        {"source": "functions", "codebase": "default", "runtime": "nodejs22", "ignore": ["**/*.md"],
         "prefix": "a",
         "predeploy": ["npm run build"], "configDir": "functions", "serviceAccount": "a@"},
    ],
    "hosting": {},
}  # fmt: skip
RAILWAY = {
    "build": {"builder": "RAILPACK", "buildCommand": "a", "watchPatterns": ["a"]},
    "deploy": {"startCommand": "a", "numReplicas": 1, "healthcheckPath": "/a", "healthcheckTimeout": 3,
               "restartPolicyType": "ALWAYS", "limitOverride": {"containers": {"cpu": 1, "memoryBytes": 1e9}},
               "multiRegionConfig": {"us-west2": {"numReplicas": 1}}, "preDeployCommand": ["a"]},
    "environments": {"production": {"deploy": {"startCommand": "b"}}},
}  # fmt: skip
TSCONFIG = {
    "extends": ["./a.json"], "compilerOptions": {"outDir": "lib", "rootDir": "src", "allowJs": True},
    "include": ["src/**/*"], "exclude": ["a"], "files": ["b.ts"], "references": [{"path": "./c"}],
}  # fmt: skip
ALIASES = {"projects": {"default": "crm-sandbox"}}
SHAPES: dict[str, object] = {
    "firebase.json": FIREBASE, "firestore.indexes.json": INDEXES, "functions/package.json": PACKAGE,
    "functions/functions.yaml": MANIFEST, "railway.json": RAILWAY, "functions/tsconfig.json": TSCONFIG,
    ".firebaserc": ALIASES,
}  # fmt: skip


@many
@given(name=st.sampled_from(ANY_FILE), content=CONTENT)
def test_random_bytes_as_a_file(small_app: Path, name: str, content: bytes) -> None:
    load(small_app, name, content)


@many
@given(name=st.sampled_from([*SHAPES]), place=PLACE, value=DOCUMENT)
def test_a_random_value_somewhere_in_a_document(
    small_app: Path, name: str, place: list[int], value: object
) -> None:
    load(small_app, name, dumped(changed(SHAPES[name], place, value)))


@many
@given(place=PLACE, value=DOCUMENT)
def test_a_random_value_somewhere_in_yaml(small_app: Path, place: list[int], value: object) -> None:
    """With numbers, dates and texts as YAML writes them."""
    try:
        text = yaml.safe_dump(changed(MANIFEST, place, value), allow_unicode=True)
    except (yaml.YAMLError, ValueError, RecursionError):
        return  # PyYAML itself cannot write it
    load(small_app, "functions/functions.yaml", text.encode(errors="surrogatepass"))


@many
@given(key=st.sampled_from([*KEYS]), value=st.one_of(TEXT, DOCUMENT.map(json.dumps)), secret=st.booleans())
def test_random_text_as_a_setting(key: str, value: str, *, secret: bool) -> None:
    bad = Bad(name="", key="", fix="", config={key: value}, secret=(key,) if secret else ())
    with loaded(bad) as (found, problems):
        shown(problems, () if found is None else found.warnings)


@many
@given(value=st.dictionaries(TEXT, DOCUMENT, max_size=4), data=st.data())
def test_a_random_object_as_a_setting(value: dict[str, object], data: st.DataObject) -> None:
    kinds = (ValueType.OBJECT, ValueType.STRINGS, ValueType.VARIABLES, ValueType.SECRETS)
    key = data.draw(st.sampled_from([key.name for key in KEYS.values() if key.value_type in kinds]))
    secret = (key,) if KEYS[key].hidden else ()
    with loaded(Bad(name="", key="", fix="", config={key: value}, secret=secret)) as (found, problems):
        shown(problems, () if found is None else found.warnings)


@many
@given(value=TEXT.filter(lambda text: "\0" not in text and text.isprintable()), data=st.data())
def test_random_text_as_an_environment_variable(value: str, data: st.DataObject) -> None:
    names = ("RAILWAY_WAIT_SCALE", "RAILWAY_TIMEOUT_SECONDS", "RAILWAY_API_URL", "RAILWAY_EDGE_URL",
             "GOOGLE_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS",
             "GOOGLE_FIREBASERULES_CUSTOM_ENDPOINT")  # fmt: skip
    bad = Bad(name="", key="", fix="", environ={data.draw(st.sampled_from(names)): value})
    with loaded(bad) as (found, problems):
        shown(problems, () if found is None else found.warnings)


@many
@given(text=st.one_of(st.text(), TEXT, st.lists(ODD).map("".join)))
def test_every_parser_of_text(text: str) -> None:
    shown(parse_json(text, "a.json")[1])
    shown(index_file.parse(text, "a.json")[1])
    env_files.parse(text)
    overwritten_exports(text)
    for parse, error in ((parse_rules, RulesSyntaxError), (compile_pattern, PatternError)):
        with contextlib.suppress(error):
            parse(text)


@many
@given(content=st.binary(max_size=300))
def test_every_reader_of_files(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "railway.toml"
        path.write_bytes(content)
        shown(files.read_text(path, "a")[1])
        shown(railway_file.load(path, path.parent, "production", named=True).problems)
        tsconfig.load(path)
