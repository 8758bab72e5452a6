"""Files that are never deployed because they may contain credentials.

Some names are enough (`.env`, `id_rsa`, `*.p12`). Other files are read, of any size and name: the console
names a service account's key after the project, and a `.pem` file may be a public certificate. Code that only
mentions the header of a private key, to compare it or to remove it, is not a credential.
"""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath

from checkout.minimatch import Ignored
from settings.parsing import mapping, sequence

# Compared with names in lower case.
_NAMES = Ignored(
    (
        ".env", ".env.*", ".env~", ".env[-_]*", "*.env", ".envrc", ".envrc.*", ".secret.local",
        "env.{prod,production,staging,dev,development,local}", "*.{p8,p12,pfx,ppk,kdbx,jks,keystore}",
        "*.tfstate", "*.tfstate.*", "id_{rsa,dsa,ecdsa,ed25519}", ".netrc", ".pgpass", ".git-credentials",
        ".aws", ".ssh", ".gnupg", ".kube", "*-adminsdk-*.json", "gha-creds-*.json", "client_secret_*.json",
        "application_default_credentials.json", "{serviceaccount,service-account,service_account}*.json",
    ),
    folder="",
)  # fmt: skip
_MAX_BYTES = 100_000_000  # the archive cannot contain a larger file
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
_GOOGLE_FIELDS = tuple(f'"{name}"'.encode() for name in ("private_key", "refresh_token", "client_secret"))
# JSON Web Keys (RFC 7517, 7518, 8037): the private part of each kind.
_WEB_KEYS = {"RSA": "d", "EC": "d", "OKP": "d", "oct": "k"}
# What follows the outer SEQUENCE of a private key in DER: PKCS #8 (RFC 5958), PKCS #1 (RFC 8017), SEC 1
# (RFC 5915), encrypted PKCS #8 and PKCS #12 (RFC 7292).
_DER_KEY = re.compile(
    rb"\x02\x01[\x00\x01]\x30[\x05-\x40]\x06"
    rb"|\x02\x01\x00\x02(?:[\x20-\x7f]|\x81.|\x82..)"
    rb"|\x02\x01\x01\x04[\x10-\x50]"
    rb"|\x30(?:[\x20-\x7f]|\x81.)\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05"
    rb"|\x02\x01\x03\x30(?:[\x20-\x7f]|\x80|\x81.|\x82..|\x83...)\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07",
    re.DOTALL,
)


def has_name(name: str) -> bool:
    """Whether the last part of a path, or a folder in it, has a name that is never deployed."""
    return any(_NAMES.by(part.lower()) is not None for part in name.split("/"))


def has_content(path: Path) -> bool:
    """Whether the regular file contains a private key (PEM, DER, JWK) or a credential of Google.

    A file that cannot be read has none: the archive reports it.
    """
    is_key_file = path.suffix.lower() in _KEY_FILES
    try:
        if path.stat().st_size > _MAX_BYTES:
            return False
        content = path.read_bytes()
    except OSError:
        return False
    if is_key_file:
        is_binary_key = path.suffix.lower() in (".pem", ".key") and not _is_text(content)
        if is_binary_key or _PRIVATE_KEY.search(content) is not None:
            return True
    return (
        (_HEADER in content and _WHOLE_KEY.search(content) is not None)
        or _is_der_key(content)
        or _is_json_credential(content)
    )


def is_credential(folder: Path, name: str) -> bool:
    """Whether the file `name` in `folder` is never deployed."""
    path = folder / PurePosixPath(name)
    return has_name(name) or (path.is_file() and has_content(path))


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def _is_der_key(content: bytes) -> bool:
    """Whether the whole file is one SEQUENCE that begins as a private key does, and not as a certificate."""
    if len(content) < 40 or content[0] != 0x30:
        return False
    size = content[1] & 0x7F if content[1] & 0x80 else 0
    if size > 4 or len(content) < 2 + size:
        return False
    length = int.from_bytes(content[2 : 2 + size], "big") if size else content[1]
    return len(content) == 2 + size + length and _DER_KEY.match(content, 2 + size) is not None


def _is_json_credential(content: bytes) -> bool:
    google = any(name in content for name in _GOOGLE_FIELDS)
    if not google and not (b'"kty"' in content and (b'"d"' in content or b'"k"' in content)):
        return False
    try:
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
            if found.get(_WEB_KEYS.get(str(found.get("kty")), "")):
                return True
            todo += found.values()
        else:
            todo += sequence(value) or ()
    return False
