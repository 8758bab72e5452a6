"""Settings and apps that must be refused, as data: one row for each, shared by every layer that shows a
refusal.

Rows with `cli` have a value of a type that Pulumi.yaml does not allow: under the real CLI they are refused
before the program starts, in the CLI's words, which name the key without its namespace and without a fix.
A row starts from the sandbox stack and the example app and changes one thing; `key` and `fix` are what the
message must contain. Rows with `remote` are found by a request that changes nothing (rules are compiled by
Google), so only layers with a server can use them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from settings.parsing import mapping

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE_APP = ROOT / "examples" / "crm"
NAMESPACE = "whatsapp-crm"
SECRETS = {"GROQ_API_KEY": "gsk-not-a-real-key", "ADMIN_EMAILS": "owner@example.com"}
ENVIRON = {
    "RAILWAY_API_TOKEN": "sandbox-account-token",
    "GOOGLE_OAUTH_ACCESS_TOKEN": "sandbox",
    "GOOGLE_FIRESTORE_CUSTOM_ENDPOINT": "http://127.0.0.1:9/v1/",
}


@dataclass(frozen=True, kw_only=True)
class Bad:
    """One refusal. `config`: short keys (or `namespace:key`) to values, None removes; a value that is
    not text is an object or a list. `files`: paths in the app to whole texts, None deletes. `edits`:
    paths to (old, new). `environ`: variables, None removes. `secret`: keys stored as secrets besides
    `secrets`; `plain`: keys stored in plain text although they should not be.
    """

    name: str
    key: str
    fix: str
    config: Mapping[str, object] = field(default_factory=dict)
    files: Mapping[str, str | None] = field(default_factory=dict)
    edits: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    environ: Mapping[str, str | None] = field(default_factory=dict)
    stack: str = "sandbox"
    secret: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    remote: bool = False
    cli: bool = False


def _set(key: str, value: str = "") -> str:
    return f"pulumi config set {NAMESPACE}:{key} {value}".rstrip()


def _path(key: str) -> str:
    return f"pulumi config set --path '{NAMESPACE}:{key}'"


def _one(name: str, key: str, value: object, fix: str, *, cli: bool = False) -> Bad:
    return Bad(name=name, key=f"{NAMESPACE}:{key}", fix=fix, config={key: value}, cli=cli)


def _functions(name: str, code: str, fix: str, key: str = "functions") -> Bad:
    """A row that adds code to the end of the example's functions/index.js."""
    end = "exports.processOutboxNow ="
    return Bad(name=name, key=key, fix=fix, edits={"functions/index.js": (end, f"{code}\n{end}")})


def _index(name: str, entry: Mapping[str, object], fix: str) -> Bad:
    text = json.dumps({"indexes": [entry], "fieldOverrides": []})
    return Bad(name=name, key="firestore.indexes.json", fix=fix, files={"firestore.indexes.json": text})


_ASCENDING = {"fieldPath": "a", "order": "ASCENDING"}
_V2 = 'require("firebase-functions/v2")'

SETTINGS: tuple[Bad, ...] = (
    Bad(
        name="feature branch in production",
        key="whatsapp-crm:branch",
        fix="pulumi config set whatsapp-crm:branch main",
        config={"branch": "audit-whatsapp-30"},
        stack="prod",
    ),
    Bad(
        name="feature branch in a stack declared production",
        key="whatsapp-crm:branch",
        fix="pulumi config set whatsapp-crm:branch main",
        config={"branch": "audit-whatsapp-30", "production": "true"},
        stack="live",
    ),
    _one("branch with a space", "branch", "my branch", _set("branch", "main")),
    _one("two replicas", "replicas", "2", _set("replicas", "1")),
    _one("no replica", "replicas", "0", _set("replicas", "1")),
    _one("replicas in words", "replicas", "two", _set("replicas", "1"), cli=True),
    _one("0 GB", "volumeSizeGb", "0", _set("volumeSizeGb", "50")),
    _one("less than a megabyte", "volumeSizeGb", "0.0004", _set("volumeSizeGb", "50")),
    _one("negative size", "volumeSizeGb", "-5", _set("volumeSizeGb", "50")),
    _one("size beyond the plan", "volumeSizeGb", "2000", _set("volumeSizeGb", "50")),
    Bad(
        name="size beyond the hobby plan",
        key="whatsapp-crm:volumeSizeGb",
        fix=_set("volumeSizeGb", "5"),
        config={"railwayPlan": "hobby"},
    ),
    _one("size with a unit", "volumeSizeGb", "50GB", _set("volumeSizeGb", "50")),
    _one("unknown plan", "railwayPlan", "prro", _set("railwayPlan", "pro")),
    _one("relative mount path", "volumeMountPath", "app/sessions", _set("volumeMountPath", "/app/sessions")),
    _one("mount path is the root", "volumeMountPath", "/", _set("volumeMountPath", "/app/sessions")),
    _one("mount path ends with /", "volumeMountPath", "/app/sessions/", _set("volumeMountPath")),
    _one("mount path goes in place", "volumeMountPath", "/app/./sessions", _set("volumeMountPath")),
    _one("mount path climbs", "volumeMountPath", "/app/../etc", _set("volumeMountPath")),
    _one("long service name", "railwayServiceName", "b" * 33, _set("railwayServiceName", "backend")),
    _one("odd volume name", "volumeName", "-sessions!", _set("volumeName", "sessions")),
    _one("placeholder project", "googleProject", "your-google-project", _set("googleProject")),
    _one("project number", "googleProject", "123456789012", _set("googleProject")),
    _one("odd project id", "googleProject", "CRM Sandbox", _set("googleProject")),
    _one("no project", "googleProject", None, _set("googleProject")),
    _one("odd region", "region", "Europe West 1", _set("region", "us-central1")),
    _one("placeholder region", "region", "your-functions-region", _set("region")),
    _one("odd database location", "firestoreLocation", "eur3/", _set("firestoreLocation")),
    _one("no database location", "firestoreLocation", None, _set("firestoreLocation")),
    _one("odd database", "firestoreDatabase", "Default", _set("firestoreDatabase")),
    _one("odd Railway region", "railwayRegion", "US West", _set("railwayRegion", "us-west2")),
    _one("placeholder size", "volumeSizeGb", "your-volume-size", _set("volumeSizeGb")),
    _one("blank branch", "branch", " ", _set("branch", "main")),
    _one(
        "repo is an address",
        "repo",
        "https://github.com/example/whatsapp-crm",
        _set("repo", "example/whatsapp-crm"),
    ),
    _one("repo with .git", "repo", "example/whatsapp-crm.git", _set("repo", "example/whatsapp-crm")),
    _one("placeholder repo", "repo", "your-organisation/your-repository", _set("repo")),
    _one("no repo", "repo", None, _set("repo")),
    _one("no workspace", "railwayWorkspaceId", None, _set("railwayWorkspaceId")),
    _one("workspace is a name", "railwayWorkspaceId", "my-team", _set("railwayWorkspaceId")),
    _one(
        "nil workspace",
        "railwayWorkspaceId",
        "00000000-0000-0000-0000-000000000000",
        _set("railwayWorkspaceId"),
    ),
    _one("project to adopt is a name", "railwayProjectId", "crm", _set("railwayProjectId")),
    _one("health path without /", "healthPath", "health", _set("healthPath", "/health")),
    _one("health time-out in words", "healthTimeout", "soon", _set("healthTimeout", "300")),
    _one("endless health time-out", "healthTimeout", "999999", _set("healthTimeout", "300")),
    _one("no wait", "waitSeconds", "0", _set("waitSeconds", "1200")),
    _one("negative backfill", "backfillCount", "-1", _set("backfillCount")),
    _one("backfill threads in words", "backfillThreads", "many", _set("backfillThreads"), cli=True),
    _one("yes for true", "syncFullHistory", "yes", _set("syncFullHistory", "true"), cli=True),
    _one("list for a text", "branch", ["main"], _set("branch", "main"), cli=True),
    _one("text for a list", "backendRoles", "roles/datastore.user", _path("backendRoles[0]"), cli=True),
    _one("role without its prefix", "backendRoles", ["datastore.user"], _path("backendRoles[0]")),
    _one(
        "role named twice",
        "backendRoles",
        ["roles/datastore.user", "roles/datastore.user"],
        "pulumi config rm --path 'whatsapp-crm:backendRoles[1]'",
    ),
    _one("far too powerful role", "functionsRoles", ["roles/editor"], _path("functionsRoles[0]")),
    _one("odd key label", "serviceAccountKeyRotation", "next week!", _set("serviceAccountKeyRotation")),
    _one("bucket address", "storageBucket", "gs://crm", _set("storageBucket", "my-crm.firebasestorage.app")),
    _one("unknown builder", "builder", "NIXPACK", _set("builder", "NIXPACKS")),
    _one("a Dockerfile as builder", "builder", "DOCKERFILE", _set("dockerfilePath", "Dockerfile")),
    _one("unknown restart policy", "restartPolicy", "ON_FAIL", _set("restartPolicy", "ON_FAILURE")),
    _one("root outside of the repository", "rootDirectory", "../backend", _set("rootDirectory")),
    _one("empty log line", "logExpectations", [""], _path("logExpectations[0]")),
    _one("port out of range", "targetPort", "70000", _set("targetPort")),
    _one("an empty volume for yes", "allowNewVolume", "yes", _set("allowNewVolume", "true"), cli=True),
    _one("an empty volume perhaps", "allowNewVolume", "ask", _set("allowNewVolume", "false"), cli=True),
    _one("rollback once", "rollbackOnFailure", "once", _set("rollbackOnFailure", "false"), cli=True),
    _one(
        "address for a domain",
        "customDomain",
        "https://CRM.example.com:8080/chat",
        _set("customDomain", "crm.example.com"),
    ),
    _one("domain with capitals", "customDomain", "Api.Example.org", _set("customDomain", "api.example.org")),
    _one("half an address as domain", "customDomain", "https://[", _set("customDomain", "crm.example.com")),
    _one("domain without a dot", "customDomain", "localhost", _set("customDomain", "crm.example.com")),
    _one("domain of all hosts", "customDomain", "*.example.com", _set("customDomain", "crm.example.com")),
    _one("domain too long", "customDomain", "a." * 126 + "com", _set("customDomain", "crm.example.com")),
    _one(
        "domain of Railway's",
        "customDomain",
        "crm.up.railway.app",
        "pulumi config rm whatsapp-crm:customDomain",
    ),
    _one("several domains", "customDomain", ["crm.example.com"], _set("customDomain"), cli=True),
    _one("text for backups", "volumeBackups", "DAILY", _path("volumeBackups[0]"), cli=True),
    _one("number among backups", "volumeBackups", ["DAILY", 7], _path("volumeBackups[0]"), cli=True),
    _one("unknown backup", "volumeBackups", ["DAILY", "HOURLY"], f"{_path('volumeBackups[1]')} DAILY"),
    _one("mistyped backup", "volumeBackups", ["weakly"], f"{_path('volumeBackups[0]')} WEEKLY"),
    _one(
        "backup named twice",
        "volumeBackups",
        ["DAILY", "daily"],
        "pulumi config rm --path 'whatsapp-crm:volumeBackups[1]'",
    ),
    _one("CPUs in words", "cpuLimit", "two", _set("cpuLimit", "2")),
    _one("CPUs with a unit", "cpuLimit", "2 vCPU", _set("cpuLimit", "2")),
    _one("no CPU", "cpuLimit", "0", "or pulumi config rm whatsapp-crm:cpuLimit"),
    _one("memory with a unit", "memoryLimitGb", "4GB", _set("memoryLimitGb", "4")),
    _one("negative memory", "memoryLimitGb", "-4", "or pulumi config rm whatsapp-crm:memoryLimitGb"),
    _one("endless memory", "memoryLimitGb", "Infinity", _set("memoryLimitGb", "4")),
    _one(
        "Railway file outside of the repository",
        "railwayConfigFile",
        "/../railway.json",
        _set("railwayConfigFile"),
    ),
    _one(
        "address of a Railway file",
        "railwayConfigFile",
        "https://example.com/deploy/railway.json",
        _set("railwayConfigFile", "/railway.json"),
    ),
    _one(
        "Railway file in YAML",
        "railwayConfigFile",
        "/railway.yaml",
        _set("railwayConfigFile", "/railway.toml"),
    ),
    _one(
        "several Railway files",
        "railwayConfigFile",
        ["/railway.json"],
        _set("railwayConfigFile"),
        cli=True,
    ),
    _one(
        "sessions path by hand",
        "backendVariables",
        {"SESSIONS_PATH": "/tmp"},
        "pulumi config rm --path 'whatsapp-crm:backendVariables.SESSIONS_PATH'",
    ),
    _one(
        "port by hand, which the domain would not follow",
        "backendVariables",
        {"PORT": "3000"},
        "change whatsapp-crm:targetPort",
    ),
    _one(
        "Railway's own variable",
        "backendVariables",
        {"RAILWAY_RUN_UID": "0"},
        "pulumi config rm --path 'whatsapp-crm:backendVariables.RAILWAY_RUN_UID'",
    ),
    _one("odd variable name", "backendVariables", {"LOG-LEVEL": "debug"}, "choose another name"),
    _one("empty variable", "backendVariables", {"LOG_LEVEL": ""}, _path("backendVariables.LOG_LEVEL")),
    _one("nested variable", "backendVariables", {"LOG": {"LEVEL": "1"}}, _path("backendVariables.LOG")),
    _one(
        "plain secret among the variables",
        "backendVariables",
        {"SENTRY_TOKEN": "abc"},
        "pulumi config set --secret --path 'whatsapp-crm:backendVariables.SENTRY_TOKEN'",
    ),
    _one("missing app folder", "appDir", "./examples/nothing", _set("appDir")),
    _one("no app folder set", "appDir", None, _set("appDir")),
    _one("folder without firebase.json", "appDir", "./components", _set("appDir")),
    Bad(
        name="mistyped key",
        key="whatsapp-crm:brnach",
        fix="pulumi config rm whatsapp-crm:brnach",
        config={"brnach": "main"},
    ),
    Bad(
        name="unknown key",
        key="whatsapp-crm:colour",
        fix="pulumi config rm whatsapp-crm:colour",
        config={"colour": "blue"},
    ),
    Bad(
        name="both Railway tokens",
        key="RAILWAY_TOKEN",
        fix="unset RAILWAY_TOKEN",
        environ={"RAILWAY_TOKEN": "sandbox-project-token"},
    ),
    Bad(
        name="no Railway token",
        key="RAILWAY_API_TOKEN",
        fix="export RAILWAY_API_TOKEN=",
        environ={"RAILWAY_API_TOKEN": None},
    ),
    Bad(
        name="project token without its project",
        key="whatsapp-crm:railwayProjectId",
        fix=_set("railwayProjectId"),
        environ={"RAILWAY_API_TOKEN": None, "RAILWAY_TOKEN": "sandbox-project-token"},
    ),
    Bad(
        name="plain Railway token in the config",
        key="railway:token",
        fix="pulumi config set --secret railway:token",
        config={"railway:token": "sandbox-account-token"},
    ),
    Bad(
        name="token over plain HTTP",
        key="RAILWAY_API_URL",
        fix="unset RAILWAY_API_URL",
        environ={"RAILWAY_API_URL": "http://railway.example/graphql/v2"},
    ),
    Bad(
        name="half an address for Railway",
        key="RAILWAY_API_URL",
        fix="unset RAILWAY_API_URL",
        environ={"RAILWAY_API_URL": "https://["},
    ),
    Bad(
        name="sandbox stack without the sandbox",
        key="GOOGLE_FIRESTORE_CUSTOM_ENDPOINT",
        fix='eval "$(.venv/bin/python -m sandbox env)"',
        environ={"GOOGLE_FIRESTORE_CUSTOM_ENDPOINT": None},
    ),
    Bad(
        name="no Google credentials",
        key="GOOGLE_APPLICATION_CREDENTIALS",
        fix="gcloud auth application-default login",
        config={"googleProject": "crm-of-a-company"},
        environ={"GOOGLE_FIRESTORE_CUSTOM_ENDPOINT": None, "GOOGLE_OAUTH_ACCESS_TOKEN": None},
    ),
    Bad(
        name="shell of another Google project",
        key="GOOGLE_PROJECT",
        fix="unset GOOGLE_PROJECT",
        environ={"GOOGLE_PROJECT": "crm-of-another"},
    ),
    Bad(
        name="gcp:project says another",
        key="gcp:project",
        fix="pulumi config rm gcp:project",
        config={"gcp:project": "crm-of-another"},
    ),
    Bad(
        name="secrets in plain text",
        key="whatsapp-crm:secrets",
        fix="pulumi config set --secret --path 'whatsapp-crm:secrets.ADMIN_EMAILS'",
        plain=("secrets",),
    ),
    _one(
        "empty secret",
        "secrets",
        {**SECRETS, "GROQ_API_KEY": ""},
        "pulumi config set --secret --path 'whatsapp-crm:secrets.GROQ_API_KEY'",
    ),
    _one(
        "secret with a line break",
        "secrets",
        {**SECRETS, "GROQ_API_KEY": "gsk-not-a-real-key\n"},
        "pulumi config set --secret --path 'whatsapp-crm:secrets.GROQ_API_KEY'",
    ),
    _one(
        "backend address by hand",
        "secrets",
        {**SECRETS, "RAILWAY_WHATSAPP_URL": "https://x.example"},
        "pulumi config rm --path 'whatsapp-crm:secrets.RAILWAY_WHATSAPP_URL'",
    ),
    _one("odd secret name", "secrets", {**SECRETS, "MY-KEY": "gsk-not-a-real-key"}, "choose another name"),
    _one(
        "secrets are a text",
        "secrets",
        "gsk-not-a-real-key",
        "--secret --path 'whatsapp-crm:secrets.NAME'",
        cli=True,
    ),
    Bad(
        name="plain admin token",
        key="whatsapp-crm:adminToken",
        fix="pulumi config set --secret whatsapp-crm:adminToken",
        config={"adminToken": "0123456789abcdef"},
    ),
    Bad(
        name="short admin token",
        key="whatsapp-crm:adminToken",
        fix="pulumi config set --secret whatsapp-crm:adminToken",
        config={"adminToken": "short"},
        secret=("adminToken",),
    ),
)

APP: tuple[Bad, ...] = (
    Bad(
        name="broken firebase.json",
        key="firebase.json",
        fix="firebase.json at line 1",
        files={"firebase.json": '{"firestore": {"rules": "firestore.rules",}}'},
    ),
    Bad(
        name="no firebase.json", key="whatsapp-crm:appDir", fix=_set("appDir"), files={"firebase.json": None}
    ),
    Bad(
        name="rules file missing",
        key="firebase.json",
        fix="Create firestore.rules",
        files={"firestore.rules": None},
    ),
    Bad(
        name="rules outside of the app",
        key="firebase.json",
        fix="relative to firebase.json",
        files={"firebase.json": '{"firestore": {"rules": "../firestore.rules"}}'},
    ),
    Bad(
        name="functions folder missing",
        key="firebase.json",
        fix="correct functions.source",
        files={"firebase.json": '{"functions": {"source": "fonctions"}}'},
    ),
    Bad(
        name="mistyped section",
        key="firebase.json",
        fix='Did you mean "firestore"?',
        edits={"firebase.json": ('"firestore":', '"firestor":')},
    ),
    Bad(name="empty rules", key="firestore.rules", fix="Write the rules", files={"firestore.rules": "\n"}),
    Bad(
        name="database elsewhere than firebase.json says",
        key="whatsapp-crm:firestoreLocation",
        fix=_set("firestoreLocation", "asia-east1"),
        edits={"firebase.json": ('"rules":', '"location": "asia-east1", "rules":')},
    ),
    Bad(
        name="broken index file",
        key="firestore.indexes.json",
        fix="firestore.indexes.json at line 1",
        files={"firestore.indexes.json": '{"indexes": [}'},
    ),
    _index(
        "one-field composite", {"collectionGroup": "threads", "fields": [_ASCENDING]}, "Remove indexes[0]"
    ),
    _index(
        "unknown order",
        {"collectionGroup": "threads", "fields": [_ASCENDING, {"fieldPath": "b", "order": "UPWARDS"}]},
        "Use one of ASCENDING, DESCENDING",
    ),
    _index(
        "mistyped property",
        {
            "collectionGroup": "threads",
            "queryscope": "COLLECTION",
            "fields": [_ASCENDING, _ASCENDING | {"fieldPath": "b"}],
        },
        'Did you mean "queryScope"?',
    ),
    Bad(
        name="runtime that has ended",
        key="firebase.json",
        fix=_set("functionsRuntime", "nodejs22"),
        edits={"firebase.json": ("nodejs22", "nodejs20")},
    ),
    Bad(
        name="override with a runtime that has ended",
        key="whatsapp-crm:functionsRuntime",
        fix=_set("functionsRuntime", "nodejs22"),
        config={"functionsRuntime": "nodejs18"},
    ),
    Bad(
        name="secret declared but not configured",
        key="whatsapp-crm:secrets",
        fix="pulumi config set --secret --path 'whatsapp-crm:secrets.ADMIN_EMAILS'",
        config={"secrets": {"GROQ_API_KEY": "gsk-not-a-real-key"}},
    ),
    Bad(
        name="no AI provider's key",
        key="whatsapp-crm:secrets",
        fix="pulumi config set --secret --path 'whatsapp-crm:secrets.GROQ_API_KEY'",
        config={"secrets": {"ADMIN_EMAILS": "owner@example.com"}},
    ),
    _one(
        "unknown param",
        "functionParams",
        {"AI_MODEL_NAME": "x"},
        "pulumi config rm --path 'whatsapp-crm:functionParams.AI_MODEL_NAME'",
    ),
    _one(
        "param of another type",
        "functionParams",
        {"FOLLOW_UP_BATCH": "many"},
        _path("functionParams.FOLLOW_UP_BATCH"),
    ),
    _functions("syntax error", "exports.broken = (;", "functions/index.js:"),
    _functions("module that throws", 'throw new Error("no mailbox");', "functions/index.js:"),
    _functions("missing module", 'require("left-pad-of-nobody");', "npm install left-pad-of-nobody"),
    _functions(
        "Pub/Sub trigger",
        f'exports.onPayment = {_V2}.pubsub.onMessagePublished("payments", () => {{}});',
        "Remove the export onPayment",
    ),
    _functions(
        "1st generation",
        'exports.old = require("firebase-functions/v1").https.onRequest(() => {});',
        "Write it with firebase-functions/v2",
    ),
    _functions(
        "odd region of a function",
        f'exports.far = {_V2}.https.onRequest({{ region: "Europe West 1" }}, () => {{}});',
        "Correct the region of far",
    ),
    _functions(
        "half a CPU with concurrency",
        f"exports.slow = {_V2}.https.onRequest({{ cpu: 0.5, concurrency: 10 }}, () => {{}});",
        "Set cpu to 1, or concurrency to 1",
    ),
    _functions(
        "param without value",
        'require("firebase-functions/params").defineString("SUPPORT_EMAIL");',
        _path("functionParams.SUPPORT_EMAIL"),
        key="whatsapp-crm:functionParams",
    ),
    Bad(
        name="file that is not deployed",
        key="functions/test/helper.js",
        fix='Remove "test" from "functions.ignore"',
        files={"functions/test/helper.js": "module.exports = 1;\n"},
        edits={"functions/index.js": ('"use strict";', '"use strict"; require("./test/helper");')},
    ),
    Bad(
        name="rules that do not compile",
        key="firestore.rules",
        fix="line",
        files={"firestore.rules": "rules_version = '2';\nservice cloud.firestore {\n  match /x {\n"},
        remote=True,
    ),
)

ALL = SETTINGS + APP


def stack_config(bad: Bad, app_dir: Path | None = None) -> tuple[dict[str, str], list[str]]:
    """The sandbox stack's config with the row's changes, as the engine hands it over: with the defaults of
    Pulumi.yaml, indistinguishable from what the stack says. And its secret keys.
    """
    stored = _config_of("Pulumi.sandbox.yaml")
    values: dict[str, object] = {**stored, f"{NAMESPACE}:secrets": SECRETS}
    if app_dir is not None:
        values[f"{NAMESPACE}:appDir"] = str(app_dir)
    for name, value in bad.config.items():
        values[name if ":" in name else f"{NAMESPACE}:{name}"] = value
    for name, entry in _config_of("Pulumi.yaml").items():
        if values.get(f"{NAMESPACE}:{name}") is None:
            values[f"{NAMESPACE}:{name}"] = (mapping(entry) or {})["default"]
    config = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in values.items()
        if value is not None
    }
    secret = [f"{NAMESPACE}:{name}" for name in ("secrets", *bad.secret) if name not in bad.plain]
    return config, secret


def _config_of(file: str) -> dict[str, object]:
    return mapping((mapping(yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))) or {})["config"]) or {}


def environ(bad: Bad, base: Mapping[str, str] = ENVIRON) -> dict[str, str]:
    """The process's environment with the row's changes."""
    changed = {**base, **bad.environ}
    return {name: value for name, value in changed.items() if value is not None}


def copy_app(target: Path, node_modules: Path | None = None) -> Path:
    """A copy of the example app without its dependencies; they are linked from `node_modules` when
    given.
    """
    shutil.copytree(EXAMPLE_APP, target, ignore=shutil.ignore_patterns("node_modules"))
    if node_modules is not None:
        (target / "functions/node_modules").symlink_to(node_modules)
    return target


def change_app(bad: Bad, app_dir: Path) -> None:
    """Make the row's changes in a copy of the app. An edit that finds nothing to replace is an error."""
    for name, text in bad.files.items():
        path = app_dir / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for name, (old, new) in bad.edits.items():
        path = app_dir / name
        content = path.read_text(encoding="utf-8")
        if old not in content:
            raise LookupError(f"{bad.name}: {name} does not hold {old!r}")
        path.write_text(content.replace(old, new, 1), encoding="utf-8")
