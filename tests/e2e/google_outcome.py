"""What Google and the state have after an `up` that failed or was killed, read from the sandbox's own tables
and from the CLI."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from tests.e2e.google_world import GoogleWorld

RANDOM = re.compile(
    r"v1:[A-Za-z0-9+/=]{12,}:[A-Za-z0-9+/=]+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{16,}|CICAg[0-9a-f]+"
    r"|(?:20|19)\d\d-\d\d-\d\dT[0-9:.]+(?:Z|\+00:00)(?: - [0-9a-f]{8})?|token-[0-9a-f]{12}"
    r"|LS0tLS1[A-Za-z0-9+/=]+|verification-run[0-9a-f]{8}|127\.0\.0\.1:\d+|1000000000\d+|17\d{14}|written-\d{6}|16000000[0-9a-f]+"
)
"""Ids, times, ciphertexts, etags and addresses, which differ from run to run."""
UNORDERED = ("dependencies", "propertyDependencies", "members", "bindings", "env")
DROPPED = ("created", "modified", "etag")
IGNORED = ("counters", "operations", "sandbox")
LINGERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "/keys": ("gcp:serviceaccount:Key", ("serviceAccounts.keys.create", "serviceAccounts.keys.get")),
    "/versions": (
        "gcp:secretmanager:SecretVersion",
        ("secrets.addVersion", "versions.enable", "versions.get", "versions.access"),
    ),
    "/rulesets": ("gcp:firebaserules:Ruleset", ("rulesets.create", "rulesets.get")),
}
"""The end of a collection in which one object may be left -> the type whose creation makes another object
each time, and the requests of that creation. Rulesets are a history; `python -m ops verify` names keys and
versions."""
CREATES_ANOTHER = ("serviceAccounts.keys.create", "secrets.addVersion", "rulesets.create")


def working(world: GoogleWorld) -> set[str]:
    """The names of all keys, and of all secret versions that can be read."""
    found: set[str] = set()
    for collection, content in cast("dict[str, dict[str, Any]]", world.google("state")).items():
        if collection.endswith("/keys"):
            found.update(f"{collection.removeprefix('iam/')}/{key}" for key in content)
        elif collection.endswith("/versions"):
            found.update(one["name"] for one in content.values() if one["state"] == "ENABLED")
    return found


def objects(world: GoogleWorld) -> Counter[str]:
    """How many objects each collection of Google has; those with a name of ours by name."""
    found = Counter[str]()
    for collection, content in cast("dict[str, dict[str, Any]]", world.google("state")).items():
        if collection not in IGNORED:
            named = not collection.endswith((*LINGERS, "/indexes", "/triggers"))
            found.update(f"{collection}/{name}" if named else collection for name in content)
    return found


def deployment(world: GoogleWorld) -> dict[str, Any]:
    """The state, as `pulumi stack export` prints it."""
    return json.loads(world.run("stack", "export"))["deployment"]


def digest(world: GoogleWorld) -> str:
    """State and Google's objects, with random parts replaced by numbers in order of their appearance."""
    resources = sorted(deployment(world)["resources"], key=lambda row: row["urn"])
    google = cast("dict[str, Any]", world.google("state"))
    whole = [resources, {name: google[name] for name in google if name not in IGNORED}]
    numbers: dict[str, str] = {}
    text = json.dumps(_sorted(whole), sort_keys=True)
    return RANDOM.sub(lambda match: numbers.setdefault(match[0], f"#{len(numbers)}"), text)


def _sorted(value: Any, *, as_set: bool = False) -> Any:
    """The same without order in what has none."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {
            key: _sorted(item, as_set=as_set or key in UNORDERED)
            for key, item in fields.items()
            if key not in DROPPED
        }
    if isinstance(value, list):
        items = [_sorted(item) for item in cast("list[Any]", value)]
        return sorted(items, key=json.dumps) if as_set else items
    return value


def assert_rules_always_closed(journal: Path, declared: Sequence[str]) -> None:
    """The history of the release: never removed, and always a ruleset of a declared text.

    Raises:
        AssertionError: it was not.
    """
    texts: dict[str, str] = {}
    releases = 0
    for line in journal.read_text().splitlines():
        collection, name, value = json.loads(line)
        if collection.endswith("/rulesets") and value is not None:
            texts[value["name"]] = value["source"]["files"][0]["content"]
        elif collection.endswith("/releases"):
            releases += 1
            assert value is not None, f"the release {name} was deleted"
            assert texts[value["rulesetName"]] in declared, "other rules than the declared ones were released"
    assert releases, "no rules were released"
