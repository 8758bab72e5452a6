"""Settings and apps that must be refused, as data: one row for each, shared by every layer that shows a
refusal.

Rows with `cli` have a value of a type that Pulumi.yaml does not allow: under the real CLI they are refused
before the program starts, in the CLI's words, which name the key without its namespace and without a fix.
A row starts from the sandbox stack and the example app and changes one thing; `key` and `fix` are what the
message must contain. Rows with `remote` are found by a request that changes nothing (rules are compiled by
Google), so only layers with a server can use them.
"""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from settings.parsing import mapping
from tests import (
    bad_acceptance,
    bad_credentials,
    bad_flutter,
    bad_function_settings,
    bad_inputs,
    bad_kept_accounts,
    bad_protection,
    bad_waivers,
)
from tests.bad_apps import APP
from tests.bad_rows import NAMESPACE, Bad, one, put, put_part

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE_APP = ROOT / "examples" / "crm"
SECRETS = {"GROQ_API_KEY": "gsk-not-a-real-key", "ADMIN_EMAILS": "owner@example.com"}
ENVIRON = {
    "RAILWAY_API_TOKEN": "sandbox-account-token",
    "GOOGLE_OAUTH_ACCESS_TOKEN": "sandbox",
    "GOOGLE_FIRESTORE_CUSTOM_ENDPOINT": "http://127.0.0.1:9/v1/",
}

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
    one("branch with a space", "branch", "my branch", put("branch", "main")),
    one("two replicas", "replicas", "2", put("replicas", "1")),
    one("no replica", "replicas", "0", put("replicas", "1")),
    one("replicas in words", "replicas", "two", put("replicas", "1"), cli=True),
    one("0 GB", "volumeSizeGb", "0", put("volumeSizeGb", "50")),
    one("less than a megabyte", "volumeSizeGb", "0.0004", put("volumeSizeGb", "50")),
    one("negative size", "volumeSizeGb", "-5", put("volumeSizeGb", "50")),
    one("size beyond the plan", "volumeSizeGb", "2000", put("volumeSizeGb", "50")),
    Bad(
        name="size beyond the hobby plan",
        key="whatsapp-crm:volumeSizeGb",
        fix=put("volumeSizeGb", "5"),
        config={"railwayPlan": "hobby"},
    ),
    one("size with a unit", "volumeSizeGb", "50GB", put("volumeSizeGb", "50")),
    one("unknown plan", "railwayPlan", "prro", put("railwayPlan", "pro")),
    one(
        "relative mount path",
        "volumeMountPath",
        "app/sessions",
        put("volumeMountPath", "/app/sessions"),
    ),
    one("mount path is the root", "volumeMountPath", "/", put("volumeMountPath", "/app/sessions")),
    one("mount path ends with /", "volumeMountPath", "/app/sessions/", put("volumeMountPath")),
    one("mount path goes in place", "volumeMountPath", "/app/./sessions", put("volumeMountPath")),
    one("mount path climbs", "volumeMountPath", "/app/../etc", put("volumeMountPath")),
    one("long service name", "railwayServiceName", "b" * 33, put("railwayServiceName", "backend")),
    one("odd volume name", "volumeName", "-sessions!", put("volumeName", "sessions")),
    one("placeholder project", "googleProject", "your-google-project", put("googleProject")),
    one("project number", "googleProject", "123456789012", put("googleProject")),
    one("odd project id", "googleProject", "CRM Sandbox", put("googleProject")),
    one("no project", "googleProject", None, put("googleProject")),
    one("odd region", "region", "Europe West 1", put("region", "us-central1")),
    one("placeholder region", "region", "your-functions-region", put("region")),
    one("odd database location", "firestoreLocation", "eur3/", put("firestoreLocation")),
    one("no database location", "firestoreLocation", None, put("firestoreLocation")),
    one("odd database", "firestoreDatabase", "Default", put("firestoreDatabase")),
    one("odd Railway region", "railwayRegion", "US West", put("railwayRegion", "us-west2")),
    one("placeholder size", "volumeSizeGb", "your-volume-size", put("volumeSizeGb")),
    one("blank branch", "branch", " ", put("branch", "main")),
    one(
        "repo is an address",
        "repo",
        "https://github.com/example/whatsapp-crm",
        put("repo", "example/whatsapp-crm"),
    ),
    one("repo with .git", "repo", "example/whatsapp-crm.git", put("repo", "example/whatsapp-crm")),
    one("placeholder repo", "repo", "your-organisation/your-repository", put("repo")),
    one("no repo", "repo", None, put("repo")),
    one("no workspace", "railwayWorkspaceId", None, put("railwayWorkspaceId")),
    one("workspace is a name", "railwayWorkspaceId", "my-team", put("railwayWorkspaceId")),
    one(
        "nil workspace",
        "railwayWorkspaceId",
        "00000000-0000-0000-0000-000000000000",
        put("railwayWorkspaceId"),
    ),
    one("project to adopt is a name", "railwayProjectId", "crm", put("railwayProjectId")),
    one("health path without /", "healthPath", "health", put("healthPath", "/health")),
    one("health time-out in words", "healthTimeout", "soon", put("healthTimeout", "300")),
    one("endless health time-out", "healthTimeout", "999999", put("healthTimeout", "300")),
    one("no wait", "waitSeconds", "0", put("waitSeconds", "1200")),
    one("negative backfill", "backfillCount", "-1", put("backfillCount")),
    one("backfill threads in words", "backfillThreads", "many", put("backfillThreads"), cli=True),
    one("yes for true", "syncFullHistory", "yes", put("syncFullHistory", "true"), cli=True),
    one("list for a text", "branch", ["main"], put("branch", "main"), cli=True),
    one("text for a list", "backendRoles", "roles/datastore.user", put_part("backendRoles[0]"), cli=True),
    one("role without its prefix", "backendRoles", ["datastore.user"], put_part("backendRoles[0]")),
    one(
        "role named twice",
        "backendRoles",
        ["roles/datastore.user", "roles/datastore.user"],
        "pulumi config rm --path 'whatsapp-crm:backendRoles[1]'",
    ),
    one("far too powerful role", "functionsRoles", ["roles/editor"], put_part("functionsRoles[0]")),
    one("owner in capitals", "backendRoles", ["roles/Owner"], put_part("backendRoles[0]")),
    one(
        "tokens of every account",
        "functionsRoles",
        ["roles/iam.serviceAccountTokenCreator"],
        put_part("functionsRoles[0]"),
    ),
    one(
        "all secrets",
        "backendRoles",
        ["roles/datastore.user", "roles/secretmanager.secretAccessor"],
        put_part("backendRoles[1]"),
    ),
    one(
        "account without a domain",
        "allowedServiceAccounts",
        ["sender"],
        put_part("allowedServiceAccounts[0]"),
    ),
    *bad_kept_accounts.ROWS,
    one("odd key label", "serviceAccountKeyRotation", "next week!", put("serviceAccountKeyRotation")),
    one(
        "bucket address",
        "storageBucket",
        "gs://crm",
        put("storageBucket", "my-crm.firebasestorage.app"),
    ),
    one("unknown builder", "builder", "NIXPACK", put("builder", "NIXPACKS")),
    one("a Dockerfile as builder", "builder", "DOCKERFILE", put("dockerfilePath", "Dockerfile")),
    one("unknown restart policy", "restartPolicy", "ON_FAIL", put("restartPolicy", "ON_FAILURE")),
    one("root outside of the repository", "rootDirectory", "../backend", put("rootDirectory")),
    one("empty log line", "logExpectations", [""], put_part("logExpectations[0]")),
    one("port out of range", "targetPort", "70000", put("targetPort")),
    one("an empty volume for yes", "allowNewVolume", "yes", put("allowNewVolume", "true"), cli=True),
    one("an empty volume perhaps", "allowNewVolume", "ask", put("allowNewVolume", "false"), cli=True),
    one("rollback once", "rollbackOnFailure", "once", put("rollbackOnFailure", "false"), cli=True),
    one(
        "address for a domain",
        "customDomain",
        "https://CRM.example.com:8080/chat",
        put("customDomain", "crm.example.com"),
    ),
    one(
        "domain with capitals",
        "customDomain",
        "Api.Example.org",
        put("customDomain", "api.example.org"),
    ),
    one("half an address as domain", "customDomain", "https://[", put("customDomain", "crm.example.com")),
    one("domain without a dot", "customDomain", "localhost", put("customDomain", "crm.example.com")),
    one("domain of all hosts", "customDomain", "*.example.com", put("customDomain", "crm.example.com")),
    one("domain too long", "customDomain", "a." * 126 + "com", put("customDomain", "crm.example.com")),
    one(
        "domain of Railway's",
        "customDomain",
        "crm.up.railway.app",
        "pulumi config rm whatsapp-crm:customDomain",
    ),
    one("several domains", "customDomain", ["crm.example.com"], put("customDomain"), cli=True),
    one("CPUs in words", "cpuLimit", "two", put("cpuLimit", "2")),
    one("CPUs with a unit", "cpuLimit", "2 vCPU", put("cpuLimit", "2")),
    one("no CPU", "cpuLimit", "0", "pulumi config rm whatsapp-crm:cpuLimit"),
    one("memory with a unit", "memoryLimitGb", "4GB", put("memoryLimitGb", "4")),
    one("negative memory", "memoryLimitGb", "-4", "pulumi config rm whatsapp-crm:memoryLimitGb"),
    one("endless memory", "memoryLimitGb", "Infinity", put("memoryLimitGb", "4")),
    one(
        "Railway file outside of the repository",
        "railwayConfigFile",
        "/../railway.json",
        put("railwayConfigFile"),
    ),
    one(
        "address of a Railway file",
        "railwayConfigFile",
        "https://example.com/deploy/railway.json",
        put("railwayConfigFile", "/railway.json"),
    ),
    one(
        "Railway file in YAML",
        "railwayConfigFile",
        "/railway.yaml",
        put("railwayConfigFile", "/railway.toml"),
    ),
    one(
        "several Railway files",
        "railwayConfigFile",
        ["/railway.json"],
        put("railwayConfigFile"),
        cli=True,
    ),
    one(
        "sessions path by hand",
        "backendVariables",
        {"SESSIONS_PATH": "/tmp"},
        "pulumi config rm --path 'whatsapp-crm:backendVariables.SESSIONS_PATH'",
    ),
    one(
        "port by hand, which the domain would not follow",
        "backendVariables",
        {"PORT": "3000"},
        "use whatsapp-crm:targetPort",
    ),
    one(
        "Railway's own variable",
        "backendVariables",
        {"RAILWAY_PUBLIC_DOMAIN": "x.example"},
        "pulumi config rm --path 'whatsapp-crm:backendVariables.RAILWAY_PUBLIC_DOMAIN'",
    ),
    one(
        "token of Railway in plain text",
        "backendVariables",
        {"RAILWAY_TOKEN": "x"},
        "pulumi config set --secret --path 'whatsapp-crm:backendVariables.RAILWAY_TOKEN'",
    ),
    one("odd variable name", "backendVariables", {"LOG-LEVEL": "debug"}, "choose another name"),
    one(
        "dot in a variable's name",
        "backendVariables",
        {"log.level": "debug"},
        "pulumi config rm --path 'whatsapp-crm:backendVariables[\"log.level\"]'",
    ),
    one("empty variable", "backendVariables", {"LOG_LEVEL": ""}, put_part("backendVariables.LOG_LEVEL")),
    one("nested variable", "backendVariables", {"LOG": {"LEVEL": "1"}}, put_part("backendVariables.LOG")),
    one(
        "phone number that has lost its plus",
        "backendVariables",
        {"ADMIN_PHONE": 40722000000},
        put_part("backendVariables.ADMIN_PHONE"),
    ),
    one("version that has lost a zero", "backendVariables", {"API": 1.1}, put_part("backendVariables.API")),
    *bad_function_settings.SETTINGS,
    *bad_waivers.SETTINGS,
    Bad(
        name="secret in the start command",
        key="whatsapp-crm:startCommand",
        fix="pulumi config rm whatsapp-crm:startCommand",
        config={"startCommand": "node index.js --token hidden"},
        secret=("startCommand",),
    ),
    Bad(
        name="backend address as a param",
        key="whatsapp-crm:functionParams",
        fix="pulumi config rm --path 'whatsapp-crm:functionParams.BACKEND_URL'",
        config={"backendUrlVariable": "BACKEND_URL", "functionParams": {"BACKEND_URL": "https://x.example"}},
    ),
    one(
        "one alternative",
        "alternativeSecrets",
        ["A"],
        f"{put_part('alternativeSecrets[0]')} 'OPENAI_API_KEY|",
    ),
    one("text for alternatives", "alternativeSecrets", "A|B", put_part("alternativeSecrets[0]"), cli=True),
    one(
        "reserved backend variable",
        "backendUrlVariable",
        "PORT",
        put("backendUrlVariable", "BACKEND_URL"),
    ),
    one(
        "database without https",
        "databaseUrl",
        "crm.firebaseio.com",
        put("databaseUrl", "https://my-crm"),
    ),
    one(
        "database's console page",
        "databaseUrl",
        "https://console.firebase.google.com",
        put("databaseUrl"),
    ),
    one(
        "secret beyond Secret Manager's limit",
        "secrets",
        {**SECRETS, "GROQ_API_KEY": "x" * 65_537},
        "pulumi config set --secret --path 'whatsapp-crm:secrets.GROQ_API_KEY'",
    ),
    one(
        "plain secret among the variables",
        "backendVariables",
        {"SENTRY_TOKEN": "abc"},
        "pulumi config set --secret --path 'whatsapp-crm:backendVariables.SENTRY_TOKEN'",
    ),
    one("document for a collection", "neverDelete", ["threads/"], put_part("neverDelete[0]")),
    one("path of a document", "neverDelete", ["threads/notes"], put_part("neverDelete[0]")),
    one("pattern of documents", "neverDelete", ["clients", "threads/**"], put_part("neverDelete[1]")),
    one("escaped collection", "neverDelete", ["thr%65ads"], f"{put_part('neverDelete[0]')} threads"),
    one("text for collections", "neverDelete", "threads", put_part("neverDelete[0]"), cli=True),
    one(
        "exception without a reason",
        "allowClientDeletes",
        {"threads": True},
        "pulumi config set --path --type string 'whatsapp-crm:allowClientDeletes[\"threads\"]' "
        "'<the reason, in words>'",
    ),
    one(
        "exception that is no collection",
        "allowClientDeletes",
        {"threads/": "drafts are private"},
        "pulumi config rm --path 'whatsapp-crm:allowClientDeletes[\"threads/\"]'",
    ),
    one(
        "removal of rules in words",
        "allowRulesRemoval",
        "yes",
        put("allowRulesRemoval", "true"),
        cli=True,
    ),
    one("missing app folder", "appDir", "./examples/nothing", put("appDir")),
    one("no app folder set", "appDir", None, put("appDir")),
    one("folder without firebase.json", "appDir", "./components", put("appDir")),
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
    *bad_credentials.SETTINGS,
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
    one(
        "empty secret",
        "secrets",
        {**SECRETS, "GROQ_API_KEY": ""},
        "pulumi config set --secret --path 'whatsapp-crm:secrets.GROQ_API_KEY'",
    ),
    one(
        "secret with a line break",
        "secrets",
        {**SECRETS, "GROQ_API_KEY": "gsk-not-a-real-key\n"},
        "pulumi config set --secret --path 'whatsapp-crm:secrets.GROQ_API_KEY'",
    ),
    one(
        "backend address by hand",
        "secrets",
        {**SECRETS, "RAILWAY_WHATSAPP_URL": "https://x.example"},
        "pulumi config rm --path 'whatsapp-crm:secrets.RAILWAY_WHATSAPP_URL'",
    ),
    one("odd secret name", "secrets", {**SECRETS, "MY-KEY": "gsk-not-a-real-key"}, "choose another name"),
    one(
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
    *bad_flutter.SETTINGS,
    *bad_acceptance.SETTINGS,
    *bad_protection.SETTINGS,
    *bad_inputs.SETTINGS,
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


@functools.cache
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
