"""The comparison with firebase-tools: what is subtracted, what is deployed, and what it needs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox import bench, firebase_tools, generated_app
from sandbox.peer_bench import seconds_of_railway
from sandbox.supervisor import PROJECT, Sandbox

pytestmark = pytest.mark.sandbox

RAILWAY = "pulumi-python:dynamic/railway:Volume"
GOOGLE = "gcp:storage/bucket:Bucket"
GROUP = "whatsapp-crm:components:Backend"


def event(at: float, kind: str, type_: str) -> tuple[float, dict[str, Any]]:
    return at, {kind: {"metadata": {"type": type_, "urn": f"urn:pulumi:s::p::{type_}::one"}}}


def test_only_the_time_in_which_nothing_but_railway_was_unfinished_is_left_out() -> None:
    events = [
        event(0, "resourcePreEvent", GROUP),
        event(1, "resourcePreEvent", RAILWAY),  # alone: 1 to 3
        event(3, "resourcePreEvent", GOOGLE),  # both: 3 to 7
        (5, {"diagnosticEvent": {}}),
        event(7, "resOutputsEvent", GOOGLE),  # alone: 7 to 9
        event(9, "resOpFailedEvent", RAILWAY),
        event(20, "resOutputsEvent", GROUP),  # nothing was unfinished: the program's own time
    ]
    assert seconds_of_railway(events) == 4


def test_both_deploy_an_app_of_all_kinds_of_functions(tmp_path: Path) -> None:
    app = generated_app.write(tmp_path / "app", functions=8, indexes=3, overrides=2)
    code = (app.folder / "functions" / "index.js").read_text()
    for kind in ("onRequest(", "onCall(", "onDocumentWritten(", "onSchedule("):
        assert code.count(kind) == 2, kind
    assert all(secret in code for secret in generated_app.SECRETS)
    indexes = json.loads((app.folder / "firestore.indexes.json").read_text())
    assert (len(indexes["indexes"]), len(indexes["fieldOverrides"])) == (3, 2)
    generated_app.change_code(app, "another")
    assert (app.folder / "functions" / "index.js").read_text() == f"{code}// another\n"


def test_firebase_tools_sends_nothing_to_another_host(tmp_path: Path) -> None:
    url = "http://127.0.0.1:1"
    variables = firebase_tools.variables(url, tmp_path)
    assert variables["HOME"] == str(tmp_path)
    addresses = {name: value for name, value in variables.items() if name.endswith(("_URL", "_DOMAIN"))}
    assert len(addresses) > 20
    assert all(value.startswith(url) for value in addresses.values())


def test_bench_goes_on_without_firebase_tools(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from sandbox import adopt_bench, change_bench, growth_bench, index_bench, peer_bench, scale_bench

    monkeypatch.setattr(firebase_tools, "COMMAND", tmp_path / "firebase")
    monkeypatch.setattr(Sandbox, "start", lambda *_, **__: None)
    monkeypatch.setattr(Sandbox, "stop", lambda _: True)
    modules = {
        "index": index_bench,
        "scale": scale_bench,
        "growth": growth_bench,
        "adopt": adopt_bench,
        "change": change_bench,
    }
    for name, module in modules.items():
        monkeypatch.setattr(module, "measure", lambda name=name: iter([(name, "1")]))
    monkeypatch.setattr(bench, "_measure", lambda *_: [])
    monkeypatch.setattr(peer_bench, "measure", lambda: pytest.fail("compared without the tool"))
    assert bench.run() == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [f"{name} 1" for name in modules]
    assert "firebase-tools is not installed" in printed.err
    assert f"fix: {firebase_tools.FIX}" in printed.err


def test_the_lock_names_no_registry_and_make_installs_it() -> None:
    folder = PROJECT / "sandbox" / "peers"
    lock = json.loads((folder / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert not [name for name, package in packages.items() if "resolved" in package]
    assert all(package.get("integrity") for package in packages.values())
    assert (folder / ".npmrc").read_text() == "omit-lockfile-registry-resolved=true\n"
    makefile = (PROJECT / "Makefile").read_text()
    assert f"\n{firebase_tools.FIX.removeprefix('make ')}: sandbox/peers/node_modules/" in makefile
