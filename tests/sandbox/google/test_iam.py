"""Policies, etags, members, roles; service accounts and their keys."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from google.auth import crypt, jwt
from google.oauth2 import service_account

from tests.sandbox.google.client import ACCOUNTS, BACKEND, PROJECT, SECRETS, SERVICES, Google, Json

pytestmark = pytest.mark.sandbox

GET = f"/crm/v1/projects/{PROJECT}:getIamPolicy"
SET = f"/crm/v1/projects/{PROJECT}:setIamPolicy"
USER = {"role": "roles/datastore.user", "members": ["user:somebody@example.com"]}


def test_a_stale_etag_is_409_and_changes_nothing(google: Google) -> None:
    first = google.post(GET, {})
    second = google.post(SET, {"policy": {**first, "bindings": [*first["bindings"], USER]}})
    assert second["etag"] != first["etag"]
    error = google.error("POST", SET, {"policy": first}, status=409, word="ABORTED")
    assert "concurrent policy changes" in error["message"]
    assert google.post(GET, {}) == second
    assert google.post(SET, {"policy": second})["bindings"] == second["bindings"]


def test_a_policy_without_etag_overwrites(google: Google) -> None:
    assert google.post(SET, {"policy": {"bindings": [USER]}})["bindings"] == [USER]


def test_bindings_are_merged_and_empty_ones_dropped(google: Google) -> None:
    again: Json = {"role": USER["role"], "members": ["user:other@example.com", "user:somebody@example.com"]}
    empty: Json = {"role": "roles/viewer", "members": list[str]()}
    policy = google.post(SET, {"policy": {"bindings": [USER, again, empty]}})
    assert policy["bindings"] == [
        {"role": USER["role"], "members": ["user:somebody@example.com", "user:other@example.com"]}
    ]


def test_conditions_keep_bindings_apart_and_make_version_3(google: Google) -> None:
    conditional = {
        **USER,
        "condition": {"title": "soon", "expression": "request.time < timestamp('2030-01-01T00:00:00Z')"},
    }
    policy = google.post(SET, {"policy": {"bindings": [USER, conditional], "version": 3}})
    assert policy["bindings"] == [USER, conditional]
    assert policy["version"] == 3


@pytest.mark.parametrize(
    ("role", "member", "word"),
    [
        ("datastore.user", "user:a@example.com", "Role name"),
        ("roles/datastore.user", "somebody", "unknown type"),
        (
            "roles/datastore.user",
            f"serviceAccount:nobody@{PROJECT}.iam.gserviceaccount.com",
            "does not exist",
        ),
        (
            "roles/datastore.user",
            "serviceAccount:service-100000000001@gcp-sa-pubsub.iam.gserviceaccount.com",
            "does not exist",
        ),
    ],
)
def test_bad_roles_and_members_are_rejected(google: Google, role: str, member: str, word: str) -> None:
    policy = {"bindings": [{"role": role, "members": [member]}]}
    error = google.error("POST", SET, {"policy": policy}, status=400, word="INVALID_ARGUMENT")
    assert word in error["message"]


def test_a_service_agent_can_be_bound_once_it_is_generated(google: Google) -> None:
    path = f"/serviceusage/v1beta1/projects/{PROJECT}/services/pubsub.googleapis.com:generateServiceIdentity"
    identity = google.post(path)["response"]
    assert google.post(path)["response"] == identity
    binding = {
        "role": "roles/iam.serviceAccountTokenCreator",
        "members": [f"serviceAccount:{identity['email']}"],
    }
    assert google.post(SET, {"policy": {"bindings": [binding]}})["bindings"] == [binding]


def test_the_run_invoker_role_belongs_to_the_run_service(google: Google) -> None:
    google.ready_for_functions()
    google.deploy("hello")
    policy = {"policy": {"bindings": [{"role": "roles/run.invoker", "members": ["allUsers"]}]}}
    function = f"/cloudfunctions/v2/projects/{PROJECT}/locations/us-central1/functions/hello"
    error = google.error("POST", f"{function}:setIamPolicy", policy, status=400, word="INVALID_ARGUMENT")
    assert error["message"] == "Role roles/run.invoker is not supported for this resource."
    google.post(f"{SERVICES}/hello:setIamPolicy", policy)
    shown = google.get(f"/run/v1/projects/{PROJECT}/locations/us-central1/services/hello:getIamPolicy")
    assert shown["bindings"] == policy["policy"]["bindings"]


def test_policies_of_missing_resources_are_404(google: Google) -> None:
    google.enable()
    for path in (f"{SERVICES}/nothing:getIamPolicy", f"{SECRETS}/nothing:getIamPolicy"):
        google.error("GET", path, status=404, word="NOT_FOUND")
    google.error("POST", f"{ACCOUNTS}/{BACKEND}:getIamPolicy", status=404, word="NOT_FOUND")


def test_buckets_and_queues_and_accounts_have_policies(google: Google) -> None:
    google.ready_for_functions()
    bucket = f"/storage/v1/b/{PROJECT}-crm-functions/iam"
    etag = google.get(bucket)["etag"]
    bindings = [{"role": "roles/storage.objectViewer", "members": ["user:somebody@example.com"]}]
    assert google.call("PUT", bucket, {"bindings": bindings, "etag": etag})["bindings"] == bindings
    google.call("PUT", bucket, {"bindings": bindings, "etag": etag}, status=409)
    queues = f"/cloudtasks/v2/projects/{PROJECT}/locations/us-central1/queues"
    google.post(queues, {"name": f"{queues.removeprefix('/cloudtasks/v2/')}/q"})
    enqueuer = [{"role": "roles/cloudtasks.enqueuer", "members": ["user:somebody@example.com"]}]
    google.post(f"{queues}/q:setIamPolicy", {"policy": {"bindings": enqueuer}})
    assert google.post(f"{queues}/q:getIamPolicy", {})["bindings"] == enqueuer


def test_a_deleted_account_stays_in_policies_as_deleted(google: Google) -> None:
    account = google.account("crm-backend")
    member = f"serviceAccount:{BACKEND}"
    google.post(SET, {"policy": {"bindings": [{"role": "roles/datastore.user", "members": [member]}]}})
    google.delete(f"{ACCOUNTS}/{BACKEND}")
    google.error("GET", f"{ACCOUNTS}/{BACKEND}", status=404, word="NOT_FOUND")
    policy = google.post(GET, {})
    assert policy["bindings"][0]["members"] == [f"deleted:{member}?uid={account['uniqueId']}"]
    assert google.post(SET, {"policy": policy})["bindings"] == policy["bindings"]
    restored = google.post(f"{ACCOUNTS}/{account['uniqueId']}:undelete", {})["restoredAccount"]
    assert restored["email"] == BACKEND
    assert google.get(f"{ACCOUNTS}/{account['uniqueId']}") == restored


def test_duplicate_accounts_and_invalid_ids_are_rejected(google: Google) -> None:
    google.account("crm-backend")
    error = google.error("POST", ACCOUNTS, {"accountId": "crm-backend"}, status=409, word="ALREADY_EXISTS")
    assert "crm-backend already exists" in error["message"]
    for bad in ("short", "Capital-letters", "x" * 31, ""):
        google.error("POST", ACCOUNTS, {"accountId": bad}, status=400, word="INVALID_ARGUMENT")


def test_a_patch_with_a_stale_etag_is_rejected_and_a_mask_limits(google: Google) -> None:
    account = google.account("crm-backend")
    path = f"{ACCOUNTS}/{BACKEND}"
    body = {"displayName": "New", "description": "Ignored", "etag": account["etag"]}
    fresh = google.patch(path, {"serviceAccount": body, "updateMask": "displayName"})
    assert fresh["displayName"] == "New"
    assert "description" not in fresh
    google.error(
        "PATCH", path, {"serviceAccount": body, "updateMask": "description"}, status=409, word="ABORTED"
    )
    bad = {"serviceAccount": {"displayName": "x"}, "updateMask": "colour"}
    google.error("PATCH", path, bad, status=400, word="INVALID_ARGUMENT")


def credentials(google: Google) -> tuple[Json, dict[str, Any]]:
    key = google.post(f"{ACCOUNTS}/{BACKEND}/keys", {"privateKeyType": "TYPE_GOOGLE_CREDENTIALS_FILE"})
    return key, json.loads(base64.b64decode(key["privateKeyData"]))


def test_a_key_is_a_credentials_file_that_googles_library_signs_with(google: Google) -> None:
    account = google.account("crm-backend")
    key, file = credentials(google)
    assert file["client_email"] == BACKEND
    assert file["client_id"] == account["uniqueId"]
    assert file["private_key_id"] == key["name"].rpartition("/")[2]
    signer = service_account.Credentials.from_service_account_info(file)
    token = jwt.encode(crypt.RSASigner.from_service_account_info(file), {"aud": "x", "iat": 0, "exp": 2**33})
    public = google.get(f"/iam/v1/{key['name']}?publicKeyType=TYPE_X509_PEM_FILE")["publicKeyData"]
    pem = base64.b64decode(public)
    assert jwt.decode(token, certs=pem.decode(), audience="x")["exp"] == 2**33
    assert isinstance(x509.load_pem_x509_certificate(pem).public_key(), RSAPublicKey)
    assert signer.service_account_email == BACKEND


def test_a_private_key_is_returned_once(google: Google) -> None:
    google.account("crm-backend")
    key, file = credentials(google)
    for shown in (google.get(f"/iam/v1/{key['name']}"), google.get(f"{ACCOUNTS}/{BACKEND}/keys")["keys"][0]):
        assert "privateKeyData" not in shown
    body = file["private_key"].splitlines()[5]
    for path in ("/admin/state", "/admin/requests"):
        assert body not in google.send("GET", path).text


def test_keys_are_limited_and_deleted_with_their_account(google: Google) -> None:
    google.account("crm-backend")
    keys = [google.post(f"{ACCOUNTS}/{BACKEND}/keys", {}) for _ in range(10)]
    google.error("POST", f"{ACCOUNTS}/{BACKEND}/keys", {}, status=400, word="FAILED_PRECONDITION")
    google.delete(f"/iam/v1/{keys[0]['name']}")
    google.error("GET", f"/iam/v1/{keys[0]['name']}", status=404, word="NOT_FOUND")
    assert len(google.get(f"{ACCOUNTS}/{BACKEND}/keys")["keys"]) == 9
    google.post(f"/iam/v1/{keys[1]['name']}:disable", {})
    assert google.get(f"/iam/v1/{keys[1]['name']}")["disabled"] is True
    google.delete(f"{ACCOUNTS}/{BACKEND}")
    google.account("crm-backend")
    assert google.get(f"{ACCOUNTS}/{BACKEND}/keys") == {"keys": []}
