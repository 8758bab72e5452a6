"""Removing the target port of a domain: how Railway handles a null port is not documented, so it is read
back."""

from __future__ import annotations

from railway.fields import Mismatch
from railway.graphql.models import Snapshot
from railway.snapshot import EnvironmentCache


def check_removed(cache: EnvironmentCache, service_id: str, domain_id: str, name: str) -> None:
    """Wait until a domain has no target port any more.

    Args:
        cache: the service's environment.
        service_id: the service.
        domain_id: a service domain or a custom domain.
        name: the host name, for the error message.

    Raises:
        WaitTimeoutError: Railway keeps the port.
    """

    def mismatches(view: Snapshot) -> list[Mismatch]:
        instance = view.existing_instance(service_id)
        domains = (*instance.service_domains, *instance.custom_domains)
        return [
            Mismatch("target_port", one.target_port, None)
            for one in domains
            if one.id == domain_id and one.target_port
        ]

    cache.read_back(
        f"the domain {name} without a port",
        mismatches,
        fix="declare the port again, or remove it in Railway's dashboard (the service, Settings, "
        "Networking); then run `pulumi up` again",
    )
