"""Every key that firebase.json can have (firebase-tools 15.34, `schema/firebase-config.json`), with what this
program does about it: used, not deployed (a note), without effect (a note or nothing), or refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import pytest

from checkout.firebase_json import FirebaseJson, load

pytestmark = pytest.mark.unit

HOOKS = {"predeploy": ["npm run before"], "postdeploy": "npm run after"}
HTTP = {"source": "/x", "glob": "/y", "regex": "/z"}
PORT = {"host": "127.0.0.1", "port": 9000}
FRAMEWORK = {
    "concurrency": 80, "cors": True, "cpu": 1, "enforceAppCheck": False, "ingressSettings": "ALLOW_ALL",
    "invoker": "public", "labels": {"team": "crm"}, "maxInstances": 2, "memory": "512MiB", "minInstances": 0,
    "omit": False, "preserveExternalChanges": True, "region": "us-central1", "secrets": ["KEY"],
    "serviceAccount": "web@", "timeoutSeconds": 60, "vpcConnector": "c",
    "vpcConnectorEgressSettings": "ALL_TRAFFIC",
}  # fmt: skip
HOSTING = {
    "public": "public", "source": ".", "site": "crm", "target": "app", "ignore": ["**/.*"], "cleanUrls": True,
    "trailingSlash": False, "appAssociation": "AUTO", "i18n": {"root": "/localized"},
    "headers": [{**HTTP, "headers": [{"key": "Cache-Control", "value": "no-store"}]}],
    "redirects": [{**HTTP, "destination": "/new", "type": 301}],
    "rewrites": [
        {**HTTP, "destination": "/index.html", "dynamicLinks": True, "region": "us-central1",
         "run": {"serviceId": "api", "region": "us-central1", "pinTag": True},
         "function": {"functionId": "api", "region": "us-central1", "pinTag": True}}
    ],
    "frameworksBackend": FRAMEWORK, **HOOKS,
}  # fmt: skip
APP_HOSTING = {
    "backendId": "web", "rootDir": "/", "ignore": ["x"], "alwaysDeployFromSource": True, "localBuild": False,
}  # fmt: skip
RUN = {"serviceId": "api", "region": "us-central1", "rootDir": ".", "ignore": ["x"], "localBuild": True}
# A note each: what is in these sections is of no account.
NOT_DEPLOYED: dict[str, object] = {
    "hosting": HOSTING,
    "database": {"rules": "database.rules.json", "instance": "i", "target": "main", **HOOKS},
    "extensions": {"resize": "firebase/storage-resize-images@0.2"},
    "remoteconfig": {"template": "remoteconfig.template.json", **HOOKS},
    "dataconnect": {"source": "dataconnect", "location": "us-central1", **HOOKS},
    "apphosting": APP_HOSTING,
    "auth": {
        "providers": {
            "anonymous": True,
            "emailPassword": True,
            "googleSignIn": {
                "oAuthBrandDisplayName": "CRM",
                "supportEmail": "a@example.com",
                "authorizedRedirectUris": ["https://x.example"],
            },
        }
    },
    "ailogic": {"templates": "prompts", **HOOKS},
    "run": RUN,
}
EMULATORS = {
    **dict.fromkeys(("auth", "database", "eventarc", "functions", "hosting", "hub", "logging"), PORT),
    **dict.fromkeys(("pubsub", "storage", "tasks"), PORT),
    "apphosting": {**PORT, "rootDirectory": ".", "startCommand": "x", "startCommandOverride": "y"},
    "dataconnect": {**PORT, "dataDir": "d", "postgresHost": "h", "postgresPort": 5432},
    "extensions": {},
    "firestore": {**PORT, "edition": "standard", "websocketPort": 9150},
    "singleProjectMode": True,
    "ui": {**PORT, "enabled": True},
}  # fmt: skip
# Neither a note nor a problem.
SILENT: dict[str, object] = {
    "$schema": "https://x.example",
    "emulators": EMULATORS,
    "flutter": {"platforms": {}},
}
# What this program reads.
USED: dict[str, object] = {
    "firestore": {
        "rules": "firestore.rules",
        "indexes": "firestore.indexes.json",
        "database": "(default)",
        "location": "eur3",
        **HOOKS,
    },
    "functions": {
        "source": "functions",
        "codebase": "jobs",
        "runtime": "nodejs22",
        "ignore": ["*.local"],
        "configDir": "config",
        "prefix": "v2",
        "serviceAccount": "sender@",
        **HOOKS,
    },
}
# An entry of `storage`, which is used too; each key of it on its own is refused, so it has tests of its own.
STORAGE: dict[str, object] = {"rules": "firestore.rules", "bucket": "crm-files", "target": "main", **HOOKS}
# Accepted, with a note that says that it has no effect.
NO_EFFECT: dict[str, object] = {
    "firestore": {"edition": "standard", "dataAccessMode": "FIRESTORE_NATIVE"},
    "functions": {"disallowLegacyRuntimeConfig": True},
}
# Functions that are deployed by something else: a note.
KIT = {
    "kit": "mail", "source": "kits/mail", "instances": {"a": "config/a"}, "runtime": "nodejs22",
    "sourcePackage": {"name": "@firebase-function-kits/x"}, "ignore": ["x"], **HOOKS,
}  # fmt: skip
# With the reason in the message.
REFUSED: tuple[tuple[dict[str, object], str], ...] = (
    ({"functions": {"remoteSource": {"repository": "r"}}}, "this program packs the code in the checkout"),
    ({"functions": {"remoteSource": {"ref": "main"}}}, "this program packs the code in the checkout"),
    ({"functions": {"remoteSource": {"dir": "d"}}}, "this program packs the code in the checkout"),
    ({"firestore": [{"target": "main"}]}, "does not read deploy targets"),
)
# Not in the schema, and found in public files all the same.
UNKNOWN: dict[str, object] = {
    "firebase": "my-crm", "rules": "database.rules.json", "public": "public", "rewrites": [], "//": "x",
    "_comment": "x", "functions-old": {"source": "old"}, "version": 1,
}  # fmt: skip


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "firestore.rules").write_text("rules_version = '2';", encoding="utf-8")
    (tmp_path / "firestore.indexes.json").write_text("{}", encoding="utf-8")
    for name in ("functions", "config"):
        (tmp_path / name).mkdir()
    return tmp_path


def read(app: Path, document: Mapping[str, object]) -> tuple[FirebaseJson, list[str]]:
    (app / "firebase.json").write_text(json.dumps(document), encoding="utf-8")
    found, problems = load(app, "(default)", "my-crm")
    assert found is not None
    return found, [problem.what for problem in problems]


Path_ = tuple[str | int, ...]


def paths(value: object, above: Path_ = ()) -> Iterator[tuple[Path_, object]]:
    """Every key at every level, with its value."""
    items: Iterator[tuple[str | int, object]] = iter(())
    if isinstance(value, dict):
        items = iter(cast("dict[str | int, object]", value).items())
    elif isinstance(value, list):
        items = enumerate(cast("list[object]", value))
    for key, item in items:
        if not isinstance(key, int):
            yield (*above, key), item
        yield from paths(item, (*above, key))


def only(path: Path_, value: object) -> object:
    """The document with nothing but this key."""
    for key in reversed(path):
        value = [value] if isinstance(key, int) else {key: value}
    return value


def document_of(path: Path_, value: object) -> dict[str, object]:
    return {"firestore": {"rules": "firestore.rules"}, **cast("dict[str, object]", only(path, value))}


def ids(rows: list[tuple[Path_, object]]) -> list[str]:
    return [".".join(str(key) for key in path if not isinstance(key, int)) for path, _ in rows]


NOTED_ROWS, SILENT_ROWS, USED_ROWS, NO_EFFECT_ROWS = (
    list(paths(table)) for table in (NOT_DEPLOYED, SILENT, USED, NO_EFFECT)
)
KIT_ROWS = list(paths(KIT))


def test_there_are_as_many_keys_as_in_public_files() -> None:
    rows = (*NOTED_ROWS, *SILENT_ROWS, *USED_ROWS, *NO_EFFECT_ROWS, *KIT_ROWS, *paths({"storage": STORAGE}))
    assert len(rows) + len(REFUSED) > 200
    sections = {*NOT_DEPLOYED, *SILENT, *USED, "storage"}
    assert len(sections) == 15


@pytest.mark.parametrize(("path", "value"), NOTED_ROWS, ids=ids(NOTED_ROWS))
def test_a_key_of_what_is_not_deployed_is_a_note(app: Path, path: Path_, value: object) -> None:
    for document in (document_of(path, value), document_of((path[0], 0, *path[1:]), value)):
        found, problems = read(app, document)
        assert problems == []
        (note,) = found.notes
        what, command = note.split(" Deploy it with: ")
        assert what == f'firebase.json: "{path[0]}" is not deployed by this program.'
        assert command.endswith(f"npx firebase-tools deploy --only {path[0]} --project my-crm")


@pytest.mark.parametrize(("path", "value"), SILENT_ROWS, ids=ids(SILENT_ROWS))
def test_a_key_that_no_deployment_reads_is_accepted(app: Path, path: Path_, value: object) -> None:
    found, problems = read(app, document_of(path, value))
    assert (problems, found.notes) == ([], ())


@pytest.mark.parametrize(("path", "value"), USED_ROWS, ids=ids(USED_ROWS))
def test_a_key_that_is_used_changes_what_is_read(app: Path, path: Path_, value: object) -> None:
    """Compared with the document without it, which the example's values are chosen for."""
    base: dict[str, object] = {"firestore": {}} if path[0] == "firestore" else {"functions": {}}
    found, problems = read(app, {**base, **cast("dict[str, object]", only(path, value))})
    assert problems == []
    other, _ = read(app, base)
    defaults = {("functions",), ("functions", "source"), ("firestore",), ("firestore", "database")}
    assert (found == other) is (path in defaults - {("functions",), ("firestore",)})


@pytest.mark.parametrize("key", sorted(STORAGE))
def test_a_key_of_storage_is_used(app: Path, key: str) -> None:
    found, problems = read(app, {"storage": [STORAGE]})
    assert problems == []
    assert found.notes == ()
    other, _ = read(app, {"storage": [{one: value for one, value in STORAGE.items() if one != key}]})
    assert found != other


@pytest.mark.parametrize(("path", "value"), NO_EFFECT_ROWS, ids=ids(NO_EFFECT_ROWS))
def test_a_key_without_effect_is_a_note(app: Path, path: Path_, value: object) -> None:
    base: dict[str, object] = {"firestore": {}, "functions": {}}
    found, problems = read(app, {**base, **cast("dict[str, object]", only(path, value))})
    assert problems == []
    assert all("has no effect" in note for note in found.notes)
    assert len(found.notes) == len(cast("dict[str, object]", value)) if len(path) == 1 else 1


@pytest.mark.parametrize(("path", "value"), KIT_ROWS, ids=ids(KIT_ROWS))
def test_a_kit_is_a_note(app: Path, path: Path_, value: object) -> None:
    entry = {"kit": "mail", **cast("dict[str, object]", only(path, value))}
    found, problems = read(app, {"functions": [{"source": "functions"}, entry]})
    assert problems == []
    assert found.notes == ('firebase.json: the kit "mail" is not deployed by this program.',)
    assert len(found.codebases) == 1


@pytest.mark.parametrize(("document", "reason"), REFUSED)
def test_a_rejected_key_has_its_reason(app: Path, document: dict[str, object], reason: str) -> None:
    _, problems = read(app, document)
    assert any(reason in problem for problem in problems)


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_section_is_a_note(app: Path, name: str) -> None:
    document = {"functions": {"source": "functions"}, name: UNKNOWN[name]}
    found, problems = read(app, document)
    assert problems == []
    assert found.notes == (f'firebase.json: "{name}" is not known to this program, and has no effect.',)


@pytest.mark.parametrize("key", ["engines", "node", "memory", "_comment", "sorce"])
def test_an_unknown_property_is_a_note(app: Path, key: str) -> None:
    """`sorce` is not a misspelt `source` where that is set too."""
    found, problems = read(app, {"functions": {"source": "functions", key: "x"}})
    assert problems == []
    (note,) = found.notes
    assert f'functions."{key}" is not known to this program' in note


@pytest.mark.parametrize(
    ("document", "guess"),
    [
        ({"function": {}, "firestore": {}}, "functions"),
        ({"firestor": {}, "functions": {}}, "firestore"),
        ({"Firestore": {}, "functions": {}}, "firestore"),
        ({"functions": {"sorce": "jobs"}}, "source"),
        ({"functions": {"codeBase": "jobs"}}, "codebase"),
        ({"functions": {"ignores": []}}, "ignore"),
        ({"firestore": {"rule": "firestore.rules"}}, "rules"),
        ({"firestore": {"index": "firestore.indexes.json", "rules": "firestore.rules"}}, "indexes"),
    ],
)
def test_a_misspelt_key_without_which_something_would_be_missing_is_a_problem(
    app: Path, document: dict[str, object], guess: str
) -> None:
    (app / "firebase.json").write_text(json.dumps(document), encoding="utf-8")
    _, problems = load(app, "(default)")
    assert [problem.fix for problem in problems] == [f'Did you mean "{guess}"? Rename or remove it.']


def test_a_section_can_be_in_a_file_of_its_own(app: Path) -> None:
    (app / "functions.json").write_text('{"functions": {"codebase": "jobs"}}', encoding="utf-8")
    (app / "firestore.json").write_text('{"rules": "firestore.rules"}', encoding="utf-8")
    found, problems = read(app, {"functions": "functions.json", "firestore": "firestore.json"})
    assert problems == []
    assert [codebase.name for codebase in found.codebases] == ["jobs"]
    assert found.rules_name == "firestore.rules"
