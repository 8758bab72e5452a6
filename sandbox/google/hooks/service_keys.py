"""Service account keys: real RSA key pairs, so that Google's libraries can sign with them.

The private key is never stored: it is in the response to `create` only, as at Google. It is a secret.
"""

from __future__ import annotations

import asyncio
import base64
import datetime
import json
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from sandbox.google.errors import ApiError, invalid
from sandbox.google.hooks.service_accounts import find
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from sandbox.google.request import ApiRequest, Handler
    from sandbox.google.store import Json

MAX_KEYS = 10
FOREVER = "9999-12-31T23:59:59Z"
SIZES = {"KEY_ALG_UNSPECIFIED": 2048, "KEY_ALG_RSA_1024": 1024, "KEY_ALG_RSA_2048": 2048}


def table(account: Json) -> str:
    """Return the store's collection of an account's keys (public parts)."""
    return f"iam/{account['name']}/keys"


def _pair(bits: int, email: str) -> tuple[str, dict[str, str]]:
    """Return a private key as PEM, and its public forms, base64-encoded, by publicKeyType."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    secret = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, email.partition("@")[0][:64])])
    start = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC))
        .sign(private, hashes.SHA256())
    )
    raw = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    return secret, {
        "TYPE_X509_PEM_FILE": base64.b64encode(pem).decode(),
        "TYPE_RAW_PUBLIC_KEY": base64.b64encode(raw).decode(),
    }


async def create(request: ApiRequest) -> Json:
    account = find(request)
    if len(list(request.store.items(table(account)))) >= MAX_KEYS:
        raise ApiError("FAILED_PRECONDITION", "Precondition check failed.")
    kind = cast("str", request.body.get("privateKeyType", "TYPE_GOOGLE_CREDENTIALS_FILE"))
    if kind not in ("TYPE_UNSPECIFIED", "TYPE_GOOGLE_CREDENTIALS_FILE"):
        raise invalid(f"The sandbox cannot create keys of type {kind}.", "private_key_type")
    algorithm = cast("str", request.body.get("keyAlgorithm", "KEY_ALG_RSA_2048"))
    email = cast("str", account["email"])
    secret, public = await asyncio.to_thread(_pair, SIZES[algorithm], email)
    key_id = request.cloud.unique(email)[:40]
    response_json: Json = {
        "name": f"{account['name']}/keys/{key_id}",
        "validAfterTime": timestamp()[:19] + "Z",
        "validBeforeTime": FOREVER,
        "keyAlgorithm": "KEY_ALG_RSA_2048" if SIZES[algorithm] == 2048 else algorithm,
        "keyOrigin": "GOOGLE_PROVIDED",
        "keyType": "USER_MANAGED",
    }
    request.store.put(table(account), key_id, {"shown": response_json, "public": public})
    file = {
        "type": "service_account",
        "project_id": account["projectId"],
        "private_key_id": key_id,
        "private_key": secret,
        "client_email": email,
        "client_id": account["uniqueId"],
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "client_x509_cert_url": f"https://www.googleapis.com/robot/v1/metadata/x509/{quote(email)}",
        "universe_domain": "googleapis.com",
    }
    data = base64.b64encode(json.dumps(file, indent=2).encode()).decode()
    return {**response_json, "privateKeyType": "TYPE_GOOGLE_CREDENTIALS_FILE", "privateKeyData": data}


def _find_key(request: ApiRequest) -> tuple[Json, Json]:
    name, _, key_id = request.name.partition("/keys/")
    account = find(request, name)
    stored: Any = request.store.get(table(account), key_id)
    if stored is None:
        raise ApiError("NOT_FOUND", f"Service account key {key_id} does not exist.")
    return account, stored


def get(request: ApiRequest) -> Json:
    _, stored = _find_key(request)
    kind = cast("str", request.query.get("publicKeyType", "TYPE_NONE"))
    data = stored["public"].get(kind)
    return {**stored["shown"], "publicKeyData": data} if data else stored["shown"]


def list_keys(request: ApiRequest) -> Json:
    account = find(request)
    types = request.query.get("keyTypes") or []
    keys = [stored["shown"] for _, stored in request.store.items(table(account))]
    if types and "USER_MANAGED" not in types and "KEY_TYPE_UNSPECIFIED" not in types:
        keys = []
    return {"keys": keys}


def delete(request: ApiRequest) -> Json:
    account, _ = _find_key(request)
    request.store.remove(table(account), request.resource_id)
    return {}


def set_disabled(request: ApiRequest) -> Json:
    account, stored = _find_key(request)
    response_json = {key: value for key, value in stored["shown"].items() if key != "disabled"}
    if request.method.verb == "disable":
        response_json["disabled"] = True
    request.store.put(table(account), request.resource_id, {**stored, "shown": response_json})
    return {}


_ID = "iam.projects.serviceAccounts.keys."
HANDLERS: dict[str, Handler] = {
    _ID + "create": create,
    _ID + "get": get,
    _ID + "list": list_keys,
    _ID + "delete": delete,
    _ID + "enable": set_disabled,
    _ID + "disable": set_disabled,
}
