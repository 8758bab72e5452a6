"""Rate limits, the creation throttle, and mutations that overlap."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.railway.store import WORKSPACE_ID
from tests.sandbox.railway.client import MANUAL, WORKSPACE, Railway, Stack

pytestmark = pytest.mark.sandbox

OVERLAP = 4
"""Seconds of a mutation, in which another one begins, also on a busy machine."""
PLEASE = "Failed to create service domain, please try again"


def test_every_response_has_the_remaining_budget(railway: Railway) -> None:
    first, second = railway.reply("Me"), railway.reply("Me")
    assert first.headers["X-RateLimit-Limit"] == "10000"
    left = [int(answer.headers["X-RateLimit-Remaining"]) for answer in (first, second)]
    assert left == [9999, 9998]
    assert int(first.headers["X-RateLimit-Reset"]) > 0
    assert "X-RateLimit-Remaining" in railway.send("query { nothing }").headers


def test_an_exceeded_hourly_budget_is_429_until_the_hour_is_over(railway: Railway) -> None:
    railway.switch(hourly_budget=2)
    railway.ok("Me")
    railway.ok("Me")
    answer = railway.reply("Me")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 3600
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    railway.with_headers(WORKSPACE).ok("WhoAmIToken")
    railway.with_headers(MANUAL).ok("Me")
    railway.wait(3601)
    railway.ok("Me")


def test_the_hour_can_be_shorter(railway: Railway) -> None:
    railway.switch(hourly_budget=1, budget_window_seconds=30)
    railway.ok("Me")
    assert 0 < int(railway.reply("Me").headers["Retry-After"]) <= 30
    railway.wait(31)
    railway.ok("Me")


def test_root_fields_count_as_one_request_or_each(railway: Railway) -> None:
    query = "query { a: apiToken { workspaces { id } } b: apiToken { workspaces { id } } }"
    assert railway.send(query).headers["X-RateLimit-Remaining"] == "9999"
    railway.switch(root_fields_count_as_one=False)
    assert railway.send(query).headers["X-RateLimit-Remaining"] == "9997"


def test_the_budget_per_second(railway: Railway) -> None:
    railway.switch(per_second_budget=1)
    answers = [railway.reply("Me") for _ in range(20)]
    spent = [answer for answer in answers if answer.status_code == 429]
    assert spent
    assert {answer.headers["Retry-After"] for answer in spent} == {"1"}


def test_the_edge_limits_urls_without_a_query_string(railway: Railway) -> None:
    railway.switch(edge_per_second=1)
    answers = [railway.send("query { me { id } }", suffix="") for _ in range(20)]
    rejected = [answer for answer in answers if answer.status_code == 429]
    assert rejected
    assert rejected[0].text == "error code: 1015"
    assert "X-RateLimit-Limit" not in rejected[0].headers
    assert all(railway.send("query { me { id } }").status_code == 200 for _ in range(20))
    railway.switch(edge_per_second=0)
    assert all(railway.send("query { me { id } }", suffix="").status_code == 200 for _ in range(20))


def test_the_edge_limit_is_on_by_default(railway: Railway) -> None:
    assert railway.get("switches")["edge_per_second"] == 10


def test_creates_are_throttled_by_kind_with_200(railway: Railway) -> None:
    railway.switch(creation_throttle_seconds=30)
    input_ = {"name": "a", "workspaceId": WORKSPACE_ID}
    made = railway.ok("ProjectCreate", input=input_)
    answer = railway.reply("ProjectCreate", input=input_)
    assert answer.status_code == 200
    (error,) = answer.json()["errors"]
    assert error["message"] == (
        "You are creating projects too quickly. This workspace allows 1 project per 30 seconds."
    )
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    environment = {"projectId": made["id"]}
    railway.ok("EnvironmentCreate", input={**environment, "name": "one"})
    assert "environments too quickly" in railway.fails(
        "EnvironmentCreate", input={**environment, "name": "two"}
    )
    volume = {"projectId": made["id"], "mountPath": "/x", "environmentId": made["primaryEnvironmentId"]}
    railway.ok("VolumeCreate", input=volume)
    assert "volumes too quickly" in railway.fails("VolumeCreate", input=volume)
    railway.wait(30)
    railway.ok("ProjectCreate", input=input_)
    railway.ok("VolumeCreate", input=volume)


def test_a_domain_create_fails_if_it_overlaps_a_mutation_of_its_environment(
    railway: Railway, stack: Stack
) -> None:
    railway.switch(mutation_seconds=OVERLAP)
    with ThreadPoolExecutor() as pool:
        input_ = {"projectId": stack.project, **stack.ids, "variables": {"A": "1"}, "skipDeploys": True}
        other = pool.submit(Railway(railway.url).ok, "VarsUpsert", input=input_)
        domain = pool.submit(Railway(railway.url).reply, "DomainCreate", input=stack.ids)
        assert other.result() is True
        assert domain.result().json()["errors"][0]["message"] == PLEASE
    assert railway.get("counters")["overlaps"] == 1
    railway.ok("DomainCreate", input=stack.ids)
    assert railway.get("counters")["overlaps"] == 1


def test_overlapping_mutations_all_fail_if_the_switch_is_set(railway: Railway, stack: Stack) -> None:
    railway.switch(mutation_seconds=OVERLAP, overlap_fails_all=True)
    with ThreadPoolExecutor() as pool:
        input_ = {"projectId": stack.project, **stack.ids, "variables": {"A": "1"}, "skipDeploys": True}
        calls = [pool.submit(Railway(railway.url).fails, "VarsUpsert", input=input_) for _ in range(2)]
        assert [call.result() for call in calls] == ["Problem processing request"] * 2
