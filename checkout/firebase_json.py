"""firebase.json: where the rules, the index file and the functions codebases of an app are.

Both forms of each section are read as the Firebase CLI reads them: `firestore` as an object or one object
per database, `functions` as an object or one object per codebase. Targets that this program does not
deploy (hosting, storage, ...) become notes, so that nobody believes they were.
Refuses a path that does not exist or that leaves the app's folder: what is deployed must be what is
reviewed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from settings.parsing import did_you_mean, kind_of, mapping, parse_json, sequence, strings
from settings.problems import Problem

FILE = "firebase.json"
DEFAULT_DATABASE = "(default)"
DEFAULT_CODEBASE = "default"

_OTHER_TARGETS = {
    "hosting": "hosting",
    "storage": "storage",
    "database": "database",
    "extensions": "extensions",
    "remoteconfig": "remoteconfig",
    "dataconnect": "dataconnect",
    "apphosting": "apphosting",
}
_SILENT = ("$schema", "emulators", "flutter")  # nothing to deploy
_KNOWN = ("firestore", "functions", *_OTHER_TARGETS, *_SILENT)
_CODEBASE_KEYS = (
    "source", "codebase", "runtime", "ignore", "predeploy", "postdeploy", "prefix", "remoteSource",
    "disallowLegacyRuntimeConfig", "configDir",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CodebaseSource:
    """One functions codebase as firebase.json names it. `where` is its place, for messages."""

    name: str
    folder: Path
    relative: str
    runtime: str | None
    ignore: tuple[str, ...]
    predeploy: tuple[str, ...]
    where: str


@dataclass(frozen=True, kw_only=True)
class FirebaseJson:
    """What to read. `rules_name` is the path as written: it is part of the ruleset's identity."""

    rules: Path | None
    rules_name: str
    indexes: Path | None
    indexes_name: str
    location: str | None
    codebases: tuple[CodebaseSource, ...]
    notes: tuple[str, ...]


def load(app_dir: Path, database: str) -> tuple[FirebaseJson | None, list[Problem]]:
    """Read `app_dir`/firebase.json for one Firestore database. Relative paths resolve inside `app_dir`."""
    path = app_dir / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None, [
            Problem(
                key="whatsapp-crm:appDir",
                what=f"there is no firebase.json in {app_dir}.",
                fix="pulumi config set whatsapp-crm:appDir <the folder that holds firebase.json>",
            )
        ]
    except (OSError, UnicodeDecodeError) as error:
        return None, [
            Problem(
                key=FILE,
                what=f"cannot be read: {error}.",
                fix=f"Make {path} a readable text file in UTF-8.",
            )
        ]
    document, problems = parse_json(text, FILE)
    if document is None:
        return None, problems
    return _Reader(app_dir, database).read(document)


class _Reader:
    def __init__(self, app_dir: Path, database: str) -> None:
        self.root = app_dir
        self.database = database
        self.problems: list[Problem] = []
        self.notes: list[str] = []

    def read(self, document: Mapping[str, object]) -> tuple[FirebaseJson | None, list[Problem]]:
        for name in document:
            if name in _OTHER_TARGETS:
                self.notes.append(f'firebase.json: "{name}" is not deployed by this program.')
            elif name not in _KNOWN:
                self._add(
                    f'"{name}" is not a known section.', f"{did_you_mean(name, _KNOWN)}Rename or remove it."
                )
        firestore = self._firestore(document.get("firestore")) or {}
        rules, rules_name = self._file(firestore, "rules", "firestore.rules")
        indexes, indexes_name = self._file(firestore, "indexes", "firestore.indexes")
        location = firestore.get("location")
        codebases = self._codebases(document.get("functions"))
        if "firestore" not in document and "functions" not in document:
            self._add(
                "names neither firestore nor functions, so there is nothing to deploy.",
                'Add "firestore": {"rules": "firestore.rules", "indexes": "firestore.indexes.json"}.',
            )
        found = FirebaseJson(
            rules=rules,
            rules_name=rules_name,
            indexes=indexes,
            indexes_name=indexes_name,
            location=location if isinstance(location, str) else None,
            codebases=tuple(codebases),
            notes=tuple(self.notes),
        )
        return found, self.problems

    def _add(self, what: str, fix: str) -> None:
        self.problems.append(Problem(key=FILE, what=what, fix=fix))

    def _firestore(self, value: object) -> dict[str, object] | None:
        if value is None:
            return None
        entry = mapping(value)
        entries = [entry] if entry is not None else [mapping(item) for item in sequence(value) or [None]]
        found: dict[str, object] | None = None
        others: list[str] = []
        for item in entries:
            if item is None:
                self._add(
                    "firestore must be an object, or a list with one object for each database.",
                    'Write "firestore": {"rules": "firestore.rules", "indexes": "firestore.indexes.json"}.',
                )
                return None
            name = item.get("database", DEFAULT_DATABASE)
            if name == self.database and found is None:
                found = item
            else:
                others.append(str(name))
        for name in others:
            self.notes.append(f'firebase.json: the database "{name}" is not deployed by this program.')
        if found is None and not self.problems:
            self._add(
                f'firestore has no entry for the database "{self.database}", only for {", ".join(others)}.',
                f"pulumi config set whatsapp-crm:firestoreDatabase '{others[0] if others else '(default)'}'",
            )
        return found

    def _file(self, section: Mapping[str, object], key: str, where: str) -> tuple[Path | None, str]:
        value = section.get(key)
        if value is None:
            return None, ""
        path = self._inside(value, where)
        if path is None:
            return None, ""
        if not path.is_file():
            self._add(
                f'"{where}" names the file {value}, which is not there.',
                f"Create {value} in {self.root}, or correct {where} in firebase.json.",
            )
            return None, ""
        return path, str(value)

    def _inside(self, value: object, where: str) -> Path | None:
        """The path that `value` names, if it stays inside the app's folder, links followed."""
        if not isinstance(value, str) or not value:
            self._add(
                f"{where} must be a path, but is {kind_of(value)}.",
                f"Write a path relative to firebase.json as {where}.",
            )
            return None
        path = (self.root / value).resolve()
        if not path.is_relative_to(self.root.resolve()):
            self._add(
                f'"{where}" is {value}, which leaves the app\'s folder.',
                f"Move it into {self.root} and name it relative to firebase.json.",
            )
            return None
        return path

    def _codebases(self, value: object) -> list[CodebaseSource]:
        if value is None:
            return []
        entry = mapping(value)
        entries: list[object] = [entry] if entry is not None else sequence(value) or [value]
        found: dict[str, CodebaseSource] = {}
        for number, raw in enumerate(entries):
            where = "functions" if entry is not None else f"functions[{number}]"
            codebase = self._codebase(raw, where)
            if codebase is None:
                continue
            if codebase.name in found:
                self._add(
                    f'{where}: the codebase "{codebase.name}" is there twice.',
                    f'Give {where} its own "codebase": "…".',
                )
                continue
            found[codebase.name] = codebase
        return list(found.values())

    def _codebase(self, raw: object, where: str) -> CodebaseSource | None:
        entry = mapping(raw)
        if entry is None:
            self._add(
                f"{where} must be an object, but is {kind_of(raw)}.",
                'Write "functions": {"source": "functions"}.',
            )
            return None
        for name in entry:
            if name not in _CODEBASE_KEYS:
                guess = did_you_mean(name, _CODEBASE_KEYS)
                self._add(f'{where}: "{name}" is not a known property.', f"{guess}Rename or remove it.")
        for name in ("prefix", "remoteSource", "configDir"):
            if name in entry:
                self._add(f'{where}: "{name}" is not yet supported by this program.', f'Remove "{name}".')
        source = entry.get("source", "functions")
        folder = self._inside(source, f"{where}.source")
        runtime = entry.get("runtime")
        if runtime is not None and not isinstance(runtime, str):
            self._add(
                f"{where}.runtime must be text, but is {kind_of(runtime)}.", 'Write "runtime": "nodejs22".'
            )
            runtime = None
        ignore = self._texts(entry, "ignore", where)
        predeploy = self._texts(entry, "predeploy", where)
        if folder is None:
            return None
        if not folder.is_dir():
            self._add(
                f'"{where}.source" names the folder {source}, which is not there.',
                f"Create {source} in {self.root}, or correct {where}.source in firebase.json.",
            )
            return None
        name = entry.get("codebase", DEFAULT_CODEBASE)
        if not isinstance(name, str) or not name.replace("-", "").replace("_", "").isalnum():
            self._add(
                f"{where}.codebase is {name!r}, which is not a name.",
                "Use letters, digits, - and _ only.",
            )
            return None
        return CodebaseSource(
            name=name,
            folder=folder,
            relative=str(source).strip("/"),
            runtime=runtime,
            ignore=ignore,
            predeploy=predeploy,
            where=where,
        )

    def _texts(self, entry: Mapping[str, object], key: str, where: str) -> tuple[str, ...]:
        value = entry.get(key)
        if value is None:
            return ()
        if isinstance(value, str):
            return (value,)
        found = strings(value)
        if found is None:
            self._add(
                f"{where}.{key} must be a list of texts, but is {kind_of(value)}.",
                f'Write "{key}": ["…"].',
            )
        return found or ()
