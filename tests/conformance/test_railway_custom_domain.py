"""A domain of one's own that is there already."""

from __future__ import annotations

import pytest

from tests.conformance.railway_world import Declared, World, first_up

pytestmark = pytest.mark.conformance

DOMAIN = "crm.example.com"


def test_a_domain_created_in_the_dashboard_gets_the_declared_port(railway: World) -> None:
    """It is taken over, and not announced twice."""
    engine = first_up(railway)
    made = railway.manual(
        "mutation($i: CustomDomainCreateInput!) { customDomainCreate(input: $i) { id } }",
        i={f"{key}Id": engine.id(key) for key in ("project", "environment", "service")} | {"domain": DOMAIN},
    )["customDomainCreate"]["id"]
    declared = Declared(custom_domain={"domain": DOMAIN, "target_port": 8080})
    with railway.operation() as process:
        assert engine.up(process, declared) == ["create custom_domain"]
    live = [(row["id"], row["target_port"]) for row in railway.rows("domains") if row["custom"]]
    assert live == [(made, 8080)]
    with railway.operation() as process:
        assert engine.refresh(process) == {}
