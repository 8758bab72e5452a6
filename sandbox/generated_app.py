"""An app of any size for `make bench`: functions of all supported kinds, indexes, field overrides."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from sandbox.environment import GOOGLE_PROJECT
from sandbox.supervisor import PROJECT, STACK

EXAMPLE = PROJECT / "examples" / "crm"
SECRETS = ("GROQ_API_KEY", "RAILWAY_WHATSAPP_URL")
HEADER = """\
const { setGlobalOptions } = require("firebase-functions/v2");
const { onRequest, onCall } = require("firebase-functions/v2/https");
const firestore = require("firebase-functions/v2/firestore");
const { onSchedule } = require("firebase-functions/v2/scheduler");
setGlobalOptions({ region: "europe-west1", maxInstances: 3 });
"""
CALLER = "caller"
"""The id of the service account that may call a private function."""
PUBLIC = ("allUsers",)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of function.

    Args:
        code: its code; %d is the number of the function.
        invokers: who may call it; None: the account as which it runs, as of events and schedules.
        event: the type of the Firestore event that triggers it; "" for none.
        schedule: when it runs; "" for no schedule.
        secrets: the secrets that it binds.
        labels: the labels that firebase-tools gives it for its kind.
    """

    code: str
    invokers: tuple[str, ...] | None = None
    event: str = ""
    schedule: str = ""
    secrets: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


def _event(name: str, event: str) -> Kind:
    code = f'firestore.{name}("c%d/{{id}}", () => null)'
    return Kind(code=code, event=f"google.cloud.firestore.document.v1.{event}")


KINDS = (
    Kind(
        code='onRequest({ secrets: ["RAILWAY_WHATSAPP_URL"] }, (request, response) => response.send("ok"))',
        invokers=PUBLIC,
        secrets=("RAILWAY_WHATSAPP_URL",),
    ),
    Kind(
        code='onCall({ secrets: ["GROQ_API_KEY"] }, () => "ok")',
        invokers=PUBLIC,
        secrets=("GROQ_API_KEY",),
        labels=("deployment-callable",),
    ),
    _event("onDocumentWritten", "written"),
    Kind(
        code='onSchedule("every 1 hours", () => null)',
        schedule="every 1 hours",
        labels=("deployment-scheduled",),
    ),
)
EVERY_KIND = (
    *KINDS,
    Kind(code='onRequest({ invoker: "private" }, (request, response) => response.send("ok"))', invokers=()),
    Kind(
        code=f'onRequest({{ invoker: "{CALLER}@" }}, (request, response) => response.send("ok"))',
        invokers=(f"serviceAccount:{CALLER}@{GOOGLE_PROJECT}.iam.gserviceaccount.com",),
    ),
    Kind(code='onSchedule("0 3 * * 1", () => null)', schedule="0 3 * * 1", labels=("deployment-scheduled",)),
    *(
        _event(f"onDocument{verb.title()}{context}", f"{verb}{suffix}")
        for verb in ("created", "updated", "deleted", "written")
        for context, suffix in (("", ""), ("WithAuthContext", ".withAuthContext"))
        if (verb, context) != ("written", "")
    ),
)
"""Each way in which the program declares a function."""

_A = {"fieldPath": "a", "order": "ASCENDING"}
INDEXES: tuple[dict[str, Any], ...] = (
    {"queryScope": "COLLECTION", "fields": [_A, {"fieldPath": "b", "order": "DESCENDING"}]},
    {"queryScope": "COLLECTION_GROUP", "fields": [_A, {"fieldPath": "b", "order": "ASCENDING"}]},
    {"queryScope": "COLLECTION", "fields": [{"fieldPath": "tags", "arrayConfig": "CONTAINS"}, _A]},
    {
        "queryScope": "COLLECTION",
        "fields": [_A, {"fieldPath": "near", "vectorConfig": {"dimension": 8, "flat": {}}}],
    },
)
"""Composite indexes, without their collections; the first is the common kind."""
OVERRIDES: tuple[dict[str, Any], ...] = (
    {"indexes": []},
    {"ttl": True, "indexes": []},
    {"indexes": [{"queryScope": "COLLECTION_GROUP", "order": "ASCENDING"}]},
)
"""Field overrides, without their fields; the first is the common kind."""


@dataclass(frozen=True)
class App:
    """A written app.

    Args:
        folder: its folder.
        settings: the settings file of a stack that deploys it.
        functions: name -> kind.
    """

    folder: Path
    settings: Path
    functions: Mapping[str, Kind]


def write(
    folder: Path,
    *,
    functions: int = 0,
    indexes: int = 0,
    overrides: int = 0,
    every_kind: bool = False,
) -> App:
    """Write the app to a new folder, and the settings of its stack next to it.

    Args:
        folder: the new folder.
        functions: the number of functions; their kinds take turns.
        indexes: the number of composite indexes.
        overrides: the number of field overrides.
        every_kind: use every kind of function, index and override that the program declares, not the few
            common ones.
    """
    folder.mkdir(parents=True)
    kinds = EVERY_KIND if every_kind else KINDS
    named = {f"f{number}": kinds[number % len(kinds)] for number in range(functions)}
    document: dict[str, Any] = {
        "firestore": {"rules": "firestore.rules", "indexes": "firestore.indexes.json"}
    }
    if functions:
        document["functions"] = [{"source": "functions", "codebase": "default", "runtime": "nodejs22"}]
        _write_functions(folder / "functions", named)
    (folder / "firebase.json").write_text(json.dumps(document))
    shutil.copy(EXAMPLE / "firestore.rules", folder)
    _write_indexes(folder, indexes, overrides, every_kind=every_kind)
    settings = cast("dict[str, Any]", yaml.safe_load((PROJECT / f"Pulumi.{STACK}.yaml").read_text()))
    settings["config"]["whatsapp-crm:appDir"] = str(folder)
    file = folder.parent / f"Pulumi.{folder.name}.yaml"
    file.write_text(yaml.safe_dump(settings))
    return App(folder, file, named)


def change_code(app: App, text: str) -> None:
    """Change the code of an app without effect, so that nothing that was cached for it is used."""
    with (app.folder / "functions" / "index.js").open("a") as file:
        file.write(f"// {text}\n")


def _write_functions(folder: Path, functions: Mapping[str, Kind]) -> None:
    folder.mkdir()
    shutil.copy(EXAMPLE / "functions" / "package.json", folder)
    (folder / "node_modules").symlink_to((EXAMPLE / "functions" / "node_modules").resolve())
    lines = [f"exports.{name} = {kind.code.replace('%d', name[1:])};" for name, kind in functions.items()]
    (folder / "index.js").write_text(HEADER + "\n".join(lines) + "\n")


def _write_indexes(app: Path, indexes: int, overrides: int, *, every_kind: bool) -> None:
    shapes = INDEXES if every_kind else INDEXES[:1]
    settings = OVERRIDES if every_kind else OVERRIDES[:1]
    content = {
        "indexes": [
            {"collectionGroup": f"c{number}", **shapes[number % len(shapes)]} for number in range(indexes)
        ],
        "fieldOverrides": [
            {"collectionGroup": f"o{number}", "fieldPath": "text", **settings[number % len(settings)]}
            for number in range(overrides)
        ],
    }
    (app / "firestore.indexes.json").write_text(json.dumps(content))
