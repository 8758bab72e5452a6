"""The DNS records that a domain of one's own needs, as Railway lists them: each once."""

from __future__ import annotations

import pytest

from railway.graphql.models import CustomDomainView

pytestmark = pytest.mark.unit

TRAFFIC = ("crm.example.com", "CNAME", "abc.up.railway.app", "REQUIRES_UPDATE")


def records(*listed: tuple[str, str, str], verified: bool = False) -> list[tuple[str, str, str, str]]:
    """The records of a domain for which Railway lists these (name, type, value), and a token beside them."""
    view = CustomDomainView.of(
        {
            "id": "d",
            "domain": "crm.example.com",
            "targetPort": None,
            "status": {
                "verified": verified,
                "verificationDnsHost": "_railway-verify.crm",
                "verificationToken": "railway-verify=1",
                "dnsRecords": [
                    {
                        "fqdn": name,
                        "recordType": f"DNS_RECORD_TYPE_{kind}",
                        "requiredValue": value,
                        "status": "DNS_RECORD_STATUS_REQUIRES_UPDATE",
                    }
                    for name, kind, value in listed
                ],
            },
        }
    )
    return [(record.name, record.type, record.value, record.status) for record in view.records]


def test_the_token_that_proves_the_owner_is_a_record_of_its_own() -> None:
    assert records(TRAFFIC[:3]) == [
        TRAFFIC,
        ("_railway-verify.crm", "TXT", "railway-verify=1", "REQUIRES_UPDATE"),
    ]
    assert records(verified=True) == [("_railway-verify.crm", "TXT", "railway-verify=1", "PROPAGATED")]


def test_a_token_that_railway_lists_itself_is_not_named_twice() -> None:
    listed = ("_railway-verify.crm.example.com", "TXT", "railway-verify=1")
    assert records(TRAFFIC[:3], listed) == [TRAFFIC, (*listed, "REQUIRES_UPDATE")]
