"""Credentials under the names that tools give them, and in the encodings that people store them in."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest

from checkout import credentials
from checkout.archive import build
from tests.time_limit import time_limit

pytestmark = pytest.mark.unit

NAMES = (
    ".docker/config.json", ".config/gcloud/credentials.db", ".config/configstore/firebase-tools.json",
    ".docker/config.json.bak", ".config.bak/gcloud/x", "lib/.config/gh/hosts.yml",
    ".pulumi/credentials.json", ".railway/config.json", ".kube/config", ".azure/x", ".vault-token", ".boto",
    "_netrc", ".netrc.bak", "kubeconfig", "kubeconfig.yaml", "prod.tfvars", "prod.auto.tfvars.json",
    ".pypirc",
    ".dev.vars", ".dev.vars.production", ".htpasswd", "secring.gpg", "client_secret.json",
    "client_secret_1-x.apps.googleusercontent.com.json", "credentials.db", ".dockercfg",
    "id_rsa.old", "id_ed25519~", "prod.p12.orig", ".git-credentials.save", ".envrc.bak",
    ".id_rsa.swp", "lib/.NETRC.OLD", ".aws.bak/credentials", "serviceAccountKey.json.bak.old",
)  # fmt: skip


def packed(folder: Path, name: str, content: bytes) -> bool:
    """Whether the archive contains the file. If not, a note names it, or the folder that contains it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    (folder / "index.js").write_text("exports.x = 1;", encoding="utf-8")
    archive, problems = build(folder, [], "default", "functions", folder.parent / "out")
    assert archive is not None, problems
    if name not in archive.files:
        assert archive.files == ("index.js",)
        assert "may contain credentials: " in archive.notes[0]
        assert any(part in archive.notes[0] for part in name.split("/"))
    return name in archive.files


@pytest.fixture
def codebase(tmp_path: Path) -> Path:
    folder = tmp_path / "functions"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_a_tool_is_never_packed(codebase: Path, name: str) -> None:
    assert not packed(codebase, name, b"x")


@pytest.mark.parametrize(
    "name",
    ["kubeconfig.ts", "tokens.json", "config/index.js", "docker/config.json", "notes.bak", "secrets.ts", "x~",
     "netrc.js", "pulumi/index.js", "client.json", "src/token.ts", ".config/settings.json",
     ".config/functions/a.js", ".docker/Dockerfile", "gcloud/index.js", "src/gh/index.js"],
)  # fmt: skip
def test_a_similar_name_is_packed(codebase: Path, name: str) -> None:
    assert packed(codebase, name, b"x")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".npmrc", "//registry.npmjs.org/:_authToken=npm_abc\n"),
        (".npmrc", "a=b\n//npm.pkg.github.com/:_authToken = ghp_abc"),
        (".npmrc", "_auth=dXNlcjpwYXNz"),
        (".npmrc", "//r.example/:_password=cGFzcw=="),
        (".npmrc", "registry=https://user:pass@npm.example/"),
        (".npmrc", "//r/:_authToken=${NPM_TOKEN}\n//s/:_authToken=npm_abc\n"),
        (".npmrc", "//r/:_authToken=${NPM_TOKEN:-npm_abc}\n"),
        (".npmrc.bak", "//r/:_authToken=npm_abc\n"),
        ("sub/.npmrc", "//r/:_authToken=npm_abc\n"),
        (".yarnrc", '"//registry.npmjs.org/:_authToken" "npm_abc"\n'),
        (".yarnrc.yml", "npmAuthToken: npm_abc\n"),
        (".yarnrc.yml", 'npmScopes:\n  my:\n    "npmAuthToken": "npm_abc"\n'),
        (".yarnrc.yml", "npmAuthToken:\n  npm_abc\n"),
        (".yarnrc.yml", "npmAuthIdent: user:pass\n"),
        (".yarnrc.yml", 'npmAuthIdent: "${NPM_USER}:pass"\n'),
        (".yarnrc.yml", "npmAuthIdent: dXNlcjpwYXNz\n"),
        (".npmrc", "registry=https://${NPM_USER}:pass@npm.example/\n"),
        (".npmrc", "registry=https://:npm_abc@npm.example/\n"),
        (".yarnrc.yml", 'npmAuthToken: "${NPM_TOKEN:-0b1c2d3e-0000-4000-8000-a1b2c3d4e5f6}"\n'),
        (".yarnrc.yml", 'npmAuthToken: "${NPM_TOKEN-glptAbCdEfGhIjKlMnOpQrStUvWx}"\n'),
    ],
)
def test_a_token_of_a_package_registry_is_never_packed(codebase: Path, name: str, text: str) -> None:
    assert not packed(codebase, name, text.encode())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            ".npmrc",
            "@my:registry=https://npm.pkg.github.com\n//npm.pkg.github.com/:_authToken=${NPM_TOKEN}\n",
        ),
        (".npmrc", "always-auth=true\nsave-exact=true\n"),
        (".npmrc", "; //r/:_authToken=abc\n//r/:_authToken=\nlegacy-peer-deps=true\n"),
        (".npmrc", "//r/:_authToken=${NPM_TOKEN?}\nregistry=https://npm.example:8443/\n"),
        (".yarnrc.yml", 'nodeLinker: node-modules\nnpmAuthToken: "${NPM_TOKEN:-}"\n'),
        (".yarnrc.yml", "npmAuthIdent: ${USER}:${PASSWORD}\n"),
        (".yarnrc.yml", 'npmAuthIdent: "ci:${PASSWORD}"\n'),
        (".yarnrc.yml", 'npmAuthToken: "${NPM_TOKEN:-none}"\nnodeLinker: node-modules\n'),
        (".yarnrc.yml", "npmAuthToken: ${NPM_TOKEN-not_set}\n"),
        (".npmrc", "registry=https://ci:${NPM_TOKEN}@npm.example.com/\n"),
        (".npmrc", "registry=https://${NPM_USER}:${NPM_TOKEN}@npm.example.com/\n"),
    ],
)
def test_settings_of_npm_without_a_token_are_packed(codebase: Path, name: str, text: str) -> None:
    """Google's build reads them."""
    assert packed(codebase, name, text.encode())


PEM = f"-----BEGIN PRIVATE KEY-----\n{'MIIEvQIB' * 30}\n-----END PRIVATE KEY-----\n"
ACCOUNT = json.dumps(
    {"type": "service_account", "project_id": "crm", "private_key_id": "0a1b", "private_key": PEM}, indent=2
)
ADC = json.dumps({"type": "authorized_user", "client_id": "1", "client_secret": "2", "refresh_token": "3"})


CLIENT = {
    "client_id": "1234-abcd.apps.googleusercontent.com",
    "client_secret": "GOCSPX-AbCdEfGhIjKlMnOpQrStUvWx",
}


def wrapped(text: str) -> bytes:
    """As the command `base64` writes it."""
    return base64.encodebytes(text.encode())


ENCODED = {
    "UTF-16 with BOM": ACCOUNT.encode("utf-16"),
    "UTF-16, little endian": ACCOUNT.encode("utf-16-le"),
    "UTF-16, big endian": b"\xfe\xff" + ACCOUNT.encode("utf-16-be"),
    "PEM in UTF-16": PEM.encode("utf-16"),
    "ADC in UTF-16": ADC.encode("utf-16"),
    "base64": base64.b64encode(ACCOUNT.encode()),
    "base64 without padding": base64.b64encode(ACCOUNT.encode() + b" ").rstrip(b"="),
    "base64 for URLs": base64.urlsafe_b64encode(ACCOUNT.encode()),
    "base64 in lines": wrapped(ACCOUNT),
    "base64 in code": b'const key = "' + base64.b64encode(ACCOUNT.encode()) + b'";\nexports.x = 1;',
    "base64 after a word": b"export GOOGLE_KEY " + wrapped(ACCOUNT),
    "base64 in YAML": b"env:\n  KEY: >-\n    " + wrapped(ACCOUNT).replace(b"\n", b"\n    "),
    "base64 of a PEM": base64.b64encode(PEM.encode()),
    "base64 of ADC": base64.b64encode(ADC.encode()),
    "base64 of ADC after a word": b"ADC " + base64.b64encode(ADC.encode()),
    "base64 in UTF-16": base64.b64encode(ACCOUNT.encode()).decode().encode("utf-16"),
    "gzip": gzip.compress(ACCOUNT.encode()),
    "gzip of a file with it": gzip.compress(b"x" * 500_000 + ACCOUNT.encode()),
    "base64 in gzip": gzip.compress(base64.b64encode(ACCOUNT.encode())),
    "a client of OAuth": json.dumps(
        {"installed": {**CLIENT, "auth_uri": "https://accounts.google.com/o/oauth2/auth"}}
    ).encode(),
    "a saved token": json.dumps({"token": "1", **CLIENT, "refresh_token": "1//0gFakeRefreshToken"}).encode(),
}


@pytest.mark.parametrize("kind", ENCODED)
def test_an_encoded_key_is_never_packed(codebase: Path, kind: str) -> None:
    assert not packed(codebase, "data.bin", ENCODED[kind])


def test_a_backup_of_a_key_file_is_never_packed(codebase: Path) -> None:
    assert not packed(codebase, "prod.pem.bak", b"-----BEGIN PRIVATE KEY-----\nx")


PUBLIC = {
    "base64 of JSON": base64.b64encode(b'{"private_key": ""}' * 100),
    "a mention in UTF-16": "the private_key is not here".encode("utf-16"),
    "a broken gzip file": b"\x1f\x8b\x08broken",
    "gzip of text": gzip.compress(b"text" * 1000),
    "texts": json.dumps({"client_id": "Client", "client_secret": "Secret"}).encode(),
    "a translation": json.dumps(
        {"client_id": "Client ID", "client_secret": "Client secret", "refresh_token": "Refresh token"}
    ).encode(),
    "a long translation": json.dumps(
        {"client_id": "Nummer des Clients 1", "client_secret": "Clientschluessel", "refresh_token": "x" * 20}
    ).encode(),
    "keys of a translation": json.dumps(
        {name: f"settings.oauth.{name}" for name in ("client_id", "client_secret", "refresh_token")}
    ).encode(),
    "a schema": json.dumps(
        {
            "properties": {
                name: {"type": "string"}
                for name in ("client_id", "client_secret", "auth_uri", "refresh_token")
            }
        }
    ).encode(),
    "a template": json.dumps(
        {name: f"${{GOOGLE_{name.upper()}_1}}" for name in ("client_id", "client_secret", "refresh_token")}
    ).encode(),
    "a key without a type": json.dumps({"keys": [{"kty": "X", "": "x", "d": "", "k": "x"}]}).encode(),
}


@pytest.mark.parametrize("kind", PUBLIC)
def test_other_encoded_data_is_packed(codebase: Path, kind: str) -> None:
    assert packed(codebase, "data.bin", PUBLIC[kind])


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(bytes(90_000_000)),
        base64.b64encode(b"PRIVATE KEY-----" * 500_000),
        b"PRIVATE KEY-----" * 1_000_000,
        "PRIVATE KEY-----".encode("utf-16") * 500_000,
        b"_auth\n" * 200_000,
        b"a" * 2_000_000,
        b"npmauthtoken " * 100_000,
    ],
    ids=["gzip", "base64", "text", "UTF-16", "npm", "one line", "Yarn"],
)
def test_the_time_to_look_is_bounded(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ".yarnrc.yml"
    path.write_bytes(content)
    with time_limit(60):
        credentials.has_content(path)
