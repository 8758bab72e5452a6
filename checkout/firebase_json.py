"""firebase.json: where the rules, the index file and the functions codebases of an app are.

As in the Firebase CLI, `firestore` is an object or a list with an object per database, and `functions` an
object or a list with an object per codebase; either can be the path of a JSON file with them. What this
program does not deploy is a note, and so is a key that is not in the CLI's schema (firebase-tools 15.34,
`schema/firebase-config.json`), unless it looks like a misspelt key without which something would be missing.

Refuses a path that does not exist or leaves the app's folder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from settings import rules as setting_rules
from settings.files import FileError, exists, is_dir, resolve
from settings.keys import NAMESPACE
from settings.parsing import kind_of, look_alike, mapping, nearest, read_json, sequence, strings
from settings.problems import Problem
from settings.reader import set_command

FILE = "firebase.json"
DEFAULT_DATABASE = "(default)"
DEFAULT_CODEBASE = "default"

_USED = ("firestore", "functions", "storage")
_OTHER_TARGETS = (
    "hosting", "database", "extensions", "remoteconfig", "dataconnect", "apphosting", "auth", "ailogic",
    "run",
)  # fmt: skip
_NOT_DEPLOYED = ("$schema", "emulators", "flutter")
# Targets that the Firebase CLI has only with an experiment (its `src/commands/deploy.ts`).
_EXPERIMENTS: Mapping[str, str] = {"ailogic": "ailogic", "run": "directcloudrun"}
_DATABASE_USED = ("rules", "indexes", "database", "location", "predeploy", "postdeploy")
_DATABASE_NOTED: Mapping[str, str] = {
    "edition": "has no effect: this program does not create the database.",
    "dataAccessMode": "has no effect: this program does not create the database.",
}
_STORAGE_USED = ("rules", "bucket", "target", "predeploy", "postdeploy")
_CODEBASE_USED = (
    "source", "codebase", "runtime", "ignore", "predeploy", "postdeploy", "configDir", "prefix",
    "serviceAccount",
)  # fmt: skip
_CODEBASE_NOTED: Mapping[str, str] = {
    "disallowLegacyRuntimeConfig": "has no effect: this program never deploys functions.config().",
}
_SHOWN_PATH = 60  # characters
_MISSPELT = 0.82  # how similar an unknown key is to one that is missing
_CODEBASE_NAME = re.compile(r"[a-z0-9_-]{1,63}")
_PREFIX = re.compile(r"[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?")


@dataclass(frozen=True, kw_only=True)
class CodebaseSource:
    """One functions codebase; `relative` is its path in firebase.json.

    `config_dir` is the folder of the .env files, `prefix` begins the name of each function, and
    `service_account` is the one of functions that name none.
    """

    name: str
    folder: Path
    relative: str
    runtime: str | None
    ignore: tuple[str, ...]
    predeploy: tuple[str, ...]
    postdeploy: tuple[str, ...]
    config_dir: Path
    config_relative: str
    prefix: str
    service_account: str | None


@dataclass(frozen=True, kw_only=True)
class DatabaseSource:
    """An entry of `firestore` for another database than the one of the settings."""

    database: str
    rules: Path | None
    rules_name: str
    indexes: Path | None
    indexes_name: str


@dataclass(frozen=True, kw_only=True)
class StorageSource:
    """An entry of `storage`: rules for a bucket, a deploy target, or, without both, the default bucket."""

    rules: Path
    rules_name: str
    bucket: str | None
    target: str | None


@dataclass(frozen=True, kw_only=True)
class FirebaseJson:
    """The files to read. `rules_name` is the path as written, a part of the ruleset's identity."""

    rules: Path | None
    rules_name: str
    indexes: Path | None
    indexes_name: str
    location: str | None
    codebases: tuple[CodebaseSource, ...]
    storage: tuple[StorageSource, ...]
    databases: tuple[DatabaseSource, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def load(
    app_dir: Path, database: str, project: str = "<project>"
) -> tuple[FirebaseJson | None, list[Problem]]:
    """Read `app_dir`/firebase.json for one Firestore database. `project` is for commands in notes."""
    path = app_dir / FILE
    if not exists(path):
        fix = set_command("appDir", "<the folder that contains firebase.json>")
        what = f"there is no firebase.json in {app_dir}."
        return None, [Problem(key=f"{NAMESPACE}:appDir", what=what, fix=fix)]
    document, problems = read_json(path, FILE)
    if document is None:
        return None, problems
    return _Reader(app_dir, database, project).read(document)


def _sections_noted(project: str) -> dict[str, str]:
    """What a note says of each section that this program does not deploy; "" for no note."""
    noted: dict[str, str] = dict.fromkeys(map(str, _NOT_DEPLOYED), "")
    for target in _OTHER_TARGETS:
        name = _EXPERIMENTS.get(target)
        experiment = f"FIREBASE_CLI_EXPERIMENTS={name} " if name else ""
        command = f"{experiment}npx firebase-tools deploy --only {target} --project {project}"
        noted[target] = f"is not deployed by this program. Deploy it with: {command}"
    return noted


class _Reader:
    def __init__(self, app_dir: Path, database: str, project: str) -> None:
        self.root = app_dir
        self.database = database
        self.project = project
        self.problems: list[Problem] = []
        self.others: dict[str, DatabaseSource] = {}
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def read(self, document: Mapping[str, object]) -> tuple[FirebaseJson | None, list[Problem]]:
        self._known(document, "", _USED, _sections_noted(self.project))
        firestore = self._firestore(self._section(document, "firestore")) or {}
        rules, rules_name = self._file(firestore, "rules")
        indexes, indexes_name = self._file(firestore, "indexes")
        location = firestore.get("location")
        codebases = self._codebases(self._section(document, "functions"))
        storage = self._storage(self._section(document, "storage"))
        if not self.problems and not {"firestore", "functions", "storage"} & document.keys():
            self._add(
                "has neither firestore nor functions nor storage, so there is nothing to deploy.",
                'Add "firestore": {"rules": "firestore.rules", "indexes": "firestore.indexes.json"}.',
            )
        found = FirebaseJson(
            rules=rules,
            rules_name=rules_name,
            indexes=indexes,
            indexes_name=indexes_name,
            location=location if isinstance(location, str) else None,
            codebases=tuple(codebases),
            storage=tuple(storage),
            databases=tuple(self.others.values()),
            notes=tuple(self.notes),
            warnings=tuple(self.warnings),
        )
        return found, self.problems

    def _add(self, what: str, fix: str) -> None:
        self.problems.append(Problem(key=FILE, what=what, fix=fix))

    def _known(
        self, entry: Mapping[str, object], where: str, used: tuple[str, ...], noted: Mapping[str, str]
    ) -> None:
        """Notes for keys that have no effect here; a problem for one that is probably a misspelt used key."""
        missing = [key for key in used if key not in entry]
        for key in entry:
            shown = f'{where}."{key}"' if where else f'"{key}"'
            if key in used or noted.get(key) == "":
                continue
            if key in noted:
                self.notes.append(f"firebase.json: {shown} {noted[key]}")
            elif guess := nearest(key, missing, _MISSPELT):
                fix = f'Did you mean "{guess}"? Rename or remove it.'
                self._add(f"{shown} is not a known {'property' if where else 'section'}.", fix)
            else:
                self.notes.append(f"firebase.json: {shown} is not known to this program, and has no effect.")

    def _section(self, document: Mapping[str, object], name: str) -> object:
        """A section, read from a file where firebase.json has the file's path."""
        value = document.get(name)
        if not isinstance(value, str):
            return value
        path = self._inside(value, name)
        if path is None:
            return None
        if path.suffix != ".json" or not exists(path):
            what = f'"{name}" is "{value}", which is not a JSON file in {self.root}.'
            self._add(what, f'Write "{name}": {{ ... }}, or the path of a .json file with it.')
            return None
        imported, problems = read_json(path, value)
        self.problems += problems
        return imported.get(name, imported) if imported is not None and len(imported) == 1 else imported

    def _hooks(self, entry: Mapping[str, object], where: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The predeploy and postdeploy commands, which this program does not run."""
        return self._strings(entry, "predeploy", where), self._strings(entry, "postdeploy", where)

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
            if "target" in item and "database" not in item:
                what = 'firestore has an entry with a "target"; this program does not read deploy targets.'
                self._add(what, 'Write "database": "<id>" instead of "target".')
                continue
            name = item.get("database", DEFAULT_DATABASE)
            if name == self.database and found is None:
                found = item
                self._known(item, "firestore", (*_DATABASE_USED, "target"), _DATABASE_NOTED)
                self._warn_of_hooks(item, "firestore")
            elif name == self.database or (isinstance(name, str) and name in self.others):
                self._add(f'firestore has two entries for the database "{name}".', "Keep one of them.")
            else:
                others.append(str(name))
                self._other(item, name)
        if found is None and not self.problems:
            self._add(
                f'firestore has no entry for the database "{self.database}", only for {", ".join(others)}.'
                f"{look_alike(others[0], self.database) if others else ''}",
                set_command("firestoreDatabase", others[0]),
            )
        return found

    def _other(self, item: Mapping[str, object], name: object) -> None:
        """The rules and the indexes of another database."""
        where = f'firestore "{name}"'
        if not isinstance(name, str) or setting_rules.database(name):
            what = f"firestore has the database {str(name)[:_SHOWN_PATH]!r}, which is not the id of one."
            self._add(what, 'Write "database": "<id>".')
            return
        self._known(item, where, (*_DATABASE_USED, "target"), _DATABASE_NOTED)
        self._warn_of_hooks(item, where)
        rules, rules_name = self._file(item, "rules", where)
        indexes, indexes_name = self._file(item, "indexes", where)
        self.others[name] = DatabaseSource(
            database=name, rules=rules, rules_name=rules_name, indexes=indexes, indexes_name=indexes_name
        )
        self.notes.append(
            f'firebase.json: the database "{name}" gets its rules and indexes. '
            "Its protection and its backups are not managed."
        )

    def _warn_of_hooks(self, entry: Mapping[str, object], where: str) -> None:
        if commands := "; ".join(one for hooks in self._hooks(entry, where) for one in hooks):
            self.warnings.append(f"{where}: this program does not run these commands: {commands}")

    def _storage(self, value: object) -> list[StorageSource]:
        """The entries of Cloud Storage; see `checkout.storage_rules`."""
        single = mapping(value)
        entries = [single] if single is not None else [mapping(one) for one in sequence(value) or []]
        if (value is not None and not entries) or None in entries:
            what = "storage must be an object, or a list with one object per bucket."
            self._add(what, 'Write "storage": {"rules": "storage.rules"}.')
            return []
        found: list[StorageSource] = []
        for number, entry in enumerate(one for one in entries if one is not None):
            where = "storage" if single is not None else f"storage[{number}]"
            self._known(entry, where, _STORAGE_USED, {})
            self._warn_of_hooks(entry, where)
            bucket, target = (
                self._string(entry, "bucket", where, "b"),
                self._string(entry, "target", where, "t"),
            )
            rules, rules_name = self._file(entry, "rules", where)
            if "rules" not in entry:
                self._add(f"{where} names no rules.", f'Write "rules": "storage.rules" in {where}.')
            if single is not None and bucket and not target:
                what = f'{where} has a "bucket", which the Firebase CLI ignores: it uses the default bucket.'
                self._add(what, f'Write a list: "storage": [{{"bucket": "{bucket}", "rules": "..."}}].')
            elif single is None and not bucket and not target:
                what = f'{where} has neither "bucket" nor "target".'
                self._add(what, f'Write "bucket": "<bucket>" in {where}.')
            elif rules is not None:
                source = StorageSource(rules=rules, rules_name=rules_name, bucket=bucket, target=target)
                found.append(source)
        return found

    def _file(
        self, section: Mapping[str, object], key: str, place: str = "firestore"
    ) -> tuple[Path | None, str]:
        value, where = section.get(key), f"{place}.{key}"
        path = None if value is None else self._inside(value, where)
        if path is None:
            return None, ""
        if not exists(path) or is_dir(path):
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
        try:
            path, root = resolve(self.root / value), resolve(self.root)
        except FileError as error:
            shown = value if len(value) <= _SHOWN_PATH else f"{value[:_SHOWN_PATH]}…"
            self._add(f'"{where}" is {shown}, which {error.what}.', error.fix)
            return None
        if not path.is_relative_to(root):
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
        if "kit" in entry:
            self.notes.append(f'firebase.json: the kit "{entry["kit"]}" is not deployed by this program.')
            return None
        if "remoteSource" in entry:
            what = f"{where}.remoteSource is not supported: this program packs the code in the checkout."
            self._add(what, f'Check that repository out into {self.root}, and write its path as "source".')
            return None
        self._known(entry, where, _CODEBASE_USED, _CODEBASE_NOTED)
        source = entry.get("source", "functions")
        folder = self._inside(source, f"{where}.source")
        runtime = self._string(entry, "runtime", where, "nodejs22")
        prefix = self._string(entry, "prefix", where, "v2") or ""
        account = self._string(entry, "serviceAccount", where, "functions@")
        ignore = self._strings(entry, "ignore", where)
        predeploy, postdeploy = self._hooks(entry, where)
        config_relative = entry.get("configDir", source)
        config_dir = self._inside(config_relative, f"{where}.configDir") if "configDir" in entry else folder
        if prefix and not _PREFIX.fullmatch(prefix):
            what = f"{where}.prefix is {prefix!r}, which is not a valid prefix for function names."
            self._add(what, "Use up to 30 lower-case letters, digits and -; a letter first, no - at the end.")
        if account is not None:
            self.notes.append(
                f"firebase.json: {where}.serviceAccount: its functions that name no service account run as "
                f"{account}; the Firebase CLI ignores this key."
            )
        if folder is None or config_dir is None:
            return None
        if not is_dir(folder):
            fix = f"Create {source} in {self.root}, or correct {where}.source in firebase.json."
            self._add(f'"{where}.source" is the folder {source}, which does not exist.', fix)
            return None
        name = entry.get("codebase", DEFAULT_CODEBASE)
        if not isinstance(name, str) or not _CODEBASE_NAME.fullmatch(name):
            shown = repr(name)[:_SHOWN_PATH]
            what = f"{where}.codebase is {shown}, which is not a codebase name.{look_alike(str(name))}"
            self._add(what, "Use up to 63 lower-case letters, digits, - and _.")
            return None
        return CodebaseSource(
            name=name,
            folder=folder,
            relative=str(source).strip("/"),
            runtime=runtime,
            ignore=ignore,
            predeploy=predeploy,
            postdeploy=postdeploy,
            config_dir=config_dir,
            config_relative=str(config_relative).strip("/"),
            prefix=prefix,
            service_account=account,
        )

    def _string(self, entry: Mapping[str, object], key: str, where: str, example: str) -> str | None:
        value = entry.get(key)
        if value is None or (isinstance(value, str) and value):
            return value
        what = f"{where}.{key} must be a string, but is {kind_of(value) if value else 'empty'}."
        self._add(what, f'Write "{key}": "{example}".')
        return None

    def _strings(self, entry: Mapping[str, object], key: str, where: str) -> tuple[str, ...]:
        value = entry.get(key)
        if value is None or isinstance(value, str):
            return () if value is None else (value,)
        found = strings(value)
        if found is None:
            what = f"{where}.{key} must be a list of strings, but is {kind_of(value)}."
            self._add(what, f'Write "{key}": ["…"].')
        return found or ()
