"""firebase.json: where the rules, the index file and the functions codebases of an app are.

As in the Firebase CLI, `firestore` is an object or a list with an object per database, and `functions` an
object or a list with an object per codebase. Targets that this program does not deploy (hosting, storage,
...) become notes.

Refuses a path that does not exist or leaves the app's folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from settings.keys import NAMESPACE
from settings.parsing import did_you_mean, kind_of, mapping, parse_json, sequence, strings
from settings.problems import Problem

FILE = "firebase.json"
DEFAULT_DATABASE = "(default)"
DEFAULT_CODEBASE = "default"

_OTHER_TARGETS = ("hosting", "storage", "database", "extensions", "remoteconfig", "dataconnect", "apphosting")
_NOT_DEPLOYED = ("$schema", "emulators", "flutter")
_KNOWN = ("firestore", "functions", *_OTHER_TARGETS, *_NOT_DEPLOYED)
_UNSUPPORTED = ("prefix", "remoteSource", "configDir")
_CODEBASE_KEYS = (
    "source", "codebase", "runtime", "ignore", "predeploy", "postdeploy", "disallowLegacyRuntimeConfig",
    *_UNSUPPORTED,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CodebaseSource:
    """One functions codebase; `relative` is its path in firebase.json."""

    name: str
    folder: Path
    relative: str
    runtime: str | None
    ignore: tuple[str, ...]
    predeploy: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class FirebaseJson:
    """The files to read. `rules_name` is the path as written, a part of the ruleset's identity."""

    rules: Path | None
    rules_name: str
    indexes: Path | None
    indexes_name: str
    location: str | None
    codebases: tuple[CodebaseSource, ...]
    notes: tuple[str, ...]


def load(app_dir: Path, database: str) -> tuple[FirebaseJson | None, list[Problem]]:
    """Read `app_dir`/firebase.json for one Firestore database."""
    path = app_dir / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        fix = f"pulumi config set {NAMESPACE}:appDir <the folder that contains firebase.json>"
        what = f"there is no firebase.json in {app_dir}."
        return None, [Problem(key=f"{NAMESPACE}:appDir", what=what, fix=fix)]
    except (OSError, UnicodeDecodeError) as error:
        return None, [Problem(key=FILE, what=f"cannot be read: {error}.", fix=f"Save {path} as UTF-8.")]
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
                guess = did_you_mean(name, _KNOWN)
                self._add(f'"{name}" is not a known section.', f"{guess}Rename or remove it.")
        firestore = self._firestore(document.get("firestore")) or {}
        rules, rules_name = self._file(firestore, "rules")
        indexes, indexes_name = self._file(firestore, "indexes")
        location = firestore.get("location")
        codebases = self._codebases(document.get("functions"))
        if "firestore" not in document and "functions" not in document:
            self._add(
                "has neither firestore nor functions, so there is nothing to deploy.",
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
        """The entry of the database."""
        if value is None:
            return None
        entry = mapping(value)
        found: dict[str, object] | None = None
        others: list[str] = []
        for item in [entry] if entry is not None else [mapping(item) for item in sequence(value) or [None]]:
            if item is None:
                self._add(
                    "firestore must be an object, or a list with one object per database.",
                    'Write "firestore": {"rules": "firestore.rules", "indexes": "firestore.indexes.json"}.',
                )
                return None
            name = item.get("database", DEFAULT_DATABASE)
            if name == self.database and found is None:
                found = item
            else:
                others.append(str(name))
                self.notes.append(f'firebase.json: the database "{name}" is not deployed by this program.')
        if found is None and not self.problems:
            self._add(
                f'firestore has no entry for the database "{self.database}", only for {", ".join(others)}.',
                f"pulumi config set {NAMESPACE}:firestoreDatabase '{others[0]}'",
            )
        return found

    def _file(self, section: Mapping[str, object], key: str) -> tuple[Path | None, str]:
        value, where = section.get(key), f"firestore.{key}"
        path = None if value is None else self._inside(value, where)
        if path is None:
            return None, ""
        if not path.is_file():
            fix = f"Create {value} in {self.root}, or correct {where} in firebase.json."
            self._add(f'"{where}" is the file {value}, which does not exist.', fix)
            return None, ""
        return path, str(value)

    def _inside(self, value: object, where: str) -> Path | None:
        """The path, if it stays inside the app's folder with links resolved."""
        if not isinstance(value, str) or not value:
            fix = f"Write a path relative to firebase.json as {where}."
            self._add(f"{where} must be a path, but is {kind_of(value)}.", fix)
            return None
        path = (self.root / value).resolve()
        if not path.is_relative_to(self.root.resolve()):
            fix = f"Move it into {self.root} and write its path relative to firebase.json."
            self._add(f'"{where}" is {value}, which leaves the app\'s folder.', fix)
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
            if found.setdefault(codebase.name, codebase) is not codebase:
                fix = f'Write another "codebase" in {where}.'
                self._add(f'{where}: there are two codebases "{codebase.name}".', fix)
        return list(found.values())

    def _codebase(self, raw: object, where: str) -> CodebaseSource | None:
        entry = mapping(raw)
        if entry is None:
            fix = 'Write "functions": {"source": "functions"}.'
            self._add(f"{where} must be an object, but is {kind_of(raw)}.", fix)
            return None
        for key in entry:
            if key in _UNSUPPORTED:
                self._add(f'{where}: "{key}" is not supported by this program.', f'Remove "{key}".')
            elif key not in _CODEBASE_KEYS:
                guess = did_you_mean(key, _CODEBASE_KEYS)
                self._add(f'{where}: "{key}" is not a known property.', f"{guess}Rename or remove it.")
        source = entry.get("source", "functions")
        folder = self._inside(source, f"{where}.source")
        runtime = entry.get("runtime")
        if runtime is not None and not isinstance(runtime, str):
            what = f"{where}.runtime must be a string, but is {kind_of(runtime)}."
            self._add(what, 'Write "runtime": "nodejs22".')
            runtime = None
        ignore = self._strings(entry, "ignore", where)
        predeploy = self._strings(entry, "predeploy", where)
        if folder is None:
            return None
        if not folder.is_dir():
            fix = f"Create {source} in {self.root}, or correct {where}.source in firebase.json."
            self._add(f'"{where}.source" is the folder {source}, which does not exist.', fix)
            return None
        name = entry.get("codebase", DEFAULT_CODEBASE)
        if not isinstance(name, str) or not name.replace("-", "").replace("_", "").isalnum():
            what = f"{where}.codebase is {name!r}, which is not a codebase name."
            self._add(what, "Use only letters, digits, - and _.")
            return None
        return CodebaseSource(
            name=name,
            folder=folder,
            relative=str(source).strip("/"),
            runtime=runtime,
            ignore=ignore,
            predeploy=predeploy,
        )

    def _strings(self, entry: Mapping[str, object], key: str, where: str) -> tuple[str, ...]:
        value = entry.get(key)
        if value is None or isinstance(value, str):
            return () if value is None else (value,)
        found = strings(value)
        if found is None:
            what = f"{where}.{key} must be a list of strings, but is {kind_of(value)}."
            self._add(what, f'Write "{key}": ["…"].')
        return found or ()
