"""Firestore triggers of running functions: which writes reach which function, with which event, how often."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.google.running.instances import Limits
from tests.sandbox.google.client import FUNCTIONS, PROJECT, RUNTIME, Json
from tests.sandbox.google.running import RunningGoogle, eventually, with_sdk

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.sandbox

SEEN = 'jsonPayload.message="seen"'
TYPE = "google.cloud.firestore.document.v1."
FIREBASE = {
    "GCLOUD_PROJECT": PROJECT,
    "FIREBASE_CONFIG": json.dumps({"projectId": PROJECT}),
    "LOG_EXECUTION_ID": "true",
}
# Each function logs what it got as one JSON line: the log is where the tests read it.
CODE = """
const firestore = require("firebase-functions/firestore");
let started = null;
// Loaded on first use: it doubles the time of a start.
const getFirestore = () => {
  started ??= require("firebase-admin/app").initializeApp();
  return require("firebase-admin/firestore").getFirestore();
};
const fields = (snapshot) => (snapshot && snapshot.exists ? snapshot.data() : null);
const seen = (name) => (event) => {
  const change = event.data && event.data.after !== undefined;
  const before = change ? fields(event.data.before) : null;
  const after = change ? fields(event.data.after) : fields(event.data);
  const { id, type, source, subject, document, database, location, params, authType, authId } = event;
  const shown = { id, type, source, subject, document, database, location, params, authType, authId };
  console.log(JSON.stringify({ message: "seen", name, before, after, at: event.time, ...shown }));
};
exports.created = firestore.onDocumentCreated("things/{id}", seen("created"));
exports.updated = firestore.onDocumentUpdated("things/{id}", seen("updated"));
exports.deleted = firestore.onDocumentDeleted("things/{id}", seen("deleted"));
exports.written = firestore.onDocumentWritten("things/{id}", seen("written"));
exports.deep = firestore.onDocumentWritten("rooms/{room}/{kind}/{id}", seen("deep"));
exports.exact = firestore.onDocumentWritten("settings/one", seen("exact"));
exports.withAuth = firestore.onDocumentWrittenWithAuthContext("things/{id}", seen("withAuth"));
exports.flaky = firestore.onDocumentCreated({ document: "flaky/{id}", retry: true }, async (event) => {
  const counter = getFirestore().doc(`attempts/${event.params.id}`);
  const count = ((await counter.get()).get("count") || 0) + 1;
  await counter.set({ count, event: event.id });
  if (count < 3) throw new Error(`attempt ${count} fails`);
});
exports.once = firestore.onDocumentCreated("once/{id}", async (event) => {
  const { FieldValue } = require("firebase-admin/firestore");
  const counter = getFirestore().doc(`attempts/${event.params.id}`);
  await counter.set({ count: FieldValue.increment(1) }, { merge: true });
  throw new Error("always fails");
});
"""


def trigger(kind: str, document: str, **rest: Any) -> Json:
    is_pattern = "{" in document
    return {
        "eventType": TYPE + kind,
        "eventFilters": [
            {"attribute": "database", "value": "(default)"},
            {
                "attribute": "document",
                "value": document,
                **({"operator": "match-path-pattern"} if is_pattern else {}),
            },
        ],
        "triggerRegion": "nam5",
        "serviceAccountEmail": RUNTIME,
        **rest,
    }


TRIGGERS = {
    "created": trigger("created", "things/{id}"),
    "updated": trigger("updated", "things/{id}"),
    "deleted": trigger("deleted", "things/{id}"),
    "written": trigger("written", "things/{id}"),
    "deep": trigger("written", "rooms/{room}/{kind}/{id}"),
    "exact": trigger("written", "settings/one"),
    "withAuth": trigger("written.withAuthContext", "things/{id}"),
    "flaky": trigger("created", "flaky/{id}", retryPolicy="RETRY_POLICY_RETRY"),
    "once": trigger("created", "once/{id}"),
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGoogle]:
    """A sandbox with all triggers; only three of the functions run at once."""
    with RunningGoogle(tmp_path_factory.mktemp("running"), limits=Limits(at_once=3)) as made:
        made.prepare()
        made.google.switch(run_wait_scale=0.01)
        archive = with_sdk(CODE)
        for name, event in TRIGGERS.items():
            done = made.deploy(name, archive, event=event, public=False, environmentVariables=FIREBASE)
            assert "error" not in done, done
        yield made


def seen(running: RunningGoogle, name: str, document: str, count: int = 1) -> list[Json]:
    """Return what a function got for a document, once that is `count` events."""
    text = f'{SEEN} AND jsonPayload.name="{name}" AND jsonPayload.document="{document}"'

    def look() -> list[Json] | None:
        found = [one["jsonPayload"] for one in running.entries(text)]
        return found if len(found) >= count else None

    return eventually(look, f"{count} events of {document} for {name}")


def test_each_kind_of_write_reaches_its_functions(running: RunningGoogle) -> None:
    running.write("things/a", x=1)
    running.write("things/a", x=2)
    running.write("things/a", x=2)  # changes nothing: no event
    running.delete("things/a")
    written = seen(running, "written", "things/a", 3)
    changes = [(one["before"], one["after"]) for one in sorted(written, key=lambda one: str(one["at"]))]
    assert sorted(changes, key=str) == sorted(
        [(None, {"x": 1}), ({"x": 1}, {"x": 2}), ({"x": 2}, None)], key=str
    )
    assert [one["after"] for one in seen(running, "created", "things/a")] == [{"x": 1}]
    (updated,) = seen(running, "updated", "things/a")
    assert (updated["before"], updated["after"]) == ({"x": 1}, {"x": 2})
    assert [one["after"] for one in seen(running, "deleted", "things/a")] == [{"x": 2}]
    assert len({one["id"] for one in written}) == 3
    time.sleep(0.5)
    assert len(seen(running, "written", "things/a", 3)) == 3


def test_the_event_is_as_eventarc_sends_it(running: RunningGoogle) -> None:
    running.write("things/shape", x=1)
    (event,) = seen(running, "created", "things/shape")
    assert event["type"] == TYPE + "created"
    assert event["source"] == f"//firestore.googleapis.com/projects/{PROJECT}/databases/(default)"
    assert event["subject"] == "documents/things/shape"
    assert (event["database"], event["location"], event["params"]) == ("(default)", "nam5", {"id": "shape"})
    (event,) = seen(running, "withAuth", "things/shape")
    assert (event["authType"], event.get("authId")) == ("unknown", None)


def test_wildcards_and_exact_documents(running: RunningGoogle) -> None:
    running.write("rooms/1/chairs/2", x=1)
    running.write("rooms/1", x=1)
    running.write("settings/one", x=1)
    running.write("settings/two", x=1)
    (event,) = seen(running, "deep", "rooms/1/chairs/2")
    assert event["params"] == {"room": "1", "kind": "chairs", "id": "2"}
    assert seen(running, "exact", "settings/one")
    time.sleep(0.5)
    assert not running.entries('jsonPayload.document=("settings/two" OR "rooms/1")')


def test_a_failed_event_is_repeated_only_if_its_trigger_says_so(running: RunningGoogle) -> None:
    running.write("flaky/one", x=1)
    running.write("once/two", x=1)
    eventually(lambda: (running.read("attempts/one") or {}).get("count") == "3", "the third attempt")
    eventually(lambda: running.read("attempts/two"), "the only attempt")
    time.sleep(1)
    assert (running.read("attempts/one") or {})["count"] == "3"
    assert (running.read("attempts/two") or {})["count"] == "1"
    assert running.entries('resource.labels.service_name="once" AND severity>=ERROR AND "always fails"')


def test_events_need_the_invoker_role(running: RunningGoogle) -> None:
    running.google.account("crm-other")
    running.grant("exact", [f"serviceAccount:crm-other@{PROJECT}.iam.gserviceaccount.com"])
    try:
        running.write("settings/one", x=77)
        eventually(
            lambda: running.entries('resource.labels.service_name="exact" AND httpRequest.status=403'),
            "the refused delivery",
        )
        assert not running.entries(f'{SEEN} AND jsonPayload.name="exact" AND jsonPayload.after.x=77')
    finally:
        running.grant("exact", [f"serviceAccount:{RUNTIME}"])


def test_a_deleted_function_gets_no_events(running: RunningGoogle) -> None:
    running.google.delete(f"{FUNCTIONS}/updated")
    running.write("things/late", x=1)
    running.write("things/late", x=2)
    assert len(seen(running, "written", "things/late", 2)) == 2
    time.sleep(0.3)
    assert not running.entries(
        f'{SEEN} AND jsonPayload.name="updated" AND jsonPayload.document="things/late"'
    )
