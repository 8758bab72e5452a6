"""The rules between settings: what each value must look like, and what must not be combined.

One method per concern; each adds to the reader's problems. A rule says why, not only that.
Refuses to look at anything remote: whether a branch or a project exists is for the preview's requests.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

from settings import railway_rules
from settings.keys import KEYS, NAMESPACE
from settings.parsing import nearest
from settings.problems import Problem
from settings.reader import ConfigReader
from settings.regions import (
    FIRESTORE_LOCATIONS,
    FUNCTION_REGIONS,
    RAILWAY_PLAN_VOLUME_GB,
    RAILWAY_REGIONS,
)

if TYPE_CHECKING:
    from settings.model import GoogleSettings, RailwaySettings

# Set by the program itself from other settings or from what it creates.
MANAGED_VARIABLES = {
    "SESSIONS_PATH": "volumeMountPath",
    "PORT": "targetPort",
    "FIREBASE_SERVICE_ACCOUNT_JSON": "serviceAccountKeyRotation",
    "ADMIN_TOKEN": "adminToken",
    "WHATSAPP_SYNC_FULL_HISTORY": "syncFullHistory",
    "WHATSAPP_BACKFILL_COUNT": "backfillCount",
    "WHATSAPP_BACKFILL_THREADS": "backfillThreads",
}
SANDBOX_PROJECT = "crm-sandbox"
_SECRET_SHAPED = re.compile(r"(SECRET|PASSWORD|TOKEN|API_?KEY|PRIVATE_KEY|CREDENTIALS)", re.IGNORECASE)
_NIL_UUID = "00000000-0000-0000-0000-000000000000"
_RAILWAY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*( [A-Za-z0-9_.-]+)*")
_PROJECT_ID = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
_DATABASE = re.compile(r"\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9]")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_REPO = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[A-Za-z0-9._-]{1,100}(?<!\.git)")
_REPO_ADDRESS = re.compile(r"(?:https://github\.com/|git@github\.com:)([\w-]+/[\w.-]+?)(?:\.git)?/?$")
_BRANCH = re.compile(r"(?![-/.])(?!.*(?:\.\.|//|@\{))[^\s~^:?*\[\\]+(?<![/.])")
_ROLE = re.compile(r"(?:(?:projects|organizations)/[A-Za-z0-9.-]+/)?roles/[A-Za-z0-9_.]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ROTATION = re.compile(r"[A-Za-z0-9._-]{1,40}")
_RUNTIME_RESERVED = re.compile(
    r"(?:X_GOOGLE_|FIREBASE_|EXT_).*|PORT|K_SERVICE|K_REVISION|K_CONFIGURATION|FUNCTION_TARGET|"
    r"FUNCTION_SIGNATURE_TYPE|GCLOUD_PROJECT|GOOGLE_CLOUD_PROJECT"
)


class Rules:
    """The rules over one reader's values. `environ` is the process's environment; it is only looked at."""

    def __init__(self, read: ConfigReader, environ: Mapping[str, str]) -> None:
        self._read = read
        self._environ = environ

    def app_dir(self, given: str, folder: Path) -> None:
        """The checkout must be there before anything in it is read."""
        if not given:
            if "appDir" not in self._read.bad:
                self._missing("appDir", "the folder of the app (the one with firebase.json)", "../my-crm")
        elif not folder.is_dir():
            self._read.add(
                "appDir",
                f"there is no folder {folder}.",
                f"pulumi config set {NAMESPACE}:appDir <the folder that holds firebase.json>",
            )

    def google(self, google: GoogleSettings, stack: str) -> None:
        """Project, region, database, roles."""
        self._project(google.project, stack)
        self._known("region", google.region, FUNCTION_REGIONS, "a region of Cloud Functions (2nd gen)")
        self._known(
            "firestoreLocation",
            google.firestore_location,
            FIRESTORE_LOCATIONS,
            "the location of the Firestore database",
            "<location>  (Firebase console, Firestore Database)",
        )
        self._shape(
            "firestoreDatabase",
            google.firestore_database,
            _DATABASE,
            "not a database id",
            "'(default)'",
        )
        if (bucket := google.storage_bucket) is not None:
            self._shape("storageBucket", bucket, _BUCKET, "not a bucket's name", "my-crm.firebasestorage.app")
        self._roles("backendRoles", google.backend_roles)
        self._roles("functionsRoles", google.functions_roles)
        self._shape(
            "serviceAccountKeyRotation",
            google.key_rotation,
            _ROTATION,
            "not a short label (up to 40 letters, digits, dots, dashes); a new one mints a new key",
            "2026-11",
        )

    def railway(self, railway: RailwaySettings, *, production: bool) -> None:
        """Branch, names, volume, health, source."""
        self._branch(railway.branch, production=production)
        address = _REPO_ADDRESS.match(railway.repo)
        self._shape(
            "repo",
            railway.repo,
            _REPO,
            'not a GitHub repository "owner/name"',
            address.group(1) if address else "owner/name",
        )
        if railway.replicas != 1 and "replicas" not in self._read.bad:
            self._read.add(
                "replicas",
                f"{railway.replicas} is not possible: the service has a volume, and Railway gives a service "
                "with a volume exactly one instance. Two would also open the same WhatsApp sessions twice.",
                f"pulumi config set {NAMESPACE}:replicas 1",
            )
        for name, value in (
            ("railwayProjectName", railway.project_name),
            ("railwayEnvironment", railway.environment),
            ("railwayServiceName", railway.service_name),
            ("volumeName", railway.volume_name),
        ):
            self._railway_name(name, value)
        self._volume(railway)
        self._health(railway.health_path)
        if railway.region is not None:
            self._known("railwayRegion", railway.region, RAILWAY_REGIONS, "a region of Railway")
        if (railway.builder or "").upper() == "DOCKERFILE":
            self._read.add(
                "builder",
                "DOCKERFILE cannot be set: Railway builds from a Dockerfile when its path is named.",
                f"pulumi config rm {NAMESPACE}:builder  and  "
                f"pulumi config set {NAMESPACE}:dockerfilePath Dockerfile",
            )
        elif railway.builder is not None:
            builders = {"RAILPACK", "NIXPACKS", "HEROKU", "PAKETO"}
            self._known("builder", railway.builder, builders, "a builder of Railway", "RAILPACK")
        policies = {"ALWAYS", "NEVER", "ON_FAILURE"}
        self._known("restartPolicy", railway.restart_policy, policies, "a restart policy")
        for name, value in (
            ("rootDirectory", railway.root_directory),
            ("dockerfilePath", railway.dockerfile_path),
            ("railwayConfigFile", railway.railway_config_file),
        ):
            if value is not None and ".." in PurePosixPath(value).parts:
                self._read.add(
                    name,
                    f"{self._read.shown(name, value)} leaves the repository.",
                    f"pulumi config set {NAMESPACE}:{name} <a path inside the repository>",
                )
        railway_rules.check(self._read, railway)
        if not all(text.strip() for text in railway.log_expectations):
            self._read.add(
                "logExpectations",
                "an empty line would be found in any log.",
                f"pulumi config set --path '{NAMESPACE}:logExpectations[0]' 'Firebase initialized'",
            )

    def backend_variables(self, variables: Mapping[str, str]) -> None:
        """Extra plain variables of the backend."""
        for name, value in variables.items():
            remove = f"pulumi config rm --path '{NAMESPACE}:backendVariables.{name}'"
            if name in MANAGED_VARIABLES:
                source = MANAGED_VARIABLES[name]
                self._read.add(
                    "backendVariables",
                    f"{name} is set by the program itself, from {NAMESPACE}:{source}.",
                    f"{remove}  and change {NAMESPACE}:{source} if you want another value",
                )
            elif name.startswith("RAILWAY_"):
                self._read.add(
                    "backendVariables",
                    f"{name}: names that start with RAILWAY_ belong to Railway.",
                    f"{remove}  and choose another name",
                )
            elif not _VARIABLE.fullmatch(name):
                self._read.add(
                    "backendVariables",
                    f'"{name}" is not a variable name (letters, digits, _; no digit first).',
                    f"{remove}  and choose another name",
                )
            elif not value:
                self._read.add(
                    "backendVariables",
                    f"{name} is empty, which Railway refuses.",
                    f"pulumi config set --path '{NAMESPACE}:backendVariables.{name}' <text>  or  {remove}",
                )
            elif _SECRET_SHAPED.search(name) and not self._read.is_secret("backendVariables"):
                self._read.add(
                    "backendVariables",
                    f"{name} looks like a secret, but is stored in plain text.",
                    f"pulumi config set --secret --path '{NAMESPACE}:backendVariables.{name}'",
                )

    def secret_names(self, names: Iterable[str], backend_url: str) -> None:
        """Names that functions read from their environment."""
        for name in names:
            remove = f"pulumi config rm --path '{NAMESPACE}:secrets.{name}'"
            if name == backend_url:
                self._read.add(
                    "secrets",
                    f"{name} is provided by the program: it is the address that Railway gives the backend.",
                    remove,
                )
            elif not _VARIABLE.fullmatch(name) or _RUNTIME_RESERVED.fullmatch(name):
                self._read.add(
                    "secrets",
                    f'"{name}" cannot be a secret\'s name: functions read it as an environment variable '
                    "(letters, digits, _), and names of the platform are reserved.",
                    f"{remove}  and choose another name",
                )

    def tokens(self, railway: RailwaySettings) -> None:
        """Exactly one way to speak to Railway, and what that way can do."""
        account = self._environ.get("RAILWAY_API_TOKEN", "").strip()
        project = self._environ.get("RAILWAY_TOKEN", "").strip()
        stored = self._read.foreign("railway:token")
        self._endpoint()
        if account and project:
            self._variable(
                "RAILWAY_TOKEN",
                "RAILWAY_API_TOKEN and RAILWAY_TOKEN are both set, and may belong to different accounts.",
                "unset RAILWAY_TOKEN  (or unset RAILWAY_API_TOKEN to use the project token)",
            )
        elif not account and not project and not stored:
            self._variable(
                "RAILWAY_API_TOKEN",
                "there is no token for Railway.",
                "export RAILWAY_API_TOKEN=<a token from railway.com/account/tokens>",
            )
        if stored and not self._read.foreign_is_secret("railway:token"):
            self._variable(
                "railway:token",
                "the token is stored in plain text.",
                "pulumi config rm railway:token, revoke it, then: pulumi config set --secret railway:token",
            )
        if railway.project_id is not None:
            self._uuid("railwayProjectId", railway.project_id)
        elif project and not account:
            self._read.add(
                "railwayProjectId",
                "RAILWAY_TOKEN is a project token, which cannot make a project: say which project it is for.",
                f"pulumi config set {NAMESPACE}:railwayProjectId <id>  (Railway, project settings, General)",
            )
        elif railway.workspace_id is None:
            if "railwayWorkspaceId" not in self._read.bad:
                self._missing(
                    "railwayWorkspaceId",
                    "the workspace in which the project is made (or railwayProjectId, to adopt one)",
                    "<id>  (Railway, workspace settings, General)",
                )
            return
        if railway.workspace_id is not None:
            self._uuid("railwayWorkspaceId", railway.workspace_id)

    def credentials(self, google: GoogleSettings) -> None:
        """A way to speak to Google, unless every request goes to this machine."""
        sandboxed = any(
            name.startswith("GOOGLE_") and name.endswith("_CUSTOM_ENDPOINT") and value
            for name, value in self._environ.items()
        )
        if google.project == SANDBOX_PROJECT and not sandboxed:
            self._variable(
                "GOOGLE_FIRESTORE_CUSTOM_ENDPOINT",
                f"{SANDBOX_PROJECT} is the sandbox's project, but this shell does not point at the sandbox.",
                'eval "$(python -m sandbox env)"',
            )
            return
        other = self._environ.get("GOOGLE_PROJECT", "")
        if other and google.project and other != google.project and "googleProject" not in self._read.bad:
            self._variable(
                "GOOGLE_PROJECT",
                f"this shell says {other}, but {NAMESPACE}:googleProject says {google.project}.",
                f"unset GOOGLE_PROJECT  (or pulumi config set {NAMESPACE}:googleProject {other})",
            )
        if not sandboxed and not self._has_google_credentials():
            self._variable(
                "GOOGLE_APPLICATION_CREDENTIALS",
                "there are no credentials for Google.",
                "gcloud auth application-default login",
            )

    def _has_google_credentials(self) -> bool:
        """Whether one of the places that google-auth looks in holds something (google-auth docs, ADC)."""
        env = self._environ
        if env.get("GOOGLE_OAUTH_ACCESS_TOKEN") or env.get("GOOGLE_CREDENTIALS"):
            return True
        named = env.get("GOOGLE_APPLICATION_CREDENTIALS")
        if named:
            return Path(named).is_file()
        home = env.get("CLOUDSDK_CONFIG") or str(Path(env.get("HOME", "/nonexistent")) / ".config/gcloud")
        if (Path(home) / "application_default_credentials.json").is_file():
            return True
        product = Path("/sys/class/dmi/id/product_name")  # on a Google machine the metadata server answers
        return product.is_file() and "Google" in product.read_text(encoding="utf-8", errors="replace")

    def _endpoint(self) -> None:
        url = self._environ.get("RAILWAY_API_URL", "")
        if not url:
            return
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")  # no address at all
        if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
            return
        self._variable(
            "RAILWAY_API_URL",
            f"{url} is no https address, and would carry the token unencrypted.",
            "unset RAILWAY_API_URL  (Railway's own address is the default)",
        )

    def _project(self, project: str, stack: str) -> None:
        if "googleProject" in self._read.bad:
            return
        if not project:
            self._missing("googleProject", "the Google Cloud project of the Firebase app", "<project id>")
        elif self._placeholder("googleProject", project):
            return
        elif project.isdigit():
            self._read.add(
                "googleProject",
                f"{project} is a project number; the project id is needed.",
                f"pulumi config set {NAMESPACE}:googleProject "
                f"$(gcloud projects describe {project} --format='value(projectId)')",
            )
        else:
            self._shape(
                "googleProject",
                project,
                _PROJECT_ID,
                "not a Google project id (6 to 30 lower-case letters, digits and dashes)",
                "<project id>",
            )
        configured = self._read.foreign("gcp:project")
        if configured and project and configured != project:
            self._variable(
                "gcp:project",
                f"says {configured}, but {NAMESPACE}:googleProject says {project}.",
                f"pulumi config rm gcp:project -s {stack}",
            )

    def _branch(self, branch: str, *, production: bool) -> None:
        if "branch" in self._read.bad:
            return
        if not _BRANCH.fullmatch(branch):
            self._shape("branch", branch, _BRANCH, "not a branch name", "main")
        elif production and branch != "main":
            self._read.add(
                "branch",
                f"production deploys from main, not from {self._read.shown('branch', branch)}.",
                f"pulumi config set {NAMESPACE}:branch main",
            )

    def _volume(self, railway: RailwaySettings) -> None:
        plan = railway.plan
        self._known("railwayPlan", plan, RAILWAY_PLAN_VOLUME_GB, "a plan with volumes that can grow")
        size, most = railway.volume_size_gb, RAILWAY_PLAN_VOLUME_GB.get(plan, 5000.0)
        if "volumeSizeGb" not in self._read.bad and not 0.001 <= size <= most:
            reason = (
                "a volume has at least one megabyte"
                if size < 0.001
                else f"the {plan} plan has volumes of up to {most:g} GB"
            )
            self._read.add(
                "volumeSizeGb",
                f"{size:g} GB is not possible: {reason}.",
                f"pulumi config set {NAMESPACE}:volumeSizeGb {min(50, most):g}",
            )
        path = railway.mount_path
        if "volumeMountPath" in self._read.bad:
            return
        wrong = None
        if not path.startswith("/"):
            wrong = "must start with /, because a relative path depends on where the backend was started"
        elif not path.strip("/"):
            wrong = "would hide the whole file system of the backend"
        elif path.endswith("/"):
            wrong = "must not end with /, because SESSIONS_PATH is compared with it letter by letter"
        elif {".", ".."} & {*path.split("/")} or "//" in path or any(char.isspace() for char in path):
            wrong = "must be a plain path: no . or .., no //, no spaces"
        if wrong:
            self._read.add(
                "volumeMountPath",
                f"{self._read.shown('volumeMountPath', path)} {wrong}.",
                f"pulumi config set {NAMESPACE}:volumeMountPath /app/sessions",
            )

    def _health(self, path: str) -> None:
        if "healthPath" in self._read.bad:
            return
        if not path.startswith("/") or path.startswith("//") or any(char.isspace() for char in path):
            self._read.add(
                "healthPath",
                f"{self._read.shown('healthPath', path)} must be a path: one / at the start, no spaces.",
                f"pulumi config set {NAMESPACE}:healthPath /health",
            )

    def _railway_name(self, name: str, value: str) -> None:
        if name in self._read.bad:
            return
        if len(value) > 32:
            self._read.add(
                name,
                f"{self._read.shown(name, value)} has {len(value)} characters; Railway takes up to 32.",
                f"pulumi config set {NAMESPACE}:{name} {KEYS[name].default}",
            )
        elif not self._placeholder(name, value):
            self._shape(
                name,
                value,
                _RAILWAY_NAME,
                "not a name for Railway (letters, digits, dots, dashes; a letter or digit first)",
                str(KEYS[name].default),
            )

    def _roles(self, name: str, roles: tuple[str, ...]) -> None:
        for number, role in enumerate(roles):
            command = f"pulumi config set --path '{NAMESPACE}:{name}[{number}]' roles/datastore.user"
            if role in ("roles/owner", "roles/editor"):
                self._read.add(name, f"{role} can do nearly everything; name the roles it needs.", command)
            elif not _ROLE.fullmatch(role):
                what = f'"{role}" is not a role: a role looks like roles/datastore.user.'
                self._read.add(name, what, command)
            elif role in roles[:number]:
                remove = f"pulumi config rm --path '{NAMESPACE}:{name}[{number}]'"
                self._read.add(name, f"{role} is there twice.", remove)

    def _known(
        self, name: str, value: str, known: Iterable[str], what: str, example: str | None = None
    ) -> None:
        options = sorted(known)
        if name in self._read.bad or value in options:
            return
        if not value:
            self._missing(name, what, example or options[0])
            return
        guess = nearest(value, options)
        listed = guess or (example or options[0])
        more = f'Did you mean "{guess}"?' if guess else f"Known are {', '.join(options)}."
        self._read.add(
            name,
            f"{self._read.shown(name, value)} is not {what}. {more}",
            f"pulumi config set {NAMESPACE}:{name} {listed}",
        )

    def _shape(self, name: str, value: str, shape: re.Pattern[str], what: str, example: str) -> None:
        if name in self._read.bad:
            return
        if not value:
            self._missing(name, what.removeprefix("not "), example)
        elif not self._placeholder(name, value) and not shape.fullmatch(value):
            self._read.add(
                name,
                f"{self._read.shown(name, value)} is {what}.",
                f"pulumi config set {NAMESPACE}:{name} {example}",
            )

    def _uuid(self, name: str, value: str) -> None:
        if name in self._read.bad or self._placeholder(name, value):
            return
        try:
            UUID(value)
        except ValueError:
            self._read.add(
                name,
                f"{self._read.shown(name, value)} is not an id of Railway (it looks like "
                "b7d1c0de-1234-4abc-8def-000000000001).",
                f"pulumi config set {NAMESPACE}:{name} <id>  (Railway, settings, General)",
            )

    def _placeholder(self, name: str, value: str) -> bool:
        if value.startswith(("your-", "<")) or "/your-" in value or value == _NIL_UUID:
            self._read.add(
                name,
                f"{self._read.shown(name, value)} is the placeholder of the example file.",
                f"pulumi config set {NAMESPACE}:{name} <your own value>",
            )
            return True
        return False

    def _missing(self, name: str, what: str, example: str) -> None:
        self._read.add(
            name, f"is not set; it must be {what}.", f"pulumi config set {NAMESPACE}:{name} {example}"
        )

    def _variable(self, variable: str, what: str, fix: str) -> None:
        self._read.problems.append(Problem(key=variable, what=what, fix=fix))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
