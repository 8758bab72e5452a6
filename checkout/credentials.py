"""Files that are never deployed because they may contain credentials.

Some names are enough (`.env`, `id_rsa`, `*.p12`), also with the ending of a backup copy. Other files are
read, of any size and name: the console names a service account's key after the project, and a `.pem` file may
be a public certificate. Code that only mentions the header of a private key, to compare it or to remove it,
is not a credential. `.npmrc` and `.yarnrc` are credentials only with a token in them: Google's build needs
the others.

A key is also found in UTF-16, in base64 (once, also inside of another file), and in the first megabyte of a
gzip file. Other archives and encodings are not opened.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from checkout.minimatch import Ignored
from settings.files import MAX_SOURCE_BYTES, FileError, is_file, read_bytes
from settings.parsing import mapping, sequence

# Compared with names in lower case. `checkout.hidden_files` hides them too.
_NAMES = Ignored(
    (
        ".env", ".env.*", ".env[-_]*", "*.env", ".envrc", ".envrc.*", ".secret.local", ".dev.vars",
        ".dev.vars.*", "env.{prod,production,staging,dev,development,local}",
        "*.{p8,p12,pfx,ppk,kdbx,jks,keystore,keytab}", "id_{rsa,dsa,ecdsa,ed25519}", "secring.*",
        "private-keys-v1.d", "*.tfstate", "*.tfstate.*", "*.tfvars", "*.tfvars.json", "credentials.tfrc.json",
        "[._]netrc", ".pgpass", ".my.cnf", ".git-credentials", ".pypirc", ".boto", ".s3cfg", ".htpasswd",
        ".vault-token", ".dockercfg", ".dockerconfigjson", "kubeconfig", "kubeconfig.{yaml,yml,json,conf}",
        "*.kubeconfig", "*-adminsdk-*.json", "gha-creds-*.json", "client_secret*.json",
        "application_default_credentials.json", "{serviceaccount,service-account,service_account}*.json",
        "credentials.db", "access_tokens.db", "firebase-tools.json",
        # Folders.
        ".{aws,azure,gcloud,gnupg,kube,pulumi,railway,ssh}", ".password-store",
    ),
    folder="",
)  # fmt: skip
# In a folder that tools use in a home folder. In an app it may be the app's own: `.config/settings.json`.
_NAMES_IN: Mapping[str, Ignored] = {
    ".config": Ignored(
        ("{configstore,doctl,gcloud,gh,git,glab-cli,helm,hub,op,rclone,sops,stripe}",), folder=""
    ),
    ".docker": Ignored(("{config.json,contexts,machine}",), folder=""),
}
_BACKUP = re.compile(r"(?:~|\.(?:bak|backup|copy|old|orig|save|sw[op]|tmp))+$")
# The settings of npm and Yarn: a token or password, or an address that contains a password.
_REGISTRY_FILES = (".npmrc", ".yarnrc", ".yarnrc.yml")
_REGISTRY_TOKEN = re.compile(
    rb"^[^;#\n]*?(?:_auth(?:token)?|_password)[\"']?(?:[ \t]*=[ \t]*|[ \t]+)(?P<npm>\S[^\n]*)"
    rb"|^[^#\n]*?npmauth(?:token|(?P<ident>ident))[\"']?\s*:\s*(?P<yarn>\S[^\n]*)"
    rb"|://[^/\s:@]*:(?P<password>[^/\s@]+)@",
    re.IGNORECASE | re.MULTILINE,
)
# `${NAME}`, as in npm and Yarn, also with a word that stands for no token: `${NAME:-none}`.
_VARIABLE = re.compile(rb"\$\{\w+(?::?-(?!npm_|gh[a-z]_)[A-Za-z_-]{0,20}|\?)?\}")
_MAX_BYTES = 100_000_000  # the archive cannot contain a larger file
_KEY_FILES = (".pem", ".key", ".crt", ".cer")
_HEADER = b"PRIVATE KEY"
_BOM = (b"\xff\xfe", b"\xfe\xff")
_GZIP = b"\x1f\x8b"
_MAX_UNPACKED = 1_000_000
_MAX_BASE64 = 65_536  # characters before and after the place where a key begins
_MAX_PLACES = 20
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
# Such a text in UTF-16, of either byte order.
_WIDE = tuple(
    text.decode().encode("utf-16-le")[:-1]
    for text in (_HEADER, *(name.strip(b'"') for name in _GOOGLE_FIELDS))
)


def _in_base64(text: bytes) -> Iterator[bytes]:
    """The base64 of `text` inside of a longer text: it is one of three."""
    for offset, unstable in enumerate((0, 2, 3)):
        whole = (len(text) + offset) // 3 * 4
        yield base64.b64encode(bytes(offset) + text)[unstable:whole]


_BASE64 = tuple(one for text in (b"PRIVATE KEY-----", *_GOOGLE_FIELDS) for one in _in_base64(text))
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/_-]")
_LINE_BREAKS = b" \t\r\n"
# A value of a client of OAuth is generated. A translation or a schema has others for the same keys.
_GENERATED = re.compile(r"[^\s<>{}$]{16,}")
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
    parts = name.split("/")
    return any(is_named(folder, part) for folder, part in zip(("", *parts), parts, strict=False))


def is_named(folder: str, name: str) -> bool:
    """Whether a file or folder has a name that is never deployed. `folder` is the name of its folder."""
    name = name.lower()
    if _is_named(_NAMES, name):
        return True
    known = _NAMES_IN.get(original_name(folder)) if folder.startswith(".") else None
    return known is not None and _is_named(known, name)


def original_name(name: str) -> str:
    """The name in lower case, without the endings of a backup copy: `tls.pem` of `tls.pem.bak`."""
    return _BACKUP.sub("", name.lower())


@functools.lru_cache(maxsize=4096)
def _is_named(known: Ignored, name: str) -> bool:
    original = original_name(name)
    # An editor puts a dot before the name of its backup: `.id_rsa.swp`.
    names = {name} if original == name else {name, original, original.removeprefix(".")}
    return any(known.by(one) is not None for one in names)


def has_content(path: Path) -> bool:
    """Whether the regular file contains a private key (PEM, DER, JWK) or a token of Google or npm.

    A file that cannot be read has none: the archive reports it.
    """
    name = original_name(path.name)
    suffix = PurePosixPath(name).suffix
    try:
        if path.stat().st_size > _MAX_BYTES:
            return False
        content = read_bytes(path, limit=MAX_SOURCE_BYTES)
    except (OSError, FileError):
        return False
    if suffix in _KEY_FILES:
        is_binary_key = suffix in (".pem", ".key") and not _is_text(content)
        if is_binary_key or _PRIVATE_KEY.search(content) is not None:
            return True
    if name in _REGISTRY_FILES and _has_registry_token(content):
        return True
    return any(_is_key(text) for text in _readings(content))


def is_registry_file(folder: Path, path: Path) -> bool:
    """Whether the path is a file of npm or Yarn without a token in `folder`, which is deployed."""
    return path.name.lower() in _REGISTRY_FILES and path.is_relative_to(folder) and not has_content(path)


def is_credential(folder: Path, name: str) -> bool:
    """Whether the file `name` in `folder` is never deployed."""
    path = folder / PurePosixPath(name)
    return has_name(name) or (is_file(path) and has_content(path))


def _has_registry_token(content: bytes) -> bool:
    """Whether a token or a password is more than the name of a variable."""
    for match in _REGISTRY_TOKEN.finditer(_VARIABLE.sub(b"$", content)):
        value = match["npm"] or match["yarn"] or match["password"]
        if match["ident"] and b":" in value:  # a user and a password, or both in base64
            value = value.partition(b":")[2]
        if value.strip(b"\"': \t\r$"):
            return True
    return False


def _is_key(content: bytes) -> bool:
    return (
        (_HEADER in content and _WHOLE_KEY.search(content) is not None)
        or _is_der_key(content)
        or _is_json_credential(content)
    )


def _readings(content: bytes) -> Iterator[bytes]:
    """The content as it is, and what it may encode."""
    yield content
    if content.startswith(_GZIP):
        try:
            content = zlib.decompressobj(wbits=31).decompress(content, _MAX_UNPACKED)
        except zlib.error:
            return
        yield content
    if content.startswith(_BOM) or any(text in content for text in _WIDE):
        content = content.removeprefix(_BOM[0]).removeprefix(_BOM[1]).replace(b"\0", b"")
        yield content
    content = content.translate(None, _LINE_BREAKS)
    for text in _BASE64:
        at = content.find(text)
        for _ in range(_MAX_PLACES):
            if at < 0:
                break
            before = _NOT_BASE64.split(content[max(0, at - _MAX_BASE64) : at])[-1]
            after = _NOT_BASE64.split(content[at : at + _MAX_BASE64], maxsplit=1)[0]
            yield from _from_base64(before + after)
            at = content.find(text, at + len(after))


def _from_base64(run: bytes) -> Iterator[bytes]:
    """What the characters encode. Where the encoded text begins is not known: words can be before it."""
    for start in range(4):
        part = run[start : start + (len(run) - start) // 4 * 4].translate(bytes.maketrans(b"-_", b"+/"))
        rest = run[start + len(part) :]
        try:
            decoded = base64.b64decode(part)
            if len(rest) > 1:
                decoded += base64.b64decode(
                    rest.translate(bytes.maketrans(b"-_", b"+/")) + b"=" * (4 - len(rest))
                )
        except binascii.Error:
            continue
        yield decoded
        if b"{" in decoded:
            yield decoded[decoded.index(b"{") : decoded.rfind(b"}") + 1]


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
            if _is_oauth_client(found):
                return True
            if (private := _WEB_KEYS.get(str(found.get("kty")))) and found.get(private):
                return True
            todo += found.values()
        else:
            todo += sequence(value) or ()
    return False


def _is_oauth_client(found: Mapping[str, object]) -> bool:
    """Whether it is a client of OAuth, or a token that a sample of Google has saved."""
    client, secret = (str(found.get(name, "")) for name in ("client_id", "client_secret"))
    others = (found.get(name) for name in ("auth_uri", "refresh_token"))
    return (
        any(char.isdigit() for char in f"{client}{secret}")
        and all(_GENERATED.fullmatch(value) is not None for value in (client, secret))
        and any(isinstance(value, str) and _GENERATED.fullmatch(value) is not None for value in others)
    )
