"""Clients look at the rules while they are edited and `up` is killed; `make faults` kills at each request."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests

from sandbox.environment import GOOGLE_PROJECT
from tests.e2e.rules_prober import HEADERS, RELEASE, SECONDS, Kill, RulesLab, text

pytestmark = pytest.mark.e2e

CREATE = "POST firebaserules.projects.rulesets.create"
PATCH = "PATCH firebaserules.projects.releases.patch"
KILLS = (Kill(1, "after", CREATE), Kill(1, "before", PATCH), Kill(1, "after", PATCH))
OPEN = text(0).replace("allow delete: if false", "allow delete: if true")


@pytest.fixture(scope="module")
def lab() -> Iterator[RulesLab]:
    """A stack whose rules are in effect."""
    with RulesLab() as lab:
        yield lab


def test_kills_around_the_swap_of_the_rules_open_nothing(lab: RulesLab) -> None:
    with lab.prober() as prober:
        for kill in KILLS:
            assert lab.kill(kill), f"{kill}: the request did not come"
    lab.assert_never_open(prober.seen)
    assert len(prober.seen.rulesets) >= len(KILLS)
    assert prober.seen.denied > 4 * len(KILLS)


def test_the_prober_sees_a_release_that_is_replaced_and_rules_that_let_more_in(lab: RulesLab) -> None:
    """Else the test above would find nothing wrong with any program; so does pulumi-gcp's release."""
    google = f"{lab.world.google_url}/firebaserules/v1/projects/{GOOGLE_PROJECT}"

    def send(method: str, url: str, body: object = None) -> dict[str, str]:
        answer = requests.request(method, url, json=body, headers=HEADERS, timeout=SECONDS)
        assert answer.ok, answer.text
        return answer.json()

    release = f"{lab.world.google_url}{RELEASE}"
    ours = send("GET", release)
    source = {"files": [{"name": "firestore.rules", "content": OPEN}]}
    theirs = send("POST", f"{google}/rulesets", {"source": source})["name"]
    with lab.prober() as prober:
        send("DELETE", release)
        until = time.monotonic() + SECONDS
        while not prober.seen.without_release and time.monotonic() < until:
            time.sleep(0.01)
        send("POST", f"{google}/releases", {"name": ours["name"], "rulesetName": theirs})
        while not prober.seen.let_in and time.monotonic() < until:
            time.sleep(0.01)
    assert prober.seen.without_release
    assert "a stranger deletes: HTTP 200" in prober.seen.let_in
    with pytest.raises(AssertionError):
        lab.assert_never_open(prober.seen)
