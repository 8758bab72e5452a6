"""Firebase Auth's stand-in, used by the real Admin SDK of the example's backend, and by a client."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sandbox.identity import HOST_PATH
from sandbox.local_server import LocalServer
from sandbox.run_server import RunServer
from tests.sandbox.crm_parts import BACKEND, installed, service_account

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.sandbox

PROJECT = "crm-sandbox"
SDK = """
const { cert, initializeApp } = require("firebase-admin/app");
const { getAuth } = require("firebase-admin/auth");
const account = JSON.parse(process.env.ACCOUNT);
const auth = getAuth(initializeApp({ credential: cert(account), projectId: account.project_id }));
const failure = (promise) => promise.then(() => null, (error) => error.code);
(async () => {
  const result = {};
  await auth.createUser({ uid: "ana", email: "ana@example.com", password: "secret1", emailVerified: true });
  result.exists = await failure(auth.createUser({ uid: "ana" }));
  result.email = await failure(auth.createUser({ uid: "bob", email: "ana@example.com" }));
  await auth.setCustomUserClaims("ana", { role: "boss" });
  result.found = (await auth.getUserByEmail("ana@example.com")).uid;
  result.missing = await failure(auth.getUser("nobody"));
  result.custom = await auth.createCustomToken("ana", { team: "sales" });
  const signIn = await fetch(process.env.SIGN_IN, {
    method: "POST", body: JSON.stringify({ token: result.custom, returnSecureToken: true }),
  });
  const { idToken } = await signIn.json();
  result.claims = await auth.verifyIdToken(idToken);
  result.forged = await failure(auth.verifyIdToken(idToken.replace(/\\.[^.]+\\./, ".e30.")));
  await auth.updateUser("ana", { disabled: true });
  result.disabled = await failure(auth.verifyIdToken(idToken));
  await auth.deleteUser("ana");
  result.deleted = await failure(auth.getUser("ana"));
  console.log(JSON.stringify(result));
})().catch((error) => { console.error(error); process.exit(1); });
"""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with LocalServer(RunServer(tmp_path).app()) as server:
        yield server.url


def test_the_admin_sdk_makes_finds_and_verifies_users(url: str) -> None:
    done = subprocess.run(
        ["node", "-e", SDK],
        cwd=installed(BACKEND),
        env={
            "PATH": os.environ["PATH"],
            "ACCOUNT": service_account(PROJECT),
            "FIREBASE_AUTH_EMULATOR_HOST": url.removeprefix("http://"),
            "SIGN_IN": f"{url}{HOST_PATH}/accounts:signInWithCustomToken?key=any",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    claims = found.pop("claims")
    del found["custom"]
    assert found == {
        "exists": "auth/uid-already-exists",
        "email": "auth/email-already-exists",
        "found": "ana",
        "missing": "auth/user-not-found",
        "forged": "auth/argument-error",
        "disabled": "auth/user-disabled",
        "deleted": "auth/user-not-found",
    }
    expected = {"uid": "ana", "role": "boss", "team": "sales", "email": "ana@example.com", "aud": PROJECT}
    assert {name: claims[name] for name in expected} == expected
    assert claims["email_verified"] is True


def test_a_client_signs_up_and_in_and_users_are_kept(tmp_path: Path) -> None:
    login = {"email": "ana@example.com", "password": "secret1"}

    def post(url: str, method: str, **body: str) -> requests.Response:
        return requests.post(f"{url}{HOST_PATH}/accounts:{method}?key=any", json=body, timeout=30)

    with LocalServer(RunServer(tmp_path).app()) as server:
        made = post(server.url, "signUp", **login).json()
        assert post(server.url, "signUp", **login).json()["error"]["message"] == "EMAIL_EXISTS"
    assert (tmp_path / "users.json").stat().st_mode & 0o077 == 0
    with LocalServer(RunServer(tmp_path).app()) as server:
        assert post(server.url, "signInWithPassword", **login).json()["localId"] == made["localId"]
        wrong = post(server.url, "signInWithPassword", email="ana@example.com", password="other")
        assert (wrong.status_code, wrong.json()["error"]["message"]) == (400, "INVALID_LOGIN_CREDENTIALS")
        found = post(server.url, "lookup", idToken=made["idToken"]).json()["users"]
        assert [user["email"] for user in found] == ["ana@example.com"]
        assert post(server.url, "signInWithCustomToken", token="no token").status_code == 400
