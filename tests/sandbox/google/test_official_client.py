"""Google's own Python clients build the requests and parse the responses."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError

from tests.sandbox.google.client import BUCKET, NEVER_DELETE, PROJECT, REGION, Google, function, index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.sandbox


@pytest.fixture
def client(google: Google) -> Iterator[Callable[[str, str], Any]]:
    """Creates the official client of an API (mount, document) for the sandbox."""
    made: list[Any] = []

    def make(mount: str, document: str) -> Any:
        folder = resources.files("googleapiclient.discovery_cache") / "documents"
        text = json.loads((folder / f"{document}.json").read_bytes())
        text["rootUrl"] = f"{google.url}/{mount}/"
        text.pop("mtlsRootUrl", None)
        made.append(build_from_document(text, credentials=Credentials(token="sandbox")))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_firestore(google: Google, client: Callable[[str, str], Any]) -> None:
    google.enable("firestore")
    google.switch(index_build_seconds=0)
    indexes = client("firestore", "firestore.v1").projects().databases().collectionGroups().indexes()
    parent = f"projects/{PROJECT}/databases/(default)/collectionGroups/threads"
    operation = indexes.create(parent=parent, body=index(("a", "ASCENDING"), ("b", "CONTAINS"))).execute()
    assert operation["done"] is True
    name = operation["response"]["name"]
    assert indexes.get(name=name).execute()["state"] == "READY"
    assert [one["name"] for one in indexes.list(parent=parent).execute()["indexes"]] == [name]
    indexes.delete(name=name).execute()
    with pytest.raises(HttpError) as error:
        indexes.get(name=name).execute()
    assert error.value.status_code == 404


def test_functions_and_run(google: Google, client: Callable[[str, str], Any]) -> None:
    google.ready_for_functions()
    parent = f"projects/{PROJECT}/locations/{REGION}"
    functions = client("cloudfunctions", "cloudfunctions.v2").projects().locations().functions()
    functions.create(parent=parent, functionId="helloWorld", body=function("helloWorld")).execute()
    name = f"{parent}/functions/helloWorld"
    assert functions.get(name=name).execute()["state"] == "ACTIVE"
    for version in ("v1", "v2"):
        services = client("run", f"run.{version}").projects().locations().services()
        service = f"{parent}/services/helloworld"
        policy = services.getIamPolicy(resource=service).execute()
        policy["bindings"] = [{"role": "roles/run.invoker", "members": ["allUsers"]}]
        services.setIamPolicy(resource=service, body={"policy": policy}).execute()
        with pytest.raises(HttpError) as error:
            services.setIamPolicy(resource=service, body={"policy": policy}).execute()
        assert error.value.status_code == 409
    with pytest.raises(HttpError, match="already exists"):
        functions.create(parent=parent, functionId="helloWorld", body=function("helloWorld")).execute()


def test_rules_secrets_and_accounts(google: Google, client: Callable[[str, str], Any]) -> None:
    google.enable("firebaserules", "secretmanager")
    projects = client("firebaserules", "firebaserules.v1").projects()
    source = {"source": {"files": [{"name": "firestore.rules", "content": NEVER_DELETE}]}}
    ruleset = projects.rulesets().create(name=f"projects/{PROJECT}", body=source).execute()
    release = {"name": f"projects/{PROJECT}/releases/cloud.firestore", "rulesetName": ruleset["name"]}
    projects.releases().create(name=f"projects/{PROJECT}", body=release).execute()
    assert projects.releases().get(name=release["name"]).execute()["rulesetName"] == ruleset["name"]

    secrets = client("secretmanager", "secretmanager.v1").projects().secrets()
    body = {"replication": {"automatic": {}}}
    secret = secrets.create(parent=f"projects/{PROJECT}", secretId="X", body=body).execute()
    secrets.addVersion(parent=secret["name"], body={"payload": {"data": "aHVzaA=="}}).execute()
    accessed = secrets.versions().access(name=f"{secret['name']}/versions/latest").execute()
    assert accessed["payload"]["data"] == "aHVzaA=="

    accounts = client("iam", "iam.v1").projects().serviceAccounts()
    made = accounts.create(name=f"projects/{PROJECT}", body={"accountId": "crm-backend"}).execute()
    assert accounts.keys().create(name=made["name"], body={}).execute()["privateKeyData"]
    crm = client("crm", "cloudresourcemanager.v1").projects()
    policy = crm.getIamPolicy(resource=PROJECT, body={}).execute()
    member = f"serviceAccount:{made['email']}"
    policy["bindings"].append({"role": "roles/datastore.user", "members": [member]})
    fresh = crm.setIamPolicy(resource=PROJECT, body={"policy": policy}).execute()
    assert fresh["bindings"] == policy["bindings"]


def test_service_usage_pages(google: Google, client: Callable[[str, str], Any]) -> None:
    google.enable()
    services = client("serviceusage", "serviceusage.v1").services()
    names: list[str] = []
    request = services.list(parent=f"projects/{PROJECT}", filter="state:ENABLED", pageSize=4)
    while request is not None:
        answer = request.execute()
        names += [one["config"]["name"] for one in answer["services"]]
        request = services.list_next(request, answer)
    assert len(names) == len(set(names)) == 15


def test_the_storage_library(google: Google, tmp_path: Path) -> None:
    google.enable("storage")
    options = ClientOptions(api_endpoint=google.url)
    library = storage.Client(project=PROJECT, credentials=AnonymousCredentials(), client_options=options)
    library._http.headers["Authorization"] = "Bearer sandbox"
    bucket = library.create_bucket(BUCKET, location="us-central1")
    blob = bucket.blob("dir/source 1.zip")
    blob.upload_from_string(b"content", content_type="application/zip", if_generation_match=0)
    assert blob.download_as_bytes() == b"content"
    big = tmp_path / "big"
    big.write_bytes(b"x" * 600_000)
    chunked = bucket.blob("big", chunk_size=256 * 1024)
    chunked.upload_from_filename(str(big))
    assert chunked.size == 600_000
    assert [one.name for one in library.list_blobs(BUCKET)] == ["big", "dir/source 1.zip"]
    blob.delete()
    assert not blob.exists()
    chunked.delete()
    bucket.delete()
    library.close()
