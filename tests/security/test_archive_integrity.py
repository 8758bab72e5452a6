"""What is deployed is what was validated, and no credential is packed."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pulumi
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from checkout.archive import Archive, build
from components.functions import checked_generation
from tests.components import world
from tests.components.conftest import Run
from tests.components.conftest import run as run_fixture

run = run_fixture


@pytest.fixture
def codebase(tmp_path: Path) -> Path:
    folder = tmp_path / "functions"
    folder.mkdir()
    (folder / "index.js").write_text("exports.x = 1;", encoding="utf-8")
    return folder


def pack(folder: Path) -> Archive:
    archive, problems = build(folder, [], "default", "functions", folder.parent / "out")
    assert problems == []
    assert archive is not None
    return archive


def put(folder: Path, name: str, content: bytes = b"x") -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.mark.unit
def test_a_changed_archive_of_the_same_size_is_written_again(codebase: Path) -> None:
    archive = pack(codebase)
    content = archive.path.read_bytes()
    archive.path.write_bytes(content.replace(b"exports.x = 1;", b"exports.x = 2;"))
    assert pack(codebase).path.read_bytes() == content
    assert hashlib.sha256(content).hexdigest() == archive.sha256
    assert archive.sha256 in archive.object_name
    assert archive.md5 == base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


@pytest.mark.unit
def test_a_function_is_not_built_from_an_upload_that_was_not_hashed(codebase: Path) -> None:
    archive = pack(codebase)
    assert checked_generation(archive, 7, archive.md5) == 7
    with pytest.raises(pulumi.RunError, match=r"No function was built from it: [\s\S]*\n +rm ") as error:
        checked_generation(archive, 7, "AAAA")
    assert archive.object_name in str(error.value)


@pytest.mark.components
def test_the_program_compares_the_hash_of_the_upload(run: Run) -> None:
    """The file is changed after it was hashed: the mock of Cloud Storage received something else."""
    function = run().of("cloudfunctionsv2/function:Function")[0]
    assert function.inputs["buildConfig"]["source"]["storageSource"]["generation"] == 1
    given = world.codebase(world.SCHEDULE)
    changed = replace(given, archive=replace(given.archive, md5="another"))
    with pytest.raises(pulumi.RunError, match="received another archive"):
        run(app=lambda: world.app(codebases=(changed,)))


NAMES = (
    "serviceAccountKey.json", "crm-firebase-adminsdk-x1.json", "gha-creds-0a1b.json", ".netrc",
    ".git-credentials",
    ".aws/credentials", ".ssh/id_ed25519", ".ssh/config", ".envrc", "terraform.tfstate", ".env", ".gnupg/x",
    ".kube/config", "lib/.AWS/credentials", "config/ServiceAccountKey.JSON", "deep/er/.netrc", "id_rsa",
)  # fmt: skip


@pytest.mark.unit
@pytest.mark.parametrize("name", NAMES)
def test_a_file_with_such_a_name_is_never_packed(codebase: Path, name: str) -> None:
    put(codebase, name)
    archive = pack(codebase)
    assert archive.files == ("index.js",)
    if name != ".env":  # `checkout.env_files` names it
        assert name.split("/")[0] in archive.notes[0] or name in archive.notes[0]


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
NONE = serialization.NoEncryption()
DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
PKCS8, PKCS1 = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL
JWK = {"kty": "EC", "crv": "P-256", "x": "a", "y": "b", "d": "c"}
KEYS = {
    "RSA, PKCS 8": RSA.private_bytes(DER, PKCS8, NONE),
    "RSA, PKCS 1": RSA.private_bytes(DER, PKCS1, NONE),
    "EC, PKCS 8": EC.private_bytes(DER, PKCS8, NONE),
    "EC, SEC 1": EC.private_bytes(DER, PKCS1, NONE),
    "Ed25519, PKCS 8": ED.private_bytes(DER, PKCS8, NONE),
    "encrypted PKCS 8": RSA.private_bytes(DER, PKCS8, serialization.BestAvailableEncryption(b"pw")),
    "PKCS 12": pkcs12.serialize_key_and_certificates(b"k", RSA, None, None, NONE),
    "PEM": RSA.private_bytes(PEM, PKCS8, NONE),
    "OpenSSH": ED.private_bytes(PEM, serialization.PrivateFormat.OpenSSH, NONE),
    "PEM after 70 KB": b"// " + b"x" * 70_000 + b"\n" + EC.private_bytes(PEM, PKCS8, NONE),
    "service account of 100 KB": json.dumps(
        {"padding": "x" * 100_000, "type": "service_account", "private_key": "k"}
    ).encode(),
    "JWK": json.dumps({"keys": [JWK]}).encode(),
}


@pytest.mark.unit
@pytest.mark.parametrize(
    "name", ["a.pem", "a.key", "a.der", "data.bin", "deep/notes.txt", "lib/bundle.js", "noext"]
)
@pytest.mark.parametrize("kind", KEYS)
def test_a_private_key_is_never_packed(codebase: Path, kind: str, name: str) -> None:
    put(codebase, name, KEYS[kind])
    archive = pack(codebase)
    assert archive.files == ("index.js",)
    assert f"may contain credentials: {name}." in archive.notes[0]
    with zipfile.ZipFile(archive.path) as opened:
        assert opened.namelist() == ["index.js"]


PUBLIC = {
    "RSA": RSA.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo),
    "RSA, PKCS 1": RSA.public_key().public_bytes(DER, serialization.PublicFormat.PKCS1),
    "EC": EC.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo),
    "PEM": EC.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
    "JWK": json.dumps({"keys": [{key: value for key, value in JWK.items() if key != "d"}]}).encode(),
    "data": b"0" * 48,
    "a bundle": b"x" * 200_000 + b'if (key.startsWith("-----BEGIN PRIVATE KEY-----")) {}',
}


@pytest.mark.unit
@pytest.mark.parametrize("kind", PUBLIC)
def test_a_public_key_is_packed(codebase: Path, kind: str) -> None:
    put(codebase, "a.bin", PUBLIC[kind])
    archive = pack(codebase)
    assert (archive.files, archive.notes) == (("a.bin", "index.js"), ())
