"""Accounts and roles of an adoption: today's, the declared ones, and what the code calls without a role."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from firebase.errors import GoogleError, JsonObject
from ops.adopt import code_uses, google, rights
from ops.adopt.live import Live
from ops.adopt.model import Declared
from ops.adopt.rights import Right
from tests.unit.ops.google_project import DENIED, FUNCTIONS, REGION, Project, declared

pytestmark = pytest.mark.unit

COMPUTE = "1-compute@developer.gserviceaccount.com"
OWN = "crm-fn@crm.iam.gserviceaccount.com"
BACKEND = "crm-backend@crm.iam.gserviceaccount.com"
POLICY = "projects/crm:getIamPolicy"
AUTH = 'const { getAuth } = require("firebase-admin/auth");\n'


def pack(folder: Path, code: str, name: str = "index.js") -> Path:
    """A source archive."""
    path = folder / "source.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(name, code)
    return path


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (f"{AUTH}getAuth().verifyIdToken(token);", []),
        (f"{AUTH}getAuth().getUser(uid);", ["Firebase Auth (users)"]),
        ("admin.auth().setCustomUserClaims(uid, {});", ["Firebase Auth (users)"]),
        (f"{AUTH}getAuth().createCustomToken(uid);", ["Firebase Auth (custom tokens)"]),
        ('import { getStorage } from "firebase-admin/storage";', ["Cloud Storage"]),
        ('require("@google-cloud/storage")', ["Cloud Storage"]),
        ("admin.messaging().send(message)", ["Cloud Messaging"]),
        ("getDatabase().ref()", ["Realtime Database"]),
        ('require("@google-cloud/pubsub")', ["Pub/Sub"]),
        ('require("@google-cloud/tasks")', ["Cloud Tasks"]),
        ('getFunctions().taskQueue("send").enqueue({})', ["Cloud Tasks"]),
        ("getFirestore().collection('a')", ["Firestore"]),
        ('require("firebase-functions/v2/storage")', []),
        ("// getStorage()\n * getMessaging()", []),
        ("functions.database.ref('a'); functions.storage.bucket()", []),
    ],
)
def test_a_call_is_found_in_the_code_that_is_deployed(tmp_path: Path, code: str, found: list[str]) -> None:
    assert [use.what for use in code_uses.uses(pack(tmp_path, code))] == found


@pytest.mark.parametrize("name", ["node_modules/x/index.js", "README.md", "index.ts.map"])
def test_dependencies_and_other_files_are_no_code(tmp_path: Path, name: str) -> None:
    assert code_uses.uses(pack(tmp_path, "getStorage()", name)) == ()


@pytest.mark.parametrize(
    ("roles", "allowed"),
    [
        (["roles/storage.objectAdmin"], True),
        (["roles/storage.objectUser"], True),
        (["roles/editor"], True),
        (["projects/crm/roles/mailer"], True),
        (["roles/datastore.user"], False),
        ([], False),
    ],
)
def test_a_role_allows_a_service(roles: list[str], allowed: bool) -> None:
    (storage,) = (use for use in code_uses.USES if use.what == "Cloud Storage")
    assert storage.allowed(roles) is allowed


def function(name: str, account: str, source: str = "a.zip") -> Declared:
    """A declared function."""
    inputs = {
        "location": REGION,
        "name": name,
        "serviceConfig": {"serviceAccountEmail": account},
        "buildConfig": {"source": {"storageSource": {"object": source}}},
    }
    return declared(google.FUNCTION, f"functions-{name}", inputs, op="update")


def live_function(name: str, account: str) -> JsonObject:
    """The same in Google's list."""
    identifier = f"projects/crm/locations/{REGION}/functions/{name}"
    return {"name": identifier, "serviceConfig": {"serviceAccountEmail": account}}


def role(email: str, name: str) -> Declared:
    """A role in the project."""
    inputs = {"role": name, "member": f"serviceAccount:{email}"}
    return declared(google.PROJECT_MEMBER, f"{email}-{name}", inputs)


def archive(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> Declared:
    """A declared archive with this code."""
    pack(folder, code)
    monkeypatch.setattr(rights, "PROJECT", folder)
    return declared(google.ARCHIVE, "source", {"name": "a.zip", "source": {"path": "source.zip"}})


def look(
    *wanted: Declared,
    functions: tuple[JsonObject, ...] = (),
    policy: JsonObject | GoogleError = DENIED,
    backend: str = "",
) -> list[Right]:
    """The accounts of a project."""
    answers: dict[str, JsonObject | GoogleError] = {FUNCTIONS: {"functions": list(functions)}, POLICY: policy}
    return rights.look(wanted, Live(Project(answers), "crm"), backend)


EDITOR: JsonObject = {"bindings": [{"role": "roles/editor", "members": [f"serviceAccount:{COMPUTE}"]}]}


def test_what_would_fail_at_run_time_is_named_with_the_commands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code = f"{AUTH}getAuth().createCustomToken(uid); getMessaging().send(x); getFirestore()"
    found = look(
        archive(monkeypatch, tmp_path, code),
        function("send", OWN),
        function("sync", OWN),
        role(OWN, "roles/datastore.user"),
        functions=(live_function("send", COMPUTE), live_function("sync", COMPUTE)),
        policy=EDITOR,
    )
    (one,) = found
    assert one.functions == (f"{REGION}/send", f"{REGION}/sync")
    assert (one.old, one.old_roles) == (COMPUTE, ("roles/editor",))
    assert (one.new, one.new_roles) == (OWN, ("roles/datastore.user",))
    assert [use.what for use in one.missing] == ["Firebase Auth (custom tokens)", "Cloud Messaging"]
    text = "\n".join(rights.lines(found, "crm", ()))
    assert f"functions send, sync: {COMPUTE} -> {OWN}" in text
    assert "fix: pulumi config set whatsapp-crm:functionsMayCreateTokens true" in text
    add = "pulumi config set --path --type string 'whatsapp-crm:functionsRoles[{}]' roles/{}"
    first, second = add.format(0, "datastore.user"), add.format(1, "firebasecloudmessaging.admin")
    assert f"      fix: {first}\n           {second}" in text
    third = add.format(2, "firebasecloudmessaging.admin")
    assert f"fix: {third}\n" in "\n".join([*rights.lines(found, "crm", ("roles/a.b", "roles/c.d")), ""])


def test_a_kept_account_loses_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (one,) = look(
        archive(monkeypatch, tmp_path, "getMessaging()"),
        function("send", COMPUTE),
        functions=(live_function("send", COMPUTE),),
        policy={"bindings": []},
    )
    assert one.missing == ()
    assert rights.keep_accounts([one]) == []


def test_an_account_of_the_code_gets_its_role_by_gcloud(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = "sender@crm.iam.gserviceaccount.com"
    found = look(
        archive(monkeypatch, tmp_path, "getStorage()"),
        function("send", own),
        functions=(live_function("send", COMPUTE),),
        policy=EDITOR,
    )
    assert (
        f"fix: gcloud projects add-iam-policy-binding crm --member serviceAccount:{own} "
        "--role roles/storage.objectAdmin"
    ) in "\n".join(rights.lines(found, "crm", ()))


def test_the_accounts_of_today_are_config() -> None:
    found = look(
        function("send", OWN),
        function("new", OWN),
        functions=(live_function("send", COMPUTE),),
        policy=EDITOR,
    )
    (kept,) = rights.keep_accounts(found)
    assert kept.command == (
        "pulumi config set --path --type string "
        f"'whatsapp-crm:functionServiceAccounts[\"{REGION}/send\"]' {COMPUTE}"
    )
    assert f"functions new: {OWN} (new functions)" in "\n".join(rights.lines(found, "crm", ()))


def test_the_backend_has_a_line_and_unread_roles_are_said() -> None:
    old = "firebase-adminsdk-x@crm.iam.gserviceaccount.com"
    found = look(role(BACKEND, "roles/datastore.user"), backend=old)
    (one,) = found
    assert (one.who, one.old, one.old_roles, one.new) == ("backend", old, None, BACKEND)
    assert one.new_roles == ("roles/datastore.user",)
    text = "\n".join(rights.lines(found, "crm", ()))
    assert "roles today: not known" in text
    assert rights.document(found)[0]["oldRoles"] is None


def test_who_may_add_tasks_to_a_queue_lacks_no_role_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The program grants it on the queue, not in the project."""
    members = {"role": "roles/cloudtasks.enqueuer", "members": [f"serviceAccount:{OWN}"]}
    queue = declared(google.ENQUEUERS, "functions-later-enqueuers", members)
    given = (
        archive(monkeypatch, tmp_path, 'getFunctions().taskQueue("later").enqueue({})'),
        function("send", OWN),
    )
    live = (live_function("send", COMPUTE),)
    (one,) = look(*given, functions=live)
    assert [use.what for use in one.missing] == ["Cloud Tasks"]
    (one,) = look(*given, queue, functions=live)
    assert one.missing == ()
