"""The DNS records of a custom domain: each once."""

from __future__ import annotations

import pytest

from railway.graphql.models import CustomDomainView

pytestmark = pytest.mark.unit

TRAFFIC = ("crm.example.com", "CNAME", "abc.up.railway.app", "REQUIRES_UPDATE")


def records(*listed: tuple[str, str, str], verified: bool = False) -> list[tuple[str, str, str, str]]:
    """The records of a domain for which Railway returns these (name, type, value) and a token."""
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


def test_the_verification_token_is_a_record() -> None:
    assert records(TRAFFIC[:3]) == [
        TRAFFIC,
        ("_railway-verify.crm", "TXT", "railway-verify=1", "REQUIRES_UPDATE"),
    ]
    assert records(verified=True) == [("_railway-verify.crm", "TXT", "railway-verify=1", "PROPAGATED")]


def test_a_token_among_the_records_is_not_repeated() -> None:
    listed = ("_railway-verify.crm.example.com", "TXT", "railway-verify=1")
    assert records(TRAFFIC[:3], listed) == [TRAFFIC, (*listed, "REQUIRES_UPDATE")]
