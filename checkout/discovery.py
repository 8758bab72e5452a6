"""Asking a functions codebase what it deploys, through the SDK that the codebase itself has installed.

`functions.yaml` in the source folder is the answer if it is there. Otherwise the codebase's own
`firebase-functions` command writes its manifest to a file (firebase-functions 6.5 and 7), in a process of
its own with a bounded time, and with an environment that holds no token and no secret of ours. The answer
is kept under a key of everything that it depends on (the packed files, the lock file, the SDK, Node, the
project, the params), so that a second preview runs nothing.
Refuses to install or build anything: what a preview shows must be what stands in the checkout.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from checkout.archive import write_atomically
from settings.keys import NAMESPACE
from settings.parsing import mapping, parse_json, strings
from settings.problems import Problem

HOOK = Path(__file__).with_name("discovery_hook.cjs")
LOCK_FILES = ("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml")
_CHECKED_FILES = 200
_CACHE_FORMAT = "1"  # raise it when the answer's form or the hook changes
_FILE_LINE = re.compile(r"(?:file://)?(/[^\s:()'\"]+\.[cm]?[jt]s):(\d+)")
_MISSING_MODULE = re.compile(r"Cannot find (?:module|package) '([^']+)'")
# What the SDKs say without a bucket in FIREBASE_CONFIG: firebase-functions, firebase-admin.
_NO_BUCKET = re.compile(r"Missing bucket name|Bucket name not specified or invalid")
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "NODE_ENV", "SYSTEMROOT")


@dataclass(frozen=True, kw_only=True)
class Source:
    """One codebase to ask. `where` names it in messages; `digest` is the hash of its packed files."""

    folder: Path
    app_dir: Path
    where: str
    digest: str
    project: str
    firebase_config: Mapping[str, str]
    environment: Mapping[str, str]
    timeout: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The manifest, and what the hook saw: exports that are undefined or lost, and the files that
    were loaded (relative to the codebase; dependencies left out).
    """

    manifest: Mapping[str, object]
    undefined_exports: tuple[str, ...]
    lost_exports: tuple[str, ...]
    loaded: tuple[str, ...]


def discover(source: Source, cache_dir: Path) -> tuple[Answer | None, list[Problem]]:
    """The codebase's manifest, from its file, the cache, or a run of the SDK."""
    written = source.folder / "functions.yaml"
    if written.is_file():
        return _from_file(written, source)
    command, problems = _sdk(source)
    if command is None:
        return None, problems
    cached = cache_dir / f"{_key(source, command)}.json"
    answer = _from_cache(cached)
    if answer is not None:
        return answer, []
    answer, problems = _run(source, command)
    if answer is not None:
        write_atomically(cached, json.dumps(_as_json(answer), indent=1, sort_keys=True).encode())
    return answer, problems


@dataclass(frozen=True, kw_only=True)
class _Command:
    node: str
    node_version: str
    script: Path
    sdk_version: str


def _problem(source: Source, what: str, fix: str) -> list[Problem]:
    return [Problem(key=source.where, what=what, fix=fix)]


def _from_file(written: Path, source: Source) -> tuple[Answer | None, list[Problem]]:
    import yaml  # only a codebase with such a file needs it

    key = f"{source.where}/functions.yaml"
    try:
        document: object = yaml.safe_load(written.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return None, [Problem(key=key, what=f"not valid YAML: {error}", fix=f"Mend or remove {key}.")]
    manifest = mapping(document)
    if manifest is None:
        return None, [Problem(key=key, what="does not hold a manifest.", fix=f"Mend or remove {key}.")]
    return Answer(manifest=manifest, undefined_exports=(), lost_exports=(), loaded=()), []


def _sdk(source: Source) -> tuple[_Command | None, list[Problem]]:
    """Node and the codebase's own SDK, or what to do so that they are there."""
    package, problems = _package(source)
    if package is None:
        return None, problems
    entry = package.get("main", "index.js")
    if isinstance(entry, str) and not _entry_exists(source.folder, entry):
        scripts = mapping(package.get("scripts")) or {}
        build = "npm run build" if "build" in scripts else "create that file"
        return None, _problem(
            source,
            f"package.json says that the code starts at {entry}, which is not there.",
            f"cd {source.folder} && {build}"
            if "build" in scripts
            else f'Create it, or correct "main": {entry}.',
        )
    script = _find_script(source)
    if script is None:
        locked = any((source.folder / name).is_file() for name in LOCK_FILES)
        uses = "firebase-functions" in {
            **(mapping(package.get("dependencies")) or {}),
            **(mapping(package.get("devDependencies")) or {}),
        }
        install = "npm ci" if locked else "npm install"
        return None, _problem(
            source,
            "its dependencies are not installed, so its functions cannot be read."
            if uses
            else "package.json does not depend on firebase-functions.",
            f"cd {source.folder} && {install if uses else 'npm install firebase-functions firebase-admin'}",
        )
    manifest_file = mapping(_json(script.parent.parent.parent / "package.json")) or {}
    version = str(manifest_file.get("version", "unknown"))
    if "FUNCTIONS_MANIFEST_OUTPUT_PATH" not in script.read_text(encoding="utf-8", errors="replace"):
        return None, _problem(
            source,
            f"firebase-functions {version} is too old: it cannot write its manifest to a file.",
            f"cd {source.folder} && npm install firebase-functions@7",
        )
    node = shutil.which("node")
    if node is None:
        return None, _problem(
            source, "Node is not installed, but is needed to read the functions.", "Install Node 22."
        )
    ran = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=30)
    return _Command(node=node, node_version=ran.stdout.strip(), script=script, sdk_version=version), []


def _package(source: Source) -> tuple[dict[str, object] | None, list[Problem]]:
    path = source.folder / "package.json"
    if not path.is_file():
        python = (source.folder / "requirements.txt").is_file() or (source.folder / "main.py").is_file()
        if python:
            return None, _problem(
                source,
                "not yet supported by this program: functions in Python.",
                "Deploy this codebase otherwise, and remove it from firebase.json.",
            )
        return None, _problem(
            source,
            "has no package.json.",
            f"cd {source.folder} && npm init -y && npm install firebase-functions",
        )
    return parse_json(path.read_text(encoding="utf-8"), f"{source.where}/package.json")


def _entry_exists(folder: Path, entry: str) -> bool:
    base = folder / entry
    names = (base, base.with_name(f"{base.name}.js"), base.with_name(f"{base.name}.json"), base / "index.js")
    return any(name.is_file() for name in names)


def _json(path: Path) -> object:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _find_script(source: Source) -> Path | None:
    """The SDK's command in the codebase's node_modules, or in those of a folder above it in the app."""
    folder = source.folder
    while True:
        script = folder / "node_modules/firebase-functions/lib/bin/firebase-functions.js"
        if script.is_file():
            return script
        if folder == source.app_dir or folder.parent == folder:
            return None
        folder = folder.parent


def _key(source: Source, command: _Command) -> str:
    """The hash of everything that the answer depends on. Installed packages count through their lock
    file.
    """
    locks = [
        hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in {source.folder, source.app_dir}
        for name in (*LOCK_FILES, "node_modules/.package-lock.json")
        if (path := folder / name).is_file()
    ]
    parts = [
        _CACHE_FORMAT,
        source.digest,
        str(source.folder),
        source.project,
        json.dumps(dict(source.firebase_config), sort_keys=True),
        json.dumps(dict(source.environment), sort_keys=True),
        command.node_version,
        command.sdk_version,
        *sorted(locks),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _run(source: Source, command: _Command) -> tuple[Answer | None, list[Problem]]:
    with tempfile.TemporaryDirectory(prefix="discovery-") as folder:
        manifest_path, report_path = Path(folder) / "manifest.json", Path(folder) / "report.json"
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        environment |= dict(source.environment)
        environment |= {
            "GCLOUD_PROJECT": source.project,
            "GOOGLE_CLOUD_PROJECT": source.project,
            "FIREBASE_CONFIG": json.dumps(dict(source.firebase_config), separators=(",", ":")),
            "FUNCTIONS_CONTROL_API": "true",
            "FUNCTIONS_MANIFEST_OUTPUT_PATH": str(manifest_path),
            "CRM_DISCOVERY_REPORT": str(report_path),
        }
        # The command takes its folder from the working directory (firebase-functions, bin).
        process = subprocess.Popen(
            [command.node, "--require", str(HOOK), str(command.script)],
            cwd=source.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=source.timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            return None, _problem(
                source,
                f"loading the functions took more than {source.timeout} seconds and was stopped. "
                f"Something at the top of a module waits.{_tail(output)}",
                f"Move that work into a function, or: "
                f"pulumi config set {NAMESPACE}:discoveryTimeout {source.timeout * 2}",
            )
        if process.returncode != 0 or not manifest_path.is_file():
            if not _place(source, output):
                output += _checked(source, command.node)
            return None, _failure(source, output, process.returncode)
        manifest = mapping(json.loads(manifest_path.read_text(encoding="utf-8"))) or {}
        report = mapping(_json(report_path)) or {}
    return _answer(source, manifest, report), []


def _checked(source: Source, node: str) -> str:
    """What Node says about the syntax of the codebase's files, for errors that come without a place.

    ES modules that do not parse are such errors. `node --check` runs nothing.
    """
    files: list[Path] = []
    for folder, below, names in os.walk(source.folder):
        below[:] = sorted(name for name in below if name != "node_modules")
        files += [Path(folder, name) for name in sorted(names) if name.endswith((".js", ".mjs", ".cjs"))]
    for path in files[:_CHECKED_FILES]:
        ran = subprocess.run(
            [node, "--check", str(path)], capture_output=True, text=True, check=False, timeout=30
        )
        if ran.returncode != 0:
            return f"\n{ran.stderr}"
    return ""


def _failure(source: Source, output: str, code: int) -> list[Problem]:
    """Why the functions did not load: their own message, with file and line in the codebase."""
    place = _place(source, output)
    at = f" at {place}" if place else ""
    missing = _MISSING_MODULE.search(output)
    if missing is not None and not missing.group(1).startswith((".", "/")):
        name = "/".join(missing.group(1).split("/")[: 2 if missing.group(1).startswith("@") else 1])
        package = mapping(_json(source.folder / "package.json")) or {}
        declared = name in (mapping(package.get("dependencies")) or {})
        return _problem(
            source,
            f"the module {name} is used{at}, but is not installed.",
            f"cd {source.folder} && {'npm ci' if declared else f'npm install {name}'}",
        )
    if _NO_BUCKET.search(output) is not None and "storageBucket" not in source.firebase_config:
        return _problem(
            source,
            f"the code{at} uses the app's storage bucket, which is not configured.",
            f"pulumi config set {NAMESPACE}:storageBucket <my-crm.firebasestorage.app>",
        )
    message = _message(output) or f"the SDK ended with the code {code} and no message"
    return _problem(
        source,
        f"its functions do not load{at}: {message}.",
        f"Mend {place}." if place else f"cd {source.folder} && node .  shows the same error.",
    )


def _message(output: str) -> str:
    """The error's own line: the one that the SDK reports, else the first that looks like an error."""
    for line in output.splitlines():
        _, found, rest = line.partition("Failed to generate manifest from function source: ")
        if found:
            return rest.strip().rstrip(".")
    for line in output.splitlines():
        if re.match(r"\s*(?:\w*Error\b|Uncaught)", line):
            return line.strip().rstrip(".")
    return output.strip().splitlines()[-1].rstrip(".") if output.strip() else ""


def _place(source: Source, output: str) -> str:
    """`functions/index.js:12`: the first place of the codebase's own code that the output names."""
    roots = {source.folder, source.folder.resolve()}
    for file, line in _FILE_LINE.findall(output):
        path = Path(file)
        if "node_modules" not in path.parts and any(path.is_relative_to(root) for root in roots):
            root = next(root for root in roots if path.is_relative_to(root))
            return f"{source.where}/{path.relative_to(root).as_posix()}:{line}"
    return ""


def _tail(output: str) -> str:
    lines = output.strip().splitlines()[-3:]
    return f" It last said: {' / '.join(line.strip() for line in lines)}" if lines else ""


def _answer(source: Source, manifest: Mapping[str, object], report: Mapping[str, object]) -> Answer:
    entry = report.get("entry")
    exported = set(strings(report.get("exported")) or ())
    undefined = set(strings(report.get("undefined")) or ())
    lost: tuple[str, ...] = ()
    if isinstance(entry, str) and entry.endswith((".js", ".cjs")) and (exported or undefined):
        text = Path(entry).read_text(encoding="utf-8", errors="replace")
        lost = tuple(name for name in overwritten_exports(text) if name not in exported | undefined)
    root = source.folder.resolve()
    loaded = sorted(
        Path(os.path.relpath(file, root)).as_posix()
        for file in strings(report.get("loaded")) or ()
        if Path(file) != HOOK
    )
    return Answer(
        manifest=manifest, undefined_exports=tuple(sorted(undefined)), lost_exports=lost, loaded=tuple(loaded)
    )


def overwritten_exports(text: str) -> tuple[str, ...]:
    """Names that a CommonJS text exports one by one before a later `module.exports = …` of the whole.

    They are suspects, not losses: whether they are gone, only the loaded module tells.
    """
    code = re.sub(r"/\*.*?\*/", lambda match: re.sub(r"[^\n]", " ", match.group()), text, flags=re.DOTALL)
    whole = [match.start() for match in re.finditer(r"^[ \t]*module\.exports\s*=(?!=)", code, re.MULTILINE)]
    if not whole:
        return ()
    singles = re.finditer(r"^[ \t]*(?:module\.)?exports\.([A-Za-z_$][\w$]*)\s*=(?!=)", code, re.MULTILINE)
    return tuple(dict.fromkeys(match.group(1) for match in singles if match.start() < whole[-1]))


def _as_json(answer: Answer) -> dict[str, object]:
    return {
        "manifest": dict(answer.manifest),
        "undefined_exports": list(answer.undefined_exports),
        "lost_exports": list(answer.lost_exports),
        "loaded": list(answer.loaded),
    }


def _from_cache(path: Path) -> Answer | None:
    """A kept answer; None when there is none, or when the file is not one of ours any more."""
    try:
        found = mapping(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return None
    manifest = mapping(found.get("manifest")) if found else None
    if found is None or manifest is None:
        return None
    return Answer(
        manifest=manifest,
        undefined_exports=strings(found.get("undefined_exports")) or (),
        lost_exports=strings(found.get("lost_exports")) or (),
        loaded=strings(found.get("loaded")) or (),
    )
