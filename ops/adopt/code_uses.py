"""Which Google services the code of a codebase calls, from the archive that is deployed.

The archive has what runs: the code without its dependencies. A call is found by its name, so code that calls
a service under another name is not found, and the role of a found call may be broader than the code needs.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

_SUFFIXES = (".js", ".mjs", ".cjs")
_ALL = ("roles/owner", "roles/editor")
_FIREBASE = ("roles/firebase.admin", "roles/firebase.sdkAdminServiceAgent", "roles/firebase.developAdmin")
TOKEN_CREATOR = "roles/iam.serviceAccountTokenCreator"  # noqa: S105 - the name of a role


@dataclass(frozen=True, kw_only=True)
class Use:
    """A service that code may call.

    Args:
        what: its name.
        module: what shows that the code has its SDK.
        call: what shows that the code calls it, where importing the SDK alone needs no right; None: the
            import shows it.
        role: the role that its calls need.
        enough: the beginnings of other roles that have the rights, or some of them.
    """

    what: str
    module: re.Pattern[str]
    call: re.Pattern[str] | None = None
    role: str
    enough: tuple[str, ...] = ()

    def allowed(self, roles: Collection[str]) -> bool:
        """Whether one of the roles may have the rights. What a custom role has is not known."""
        known = (self.role, *self.enough)
        return any(role.startswith(known) or not role.startswith("roles/") for role in roles)


_AUTH = re.compile(r"firebase-admin/auth|\bgetAuth\(|\.auth\(\)")
USES = (
    Use(
        what="Firestore",
        module=re.compile(
            r"firebase-admin/firestore|\bgetFirestore\(|\.firestore\(\)|@google-cloud/firestore"
        ),
        role="roles/datastore.user",
        enough=("roles/datastore.", *_FIREBASE, *_ALL),
    ),
    Use(
        what="Firebase Auth (users)",
        module=_AUTH,
        # `verifyIdToken` needs no right: it reads Google's public keys.
        call=re.compile(
            r"\.(?:getUsers?|getUserBy\w+|listUsers|createUser|updateUser|deleteUsers?|importUsers"
            r"|setCustomUserClaims|revokeRefreshTokens|createSessionCookie|generate\w+Link)\("
        ),
        role="roles/firebaseauth.admin",
        enough=("roles/firebaseauth.", *_FIREBASE, *_ALL),
    ),
    Use(
        what="Firebase Auth (custom tokens)",
        module=_AUTH,
        call=re.compile(r"\.createCustomToken\("),
        role=TOKEN_CREATOR,
        enough=("roles/firebase.sdkAdminServiceAgent", "roles/owner"),
    ),
    Use(
        what="Cloud Storage",
        module=re.compile(r"firebase-admin/storage|\bgetStorage\(|\.storage\(\)|@google-cloud/storage"),
        role="roles/storage.objectAdmin",
        enough=("roles/storage.", *_FIREBASE, *_ALL),
    ),
    Use(
        what="Cloud Messaging",
        module=re.compile(r"firebase-admin/messaging|\bgetMessaging\(|\.messaging\(\)"),
        role="roles/firebasecloudmessaging.admin",
        enough=("roles/firebasecloudmessaging.", *_FIREBASE, *_ALL),
    ),
    Use(
        what="Realtime Database",
        module=re.compile(r"firebase-admin/database|\bgetDatabase\(|\badmin\.database\("),
        role="roles/firebasedatabase.admin",
        enough=("roles/firebasedatabase.", *_FIREBASE, *_ALL),
    ),
    Use(
        what="Pub/Sub",
        module=re.compile(r"@google-cloud/pubsub"),
        role="roles/pubsub.publisher",
        enough=("roles/pubsub.", *_ALL),
    ),
    Use(
        what="Cloud Tasks",
        module=re.compile(r"@google-cloud/tasks|\.taskQueue\("),
        role="roles/cloudtasks.enqueuer",
        enough=("roles/cloudtasks.", *_ALL),
    ),
)


def uses(archive: Path) -> tuple[Use, ...]:
    """The services that the code of a source archive calls; lines that are comments do not count.

    Raises:
        OSError: the file cannot be read.
    """
    text = _code(archive)
    return tuple(
        use for use in USES if use.module.search(text) and (use.call is None or use.call.search(text))
    )


def _code(archive: Path) -> str:
    lines: list[str] = []
    with zipfile.ZipFile(archive) as packed:
        for name in packed.namelist():
            if name.endswith(_SUFFIXES) and "node_modules/" not in name:
                text = packed.read(name).decode(errors="replace")
                lines += [
                    line for line in text.splitlines() if not line.lstrip().startswith(("//", "*", "/*"))
                ]
    return "\n".join(lines)
