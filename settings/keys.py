"""Every config key of the program: its kind and its default.

The same table stands in Pulumi.yaml, where the CLI checks types and shows descriptions; a test keeps the
two equal. It is needed here as well, because a program under test or under another host sees no defaults.
An empty default means "not set": under the CLI the program cannot tell a default from a value of the stack's
config. So a key for which a Railway file in the checkout may speak has an empty one, and says here what it
means when nobody does.
Refuses nothing: `settings` does.
"""

from __future__ import annotations

from dataclasses import dataclass

NAMESPACE = "whatsapp-crm"

TEXT = "string"
INTEGER = "integer"
BOOLEAN = "boolean"
TEXTS = "array"
OBJECT = "object"
NUMBER = "number"  # a whole or broken number; Pulumi.yaml has no such type, so the CLI does not check it
OPTIONAL_NUMBER = "optional number"  # "" or a number; not checked by the CLI either
OPTIONAL_INTEGER = "optional integer"  # "" or a whole number; not checked by the CLI either
OPTIONAL_BOOLEAN = "optional boolean"  # "", true or false; not checked by the CLI either
SECRET = "secret"  # noqa: S105  (the kind of a key, not a value)


@dataclass(frozen=True)
class Key:
    """One config key.

    Args:
        kind: a constant of this module.
        default: as in Pulumi.yaml.
        unsaid: what an empty default means, None if it means nothing.
    """

    kind: str
    default: object = ""
    unsaid: object = None

    @property
    def meaning(self) -> object:
        """The value of the key where nobody says one."""
        return self.default if self.unsaid is None else self.unsaid


KEYS: dict[str, Key] = {
    "production": Key(BOOLEAN, default=False),
    "appDir": Key(TEXT),
    "googleProject": Key(TEXT),
    "region": Key(TEXT, "us-central1"),
    "firestoreLocation": Key(TEXT),
    "firestoreDatabase": Key(TEXT, "(default)"),
    "storageBucket": Key(TEXT),
    "backendRoles": Key(TEXTS, ["roles/datastore.user"]),
    "functionsRoles": Key(TEXTS, ["roles/datastore.user"]),
    "serviceAccountKeyRotation": Key(TEXT, "1"),
    "indexLanes": Key(INTEGER, 4),
    "railwayWorkspaceId": Key(TEXT),
    "railwayProjectId": Key(TEXT),
    "railwayProjectName": Key(TEXT, "whatsapp-crm"),
    "railwayEnvironment": Key(TEXT, "production"),
    "railwayServiceName": Key(TEXT, "backend"),
    "railwayRegion": Key(TEXT),
    "railwayPlan": Key(TEXT, "pro"),
    "repo": Key(TEXT),
    "branch": Key(TEXT, "main"),
    "rootDirectory": Key(TEXT),
    "replicas": Key(INTEGER, 1),
    "volumeName": Key(TEXT, "sessions"),
    "volumeMountPath": Key(TEXT, "/app/sessions"),
    "volumeSizeGb": Key(NUMBER, 50),
    "volumeBackups": Key(TEXTS, []),
    "allowNewVolume": Key(BOOLEAN, default=False),
    "healthPath": Key(TEXT, unsaid="/health"),
    "healthTimeout": Key(OPTIONAL_INTEGER, unsaid=300),
    "startCommand": Key(TEXT),
    "builder": Key(TEXT),
    "buildCommand": Key(TEXT),
    "preDeployCommand": Key(TEXT),
    "dockerfilePath": Key(TEXT),
    "railwayConfigFile": Key(TEXT),
    "watchPatterns": Key(TEXTS, []),
    "waitForChecks": Key(BOOLEAN, default=False),
    "restartPolicy": Key(TEXT, unsaid="ON_FAILURE"),
    "restartMaxRetries": Key(OPTIONAL_INTEGER, unsaid=10),
    "overlapSeconds": Key(OPTIONAL_INTEGER),
    "drainingSeconds": Key(OPTIONAL_INTEGER),
    "sleepApplication": Key(OPTIONAL_BOOLEAN, unsaid=False),
    "targetPort": Key(OPTIONAL_INTEGER),
    "customDomain": Key(TEXT),
    "cpuLimit": Key(OPTIONAL_NUMBER),
    "memoryLimitGb": Key(OPTIONAL_NUMBER),
    "rollbackOnFailure": Key(BOOLEAN, default=False),
    "waitSeconds": Key(INTEGER, 1200),
    "logExpectations": Key(TEXTS, ["sessions dir exists/writable: true", "Firebase initialized"]),
    "syncFullHistory": Key(BOOLEAN, default=True),
    "backfillCount": Key(INTEGER, 100),
    "backfillThreads": Key(INTEGER, 50),
    "backendVariables": Key(OBJECT, {}),
    "adminToken": Key(SECRET),
    "functionsRuntime": Key(TEXT),
    "functionParams": Key(OBJECT, {}),
    "discoveryTimeout": Key(INTEGER, 60),
    "secrets": Key(OBJECT, {}),
}
