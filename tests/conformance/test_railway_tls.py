"""TLS trouble: before the request nothing happened, with the answer it may have. One over http never meets
either."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.dynamic_process import refusal
from tests.conformance.railway_world import Declared, Engine, World
from tests.conformance.response_changes import TlsFront

pytestmark = [pytest.mark.conformance, pytest.mark.cold_starts]


@pytest.mark.parametrize(
    "operation", ["ProjectCreate", "ServiceCreate", "VolumeCreate", "DomainCreate", "DeployLatest"]
)
def test_a_response_that_cannot_be_decrypted_creates_nothing_twice(
    railway: World, operation: str, tmp_path: Path
) -> None:
    """What must not be sent twice is looked for first."""
    engine = Engine()
    with (
        TlsFront(railway.url, operation, tmp_path) as front,
        railway.operation(
            RAILWAY_API_URL=f"{front.url}/graphql/v2", REQUESTS_CA_BUNDLE=str(front.authority)
        ) as process,
    ):
        engine.up(process, Declared())
        assert front.count == 1
    for table in ("projects", "services", "volumes", "domains", "deployments"):
        assert len(railway.rows(table)) == 1, table


def test_an_untrusted_certificate_is_an_error_with_a_fix(railway: World, tmp_path: Path) -> None:
    """As behind a company's proxy that reads along."""
    with (
        TlsFront(railway.url, None, tmp_path) as front,
        railway.operation(RAILWAY_API_URL=f"{front.url}/graphql/v2") as process,
    ):
        text = refusal(lambda: Engine().up(process, Declared()))
    assert "is not trusted on this machine" in text
    assert "REQUESTS_CA_BUNDLE" in text
    assert railway.counts() == ({}, 0)
