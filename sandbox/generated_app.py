"""An app of any size for `make bench`: functions of all supported kinds, indexes, field overrides."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from sandbox.supervisor import PROJECT, STACK

EXAMPLE = PROJECT / "examples" / "crm"
SECRETS = ("GROQ_API_KEY", "RAILWAY_WHATSAPP_URL")
HEADER = """\
const { setGlobalOptions } = require("firebase-functions/v2");
const { onRequest, onCall } = require("firebase-functions/v2/https");
const { onDocumentWritten } = require("firebase-functions/v2/firestore");
const { onSchedule } = require("firebase-functions/v2/scheduler");
setGlobalOptions({ region: "europe-west1", maxInstances: 3 });
"""
KINDS = (
    'onRequest({ secrets: ["RAILWAY_WHATSAPP_URL"] }, (request, response) => response.send("ok"))',
    'onCall({ secrets: ["GROQ_API_KEY"] }, () => "ok")',
    'onDocumentWritten("c%d/{id}", () => null)',
    'onSchedule("every 1 hours", () => null)',
)


@dataclass(frozen=True)
class App:
    """A written app.

    Args:
        folder: its folder.
        settings: the settings file of a stack that deploys it.
    """

    folder: Path
    settings: Path


def write(folder: Path, *, functions: int = 0, indexes: int = 0, overrides: int = 0) -> App:
    """Write the app to a new folder, and the settings of its stack next to it.

    Args:
        folder: the new folder.
        functions: the number of functions; their kinds take turns.
        indexes: the number of composite indexes.
        overrides: the number of field overrides.
    """
    folder.mkdir(parents=True)
    document: dict[str, Any] = {
        "firestore": {"rules": "firestore.rules", "indexes": "firestore.indexes.json"}
    }
    if functions:
        document["functions"] = [{"source": "functions", "codebase": "default", "runtime": "nodejs22"}]
        _write_functions(folder / "functions", functions)
    (folder / "firebase.json").write_text(json.dumps(document))
    shutil.copy(EXAMPLE / "firestore.rules", folder)
    _write_indexes(folder, indexes, overrides)
    settings = cast("dict[str, Any]", yaml.safe_load((PROJECT / f"Pulumi.{STACK}.yaml").read_text()))
    settings["config"]["whatsapp-crm:appDir"] = str(folder)
    file = folder.parent / f"Pulumi.{folder.name}.yaml"
    file.write_text(yaml.safe_dump(settings))
    return App(folder, file)


def change_code(app: App, text: str) -> None:
    """Change the code of an app without effect, so that nothing that was cached for it is used."""
    with (app.folder / "functions" / "index.js").open("a") as file:
        file.write(f"// {text}\n")


def _write_functions(folder: Path, number: int) -> None:
    folder.mkdir()
    shutil.copy(EXAMPLE / "functions" / "package.json", folder)
    (folder / "node_modules").symlink_to((EXAMPLE / "functions" / "node_modules").resolve())
    lines = [f"exports.f{n} = {KINDS[n % len(KINDS)].replace('%d', str(n))};" for n in range(number)]
    (folder / "index.js").write_text(HEADER + "\n".join(lines) + "\n")


def _write_indexes(app: Path, indexes: int, overrides: int) -> None:
    fields = [{"fieldPath": "a", "order": "ASCENDING"}, {"fieldPath": "b", "order": "DESCENDING"}]
    content = {
        "indexes": [
            {"collectionGroup": f"c{number}", "queryScope": "COLLECTION", "fields": fields}
            for number in range(indexes)
        ],
        "fieldOverrides": [
            {"collectionGroup": f"o{number}", "fieldPath": "text", "indexes": []}
            for number in range(overrides)
        ],
    }
    (app / "firestore.indexes.json").write_text(json.dumps(content))
