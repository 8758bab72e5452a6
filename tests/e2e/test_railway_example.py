"""The second program, which uses `railway` alone: created, unchanged, drifted, healed, deleted, on the real
engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.e2e.railway_example import ExampleWorld

pytestmark = pytest.mark.e2e

STACK = ("--stack", "dev")
DRIFT = ("preview", "--refresh", "--run-program", "--expect-no-changes", "--diff", *STACK)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleWorld]:
    """A stack that is up."""
    with ExampleWorld(tmp_path_factory.mktemp("example"), "dev") as example:
        example.init()
        example.run("config", "set", "reportSchedule", "0 3 * * *", *STACK)
        example.run("up", "--yes", "--skip-preview", *STACK)
        yield example


def services(example: ExampleWorld) -> dict[str, str]:
    """Name -> id."""
    return {row["name"]: row["id"] for row in example.world.rows("services")}


def test_every_service_is_deployed_once_with_its_references(example: ExampleWorld) -> None:
    """The references are kept as they were written, and Railway resolves them."""
    world, ids = example.world, services(example)
    deployments = {row["service_id"]: row for row in world.rows("deployments")}
    assert len(world.rows("deployments")) == 3
    assert {row["status"] for row in deployments.values()} == {"SUCCESS"}
    assert deployments[ids["postgres"]]["image"] == "postgres:17"
    authored = {
        row["name"]: row["value"] for row in world.rows("variables") if row["service_id"] == ids["api"]
    }
    assert authored["DATABASE_PORT"] == "${{postgres.PGPORT}}"
    assert authored["LOG_LEVEL"] == "${{shared.LOG_LEVEL}}"
    running = deployments[ids["api"]]["variables"]
    assert (running["DATABASE_PORT"], running["LOG_LEVEL"]) == ("5432", "info")
    (proxy,) = world.rows("tcp_proxies")
    outputs = json.loads(example.run("stack", "output", "--json", *STACK))
    assert outputs["database"].endswith(f":{proxy['proxy_port']}")
    assert outputs["url"].startswith("https://api-production")
    assert {record["type"] for record in outputs["dns_records"]} == {"CNAME", "TXT"}
    assert (outputs["api_commit"], outputs["api_status"]) == ("a" * 40, "SUCCESS")
    (report,) = (row for row in world.rows("instances") if row["service_id"] == ids["report"])
    assert (report["cron_schedule"], report["num_replicas"]) == ("0 3 * * *", 1)


def test_a_second_preview_has_no_changes(example: ExampleWorld) -> None:
    """Whether it reads Railway or not; and another config key for error messages is no change."""
    example.run("preview", "--expect-no-changes", *STACK)
    example.run(*DRIFT)
    program = example.program / "__main__.py"
    before = program.read_text()
    program.write_text(before.replace('domain="shop:domain"', 'domain="shop:customDomain"'))
    example.run("preview", "--expect-no-changes", *STACK)
    example.run("up", "--yes", "--skip-preview", "--expect-no-changes", *STACK)
    program.write_text(before)
    example.run(*DRIFT)


def test_drift_is_shown_and_healed(example: ExampleWorld) -> None:
    """A shared variable, a setting of the API, and the TCP proxy of the database."""
    world, ids = example.world, services(example)
    (environment,) = world.rows("environments")
    place = {"projectId": environment["project_id"], "environmentId": environment["id"]}
    variables: dict[str, Any] = {"variables": {"LOG_LEVEL": "debug"}, "skipDeploys": True}
    world.manual(
        "mutation($i: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $i) }",
        i=place | variables,
    )
    world.manual(
        "mutation($e: String!, $s: String!, $i: ServiceInstanceUpdateInput!)"
        " { serviceInstanceUpdate(environmentId: $e, serviceId: $s, input: $i) }",
        e=environment["id"],
        s=ids["api"],
        i={"startCommand": "node other.js"},
    )
    (proxy,) = world.rows("tcp_proxies")
    world.manual("mutation($id: String!) { tcpProxyDelete(id: $id) }", id=proxy["id"])
    shown = example.call(*DRIFT)
    assert shown.returncode != 0
    assert 'LOG_LEVEL: "version 1, changed on Railway"' in shown.stdout
    assert "node other.js" in shown.stdout
    assert "TcpProxy::postgres" in shown.stdout
    before = {row["id"] for row in world.rows("deployments")}
    example.run("up", "--yes", "--skip-preview", "--refresh", "--run-program", *STACK)
    new = [row["service_id"] for row in world.rows("deployments") if row["id"] not in before]
    assert sorted(new) == sorted([ids["api"], ids["postgres"]])
    example.run(*DRIFT)


def test_an_error_names_the_keys_of_this_program(example: ExampleWorld) -> None:
    """And no key of another program."""
    world = example.world
    settings = example.program / "Pulumi.dev.yaml"
    before = settings.read_text()
    document = yaml.safe_load(before)
    document["config"]["shop:workspaceId"] = ""
    settings.write_text(yaml.safe_dump(document))
    world.admin("workspaces", {"name": "Other"})
    example.run("stack", "init", "other")
    (example.program / "Pulumi.other.yaml").write_text(settings.read_text())
    failed = example.call("up", "--yes", "--skip-preview", "--stack", "other")
    example.run("stack", "rm", "--yes", "--force", "--stack", "other")
    example.run("stack", "select", "dev")
    settings.write_text(before)
    assert failed.returncode != 0
    assert "fix: pulumi config set shop:workspaceId <workspace id>" in failed.stdout


def test_the_volume_is_deleted_only_when_the_config_allows_it(example: ExampleWorld) -> None:
    """The last test: nothing is left of the stack."""
    refused = example.call("destroy", "--yes", "--skip-preview", *STACK)
    assert refused.returncode != 0
    assert "it is protected" in refused.stdout
    assert len(example.world.rows("volumes")) == 1
    example.run("config", "set", "allowDelete", "true", *STACK)
    example.run("up", "--yes", "--skip-preview", "--refresh", "--run-program", *STACK)
    example.run("destroy", "--yes", "--skip-preview", *STACK)
    for table in ("projects", "services", "domains", "tcp_proxies"):
        assert example.world.rows(table) == []
