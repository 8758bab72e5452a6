"""Files that are never deployed because they may contain credentials.

Some names are enough (`.env`, `id_rsa`, `*.p12`). Other files are read: the console names a service account's
key after the project, and a `.pem` file may be a public certificate. Code that only mentions the header of a
private key, to compare it or to remove it, is not a credential.
"""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath

from checkout.minimatch import Ignored
from settings.files import MAX_SOURCE_BYTES, FileError, is_file, read_bytes
from settings.parsing import mapping, sequence

# Compared with names in lower case.
_NAMES = Ignored(
    (
        ".env", ".env.*", ".env~", ".env[-_]*", "*.env", ".envrc", ".envrc.*", ".secret.local",
        "env.{prod,production,staging,dev,development,local}", "*.{p8,p12,pfx,ppk,kdbx,jks,keystore}",
        "*.tfstate", "*.tfstate.*", "id_{rsa,dsa,ecdsa,ed25519}", ".netrc", ".pgpass", ".git-credentials",
        ".aws", ".ssh", "*-adminsdk-*.json", "gha-creds-*.json", "client_secret_*.json",
        "application_default_credentials.json", "{serviceaccount,service-account,service_account}*.json",
    ),
    folder="",
)  # fmt: skip
_MAX_BYTES = 65_536  # a key is small; larger files are bundles and data
_KEY_FILES = (".pem", ".key", ".crt", ".cer")
_HEADER = b"PRIVATE KEY"
_PRIVATE_KEY = re.compile(rb"PRIVATE KEY(?: BLOCK)?-----")
# A key in any other file: the header, a line break or the end of a string in code, and base64 or PEM headers.
_WHOLE_KEY = re.compile(
    rb"PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|[\s\"'`+,])*(?:[A-Za-z0-9+/=]{40}|(?:Proc-Type|Version|Comment):)"
)
# Application Default Credentials: the type, and the fields of which one makes it a credential.
_GOOGLE_TYPES = {
    "service_account": ("private_key",),
    "authorized_user": ("refresh_token", "client_secret"),
    "external_account": ("refresh_token", "client_secret"),
    "external_account_authorized_user": ("refresh_token", "client_secret"),
}


def has_name(name: str) -> bool:
    """Whether the last part of a path, or a folder in it, has a name that is never deployed."""
    return any(_NAMES.by(part.lower()) is not None for part in name.split("/"))


def has_content(path: Path) -> bool:
    """Whether the regular file contains a private key or a credential of Google.

    A file that cannot be read has none: the archive reports it.
    """
    is_key_file = path.suffix.lower() in _KEY_FILES
    try:
        if not is_key_file and path.stat().st_size > _MAX_BYTES:
            return False
        content = read_bytes(path, limit=MAX_SOURCE_BYTES)
    except (OSError, FileError):
        return False
    if is_key_file:
        is_binary_key = path.suffix.lower() in (".pem", ".key") and not _is_text(content)
        return is_binary_key or _PRIVATE_KEY.search(content) is not None
    return (_HEADER in content and _WHOLE_KEY.search(content) is not None) or _is_google_credential(content)


def is_credential(folder: Path, name: str) -> bool:
    """Whether the file `name` in `folder` is never deployed."""
    path = folder / PurePosixPath(name)
    return has_name(name) or (is_file(path) and has_content(path))


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def _is_google_credential(content: bytes) -> bool:
    if not any(f'"{name}"'.encode() in content for name in _GOOGLE_TYPES):
        return False
    try:
        # Not json_value: a credential with a key twice is still one.
        document: object = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    todo = [document]
    while todo:
        value = todo.pop()
        found = mapping(value)
        if found is not None:
            if any(found.get(field) for field in _GOOGLE_TYPES.get(str(found.get("type")), ())):
                return True
            todo += found.values()
        else:
            todo += sequence(value) or ()
    return False
