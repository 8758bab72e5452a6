"""The settings of a stack: every config key, and the dataclasses that the rest of the program reads.

A field with a `setting` is a config key; see `settings.keys`. Secrets stay outputs marked secret: their
names are plain, their values are in no `repr`, message or exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi

from railway.validation import (
    BACKUP_KINDS,
    BUILDERS,
    RESTART_POLICIES,
    mount_path,
    name_length,
    repository,
    url_path,
)
from settings import railway_rules, rules, text_rules
from settings.keys import keys_of, setting
from settings.regions import FIRESTORE_LOCATIONS, FUNCTION_REGIONS, RAILWAY_PLAN_VOLUME_GB, RAILWAY_REGIONS
from settings.variables import FunctionVariables, function_variable

_NAME = (name_length, railway_rules.railway_name)
_PLAN_LIMIT = "reset to default (the limit of the plan)"
BACKEND_URL_VARIABLE = "RAILWAY_WHATSAPP_URL"  # unless `backendUrlVariable` names another
LONGEST_DISCOVERY = 600  # seconds
LONGEST_PREDEPLOY = 3600  # seconds
LONGEST_RULES_TESTS = 3600  # seconds

# A table: the description first, then the rest on as few lines as possible.
# fmt: off


@dataclass(frozen=True, kw_only=True)
class GoogleSettings:
    """Google Cloud and Firebase."""

    project: str = setting(
        "The id of the Google Cloud project of the Firebase app.",
        name="googleProject", group="Google Cloud and Firebase", rules=(rules.google_project,),
        fix=rules.google_project_fix, example="<project id>", required=True,
    )
    region: str = setting(
        "The region of the functions whose code sets none.",
        default="us-central1", rules=(rules.location,), known=FUNCTION_REGIONS,
    )
    firestore_location: str = setting(
        "The location of the Firestore database (nam5, eur3 or a region), as `gcloud firestore databases "
        "describe` shows it. Firestore triggers run there.",
        rules=(rules.location,), known=FIRESTORE_LOCATIONS, example="<location>", required=True,
    )
    firestore_database: str = setting(
        "The id of the Firestore database.",
        default="(default)", rules=(rules.database,), example="(default)",
    )
    firestore_edition: str = setting(
        "The edition of the Firestore database, as `gcloud firestore databases describe` shows it.",
        default="STANDARD", choices=("STANDARD", "ENTERPRISE"),
    )
    firestore_delete_protection: bool = setting(
        "Whether Google refuses to delete the Firestore database. It costs nothing.",
        default=True,
    )
    firestore_point_in_time_recovery: bool | None = setting(
        "Whether Firestore keeps all versions of the documents of the last 7 days, not of the last hour. "
        "Google bills their storage. false discards the versions that are older than an hour.",
        if_unset="unmanaged (off in a new database)",
    )
    firestore_backups: Mapping[str, str] = setting(
        "When Firestore is backed up, and how long a backup is kept, in days or weeks: DAILY, WEEKLY (on "
        "Sundays) or both, such as `DAILY: 7d` and `WEEKLY: 14w` (the longest). Google bills the storage of "
        "backups, and each restore. Without it, no schedule is managed. If it is removed, no more backups "
        "are made, and existing ones stay until they expire.",
        default={},
    )
    create_database: bool = setting(
        "Whether `pulumi up` creates the Firestore database, with the id, location and edition of the "
        "settings. Otherwise the existing one is imported. Remove the setting after that `pulumi up`.",
        default=False,
    )
    never_delete: tuple[str, ...] = setting(
        "Collections whose documents no client may delete: a path such as threads or threads/{id}/notes, or "
        "**/messages for any depth. The security rules are rejected unless their text proves it.",
        default=["clients", "threads", "**/messages"], rules=(rules.collection,), unique=True,
        example="threads",
    )
    allow_client_deletes: Mapping[str, str] = setting(
        "Exceptions to neverDelete: a collection, and the reason why clients may delete its documents.",
        default={},
    )
    allow_rules_removal: bool = setting(
        "Whether `pulumi up` may stop managing the security rules when firebase.json no longer names them. "
        "They stay live as they are. Remove the setting after that `pulumi up`.",
        default=False,
    )
    firestore_rules_tests: str | None = setting(
        "The command that tests the security rules, such as `npm test --prefix rules-tests`. It runs in the "
        "folder of firebase.json with the rules on Google's Firestore emulator, before anything is changed; "
        "if it fails, nothing is. It runs isolated: without network and credentials, and it can change "
        "nothing of the checkout.",
        if_unset="no tests are run", rules=(text_rules.command,), example="npm test --prefix rules-tests",
    )
    firestore_rules_tests_timeout: int = setting(
        "How long firestoreRulesTests may take, with the start of the emulator.",
        default=300, low=1, high=LONGEST_RULES_TESTS, unit="seconds",
    )
    storage_bucket: str | None = setting(
        "The Cloud Storage bucket that getStorage().bucket() returns in functions. The rules of `storage` in "
        "firebase.json are for it, unless they name a bucket.",
        if_unset="no default bucket", rules=(rules.bucket,), example="my-crm.firebasestorage.app",
    )
    database_url: str | None = setting(
        "The address of the Realtime Database that getDatabase() uses in functions.",
        if_unset="no database", rules=(rules.database_url,),
        example="https://my-crm-default-rtdb.firebaseio.com",
    )
    backend_roles: tuple[str, ...] = setting(
        "The IAM roles of the backend's service account. A role with which the backend could gain more "
        "rights or read all secrets is rejected.",
        group="Service accounts and IAM roles", default=["roles/datastore.user"], rules=(rules.role,),
        unique=True, example="roles/datastore.user",
    )
    functions_roles: tuple[str, ...] = setting(
        "The IAM roles of the functions' service accounts. A role with which functions could gain more "
        "rights or read all secrets is rejected.",
        default=["roles/datastore.user"], rules=(rules.role,), unique=True, example="roles/datastore.user",
    )
    functions_may_create_tokens: bool = setting(
        "Whether functions may create custom tokens for Firebase Auth. Each service account gets the right "
        "to sign tokens with its own identity only.",
        default=False,
    )
    allowed_service_accounts: tuple[str, ...] = setting(
        "Accounts that a function may name as its serviceAccount although they belong to another project or "
        "have more rights than a function needs: an e-mail, or name@ for an account of the project.",
        default=[], rules=(rules.service_account,), unique=True,
        example="sender@other-project.iam.gserviceaccount.com",
    )
    function_accounts: Mapping[str, str] = setting(
        "The service accounts that single functions keep instead of the program's own: `region/function: "
        "e-mail`. `python -m ops adopt --write-config` writes those of today, whatever rights they have. "
        "Remove it when functionsRoles has the roles that the code needs.",
        name="functionServiceAccounts", default={},
    )
    key_rotation: str = setting(
        "Change this text to replace the backend's key. The old key is deleted once the new one is in use.",
        name="serviceAccountKeyRotation", default="1", rules=(rules.key_label,), example="2026-11",
    )
    prune_unknown_keys: bool = setting(
        "Whether `pulumi up` deletes keys of the backend's service account that are not in the state and are "
        "older than the current key, once that one is in use. Otherwise they are an error that names them.",
        default=False,
    )

    @property
    def firebase_config(self) -> dict[str, str]:
        """What the Firebase SDKs of the functions read from FIREBASE_CONFIG."""
        optional = {"databaseURL": self.database_url, "storageBucket": self.storage_bucket}
        return {"projectId": self.project, **{key: value for key, value in optional.items() if value}}


@dataclass(frozen=True, kw_only=True)
class RailwaySettings:
    """The backend's service on Railway. Sizes are in Railway's GB of 1000 MB, times in seconds."""

    workspace_id: str | None = setting(
        "The id of the Railway workspace in which the project is created.",
        name="railwayWorkspaceId", group="Railway project", required_unless="railwayProjectId",
        rules=(railway_rules.railway_id,), fix=railway_rules.railway_id_fix("railwayWorkspaceId"),
        example="<workspace id>",
    )
    project_id: str | None = setting(
        "The id of an existing Railway project to adopt. Required with RAILWAY_TOKEN (a project token).",
        name="railwayProjectId", if_unset="a project is created", rules=(railway_rules.railway_id,),
        fix=railway_rules.railway_id_fix("railwayProjectId"), example="<project id>",
    )
    project_name: str = setting(
        "The name of the Railway project. An adopted project is renamed to it.",
        name="railwayProjectName", default="whatsapp-crm", rules=_NAME,
    )
    environment: str = setting(
        "The name of the Railway environment.",
        name="railwayEnvironment", default="production", rules=_NAME,
    )
    service_name: str = setting(
        "The name of the backend's Railway service.",
        name="railwayServiceName", default="backend", rules=_NAME,
    )
    region: str | None = setting(
        f"The Railway region of the backend and its volume: {', '.join(RAILWAY_REGIONS)}.",
        name="railwayRegion", if_unset="unmanaged (Railway chooses it)", file="deploy.region",
        rules=(rules.location,), known=RAILWAY_REGIONS, example=RAILWAY_REGIONS[0],
    )
    plan: str = setting(
        "The Railway plan of the workspace. It limits the size of the volume, CPU and memory.",
        name="railwayPlan", default="pro", choices=tuple(RAILWAY_PLAN_VOLUME_GB),
    )
    repo: str = setting(
        "The GitHub repository of the backend, as owner/name.",
        group="Source", rules=(repository,), fix=railway_rules.repo_fix, example="owner/name", required=True,
    )
    branch: str = setting(
        "The branch that Railway deploys. A production stack deploys main only.",
        default="main", rules=(text_rules.branch_name,),
    )
    root_directory: str | None = setting(
        "The folder of the backend in the repository.",
        if_unset="reset to default (the root of the repository)", rules=(text_rules.inside_repository,),
        example="<a path in the repository>",
    )
    watch_patterns: tuple[str, ...] = setting(
        "Patterns of paths. A push is deployed only if it changes a file that matches one of them.",
        default=[], if_unset="reset to default (every push is deployed)", file="build.watchPatterns",
        rules=(text_rules.watch_pattern,), example="backend/**",
    )
    wait_for_checks: bool = setting(
        "Whether a push is deployed only after its GitHub checks have passed.",
        default=False,
    )
    replicas: int = setting(
        "The number of instances. It must be 1: Railway allows one for a service with a volume, and two "
        "instances would open the same WhatsApp sessions.",
        default=1,
    )
    volume_name: str = setting(
        "The name of the volume with the WhatsApp sessions.",
        group="Volume", default="sessions", rules=_NAME,
    )
    mount_path: str = setting(
        "Where the volume is mounted in the backend. SESSIONS_PATH is set to the same path.",
        name="volumeMountPath", default="/app/sessions", rules=(mount_path,),
    )
    volume_size_gb: float = setting(
        "The size of the volume in GB (1 GB is 1000 MB). It can grow, but never shrink.",
        default=50,
    )
    volume_backups: tuple[str, ...] = setting(
        "When Railway backs up the volume: DAILY (kept for 6 days), WEEKLY (1 month), MONTHLY (3 months). "
        "If it was never set, the schedule is unmanaged. If it is removed, no more backups are made; "
        "existing ones stay.",
        default=[], choices=BACKUP_KINDS, unique=True,
    )
    backup_before_deploy: bool = setting(
        "Whether `pulumi up` has Railway back up the volume before it deploys the backend, or changes the "
        "volume, and waits for the backup. Railway bills the storage of backups. They do not expire: delete "
        "old ones in the dashboard.",
        default=False,
    )
    allow_new_volume: bool = setting(
        "Whether an empty volume may replace one that was deleted outside of Pulumi. All WhatsApp "
        "accounts then have to be paired again. Remove the setting after that `pulumi up`.",
        default=False,
    )
    builder: str | None = setting(
        "How Railway builds the backend. For a Dockerfile, set dockerfilePath instead.",
        group="Build and start", if_unset="unmanaged", file="build.builder", choices=BUILDERS,
        fix=railway_rules.builder_fix,
    )
    build_command: str | None = setting(
        "The command that builds the backend.",
        if_unset="reset to default (Railway detects it)", file="build.buildCommand",
        rules=(text_rules.command,),
    )
    dockerfile_path: str | None = setting(
        "The path of a Dockerfile in the repository.",
        if_unset="reset to default (a Dockerfile in the root directory, if there is one)",
        file="build.dockerfilePath", rules=(text_rules.inside_repository,),
        example="<a path in the repository>",
    )
    railway_config_file: str | None = setting(
        "The path of railway.toml or railway.json in the repository. Railway ignores this file from "
        "2026-12-01. Until then a setting that is not set takes its value from this file.",
        if_unset="reset to default (railway.toml or railway.json in the root directory)",
        rules=(text_rules.inside_repository, railway_rules.config_file), fix=railway_rules.config_file_fix,
        example="/railway.toml",
    )
    pre_deploy_command: str | None = setting(
        "A command that runs before a new deployment starts.",
        if_unset="reset to default (none)", file="deploy.preDeployCommand", rules=(text_rules.command,),
    )
    start_command: str | None = setting(
        "The command that starts the backend.",
        if_unset="reset to default (Railway detects it)", file="deploy.startCommand",
        rules=(text_rules.command,),
    )
    health_path: str = setting(
        "The path that returns 200 when the backend is healthy.",
        group="Health and restarts", effective_default="/health", file="deploy.healthcheckPath",
        rules=(url_path,),
    )
    health_timeout: int = setting(
        "How long Railway waits for the health path to return 200.",
        effective_default=300, file="deploy.healthcheckTimeout", low=1, high=3600, unit="seconds",
    )
    restart_policy: str = setting(
        "When Railway restarts the backend.",
        effective_default="ON_FAILURE", file="deploy.restartPolicyType", choices=RESTART_POLICIES,
    )
    restart_max_retries: int = setting(
        "How many times Railway restarts a failing backend.",
        effective_default=10, file="deploy.restartPolicyMaxRetries", low=0, high=100,
    )
    sleep_application: bool = setting(
        "Whether Railway may put an idle backend to sleep. A sleeping backend receives no messages.",
        effective_default=False, file="deploy.sleepApplication",
    )
    overlap_seconds: int | None = setting(
        "How long the old deployment continues to run after the new one has started. No effect "
        "while the backend has its volume: Railway then stops the old one first.",
        if_unset="unmanaged", file="deploy.overlapSeconds", low=0, high=3600, unit="seconds",
    )
    draining_seconds: int | None = setting(
        "How long a deployment that is being stopped has to finish its work.",
        if_unset="unmanaged", file="deploy.drainingSeconds", low=0, high=3600, unit="seconds",
    )
    target_port: int | None = setting(
        "The port on which the backend listens. PORT is set to it.",
        group="Network and limits", if_unset="Railway detects it", low=1, high=65535,
    )
    custom_domain: str | None = setting(
        "A domain of your own for the backend, in addition to Railway's. The stack output "
        "backend_dns_records lists the DNS records to create.",
        if_unset="none", rules=(railway_rules.host,), fix=railway_rules.host_fix, example="crm.example.com",
    )
    ipv6_egress: bool = setting(
        "Whether the backend can open connections over IPv6.",
        effective_default=False, file="deploy.ipv6EgressEnabled",
    )
    cpu_limit: float | None = setting(
        "The number of virtual CPUs that the backend may use.",
        if_unset=_PLAN_LIMIT, file="deploy.limitOverride.containers.cpu", low=0.01, high=2400, example="2",
    )
    memory_limit_gb: float | None = setting(
        "The memory that the backend may use, in GB.",
        if_unset=_PLAN_LIMIT, file="deploy.limitOverride.containers.memoryBytes", low=0.01, high=2400,
        unit="GB", example="4",
    )
    wait_seconds: int = setting(
        "How long Railway may take to build and start a deployment. Its log and health check get 120 "
        "seconds more.",
        group="Deployment", default=1200, low=30, high=7200, unit="seconds",
    )
    log_expectations: tuple[str, ...] = setting(
        "Texts that the backend's log must contain after a deployment. Otherwise `pulumi up` fails.",
        default=["sessions dir exists/writable: true", "Firebase initialized"],
        rules=(text_rules.log_line,), example="Firebase initialized",
    )
    rollback_on_failure: bool = setting(
        "Whether the last healthy deployment is restored when a new one fails. Either way, "
        "`pulumi up` fails.",
        default=False,
    )


@dataclass(frozen=True, kw_only=True)
class BackendSettings:
    """The backend's variables, besides those that the program itself provides."""

    sync_full_history: bool = setting(
        "The backend's variable WHATSAPP_SYNC_FULL_HISTORY.",
        group="Backend variables", default=True,
    )
    backfill_count: int = setting(
        "The backend's variable WHATSAPP_BACKFILL_COUNT: messages per thread.",
        default=100, low=0, high=100_000,
    )
    backfill_threads: int = setting(
        "The backend's variable WHATSAPP_BACKFILL_THREADS: threads per account.",
        default=50, low=0, high=100_000,
    )
    variables: Mapping[str, str] = setting(
        "Additional variables of the backend, by name; secret ones with --secret. Variables that are only "
        "set in Railway's dashboard are deleted.",
        name="backendVariables", default={}, hidden=True,
    )
    admin_token: pulumi.Output[str] | None = setting(
        "The backend's variable ADMIN_TOKEN, set with --secret.",
        if_unset="a random token is generated once", min_length=16, hidden=True,
    )


@dataclass(frozen=True, kw_only=True)
class FunctionsSettings:
    """How the functions codebases are built and read. Time-outs are in seconds."""

    runtime: str | None = setting(
        "The Node runtime of all functions, for example nodejs22. It overrides the runtime in firebase.json "
        "or package.json.",
        name="functionsRuntime", group="Functions", if_unset="the runtime in firebase.json or package.json",
    )
    params: Mapping[str, object] = setting(
        "The values of the parameters that the functions declare (defineString and others), by name.",
        name="functionParams", default={},
    )
    variables: FunctionVariables = setting(
        "Environment variables of the functions. `NAME: text` sets NAME in all functions; `FUNCTION: "
        "{NAME: text}` sets it in that function only. Both override .env files.",
        name="functionVariables", default={},
    )
    unmanaged: Mapping[str, str] = setting(
        "Functions that the program does not support (1st generation, other triggers), and the reason why "
        "they stay as they are: `NAME: reason`, or `REGION/NAME: reason` for one region. Each preview lists "
        "them, and the program neither deploys nor deletes them.",
        name="unmanagedFunctions", default={},
    )
    discovery_timeout: int = setting(
        "How long a functions codebase may take to load.",
        default=60, low=1, high=LONGEST_DISCOVERY, unit="seconds",
    )
    run_predeploy: bool = setting(
        "Whether the `predeploy` commands of the functions in firebase.json run before the code is loaded. "
        "They run isolated: without network and credentials, and they can change only the codebase's folder.",
        default=False,
    )
    predeploy_timeout: int = setting(
        "How long the `predeploy` commands of a functions codebase may take together.",
        default=300, low=1, high=LONGEST_PREDEPLOY, unit="seconds",
    )
    cpu_quota: int = setting(
        "Cloud Run's CPU quota per region, \"Total CPU allocation\" on Google's quota page. The preview "
        "warns about functions whose CPU times `maxInstances` is more.",
        name="functionsCpuQuota", default=200, low=1, high=100_000, unit="CPUs",
    )
    update_only_changed: bool = setting(
        "Whether a function stays as it is when only files have changed that other functions load. Code at "
        "the top level of such a file must not change what the functions share: docs/limits.md.",
        default=False,
    )
    allow_function_deletion: bool = setting(
        "Whether `pulumi up` may delete a third or more of the functions at once and, in production, "
        "functions whose names are still in the source. Remove the setting after that `pulumi up`.",
        default=False,
    )


@dataclass(frozen=True, kw_only=True)
class SecretSettings:
    """The secrets of the functions: names plain, values secret outputs that `repr` never shows.

    `not_json` has the names whose values are not JSON.
    """

    values: Mapping[str, pulumi.Output[str]] = setting(
        "The secrets that functions read, by name: pulumi config set --secret --path "
        "'whatsapp-crm:secrets.NAME'",
        name="secrets", default={}, hidden=True,
    )
    alternatives: tuple[str, ...] = setting(
        "Each item lists secrets separated by |, of which at least one must be set. A function that binds "
        "several of them gets those that are set.",
        name="alternativeSecrets", default=[], rules=(rules.alternatives,), unique=True,
        example="OPENAI_API_KEY|GROQ_API_KEY",
    )
    named_backend_url: str | None = setting(
        "The name of the variable from which functions read the backend's address. If a function binds a "
        "secret of this name, the address is that secret. Otherwise, if a codebase declares a parameter of "
        "this name, it is the parameter's value. Otherwise, if you set this key, it is an environment "
        "variable of all functions. If none applies, a warning says that no function gets it.",
        name="backendUrlVariable", if_unset="the name is `RAILWAY_WHATSAPP_URL`",
        rules=(function_variable,), example="BACKEND_URL",
    )
    not_json: tuple[str, ...] = ()

    @property
    def backend_url_variable(self) -> str:
        """The variable with the backend's address, named by the config or not."""
        return self.named_backend_url or BACKEND_URL_VARIABLE

    @property
    def names(self) -> tuple[str, ...]:
        """The configured names, sorted."""
        return tuple(sorted(self.values))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a stack's config says, checked."""

    stack: str
    production: bool = setting(
        "Whether this is a production stack. Stacks named prod or production always are.",
        group="Stack and app", default=False,
    )
    acceptance_names: Mapping[str, str] = setting(
        "What the app calls the documents, fields and functions that `python -m ops accept` uses, where it "
        "is not what the example calls them; docs/acceptance.md lists them. The names of collections are in "
        "flutterNames.",
        default={},
    )
    app_dir: Path = setting(
        "The folder of the app, the one with firebase.json, relative to Pulumi.yaml.",
        example="../my-crm", required=True,
    )
    flutter_app: str | None = setting(
        "The folder of the Flutter app in the app's checkout, whose code is checked (docs/flutter.md).",
        rules=(text_rules.inside_repository,), example="app",
        if_unset="the folder with a pubspec.yaml that depends on flutter",
    )
    flutter_names: Mapping[str, str] = setting(
        "What the Flutter app calls the things that its checks are about, where it is not what the example "
        "calls them. The names: send (the method that sends a message), sendFunction and "
        "deleteAccountFunction (Cloud Functions), outbox, clients, threads, messages, events and accounts "
        "(collections), createdBy, schemaVersion and isArchived (fields of an event), lib (folders, "
        "separated by spaces), otherProjects (Firebase projects of the app's flavours, separated by spaces).",
        default={},
    )
    google: GoogleSettings
    railway: RailwaySettings
    backend: BackendSettings
    functions: FunctionsSettings
    secrets: SecretSettings
    readiness_waivers: Mapping[str, object] = setting(
        "Lines of the runbook with which `python -m ops readiness` does not wait, by id: `C3: {reason: ..., "
        "person: ..., expires: 2027-01-31}`. Until that day, the line is waived; after it, it fails.",
        group="Readiness", default={},
    )
    warnings: tuple[str, ...] = ()


KEYS = {key.name: key for key in keys_of(Settings)}
