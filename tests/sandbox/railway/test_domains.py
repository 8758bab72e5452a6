"""Domains, TCP proxies, and the edge that serves them."""

from __future__ import annotations

import pytest

from sandbox.railway.store import WORKSPACE_ID
from tests.sandbox.railway.client import ACCOUNT, Railway, Stack

pytestmark = pytest.mark.sandbox


def test_a_service_domain_is_named_after_service_and_environment(railway: Railway, stack: Stack) -> None:
    railway.switch(domain_delay_seconds=30)
    made = railway.ok("DomainCreate", input=stack.ids)
    assert (made["domain"], made["suffix"]) == ("backend-production.up.railway.app", "up.railway.app")
    assert (made["targetPort"], made["syncStatus"]) == (None, "CREATING")
    railway.wait(30)
    (seen,) = railway.ok("Domains", p=stack.project, **stack.place)["serviceDomains"]
    assert (seen["id"], seen["syncStatus"], seen["deletedAt"]) == (made["id"], "ACTIVE", None)


def test_creating_twice_creates_two(railway: Railway, stack: Stack) -> None:
    first, second = stack.domain(), stack.domain()
    assert first != second
    assert second.startswith("backend-production-")
    assert len(railway.ok("Domains", p=stack.project, **stack.place)["serviceDomains"]) == 2


def test_a_label_over_63_characters_says_try_again(railway: Railway) -> None:
    input_ = {"name": "long", "workspaceId": WORKSPACE_ID, "defaultEnvironmentName": "e" * 40}
    made = railway.ok("ProjectCreate", input=input_)
    where = {"projectId": made["id"], "environmentId": made["primaryEnvironmentId"]}
    service = railway.ok("ServiceCreate", input={**where, "name": "s" * 30})["id"]
    railway.wait()
    place = {"serviceId": service, "environmentId": made["primaryEnvironmentId"]}
    assert railway.fails("DomainCreate", input=place) == "Failed to create service domain, please try again"


def test_a_target_port_together_with_port_is_accepted_or_rejected(railway: Railway, stack: Stack) -> None:
    stack.variables({"PORT": "8080"})
    assert railway.ok("DomainCreate", input={**stack.ids, "targetPort": 8080})["targetPort"] == 8080
    railway.switch(target_port_with_port_refused=True)
    input_ = {**stack.ids, "targetPort": 8080}
    assert railway.fails("DomainCreate", input=input_) == "Failed to create service domain, please try again"
    railway.ok("DomainCreate", input=stack.ids)


def test_a_service_domain_is_renamed_and_given_a_port(railway: Railway, stack: Stack) -> None:
    made = railway.ok("DomainCreate", input=stack.ids)
    input_ = {**stack.ids, "serviceDomainId": made["id"], "domain": "crm.up.railway.app"}
    assert railway.ok("DomainUpdate", input={**input_, "targetPort": 3000}) is True
    (seen,) = railway.ok("Domains", p=stack.project, **stack.place)["serviceDomains"]
    assert (seen["domain"], seen["targetPort"]) == ("crm.up.railway.app", 3000)
    railway.ok("DomainUpdate", input=input_)
    other = railway.ok("DomainCreate", input=stack.ids)
    assert "not available" in railway.fails("DomainUpdate", input={**input_, "serviceDomainId": other["id"]})
    assert "Invalid domain" in railway.fails("DomainUpdate", input={**input_, "domain": "crm.example.com"})
    assert railway.ok("DomainAvail", d="crm.up.railway.app")["available"] is False
    railway.ok("DomainDelete", id=made["id"])
    assert railway.ok("DomainAvail", d="crm.up.railway.app")["available"] is True
    assert railway.fails("DomainDelete", id=made["id"]) == "ServiceDomain not found"


def test_a_custom_domain_works_once_its_records_have_propagated(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    stack.deployed()
    input_ = {"projectId": stack.project, **stack.ids, "domain": "api.example.com", "targetPort": 3000}
    made = railway.ok("CustomCreate", input=input_)
    railway.wait()
    assert railway.visit("api.example.com").status_code == 404
    status = railway.ok("CustomDomain", id=made["id"], p=stack.project)["status"]
    assert status["verified"] is False
    assert status["certificateStatus"] == "CERTIFICATE_STATUS_TYPE_VALIDATING_OWNERSHIP"
    assert [(d["fqdn"], d["recordType"], d["status"]) for d in status["dnsRecords"]] == [
        ("api.example.com", "DNS_RECORD_TYPE_CNAME", "DNS_RECORD_STATUS_REQUIRES_UPDATE"),
        ("_railway-verify.api.example.com", "DNS_RECORD_TYPE_TXT", "DNS_RECORD_STATUS_REQUIRES_UPDATE"),
    ]
    railway.post("dns", domain="api.example.com", propagated=True)
    status = railway.ok("CustomDomain", id=made["id"], p=stack.project)["status"]
    assert status["certificateStatus"] == "CERTIFICATE_STATUS_TYPE_VALID"
    assert all(d["currentValue"] == d["requiredValue"] for d in status["dnsRecords"])
    assert railway.visit("api.example.com").status_code == 200
    railway.ok("CustomUpdate", id=made["id"], e=stack.environment, port=4000)
    assert railway.ok("CustomDomain", id=made["id"], p=stack.project)["targetPort"] == 4000
    assert "not available" in railway.fails("CustomCreate", input=input_)
    railway.ok("CustomDelete", id=made["id"])
    assert railway.visit("api.example.com").status_code == 404


def test_tcp_proxies_are_created_and_deleted(railway: Railway, stack: Stack) -> None:
    made = railway.ok("TcpCreate", input={**stack.ids, "applicationPort": 5432})
    (seen,) = railway.ok("TcpProxies", **stack.place)
    assert (seen["id"], seen["proxyPort"], seen["applicationPort"]) == (made["id"], made["proxyPort"], 5432)
    second = railway.ok("TcpCreate", input={**stack.ids, "applicationPort": 5432})
    assert second["proxyPort"] != made["proxyPort"]
    railway.ok("TcpDelete", id=made["id"])
    assert [row["id"] for row in railway.ok("TcpProxies", **stack.place)] == [second["id"]]
    assert railway.fails("TcpDelete", id=made["id"]) == "TCPProxy not found"


def test_the_edge_serves_a_healthy_deployment(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    domain = stack.domain()
    assert railway.visit(domain).status_code == 404
    stack.deployed()
    answer = railway.visit(domain)
    assert answer.status_code == 200
    assert answer.json()["ok"] is True
    assert railway.visit(domain, "/nothing").status_code == 404


def test_the_edge_returns_404_for_other_hosts(railway: Railway) -> None:
    answer = railway.visit("nobody.up.railway.app")
    assert answer.status_code == 404
    assert (answer.json()["status"], answer.json()["message"]) == ("error", "Application not found")
    assert (
        railway.http.post(
            f"{railway.url}/graphql/v2?x=1",
            headers={**ACCOUNT, "Host": "nobody.up.railway.app"},
            json={},
            timeout=30,
        ).json()["message"]
        == "Application not found"
    )


def test_an_unhealthy_deployment_returns_503(railway: Railway, stack: Stack) -> None:
    stack.connect()
    domain = stack.domain()
    deployment = stack.deployed()
    assert stack.status(deployment) == "SUCCESS"
    answer = railway.visit(domain)
    assert (answer.status_code, answer.json()["ok"]) == (503, False)


def test_a_crashed_deployment_answers_502(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    domain = stack.domain()
    railway.post(f"deployments/{stack.deployed()}", status="CRASHED")
    assert railway.visit(domain).status_code == 502


def test_a_port_that_nobody_listens_on_answers_502(railway: Railway, stack: Stack) -> None:
    stack.healthy()
    stack.variables({"PORT": "3000"})
    domain = stack.domain(targetPort=8080)
    stack.deployed()
    assert railway.visit(domain).status_code == 502


def test_the_edge_keeps_serving_the_old_copy_until_the_next_deployment(
    railway: Railway, stack: Stack
) -> None:
    stack.healthy()
    domain = stack.domain()
    stack.deployed()
    stack.variables({"SESSIONS_PATH": "/elsewhere"})
    assert railway.visit(domain).status_code == 200
    stack.settings(healthcheckPath="")
    stack.deployed()
    assert railway.visit(domain).status_code == 503
